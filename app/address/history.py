"""The browser's history: which changes of the address are entries of it, and what Back and Forward bring back."""

from functools import lru_cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from leafscope.app.address import link, session

QUIET = ("epoch_at", "epoch", "root")
"""Parameters whose changes are no entries of the history: epochs, and the node that a deep tree is drawn from."""

_ASSET = Path(__file__).resolve().parents[1] / "assets" / "address.js"


def keep() -> None:
    """Have the browser keep one entry for each action and tell its width; after Back or Forward, take all from the address."""
    st.components.v2.component("leafscope_history", html="", js=_script())(
        key=session.Keys.BROWSER,
        data={"quiet": QUIET, "letters": session.has_letter_keys(), "width": session.column_width()},
        on_width_change=lambda: None,  # the rerun draws the figures for it
    )
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        session.forget_address()
        shown = link.plan()
        if not session.names_run() and shown is not None and shown.runs:
            session.look_at(shown.runs[0].run_id)


@lru_cache
def _script() -> str:
    return _ASSET.read_text(encoding="utf-8")
