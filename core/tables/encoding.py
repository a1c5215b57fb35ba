"""Encoding the columns of a table as features, fitted on training rows alone.

N rows · P features. A missing number becomes the median of the training rows, a missing category or truth the commonest one, a
missing date the median day; a feature more says where a value is missing. The number of features follows from the table, so it
is the same for every split.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.tables.columns import Column
from leafscope.core.tables.dates import parts_of
from leafscope.core.tables.table import CAP, Table

Values = NDArray[np.float64]


class Encoded(NamedTuple):
    """The features of a table."""

    x: NDArray[np.float64]
    """(N, P) in the units of the table; a split standardizes them to float32."""
    names: tuple[str, ...]
    """P names, such as `colour = red`, `day (weekday)`, `age is missing`."""


def encode(table: Table, train: NDArray[np.int64], new: Sequence[Column] | None = None) -> Encoded:
    """Encode all rows; medians, commonest values and the categories with a feature of their own are those of rows `train`.

    `new`: the columns of other rows, as `new_rows` reads them, to be encoded instead of the table's own.
    """
    shown = table.features if new is None else new
    x = np.empty((len(shown[0].values), table.n_features), np.float64)
    names: list[str] = []
    for column, of_rows in zip(table.features, shown, strict=True):
        for name, values in _features(column, train, of_rows):
            x[:, len(names)] = values
            names.append(name)
    return Encoded(x, tuple(names))


def _features(column: Column, train: NDArray[np.int64], of_rows: Column) -> Iterator[tuple[str, Values]]:
    known = column.values[train]
    known = known[known >= 0] if known.dtype.kind == "i" else known[~np.isnan(known)]
    missing, values_of_rows = of_rows.is_missing, of_rows.values
    if column.kind == "categorical":
        yield from _one_hot(column, known, values_of_rows)
    elif column.kind == "date":
        parts = parts_of(np.where(missing, np.floor(_middle(known)), values_of_rows))
        for part, values in zip(("year", "month", "weekday"), parts, strict=True):
            yield f"{column.name} ({part})", values
    else:
        fill = float(2 * known.sum() > len(known)) if column.kind == "boolean" else _middle(known)
        yield column.name, np.where(missing, fill, values_of_rows)
    if column.missing:
        yield f"{column.name} is missing", missing.astype(np.float64)


def _middle(known: NDArray[np.float64] | NDArray[np.int32]) -> float:
    return float(np.median(known)) if len(known) else 0.0


def _one_hot(
    column: Column, known: NDArray[np.float64] | NDArray[np.int32], of_rows: NDArray[np.float64] | NDArray[np.int32]
) -> Iterator[tuple[str, Values]]:
    counts = np.bincount(known.astype(np.int64), minlength=len(column.categories))
    common = np.argsort(-counts, kind="stable")
    codes = np.where(of_rows < 0, common[0], of_rows).astype(np.int64)
    own: Sequence[int] = sorted(common[:CAP].tolist())
    for code in own:
        yield f"{column.name} = {column.categories[code]}", (codes == code).astype(np.float64)
    if len(column.categories) > CAP:
        yield f"{column.name} = other", (~np.isin(codes, own)).astype(np.float64)
