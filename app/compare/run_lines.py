"""The compared runs as a table: one line a run."""

from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.compare.columns import heading
from leafscope.app.compare.selection import Selection
from leafscope.app.parts import run_picker
from leafscope.core.comparison.table import differing, value_words


def run_lines(found: Selection, rows: pd.DataFrame) -> pd.DataFrame:
    """Lay runs out as a table shows them: name, what differs among all compared runs, scores."""
    fields = [field for field in differing(found.table) if field not in ("split_seed", "init_seed")]
    place = {run_id: number for number, group in enumerate(found.groups) for run_id in group.rows["run_id"]}
    columns: dict[str, Any] = {"Run": [theme.one_line(title, 80) for title in rows["title"]]}
    if len(found.groups) > 1:
        columns["Group"] = [
            theme.one_line(found.words[place[run_id]], 60) if run_id in place else "" for run_id in rows["run_id"]
        ]
    for split in found.splits:
        for which in ("best", "last"):
            scores = rows[found.column(split, which)].to_numpy()
            columns[heading(found.column(split, which))] = 100 * scores if found.is_share else scores
    columns["Best epoch"] = rows["best_epoch"].to_numpy()
    for field in fields:
        numeric = pd.api.types.is_numeric_dtype(rows[field])
        columns[heading(field)] = rows[field].to_numpy() if numeric else _words(field, rows[field])
    if rows["tags"].map(bool).any():
        columns["Tags"] = [[theme.one_line(tag, 40) for tag in tags] for tags in rows["tags"]]
    if rows["comment"].map(bool).any():
        columns["Comment"] = [theme.one_line(text, 200) for text in rows["comment"]]
    if (rows["status"] != "finished").any():
        columns["Status"] = [run_picker.STATUS_WORDS[status] for status in rows["status"]]
    columns["Time (s)"] = rows["seconds"].to_numpy()
    return pd.DataFrame(columns)


def _words(field: str, column: "pd.Series[Any]") -> list[str]:
    """Write a column, each of its few values once."""
    values = column.tolist()
    words = {value: value_words(field, value) for value in dict.fromkeys(values)}
    return [words[value] for value in values]


def column_config(found: Selection) -> dict[str, Any]:
    """Say how the columns of `run_lines` are written."""
    form = "%.1f %%" if found.is_share else "%.4f"
    heads = [heading(found.column(split, which)) for split in found.splits for which in ("best", "last")]
    return {head: st.column_config.NumberColumn(format=form) for head in heads} | {
        "Time (s)": st.column_config.NumberColumn(format="%.1f"),
        "Best epoch": st.column_config.NumberColumn(format="%d", help="Of the lowest validation loss."),
        "Tags": st.column_config.ListColumn(),
    }
