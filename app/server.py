"""The server process: its Streamlit options, its start, and the worker that it keeps running.

At the top it imports nothing that takes long, so that the server answers at once: while the browser fetches Streamlit's
scripts, which takes a second, a thread imports what pages need, opens the store and prepares the first scene.
"""

import contextlib
import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import streamlit as st

from leafscope.app.access import Access, Refused
from leafscope.app.theme import streamlit_options
from leafscope.core.limits import MAX_ROUTING_BYTES

if TYPE_CHECKING:
    from leafscope.core.worker.supervisor import Supervisor

OPTIONS: dict[str, Any] = {
    "server.address": "127.0.0.1",
    "server.headless": True,  # no first-run questions; the browser is opened by the command
    "server.fileWatcherType": "none",
    "server.maxUploadSize": MAX_ROUTING_BYTES // 1_000_000,  # the largest; other places where files are dropped take less
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": True,
    "runner.fastReruns": False,  # on: a person who acts quickly runs a page's script twice at once, on one session's state
    "runner.magicEnabled": False,
    "global.disableWidgetStateDuplicationWarning": True,  # widgets have a default and a value from the URL
    **streamlit_options(),
}
"""Streamlit's options when the `leafscope` command starts the app."""

WARM_MODULES = (
    "leafscope.app.address.link",
    "leafscope.app.navigation",
    "leafscope.app.parts.sidebar",
    "leafscope.app.parts.store_trouble",
    "leafscope.app.figures",
    "leafscope.app.playground.live",
    "leafscope.app.playground.scene",
    "leafscope.core.inspection.trained",
)
"""Modules that every page or the first one needs."""

PATIENCE = 3.0
"""Seconds for which the worker waits for the first page before it imports what training needs."""

DRAWING = 1.0
"""Seconds that a browser takes to draw a page that was sent, for which the worker still waits."""

is_guarded = False
"""Whether `leafscope` was started, so that `access.AccessMiddleware` sees every request before Streamlit does."""

trains = True
"""Whether pages have a worker; False where a page is opened without a browser, only to be read."""

_lock = threading.Lock()
_supervisor: "Supervisor | None" = None
_is_drawn = False
_warmth: threading.Thread | None = None


@contextlib.contextmanager
def running_worker(prepare: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keep a worker running while the block runs.

    A thread imports what the first page needs, starts the worker, and then calls `prepare`.
    """
    global _warmth
    _warmth = threading.Thread(target=_warm_up, args=(prepare,), name="warm-up", daemon=True)
    _warmth.start()
    try:
        yield
    finally:
        _warmth.join()
        _stop_worker()


def check_access() -> None:
    """Under `streamlit run`, where nothing stands before Streamlit: show nothing to a page of another site or port."""
    headers = st.context.headers
    hosts = headers.get_all("Host")
    if is_guarded or not hosts:  # tests of pages have no request
        return
    _say_unguarded()
    access = Access()
    try:
        host = access.check_host(hosts, ("127.0.0.1", st.get_option("server.port")))
        access.check_origin(headers.get_all("Origin"), headers.get("X-Forwarded-Proto", "http"), host)
    except Refused as refused:
        st.error(f"{refused}")
        st.stop()


@functools.cache
def _say_unguarded() -> None:
    print(
        "\n  streamlit run checks less than the command leafscope: pages of other sites can open connections to this app,"
        "\n  though they are shown nothing. Start it with: leafscope\n",
        file=sys.stderr,
        flush=True,
    )


def ensure_worker() -> "Supervisor | None":
    """Start the process's only worker if it is not running yet, on a store that has its examples; thread-safe.

    None where pages have no worker.
    """
    global _supervisor
    if not trains:
        return None
    with _lock:
        if _supervisor is None:
            from leafscope.core import jobs
            from leafscope.core.errors import StoreError
            from leafscope.core.machine import compile_cache
            from leafscope.core.store.archive.examples import load_examples
            from leafscope.core.worker.supervisor import Supervisor

            os.environ["LEAFSCOPE_COMPILE"] = "ahead"  # read by core.kernels.readiness: nothing here waits for a compiler
            compile_cache.choose(jobs.default_store().path)
            load_examples(jobs.default_store())
            with contextlib.suppress(StoreError):  # what cannot be written now, the banner says
                jobs.default_store().note_version()
            _supervisor = Supervisor(database=None, device=device(), patience=PATIENCE)
            _supervisor.start()
        return _supervisor


def page_is_drawn() -> None:
    """Let the worker import what it needs, once the browser has drawn the page that was sent; it would delay both."""
    global _is_drawn
    if _supervisor is not None and not _is_drawn:
        _is_drawn = True
        timer = threading.Timer(DRAWING, _supervisor.release)
        timer.daemon = True
        timer.start()


def write_fault() -> str | None:
    """Say why the worker, or the last change on a page, could not be written; None: writing works."""
    if _supervisor is not None and _supervisor.write_fault is not None:
        return _supervisor.write_fault
    from leafscope.core import jobs

    store = jobs.default_store()
    return store.write_fault if store.write_fault is not None and not store.can_write() else None


def wait_until_warm() -> None:
    """Wait for the imports of the start: of two threads that import one package, one can see a half-initialized module."""
    if _warmth is not None:
        _warmth.join()


def device() -> str:
    """The device for runs whose configuration names none."""
    return os.environ.get("LEAFSCOPE_DEVICE", "auto")


def _stop_worker() -> None:
    global _supervisor, _is_drawn
    with _lock:
        if _supervisor is not None:
            _supervisor.stop()
            _supervisor, _is_drawn = None, False


def _warm_up(prepare: Callable[[], None]) -> None:
    for name in WARM_MODULES:
        importlib.import_module(name)
    from leafscope.core.errors import LeafscopeError

    with contextlib.suppress(LeafscopeError, OSError):  # pages say what is wrong with the store
        ensure_worker()
        prepare()
