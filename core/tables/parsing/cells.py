"""The cells of a text by column: numbers as numbers, all else as distinct texts and a code for each row.

pandas' reader parses the text. A column is numeric only if every cell is a number or missing; otherwise it is read again as
text, so that no cell loses what was written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.tables.parsing.dialect import WHITESPACE
from leafscope.core.tables.parsing.layout import Layout
from leafscope.core.tables.parsing.marks import MISSING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_CELLS_AT_ONCE = 250_000
"""Cells parsed at once: a few blocks are fast, and one block of all would take several times the file's memory."""

_ROWS_AT_ONCE = 500
"""Rows parsed at once at least: each block costs time for each of thousands of columns."""

_BYTES_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class Texts:
    """A column as distinct texts, without spaces around them, and their code in each row."""

    distinct: "pa.Array"
    """(D,) strings, in the order of first appearance."""
    codes: NDArray[np.int32]
    """(rows,) 0 to D - 1; -1: missing."""


Cells = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.uint64] | NDArray[np.bool_] | Texts
"""A column of numbers, in which NaN means missing, or of texts."""


def columns_of(layout: Layout, decimal: str = ".") -> list[Cells]:
    """Read the columns of a text; `decimal`: the mark with which numbers are read. Raises TableError."""
    blocks: list[list[Any]] = [[] for _ in range(layout.width)]
    for frame in _frames(layout, decimal):
        for place, parts in enumerate(blocks):
            parts.append(_part(frame[place]))
    found: list[Cells | None] = []
    while blocks:  # each is freed when it is joined
        found.append(_joined(blocks.pop(0)))
    is_whole = [isinstance(one, np.ndarray) and _is_whole(one) for one in found]
    if any(is_whole) and _has_leading_zeros(layout):
        found = [None if whole else one for whole, one in zip(is_whole, found, strict=True)]
    again = [place for place, one in enumerate(found) if one is None]
    if again:
        texts: dict[int, list[Any]] = {place: [] for place in again}
        for frame in _frames(layout, decimal, again):
            for place, parts in texts.items():
                parts.append(_arrow(frame[place]))
        for place, parts in texts.items():
            found[place] = _texts(parts)
    return [one for one in found if one is not None]


def _is_whole(values: NDArray[Any]) -> bool:
    """Whether numbers are whole, or missing."""
    if values.dtype.kind != "f":
        return values.dtype.kind in "iu"
    known = values[~np.isnan(values)]
    return len(known) < len(values) and bool((known == np.floor(known)).all())


def _frames(layout: Layout, decimal: str, as_text: list[int] | None = None) -> "Iterable[pd.DataFrame]":
    import pandas as pd

    dialect = layout.dialect
    more: dict[str, Any] = {} if as_text is None else {"usecols": as_text, "dtype": "str"}
    if dialect.quote:
        more |= {"quotechar": dialect.quote, "escapechar": dialect.escape, "doublequote": dialect.escape is None}
    else:
        more |= {"quoting": 3}
    n_rows = 0
    try:
        with pd.read_csv(
            layout.text.stream(),
            sep={WHITESPACE: r"\s+", "": "\x1f"}.get(dialect.delimiter, dialect.delimiter),
            header=None,
            names=list(range(layout.cells)),
            index_col=False,
            skipinitialspace=True,
            na_values=list(MISSING),
            keep_default_na=False,
            decimal=decimal,
            engine="c",
            encoding="utf-8",
            chunksize=max(_ROWS_AT_ONCE, _CELLS_AT_ONCE // layout.cells),
            **more,
        ) as reader:
            for frame in reader:
                n_rows += len(frame)
                yield frame
    except (ValueError, OverflowError, UnicodeError) as error:  # pandas' errors are ValueErrors
        raise TableError(f"the rows must be cells of one dialect, but they cannot be parsed: {_plain(error)}") from None
    if n_rows != len(layout.lines):
        raise TableError(
            f"the rows must be cells of one dialect, but {len(layout.lines):,} rows were counted and {n_rows:,} parsed; are "
            "all quotes in pairs?"
        )


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _part(series: "pd.Series") -> Any:
    """A block of a column as an array of NumPy, or as Arrow's if it is text."""
    kind = series.dtype.kind
    if kind in "iuf":
        return series.to_numpy()
    if kind == "b" or str(series.dtype) == "object":
        return None  # truths, with missing ones as objects, keep their words; so do numbers too large for the processor
    return _arrow(series)


def _arrow(series: "pd.Series") -> "pa.Array":
    import pyarrow as pa

    array = pa.array(series, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.large_string()) if array.type != pa.large_string() else array


def _joined(parts: list[Any]) -> Cells | None:
    """Join the blocks of a column; None: they are of several kinds, and must be read again as text."""
    if any(part is None for part in parts):
        return None
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    if any(isinstance(part, np.ndarray) and not (part.dtype.kind == "f" and np.isnan(part).all()) for part in parts):
        return None
    import pyarrow as pa

    return _texts([pa.nulls(len(part), pa.large_string()) if isinstance(part, np.ndarray) else part for part in parts])


def _texts(parts: "list[pa.Array]") -> Texts:
    """Strip texts, mark those that are missing, and tell the distinct ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pa.chunked_array(parts).dictionary_encode().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return stripped(pc.utf8_trim_whitespace(coded.dictionary), codes)


def stripped(distinct: "pa.Array", codes: NDArray[np.int32]) -> Texts:
    """Merge texts that are equal, and drop those that mean missing: (D,) stripped strings and (rows,) codes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    again = distinct.dictionary_encode()
    if len(again.dictionary) < len(distinct):
        codes = np.append(again.indices.to_numpy(zero_copy_only=False), -1)[codes].astype(np.int32)
        distinct = again.dictionary
    is_missing = pc.is_in(distinct, value_set=pa.array(list(MISSING), distinct.type)).to_numpy(zero_copy_only=False)
    if is_missing.any():
        new = np.append(np.where(is_missing, -1, np.cumsum(~is_missing) - 1), -1)
        codes, distinct = new[codes].astype(np.int32), distinct.filter(pa.array(~is_missing))
    return Texts(distinct, codes)


def _has_leading_zeros(layout: Layout) -> bool:
    """Whether a cell begins with 0 and another digit, such as a postal code."""
    marks = b" \t\n" if layout.dialect.delimiter == WHITESPACE else layout.dialect.delimiter.encode() + b"\n"
    marks += layout.dialect.quote.encode()
    for first in range(layout.text.start, len(layout.text.data), _BYTES_AT_ONCE):
        count = min(_BYTES_AT_ONCE + 2, len(layout.text.data) - first)
        part = np.frombuffer(layout.text.data, np.uint8, count, first)
        zeros = np.flatnonzero(part[1:-1] == ord("0"))
        zeros = zeros[(part[2:][zeros] >= ord("0")) & (part[2:][zeros] <= ord("9"))]
        if np.isin(part[zeros], np.frombuffer(marks, np.uint8)).any():
            return True
    return False
