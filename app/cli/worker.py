"""`leafscope worker`: train what is queued in a database, on any machine that reaches it."""

import argparse
import os

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--database",
        default=argparse.SUPPRESS,
        help="the database of the app, such as postgresql+psycopg://me@host/leafscope; default: LEAFSCOPE_DATABASE",
    )
    parser.add_argument("--device", default="auto", help="where to train: auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--until-idle", action="store_true", help="end when nothing is queued or running anywhere")


def run(options: argparse.Namespace) -> int:
    """Run the command until SIGTERM or Ctrl-C; returns the exit status."""
    from leafscope.core.device import resolve_device
    from leafscope.core.errors import LeafscopeError
    from leafscope.core.worker.__main__ import main

    if options.device not in ("auto", "cpu"):  # these need no check, and loading torch takes long
        try:
            resolve_device(options.device)
        except (LeafscopeError, RuntimeError) as error:
            return refuse(str(error))
    if database := getattr(options, "database", None):
        os.environ["LEAFSCOPE_DATABASE"] = database
    return main(["--alone", "--device", options.device, *(["--until-idle"] if options.until_idle else [])])


COMMANDS.register(
    Command(
        name="worker",
        help="train what is queued in a database, on any machine that reaches it",
        add_arguments=add_arguments,
        run=run,
        place=55,
    )
)
