"""Scatter: any two fields or scores against each other, a marker a run."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.address.choice import check, pick
from leafscope.app.compare.columns import column_words, plotted
from leafscope.app.compare.run_lines import run_lines
from leafscope.app.compare.selection import Selection
from leafscope.app.figures.compare.field_scatter import Field, FieldScatter
from leafscope.app.parts import drawing
from leafscope.core.comparison.table import differing, measures_of
from leafscope.core.sweep.outcome import SHARES


def show(found: Selection) -> None:
    """Ask for the axes, and show the runs; a click on a marker shows its run below."""
    options = [
        name for name in ("model", *differing(found.table), *measures_of(found.table)) if found.report or "test" not in name
    ]
    options = [name for name in options if found.table[name].notna().any()]
    left, right = st.columns(2)
    with left:
        x = _field(found, "x", options, "parameters" if "parameters" in options else options[0])
    with right:
        y = _field(found, "y", options, found.score if found.score in options else options[-1])
    of_run = {run_id: place for place, group in enumerate(found.groups) for run_id in group.rows["run_id"]}
    drawing.show(
        FieldScatter(
            x,
            y,
            group=[of_run[run_id] for run_id in found.table["run_id"]],
            styles=found.styles,
            names=list(found.table["title"]),
            run_ids=list(found.table["run_id"]),
        ),
        key="scatter",
        caption=f"One marker per run. {found.always()}",
        subject=found.subject,
        hint="Click a marker to see its run.",
        on_select=_select_run,
    )
    if (run_id := st.session_state.get("_clicked_run")) in found.summaries:
        rows = found.table[found.table["run_id"] == run_id]
        st.dataframe(run_lines(found, rows), hide_index=True, placeholder=theme.MISSING, key="clicked_run")


def _field(found: Selection, axis: str, options: list[str], default: str) -> Field:
    """Ask what an axis shows."""
    names = {name: column_words(name) for name in options}
    name = pick(axis, f"{axis} axis", options, default, names)
    log = check(f"scatter_log_{axis}", f"Logarithmic {axis} axis")
    unit = " (percent of rows)" if name in SHARES else ""
    return Field(names[name] + unit, plotted(found.table, name), log)


def _select_run() -> None:
    points = st.session_state["scatter"]["selection"]["points"]
    if points:
        data = points[0]["customdata"]
        st.session_state["_clicked_run"] = data if isinstance(data, str) else data[0]
