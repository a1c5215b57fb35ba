"""The layout of a text: its dialect, which lines are titles, comments or names, and that all rows have the same cells.

What is no row of values becomes blank lines, so that a row keeps the number of its line.
"""

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from leafscope.core.errors import TableError
from leafscope.core.limits import MAX_FEATURES, MAX_TABLE_ROWS
from leafscope.core.tables.dialect import DELIMITERS, WHITESPACE, Dialect, candidates
from leafscope.core.tables.header import is_header
from leafscope.core.tables.marks import is_number

_TITLES = 20
"""The most lines of titles above a table."""

_BODY = 500
"""Rows by which the header is judged."""


@dataclass
class Layout:
    """A text whose lines are rows of values or blank."""

    data: bytes
    dialect: Dialect
    width: int
    """Columns."""
    cells: int
    """Cells of the widest row; those behind the columns are empty."""
    lines: "array[int]"
    """The line of each row, from 1."""
    header: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    """Sentences about what was left out."""

    def first_rows(self, most: int) -> list[list[str]]:
        """Return the cells of the first rows."""
        return _rows(self.data, self.dialect, most)


def layout(data: bytes, delimiter: str | None = None, header: bool | None = None) -> Layout:
    """Find the layout of a text; `delimiter` and `header` say what is known. Raises TableError, with the row."""
    if delimiter is not None and delimiter not in DELIMITERS and (len(delimiter.encode()) != 1 or delimiter in '"\n\r'):
        raise TableError(f"a delimiter must be one character, or whitespace, got {delimiter!r:.20}")
    notes: list[str] = []
    if named := re.match(rb'\s*"?sep=(.)"?[^\S\n]*(\n|$)', data):
        delimiter = delimiter or named[1].decode("utf-8", "replace")
        data = _blanked(data, named.end())
    data, comment = _without_comments(data, notes)
    sample = data[:1_000_000].decode("utf-8", "ignore")
    fault: TableError | None = None
    for dialect in candidates(sample, delimiter):
        try:
            found = _with_dialect(data, dialect, header, comment)
        except TableError as error:
            fault = fault or error
            continue
        found.notes = notes + found.notes
        return found
    assert fault is not None
    raise fault


def _blanked(data: bytes, end: int) -> bytes:
    """Replace everything before `end` by its line ends."""
    return b"\n" * data.count(b"\n", 0, end) + data[end:]


def _without_comments(data: bytes, notes: list[str]) -> tuple[bytes, str | None]:
    """Blank lines that begin with # (at the top also %); returns the last one above the table, which may hold the names."""
    top = re.match(rb"(?:[^\S\n]*(?:[#%][^\n]*)?\n)*", data)
    last = None
    if top is not None and top.end():
        comments = [line for line in top[0].split(b"\n") if line.strip()]
        rest = data[top.end() :]
        others = rest[:100_000].count(b"\n#") + rest.startswith(b"#")
        if comments and others <= rest[:100_000].count(b"\n") // 2:
            last = comments[-1].strip().lstrip(b"#%").decode("utf-8", "replace")
            data = _blanked(data, top.end())
    if (found := data.count(b"\n#") + data.startswith(b"#")) and found < data.count(b"\n") / 2 and b'"' not in data:
        data = re.sub(rb"(?m)^#[^\n]*", b"", data)
        notes.append(f"{found:,} lines that begin with # were left out as comments")
    return data, last


def _with_dialect(data: bytes, dialect: Dialect, header: bool | None, comment: str | None) -> Layout:
    lines, widths = _scan(data, dialect)
    if not lines:
        raise TableError("the file must have rows, but it holds only comments and blank lines")
    common = Counter(widths[1:] or widths).most_common()
    width = max(width for width, n in common if n == common[0][1])
    notes: list[str] = []
    # titles above the table: fewer cells than all else
    above = 0
    while above < min(_TITLES, len(widths) - 1) and widths[above] < width:
        above += 1
    head = _rows(data, dialect, above + _BODY + 1)
    ends_with_mark = all(not row[-1].strip() for row in head[above:])
    names: list[str] | None = None
    if above and width > 1:
        short = head[above - 1]
        if len(short) == width - 1 and (ends_with_mark or _names_but_the_first(short, head[above:])):
            names = short if ends_with_mark else ["", *short]
            above -= 1
    if above:
        lines_of_titles = lines[above - 1] - lines[0] + 1
        notes.append(
            f"the first {'line was' if lines_of_titles == 1 else f'{lines_of_titles} lines were'} left out as a title: "
            f"{'it has' if lines_of_titles == 1 else 'they have'} fewer cells than the other rows"
        )
    body = head[above:]
    if names is not None and header is not False:
        skip = above + 1
    elif header is True or (header is None and is_header(body[0], body[1:])):
        names, skip = body[0], above + 1
    else:
        names, skip = None, above
        told = None if comment is None else next((row for _, row in dialect.rows(iter([comment]))), None)
        if header is None and told is not None and len(told) == width and not any(map(is_number, told)):
            names = told
    if names is not None:
        while len(names) > 1 and not names[-1].strip() and ends_with_mark and _is_trailing(data, dialect, len(names), lines):
            names = names[:-1]
    if names is not None:
        width = len(names)
    elif width > 1 and ends_with_mark and _is_trailing(data, dialect, width, lines):
        width -= 1
    if width > MAX_FEATURES + 1:
        raise TableError(f"a table must have at most {MAX_FEATURES:,} columns and a target, got {width:,} columns")
    end = _end_of(data, lines[skip] if skip < len(lines) else lines[-1] + data.count(b"\n") + 1)
    found = Layout(_blanked(data, end), dialect, width, width, lines[skip:], names, notes)
    if not len(found.lines):
        raise TableError("the file must have rows of values below its names, but it has none")
    found.cells = _check_widths(found, widths[skip:])
    return found


