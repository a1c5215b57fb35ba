"""Intervals and tests over seeds: means, paired differences, and the correction for several tests.

J seeds · s standard deviation over seeds. The variance of a mean over seeds is s^2 (1/J + overlap). `overlap` is
n_test / n_train for tables, whose splits by different seeds share rows (Nadeau & Bengio 2003), and 0 if each seed draws
fresh data.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.05
"""A difference is shown (significant) if its p is lower."""

CERTAIN = 5
"""Fewest equal differences that count; fewer can be equal by chance on a small split."""


@dataclass(frozen=True)
class Interval:
    """The mean over seeds with its confidence interval."""

    mean: float
    """NaN without seeds."""
    low: float
    """NaN below two seeds."""
    high: float
    """NaN below two seeds."""
    n: int
    """Seeds that have a value."""


@dataclass(frozen=True)
class Difference:
    """The mean of first minus second, paired by seed, with its confidence interval and test."""

    mean: float
    """NaN without pairs."""
    low: float
    """NaN below two pairs."""
    high: float
    """NaN below two pairs."""
    n: int
    """Seeds that have a value on both sides."""
    p: float
    """p value of the two-sided t test that the mean is 0, from 0 to 1; NaN below two pairs."""

    def shown(self, level: float = LEVEL) -> bool:
        """Return whether p is lower than the level; False without a p.

        >>> Difference(0.2, 0.1, 0.3, 5, 0.01).shown(), Difference(0.2, math.nan, math.nan, 1, math.nan).shown()
        (True, False)
        """
        return self.p < level


def mean_interval(values: ArrayLike, *, overlap: float = 0.0, confidence: float = 0.95) -> Interval:
    """Compute the mean over seeds and its t interval with J - 1 degrees of freedom: (J,) -> Interval.

    NaN values are left out; with an infinite value there is no interval. Raises ValueError for the wrong number of
    dimensions, an overlap that is negative or not finite, or a confidence outside 0..1. Source of the overlap: Nadeau &
    Bengio 2003.

    >>> mean_interval([0.5, 0.5, math.nan])
    Interval(mean=0.5, low=0.5, high=0.5, n=2)
    """
    array = one_dimensional(values, "values")
    known = array[~np.isnan(array)]
    mean, error = mean_and_error(known, overlap)
    half = _half_width(error, len(known), confidence)
    return Interval(mean, mean - half, mean + half, len(known))


def paired_difference(first: ArrayLike, second: ArrayLike, *, overlap: float = 0.0, confidence: float = 0.95) -> Difference:
    """Compare two models seed by seed: (J,) and (J,) aligned by seed -> the mean of first minus second.

    Pairs with a NaN are left out. If all differences are equal, the interval is a point, and p is 1 if they are 0, else 0;
    but equal differences other than 0 of fewer than 5 seeds have neither, since they do not show the spread. Raises
    ValueError as `mean_interval` does, and for arrays of different lengths.

    >>> paired_difference([0.75, 0.5], [0.75, 0.5])
    Difference(mean=0.0, low=0.0, high=0.0, n=2, p=1.0)
    """
    one, other = one_dimensional(first, "first"), one_dimensional(second, "second")
    if len(one) != len(other):
        raise ValueError(f"first and second must have one value for each seed, got {len(one)} and {len(other)}")
    paired = ~(np.isnan(one) | np.isnan(other))
    with np.errstate(invalid="ignore"):  # inf - inf: a pair of diverged runs has no difference, but it is a pair
        differences = one[paired] - other[paired]
    n = len(differences)
    mean, error = mean_and_error(differences, overlap)
    half = _half_width(error, n, confidence)
    if error == 0 and mean != 0 and n < CERTAIN:
        half = math.nan
    return Difference(mean, mean - half, mean + half, n, _two_sided_p(mean, error, n))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust the p of several tests for their number: (T,) -> (T,), in the same order.

    Step-down: adjusted values keep the order of the given ones and are at most 1. NaN stays NaN and is not counted. Raises
    ValueError for a p outside 0..1 or the wrong number of dimensions. Source: Holm 1979.

    >>> holm([0.25, math.nan, 0.125]).tolist()
    [0.25, nan, 0.25]
    """
    p = one_dimensional(p_values, "p_values")
    if (wrong := p[(p < 0) | (p > 1)]).size:
        raise ValueError(f"p_values must be from 0 to 1, got {wrong[0]}")
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    left = np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), math.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(left * p[order]))
    return adjusted


def mean_and_error(values: NDArray[np.float64], overlap: float) -> tuple[float, float]:
    """Compute the mean of values without NaN, and its standard error s sqrt(1/J + overlap): NaN below two values."""
    if not 0 <= overlap < math.inf:
        raise ValueError(f"overlap must be finite and at least 0, got {overlap}")
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    if not np.isfinite(values).all():
        with np.errstate(invalid="ignore"):
            return float(values.mean()), math.nan
    if values.min() == values.max():  # a computed mean would differ by rounding
        return float(values[0]), 0.0 if n > 1 else math.nan
    mean = math.fsum(values) / n  # exact sum: equal depths stay equal in any order of seeds
    variance = math.fsum((values - mean) ** 2) / (n - 1)
    return mean, math.sqrt(variance * (1 / n + overlap))


def _half_width(error: float, n: int, confidence: float) -> float:
    from scipy.special import stdtrit  # takes a third of a second to import

    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence}")
    return math.nan if n < 2 else float(stdtrit(n - 1, (1 + confidence) / 2)) * error


def _two_sided_p(mean: float, error: float, n: int) -> float:
    from scipy.special import stdtr

    if n < 2 or math.isnan(error):
        return math.nan
    if error == 0:
        if mean != 0 and n < CERTAIN:
            return math.nan
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(mean) / error))


def one_dimensional(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have 1 dimension, got shape {array.shape}")
    return array
