"""`leafscope predict RUN FILE`: what a trained run says of new rows, as CSV."""

import argparse
import sys
from pathlib import Path

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run", metavar="RUN", help="a trained run, by its address or its first 4 characters")
    parser.add_argument("file", type=Path, metavar="FILE", help="new rows, with the columns of the table it was trained on")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the CSV file to write; default: print it")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.add_argument(
        "--database", default=argparse.SUPPRESS, help="where runs are kept; default: leafscope.db in the data folder"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from leafscope.app.cli.archive import address
    from leafscope.app.theme.safe import as_csv
    from leafscope.core.errors import LeafscopeError, TableError
    from leafscope.core.inspection.predictions import predict
    from leafscope.core.store.store import Store

    if options.out is not None and options.out.exists() and not options.force:
        return refuse(f"{options.out} exists already; --force overwrites it")
    try:
        store = Store(options.database, create=False)
        run_id = address("run", options.run, {one.run_id: "" for one in store.list_runs()})
        found = predict(store, run_id, options.file)
        text = as_csv(found.table())
        if options.out is not None:
            options.out.write_text(text, encoding="utf-8", newline="")
    except TableError as error:
        return refuse(f"{options.file.name}: {error}")
    except (LeafscopeError, ValueError) as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(f"{error.filename or options.file} cannot be read or written: {error.strerror or error}")
    for sentence in found.notes:
        say(f"leafscope: note: {sentence}", file=sys.stderr)
    say(f"Wrote {text.count(chr(10)) - 1:,} predictions to {options.out}.") if options.out is not None else say(text.rstrip())
    return 0


COMMANDS.register(
    Command(
        name="predict",
        help="write predictions, probabilities and leaves of a trained run for new rows, as CSV",
        add_arguments=add_arguments,
        run=run,
        place=29,
    )
)
