"""Reading a file as a table."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.tables.choices import Choices
from leafscope.core.tables.columns import Column, Prepared, Reading, Where, prepared, understood
from leafscope.core.tables.parquet import parquet_columns
from leafscope.core.tables.parsing import numbers
from leafscope.core.tables.parsing.cells import Cells, Texts, marked_columns_of
from leafscope.core.tables.parsing.content import content
from leafscope.core.tables.parsing.header import clean_name, names_of
from leafscope.core.tables.parsing.layout import Layout, layout
from leafscope.core.tables.parsing.marked import Marked
from leafscope.core.tables.table import Source, Table, table

_SAMPLE_ROWS = 300
"""Rows by which the decimal mark is guessed, before all rows confirm it."""


FIRST_ROWS = 12
"""Rows that are shown as they are written."""


class _Raw(NamedTuple):
    """The cells of a file, before it is known what they mean."""

    names: list[str]
    cells: list[Cells | Marked]
    ready: list[Prepared | None]
    reading: Reading
    source: Source
    where: Where
    first_rows: tuple[tuple[str, ...], ...]
    unread: Mapping[int, str] = MappingProxyType({})
    """Columns that hold no single values -> what they hold."""


@dataclass(frozen=True, eq=False)
class Understood:
    """A file as it was read, before it is decided what is predicted by what."""

    name: str
    columns: tuple[Column, ...]
    source: Source
    first_rows: tuple[tuple[str, ...], ...]
    """The first rows as text, as they are written in the file."""

    def table(self, choices: Choices | None = None) -> Table:
        """Choose the target and the features, as `read` does; of the choices, those of how a file is read are not used."""
        return table(self.columns, self.source, choices or Choices(), self.name)


def read(file: str | os.PathLike[str] | bytes, choices: Choices | None = None) -> Table:
    """Read a CSV or Parquet file, packed with gzip or not, as a table; `file`: a path, or its bytes.

    Raises TableError with one sentence that names the row or column and what must hold, and OSError.
    """
    return understand(file, choices).table(choices)


def understand(
    file: str | os.PathLike[str] | bytes, choices: Choices | None = None, categories: Collection[str] = ()
) -> Understood:
    """Read a file, and tell what its columns are; of the choices, those of how a file is read are used. Raises as `read`.

    `categories`: columns that are known to hold categories, so that their texts stay as they are written.
    """
    choices = choices or Choices()
    found = content(file, choices.encoding)
    name = clean_name(choices.name or ("table" if isinstance(file, bytes) else name_of(Path(file).name))) or "table"
    if found.encoding is None:
        raw = _of_parquet(found.data, choices)
    else:
        raw = _of_text(layout(found.data, choices.delimiter, choices.header), found.encoding, choices, categories)
    del found  # a large file is not held while its columns are looked at
    columns = []
    for place, column_name in enumerate(raw.names):
        is_category = column_name in categories
        column = understood(column_name, raw.cells[place], raw.ready[place], raw.reading, raw.where, is_category)
        if place in raw.unread:
            column = replace(column, left_out=f"empty: it holds no numbers, texts or dates, but {raw.unread[place]}")
        columns.append(column)
        raw.cells[place] = np.empty(0)  # a large file is not kept twice
        raw.ready[place] = None
    return Understood(name, tuple(columns), raw.source, raw.first_rows)


def name_of(file_name: str) -> str:
    """Name a table after its file, without what says how it is written.

    >>> name_of("prices.csv.gz"), name_of(".csv")
    ('prices', '.csv')
    """
    for ending in (".gz", ".csv", ".tsv", ".txt", ".data", ".dat", ".parquet", ".tab"):
        if file_name.lower().endswith(ending) and len(file_name) > len(ending):
            file_name = file_name[: -len(ending)]
    return file_name


def _of_parquet(data: bytes, choices: Choices) -> _Raw:
    names, cells, unread = parquet_columns(data)
    ready = _prepared(cells)
    reading, _ = _decided(cells, ready, choices)
    rows = tuple(zip(*(_first_texts(one) for one in cells), strict=True))
    return _Raw(
        names_of(names, len(names)), list(cells), ready, reading, Source(), lambda row: f"row {row + 1:,}", rows, unread
    )


def _first_texts(cells: Cells) -> list[str]:
    """The first cells of a column of a Parquet file, as text; empty: missing."""
    if isinstance(cells, Texts):
        return [cells.distinct[code].as_py() if code >= 0 else "" for code in cells.codes[:FIRST_ROWS].tolist()]
    return ["" if one != one else f"{one:g}" if isinstance(one, float) else str(one) for one in cells[:FIRST_ROWS].tolist()]


def _of_text(laid_out: Layout, encoding: str, choices: Choices, categories: Collection[str]) -> _Raw:
    names = names_of(laid_out.header, laid_out.width)
    as_text = [place for place, name in enumerate(names) if name in categories]
    sample = _sampled(laid_out)
    guess = choices.decimal or ("," if sample.comma > sample.point else ".")
    cells = marked_columns_of(laid_out, guess, as_text)
    ready = _prepared(cells)
    reading, decimal = _decided(cells, ready, choices, guess, sample)
    if decimal != guess:
        del cells, ready  # a large table is not kept twice
        cells = marked_columns_of(laid_out, decimal, as_text)
        ready = _prepared(cells)
        reading = _decided(cells, ready, choices, decimal, sample)[0]._replace(decimal=decimal)
    reading = reading._replace(is_point_open=reading.is_decimal_open and laid_out.dialect.delimiter != ",")
    lines = laid_out.lines
    if (is_empty := _empty_rows(cells)) is not None:
        lines, cells = lines[~is_empty], [_only(one, ~is_empty) for one in cells]
    source = Source(laid_out.dialect.delimiter or None, encoding, decimal, laid_out.header is not None, tuple(laid_out.notes))
    rows = tuple(tuple(row[: laid_out.width]) for row in laid_out.text.first_rows(laid_out.dialect, FIRST_ROWS))
    return _Raw(names, cells, ready, reading, source, lambda row: f"row {row + 1:,} (line {lines[row]:,})", rows)


def _sampled(laid_out: Layout) -> numbers.Notation:
    """Count which decimal mark the first rows need."""
    import pyarrow as pa

    cells = {
        cell.strip()
        for row in laid_out.text.first_rows(laid_out.dialect, _SAMPLE_ROWS)
        for cell in row
        if "," in cell or "." in cell
    }
    return numbers.notation(numbers.core(pa.array(sorted(cells), pa.large_string()))[0])


def _prepared(cells: Sequence[Cells | Marked]) -> list[Prepared | None]:
    return [prepared(one) if isinstance(one, Texts) else None for one in cells]


def _decided(
    cells: Sequence[Cells | Marked],
    ready: Sequence[Prepared | None],
    choices: Choices,
    guess: str = ".",
    sample: numbers.Notation | None = None,
) -> tuple[Reading, str]:
    """Decide on the decimal mark and the order of dates by all columns; also returns the mark of the file."""
    votes = {".": 0, ",": 0}
    is_first_day, is_first_month = 0, 0
    if sample is not None and (sample.comma or sample.point):
        votes[guess] += 1
    for one, texts in zip(cells, ready, strict=True):
        if isinstance(one, Marked):
            votes[guess] += one.needs_mark
        elif texts is None:
            if isinstance(one, np.ndarray) and one.dtype.kind == "f":
                votes[guess] += bool((one != np.floor(one))[np.isfinite(one)].any()) and not numbers.are_like_thousands(
                    one.astype(np.float64, copy=False)
                )
        elif texts.notation.comma != texts.notation.point:
            votes["," if texts.notation.comma > texts.notation.point else "."] += 1
        if texts is not None and texts.dates is not None:
            is_first_day += texts.dates.order == "day"
            is_first_month += texts.dates.order == "month"
    decimal = choices.decimal or ("," if votes[","] > votes["."] else ".")
    day_first = is_first_day >= is_first_month if choices.day_first is None else choices.day_first
    reading = Reading(
        decimal,
        day_first,
        is_decimal_open=choices.decimal is None and not any(votes.values()),
        is_order_open=choices.day_first is None and not (is_first_day or is_first_month),
        keeps_decimal=choices.decimal is not None,
        keeps_order=choices.day_first is not None,
    )
    return reading, decimal


def _empty_rows(cells: Sequence[Cells | Marked]) -> NDArray[np.bool_] | None:
    """Which rows have no value at all; None: no row."""
    empty: NDArray[np.bool_] | None = None
    for one in cells:
        values = one.codes if isinstance(one, Texts) else one.values if isinstance(one, Marked) else one
        if values.dtype.kind in "ub" or (values.dtype.kind == "i" and not isinstance(one, Texts)):
            return None
        missing = values < 0 if isinstance(one, Texts) else np.isnan(values)
        if isinstance(one, Marked):
            missing[one.odd_rows] = False
        empty = missing if empty is None else empty & missing
        if not empty.any():
            return None
    return empty


def _only(cells: Cells | Marked, rows: NDArray[np.bool_]) -> Cells | Marked:
    if isinstance(cells, Marked):
        return cells.only(rows)
    return replace(cells, codes=cells.codes[rows]) if isinstance(cells, Texts) else cells[rows]