def _is_trailing(data: bytes, dialect: Dialect, width: int, lines: "array[int]") -> bool:
    """Whether the last cell is empty in each row, because each line ends with a delimiter."""
    mark = dialect.delimiter.encode()
    if dialect.delimiter == WHITESPACE or b'"' in data:
        return all(len(row) < width or not row[width - 1].strip() for _, row in _all_rows(data, dialect))
    return all(line.rstrip(b" \n").endswith(mark) for line in io.BytesIO(data) if line.strip())


def _names_but_the_first(names: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the names leave out the first column, which then numbers or names the rows, as R writes it."""
    first = [row[0] for row in body]
    return len(set(first)) == len(first) and is_header(names, [row[1:] for row in body])


def _scan(data: bytes, dialect: Dialect) -> "tuple[array[int], array[int]]":
    """Count the cells of every row that is not blank: its line, from 1, and its cells."""
    lines, widths = array("I"), array("I")
    most = MAX_TABLE_ROWS + _TITLES + 1
    mark = dialect.delimiter.encode()
    if not dialect.quote or dialect.quote.encode() not in data:
        for number, line in enumerate(io.BytesIO(data), 1):
            if not line.strip(b" \n" if mark == b"\t" else b" \t\n"):
                continue
            lines.append(number)
            if dialect.delimiter == WHITESPACE:
                widths.append(len(line.split()))
            else:
                widths.append(line.count(mark) + 1 if mark else 1)
            if len(lines) > most:
                break
    else:
        try:
            for number, row in _all_rows(data, dialect):
                if row and (len(row) > 1 or row[0].strip()):
                    lines.append(number)
                    widths.append(len(row))
                    if len(lines) > most:
                        break
        except csv.Error as error:
            number = lines[-1] + 1 if lines else 1
            raise TableError(f"quotes must come in pairs, but behind line {number:,} a cell does not end: {error}") from None
    if len(lines) > most:
        raise TableError(f"a table must have at most {MAX_TABLE_ROWS:,} rows, and this file has more")
    return lines, widths


def _all_rows(data: bytes, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    with io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="\n") as text:
        yield from dialect.rows(text)


def _rows(data: bytes, dialect: Dialect, most: int) -> list[list[str]]:
    rows = (row for _, row in _all_rows(data, dialect) if row and (len(row) > 1 or row[0].strip()))
    return list(islice(rows, most))


def _end_of(data: bytes, line: int) -> int:
    """The place where a line, counted from 1, begins; the end of the data if there is none."""
    place = 0
    for _ in range(line - 1):
        place = data.find(b"\n", place) + 1
        if not place:
            return len(data)
    return place


def _check_widths(found: Layout, widths: "array[int]") -> int:
    """Check that every row has the cells of the columns, or more that are empty; return the cells of the widest."""
    width = found.width
    if not any(count != width for count in widths):
        return width
    odd = {found.lines[place]: place for place, count in enumerate(widths) if count != width}
    for number, row in _all_rows(found.data, found.dialect):
        if number in odd and (len(row) < width or any(cell.strip() for cell in row[width:])):
            if not any(cell.strip() for cell in row):
                continue  # nothing but delimiters
            raise TableError(
                f"every row must have {width:,} cells, as {'the names do' if found.header else 'most rows do'}, but row "
                f"{odd[number] + 1:,} (line {number:,}) has {len(row):,}"
            )
    return max(widths)
