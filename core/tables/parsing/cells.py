"""The cells of a text by column: numbers as numbers, all else as distinct texts and a code for each row.

pandas' reader parses the text. A column is numeric only if every cell is a number or missing; otherwise it is read again as
text, so that no cell loses what was written.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.tables.parsing.dialect import WHITESPACE
from leafscope.core.tables.parsing.gathered import Gathered, give_back
from leafscope.core.tables.parsing.layout import Layout
from leafscope.core.tables.parsing.marked import Marked, joined, marked
from leafscope.core.tables.parsing.marks import MISSING
from leafscope.core.tables.parsing.numbers import EXACT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_CELLS_AT_ONCE = 250_000
"""Cells parsed at once at most: a few blocks are fast, and one block of all would take several times the file's memory."""

_ROWS_AT_ONCE = 500
"""Rows parsed at once at least: each block costs time for each of thousands of columns."""

_BYTES_AT_ONCE = 2**21

_SAMPLE = 2000
"""Texts by which it is told whether most are different; then sorting takes less memory than a dictionary."""


@dataclass(frozen=True, eq=False)
class Texts:
    """A column as distinct texts, without spaces around them, and their code in each row."""

    distinct: "pa.Array"
    """(D,) strings, in the order of first appearance."""
    codes: NDArray[np.int32]
    """(rows,) 0 to D - 1; -1: missing."""
    is_sorted: bool = False
    """Whether the distinct texts are in alphabetical order instead."""


Cells = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.uint64] | NDArray[np.bool_] | Texts
"""A column of numbers, in which NaN means missing, or of texts."""


def columns_of(layout: Layout, decimal: str = ".") -> list[Cells]:
    """Read the columns of a text; `decimal`: the mark with which numbers are read. Raises TableError."""
    return [one for one in _columns(layout, decimal, set()) if not isinstance(one, Marked)]


def marked_columns_of(layout: Layout, decimal: str, as_text: Collection[int] = ()) -> list[Cells | Marked]:
    """The same, but numbers with marks, or with a few odd cells among them, are numbers; raises TableError.

    `as_text`: the columns whose numbers stay as they are written.
    """
    return _columns(layout, decimal, set(range(layout.width)) - set(as_text), as_text)


def _columns(layout: Layout, decimal: str, may_have_marks: set[int], as_text: Collection[int] = ()) -> list[Cells | Marked]:
    found: dict[int, Cells | Marked] = {}
    wanted = [place for place in range(layout.width) if place not in as_text]
    if wanted:
        found |= _joined_all(_blocks(_frames(layout, decimal), wanted, decimal, may_have_marks), may_have_marks)
    for place in [place for place, one in found.items() if isinstance(one, np.ndarray) and _may_be_rounded(one)]:
        may_have_marks.discard(place)
        del found[place]
    is_whole = [place for place, one in found.items() if isinstance(one, np.ndarray) and _is_whole(one)]
    if is_whole and _has_leading_zeros(layout):
        may_have_marks.difference_update(is_whole)
        for place in is_whole:
            del found[place]
    while again := [place for place in range(layout.width) if place not in found]:
        frames = _frames(layout, decimal, again)
        found |= _joined_all(_blocks(frames, again, decimal, may_have_marks), may_have_marks)
    return [found[place] for place in range(layout.width)]


def _blocks(
    frames: "Iterable[pd.DataFrame]", places: Sequence[int], decimal: str, may_have_marks: set[int]
) -> dict[int, list[Any]]:
    """The blocks of columns, as arrays of NumPy, `Marked` or `Gathered`; a column that must be read again has None."""
    blocks: dict[int, list[Any]] = {place: [] for place in places}
    for frame in frames:
        for place, parts in blocks.items():
            if parts and parts[-1] is None:
                continue
            part = _part(frame[place])
            if place in may_have_marks and not isinstance(part, np.ndarray | None):
                if (numbers := marked(part, decimal)) is None:
                    may_have_marks.discard(place)
                part = numbers or (part if not any(isinstance(one, Marked) for one in parts) else None)
            _append(parts, part)
    return blocks


def _append(parts: list[Any], part: Any) -> None:
    """Append a block to those of a column."""
    import pyarrow as pa

    if part is None:
        parts.clear()
    last = parts[-1] if parts else None
    if isinstance(part, pa.Array):
        if not isinstance(last, Gathered):
            parts.append(Gathered())
        parts[-1].add(part)
    elif isinstance(last, Gathered) and _is_missing(part):
        last.add(pa.nulls(len(part), pa.large_string()))
    else:
        parts.append(part)


