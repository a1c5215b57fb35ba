"""Compare: which of these runs is better, and in what do they differ?"""

import hashlib
from collections.abc import Callable

import streamlit as st

from leafscope.app import navigation, theme
from leafscope.app.address import session
from leafscope.app.compare import leaves, selection, views
from leafscope.app.compare.selection import BASELINE, Selection, pick_group
from leafscope.app.runs import actions
from leafscope.core import jobs
from leafscope.core.comparison.table import CONFIG_FIELDS, MEASURES

_HANDLED = "_handled_rows"
"""Key of session state: the rows of each table that a redraw has taken notice of."""

MOST_GROUP_LINES = 200
"""Groups that the table of groups lists."""


def _table(found: Selection) -> None:
    """Groups and runs as tables: only what differs stands in columns."""
    with st.sidebar:
        pick_group(BASELINE, "Baseline", found, 0, none="none")
    if len(found.groups) > 1:
        shown = found.groups[:MOST_GROUP_LINES]
        st.dataframe(
            views.group_lines(found).head(len(shown)),
            hide_index=True,
            height=min(38 + 35 * len(shown), 320),
            key="groups_table",
            alt="Groups of runs, the best first, with scores and intervals.",
        )
        st.caption(_group_caption(found))
    _runs(found)


def _group_caption(found: Selection) -> str:
    words = (
        "Groups, the best validation score first: mean over seeds with its 95 % t interval, at the epoch of the lowest "
        "validation loss, and beside it the mean at the last epoch."
    )
    if st.session_state.get(BASELINE):
        others = len(found.groups) - 1
        words += f" Minus baseline: paired by seed; where “not shown”, the difference is not, by Holm over {others} tests."
    if found.report:
        words += f" Test: {found.among()}, on validation."
    return theme.escape_markdown(words + found.averaged())


def _runs(found: Selection) -> None:
    """All runs that the filter leaves; the boxes choose those that are compared."""
    shown = found.shown
    compared = set(found.table["run_id"])
    is_chosen = len(compared) < len(shown)
    order = hashlib.sha256(" ".join(shown["run_id"]).encode()).hexdigest()[:12]
    defaults = [place for place, run_id in enumerate(shown["run_id"]) if run_id in compared] if is_chosen else []
    key = f"compare_table_{order}"
    event = st.dataframe(
        views.run_lines(found, shown),
        hide_index=True,
        height=min(38 + 35 * len(shown), 380),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": defaults, "columns": [], "cells": []}},
        column_config=views.column_config(found),
        key=key,
        alt="The runs with the fields in which they differ, and their scores.",
    )
    picked = [str(shown["run_id"].iloc[row]) for row in event["selection"]["rows"] if row < len(shown)]
    handled: dict[str, list[str]] = st.session_state.setdefault(_HANDLED, {})
    before = handled.get(key, [str(shown["run_id"].iloc[place]) for place in defaults])
    handled[key] = picked
    if picked != before:
        selection.choose_rows(picked if len(picked) < len(shown) else [])
        st.rerun()
    if len(compared) > selection.MOST_CHOSEN and is_chosen:
        st.caption(f"So many chosen runs do not fit into a link: it says the filter, and at most {selection.MOST_CHOSEN} runs.")
    same = views.shared_words(found)
    st.caption(
        theme.escape_markdown(
            "Boxes on the left choose the runs that are compared; without one, all are. Columns are the fields that differ"
            + (f"; the same in all: {same}." if same else "."),
            1000,
        )
    )
    _actions(found)


def _actions(found: Selection) -> None:
    chosen = [found.summaries[run_id] for run_id in found.table["run_id"]]
    one = chosen[0] if len(chosen) == 1 else None
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Show leaves", icon=":material/account_tree:", disabled=one is None, key="_to_leaves") and one is not None:
            session.show_run(one.run_id)
            st.switch_page(navigation.LEAVES_PAGE, query_params={session.Keys.RUN: one.run_id})
        actions.annotate(chosen, "compare")
        actions.python(chosen)
        columns = ["run_id", "title", "status", "model", *CONFIG_FIELDS, *MEASURES, "comment"]
        st.download_button(
            "Save as CSV",
            lambda: found.table[columns].assign(tags=found.table["tags"].map(", ".join)).to_csv(index=False).encode(),
            file_name="leafscope-comparison.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="_compare_csv",
            help="The compared runs: every field of the configuration, and all scores at the best and the last epoch.",
        )
        sweep_ids = [found.sweep.sweep_id] if found.sweep is not None and len(found.table) == len(found.shown) else []
        actions.save_archive(chosen, "compare", sweep_ids)


PARTS: dict[str, tuple[str, Callable[[Selection], None]]] = {
    "table": ("Table", _table),
    "scores": ("Scores", views.scores),
    "curves": ("Curves", views.curves),
    "pairs": ("Two groups", views.pairs),
    "pivot": ("Pivot", views.pivot_part),
    "scatter": ("Scatter", views.scatter),
    "parallel": ("Parallel coordinates", views.parallel_part),
    "leaves": ("Leaves", leaves.leaves),
}


def main() -> None:
    """Lay out the page."""
    st.title("Which of these runs is better, and in what do they differ?")
    names = {name: words for name, (words, _) in PARTS.items()}
    wrong = session.seed_from_url("view", lambda text: text if text in PARTS else PARTS[text][0], "table")
    if wrong is not None:
        session.notify(f"view in the address must be one of {', '.join(PARTS)}, got {wrong[:40]!r}")
    found = selection.select()
    if found is None:
        return
    st.markdown(theme.escape_markdown(_sentence(found)))
    st.segmented_control(
        "View",
        list(PARTS),
        format_func=names.__getitem__,
        key="view",
        label_visibility="collapsed",
        required=True,
        persist_state="session",
    )
    view = st.session_state["view"] or "table"
    session.publish_to_url("view", view, "table")
    PARTS[view][1](found)
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
    best = found.intervals[0] if found.intervals else None
    if best is None or best.n == 0:
        return f"{words}; none has a score yet."
    number = theme.percent if found.metric == "accuracy" else theme.three_significant
    value = f"{number(best.mean)}"
    if best.n > 1:
        ends = (max(0.0, best.low), min(1.0, best.high)) if found.metric == "accuracy" else (best.low, best.high)
        value += f" [{number(ends[0])}, {number(ends[1])}]"
    name = theme.one_line(found.words[0], 100) if among > 1 else "their mean"
    start = "best on validation is" if among > 1 else "on validation,"
    words = f"{words}; {start} {name}: {found.metric} {value}, n = {best.n} seed{'s' * (best.n != 1)}"
    return f"{words}, {found.among()}." if found.report else f"{words}."


@st.fragment(run_every=2.0)
def _follow(active: list[str], before: dict[str, tuple[str, int]]) -> None:
    """Draw the page again when a run that waits or trains has moved."""
    now = {run_id: (summary.status, summary.epochs_done) for run_id, summary in jobs.default_store().runs(active).items()}
    if now != before:
        st.rerun()


main()
