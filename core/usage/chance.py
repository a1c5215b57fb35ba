"""Leaf statistics expected under independent bits: each row draws its leaf from the product of the observed bit frequencies.

N rows · K depth (gating bits) · L = 2^K leaves · C classes · E recorded epochs · R replicates. With few rows and many
leaves, most leaves are empty by chance, so compare a statistic with its expectation. The null model (product of bit
frequencies) and the range (95 % of the replicates) are this project's choice. `usage.hyperplanes` has the other null model.
"""

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.usage.change import divergence
from leafscope.core.usage.counts import Integers, checked_counts, node_counts
from leafscope.core.usage.evenness import lorenz, measure_counts, names_of_counts
from leafscope.core.usage.information import ByClass
from leafscope.core.usage.levels import INDEPENDENT_BITS
from leafscope.core.usage.statistics import STATISTICS, Statistic

_BLOCK = 1 << 20
"""Rows drawn at once, summed over replicates."""


@dataclass(frozen=True)
class Expected:
    """A statistic by chance; all fields are NaN without rows."""

    mean: float
    """The expectation: exact if a closed form is known, else the mean of the replicates."""
    low: float
    """The 2.5 % quantile of the replicates."""
    high: float
    """The 97.5 % quantile of the replicates."""

    @classmethod
    def unknown(cls) -> "Expected":
        """What is said of a statistic without rows."""
        return cls(math.nan, math.nan, math.nan)


def bit_frequencies(counts: Integers) -> NDArray[np.float64]:
    """Return the share of rows whose bit is 1, for each bit: (L,) counts -> (K,), first bit first, NaN without rows.

    Raises ValueError if L is not a power of two, a count is negative or the number of dimensions is wrong, and TypeError
    for values that are not whole numbers.

    >>> bit_frequencies([1, 0, 0, 3]).tolist(), bit_frequencies([1, 1, 0, 0]).tolist()
    ([0.75, 0.75], [0.0, 0.5])
    """
    (rows,), *levels = node_counts(counts)
    return np.array([below[1::2].sum() / rows if rows else math.nan for below in levels], np.float64)


def random_load(counts: Integers) -> NDArray[np.float64]:
    """Return the probability of each leaf under independent bits: (L,) counts -> (L,), sums to 1, NaN without rows.

    Raises what `bit_frequencies` raises.

    >>> random_load([1, 0, 0, 3]).tolist()
    [0.0625, 0.1875, 0.1875, 0.5625]
    """
    n = checked_counts(counts, "counts", ndim=1)
    load = np.array([1.0 if n.any() else math.nan])
    for frequency in bit_frequencies(n):
        load = np.outer(load, [1 - frequency, frequency]).ravel()
    return load


def draw(counts: Integers, replicates: int = 200, seed: int = 0) -> NDArray[np.int64]:
    """Route the same number of rows at random, R times: (L,) counts -> (R, L) int64 counts, each row sums to N.

    Raises ValueError for fewer than 1 replicate, and what `bit_frequencies` raises.

    >>> draw([0, 4, 0, 0], replicates=2).tolist()  # the first bit is always 0, the second always 1
    [[0, 4, 0, 0], [0, 4, 0, 0]]
    """
    n = checked_counts(counts, "counts", ndim=1)
    frequencies = bit_frequencies(n)
    _check_replicates(replicates)
    rows = int(n.sum(dtype=np.int64))
    rng = np.random.default_rng(seed)
    found = np.zeros((replicates, len(n)), np.int64)
    if rows == 0:
        return found
    if rows * len(frequencies) < len(n):  # draw the cheaper: a uniform number per row and bit, or a binomial one per leaf
        replicate = iter(found)
        for leaves in _random_leaves(frequencies, replicates, rows, rng):
            for leaf in leaves:
                next(replicate)[:] = np.bincount(leaf, minlength=len(n))
    else:
        load = random_load(n)
        possible = np.flatnonzero(load)
        found[:, possible] = rng.multinomial(rows, load[possible], size=replicates)
    return found


def expected_balance(counts: Integers, *, replicates: int = 200, seed: int = 0) -> dict[str, Expected]:
    """Compute every statistic of counts under independent bits: (L,) counts -> {name: Expected}.

    Names: `usage.evenness.names_of_counts()`. The means of `dead_fraction`, `used_leaves` and `cv2` are exact. Raises what
    `draw` raises.

    >>> expected_balance([2, 0, 0, 2])["dead_fraction"].mean  # (3/4)^4
    0.31640625
    """
    return _expected(counts, names_of_counts(), replicates, seed)


