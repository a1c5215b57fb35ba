"""Intervals and tests over seeds: means, paired differences, and the correction for several tests.

J seeds · s standard deviation over seeds. The variance of a mean over seeds is s^2 (1/J + overlap). `overlap` is
n_test / n_train for tables, whose splits by different seeds share rows (Nadeau & Bengio 2003), and 0 if each seed draws
fresh data.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.05
"""A difference is shown (significant) if its p is lower."""

CERTAIN = 5
"""Fewest equal differences that count; fewer can be equal by chance on a small split."""

FEWEST = 5
"""Fewest seeds whose shares get an interval; fewer are shown themselves."""


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


def share_interval(values: ArrayLike, *, overlap: float = 0.0, confidence: float = 0.95) -> Interval:
    """Compute the mean over seeds of shares, from 0 to 1, and its t interval on the logit scale: (J,) -> Interval.

    logit(mean) -+ t error / (mean (1 - mean)), with J - 1 degrees of freedom, brought back to a share, so that the interval
    stays within 0 and 1 and holds the mean; a mean of 0 or 1 is its own interval. NaN values are left out; fewer than 5 seeds
    have no interval. Raises ValueError for a value outside 0..1, and as `mean_interval` does. Source: the delta method.

    >>> found = share_interval([0.99, 1.0, 0.98, 1.0, 1.0])
    >>> round(found.low, 3), round(found.mean, 3), round(found.high, 3)
    (0.963, 0.994, 0.999)
    """
    from scipy.special import expit, logit

    array = one_dimensional(values, "values")
    if (wrong := array[(array < 0) | (array > 1)]).size:
        raise ValueError(f"values must be shares from 0 to 1, got {wrong[0]}")
    known = array[~np.isnan(array)]
    mean, error = mean_and_error(known, overlap)
    half = _half_width(error, len(known), confidence)
    if len(known) < FEWEST:
        return Interval(mean, math.nan, math.nan, len(known))
    if half == 0 or mean in (0.0, 1.0):
        return Interval(mean, mean, mean, len(known))
    at, reach = logit(mean), half / (mean * (1 - mean))
    return Interval(mean, float(expit(at - reach)), float(expit(at + reach)), len(known))


def interval_of(is_share: bool, values: ArrayLike, *, overlap: float = 0.0, is_size: bool = False) -> Interval:
    """Compute the 95 % interval of a mean over seeds: that of `share_interval` or of `mean_interval`.

    `is_size`: of values that cannot be below 0, such as losses; the interval ends there too.

    >>> interval_of(False, [1.0, 3.0], is_size=True).low
    0.0
    """
    found = (share_interval if is_share else mean_interval)(values, overlap=overlap)
    return replace(found, low=max(0.0, found.low)) if is_size and found.low < 0 else found


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


def detectable_difference(
    first: ArrayLike, second: ArrayLike, *, overlap: float = 0.0, level: float = LEVEL, tests: int = 1, power: float = 0.8
) -> float:
    """Compute the smallest mean difference that a paired t test shows with this probability: (J,) and (J,) -> a difference.

    From the spread of the observed paired differences, as `detectable_beside` computes it. NaN below two pairs, and where fewer
    than 5 pairs all differ alike. Raises ValueError as `paired_difference` does, and for fewer than one test.

    >>> round(detectable_difference([0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 0.0]), 4)
    0.2686
    """
    found = paired_difference(first, second, overlap=overlap)
    low, high = (math.nan, math.nan) if math.isnan(found.p) else (found.low, found.high)
    return detectable_beside(low, high, found.n, level=level, tests=tests, power=power)


def detectable_beside(low: float, high: float, n: int, *, level: float = LEVEL, tests: int = 1, power: float = 0.8) -> float:
    """Compute the smallest mean difference that a test shows with this probability, from a 95 % t interval over n seeds.

    At the strictest level of Holm's correction for this number of tests: (t(1 - level / (2 tests)) + t(power)) standard errors,
    with n - 1 degrees of freedom; in the unit of the bounds. NaN below two seeds or without bounds. Raises ValueError for fewer
    than one test, and for a power outside 0..1.

    >>> round(detectable_beside(-1.0, 1.0, 20), 2)
    1.41
    """
    from scipy.special import stdtrit

    if tests < 1:
        raise ValueError(f"tests must be at least 1, got {tests}")
    if not 0 < power < 1:
        raise ValueError(f"power must be above 0 and below 1, got {power}")
    if n < 2 or not math.isfinite(high - low):
        return math.nan
    error = (high - low) / (2 * float(stdtrit(n - 1, 0.975)))
    return float(stdtrit(n - 1, 1 - level / (2 * tests)) + stdtrit(n - 1, power)) * error


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
