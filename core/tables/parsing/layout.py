"""The layout of a text: its dialect, which lines are titles, comments or names, and that all rows have the same cells."""

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_FEATURES, MAX_TABLE_ROWS
from leafscope.core.tables.parsing.comments import without_comments
from leafscope.core.tables.parsing.dialect import DELIMITERS, WHITESPACE, Dialect, candidates
from leafscope.core.tables.parsing.header import is_header
from leafscope.core.tables.parsing.marks import is_number

_TITLES = 20
"""The most lines of titles above a table."""

_BLANK = " \t\n"

_LINES_OF_ROW = 10
"""The most lines of a file for each of the most rows, with those that are blank or within quotes."""

_BYTES = 2**20
"""Bytes in which cells are counted at once."""

_BODY = 200
"""Rows by which the header is judged."""


class Most(NamedTuple):
    """The most that a text may have."""

    rows: int = MAX_TABLE_ROWS
    columns: int = MAX_FEATURES + 1
    """With the one that is predicted."""


@dataclass(frozen=True)
class Text:
    """UTF-8 text from a place on, so that a large one is never copied."""

    data: bytes
    start: int = 0
    line: int = 1
    """The number of the line that begins at the start."""

    def stream(self) -> io.BytesIO:
        """Open it from its start on."""
        stream = io.BytesIO(self.data)
        stream.seek(self.start)
        return stream

    def behind(self, end: int) -> "Text":
        """The text from a line's beginning on."""
        return Text(self.data, end, self.line + self.data.count(b"\n", self.start, end))

    def from_line(self, line: int) -> "Text":
        """The text from a line on."""
        end = self.start
        for _ in range(line - self.line):
            end = self.data.find(b"\n", end) + 1 or len(self.data)
        return self.behind(end)

    @contextmanager
    def reader(self, dialect: Dialect, strict: bool = False) -> Iterator[Any]:
        """Open a reader of its rows; raises TableError for a cell that does not end."""
        with io.TextIOWrapper(self.stream(), "utf-8", newline="\n") as text:
            reader = dialect.reader(text, strict)
            try:
                yield reader
            except csv.Error as error:
                raise TableError(
                    f"cells must have at most {csv.field_size_limit():,} characters and quotes must come in pairs, but in or "
                    f"above line {self.line + reader.line_num - 1:,} they do not: {error}"
                ) from None

    def rows(self, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
        """Yield each row's line and cells; [] for a blank line. Raises TableError for a cell that does not end."""
        line = self.line
        with self.reader(dialect) as reader:
            for cells in reader:
                yield line, cells if len(cells) > 1 or (cells and cells[0].strip(_BLANK)) else []
                line = self.line + reader.line_num

    def line_ends(self) -> NDArray[np.int64]:
        """Where each line ends: the place of its line feed, or of the end of the text."""
        ends = np.flatnonzero(np.frombuffer(self.data, np.uint8, offset=self.start) == ord("\n")) + self.start
        return ends if self.data.endswith(b"\n") else np.append(ends, len(self.data))

    def first_rows(self, dialect: Dialect, most: int) -> list[list[str]]:
        """Return the cells of the first rows that are not blank."""
        return list(islice((row for _, row in self.rows(dialect) if row), most))


@dataclass
class Layout:
    """Rows of values, with blank lines between them."""

    text: Text
    dialect: Dialect
    width: int
    """Columns."""
    cells: int
    """Cells of the widest row; those behind the columns are empty."""
    lines: NDArray[np.uint32]
    """The line of each row, from 1."""
    header: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    """Sentences about what was left out."""


def layout(data: bytes, delimiter: str | None = None, header: bool | None = None, most: Most | None = None) -> Layout:
    """Find the layout of a text; `delimiter` and `header` say what is known. Raises TableError, with the row."""
    most = most or Most()
    if delimiter is not None and delimiter not in DELIMITERS and (len(delimiter.encode()) != 1 or delimiter in '"\n\r'):
        raise TableError(f"a delimiter must be one character, or whitespace, got {delimiter!r:.20}")
    if (n_lines := data.count(b"\n")) > _LINES_OF_ROW * most.rows:
        raise TableError(f"a file must have at most {_LINES_OF_ROW * most.rows:,} lines, got {n_lines:,}")
    notes: list[str] = []
    text = Text(data)
    if named := re.match(rb'\s*"?(?i:sep)=([^\n])"?[^\S\n]*(\n|$)', data):
        delimiter = delimiter or named[1].decode("utf-8", "replace")
        text = text.behind(named.end())
    text, comment = _without_comments(text, notes)
    fault: TableError | None = None
    for dialect in candidates(data[text.start : text.start + 400_000].decode("utf-8", "ignore"), delimiter):
        try:
            found = _with_dialect(text, dialect, header, comment, most)
        except TableError as error:
            fault = fault or error
            continue
        if fault is not None and not dialect.quote:
            notes.append("quotes do not come in pairs, so each is read as it is written")
        found.notes = notes + found.notes
        return found
    assert fault is not None
    raise fault


def _without_comments(text: Text, notes: list[str]) -> tuple[Text, str | None]:
    """Leave out lines of comments; returns the last one above the table, which may hold the names."""
    found = without_comments(text.data, text.start)
    if found.top > text.start:
        text = text.behind(found.top)
    if found.inside:
        words = "line that begins" if found.inside == 1 else "lines that begin"
        notes.append(f"{found.inside:,} {words} with # left out, as comments")
        text = Text(found.rest, 0, text.line)
    return text, found.last


def _with_dialect(text: Text, dialect: Dialect, header: bool | None, comment: str | None, most: Most) -> Layout:
    lines, widths = _scan(text, dialect, most.rows)
    if len(widths) and widths.max() > 2 * most.columns:
        raise _too_wide(int(widths.max()), most)
    if not len(lines):
        raise TableError("the file must have rows, but it holds only comments and blank lines")
    common = Counter((widths[1:] if len(widths) > 1 else widths).tolist()).most_common()
    width = max(width for width, n in common if n == common[0][1])
    notes: list[str] = []
    above = 0  # titles above the table have fewer cells than all else
    while above < min(_TITLES, len(widths) - 1) and widths[above] < width:
        above += 1
    head = text.first_rows(dialect, above + _BODY + 1)
    above += _padded_titles(head[above:]) if header is not False else 0
    body = head[above:]
    names: list[str] | None = None
    if above and width > 1 and header is not False:
        short = head[above - 1]
        n_more = width - len(short)
        if n_more > 0 and all(_empty_behind(row) >= n_more for row in body):
            names, above = short, above - 1
        elif n_more == 1 and _names_but_the_first(short, body):
            names, above = ["", *short], above - 1
    if above:
        n = int(lines[above - 1] - lines[0]) + 1
        left_out = "line was left out: it has" if n == 1 else f"{n} lines were left out: they have"
        notes.append(f"the first {left_out} fewer cells than the other rows")
    skip = above + (names is not None)
    if names is None and (header is True or (header is None and is_header(body[0], body[1:]))):
        names, skip = body[0], above + 1
    elif names is None and header is None and comment is not None:
        told: list[str] = next(iter(dialect.reader([comment])), [])
        names = told if len(told) == width and not any(map(is_number, told)) else None
    while names is not None and len(names) > width and not names[-1].strip():
        names = names[:-1]  # only the line of names ends with a delimiter
    width = width if names is None else len(names)
    width -= _trailing(text, dialect, width, names, body)
    if width > most.columns:
        raise _too_wide(width, most)
    if skip >= len(lines):
        raise TableError("the file must have rows of values below its names, but it has none")
    found = Layout(text.from_line(int(lines[skip])), dialect, width, width, lines[skip:], names and names[:width], notes)
    found.cells = _check_widths(found, widths[skip:], most.rows)
    return found


def _too_wide(width: int, most: Most) -> TableError:
    return TableError(f"a table must have at most {most.columns - 1:,} columns and a target, got {width:,} columns")


def _padded_titles(head: Sequence[Sequence[str]]) -> int:
    """Count titles with empty cells behind them, as spreadsheets write them, above a row in which each cell is a name."""
    for place, row in enumerate(head[: _TITLES + 1]):
        if all(cell.strip() for cell in row):
            may_be_names = place and len(set(row)) == len(row) > 2 and not any(map(is_number, row))
            return place if may_be_names and is_header(row, head[place + 1 :]) else 0
        n_written = sum(bool(cell.strip()) for cell in row)
        if n_written > len(row) // 2 or any(cell.strip() for cell in row[n_written:]):
            return 0
    return 0


def _trailing(text: Text, dialect: Dialect, width: int, names: Sequence[str] | None, body: Sequence[Sequence[str]]) -> int:
    """Count the last columns that are empty in every row, because lines end with delimiters."""
    if dialect.delimiter == WHITESPACE or width < 2:
        return 0
    most = min(width - 1, *(_empty_behind(row[:width]) for row in body))
    if names is not None:
        most = min(most, _empty_behind(names))
    if not most:
        return 0
    ends = text.line_ends()
    if all(_have_before(text, ends[1:], dialect.delimiter, place) for place in range(1, most + 1)):
        return most
    for number, (_, row) in enumerate(text.rows(dialect)):
        if number and len(row) >= width:
            most = min(most, _empty_behind(row[:width]))
        if not most:
            return 0
    return most


def _empty_behind(row: Sequence[str]) -> int:
    """Count the empty cells at the end of a row."""
    return next((place for place, cell in enumerate(reversed(row)) if cell.strip()), len(row))


def _have_before(text: Text, ends: NDArray[np.int64], mark: str, place: int) -> bool:
    """Whether a mark of one byte stands so many bytes before each of these line ends."""
    return len(mark.encode()) == 1 and bool((np.frombuffer(text.data, np.uint8)[ends - place] == ord(mark)).all())


def _names_but_the_first(names: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the names leave out the first column, which then numbers or names the rows, as R writes it."""
    first = [row[0] for row in body]
    return len(set(first)) == len(first) and is_header(names, [row[1:] for row in body])


def _scan(text: Text, dialect: Dialect, most_rows: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Count the cells of every row that is not blank: its line, from 1, and its cells."""
    lines, widths = array("I"), array("I")
    most = most_rows + _TITLES + 1
    has_quotes = bool(dialect.quote) and text.data.find(dialect.quote.encode(), text.start) >= 0
    if has_quotes:
        if dialect.delimiter != WHITESPACE and dialect.escape is None and (found := _counted(text, dialect, most)) is not None:
            return found
        _count_quoted(text, dialect, lines, widths, most)
    elif dialect.delimiter == WHITESPACE:
        for line, cells in enumerate(text.stream(), text.line):
            if cells.strip(_BLANK.encode()) and (width := len(cells.split())):
                lines.append(line)
                widths.append(width)
                if len(lines) > most:
                    break
    else:
        found = _counted(text, replace(dialect, quote=""), most)
        assert found is not None
        return found
    _check_rows(len(lines), most)
    return np.frombuffer(lines, np.uint32), np.frombuffer(widths, np.uint32)


def _count_quoted(text: Text, dialect: Dialect, lines: "array[int]", widths: "array[int]", most: int) -> None:
    line, n_read = text.line, 0
    with text.reader(dialect) as reader:
        for cells in reader:  # a plain loop, since it runs over all rows
            width = len(cells)
            if width > 1 or (width and cells[0].strip(_BLANK)):
                lines.append(line)
                widths.append(width)
                if len(lines) > most:
                    return
            n_read += 1
            line = text.line + reader.line_num
    if line - text.line > n_read:  # cells hold line ends, so it matters that no quote is alone
        with text.reader(dialect, strict=True) as reader:
            for _ in reader:
                pass


def _check_rows(n: int, most: int) -> None:
    if n > most:
        raise TableError(f"a table must have at most {most - _TITLES - 1:,} rows, and this file has more")


def _counted(text: Text, dialect: Dialect, most: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]] | None:
    """Count cells a few megabytes at once; None where quotes are not around whole cells of one line, which takes a reader."""
    lines, widths, line, n_rows = [], [], text.line, 0
    mark, quote = dialect.delimiter.encode(), dialect.quote.encode()
    blank = b" \t" + quote if quote else b" " if mark == b"\t" else b" \t"
    begin = text.start
    while begin < len(text.data):
        end = text.data.rfind(b"\n", begin, begin + _BYTES) + 1 or text.data.find(b"\n", begin + _BYTES) + 1 or len(text.data)
        part = np.frombuffer(text.data, np.uint8, count=end - begin, offset=begin)
        ends, marks_at = part == 10, part == (mark[0] if mark else 10)
        if quote:
            inside = _inside(part, marks_at | ends, quote[0])
            if inside is None or (ends & inside).any():
                return None
            marks_at &= ~inside
        ends = np.flatnonzero(ends)
        if not len(ends) or ends[-1] != len(part) - 1:
            ends = np.append(ends, len(part))
        marks = np.searchsorted(np.flatnonzero(marks_at), ends) if mark else np.zeros(len(ends), np.int64)
        count = np.diff(marks, prepend=0) + 1
        begins = np.append(0, ends[:-1] + 1)
        is_row = ends > begins
        for place in np.flatnonzero(is_row & (count == 1)) if mark or b" " in blank else ():
            row = text.data[begin + begins[place] : begin + ends[place]]
            if quote and quote * 3 in row:  # a cell that begins or ends with a quote of its own
                return None
            is_row[place] = bool(row.strip(blank))
        lines.append((np.flatnonzero(is_row) + line).astype(np.uint32))
        widths.append(count[is_row].astype(np.uint32))
        n_rows += len(widths[-1])
        _check_rows(n_rows, most)
        line += len(ends)
        begin = end
    empty = np.empty(0, np.uint32)
    return np.concatenate([empty, *lines]), np.concatenate([empty, *widths])


def _inside(part: NDArray[np.uint8], borders: NDArray[np.bool_], quote: int) -> NDArray[np.bool_] | None:
    """Mark the bytes from a quote up to the one that closes it; None unless quotes are at the borders of cells, or doubled."""
    is_quote = part == quote
    at = np.flatnonzero(is_quote)
    if len(at) % 2:
        return None
    inside = np.repeat(np.arange(len(at) + 1) % 2 == 1, np.diff(at, prepend=0, append=len(part)))
    opens, closes = at[::2], at[1::2]
    edge = borders | is_quote
    begins = (opens == 0) | edge[opens - 1]
    stops = (closes == len(part) - 1) | edge[np.minimum(closes + 1, len(part) - 1)]
    return inside if bool(begins.all() and stops.all()) else None


def _check_widths(found: Layout, widths: NDArray[np.uint32], most_rows: int) -> int:
    """Check that every row has the cells of the columns, or more that are empty; return the cells of the widest."""
    width = found.width
    odd = np.flatnonzero(widths != width)
    if len(found.lines) > most_rows:
        raise TableError(f"a table must have at most {most_rows:,} rows, got {len(found.lines):,}")
    if not len(odd):
        return width
    if _are_trailing(found, odd, widths[odd] - np.int64(width)):
        return int(widths.max())
    place_of = {int(found.lines[place]): int(place) for place in odd}
    for line, row in found.text.rows(found.dialect):
        if line not in place_of or not any(cell.strip() for cell in row):
            continue
        if len(row) < width or any(cell.strip() for cell in row[width:]):
            raise TableError(
                f"every row must have {width:,} cells, as {'the names do' if found.header else 'most rows do'}, but row "
                f"{place_of[line] + 1:,} (line {line:,}) has {len(row):,}"
            )
    return int(widths.max())


def _are_trailing(found: Layout, odd: NDArray[np.intp], more: NDArray[np.int64]) -> bool:
    """Whether it is plain that rows with more cells only end with delimiters; otherwise it takes a reader."""
    mark, text = found.dialect.delimiter, found.text
    ends = text.line_ends()
    line = found.lines.astype(np.int64) - text.line
    is_line = found.dialect.quote.encode() not in text.data if found.dialect.quote else True
    if mark == WHITESPACE or more.min() < 0 or not (is_line or ((np.diff(line) == 1).all() and len(ends) == line[-1] + 1)):
        return False
    return all(_have_before(text, ends[line[odd[more >= place]]], mark, place) for place in range(1, int(more.max()) + 1))
