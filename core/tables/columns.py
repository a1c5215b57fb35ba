"""What a column is: numbers, yes or no, categories or dates; and why it is left out of the features, if it is.

Every row counts. A few cells that do not fit, such as a word among numbers, count as missing, and the column says in which row
the first one is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.tables import dates
from leafscope.core.tables.parsing import numbers
from leafscope.core.tables.parsing.cells import Cells, Texts
from leafscope.core.tables.parsing.marked import FITS, Marked
from leafscope.core.tables.parsing.marks import FALSE, TRUE, may_be_number
from leafscope.core.tables.words import MAX_CATEGORIES, in_order, mean_words
from leafscope.core.text import storable

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["numeric", "boolean", "categorical", "date"]

_NAMED_AS_ID = re.compile(
    r"(?i:unnamed: ?\d+(\.\d+)?|index|idx|ids?|identifier|obs|observation|key"
    r"|u?uid|guid|row|row[_ .]?(names?|ids?|nr|no|num|number)|nr\.?|no\.?"
    r"|lfd\.? ?nr\.?|nummer|.*[_ .-]ids?|ids?[_ .-].*|.*[_ .-](uuid|key))|.*[a-z](Id|ID)"
)

_NAMED_AS_TIME = re.compile(r"(?i).*(year|jahr|month|monat|day|tag|date|time|age|alter|quarter).*")

_ENOUGH = 20
"""Rows of a table from which on values alone tell that a column numbers the rows."""

_SPREAD = 2000
"""Rows by which texts that are all different are told from dates and numbers."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column as it was understood."""

    name: str
    kind: Kind
    values: NDArray[np.float64] | NDArray[np.int32]
    """(rows,) numbers, 0 or 1, or days since 1970, where NaN means missing; of categories their place, -1: missing."""
    categories: Sequence[str] = ()
    """The texts of categories; of yes and no the two texts."""
    why: str = ""
    """A sentence about how it was read; empty: nothing to say."""
    left_out: str = ""
    """A sentence about why it is left out of the features; empty: it is used."""

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """(rows,)"""
        return self.values < 0 if self.values.dtype.kind == "i" else np.isnan(self.values)

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int(self.is_missing.sum())


class Reading(NamedTuple):
    """How ambiguous cells are read."""

    decimal: str
    """The mark of columns that do not decide by themselves."""
    day_first: bool
    is_decimal_open: bool = False
    """Whether no column of the file decided on the decimal mark."""
    is_point_open: bool = False
    """The same, where a point could be a thousands mark, as it could not with commas between cells."""
    is_order_open: bool = False
    """Whether no date of the file decided on the order of day and month."""
    keeps_decimal: bool = False
    """Whether a person chose the decimal mark, so that no column decides."""
    keeps_order: bool = False
    """Whether a person chose the order of day and month."""


class Large(NamedTuple):
    """Whole numbers above 2^53 in a column."""

    row: int
    """The first row with one."""
    written: str
    """How it is written there."""
    n_distinct: int
    """Different numbers of the column, as they are written."""


Where = Callable[[int], str]
"""Words for the place of a row, counted from 0."""


class Prepared(NamedTuple):
    """Texts that were looked at once: as numbers without signs, and as dates."""

    core: "pa.Array | None"
    """None: they are no numbers."""
    removed: str
    notation: numbers.Notation
    dates: dates.Dates | None


def prepared(cells: Texts) -> Prepared:
    """Look at the distinct texts of a column, as far as that does not depend on other columns."""
    can_be_dates, can_be_numbers = _looks(cells)
    found = dates.dates(cells.distinct) if can_be_dates else None
    if found is not None and not _are_usual(cells, np.isfinite(found.day_first) | np.isfinite(found.month_first)):
        found = None
    if found is not None or not can_be_numbers:
        return Prepared(None, "", numbers.Notation(0, 0, False), found)
    core, removed = numbers.core(cells.distinct)
    return Prepared(core, removed, numbers.notation(core), None)


def _are_usual(cells: Texts, wanted: NDArray[np.bool_]) -> bool:
    """Whether half of the rows that are not missing have one of the wanted texts: (D,) which are."""
    return bool(wanted[cells.codes[cells.codes >= 0]].mean() >= 0.5)


