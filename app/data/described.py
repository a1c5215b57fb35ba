"""What a table holds: its first rows, the target, each column with its kind, missing values and a small histogram."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.figures.data.target_classes import TargetClasses
from leafscope.app.figures.data.target_values import TargetValues
from leafscope.app.figures.shared.figure import Figure
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table
from leafscope.core.config import DataConfig
from leafscope.core.datasets import Dataset
from leafscope.core.datasets.splits import SplitRows, divide, split_sizes
from leafscope.core.errors import DataError
from leafscope.core.tables import Column, Source, Table
from leafscope.core.tables.columns import shown
from leafscope.core.tables.duplicates import also_in, repeats, row_codes
from leafscope.core.tables.reading import FIRST_ROWS

BARS = 12
"""Bars of a column's small histogram."""

BETWEEN = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "pipes", "whitespace": "spaces", None: "nothing"}


def as_table(data: Dataset) -> Table:
    """Return a loaded data set as a table of numbers, with its class as the last column."""
    columns = [Column(name, "numeric", data.raw[:, place]) for place, name in enumerate(data.feature_names)]
    classes = Column("class", "categorical", data.labels.astype(np.int32), data.class_names)
    return Table(
        name=data.info.title,
        source=Source(),
        columns=(*columns, classes),
        missing=(0,) * (len(columns) + 1),
        target="class",
        target_why="",
        task="classification",
        classes=data.class_names,
        y=data.labels.astype(np.float64),
    )


def first_rows(table: Table) -> list[tuple[str, ...]]:
    """Write the first rows of a table."""
    return list(zip(*(_written(column) for column in table.columns), strict=True))


def _written(column: Column) -> list[str]:
    missing = column.is_missing
    return [
        "" if missing[row] else shown(column, float(column.values[row])) for row in range(min(FIRST_ROWS, len(column.values)))
    ]


def heading(table: Table) -> str:
    """Say in a sentence, as Markdown, what predicts what."""
    used = len(table.features)
    features = f"{theme.thousands(table.n_features)} feature{'s' * (table.n_features != 1)}"
    goal = f"{len(table.classes):,} classes" if table.classes is not None else "numbers"
    rows = f"{theme.thousands(table.rows)} rows"
    if table.split_rows is not None:
        named = zip(table.split_rows, ("training", "validation", "test"), strict=True)
        rows += f" ({', '.join(f'{theme.thousands(n)} for {word}' for n, word in named if n)}, as given)"
    if table.group is not None:
        rows += f" in {theme.thousands(int(table.group.max()) + 1)} groups, none of which stands in two splits"
    return (
        f"**{theme.escape_markdown(table.name, 80)}**: {rows}. "
        f"{theme.thousands(used)} column{'s' * (used != 1)}, encoded as {features}, "
        f"predict{'s' * (used == 1)} **{theme.escape_markdown(table.target, 60)}** ({goal})."
    )


def preview(names: Sequence[str], rows: Sequence[Sequence[str]], n_rows: int) -> None:
    """Show the first rows as text, as they are written in the file."""
    frame = pd.DataFrame([list(row) + [""] * (len(names) - len(row)) for row in rows], columns=list(names), dtype="str")
    st.dataframe(frame, hide_index=True, height=38 + 35 * 8, key="data_preview", alt=f"The first {len(rows)} rows, as text.")
    st.caption(f"The first {len(rows)} of {theme.thousands(n_rows)} rows, as text.")


def target(table: Table) -> None:
    """Show the distribution of the target."""
    of: Figure = (
        TargetValues(table.y, table.target)
        if table.class_rows is None or table.classes is None
        else TargetClasses(table.class_rows, table.classes, table.target)
    )
    why = f"The target was {table.target_why}." if table.target_why not in ("", "chosen") else ""
    drawing.show(of, key="data_target", caption=f"All rows that can be used. {why}".strip(), subject=table.name, share=0.5)


def source_words(table: Table) -> str:
    """Say how the file was read; empty: it is no text."""
    source = table.source
    if source.encoding is None:
        return ""
    between = BETWEEN.get(source.delimiter, f"“{source.delimiter}”")
    mark = "comma" if source.decimal == "," else "point"
    names = "The first row holds names." if source.header else "The first row holds values; columns have numbers for names."
    return f"Read as {source.encoding}: {between} between cells, decimal {mark}. {names}"


