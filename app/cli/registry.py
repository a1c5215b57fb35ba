"""Commands of `leafscope`: what one declares, and the list of them.

A command is one file that registers one `Command`: in this folder, or in another package (see `core.registry`). All commands
are imported before the command line is read, so a command imports what it needs only when it runs.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

from leafscope.core.registry import Registry


class Command(NamedTuple):
    """A command as its file declares it."""

    # not a dataclass: importing `dataclasses` takes 8 ms, a tenth of `leafscope --version`

    name: str
    """The word after `leafscope`."""
    help: str
    """A few words for `leafscope --help`."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    """Adds its arguments to its parser."""
    run: Callable[[argparse.Namespace], int]
    """Runs it with the parsed arguments; returns the exit status."""
    place: int = 1000
    """The help lists commands by this number, then in order of registration."""


COMMANDS: Registry[Command] = Registry("command", package="leafscope.app.cli", key=lambda command: command.place)
"""Every command by name."""