def lorenz_band(
    counts: Integers, *, replicates: int = 200, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compute the Lorenz curve under independent bits: (L,) counts -> mean, 2.5 % and 97.5 % quantile, each (L + 1,).

    NaN without rows. Raises what `draw` raises.

    >>> [curve.tolist() for curve in lorenz_band([5])]
    [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]
    """
    return band(lorenz(draw(counts, replicates, seed)))


def band(curves: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Average Lorenz curves of many draws: (R, L + 1) -> mean, 2.5 % and 97.5 % quantile, each (L + 1,)."""
    low, high = np.zeros((2, curves.shape[1]))
    first = int(curves.any(0).argmax())  # all curves are 0 before it: skips most of the work for few rows in many leaves
    low[first:], high[first:] = np.quantile(curves[:, first:], [0.025, 0.975], axis=0)
    return curves.mean(0), low, high


def expected_by_epoch(
    counts: Integers, names: Sequence[str], *, replicates: int = 100, seed: int = 0, most: int = 24
) -> pd.DataFrame:
    """Compute statistics under independent bits over epochs: (E, L) counts -> epoch_index, name, mean, low, high.

    At most `most` evenly spaced epochs, including the first and the last. Each uses its own bit frequencies and the same
    seed, and so equals `expected_balance` of that epoch. Raises ValueError for a name that is not that of a
    statistic of counts and for `most` below 2, and what `draw` raises.

    >>> expected_by_epoch([[2, 2], [4, 0], [1, 3]], ["dead_fraction"], most=2)[["epoch_index", "mean"]].values.tolist()
    [[0.0, 0.0625], [2.0, 0.16015625]]
    """
    n = checked_counts(counts, "counts", ndim=2)
    known = names_of_counts()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"names must be among {', '.join(known)}, got {unknown[0]!r}")
    if most < 2:
        raise ValueError(f"most must be at least 2, got {most}")
    epochs = np.unique(np.linspace(0, len(n) - 1, min(len(n), most)).round().astype(int))
    records = [
        (int(epoch), name, found.mean, found.low, found.high)
        for epoch in epochs
        for name, found in _expected(n[epoch], names, replicates, seed).items()
    ]
    return pd.DataFrame(records, columns=["epoch_index", "name", "mean", "low", "high"])


def expected_classes(counts: Integers, class_totals: Integers, *, replicates: int = 200, seed: int = 0) -> dict[str, Expected]:
    """Compute statistics of classes when rows keep their class but draw a random leaf: (L,), (C,) counts.

    Names: the statistics of classes with a chance level, `purity` and `mutual_information` (nats) among them. Both exceed the
    value of a single leaf even by chance, and more so with fewer rows in each leaf. NaN without rows. Raises
    ValueError if counts and class_totals have different sums, and what `draw` raises.

    >>> expected_classes([4, 0], [3, 1])["purity"]  # the bit is always 0, so all rows share a leaf
    Expected(mean=0.75, low=0.75, high=0.75)
    """
    n = checked_counts(counts, "counts", ndim=1)
    totals = checked_counts(class_totals, "class_totals", ndim=1)
    frequencies = bit_frequencies(n)
    _check_replicates(replicates)
    rows = int(n.sum(dtype=np.int64))
    if rows != totals.sum(dtype=np.int64):
        raise ValueError(f"counts and class_totals must sum to the same, got {rows} and {totals.sum(dtype=np.int64)}")
    y = np.repeat(np.arange(len(totals)), totals)
    rng = np.random.default_rng(seed)
    statistics = [one for one in STATISTICS.that_need("classes") if INDEPENDENT_BITS in one.chance]
    blocks = [
        of_classes(leaf, y, len(frequencies), len(totals), statistics)
        for leaf in _random_leaves(frequencies, replicates, rows, rng)
    ]
    return {one.name: of_draws(np.concatenate([block[one.name] for block in blocks])) for one in statistics}


def of_classes(
    leaf: NDArray[np.int64], y: Integers, depth: int, n_classes: int, statistics: Iterable[Statistic]
) -> dict[str, NDArray[np.float64]]:
    """Measure statistics of classes in R draws of leaves: (R, N), (N,) -> {name: (R,)}."""
    by_class = ByClass(leaf, y, depth, n_classes)
    return {one.name: one.measure(by_class) for one in statistics}


