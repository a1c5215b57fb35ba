"""What pages share: figures with their sentence and numbers, the run picker, the sidebar's foot."""

import re
from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from leafscope.app import decks, session, share, theme
from leafscope.core import jobs
from leafscope.core.config import explain
from leafscope.core.errors import RunNotFoundError
from leafscope.core.presets import EXAMPLE
from leafscope.core.reading import RunSummary
from pydantic import ValidationError

PLAYGROUND_PAGE = "../pages/playground.py"
LEAVES_PAGE = "../pages/leaves.py"
BALANCE_PAGE = "../pages/balance.py"
OVERFITTING_PAGE = "../pages/overfitting.py"
CAPACITY_PAGE = "../pages/capacity.py"
COMPARE_PAGE = "../pages/compare.py"
PRESENT_PAGE = "../pages/present.py"
RUNS_PAGE = "../pages/runs.py"
"""Pages as links name them, relative to the entry."""

STATUS_WORDS = {
    "queued": "queued",
    "running": "training",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
}
STATUS_ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/play_circle:",
    "finished": ":material/check_circle:",
    "failed": ":material/error:",
    "stopped": ":material/stop_circle:",
    "interrupted": ":material/power_off:",
}
WORKER_WORDS = {
    "not running": "The worker is not running; it starts again by itself within seconds.",
    "starting": "The worker is starting; runs wait until it is ready.",
    "ready": "The worker is ready.",
    "busy": "The worker is training.",
}


def figure(
    shown: go.Figure,
    *,
    key: str,
    sentence: str,
    caption: str,
    table: pd.DataFrame,
    hint: str = "",
    on_select: Callable[[], None] | None = None,
) -> None:
    """Show a figure below what it says, with its caption, and its numbers folded under it.

    `hint` says what can be done with it on the page, and stays behind when the figure becomes a slide.

    The camera in the figure's corner saves SVG or PNG as chosen in the sidebar; the numbers can be had as CSV.
    """
    st.markdown(theme.escape_markdown(sentence))
    st.plotly_chart(
        shown,
        key=key,
        theme=None,
        on_select=on_select or "ignore",
        selection_mode="points",
        alt=sentence,
        config={
            "displaylogo": False,
            "toImageButtonOptions": {"format": session.image_format(), "filename": _file_name(key), "scale": 2},
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        },
    )
    numbers(table, key, caption, drawing=shown, sentence=sentence, hint=hint)


