"""Compare: which of these runs is better, and how do they differ?"""

import math
from collections.abc import Callable

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.compare import selection, stages
from leafscope.app.compare.selection import Selection
from leafscope.app.compare.views import classes, curves, leaves, pairs, parallel, pivot, scatter, scenes, scores, table
from leafscope.app.figures.compare.scores import title
from leafscope.app.parts import store_trouble
from leafscope.core import jobs
from leafscope.core.comparison.table import predict_numbers

VIEWS: dict[str, tuple[str, Callable[[Selection], None]]] = {
    "table": ("Table", table.show),
    "scores": ("Scores", scores.show),
    "curves": ("Curves", curves.show),
    "classes": ("Classes", classes.show),
    "pairs": ("Two groups", pairs.show),
    "pivot": ("Pivot", pivot.show),
    "scatter": ("Scatter", scatter.show),
    "parallel": ("Parallel coordinates", parallel.show),
    "leaves": ("Leaves", leaves.show),
    "scenes": ("Side by side", scenes.show),
}


def main() -> None:
    """Lay out the page."""
    st.title("Which of these runs is better, and how do they differ?")
    names = {name: words for name, (words, _) in VIEWS.items()}
    wrong = session.seed_from_url("view", lambda text: text if text in VIEWS else VIEWS[text][0], "table")
    if wrong is not None:
        session.notify(f"view in the address must be one of {', '.join(VIEWS)}, got {wrong[:40]!r}")
    found = selection.select()
    if found is None:
        return
    st.markdown(theme.escape_markdown(_sentence(found)))
    stages.show(found)
    offered = [view for view in VIEWS if view != "classes" or not predict_numbers(found.table)]
    if st.session_state["view"] not in offered:
        session.notify("These runs predict numbers, so the table is shown.")
        st.session_state["view"] = "table"
    st.segmented_control(
        "View",
        offered,
        format_func=names.__getitem__,
        key="view",
        label_visibility="collapsed",
        required=True,
        persist_state="session",
    )
    view = st.session_state["view"] or "table"
    session.publish_to_url("view", view, "table")
    VIEWS[view][1](found)
    active = [
        summary.run_id
        for summary in found.summaries.values()
        if summary.active and summary.run_id in set(found.shown["run_id"])
    ]
    if active:
        _follow(active, {run_id: (found.summaries[run_id].status, found.summaries[run_id].epochs_done) for run_id in active})


def _sentence(found: Selection) -> str:
    """How many runs in how many groups, and which is best."""
    runs, among = len(found.table), len(found.groups)
    words = f"{runs:,} run{'s' * (runs != 1)} in {among:,} group{'s' * (among != 1)}"
    if runs < len(found.shown):
        words += f", chosen from {len(found.shown):,}"
    if len(found.data) > 1:
        several = theme.enumerate_words(found.data[:3] + [f"{len(found.data) - 3} others"] * (len(found.data) > 3))
        return (
            f"{words} on {several}. Scores on different data do not compare: choose one data set in the sidebar to rank them."
        )
    best = found.intervals[0] if found.intervals else None
    if best is None or best.n == 0:
        return f"{words}; none has a score yet."
    number = theme.percent if found.is_share else theme.three_significant
    value = f"{number(best.mean)}"
    if math.isfinite(best.low):
        value += f" [{number(max(0.0, best.low))}, {number(best.high)}]"
    name = theme.one_line(found.words[0], 100) if among > 1 else "their mean"
    start = "best on validation is" if among > 1 else "on validation,"
    words = f"{words}; {start} {name}: {title(found.metric)} {value}, n = {best.n} seed{'s' * (best.n != 1)}"
    words = f"{words}, {found.among()}." if found.report else f"{words}."
    return f"{words} {found.always()} {found.no_better()}".strip()


@store_trouble.fragment(run_every=2.0)
def _follow(active: list[str], before: dict[str, tuple[str, int]]) -> None:
    """Draw the page again when a run that waits or trains has moved."""
    now = {run_id: (summary.status, summary.epochs_done) for run_id, summary in jobs.default_store().runs(active).items()}
    if now != before:
        st.rerun()


main()
