"""The run that a page shows: which it is, how to pick another, and what to say while there is none."""

import streamlit as st
from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.address import link, session
from leafscope.app.parts import store_trouble
from leafscope.app.sweeps import offer
from leafscope.core import jobs
from leafscope.core.config import explain
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.errors import RunNotFoundError
from leafscope.core.store.values.summaries import RunSummary

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


def current_run() -> RunSummary | None:
    """The run to show, the newest if none was chosen; None after saying why there is none."""
    asked = session.run_id()
    if asked is not None:
        try:
            found = jobs.default_store().run(asked)
        except RunNotFoundError:
            name = asked[:40].replace("`", "")
            if not offer.offer_run(asked):
                st.error(f"There is no run `{name}` here; it may have been deleted, or made on another machine.")
        else:
            if (fault := config_fault(found)) is None:
                link.show([found.config])
                return found
            st.error(
                f"Run {theme.escape_markdown(found.label, 80)} cannot be shown: it comes from another version of Leafscope, "
                f"and its configuration is no longer valid. {theme.escape_markdown(fault)}"
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
    link.show([with_epochs[0].config])
    return with_epochs[0]


def config_fault(summary: RunSummary) -> str | None:
    """Say what is damaged in a run's row, or invalid in its configuration, which another version may have written."""
    if summary.fault:
        return summary.fault
    try:
        summary.config  # noqa: B018
    except ValidationError as error:
        return "; ".join(explain(error).values())
    return None


def waiting_for_first_run() -> None:
    """Offer to train a run where all were deleted, and check until it is there."""
    st.info("There are no runs. Train an example: it appears here in a few seconds.")
    if st.button("Train an example", type="primary", icon=":material/play_arrow:", key="_train_example"):
        jobs.default_store().submit(EXAMPLE)
        st.rerun()
    look_again()


@store_trouble.fragment(run_every=1.0)  # Streamlit cannot nest fragments
def look_again() -> None:
    """Rerun the page as soon as there is a run."""
    if not jobs.default_store().is_empty():
        st.rerun()


def pick_run(summaries: list[RunSummary], shown: RunSummary) -> None:
    """Let the user pick a run in the sidebar; the choice goes to the URL."""
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
        help="Newest first, examples that came with Leafscope last. A name gives data set, leaf weights, depth K, width w and "
        "seed s.",
    )
    if shown.shipped:
        st.caption(theme.shipped_words(shown.created))


def run_words(summary: RunSummary) -> str:
    """Name a run, with its status unless it is finished."""
    said = theme.SHIPPED if summary.shipped else "" if summary.status == "finished" else STATUS_WORDS[summary.status]
    return theme.one_line(summary.title, 60) + (f" ({said})" if said else "")
