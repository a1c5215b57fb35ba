"""Table: groups and runs as tables, in which only the fields that differ are columns; runs are chosen here."""

import hashlib

import streamlit as st

from leafscope.app import always, navigation, theme
from leafscope.app.address import session
from leafscope.app.compare import mixtures, selection
from leafscope.app.compare.group_lines import group_lines
from leafscope.app.compare.run_lines import column_config, run_lines
from leafscope.app.compare.selection import BASELINE, Selection, pick_group
from leafscope.app.parts.save_table import save_table
from leafscope.app.runs import actions
from leafscope.core.comparison.table import CONFIG_FIELDS, field_words, measures_of, predict_numbers, shared, value_words
from leafscope.core.config.run import of_numbers

_HANDLED = "_handled_rows"
"""Key of session state: the chosen rows of each table that the page has already acted on."""

MOST_GROUP_LINES = 200
"""Groups that the table of groups lists."""


def show(found: Selection) -> None:
    """Show the table of groups, where there are several, and the table of runs."""
    with st.sidebar:
        pick_group(BASELINE, "Baseline", found, 0, none="none")
    if len(found.groups) > 1:
        shown = found.groups[:MOST_GROUP_LINES]
        st.dataframe(
            group_lines(found).head(len(shown) + 1),
            hide_index=True,
            placeholder=theme.MISSING,
            height=min(73 + 35 * len(shown), 320),
            key="groups_table",
            alt="Groups of runs, the best first, with scores and intervals.",
        )
        st.caption(_group_caption(found))
    mixtures.show(found)
    _runs(found)


def _group_caption(found: Selection) -> str:
    words = (
        "Groups, the best validation score first: mean over seeds with its 95 % t interval, at the epoch of the lowest "
        "validation loss, and beside it the mean at the last epoch."
    )
    if st.session_state.get(BASELINE):
        others = len(found.groups) - 1
        words += f" Minus baseline: paired by seed; “not shown”: no difference is shown, by Holm over {others} tests."
    if found.report:
        words += f" Test: {found.among()}, on validation."
    words += found.averaged()
    if len(found.data) == 1:
        words += f" The first line: {always.ANSWER[predict_numbers(found.table)]}."
    return theme.escape_markdown(words)


def _runs(found: Selection) -> None:
    """Show all runs that the filter leaves; the boxes choose those that are compared."""
    shown = found.shown
    compared = set(found.table["run_id"])
    is_chosen = len(compared) < len(shown)
    order = hashlib.sha256(" ".join(shown["run_id"]).encode()).hexdigest()[:12]
    defaults = [place for place, run_id in enumerate(shown["run_id"]) if run_id in compared] if is_chosen else []
    key = f"compare_table_{order}"
    event = st.dataframe(
        run_lines(found, shown),
        hide_index=True,
        height=min(38 + 35 * len(shown), 380),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": defaults, "columns": [], "cells": []}},
        column_config=column_config(found),
        placeholder=theme.MISSING,
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
        st.caption(f"A link can name {selection.MOST_CHOSEN} chosen runs; with more runs, it keeps the filter only.")
    same = _shared_words(found)
    st.caption(
        theme.escape_markdown(
            "Tick the runs to compare on the left; if none is ticked, all are compared. Columns are the fields that "
            + (f"differ; the same in all: {same}." if same else "differ."),
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
        fields = of_numbers(dict.fromkeys(CONFIG_FIELDS)) if predict_numbers(found.table) else CONFIG_FIELDS
        columns = ["run_id", "title", "status", "model", *fields, *measures_of(found.table), "comment"]
        save_table(
            lambda: found.table[columns].assign(tags=found.table["tags"].map(", ".join)),
            "leafscope-comparison",
            key="_compare_csv",
            hint="The compared runs: every field of the configuration, and all scores at the best and the last epoch.",
        )
        sweep_ids = [found.sweep.sweep_id] if found.sweep is not None and len(found.table) == len(found.shown) else []
        actions.save_archive(chosen, "compare", sweep_ids)


def _shared_words(found: Selection) -> str:
    """What all compared runs have in common, in words."""
    same = of_numbers(shared(found.table)) if predict_numbers(found.table) else shared(found.table)
    parts = [f"{field_words(field)} {theme.one_line(value_words(field, value), 40)}" for field, value in same.items()]
    return ", ".join(parts)
