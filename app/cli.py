"""The `leafscope` command: start the app (the default), train a sweep, export and import runs, or run the benchmark."""

import argparse
import contextlib
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leafscope.app import bench, export, sweep

MAIN_SCRIPT = Path(__file__).with_name("main.py")
ADDRESS = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with its arguments, the process's by default; returns the exit status."""
    options = _parser().parse_args(arguments)
    commands = {"bench": bench.run, "sweep": sweep.run, "export": export.run_export, "import": export.run_import}
    return commands.get(options.command, _start_app)(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leafscope", description="Train tree-parametrized nets and see their leaves, in a browser."
    )
    parser.add_argument("--version", action="version", version=f"leafscope {version('leafscope')}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    bench.add_command(commands)
    sweep.add_command(commands)
    export.add_commands(commands)
    app = commands.add_parser("app", help="start the app; this is what no command does")
    for place in (parser, app):
        # the options of the default command are understood with and without its name
        default: dict[str, Any] = {} if place is parser else {"default": argparse.SUPPRESS}
        place.add_argument("--port", type=_port, help="port on 127.0.0.1; default: 8501, or the next free one", **default)
        place.add_argument("--no-browser", action="store_true", help="print the address, open nothing", **default)
        place.add_argument("--device", default=default.get("default", "auto"), help="where to train: auto, cpu, cuda, cuda:1")
        place.add_argument("--database", help="where runs are kept; default: data/leafscope.db in the project", **default)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port must be a whole number from 1 to 65535, got {text!r}")
    return int(text)


def _start_app(options: argparse.Namespace) -> int:
    from leafscope.core.errors import LeafscopeError

    if options.device not in ("auto", "cpu"):  # which are always there, and torch is long to load
        from leafscope.core.device import resolve_device

        try:
            resolve_device(options.device)
        except (LeafscopeError, RuntimeError) as error:
            print(f"leafscope: {error}", file=sys.stderr)
            return 2
    if options.database:
        os.environ["LEAFSCOPE_DATABASE"] = options.database
    os.environ["LEAFSCOPE_DEVICE"] = options.device

    import streamlit as st
    from leafscope.app.server import SERVER_OPTIONS, running_worker
    from leafscope.core.store import Store

    try:
        Store()  # a database that cannot be used is said here, not on a page
    except LeafscopeError as error:
        print(f"leafscope: {error}", file=sys.stderr)
        return 2

    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        port = st.get_option("server.port")
        url = f"http://{ADDRESS}:{port}"
        print(f"\n  Leafscope is at {url}\n  Ctrl-C ends it.\n", flush=True)
        if not options.no_browser and _has_browser():
            threading.Thread(target=_open_when_up, args=(url, port), daemon=True).start()
        with running_worker():
            yield None

    config = dict(SERVER_OPTIONS)
    if options.port:
        config["server.port"] = options.port
    with contextlib.suppress(KeyboardInterrupt):  # it comes after the server has ended in order
        st.App(str(MAIN_SCRIPT.resolve()), lifespan=lifespan).run(config=config)
    return 0


def _has_browser() -> bool:
    """Whether a graphical browser can be opened; a text browser would take the terminal."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _open_when_up(url: str, port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection((ADDRESS, port), timeout=0.1).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            webbrowser.open(url)
            return
