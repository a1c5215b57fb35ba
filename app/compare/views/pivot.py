"""Pivot: one field in the rows, one in the columns, the mean score in each cell; a click shows its runs."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.address.choice import pick
from leafscope.app.compare.columns import column_words, score_of
from leafscope.app.compare.run_lines import run_lines
from leafscope.app.compare.selection import Selection, runs_words
from leafscope.app.figures.compare.pivot_cells import Cell, PivotCells
from leafscope.app.figures.compare.pivot_map import PivotMap
from leafscope.app.parts import drawing
from leafscope.core.comparison.groups import group_fields, pivot
from leafscope.core.comparison.table import field_words, value_words

Runs = Mapping[Cell, tuple[str, ...]]
"""The runs behind each cell."""


def show(found: Selection) -> None:
    """Ask for the two fields and the score, and show the mean score of each cell."""
    fields = ["model", *group_fields(found.table)]
    if len(fields) < 2:
        st.info("A pivot needs two fields, besides the seed, in which the runs differ.")
        return
    names = {field: field_words(field) for field in fields}
    left, middle, right = st.columns(3)
    with left:
        down = pick("rows", "Rows", fields, fields[0], names)
    with middle:
        others = [field for field in fields if field != down]
        across = pick("columns", "Columns", others, others[-1 if len(others) < 3 else 1], names)
    with right:
        columns = [found.column(split, which) for split in (*found.splits, "train") for which in ("best", "last")]
        column = pick("value", "Score", columns, columns[0], {name: column_words(name) for name in columns})
    cells, runs, mixed = _cells(found, down, across, column)
    chosen = _chosen(runs)
    averaged = f" Averaged over {theme.enumerate_words([field_words(field) for field in mixed])}." if mixed else ""
    drawing.show(
        PivotMap(cells, row_title=names[down], column_title=names[across], score=score_of(column), chosen=chosen),
        key="pivot",
        caption=f"Mean over seeds with its 95 % interval, n seeds.{averaged} {found.always()}",
        subject=found.subject,
        hint="Click a cell to see its runs.",
        on_select=_select_cell,
    )
    if chosen is not None:
        rows = found.table[found.table["run_id"].isin(runs[chosen])]
        st.header(f"{runs_words(len(rows))} of this cell")
        st.dataframe(run_lines(found, rows), hide_index=True, placeholder=theme.MISSING, key="cell_runs")


def _cells(found: Selection, down: str, across: str, column: str) -> tuple[PivotCells, Runs, list[str]]:
    """Lay out the cells, with the runs of each, and the fields that differ within one."""
    table = pivot(found.table, down, across, column)
    rows, columns = (
        list(dict.fromkeys(_axis_value(field, value) for value in _ordered(table[name])))
        for field, name in ((down, "row"), (across, "column"))
    )
    mean, low, high = np.full((3, len(rows), len(columns)), math.nan)
    n = np.zeros(mean.shape, dtype=np.int64)
    runs: dict[Cell, tuple[str, ...]] = {}
    mixed: set[str] = set()
    for cell in table.to_dict("records"):
        place = rows.index(_axis_value(down, cell["row"])), columns.index(_axis_value(across, cell["column"]))
        mean[place], low[place], high[place], n[place] = (cell[name] for name in ("mean", "low", "high", "n"))
        runs[place] = cell["run_ids"]
        mixed |= set(cell["varies"])
    return PivotCells(rows, columns, mean, low, high, n), runs, sorted(mixed)


def _ordered(values: "pd.Series[Any]") -> list[Any]:
    """Values of an axis: numbers ascending, then others as they come."""
    distinct = list(dict.fromkeys(None if pd.isna(value) else value for value in values))
    numbers = sorted(value for value in distinct if isinstance(value, (int, float)))
    return [
        *numbers,
        *(value for value in distinct if not isinstance(value, (int, float)) and value is not None),
        *([None] * (None in distinct)),
    ]


def _axis_value(field: str, value: Any) -> str:
    return theme.one_line(value_words(field, None if pd.isna(value) else value), 40)


def _select_cell() -> None:
    points = st.session_state["pivot"]["selection"]["points"]
    if points:
        row, column = points[0]["customdata"][:2]
        st.session_state["cell"] = st.session_state["_cell_tokens"].get((int(row), int(column)), "")


def _chosen(runs: Runs) -> Cell | None:
    """Give the cell whose runs are shown: the one clicked last, else that of the address, which names one of its runs."""
    session.seed_from_url("cell", str, "")
    asked = str(st.session_state["cell"])
    st.session_state["_cell_tokens"] = {place: min(ids) for place, ids in runs.items()}
    session.publish_to_url("cell", asked if any(asked in ids for ids in runs.values()) else "", "")
    return next((place for place, ids in runs.items() if asked in ids), None)
