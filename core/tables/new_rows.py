"""Reading new rows for a table: a file whose columns mean what the table's columns of the same names mean.

N rows.
"""

import os
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.tables import dates
from leafscope.core.tables.choices import Choices
from leafscope.core.tables.columns import Column, shown
from leafscope.core.tables.parsing.marks import FALSE, TRUE
from leafscope.core.tables.reading import understand
from leafscope.core.tables.splitting import with_test
from leafscope.core.tables.table import Table

_PLAIN = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}


def new_rows(table: Table, file: str | os.PathLike[str] | bytes) -> list[Column]:
    """Read a file as rows of the table's features, in their order; other columns are ignored, the target may be missing.

    The file is read as the table's was, or, if that does not fit, as is found. A category that the table does not have is
    behind the column's own, and `why` names it, as it does cells that count as missing. Raises TableError with one sentence
    that names the column: one that is missing, or a value of another kind.
    """
    return _as_table(table, lambda choices: _rows(table, file, choices))


def _as_table(table: Table, rows: Callable[[Choices], list[Column]]) -> list[Column]:
    """Read a file as the table's was, or as is found."""
    source = table.source
    if source.encoding is None:
        return rows(Choices())
    decimal: Literal[".", ","] | None = "," if source.decimal == "," else None
    try:
        return rows(Choices(delimiter=source.delimiter, decimal=decimal, header=source.header))
    except TableError as fault:
        try:
            return rows(Choices(header=source.header))
        except TableError:
            raise fault from None


def add_test(table: Table, file: str | os.PathLike[str] | bytes) -> Table:
    """Add the rows of a second file as test rows; raises TableError as `read` does, and for other columns or classes."""
    return with_test(table, test_columns(table, file))


def test_columns(table: Table, file: str | os.PathLike[str] | bytes) -> list[Column]:
    """Read a file of test rows as the table's features and its target, in the order of the table; raises as `new_rows`."""
    return _as_table(table, lambda choices: _test_columns(table, file, choices))


def _test_columns(table: Table, file: str | os.PathLike[str] | bytes, choices: Choices) -> list[Column]:
    wanted = [column for column in table.columns if column.name == table.target or not column.left_out]
    categories = [column.name for column in wanted if column.kind == "categorical"]
    found = {column.name: column for column in understand(file, choices, categories).columns}
    for column in wanted:
        if column.name not in found:
            raise TableError(f"the test file must have the columns of the table, but column {column.name!r:.80} is missing")
    return [_as(column, found[column.name]) for column in wanted]


def _rows(table: Table, file: str | os.PathLike[str] | bytes, choices: Choices) -> list[Column]:
    categories = [column.name for column in table.features if column.kind == "categorical"]
    found = {column.name: column for column in understand(file, choices, categories).columns}
    missing = [column.name for column in table.features if column.name not in found]
    if missing:
        more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
        named = ", ".join(repr(name[:60]) for name in missing[:5])
        raise TableError(
            f"the file must have the columns that {table.name!r:.60} predicts by, but column{'s' * (len(missing) > 1)} {named}"
            f"{more} {'are' if len(missing) > 1 else 'is'} missing"
        )
    return [_as(column, found[column.name]) for column in table.features]


def _as(column: Column, new: Column) -> Column:
    """Give the values of a new column the meaning that the table's column has."""
    odd = new.why if "as missing" in new.why else ""
    if column.kind != "categorical":
        return Column(column.name, column.kind, _CONVERT[column.kind](column, new), column.categories, odd)
    codes, more = _codes(column, new)
    if more:
        row, count = int((codes >= len(column.categories)).argmax()), int((codes >= len(column.categories)).sum())
        odd = f"row {row + 1:,} has {more[0]!r:.60}, a category that the table does not have; {count:,} such in all"
    return Column(column.name, column.kind, codes, (*column.categories, *more), odd)


def _refuse(column: Column, new: Column, row: int, must: str) -> TableError:
    value = shown(new, float(new.values[row]))
    return TableError(f"column {column.name!r:.80} must hold {must}, but row {row + 1:,} has {value!r:.60}")


def _first(new: Column) -> int:
    return int((~new.is_missing).argmax())


def _numbers(column: Column, new: Column) -> NDArray[np.float64]:
    if new.kind == "categorical" and new.is_missing.all():
        return np.full(len(new.values), np.nan)
    words = {word.lower() for word in new.categories}
    if new.kind == "numeric" or (new.kind == "boolean" and words <= _PLAIN.keys()):
        return new.values.astype(np.float64)
    raise _refuse(column, new, _first(new), "numbers")


def _truths(column: Column, new: Column) -> NDArray[np.float64]:
    words = {word.lower(): float(place) for place, word in enumerate(column.categories)}
    meant: Mapping[str, float] = dict.fromkeys(FALSE, 0.0) | dict.fromkeys(TRUE, 1.0) | _PLAIN | words
    values = np.full(len(new.values), np.nan)
    for row, text in _texts(new).items():
        if text.lower() not in meant:
            raise _refuse(column, new, row, f"{column.categories[0]!r:.30} or {column.categories[1]!r:.30}")
        values[new.values == new.values[row]] = meant[text.lower()]
    return values


def _codes(column: Column, new: Column) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """The place of each row's category among the column's, and behind them those that it does not have."""
    place = {text: code for code, text in enumerate(column.categories)}
    n = len(place)
    codes = np.full(len(new.values), -1, np.int32)
    distinct, of_row = np.unique(new.values, return_inverse=True)
    code_of = np.full(len(distinct), -1, np.int32)
    for row, text in _texts(new).items():
        code_of[of_row[row]] = place.setdefault(text, len(place))
    codes[~new.is_missing] = code_of[of_row][~new.is_missing]
    return codes, tuple(place)[n:]


def _days(column: Column, new: Column) -> NDArray[np.float64]:
    if new.is_missing.all():
        return np.full(len(new.values), np.nan)
    if new.kind == "date":
        return new.values.astype(np.float64)
    # with another date, since a single one alone is taken for a number
    found = dates.compact_dates(np.append(new.values, [20000101, 20000102])) if new.kind == "numeric" else None
    if found is None:
        raise _refuse(column, new, _first(new), "dates")
    return found[:-2]


def _texts(new: Column) -> dict[int, str]:
    """Return the first row of each distinct value, and the value as it is written."""
    _, rows = np.unique(new.values, return_index=True)
    missing = new.is_missing
    return {row: _written(new, row) for row in sorted(rows.tolist()) if not missing[row]}


def _written(new: Column, row: int) -> str:
    return new.categories[int(new.values[row])] if new.categories else shown(new, float(new.values[row]))


_CONVERT: Mapping[str, Callable[[Column, Column], NDArray[np.float64]]] = {
    "numeric": _numbers,
    "boolean": _truths,
    "date": _days,
}
