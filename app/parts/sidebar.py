"""The foot of the sidebar: the status of run and worker, and the size of figures."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import link, session
from leafscope.app.decks import current
from leafscope.app.navigation import PRESENT_PAGE
from leafscope.app.parts import store_trouble
from leafscope.app.parts.run_picker import STATUS_ICONS, STATUS_WORDS
from leafscope.core import jobs
from leafscope.core.machine import compile_cache
from leafscope.core.store.values.summaries import RunSummary

WORKER_WORDS = {
    "not running": "The worker is not running; it restarts by itself within seconds.",
    "starting": "The worker is starting; runs wait for it.",
    "ready": "The worker is ready.",
    "busy": "The worker is training.",
}

COMPILING = "The training code is being compiled, once on this machine. Until then training is slower."


def status_line(summary: RunSummary) -> str:
    """A run's status and the reason for it, as Markdown."""
    words = f"{STATUS_ICONS[summary.status]} **{theme.escape_markdown(summary.title, 120)}** {STATUS_WORDS[summary.status]}"
    said = [f"{theme.SHIPPED} example"] * summary.shipped + [theme.escape_markdown(summary.note)] * bool(summary.note)
    return f"{words} ({', '.join(said)})" if said else words


def sidebar_foot() -> None:
    """Show the view options, the deck and the worker's status at the foot of the sidebar."""
    session.show_notice()
    with st.sidebar:
        fold = st.expander("View", key="_view", on_change="rerun")
        with fold:
            for key, label, options, words in (
                (session.Keys.SIZE, "Text size", session.SIZES, "Projector: text of 24 px, readable from the last row."),
                (
                    session.Keys.IMAGE,
                    "Figures are saved as",
                    session.IMAGE_FORMATS,
                    "The format that the camera or the arrow above each figure saves.",
                ),
                (
                    session.Keys.LETTERS,
                    "Single-letter keys",
                    session.LETTER_KEYS,
                    "Keys such as K, S and R act without Ctrl. Off: they do nothing, for speech input and for keyboards "
                    "that are easily touched. Arrows, Enter and Tab still work.",
                ),
            ):
                st.radio(
                    label,
                    list(options),
                    format_func=options.__getitem__,
                    key=key,
                    help=words,
                    horizontal=True,
                    persist_state="session",
                )
                session.publish_to_url(key, st.session_state[key], next(iter(options)))
            if fold.open:  # code brings the browser 1.5 MB of script, which every page would wait for
                st.caption("Link to this view. Where its runs are not stored, Leafscope offers to train them.")
                st.code(link.link(), language=None, wrap_lines=True)
        if (deck := current.current()) is not None:
            with st.container(key="deck_link"):
                st.page_link(
                    PRESENT_PAGE,
                    label=f"{theme.escape_markdown(deck.name, 30)}: {deck.n_slides} slide{'s' * (deck.n_slides != 1)}",
                    icon=":material/co_present:",
                )
        worker_line()


@store_trouble.fragment(run_every=2.0)
def worker_line() -> None:
    """Show the worker's status."""
    status = jobs.worker_status()
    st.caption(WORKER_WORDS[status.state])
    if status.compiling:
        st.caption(COMPILING)
    if not compile_cache.is_kept():
        st.caption(compile_cache.NOT_KEPT)
