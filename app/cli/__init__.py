"""The `leafscope` command: start the app (the default), train a sweep, export and import runs, or run the benchmark.

Each command is one file; `registry` says what it must declare and lists them all.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from leafscope.app.cli.registry import COMMANDS
from leafscope.app.cli.terminal import printable, refuse
from leafscope.core.store.database.passwords import SEEN, has_password

DEFAULT = "app"
"""The command that runs when none is named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, the process's by default; returns the exit status."""
    options = _parser().parse_args(arguments)
    if any(has_password(text) for name in DATABASES if (text := getattr(options, name, None))):
        return refuse(SEEN)
    try:
        return COMMANDS[options.command or DEFAULT].run(options)
    except BrokenPipeError:  # who read what it prints has enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains as it ends
        return 1


DATABASES = ("database", "source", "target")
"""The options of commands that name a database."""

GPU = "GPU: supported by PyTorch's CUDA build, but never run on one yet"
"""What `leafscope --version` says besides the version."""


class _Parser(argparse.ArgumentParser):
    """A parser that repeats what was typed without control characters."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            super()._print_message(printable(message), file)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="leafscope",
        description="Train tree-parametrized nets and explore their leaves in a browser.",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # the version has two lines
    )
    parser.add_argument("--version", action="version", version=f"leafscope {version('leafscope')}\n{GPU}")
    parsers = parser.add_subparsers(dest="command", metavar="command")
    for command in COMMANDS.values():
        # the default command's options may also precede its name, and must not be overwritten there
        missing = argparse.SUPPRESS if command.name == DEFAULT else None
        command.add_arguments(parsers.add_parser(command.name, help=command.help, argument_default=missing))
    COMMANDS[DEFAULT].add_arguments(parser)
    return parser
