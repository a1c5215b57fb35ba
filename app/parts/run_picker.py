"""The run that a page shows: which it is, how to pick another, and what to say while there is none."""

from itertools import islice

import streamlit as st
from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.address import choice, link, session
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

MOST_OFFERED = 500
"""Runs among which a page lets a person pick: all 10,000 of a large store would be sent to the browser at each click."""


def current_run(with_leaves: bool = False) -> RunSummary | None:
    """The run that pages show; None after saying why there is none.

    It is the one that the address names or a person chose, else the one looked at last, else the newest that no sweep made.
    `with_leaves`: a run without leaves or experts is passed over, unless the address names it.
    """
    asked = session.run_id() if session.names_run() or not with_leaves else None
    if asked is not None:
        try:
            found = jobs.default_store().run(asked)
        except RunNotFoundError:
            name = asked[:40].replace("`", "")
            if not offer.offer_run(asked):
                st.error(f"There is no run `{name}` here; it may have been deleted, or made on another machine.")
        else:
            if (fault := config_fault(found)) is None:
                return note(found)
            st.error(
                f"Run {theme.escape_markdown(found.label, 80)} cannot be shown: it comes from another version of Leafscope, "
                f"and its configuration is no longer valid. {theme.escape_markdown(fault)}"
            )
        if st.button("Show the newest run", type="primary", icon=":material/arrow_back:"):
            session.show_run(None)
            st.rerun()
        return None
    if (newest := latest(with_leaves)) is not None:
        if with_leaves:
            session.show_run(newest.run_id)  # also for the page that is opened next
        return note(newest)
    if with_leaves and not jobs.default_store().is_empty():
        st.info("No run here has leaves. Train an example: its leaves appear here in a few seconds.")
        _train_example()
        return None
    waiting_for_first_run()
    return None


def note(shown: RunSummary) -> RunSummary:
    """Say in the address and in the session that this run is shown; returns it."""
    link.show([shown.config])
    session.look_at(shown.run_id)
    return shown


def latest(with_leaves: bool = False) -> RunSummary | None:
    """The run to show where none was asked for: the one looked at last, else the newest that no sweep made."""
    store = jobs.default_store()
    seen = store.runs(session.looked_at())
    looked_at = [seen[run_id] for run_id in session.looked_at() if run_id in seen]
    if (found := next((one for one in looked_at if _suits(one, with_leaves)), None)) is not None:
        return found
    suitable = (one for one in store.list_runs() if _suits(one, with_leaves))
    newest = None
    for one in suitable:
        if one.epochs_done > 0 and not one.is_member:
            return one
        newest = newest or one
    return newest


def _suits(summary: RunSummary, with_leaves: bool) -> bool:
    return config_fault(summary) is None and (not with_leaves or bool(summary.config.net.routed_layers))


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
    _train_example()
    look_again()


def _train_example() -> None:
    if st.button("Train an example", type="primary", icon=":material/play_arrow:", key="_train_example"):
        jobs.default_store().submit(EXAMPLE)
        session.show_run(EXAMPLE.run_id)
        st.rerun()


@store_trouble.fragment(run_every=1.0)  # Streamlit cannot nest fragments
def look_again() -> None:
    """Rerun the page as soon as there is a run."""
    if not jobs.default_store().is_empty():
        st.rerun()


def pick_run(summaries: list[RunSummary], shown: RunSummary) -> None:
    """Let the user pick a run with leaves in the sidebar; the choice goes to the URL."""
    with_leaves = [one for one in islice(summaries, MOST_OFFERED) if config_fault(one) is None and one.config.net.routed_layers]
    offered = {summary.run_id: summary for summary in with_leaves} | {shown.run_id: shown}

    def choose(run_id: str) -> None:
        session.show_run(run_id)
        for of_the_other in ("node", "root", "row", "lines"):
            st.session_state.pop(of_the_other, None)
            st.query_params.pop(of_the_other, None)

    choice.picker(
        "_picked_run",
        "Run",
        {run_id: run_words(summary) for run_id, summary in offered.items()},
        shown.run_id,
        choose,
        help="Newest first, examples that came with Leafscope last. A name gives data set, leaf weights, depth K, width w and "
        "seed s.",
    )
    if len(summaries) > MOST_OFFERED:
        st.caption(f"The newest {MOST_OFFERED} of {theme.thousands(len(summaries))} runs; the page Runs finds the others.")
    if shown.shipped:
        st.caption(theme.shipped_words(shown.created))


def run_words(summary: RunSummary) -> str:
    """Name a run, with its status unless it is finished."""
    said = theme.SHIPPED if summary.shipped else "" if summary.status == "finished" else STATUS_WORDS[summary.status]
    return theme.one_line(summary.title, 60) + (f" ({said})" if said else "")
