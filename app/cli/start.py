"""`leafscope` and `leafscope app`: start the app and the worker."""

import argparse
import contextlib
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from leafscope.app.cli.registry import COMMANDS, Command, refuse

MAIN_SCRIPT = Path(__file__).resolve().parents[1] / "main.py"
ADDRESS = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command; a missing one is None."""
    parser.add_argument("--port", type=_port, help="port on 127.0.0.1; default: 8501, or the next free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address without opening a browser")
    parser.add_argument("--device", help="where to train: auto, cpu, cuda, cuda:1")
    parser.add_argument("--database", help="where runs are kept; default: leafscope.db in the data folder")


def start_app(options: argparse.Namespace) -> int:
    """Run the command until the app ends; returns the exit status."""
    from leafscope.core.errors import LeafscopeError

    device = "auto" if options.device is None else options.device
    if device not in ("auto", "cpu"):  # these need no check, and loading torch takes long
        from leafscope.core.device import resolve_device

        try:
            resolve_device(device)
        except (LeafscopeError, RuntimeError) as error:
            return refuse(str(error))
    if options.database:
        os.environ["LEAFSCOPE_DATABASE"] = options.database
    os.environ["LEAFSCOPE_DEVICE"] = device

    import streamlit as st

    from leafscope.app.server import SERVER_OPTIONS, running_worker
    from leafscope.core.store.store import Store

    try:
        place = Store().place  # report an unusable database here, not on a page
    except LeafscopeError as error:
        return refuse(str(error))

    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        port = st.get_option("server.port")
        url = f"http://{ADDRESS}:{port}"
        print(f"\n  Leafscope is at {url}\n  Runs are kept in {place}\n  Ctrl-C ends it.\n", flush=True)
        if not options.no_browser and _has_browser():  # `st.App` opens none itself
            threading.Thread(target=_open_when_up, args=(url, port), daemon=True).start()
        with running_worker():
            yield None

    # options are passed here because Streamlit looks for config files beside the console script and in the working directory
    config = dict(SERVER_OPTIONS)
    if options.port:  # only when asked: a busy port is then fatal, otherwise the next free one is taken
        config["server.port"] = options.port
    with contextlib.suppress(KeyboardInterrupt):  # raised after the server has shut down cleanly
        st.App(str(MAIN_SCRIPT.resolve()), lifespan=lifespan).run(config=config)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port must be a whole number from 1 to 65535, got {text!r}")
    return int(text)


def _has_browser() -> bool:
    """Whether a graphical browser can be opened; a text browser would take the terminal."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    import webbrowser  # imported late: `leafscope --version` need not wait for it

    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _open_when_up(url: str, port: int) -> None:
    import webbrowser

    for _ in range(100):
        try:
            socket.create_connection((ADDRESS, port), timeout=0.1).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            webbrowser.open(url)
            return


COMMANDS.register(
    Command(name="app", help="start the app; the default command", add_arguments=add_arguments, run=start_app, place=50)
)
