"""Whether the first row holds names, and what the columns are called."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from leafscope.core.tables.parsing.marks import is_date, is_missing, is_number
from leafscope.core.text import storable

LONGEST_NAME = 200
"""The most characters of a column's name."""


def is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names and not values, judged by the rows below it.

    A word above numbers or dates speaks for names, a number above numbers for values; of words, whether the column has that
    word again.

    >>> is_header(["a", "b"], [["1", "x"], ["2", "y"]]), is_header(["3", "x"], [["1", "x"], ["2", "y"]])
    (True, False)
    """
    if not body:
        return not any(is_number(cell) for cell in first)
    if _counts_on(first, body):
        return True
    votes = 0.0
    for place, name in enumerate(first):
        cells = [row[place].strip() for row in body if place < len(row) and not is_missing(row[place])]
        name = name.strip()
        if not cells or is_missing(name):
            continue
        votes += _vote(name, cells)
    if votes:
        return votes > 0
    words = [name.strip() for name in first if name.strip()]
    return bool(words) and len(set(words)) == len(words) and not any(is_number(word) for word in words)


def _vote(name: str, cells: list[str]) -> float:
    for looks_like in (is_date, is_number):
        if sum(map(looks_like, cells)) > 0.8 * len(cells):
            return -1.0 if looks_like(name) else 1.25  # a number can be a name, so a word says more
    if name in cells:
        return -1.0
    if is_number(name) or is_date(name):
        return -0.5
    return 0.5 if len(set(cells)) <= len(cells) / 2 else 0.0


def _counts_on(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row counts columns or years on, such as 0, 1, 2 or 2019, 2020, and rows below do not."""

    def counts(row: Sequence[str]) -> bool:
        numbers = [cell.strip() for cell in row if re.fullmatch(r"\d{1,4}", cell.strip())]
        values = [int(cell) for cell in numbers]
        if len(values) < 2 or any(is_number(cell) and not re.fullmatch(r"\d{1,4}", cell.strip()) for cell in row):
            return False
        steps = {later - earlier for earlier, later in pairwise(values)}
        are_years = all(1800 <= value <= 2100 for value in values)
        return len(steps) == 1 and min(steps) > 0 and (are_years or (len(values) >= 3 and values[0] in (0, 1)))

    return counts(first) and sum(map(counts, body)) <= len(body) // 10


def names_of(cells: Sequence[str] | None, width: int) -> list[str]:
    """Return one name for each column, all different: repeated ones become `x_2`, missing ones `column_1`.

    >>> names_of(["x", "", "x"], 4)
    ['x', 'column_2', 'x_2', 'column_4']
    """
    given = [clean_name(cell) for cell in cells or ()][:width]
    given += [""] * (width - len(given))
    if any(given) and not given[0]:
        given[0] = "index"  # as pandas and R write the names or numbers of rows
    given = [name or f"column_{place + 1}" for place, name in enumerate(given)]
    taken, seen = set(given), Counter[str]()
    names = []
    for name in given:
        seen[name] += 1
        new, number = name, seen[name]
        while number > 1 and (new in taken or new == name):
            new, number = f"{name}_{number}", number + 1
        taken.add(new)
        names.append(new)
    return names


def clean_name(cell: str) -> str:
    """Return a name without line ends and surrounding spaces, of at most 200 characters, that can be stored."""
    return storable(" ".join(cell.split()))[:LONGEST_NAME]
