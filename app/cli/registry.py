"""What a command of `leafscope` is, and the commands that there are.

A command is one file that registers one `Command`: in this folder, or in another package (see `core.registry`). All commands
are imported before the first word of a command line is read, so a file imports what it needs only when its command runs.
"""

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple

from leafscope.core.registry import Registry


class Command(NamedTuple):
    """A command as its file declares it."""

    # not a dataclass, since `dataclasses` takes 8 ms to import, a tenth of `leafscope --version`

    name: str
    """What is typed after `leafscope`."""
    help: str
    """What `leafscope --help` says of it, in a few words."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    """Adds its arguments to its parser."""
    run: Callable[[argparse.Namespace], int]
    """Runs it with the arguments that were read, and gives the exit status."""
    place: int = 1000
    """The help lists commands in the order of this number, equal ones in the order of registration."""


COMMANDS: Registry[Command] = Registry("command", package="leafscope.app.cli", key=lambda command: command.place)
"""Every command by name."""


def refuse(sentence: str) -> int:
    """Say on standard error why a command does not do what was asked; gives the exit status."""
    print(f"leafscope: {sentence}", file=sys.stderr)
    return 2
