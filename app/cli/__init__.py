"""The `leafscope` command: start the app (the default), train a sweep, export and import runs, or run the benchmark."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from leafscope.app.cli import archive, bench, sweep
from leafscope.app.cli.start import start_app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with its arguments, the process's by default; returns the exit status."""
    options = _parser().parse_args(arguments)
    commands = {"bench": bench.run, "sweep": sweep.run, "export": archive.run_export, "import": archive.run_import}
    return commands.get(options.command, start_app)(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leafscope", description="Train tree-parametrized nets and see their leaves, in a browser."
    )
    parser.add_argument("--version", action="version", version=f"leafscope {version('leafscope')}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    bench.add_command(commands)
    sweep.add_command(commands)
    archive.add_commands(commands)
    app = commands.add_parser("app", help="start the app; this is what no command does")
    for place in (parser, app):
        # the options of the default command are understood with and without its name
        default: dict[str, Any] = {} if place is parser else {"default": argparse.SUPPRESS}
        place.add_argument("--port", type=_port, help="port on 127.0.0.1; default: 8501, or the next free one", **default)
        place.add_argument("--no-browser", action="store_true", help="print the address, open nothing", **default)
        place.add_argument("--device", default=default.get("default", "auto"), help="where to train: auto, cpu, cuda, cuda:1")
        place.add_argument("--database", help="where runs are kept; default: leafscope.db in the data folder", **default)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port must be a whole number from 1 to 65535, got {text!r}")
    return int(text)
