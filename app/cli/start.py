"""`leafscope` and `leafscope app`: start the app and the worker."""

import argparse
import contextlib
import os
import re
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafscope.app.cli.registry import COMMANDS, Command
from leafscope.app.cli.terminal import refuse, say

if TYPE_CHECKING:
    from leafscope.app.access import Access

MAIN_SCRIPT = Path(__file__).resolve().parents[1] / "main.py"
ADDRESS = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command; a missing one is None."""
    parser.add_argument("--port", type=_port, help="port to listen on; default: 8501, or the next free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address without opening a browser")
    parser.add_argument("--device", help="where to train: auto, cpu, cuda, cuda:1")
    parser.add_argument("--database", help="where runs are kept; default: leafscope.db in the data folder")
    parser.add_argument(
        "--token",
        action=argparse.BooleanOptionalAction,
        help="put a secret into the printed address, without which nobody can connect; LEAFSCOPE_TOKEN gives one of your own; "
        "default: only where this machine has several accounts",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        metavar="NAME[:PORT]",
        help="a name by which browsers may call the app, beside localhost and 127.0.0.1; can be given several times",
    )
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="address to listen on; default: 127.0.0.1; one that other machines reach needs --token or --behind-proxy",
    )
    parser.add_argument("--behind-proxy", action="store_true", help="a reverse proxy in front decides who may connect")
    parser.add_argument("--base-path", type=_base_path, metavar="PATH", help="path of a proxy's address, such as /leafscope")


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
    from leafscope.app.access import Access, Place, is_loopback

    listen = options.listen or ADDRESS
    try:
        allowed = tuple(Place.parse(name) for name in options.allowed_host or ())
        address = Place.parse(f"[{listen}]" if ":" in listen else listen).name
    except ValueError as error:
        return refuse(str(error))
    token = _token(options)
    if token is not None and not re.fullmatch(r"[\w-]{16,}", token):
        return refuse("LEAFSCOPE_TOKEN must have at least 16 letters, digits, - or _")
    if not is_loopback(address) and token is None and not options.behind_proxy:
        return refuse(f"--listen must be an address of this machine alone without --token or --behind-proxy, got {listen}")
    if options.database:
        os.environ["LEAFSCOPE_DATABASE"] = options.database
    os.environ["LEAFSCOPE_DEVICE"] = device

    import streamlit as st
    from starlette.middleware import Middleware

    from leafscope.app import ending, in_order, open_files, server, theme
    from leafscope.app.access import AccessMiddleware
    from leafscope.app.first_frame import StyleMiddleware
    from leafscope.core.machine import heap
    from leafscope.core.store.database import location
    from leafscope.core.worker import scheduler

    file = location.ready_file()
    place = str(file)
    if file is None:
        from leafscope.core.store.store import Store

        try:
            place = Store().place  # report an unusable database here, not on a page
        except LeafscopeError as error:
            return refuse(str(error))
    try:
        scheduler.address(None if "://" in place else place)
    except LeafscopeError as error:
        return refuse(str(error))

    # options are passed here because Streamlit looks for config files beside the console script and in the working directory
    config = {**server.OPTIONS, "server.address": address}
    if options.port:  # only when asked: a busy port is then fatal, otherwise the next free one is taken
        config["server.port"] = options.port
    base_path = options.base_path
    if base_path is None:
        base_path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    if base_path := base_path.strip("/"):
        config["server.baseUrlPath"] = base_path
    access = Access(allowed, token, f"/{base_path}" if base_path else "")

    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        port = st.get_option("server.port")
        url = _address(address, port, access)
        say(f"\n  Leafscope is at {url}\n  Runs are kept in {place}\n  Ctrl-C ends it.\n")
        if not options.no_browser and _has_browser():  # `st.App` opens none itself
            threading.Thread(target=_open_when_up, args=(url, listen, port), daemon=True).start()
        open_files.keep_few_sessions()
        in_order.keep_in_order()
        ending.end_soon()
        with server.running_worker(_prepare_first_page):
            yield None

    server.is_guarded = True
    open_files.raise_limit()
    heap.share()
    middleware = [Middleware(AccessMiddleware, access=access), Middleware(StyleMiddleware, style=theme.page_style())]
    with contextlib.suppress(KeyboardInterrupt):  # before the server was up
        st.App(str(MAIN_SCRIPT.resolve()), lifespan=lifespan, middleware=middleware).run(config=config)
    return ending.leave(0)


def _prepare_first_page() -> None:
    from leafscope.app.playground import scene

    scene.prepare()


def _token(options: argparse.Namespace) -> str | None:
    """The token that was asked for; None: there is none."""
    given = os.environ.get("LEAFSCOPE_TOKEN")
    wanted = options.token
    if wanted is None:
        wanted = bool(given) or (_n_accounts() > 1 and not options.behind_proxy)
    return (given or secrets.token_urlsafe(24)) if wanted else None


def _n_accounts() -> int:
    """Count the people who can log in on this machine; 1 where that is not known."""
    try:
        import pwd
    except ImportError:
        return 1
    first = 500 if sys.platform == "darwin" else 1000
    users = [one for one in pwd.getpwall() if first <= one.pw_uid < 60_000]
    return sum(not one.pw_shell.endswith(("nologin", "false")) for one in users)


def _address(listen: str, port: int, access: "Access") -> str:
    """The address to open in a browser on this machine."""
    host = {"0.0.0.0": ADDRESS, "::": ADDRESS}.get(listen, listen)
    path = f"{access.base_path}/" if access.base_path else ""
    query = f"{'' if path else '/'}?token={access.token}" if access.token else ""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}{query}"


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port must be a whole number from 1 to 65535, got {text!r}")
    return int(text)


def _base_path(text: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)*/?", text):
        raise argparse.ArgumentTypeError(f"a base path must be like /leafscope, got {text!r}")
    return text


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


def _open_when_up(url: str, listen: str, port: int) -> None:
    import webbrowser

    for _ in range(100):
        try:
            socket.create_connection((listen, port), timeout=0.1).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            webbrowser.open(url)
            return


COMMANDS.register(
    Command(name="app", help="start the app; the default command", add_arguments=add_arguments, run=start_app, place=50)
)
