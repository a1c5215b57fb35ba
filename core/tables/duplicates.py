"""Rows of a table that have the same features: within the table, and in two splits, where a test is no test.

N rows.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Repeats(NamedTuple):
    """Rows that repeat others."""

    rows: int
    """Rows whose features stand in an earlier row."""
    contradictory: int
    """Rows that share their features with a row of another target."""


def row_codes(columns: Iterable[ArrayLike]) -> NDArray[np.uint64]:
    """Give equal rows the same number: columns of (N,) numbers, NaN equal to NaN -> (N,); others differ but for a few in 2^64.

    The numbers are mixed as in splitmix64 (Steele, Lea & Flood 2014).
    """
    codes: NDArray[np.uint64] | None = None
    for column in columns:
        values = np.asarray(column, np.float64) + 0.0  # no minus zero
        bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
        codes = _mixed(bits if codes is None else bits + codes * _GOLDEN)
    return np.zeros(0, np.uint64) if codes is None else codes


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


def repeats(codes: NDArray[np.uint64], y: ArrayLike) -> Repeats:
    """Count the rows that repeat others: (N,) codes and (N,) targets."""
    if not len(codes):
        return Repeats(0, 0)
    distinct, of_row, counts = np.unique(codes, return_inverse=True, return_counts=True)
    target = np.asarray(y, np.float64)
    low, high = np.full(len(distinct), np.inf), np.full(len(distinct), -np.inf)
    np.minimum.at(low, of_row, target)
    np.maximum.at(high, of_row, target)
    return Repeats(len(codes) - len(distinct), int(counts[low < high].sum()))


def also_in(codes: NDArray[np.uint64], rows: ArrayLike, others: ArrayLike) -> int:
    """Count which of some rows have the features of one of the others; both as numbers of rows."""
    return int(np.isin(codes[np.asarray(rows)], codes[np.asarray(others)]).sum())
