"""`leafscope move`: copy a whole database into another, such as from a file to a server."""

import argparse
import sys

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    where = "path or URL; default: LEAFSCOPE_DATABASE, else leafscope.db in the data folder"
    parser.add_argument("--from", dest="source", help=f"the database that is copied, and stays as it is: {where}")
    parser.add_argument("--to", dest="target", help=f"the database that is filled: {where}")
    parser.add_argument("--into-filled", action="store_true", help="add to a database that is not empty")


def run(options: argparse.Namespace) -> int:
    """Run the command with the parsed arguments; returns the exit status."""
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.moving import move
    from leafscope.core.store.store import Store

    if options.source is None and options.target is None:
        return refuse("--from or --to must be given")

    def show(table: str, rows: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{table}: {rows:,} rows ", end="", file=sys.stderr, flush=True)

    try:
        source, target = Store(options.source, create=False), Store(options.target)
        moved = move(source, target, into_filled=options.into_filled, on_rows=show)
    except LeafscopeError as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        say("leafscope: interrupted; the same command completes it", file=sys.stderr)
        return 130
    words = ", ".join(f"{rows:,} {name}" for name, rows in moved.rows.items() if rows)
    say(f"Copied and compared, row by row: {words or 'nothing'}.\nFrom {source.place}\nto {target.place}")
    return 0


COMMANDS.register(
    Command(
        name="move",
        help="copy a whole database into another, such as from a file to a server",
        add_arguments=add_arguments,
        run=run,
        place=45,
    )
)
