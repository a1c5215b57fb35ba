"""Mutual information of leaf and class, plain and adjusted for chance, by level and by epoch.

N rows · K depth (gating bits) · L = 2^K leaves · C classes · E recorded epochs. Logarithms are natural. Statistics
without rows are NaN, never a silent 0; `core.usage.summary.why_undefined` gives the reason.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from leafscope.core.limits import check_depth
from leafscope.core.usage.counts import Integers, check_range, checked_counts, class_counts, small_integers, whole_numbers

_BLOCK = 1 << 20
"""Rows processed at once, summed over epochs."""


@dataclass(frozen=True)
class Information:
    """How much the leaf tells about the class."""

    mutual: float
    """I(leaf; class) in nats, from 0 to the smaller of the two entropies; it grows with the number of leaves."""
    adjusted: float
    """(I - E) / ((H(leaf) + H(class)) / 2 - E), E the mean of I over random pairings: 0 by chance, at most 1."""


@dataclass(frozen=True)
class InformationByLevel:
    """How much prefixes of each length tell about the class, with the bits in the net's order and in other orders."""

    level: NDArray[np.int64]
    """(K + 1,) the length of the prefix, 0 to K."""
    adjusted: NDArray[np.float64]
    """(K + 1,) adjusted mutual information of prefix and class, bits in the net's order."""
    mean: NDArray[np.float64]
    """(K + 1,) its mean over other orders of the bits."""
    low: NDArray[np.float64]
    """(K + 1,) its 2.5 % quantile over other orders."""
    high: NDArray[np.float64]
    """(K + 1,) its 97.5 % quantile over other orders."""
    orders: int
    """The number of orders compared."""


@dataclass(frozen=True, eq=False)
class ByClass:
    """Leaves and classes of the same rows at many epochs, with what several statistics need computed once."""

    leaves: Integers
    """(E, N) the leaf of each row."""
    y: Integers
    """(N,) the class of each row."""
    depth: int
    """K, with L = 2^K."""
    n_classes: int

    @cached_property
    def quick(self) -> dict[str, NDArray[np.float64]]:
        """`class_statistics`."""
        return class_statistics(self.leaves, self.y, self.n_classes)

    def tables(self) -> Iterator[NDArray[np.int64]]:
        """Count the rows of each class in each leaf, epoch by epoch: (L, C)."""
        for leaf in whole_numbers(self.leaves, "leaves", ndim=2):
            yield class_counts(leaf, self.y, self.depth, self.n_classes)


def information(class_counts: Integers) -> Information:
    """Measure how much the leaf tells about the class: (L, C) counts -> mutual information, plain and adjusted for chance.

    Both are NaN without rows. `adjusted` is also NaN if all rows share one class or one leaf (no information is possible)
    and if each row has its own leaf and its own class (every pairing is perfect); these NaN are this project's choice.
    Otherwise it equals scikit-learn's `adjusted_mutual_info_score` with the arithmetic mean: Vinh, Epps & Bailey 2010
    (JMLR 11, 2837). Raises ValueError for a negative count or the wrong number of dimensions, and TypeError for values that
    are not whole numbers.

    >>> information([[2, 0], [0, 2]])
    Information(mutual=0.6931471805599453, adjusted=1.0)
    """
    n = checked_counts(class_counts, "class_counts", ndim=2).astype(np.int64)
    rows = int(n.sum())
    if rows == 0:
        return Information(math.nan, math.nan)
    return _information(n[n > 0], _positive(n.sum(1)), _positive(n.sum(0)), _log_factorials(rows))


