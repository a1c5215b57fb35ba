"""The dialect of a text: the mark between cells, and how cells are quoted.

Each candidate is judged by the beginning of the text: how many rows have the same number of cells, and how many cells look like
one value each. Whether all rows fit is the task of `layout`.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from leafscope.core.tables.parsing.marks import is_date, is_number

WHITESPACE = "whitespace"
"""The name of runs of spaces and tabs as a delimiter."""

DELIMITERS = (",", ";", "\t", "|", WHITESPACE)

_SAMPLE, _SAMPLE_LINES = 200_000, 200
"""The most characters and lines by which candidates are judged."""


@dataclass(frozen=True)
class Dialect:
    """How a text is cut into cells."""

    delimiter: str
    """A character, "whitespace" for runs of spaces and tabs, or empty: there is one column."""
    quote: str = '"'
    """The character around cells that hold a delimiter or a line end; empty: none."""
    escape: str | None = None
    """The character before a quote within a cell; None: a quote is doubled."""

    def reader(self, text: Iterable[str], strict: bool = False) -> Any:
        """Return the csv module's reader of these lines; `strict`: an odd quote is an error."""
        return csv.reader(
            (_one_space(line) for line in text) if self.delimiter == WHITESPACE else text,
            delimiter={WHITESPACE: " ", "": "\x1f"}.get(self.delimiter, self.delimiter),
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape,
            doublequote=self.escape is None,
            skipinitialspace=True,
            strict=strict,
        )


def _one_space(line: str) -> str:
    return " ".join(line.split()) + "\n"


def candidates(text: str, delimiter: str | None = None) -> list[Dialect]:
    """Return the dialects that a text may have, the likeliest first; `delimiter`: the one that is known."""
    sample = text[:_SAMPLE]
    if len(text) > _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    sample = "".join(islice(io.StringIO(sample, newline="\n"), _SAMPLE_LINES))
    quotes: list[tuple[str, str | None]] = [('"', None)]
    if '\\"' in sample:
        quotes.append(('"', "\\"))
    if '"' not in sample and re.search(r"(?m)(^|[,;|\t ])'", sample):
        quotes.append(("'", None))
    possible = [Dialect(mark, quote, escape) for mark in ([delimiter] if delimiter else DELIMITERS) for quote, escape in quotes]
    judged = [(score, -place, one) for place, one in enumerate(possible) if (score := _score(sample, one)) > 0]
    found = [one for *_, one in sorted(judged, key=lambda entry: entry[:2], reverse=True)]
    if not found:
        return [Dialect(delimiter or "")]
    plain = [Dialect(one.delimiter, "") for one in found if one.quote and one.quote in sample]  # if quotes turn out unpaired
    return found + plain


def _score(sample: str, dialect: Dialect) -> float:
    """How well a dialect fits, from 0 to 1: rows of one width, times cells that hold one value, times a factor of the width.

    A first row of another width counts against it, since it would be left out as a title.
    """
    widths: list[int] = []
    clean: list[float] = []
    try:
        for row in dialect.reader(io.StringIO(sample, newline="\n")):
            while row and not row[-1].strip():
                row.pop()
            if row:
                widths.append(len(row))
                clean.append(_cleanness(row, dialect))
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    width, n_rows = max(Counter(widths).items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    if width < 2:
        return 0.0
    weights = widths if dialect.delimiter != WHITESPACE else [1] * len(widths)
    is_clean = sum(share * weight for share, weight in zip(clean, weights, strict=True)) / sum(weights)
    score = n_rows / len(widths) * is_clean**2 * (width - 1) / width
    return score * (0.8 if dialect.delimiter == WHITESPACE else 1.0) * (1.0 if widths[0] == width else 0.7)


def _cleanness(row: list[str], dialect: Dialect) -> float:
    """The share of cells that hold one value; between spaces, one other mark shows that they are no delimiters."""
    shares = [_is_one_value(cell) for cell in row]
    return sum(shares) / len(row) if dialect.delimiter != WHITESPACE else float(min(shares) == 1)


_MARKS = re.compile(r"[,;|\t]")
_PROSE = re.compile(r"[^\W\d][,;] (?=[^\W\d])")


def _is_one_value(cell: str) -> float:
    """How likely a cell holds one value: 1, 1/2 for words with commas between them, or 0."""
    cell = cell.strip()
    if cell[:1] in ("'", '"') or cell[-1:] in ("'", '"'):
        return 0.0
    if is_number(cell) or is_date(cell):
        return 1.0
    if _MARKS.search(cell) is not None:
        return 0.0 if _MARKS.search(_PROSE.sub("", cell)) is not None else 0.5
    parts = cell.split()
    return 0.0 if len(parts) > 1 and sum(map(is_number, parts)) > len(parts) / 2 else 1.0