def expected_agreement(counts_a: Integers, counts_b: Integers) -> Expected:
    """Return the share of rows that draw the same leaf in two independent draws of bits: two (L,) counts of the same rows.

    This is `settled`, and 1 - `churn`, for two unrelated epochs. Exact: the number of rows that agree is binomial. NaN
    without rows. Raises ValueError for counts of different lengths or sums, and what `random_load` raises.

    >>> expected_agreement([2, 2], [2, 2]).mean, expected_agreement([4, 0], [0, 4]).high
    (0.5, 0.0)
    """
    a, b = checked_counts(counts_a, "counts_a", ndim=1), checked_counts(counts_b, "counts_b", ndim=1)
    rows = int(a.sum(dtype=np.int64))
    if a.shape != b.shape or rows != b.sum(dtype=np.int64):
        raise ValueError(
            f"counts must have equal shapes and sums, got shapes {a.shape} and {b.shape}, sums {a.sum()} and {b.sum()}"
        )
    if rows == 0:
        return Expected.unknown()
    same = min(1.0, float(random_load(a) @ random_load(b)))
    return Expected(same, _binomial_quantile(0.025, rows, same) / rows, _binomial_quantile(0.975, rows, same) / rows)


def _binomial_quantile(share: float, n: int, p: float) -> int:
    """Find the smallest k whose probability of at most k successes in n trials is at least `share`, from 0 to 1."""
    from scipy.special import bdtr  # `scipy.stats` takes 46 MB

    return bisect.bisect_left(range(n), share, key=lambda k: bdtr(k, n, p))


def expected_divergence(counts_a: Integers, counts_b: Integers, *, replicates: int = 200, seed: int = 0) -> Expected:
    """Compute the Jensen-Shannon divergence, in nats, of two splits that differ only by chance: two (L,) counts.

    Rows keep their leaves and are assigned at random to two splits of the given sizes. With few rows in each leaf, the
    divergence is far from 0 even by chance. NaN if a split is empty. Raises ValueError for counts of different lengths, and
    what `draw` raises.

    >>> expected_divergence([5, 0], [3, 0])  # one leaf holds all rows in any assignment
    Expected(mean=0.0, low=0.0, high=0.0)
    """
    a, b = checked_counts(counts_a, "counts_a", ndim=1), checked_counts(counts_b, "counts_b", ndim=1)
    if a.shape != b.shape:
        raise ValueError(f"counts must have equal shapes, got {a.shape} and {b.shape}")
    _check_replicates(replicates)
    rows = int(a.sum(dtype=np.int64))
    if rows == 0 or not b.any():
        return Expected.unknown()
    both = a.astype(np.int64) + b
    used = both[both > 0]  # an unused leaf adds nothing
    leaf = np.repeat(np.arange(len(used)), used)
    rng = np.random.default_rng(seed)
    dealt = (np.bincount(rng.permutation(leaf)[:rows], minlength=len(used)) for _ in range(replicates))
    return of_draws(np.array([divergence(first, used - first) for first in dealt]))


def _expected(counts: Integers, names: Sequence[str], replicates: int, seed: int) -> dict[str, Expected]:
    n = checked_counts(counts, "counts", ndim=1)
    rows = int(n.sum(dtype=np.int64))
    drawn = draw(n, replicates, seed)
    if rows == 0:
        return {name: Expected.unknown() for name in names}
    load = random_load(n)
    found: dict[str, Expected] = {}
    for name, values in measure_counts(drawn, names).items():
        exact = STATISTICS[name].exact_mean
        found[name] = of_draws(values.astype(np.float64), None if exact is None else exact(load, rows))
    return found


def of_draws(samples: NDArray[np.float64], mean: float | None = None) -> Expected:
    """Give the mean, unless it is known exactly, and the 95 % range of R draws: (R,)."""
    low, high = np.quantile(samples, [0.025, 0.975])
    return Expected(float(samples.mean()) if mean is None else mean, float(low), float(high))


def _random_leaves(
    frequencies: NDArray[np.float64], replicates: int, rows: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Draw the leaf of every row bit by bit: blocks of (r, N), where the r sum to the replicates."""
    step = max(1, _BLOCK // max(1, rows))
    for start in range(0, replicates, step):
        shape = (min(step, replicates - start), rows)
        leaf = np.zeros(shape, np.int64)
        for frequency in frequencies:
            leaf = 2 * leaf + (rng.random(shape) < frequency)
        yield leaf


def _check_replicates(replicates: int) -> None:
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1, got {replicates}")
