"""A field of runs as a column that an axis can show: numbers, or words at evenly spaced places."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.app import theme

NAME_LIMIT = 60
"""Names of runs and words of fields are cut to so many characters in hover."""


@dataclass(frozen=True)
class Column:
    """A field of runs as numbers: the values themselves, or the places of words among the sorted `categories`."""

    values: NDArray[np.float64]
    """(n,) finite, or NaN where there is no value."""
    categories: tuple[str, ...]
    """Words as written; empty for a field of numbers."""

    def words(self, place: int) -> str:
        """Write one value, not yet escaped; "none" where there is none."""
        value = float(self.values[place])
        if math.isnan(value):
            return "none"
        return theme.one_line(self.categories[int(value)], NAME_LIMIT) if self.categories else number_words(value)

    def plain(self) -> "pd.Series[Any]":
        """Give the values back: numbers, or words as written and None, never both."""
        if not self.categories:
            return pd.Series(self.values)
        return pd.Series([None if math.isnan(at) else self.categories[int(at)] for at in self.values], dtype=object)


def read_column(values: Sequence[Any]) -> Column:
    """Read a field: numbers if every value is one, else words; None, "" and what is not finite are no value.

    >>> read_column([3, None, 0.5]).values.tolist(), read_column(["b", 2, "b"]).categories
    ([3.0, nan, 0.5], ('2', 'b'))
    """
    given = [None if _missing(value) else value for value in values]
    if all(value is None or _is_number(value) for value in given):
        return Column(np.array([math.nan if value is None else float(value) for value in given], dtype=np.float64), ())
    words = [None if value is None else str(value) for value in given]
    categories = tuple(sorted({word for word in words if word is not None}, key=_by_numbers))
    places = {word: place for place, word in enumerate(categories)}
    return Column(np.array([math.nan if word is None else places[word] for word in words], dtype=np.float64), categories)


def _by_numbers(word: str) -> tuple[list[tuple[int, str]], str]:
    """Sort words so that the numbers in them are in order: "K = 8" before "K = 16"."""
    parts = (part.lstrip("0") if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", word)))
    # A number with fewer digits is the smaller one; other parts go by their letters
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(parts)], word


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _missing(value: Any) -> bool:
    return value is None or value == "" or value is pd.NA or (_is_number(value) and not math.isfinite(value))


def number_words(value: float) -> str:
    """Write a value of a field: whole numbers in full, others with three significant digits.

    >>> number_words(12345.0), number_words(0.81944)
    ('12,345', '0.819')
    """
    return theme.thousands(value) if value.is_integer() and abs(value) < 1e9 else theme.three_significant(value)