def columns(table: Table) -> None:
    """List the columns: use, kind, missing values, small histogram, and what was noted of each."""
    left_out = [column for column in table.columns if column.left_out and column.name != table.target]
    words = f"{len(left_out)} of {len(table.columns)} columns {'is' if len(left_out) == 1 else 'are'} left out"
    st.header("Columns")
    if left_out:
        named = [f"{theme.one_line(one.name, 40)} ({theme.one_line(one.left_out, 120)})" for one in left_out[:8]]
        more = f", and {len(left_out) - 8:,} more" if len(left_out) > 8 else ""
        st.markdown(theme.escape_markdown(f"{words}: {'; '.join(named)}{more}."))
    frame = _frame(table)
    st.dataframe(
        frame,
        hide_index=True,
        height=min(38 + 35 * len(frame), 460),
        key="data_columns",
        column_config={
            "Values": st.column_config.BarChartColumn(
                "Values",
                help="Rows by value: of numbers and dates equal steps from the lowest to the highest, else categories.",
                y_min=0,
            ),
            "Range": st.column_config.TextColumn("Range", width="medium"),
            "Noted": st.column_config.TextColumn("Noted", width="large"),
        },
        alt="The columns of the table, with use, kind, missing values and what was noted of each.",
    )
    with st.container(horizontal=True):
        save_table(lambda: frame.drop(columns="Values"), "leafscope-columns", key="_columns_csv")


def _frame(table: Table) -> pd.DataFrame:
    lines = []
    for about, column, missing in zip(table.described()["columns"], table.columns, table.missing, strict=True):
        counts, span = _histogram(column)
        use = {"target": "target", "dropped": "left out"}.get(about["kind"], "feature")
        lines.append(
            {
                "Column": theme.one_line(column.name, 80),
                "Use": use,
                "Kind": "yes or no" if column.kind == "boolean" else column.kind,
                "Missing": missing,
                "Values": counts,
                "Range": span,
                "Noted": theme.one_line(about["why"], 300),
            }
        )
    return pd.DataFrame(lines)


def _histogram(column: Column) -> tuple[list[int], str]:
    """Count rows by value, and say which values occur."""
    known = column.values[~column.is_missing]
    if not len(known):
        return [], ""
    if column.kind in ("categorical", "boolean"):
        counts = np.bincount(known.astype(np.int64), minlength=max(1, len(column.categories)))
        order = np.argsort(-counts, kind="stable")[:BARS]
        named = [theme.one_line(column.categories[one], 24) for one in order[:3].tolist() if counts[one]]
        n = int((counts > 0).sum())
        return counts[order].tolist(), f"{', '.join(named)}{f' and {n - len(named)} more' if n > len(named) else ''}"
    low, high = float(known.min()), float(known.max())
    counts = np.histogram(known, BARS, (low, high))[0] if high > low else np.array([len(known)])
    return counts.tolist(), f"{shown(column, low)} to {shown(column, high)}"


def first_splits(table: Table) -> SplitRows | None:
    """The rows of each split as a run with seed 0 will have them; None: they cannot be split."""
    classes = table.classes or ()
    given = None if table.split_rows is None else (table.split_rows[0], table.split_rows[1], table.split_rows[2])
    try:
        sizes = split_sizes(DataConfig(), table.rows, len(classes), given, table.largest_group or 1)
        return divide(table.y.astype(np.int64) if classes else table.y, sizes, classes, 0, table.given, table.group)
    except DataError:
        return None


def duplicates(table: Table, train: Sequence[int] | None, test: Sequence[int] | None) -> None:
    """Say how many rows repeat others, and how many test rows a training row has shown already."""
    codes = row_codes(column.values for column in table.features)
    found = repeats(codes, table.y)
    if not found.rows:
        st.caption("No two rows have the same features.")
        return
    words = f"{theme.thousands(found.rows)} of {theme.thousands(table.rows)} rows repeat the features of an earlier row"
    if found.contradictory:
        words += f"; {theme.thousands(found.contradictory)} rows share their features with a row of another target"
    if train is not None and test is not None and len(test):
        both, when = also_in(codes, test, train), "As given" if table.given is not None else "With seed 0"
        share = f"{theme.thousands(both)} of {theme.thousands(len(test))} test rows"
        words += (
            f". {when}, {share} {'has' if both == 1 else 'have'} the features of a training row "
            f"({theme.percent(both / len(test))}): {'it tests' if both == 1 else 'they test'} memory, not generalization"
            if both
            else f". {when}, no test row has the features of a training row"
        )
    st.markdown(f":material/content_copy: {words}.")
