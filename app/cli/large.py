"""`leafscope large`: train the large map of a protocol, continue one that was interrupted, and write its tables."""

import argparse
from pathlib import Path

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("protocol", nargs="?", type=Path, metavar="PROTOCOL.toml", help="default: the one that comes along")
    parser.add_argument(
        "--table", type=Path, required=True, metavar="FILE.csv", help="where the nets are listed; it is continued"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="also write the answers as Markdown")
    parser.add_argument("--threads", type=int, help="nets trained side by side; default: one for each core")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    import sys

    from tqdm import tqdm

    from leafscope.app.cli.sweep import compile_first
    from leafscope.app.large import report
    from leafscope.core.device import n_cores
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.large import protocol, table
    from leafscope.core.machine import compile_cache

    threads = n_cores() if options.threads is None else options.threads
    if threads < 1:
        return refuse(f"--threads must be at least 1, got {threads}")
    try:
        read = protocol.read(options.protocol or report.PROTOCOL)
        say(f"protocol {read.address}")
        if not compile_cache.choose(None):
            say(compile_cache.NOT_KEPT, file=sys.stderr)
        compile_first()
        with tqdm(desc="teachers, rows and seeds", file=sys.stderr, mininterval=1.0) as bar:

            def show(done: int, of: int) -> None:
                bar.total = of
                bar.update(done - bar.n)

            made = table.make(read, options.table, threads=threads, on_progress=show)
        words = report.markdown(made, read.address)
        if options.out is not None:
            options.out.write_text(words, encoding="utf-8")
        say(words)
    except (LeafscopeError, OSError) as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        say(f"leafscope: interrupted; what is in {options.table} is kept, and the same command continues", file=sys.stderr)
        return 130
    return 0


COMMANDS.register(
    Command(
        name="large",
        help="train nets on up to a million fresh rows, and see whether the best depth grows",
        add_arguments=add_arguments,
        run=run,
        place=25,
    )
)
