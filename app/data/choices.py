"""The controls of how a file is read and what its columns are used for; each begins with what was found."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from leafscope.app import theme
from leafscope.app.data.dropped import MOST_MB, Dropped
from leafscope.core.errors import TableError
from leafscope.core.tables import Choices, Table, Understood, add_test
from leafscope.core.tables.choices import Rare, Task
from leafscope.core.tables.target import RARE

_FOUND = "found"

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe |", "whitespace": "spaces"}
DECIMALS = {".": "point", ",": "comma"}
ENCODINGS = {"utf-8": "UTF-8", "cp1252": "cp1252 (Windows)", "latin-1": "Latin-1", "utf-16": "UTF-16"}
HEADERS = {True: "names", False: "values, no names"}
ORDERS = {True: "Day first: 01/02/2024 is the first of February", False: "Month first: 01/02/2024 is the second of January"}
RARES: Mapping[Rare, str] = {"keep": "Keep them", "merge": "Merge them to one class", "drop": "Drop their rows"}
FILLS = {
    True: "Fill them: median or most frequent value of the training rows, and a column that says where",
    False: "Drop rows with missing values",
}
TASKS: Mapping[Task, str] = {"classification": "Classes (classification)", "regression": "Numbers (regression)"}


def of_reading(file: Dropped) -> Choices:
    """Draw the controls of how the file is read; what was found stands in each."""
    source, known = file.found, file.understood
    with st.expander("How the file is read", expanded=True):
        if source is not None and source.encoding is None:
            st.caption("A Parquet file says itself how it is read.")
            return Choices()
        delimiter = _ask(file, "Between cells", DELIMITERS, source and source.delimiter)
        decimal = _ask(file, "Decimal mark", DECIMALS, source and source.decimal)
        header = _ask(file, "First row", HEADERS, source and source.header)
        encoding = _ask(file, "Encoding", ENCODINGS, source and source.encoding)
        has_dates = known is not None and any(column.kind == "date" for column in known.columns)
        order = _ask(file, "Order of dates", ORDERS, None) if has_dates else None
    return Choices(delimiter=delimiter, decimal=decimal, header=header, encoding=encoding, day_first=order)


def _ask(file: Dropped, label: str, words: Mapping[Any, str], found: Any) -> Any:
    """Ask for one of the values; None: as found, which is named where it is known."""
    as_found = "as found" if found is None else f"found: {words.get(found, found)}"
    chosen = st.selectbox(
        label,
        [_FOUND, *words],
        format_func=lambda value: as_found if value == _FOUND else words[value],
        key=f"_read_{label}_{file.token}",
        persist_state="session",
    )
    return None if chosen == _FOUND else chosen


def of_use(file: Dropped, understood: Understood, reading: Choices) -> Choices:
    """Draw the controls of what is predicted by what."""
    names = [column.name for column in understood.columns]
    token = f"{file.token}_{abs(hash(tuple(names)))}"
    try:
        proposed = understood.table().target
    except TableError:
        proposed = names[-1]
    target = st.selectbox(
        "Predict",
        names,
        index=names.index(proposed),
        format_func=lambda name: theme.one_line(name, 60),
        key=f"_use_target_{token}",
        help="The target: the column that a model learns to predict.",
        persist_state="session",
    )
    choices = replace(reading, target=None if target == proposed else target)
    table = _table(understood, choices)
    task = st.selectbox(
        "As",
        list(TASKS),
        index=list(TASKS).index("classification" if table is None else table.task),
        format_func=TASKS.__getitem__,
        key=f"_use_task_{token}_{names.index(target)}",
        persist_state="session",
    )
    choices = replace(choices, task=None if table is not None and table.task == task else task)
    table = _table(understood, choices) or table
    choices = _of_columns(choices, table, understood, f"{token}_{names.index(target)}")
    choices = _of_splits(choices, [name for name in names if name != target], token)
    if any(column.missing for column in understood.columns):
        fill = st.radio(
            "Missing values", list(FILLS), format_func=FILLS.__getitem__, key=f"_use_fill_{token}", persist_state="session"
        )
        choices = replace(choices, fill=fill)
    if table is not None and table.classes is not None and "classes with fewer than" in table.target_why:
        rare = st.radio(
            f"Classes with fewer than {RARE} rows",
            list(RARES),
            format_func=RARES.__getitem__,
            key=f"_use_rare_{token}_{names.index(target)}",
            persist_state="session",
        )
        choices = replace(choices, rare=rare)
    return choices


def _of_splits(choices: Choices, names: list[str], token: str) -> Choices:
    """Ask for a column that says the split of each row, or its group, which no two splits share."""
    with st.expander("Splits", key=f"_use_splits_{token}"):
        words = {None: "drawn at random for each seed"} | {name: theme.one_line(name, 60) for name in names}
        split = st.selectbox(
            "Split of each row",
            list(words),
            format_func=words.__getitem__,
            key=f"_use_split_{token}",
            help="A column that says train, validation or test in each row.",
            persist_state="session",
        )
        words[None] = "none"
        group = st.selectbox(
            "Groups that stay together",
            list(words),
            format_func=words.__getitem__,
            key=f"_use_group_{token}",
            help="Rows with the same value here, such as those of one person, never stand in two splits.",
            persist_state="session",
        )
    return replace(choices, split=split, group=group)


def test_file(table: Table, token: str) -> Table:
    """Ask for a file of test rows, and add its rows to the table; says what is wrong with it."""
    if table.given is not None or table.group is not None:
        return table
    file = st.file_uploader(
        "A file of test rows",
        key=f"_test_file_{token}",
        max_upload_size=MOST_MB,
        help="With the same columns. Its rows are the test split; those of the first file are for training and validation.",
    )
    if file is None:
        return table
    try:
        return add_test(table, file.getvalue())
    except TableError as error:
        st.error(theme.escape_markdown(f"{file.name}: {error}", 400), icon=":material/error:")
        return table


def _of_columns(choices: Choices, table: Table | None, understood: Understood, token: str) -> Choices:
    """Ask which columns are left out; those that are left out by themselves are chosen at first."""
    columns = understood.columns if table is None else table.columns
    names = [column.name for column in columns if table is None or column.name != table.target]
    automatic = [column.name for column in columns if column.left_out and column.name in names]
    left_out = st.multiselect(
        "Columns left out",
        names,
        default=automatic,
        format_func=lambda name: theme.one_line(name, 40),
        key=f"_use_left_out_{token}",
        help="Why each is left out stands in the list of columns. Take one out of this field to use it.",
        persist_state="session",
    )
    return replace(
        choices,
        drop=tuple(name for name in left_out if name not in automatic),
        keep=tuple(name for name in automatic if name not in left_out),
    )


def _table(understood: Understood, choices: Choices) -> Table | None:
    try:
        return understood.table(choices)
    except TableError:
        return None