def _looks(cells: Texts) -> tuple[bool, bool]:
    """Whether most texts can be dates or numbers: of many distinct ones, rows spread over the column tell.

    Most rows must be dates or numbers for a column to be that, so one row in twenty is a wide margin.
    """
    known = cells.codes[cells.codes >= 0]
    if len(cells.distinct) <= _SPREAD:
        return True, True
    texts = cells.distinct.take(known[:: max(1, len(known) // _SPREAD)]).to_pylist()
    is_date = sum(map(dates.can_be_date, texts))
    is_number = sum(map(may_be_number, texts))
    return is_date > len(texts) / 20, is_number > len(texts) / 20


def understood(
    name: str, cells: Cells | Marked, ready: Prepared | None, reading: Reading, where: Where, is_category: bool = False
) -> Column:
    """Tell what a column is; `ready` if its cells are texts. `is_category`: it is known that texts are categories."""
    if isinstance(cells, Texts):
        assert ready is not None
        if is_category and len(cells.distinct):
            return _of_categories(name, cells, "")
        return _of_texts(name, cells, ready, reading, where)
    if isinstance(cells, Marked):
        return _of_marked(name, cells, reading, where)
    return _of_numbers(name, cells, where, _open_floats(cells, reading))


def _of_numbers(name: str, cells: NDArray[Any], where: Where, why: str = "", large: Large | None = None) -> Column:
    notes = [why] if why else []
    if cells.dtype.kind == "b":
        return _boolean(name, cells.astype(np.float64), ("False", "True"), why)
    if cells.dtype.kind in "iu" and len(cells):
        too_large = (cells > numbers.EXACT) | (cells < -numbers.EXACT) if cells.dtype.kind == "i" else cells > numbers.EXACT
        if too_large.any():
            place = int(too_large.argmax())
            large = Large(place, str(cells[place]), len(np.unique(cells)))
    values = cells.astype(np.float64)
    if (infinite := np.isinf(values)).any():
        first = int(infinite.argmax())
        notes.append(f"{where(first)} has {values[first]:g}; {_counted(int(infinite.sum()), 'infinite cell')} as missing")
        values = np.where(infinite, np.nan, values)
    known = values[~np.isnan(values)]
    is_whole = bool(len(known)) and bool((known == np.floor(known)).all())
    if is_whole and (found := _as_dates(name, values, known)) is not None:
        return _checked(Column(name, "date", found, why="whole numbers such as 20240131"))
    are_large = large is not None and is_whole and bool((np.abs(known) > numbers.EXACT).mean() > 0.5)
    if large is not None and are_large and large.n_distinct == len(known) > 1:
        reason = f"identifier: every row has another whole number, and {where(large.row)} has {large.written}, above 2^53"
        return _left_out(Column(name, "numeric", values, why="; ".join(notes)), reason)
    if large is not None:
        notes.append(f"{where(large.row)} has {large.written}, and whole numbers above 2^53 are rounded")
    column = Column(name, "numeric", values, why="; ".join(notes))
    if is_whole and set(known[:1000].tolist()) <= {0.0, 1.0} and set(np.unique(known).tolist()) == {0.0, 1.0}:
        return _boolean(name, values, ("0", "1"), column.why)
    if is_whole and len(known) == len(values) and (reason := _numbers_rows(name, values)):
        return _left_out(column, reason)
    checked = _checked(column)
    if checked.left_out.startswith("constant") and large is not None and large.n_distinct > 1:
        return _left_out(column, f"constant: its {large.n_distinct:,} different whole numbers are the same once rounded")
    return checked


def _as_dates(name: str, values: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64] | None:
    if len(known) < _ENOUGH and not re.search(r"(?i)dat[eu]|day|tag|time|zeit", name):
        return None
    return dates.compact_dates(values)


def _numbers_rows(name: str, values: NDArray[np.float64]) -> str:
    """Say why whole numbers are an identifier; empty: they are not."""
    is_named = _NAMED_AS_ID.fullmatch(name) is not None
    is_count = len(values) > 1 and bool((np.diff(values) == 1).all()) and not _NAMED_AS_TIME.fullmatch(name)
    if is_count and (len(values) >= _ENOUGH or is_named):
        return "identifier: it numbers the rows"
    if is_named and len(values) > 1:
        distinct = len(np.unique(values))
        if distinct == len(values):
            return "identifier: every row has another value, and its name says so"
        if len(values) >= _ENOUGH and distinct > 0.9 * len(values):
            return "identifier: almost every row has another value, and its name says so"
    return ""


def _boolean(name: str, values: NDArray[np.float64], words: tuple[str, str], why: str = "") -> Column:
    return _checked(Column(name, "boolean", values, words, why))


def _of_texts(name: str, cells: Texts, ready: Prepared, reading: Reading, where: Where) -> Column:
    import pyarrow.compute as pc

    n_distinct = len(cells.distinct)
    if not n_distinct:
        return _checked(Column(name, "categorical", cells.codes))
    if n_distinct <= 2 * len(TRUE):
        lower = [text.lower() for text in cells.distinct.to_pylist()]
        truth = [True if one in TRUE else False if one in FALSE else None for one in lower]
        if None not in truth and len(set(truth)) == 2:
            values = np.append(np.array(truth, np.float64), np.nan)[cells.codes]
            first = cells.distinct.to_pylist()
            words = (first[truth.index(False)], first[truth.index(True)])
            return _boolean(name, values, words)
    if ready.dates is not None:
        return _of_dates(name, cells, ready.dates, reading, where)
    code = r"^\d{4,}$"
    may_be_codes = n_distinct > 1 and pc.all(pc.match_substring_regex(cells.distinct[:_SPREAD], code)).as_py()
    if (
        may_be_codes
        and pc.all(pc.match_substring_regex(cells.distinct, code)).as_py()
        and pc.any(pc.starts_with(cells.distinct, "0")).as_py()
    ):
        lengths = pc.utf8_length(cells.distinct)
        if pc.min(lengths).as_py() == pc.max(lengths).as_py():
            return _of_categories(name, cells, "codes with leading zeros")
    if ready.core is None:
        return _of_categories(name, cells, "")
    decimal, _ = _decimal_of(ready.notation, reading)
    values, is_number, has_thousands = numbers.numbers(ready.core, decimal)
    n_rows = np.bincount(cells.codes[cells.codes >= 0], minlength=n_distinct)
    if (n_rows * is_number).sum() < FITS * n_rows.sum():
        first_number = _first(cells.codes, is_number)
        mixed = "" if first_number is None else f"mixed: {where(first_number)} has a number among words"
        return _of_categories(name, cells, mixed)
    notes = []
    if ready.removed:
        notes.append(f"numbers without {ready.removed}")
    if has_thousands:
        notes.append("numbers with thousands marks")
    elif decimal == "," and (ready.notation.comma or ready.notation.open):
        notes.append("numbers with decimal commas")
    if reading.is_decimal_open and ready.notation.open:
        notes.append(_open_words(_first_open(ready), decimal))
    if not is_number.all():
        notes.append(_odd_cells(cells, is_number, "a number", where))
    row_values = np.append(values, np.nan)[cells.codes]
    large, above = None, numbers.are_too_large(ready.core, values)
    if above.any() and (first := _first(cells.codes, above)) is not None:
        large = Large(first, cells.distinct[int(cells.codes[first])].as_py()[:40], int(is_number.sum()))
    return _of_numbers(name, row_values, where, "; ".join(notes), large)


def _of_marked(name: str, cells: Marked, reading: Reading, where: Where) -> Column:
    notes = []
    if cells.has_thousands:
        notes.append("numbers with thousands marks")
    elif reading.decimal == "," and (cells.needs_mark or cells.open):
        notes.append("numbers with decimal commas")
    if reading.is_decimal_open and cells.open:
        notes.append(_open_words(cells.open, reading.decimal))
    if n_odd := len(cells.odd_rows):
        notes.append(_odd_words(int(cells.odd_rows[0]), cells.odd_texts[0], n_odd, "a number", where))
    return _of_numbers(name, cells.values, where, "; ".join(notes))


def _decimal_of(notation: numbers.Notation, reading: Reading) -> tuple[str, bool]:
    """The decimal mark of a column, and whether the column decides by itself."""
    if reading.keeps_decimal or notation.comma == notation.point:
        return reading.decimal, False
    return ("," if notation.comma > notation.point else "."), True


def _first_open(ready: Prepared) -> str:
    """The first text that can be read in two ways."""
    import pyarrow.compute as pc

    assert ready.core is not None
    return str(ready.core.filter(pc.match_substring_regex(ready.core, numbers.OPEN))[0].as_py())


def _open_words(shown: str, decimal: str) -> str:
    """Name the other reading of a text that can be read in two ways."""
    import pyarrow as pa

    texts = pa.array([shown], pa.large_string())
    read, other = (float(numbers.numbers(texts, mark)[0][0]) for mark in (decimal, "." if decimal == "," else ","))
    return f"{shown} was read as {read:g}, and could be {other:g}"


def _open_floats(values: NDArray[Any], reading: Reading) -> str:
    """The same for numbers that were parsed, whose point could be a thousands mark."""
    if not reading.is_point_open or values.dtype.kind != "f" or not numbers.are_like_thousands(values):
        return ""
    value = float(values[np.nanargmax(np.where(values == np.floor(values), -1.0, 1.0))])
    written = f"{value:.3f}".replace(".", reading.decimal)
    return f"{written} was read as {value:g}, and could be {value * 1000:.0f}"


def _of_dates(name: str, cells: Texts, found: dates.Dates, reading: Reading, where: Where) -> Column:
    day_first = reading.day_first if found.order in ("open", "") or reading.keeps_order else found.order == "day"
    days = found.days(day_first)
    n_rows = np.bincount(cells.codes[cells.codes >= 0], minlength=len(days))
    if (n_rows * np.isfinite(days)).sum() < FITS * n_rows.sum():
        return _of_categories(name, cells, "mixed: too few cells are dates in one order")
    notes = []
    if found.order == "open" and reading.is_order_open:
        place = int((np.isfinite(found.day_first) & (found.day_first != found.month_first)).argmax())
        words = ("day", "month") if day_first else ("month", "day")
        shown = cells.distinct[place].as_py()[:40]
        notes.append(f"{shown} was read with the {words[0]} first, and could have the {words[1]} first")
    elif found.order in ("day", "month", "open"):
        notes.append(f"the {'day' if day_first else 'month'} comes first")
    if not np.isfinite(days).all():
        notes.append(_odd_cells(cells, np.isfinite(days), "such a date", where))
    return _checked(Column(name, "date", np.append(days, np.nan)[cells.codes], why="; ".join(notes)))


def _first(codes: NDArray[np.int32], wanted: NDArray[np.bool_]) -> int | None:
    """The first row whose text is wanted: (rows,) codes, (D,) whether it is wanted."""
    hit = np.append(wanted, False)[codes]
    return int(hit.argmax()) if hit.any() else None


def _odd_cells(cells: Texts, fits: NDArray[np.bool_], what: str, where: Where) -> str:
    first = _first(cells.codes, ~fits)
    assert first is not None
    count = int(np.append(~fits, False)[cells.codes].sum())
    return _odd_words(first, cells.distinct[int(cells.codes[first])].as_py(), count, what, where)


def _odd_words(row: int, text: str, count: int, what: str, where: Where) -> str:
    shown = storable(text)[:40]
    return f"mixed: {where(row)} has {shown!r}, which is not {what}; {_counted(count, 'such cell')} as missing"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun} counts" if count == 1 else f"{count:,} {noun}s count"


def _of_categories(name: str, cells: Texts, why: str) -> Column:
    n_rows, n_distinct = int((cells.codes >= 0).sum()), len(cells.distinct)
    column = Column(name, "categorical", *in_order(cells), why)
    is_named = _NAMED_AS_ID.fullmatch(name) is not None
    words = mean_words(cells)
    if n_distinct > n_rows / 2 and n_distinct > 2 and words >= 5:
        return _left_out(column, f"free text: {words:.0f} words in a cell on average")
    if n_distinct == n_rows > 1 and (n_rows >= _ENOUGH // 2 or is_named):
        return _left_out(column, "identifier: every row has another value")
    if n_rows >= 2 * _ENOUGH and n_distinct > 0.9 * n_rows:
        return _left_out(column, "identifier: almost every row has another value")
    if n_distinct > MAX_CATEGORIES or (n_distinct > 10 and n_distinct > n_rows / 2):
        return _left_out(column, f"too many categories: {n_distinct:,} different ones in {n_rows:,} rows")
    return _checked(column)


def _checked(column: Column) -> Column:
    """Leave out a column without any value, or with one value only."""
    known = column.values[~column.is_missing]
    if not len(known):
        return _left_out(column, "empty: no row has a value")
    if (known == known[0]).all():
        value = shown(column, float(known[0]))
        return _left_out(column, f"constant: every {'row' if not column.missing else 'value'} is {value}")
    return column


def _left_out(column: Column, reason: str) -> Column:
    return Column(column.name, column.kind, column.values, column.categories, column.why, reason)


def shown(column: Column, value: float) -> str:
    """Write a value of a column that is not missing, such as it is in `values`."""
    if column.categories:
        return column.categories[int(value)][:60]
    if column.kind == "date":
        return str(np.datetime64(int(value), "D"))
    return f"{value:.0f}" if value == np.floor(value) and abs(value) < 1e15 else f"{value:.6g}"
