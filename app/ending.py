"""How the server ends after Ctrl-C or SIGTERM: within seconds, whatever its browsers and its pages are doing."""

import asyncio
import os
import signal
import sys
import threading
import time
from types import FrameType

import uvicorn

GRACE = 2.0
"""Seconds in which connections may close, and then seconds in which pages may end what they compute."""


def end_soon() -> None:
    """Let Streamlit's running server, which has no option for it, wait `GRACE` seconds for browsers, and end once.

    A browser that reads nothing would keep the server and its worker for good. A second Ctrl-C would leave out half of the
    end and print a traceback. Does nothing outside the main thread, where no signals arrive.
    """
    server = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if not isinstance(server, uvicorn.Server) or threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def cut_off() -> None:
        for connection in list(server.server_state.connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()

    def end(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        loop.call_soon_threadsafe(loop.call_later, GRACE, cut_off)
        if number == signal.SIGINT:
            server.should_exit = True
        else:
            server.handle_exit(number, frame)  # raises the signal again at the end, as its exit status

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)


def leave(status: int) -> int:
    """Return the exit status, or end the process with it if a page still computes after `GRACE` seconds.

    What the page was writing is undone, as after a crash.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    deadline = time.monotonic() + GRACE
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
    return status
