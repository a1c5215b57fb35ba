"""Splits that a file gives: a column that names the split of each row, a column of groups, or a second file of test rows.

N rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_TABLE_ROWS
from leafscope.core.tables.choices import Choices
from leafscope.core.tables.columns import Column, shown
from leafscope.core.tables.parsing.marks import FALSE, TRUE

if TYPE_CHECKING:
    from leafscope.core.tables.table import Table

TRAIN, VALIDATION, TEST = 0, 1, 2

WORDS = {
    **dict.fromkeys(("train", "training", "fit", "learn"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "holdout"), TEST),
}
"""What a cell of a split column may say, whatever its case."""


def given(columns: Sequence[Column], choices: Choices) -> NDArray[np.int32] | None:
    """Read the split of each row from the chosen column: (N,); None: no column was chosen. Raises TableError for other words.

    A column with yes and no whose name speaks of test says which rows are for testing.
    """
    if choices.split is None:
        return None
    column = next(one for one in columns if one.name == choices.split)
    meant = dict(WORDS)
    if column.kind == "boolean" and "test" in column.name.lower():
        meant |= dict.fromkeys(TRUE, TEST) | dict.fromkeys(FALSE, TRAIN)
    values, rows, of_row = np.unique(column.values, return_index=True, return_inverse=True)
    codes = []
    for value, row in zip(values.tolist(), rows.tolist(), strict=True):
        text = _text(column, float(value))
        if text.strip().lower() not in meant:
            raise TableError(
                f"the column {column.name!r:.80} must say train, validation or test in each row, but row {row + 1:,} has "
                f"{text!r:.60}"
            )
        codes.append(meant[text.strip().lower()])
    return np.array(codes, np.int32)[of_row]


def groups(columns: Sequence[Column], choices: Choices) -> NDArray[np.int32] | None:
    """Number the groups of the chosen column: (N,); None: no column was chosen. A row without a value is a group of its own."""
    if choices.group is None:
        return None
    column = next(one for one in columns if one.name == choices.group)
    of_row = np.unique(column.values, return_inverse=True)[1]
    alone = np.flatnonzero(column.is_missing)
    of_row[alone] = len(column.values) + np.arange(len(alone))
    return of_row.astype(np.int32)


def checked(table: "Table") -> "Table":
    """Return a table whose splits can be used; raises TableError with what must hold."""
    if table.given is not None and table.group is not None:
        raise TableError("a table must have its splits from one source: a column of splits, a test file, or groups")
    if table.split_rows is not None and not (table.split_rows[TRAIN] and table.split_rows[VALIDATION] + table.split_rows[TEST]):
        raise TableError("the rows must be of two splits at least, one of them for training")
    if table.group is not None and len(np.unique(table.group)) < 3:
        raise TableError("there must be at least 3 groups, one for each split, got fewer")
    return table


def with_test(table: "Table", test: Sequence[Column]) -> "Table":
    """Add the rows of a test file, whose columns have the meaning of the table's; rows without a target are left out.

    `test` are the table's features and its target, in the order of `table.columns`, as `new_rows.test_columns` reads them.
    """
    by_name = {column.name: column for column in test}
    goal = by_name[table.target]
    used = ~goal.is_missing
    if not used.any():
        raise TableError("the test file must have rows with a target")
    n = int(used.sum())
    if table.rows + n > MAX_TABLE_ROWS:
        raise TableError(f"a table and its test file must have at most {MAX_TABLE_ROWS:,} rows, got {table.rows + n:,}")
    columns, missing = [], []
    for column, count in zip(table.columns, table.missing, strict=True):
        blank = np.full(n, -1, np.int32) if column.values.dtype.kind == "i" else np.full(n, np.nan)
        more = by_name[column.name].values[used] if column.name in by_name else blank
        values = np.concatenate([column.values, more.astype(column.values.dtype)])
        values.setflags(write=False)
        categories = by_name[column.name].categories if column.name in by_name and column.categories else column.categories
        columns.append(replace(column, values=values, categories=categories))
        missing.append(count + (by_name[column.name].missing if column.name in by_name else 0))
    y = np.concatenate([table.y, _answers(table, goal)[used]])
    split = np.repeat(np.array([TRAIN, TEST], np.int32), [table.rows, n])
    return checked(replace(table, columns=tuple(columns), missing=tuple(missing), y=y, given=split))


def _answers(table: "Table", goal: Column) -> NDArray[np.float64]:
    if table.classes is None:
        return goal.values.astype(np.float64)
    place = {name: float(code) for code, name in enumerate(table.classes)}
    answers = np.full(len(goal.values), np.nan)
    for value in np.unique(goal.values[~goal.is_missing]).tolist():
        text = shown(goal, float(value))
        if text not in place:
            row = int(np.flatnonzero(goal.values == value)[0])
            raise TableError(
                f"the target of the test file must be one of the classes of the table, but row {row + 1:,} has {text!r:.60}"
            )
        answers[goal.values == value] = place[text]
    return answers


def _text(column: Column, value: float) -> str:
    return "" if value != value or (column.categories and value < 0) else shown(column, value)
