"""`leafscope` and `leafscope app`: start the app and the worker."""

import argparse
import contextlib
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

MAIN_SCRIPT = Path(__file__).resolve().parents[1] / "main.py"
ADDRESS = "127.0.0.1"


def start_app(options: argparse.Namespace) -> int:
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
    from leafscope.core.store.store import Store

    try:
        place = Store().place  # a database that cannot be used is said here, not on a page
    except LeafscopeError as error:
        print(f"leafscope: {error}", file=sys.stderr)
        return 2

    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        port = st.get_option("server.port")
        url = f"http://{ADDRESS}:{port}"
        print(f"\n  Leafscope is at {url}\n  Runs are kept in {place}\n  Ctrl-C ends it.\n", flush=True)
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
