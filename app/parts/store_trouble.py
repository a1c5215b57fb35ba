"""What pages say when the database cannot be read or written to."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import streamlit as st
from streamlit.errors import StreamlitAPIException

from leafscope.app import server, theme
from leafscope.core.errors import LeafscopeError, RunNotFoundError, StoreError

P = ParamSpec("P")

LOOK = 2.0
"""Seconds between two looks whether a database that was away is back."""


def write_banner() -> None:
    """Say on top of a page that nothing can be written, until it can; what can be read is shown as always."""
    if server.write_fault() is not None:
        _banner()


@contextmanager
def explained(part: str = "") -> Iterator[None]:
    """Show a sentence in place of the rest of a page, or of a part of it, whose run was deleted or data cannot be read.

    A whole page comes back by itself when its database does.
    """
    comes_back = False
    try:
        yield
    except RunNotFoundError as error:
        st.warning(f"A run that this page shows was deleted: {theme.escape_markdown(str(error), 300)}.")
    except LeafscopeError as error:
        st.error(f"{theme.escape_markdown(str(error), 1000)}.", icon=":material/error:")
        comes_back = not part and isinstance(error, StoreError) and error.can_pass
    else:
        return
    st.button("Try again", icon=":material/refresh:", key=f"_try_again{part}")
    if comes_back:
        _keep_what_was_chosen()
        _wait_for_database(time.monotonic())


def _keep_what_was_chosen() -> None:
    """Keep texts and choices of fields that are not drawn now, which Streamlit would forget; no press of a button."""
    for key, value in st.session_state.to_dict().items():
        if isinstance(value, str | int | float | list | tuple) and not isinstance(value, bool):
            with contextlib.suppress(StreamlitAPIException):  # it is drawn
                st.session_state[key] = value


@st.fragment(run_every=LOOK)
def _wait_for_database(since: float) -> None:
    st.caption("This page comes back by itself when the database does.")
    if time.monotonic() - since < LOOK / 2:  # the page was drawn just now, and would be drawn again and again
        return
    from leafscope.core import jobs

    with contextlib.suppress(StoreError):
        jobs.default_store().gpus()
        st.rerun()


def fragment(run_every: float | None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a part of a page that reruns alone, like `st.fragment`, and says in a sentence what it cannot read."""

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @st.fragment(run_every=run_every)
        @functools.wraps(draw)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            with explained(f"_{draw.__module__}_{draw.__qualname__}"):
                draw(*args, **kwargs)

        return guarded

    return decorate


@fragment(run_every=1.0)
def _banner() -> None:
    fault = server.write_fault()
    if fault is None:
        st.rerun()
    st.warning(
        f"Nothing can be saved at the moment: {theme.escape_markdown(fault, 1000)}. What was saved before is shown; training "
        "waits until it can save again, and this message then goes away.",
        icon=":material/save:",
    )