def information_by_level(
    leaf: Integers, y: Integers, depth: int, n_classes: int, *, orders: int = 20, seed: int = 0
) -> InformationByLevel:
    """Measure how much the first l bits tell about the class, for l from 0 to K: (N,) leaves, (N,) classes -> K + 1 values.

    The net's order of the bits is compared with `orders` random orders, or with all K! orders if there are not more than
    that: the matrices near the root are shared by most rows, so in a good order the first bits are the informative ones.
    Level K is the same in any order. A prefix that all rows share has the value 0, and so has level 0. Everything is NaN
    without rows or with a single class. The random orders and the 0 are this project's choice. Raises ValueError for orders
    below 1 and arrays of different lengths, IndexError for a leaf or class out of range, TypeError for other values.

    >>> got = information_by_level([0, 0, 1, 2, 3, 3], [0, 0, 0, 1, 1, 1], depth=2, n_classes=2)
    >>> got.adjusted.round(2).tolist(), got.orders  # the first bit determines the class, the second only adds leaves
    ([0.0, 1.0, 0.47], 2)
    """
    leaves, classes = _paired(leaf, y, depth, n_classes)
    if orders < 1:
        raise ValueError(f"orders must be at least 1, got {orders}")
    level = np.arange(depth + 1)
    tried = _orders(depth, orders, np.random.default_rng(seed))
    if len(np.unique(classes)) < 2:
        undefined = np.full(depth + 1, math.nan)
        return InformationByLevel(level, undefined, undefined, undefined, undefined, len(tried))
    log_factorial = _log_factorials(len(leaves))
    known: dict[int, float] = {}

    def adjusted(bits: int) -> float:
        """Measure a set of bits; their order does not matter, so each set is measured once."""
        if bits not in known:
            cell = leaves & bits
            pair = cell * n_classes + classes
            joint, a, b = (np.unique(of, return_counts=True)[1] for of in (pair, cell, classes))
            known[bits] = 0.0 if len(a) == 1 else _information(joint, a, b, log_factorial).adjusted
        return known[bits]

    def course(order: NDArray[np.int64]) -> list[float]:
        return [adjusted(int(sum(1 << (depth - 1 - int(bit)) for bit in order[:l]))) for l in level]  # noqa: E741

    others = np.array([course(order) for order in tried])
    low, high = np.quantile(others, [0.025, 0.975], axis=0)
    return InformationByLevel(level, np.array(course(np.arange(depth))), others.mean(0), low, high, len(tried))


def class_statistics(leaves: Integers, y: Integers, n_classes: int) -> dict[str, NDArray[np.float64]]:
    """Measure purity and mutual information (nats) at many epochs: (E, N) leaves, (N,) classes -> {name: (E,)}.

    Entry e equals `purity` and `information(...).mutual` of the class counts at epoch e, but memory does not grow with
    L C. NaN without rows. Raises ValueError for arrays of different lengths, IndexError for a class out of range or a
    negative leaf, and TypeError for values that are not whole numbers.

    >>> found = class_statistics([[0, 0, 0, 0], [3, 3, 1, 1]], [0, 0, 1, 1], n_classes=2)
    >>> found["purity"].tolist(), found["mutual_information"].round(4).tolist()
    ([0.5, 1.0], [0.0, 0.6931])
    """
    recorded = whole_numbers(leaves, "leaves", ndim=2)
    classes = whole_numbers(y, "y", ndim=1)
    epochs, rows = recorded.shape
    if rows != len(classes):
        raise ValueError(f"leaves and y must have one entry for each row, got {rows} and {len(classes)}")
    check_range(classes, n_classes, "a class")
    check_range(recorded, 1 << 32, "a leaf")
    names = ("purity", "mutual_information")
    found = np.full((2, epochs), math.nan)
    if rows:
        entropy = _entropy(_positive(np.bincount(classes.astype(np.int64))))
        for block in _blocks(epochs, rows):
            found[:, block] = _purity_and_information(recorded[block], classes, n_classes, entropy)
    return dict(zip(names, found, strict=True))


def _information(
    joint: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64], log_factorial: NDArray[np.float64]
) -> Information:
    """Compute `Information` from the positive counts of cells (joint), leaves (a) and classes (b), in any order."""
    of_leaf, of_class = _entropy(a), _entropy(b)
    mutual = max(0.0, of_leaf + of_class - _entropy(joint))
    if len(a) == 1 or len(b) == 1 or max(a.max(), b.max()) == 1:
        return Information(mutual, math.nan)
    expected = _expected_information(a, b, log_factorial)
    return Information(mutual, (mutual - expected) / ((of_leaf + of_class) / 2 - expected))


