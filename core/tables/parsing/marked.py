"""Columns of numbers with marks that a parser does not read, such as 1,234.5, or with a few cells that are none.

Each block of a large column becomes numbers at once, so that its texts are never all held. Where anything else is to be
decided, such as which mark is the decimal one, the column stays text.

n cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.tables.parsing import numbers
from leafscope.core.tables.parsing.marks import FALSE, TRUE, is_missing, may_be_number

if TYPE_CHECKING:
    import pyarrow as pa

FITS = 0.8
"""The least share of cells that must be numbers or dates for the others to count as missing."""

_FIRST = 1000
"""Cells by which most columns can be told."""

_FEW = 12


@dataclass(frozen=True, eq=False)
class Marked:
    """Cells that are read as numbers with one decimal mark, but for a few odd ones."""

    values: NDArray[np.float64]
    """(n,) NaN where a cell is missing or odd."""
    needs_mark: bool
    """Whether a number can be read with this decimal mark only."""
    has_thousands: bool
    open: str
    """A number that could be read in two ways; empty: none needs to be."""
    odd_rows: NDArray[np.int64]
    """Where cells are no numbers, in order."""
    odd_texts: tuple[str, ...]

    def only(self, rows: NDArray[np.bool_]) -> "Marked":
        """The cells of these rows."""
        is_kept = rows[self.odd_rows]
        place = (np.cumsum(rows) - 1)[self.odd_rows[is_kept]]
        texts = tuple(text for text, kept in zip(self.odd_texts, is_kept.tolist(), strict=True) if kept)
        return Marked(self.values[rows], self.needs_mark, self.has_thousands, self.open, place, texts)


def marked(texts: "pa.Array", decimal: str) -> Marked | None:
    """Read texts as numbers with a decimal mark; None unless most are, and it is plain what the others are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if texts.null_count == len(texts):
        return Marked(np.full(len(texts), np.nan), False, False, "", np.empty(0, np.int64), ())
    first = texts.drop_null()[:_FEW].to_pylist() if texts.null_count else texts[:_FEW].to_pylist()
    if sum(map(may_be_number, first)) < len(first) / 2:
        return None
    fits = pc.match_substring_regex(texts, _grammar(decimal)).fill_null(True)  # missing is not odd
    odd = np.flatnonzero(~fits.to_numpy(zero_copy_only=False))
    if len(odd) > (1 - FITS) * (len(texts) - texts.null_count):
        return None
    odd_texts = [text.strip() for text in texts.take(odd).to_pylist()]
    if any(_may_be_more(text) for text in odd_texts):
        return None
    if len(odd):
        texts = pc.if_else(fits, texts, pa.scalar(None, texts.type))
    values, has_thousands = _values(texts, decimal)
    if (np.abs(values[np.isfinite(values)]) >= numbers.EXACT).any():
        return None
    needs_mark = any(numbers.needs(part, decimal) for part in (texts[:_FEW], texts[_FEW:_FIRST], texts[_FIRST:]))
    is_open = None if needs_mark else pc.index(pc.match_substring_regex(texts, numbers.OPEN), True).as_py()
    is_known = [not is_missing(text) for text in odd_texts]
    return Marked(
        values,
        needs_mark,
        has_thousands,
        "" if is_open is None or is_open < 0 else texts[is_open].as_py(),
        odd[is_known],
        tuple(text for text, known in zip(odd_texts, is_known, strict=True) if known),
    )


def _grammar(decimal: str) -> str:
    mark, other = (r"\.", ",") if decimal == "." else (",", r"\.")
    groups = rf"(?:(?:{other}\d{{3}})+|(?:{other}\d{{2}})+{other}\d{{3}}|(?:[{numbers.SPACES}]\d{{3}})+)"
    return rf"^[-+]?(?:(?:\d+{mark}?\d*|{mark}\d+)(?:[eE][-+]?\d+)?|[1-9]\d{{0,2}}{groups}(?:{mark}\d*)?)$"


def _may_be_more(text: str) -> bool:
    """Whether an odd cell may be a number in another notation, or a truth."""
    return may_be_number(text) or text.lower() in TRUE or text.lower() in FALSE


def _values(texts: "pa.Array", decimal: str) -> tuple[NDArray[np.float64], bool]:
    """Read texts that are numbers or null: (n,) values, and whether there are thousands marks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    n_bytes = int(ends[-1] - ends[0])
    written = texts.buffers()[2]
    data = written.slice(int(ends[0]), n_bytes).to_pybytes() if n_bytes else b""
    thousands = {"." if decimal == "," else ",", *numbers.SPACES}
    is_ascii = data.isascii()
    found = [mark for mark in thousands if (mark.isascii() or not is_ascii) and mark.encode() in data]
    if any(not mark.isascii() for mark in found):
        has_thousands = any(pc.any(pc.match_substring(texts, mark)).as_py() for mark in found)
        for mark in found:
            texts = pc.replace_substring(texts, mark, "")
        return _values(texts, decimal)[0], has_thousands
    has_thousands = False
    if found or decimal == ",":
        removed = "".join(found).encode()
        is_removed = np.zeros(256, np.bool_)
        is_removed[list(removed)] = True
        n_removed = np.zeros(n_bytes + 1, np.int32)
        np.cumsum(is_removed[np.frombuffer(data, np.uint8)], dtype=np.int32, out=n_removed[1:])
        ends = ends - ends[0]
        is_valid = texts.is_valid().to_numpy(zero_copy_only=False)
        has_thousands = bool(np.diff(n_removed[ends])[is_valid].any())
        ends = ends - n_removed[ends]
        data = data.translate(bytes.maketrans(b",", b"."), removed) if decimal == "," else data.translate(None, removed)
        buffers = [pa.array(is_valid).buffers()[1], pa.py_buffer(ends), pa.py_buffer(data)]
        texts = pa.Array.from_buffers(texts.type, len(texts), buffers)
    if b"+" in data:
        texts = pc.replace_substring_regex(texts, r"^\+", "")
    values = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float64), has_thousands


def joined(parts: Sequence[Any]) -> Marked | None:
    """Join blocks, some of which a parser read as numbers; None: the column must stay text."""
    blocks = [part for part in parts if isinstance(part, Marked)]
    needs_mark = any(block.needs_mark for block in blocks)
    plain = [part for part in parts if not isinstance(part, Marked)]
    if any(part.dtype.kind not in "iuf" or _is_too_large(part) for part in plain):
        return None
    if not needs_mark and any(part.dtype.kind == "f" and bool((part[np.isfinite(part)] % 1 > 0).any()) for part in plain):
        return None
    values = np.concatenate([part.values if isinstance(part, Marked) else part.astype(np.float64) for part in parts])
    begins = np.cumsum([0, *(len(part.values) if isinstance(part, Marked) else len(part) for part in parts)])
    rows = [part.odd_rows + begin for part, begin in zip(parts, begins, strict=False) if isinstance(part, Marked)]
    n_odd = sum(map(len, rows))
    if n_odd > (1 - FITS) * (n_odd + int((~np.isnan(values)).sum())):
        return None
    opened = "" if needs_mark else next((block.open for block in blocks if block.open), "")
    texts = tuple(text for block in blocks for text in block.odd_texts)
    has_thousands = any(block.has_thousands for block in blocks)
    return Marked(values, needs_mark, has_thousands, opened, np.concatenate(rows), texts)


def _is_too_large(values: NDArray[Any]) -> bool:
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return bool(len(known)) and not (known.min() > -numbers.EXACT and known.max() < numbers.EXACT)
