"""`leafscope explain`: write the explanation as one page that works without a server or a network."""

import argparse
import os
import tempfile
from pathlib import Path

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE.html", help="the page to write")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    file: Path = options.file
    if file.is_dir() or not os.access(file.absolute().parent, os.W_OK):
        return refuse(f"FILE.html must be a file in a directory that can be written to, got {file}")
    from leafscope.app.explaining.page import page
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.store.archive.examples import load_examples
    from leafscope.core.store.store import Store

    try:
        # the examples as they came, whatever a person's store has
        with tempfile.TemporaryDirectory() as folder:
            store = Store(f"sqlite:///{Path(folder) / 'examples.db'}")
            try:
                load_examples(store)
                text = page(store)
            finally:
                store.close()
        file.write_text(text, encoding="utf-8")
    except (LeafscopeError, KeyError, OSError) as error:
        return refuse(f"the explanation cannot be written: {error}")
    say(f"Wrote {file}: {len(text) / 1e6:.1f} MB, open it in any browser.")
    return 0


COMMANDS.register(Command("explain", "write an explanation as one page for any browser", add_arguments, run, place=70))