def _is_missing(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind == "f" and bool(np.isnan(part).all())


def _joined_all(blocks: dict[int, list[Any]], may_have_marks: set[int]) -> dict[int, Cells | Marked]:
    """Join the blocks of each column; those that must be read again are left out, and are text then."""
    found: dict[int, Cells | Marked] = {}
    while blocks:  # each is freed when it is joined
        place, parts = blocks.popitem()
        if isinstance(parts[-1], Gathered):
            give_back()
        one = _joined(parts)
        if one is None:
            may_have_marks.discard(place)
        else:
            found[place] = one
    return found


def _may_be_rounded(values: NDArray[Any]) -> bool:
    """Whether a column with missing values or fractions has numbers that, if they were written whole, were rounded."""
    if values.dtype.kind != "f":
        return False
    size = np.abs(values[np.isfinite(values)])
    return bool(len(size)) and bool(size.max() >= EXACT)


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
            chunksize=_rows_at_once(layout),
            low_memory=False,
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


def _rows_at_once(layout: Layout) -> int:
    n_bytes = max(1, (len(layout.text.data) - layout.text.start) // len(layout.lines))
    return max(_ROWS_AT_ONCE, min(_CELLS_AT_ONCE // layout.cells, _BYTES_AT_ONCE // n_bytes))


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


def _joined(parts: list[Any]) -> Cells | Marked | None:
    """Join the blocks of a column; None: they are of several kinds, and must be read again as text."""
    if any(part is None for part in parts):
        return None
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    if all(isinstance(part, np.ndarray | Marked) for part in parts):
        return joined(parts)
    *first, last = parts
    if not isinstance(last, Gathered) or not all(map(_is_missing, first)):
        return None
    parts.clear()
    return _texts(last.array(sum(map(len, first))))


def _texts(texts: "pa.Array") -> Texts:
    """Strip texts, mark those that are missing, and tell the distinct ones."""
    texts = trimmed(texts)
    if _are_different(texts):
        return stripped(*_sorted(texts), is_sorted=True)
    coded = texts.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return stripped(coded.dictionary, codes)


def _are_different(texts: "pa.Array") -> bool:
    """Whether there are many texts, and almost all of the first ones are different."""
    first = texts[:_SAMPLE].drop_null()
    return len(first) > _SAMPLE // 2 and len(first.unique()) > 0.9 * len(first)


def _sorted(texts: "pa.Array") -> "tuple[pa.Array, NDArray[np.int32]]":
    """The distinct texts in alphabetical order, and the code of each row; -1: null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    order = pc.array_sort_indices(texts)[: len(texts) - texts.null_count]
    codes = np.full(len(texts), -1, np.int32)
    texts = texts.take(order)
    is_new = np.append(True, pc.not_equal(texts[1:], texts[:-1]).to_numpy(zero_copy_only=False))
    codes[order.to_numpy()] = np.cumsum(is_new) - 1
    return texts if is_new.all() else texts.filter(pa.array(is_new)), codes


def trimmed(texts: "pa.Array") -> "pa.Array":
    """Texts without spaces around them; the same array where none has any."""
    import pyarrow.compute as pc

    ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts) or ends[0] == ends[-1]:
        return texts
    written = np.frombuffer(texts.buffers()[2], np.uint8)
    is_filled = ends[1:] > ends[:-1]
    first, last = written[ends[:-1][is_filled]], written[ends[1:][is_filled] - 1]
    # spaces beyond ASCII begin with one of these bytes and end with another above 127
    may_have = (first <= 32) | np.isin(first, (0xC2, 0xE1, 0xE2, 0xE3)) | (last <= 32) | (last > 127)
    return pc.utf8_trim_whitespace(texts) if may_have.any() else texts


def stripped(distinct: "pa.Array", codes: NDArray[np.int32], is_sorted: bool = False) -> Texts:
    """Merge texts that are equal, and drop those that mean missing: (D,) stripped strings and (rows,) codes.

    `is_sorted`: they are in alphabetical order, and all different.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_sorted:
        again = distinct.dictionary_encode()
        if len(again.dictionary) < len(distinct):
            codes = np.append(again.indices.to_numpy(zero_copy_only=False), -1)[codes].astype(np.int32)
            distinct = again.dictionary
    is_missing = pc.is_in(distinct, value_set=pa.array(list(MISSING), distinct.type)).to_numpy(zero_copy_only=False)
    if is_missing.any():
        new = np.append(np.where(is_missing, -1, np.cumsum(~is_missing) - 1), -1)
        codes, distinct = new[codes].astype(np.int32), distinct.filter(pa.array(~is_missing))
    return Texts(distinct, codes, is_sorted)


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