def _expected_information(a: NDArray[np.int64], b: NDArray[np.int64], log_factorial: NDArray[np.float64]) -> float:
    """Average the mutual information over all pairings of leaves with classes: Vinh, Epps & Bailey 2010, eq. 24a.

    The count of a cell, for a leaf of a_i rows and a class of b_j rows, is hypergeometric. Equal a_i give equal terms, and
    the distinct a_i sum to at most N, so there are at most N C terms.
    """
    rows = int(a.sum())
    (a_once, a_times), (b_once, b_times) = (np.unique(of, return_counts=True) for of in (a, b))
    least = np.maximum(1, a_once[:, None] + b_once - rows)
    terms = (np.minimum(a_once[:, None], b_once) - least + 1).ravel()
    pair = np.repeat(np.arange(len(terms)), terms)
    n = np.arange(len(pair)) - (np.cumsum(terms) - terms - least.ravel())[pair]
    i, j = np.divmod(np.arange(len(terms)), len(b_once))
    of_leaf, of_class = a_once[i], b_once[j]
    f = log_factorial
    of_pair = f[of_leaf] + f[of_class] + f[rows - of_leaf] + f[rows - of_class] - f[rows]
    ai, bj = of_leaf[pair], of_class[pair]
    probability = np.exp(of_pair[pair] - f[n] - f[ai - n] - f[bj - n] - f[rows - ai - bj + n])
    value = n / rows * np.log(rows * n / (ai * bj.astype(np.float64)))
    return float((probability * value * (a_times[i] * b_times[j])[pair]).sum())


def _purity_and_information(
    leaves: NDArray[np.integer], classes: NDArray[np.integer], n_classes: int, of_class: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure (E, N) leaves against (N,) classes, N at least 1, by sorting, which makes equal cells adjacent."""
    epochs, rows = leaves.shape
    cell = np.sort(small_integers(leaves.astype(np.int64) * n_classes + classes.astype(np.int64)), axis=1)
    start, n, epoch = _runs(cell)
    of_cell = _entropy_by_epoch(n, epoch, epochs, rows)
    leaf_start, in_leaf, leaf_epoch = _runs(cell // n_classes)
    of_leaf = _entropy_by_epoch(in_leaf, leaf_epoch, epochs, rows)
    commonest = np.maximum.reduceat(n, np.searchsorted(start, leaf_start))
    return np.bincount(leaf_epoch, commonest, epochs) / rows, np.maximum(0, of_leaf + of_class - of_cell)


def _runs(ordered: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find runs of equal values in each row of (E, N): their starts in the flat array, their lengths and their rows."""
    first = np.ones(ordered.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    start = np.flatnonzero(first)
    return start, np.diff(start, append=ordered.size), start // ordered.shape[1]


def _entropy_by_epoch(n: NDArray[np.int64], epoch: NDArray[np.int64], epochs: int, rows: int) -> NDArray[np.float64]:
    return math.log(rows) - np.bincount(epoch, n * np.log(n), epochs) / rows


def _entropy(n: NDArray[np.int64]) -> float:
    """Compute the entropy of positive counts, in nats."""
    rows = int(n.sum())
    return math.log(rows) - float((n * np.log(n)).sum()) / rows


def _log_factorials(largest: int) -> NDArray[np.float64]:
    from scipy.special import gammaln  # slow to import, and the worker does not need it

    return gammaln(np.arange(largest + 1) + 1.0)


def _orders(depth: int, orders: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    if math.factorial(depth) <= orders:
        return [np.array(order, np.int64) for order in permutations(range(depth))]
    return [rng.permutation(depth) for _ in range(orders)]


def _paired(leaf: Integers, y: Integers, depth: int, n_classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    check_depth(depth)
    leaves, classes = whole_numbers(leaf, "leaf", ndim=1), whole_numbers(y, "y", ndim=1)
    if len(leaves) != len(classes):
        raise ValueError(f"leaf and y must have one entry for each row, got {len(leaves)} and {len(classes)}")
    check_range(leaves, 1 << depth, "a leaf", f" at depth {depth}")
    check_range(classes, n_classes, "a class")
    return leaves.astype(np.int64), classes.astype(np.int64)


def _positive(n: NDArray[np.int64]) -> NDArray[np.int64]:
    return n[n > 0]


def _blocks(epochs: int, rows: int) -> Iterator[slice]:
    step = max(1, _BLOCK // rows)
    yield from (slice(start, start + step) for start in range(0, epochs, step))