def numbers(
    table: pd.DataFrame, key: str, caption: str, *, drawing: decks.Drawing | None = None, sentence: str = "", hint: str = ""
) -> None:
    """Show a figure's caption, and beside it "Add to deck" and its numbers, folded, with a button that saves them as CSV."""
    with st.container(horizontal=True, vertical_alignment="top", horizontal_alignment="distribute"):
        st.caption(theme.escape_markdown(f"{caption} {hint}".strip()), width="stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            if drawing is not None:
                decks.add_button(drawing, key=key, sentence=sentence, caption=caption)
            with st.popover("Numbers", icon=":material/table:", type="tertiary"):
                st.dataframe(table, hide_index=True, height=240, key=f"{key}_numbers")
                st.download_button(
                    "Save as CSV",
                    lambda: table.to_csv(index=False).encode(),
                    file_name=f"{_file_name(key)}.csv",
                    mime="text/csv",
                    key=f"{key}_csv",
                    icon=":material/download:",
                    on_click="ignore",
                )


def current_run() -> RunSummary | None:
    """The run that the page is to show, the newest if none was chosen; None after saying why there is none."""
    asked = session.run_id()
    if asked is not None:
        try:
            found = jobs.default_store().run(asked)
        except RunNotFoundError:
            name = asked[:40].replace("`", "")
            if not share.offer_run(asked):
                st.error(f"There is no run `{name}` here; it may have been deleted, or made on another machine.")
        else:
            if (fault := config_fault(found)) is None:
                share.show([found.config])
                return found
            st.error(
                f"Run {theme.escape_markdown(found.label, 80)} cannot be shown: another version of the program made it, and "
                f"its configuration is no longer valid. {theme.escape_markdown(fault)}"
            )
        if st.button("Show the newest run", type="primary", icon=":material/arrow_back:"):
            session.show_run(None)
            st.rerun()
        return None
    summaries = jobs.default_store().list_runs()
    valid = [summary for summary in summaries if config_fault(summary) is None]
    with_epochs = [summary for summary in valid if summary.epochs_done > 0] or valid
    if not with_epochs:
        waiting_for_first_run()
        return None
    share.show([with_epochs[0].config])
    return with_epochs[0]


def config_fault(summary: RunSummary) -> str | None:
    """Say why a run's configuration, written by another version of the program, is not valid; None if it is."""
    try:
        summary.config  # noqa: B018
    except ValidationError as error:
        return "; ".join(explain(error).values())
    return None


def waiting_for_first_run() -> None:
    """Say that the first run is on its way, and look again until it is there."""
    st.info("No run yet. The worker trains a small example at its first start; it appears here in a few seconds.")
    if st.button("Train an example", icon=":material/play_arrow:", key="_train_example"):  # all runs may have been deleted
        jobs.submit(EXAMPLE)
        st.rerun()
    look_again()


@st.fragment(run_every=1.0)
def look_again() -> None:
    """Run the page again as soon as there is a run."""
    if not jobs.default_store().is_empty():
        st.rerun()


def pick_run(summaries: list[RunSummary], shown: RunSummary) -> None:
    """Offer the runs to choose from, in the sidebar; the choice goes to the URL."""
    by_id = {summary.run_id: summary for summary in summaries}

    def choose() -> None:
        session.show_run(st.session_state["_picked_run"])
        for of_the_other in ("node", "root", "row", "lines"):
            st.session_state.pop(of_the_other, None)
            st.query_params.pop(of_the_other, None)

    st.session_state["_picked_run"] = shown.run_id
    st.selectbox(
        "Run",
        list(by_id),
        format_func=lambda run_id: run_words(by_id[run_id]),
        key="_picked_run",
        on_change=choose,
        help="The newest first. The name says data set, leaf weights, depth K, width w and seed s.",
    )


def run_words(summary: RunSummary) -> str:
    """Name a run, with its status where it is not finished."""
    status = "" if summary.status == "finished" else f" ({STATUS_WORDS[summary.status]})"
    return f"{theme.one_line(summary.title, 60)}{status}"


def status_line(summary: RunSummary) -> str:
    """Say in Markdown what a run's state is, and why."""
    words = f"{STATUS_ICONS[summary.status]} **{theme.escape_markdown(summary.title, 120)}** {STATUS_WORDS[summary.status]}"
    if summary.note:
        words += f" ({theme.escape_markdown(summary.note)})"
    return words


def sidebar_foot() -> None:
    """Show what the worker does and how figures are drawn, at the foot of the sidebar."""
    session.show_notice()
    with st.sidebar:
        with st.expander("View"):
            for key, label, options, words in (
                (session.Keys.SIZE, "Text size", session.SIZES, "Projector: text of 24 px, readable from the last row."),
                (session.Keys.IMAGE, "Camera button saves", session.IMAGE_FORMATS, "Each figure's camera button saves this."),
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
            st.caption("Link to this view; opened on another server it offers to train what is not there.")
            st.code(share.link(), language=None, wrap_lines=True, height=80)
        if (deck := decks.current()) is not None:
            st.page_link(
                PRESENT_PAGE,
                label=f"{theme.escape_markdown(deck.name, 30)}: {deck.n_slides} slide{'s' * (deck.n_slides != 1)}",
                icon=":material/co_present:",
            )
        worker_line()


@st.fragment(run_every=2.0)
def worker_line() -> None:
    """Say what the worker does."""
    status = jobs.worker_status()
    st.caption(WORKER_WORDS[status.state])


def _file_name(key: str) -> str:
    return re.sub(r"[^\w-]+", "-", key)
