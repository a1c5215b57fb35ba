"""The browser: which changes of the address are entries of its history, what Back brings back, its keys and its width."""

from functools import lru_cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from leafscope.app.address import link, session

QUIET = ("epoch_at", "epoch", "root")
"""Parameters whose changes are no entries of the history: epochs, and the node that a deep tree is drawn from."""

_ASSET = Path(__file__).resolve().parents[1] / "assets" / "address.js"


def come_back() -> None:
    """After Back or Forward, take everything from the address."""
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        session.forget_address()
        shown = link.plan()
        if not session.names_run() and shown is not None and shown.runs:
            session.look_at(shown.runs[0].run_id)
    session.seed_view()


def keep() -> None:
    """Have the browser keep one entry for each action.

    It stands behind the navigation: it may ask for another run at once, and a browser that has not yet heard which page it
    shows asks for the first one.
    """
    st.components.v2.component("leafscope_history", html="", js=_script())(
        key=session.Keys.BROWSER,
        data={
            "quiet": QUIET,
            "letters": session.has_letter_keys(),
            "width": session.column_width(),
            "projector": session.is_projected(),
        },
        on_width_change=lambda: None,  # the rerun draws the figures for it
    )


@lru_cache
def _script() -> str:
    return _ASSET.read_text(encoding="utf-8")
