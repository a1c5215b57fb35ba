"""How the rows use the leaves: counts, and the statistics of load, balance and change over epochs.

N rows · K depth (gating bits) · L = 2^K leaves · n (L,) rows in each leaf · p = n / sum n load · C classes ·
E recorded epochs. Logarithms are natural. Statistics that no row supports are NaN, never a silent 0.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from core.gating import check_depth

Integers: TypeAlias = "NDArray[np.integer] | Tensor | ArrayLike"
"""Whole numbers: a numpy array or a torch tensor of any integer type, or a list."""


@dataclass(frozen=True)
class LeafBalance:
    """How evenly the rows use the leaves; every field is NaN when there is no row."""

    entropy: float
    """H = -sum p log p with 0 log 0 = 0, in nats, from 0 (one leaf) to log L (uniform)."""
    effective_leaves: float
    """exp(H), the perplexity of the load, from 1 to L."""
    cv2: float
    """var(n) / mean(n)^2, from 0 to L - 1; population variance, where Shazeer et al. 2017 (arXiv 1701.06538) are unbiased."""
    gini: float
    """2 sum_i i n_(i) / (L N) - (L + 1) / L, n ascending, i from 1: from 0 (uniform) to 1 - 1/L (one leaf)."""
    max_violation: float
    """(max n - mean n) / mean n, from 0 to L - 1; MaxVio of the DeepSeek-V3 report (arXiv 2412.19437)."""
    dead_fraction: float
    """Share of leaves with n = 0, from 0 to 1 - 1/L."""


def leaf_counts(leaf: Integers, depth: int) -> NDArray[np.int64]:
    """Count the rows in each leaf: (N,) whole numbers -> (L,) int64.

    Raises IndexError for a leaf outside 0..2^depth - 1, ValueError for another number of dimensions or a depth outside
    0..16, and TypeError for values that are not whole numbers.

    >>> leaf_counts([0, 3, 3], depth=2).tolist()
    [1, 0, 0, 2]
    """
    check_depth(depth)
    leaves = _whole_numbers(leaf, "leaf", ndim=1)
    _check_range(leaves, 1 << depth, "a leaf", f" at depth {depth}")
    return _bincount(leaves, 1 << depth)


def balance(counts: Integers) -> LeafBalance:
    """Measure how evenly rows are spread over leaves: (L,) whole numbers -> LeafBalance, formulas at its fields.

    L is any number of leaves, so that a decision tree's can be measured too. Raises ValueError for a negative count or
    another number of dimensions, and TypeError for values that are not whole numbers.

    >>> balance([2, 2, 0, 0])
    LeafBalance(entropy=0.6931471805599453, effective_leaves=2.0, cv2=1.0, gini=0.5, max_violation=1.0, dead_fraction=0.5)
    """
    n = _counts(counts, "counts", ndim=1).astype(np.float64)
    rows = n.sum()
    if rows == 0:
        return LeafBalance(*[math.nan] * 6)
    p = np.sort(n) / rows
    leaves = len(p)
    relative = p * leaves
    used = p[p > 0]
    entropy = max(0.0, float(-(used * np.log(used)).sum()))
    rank = np.arange(1, leaves + 1)
    return LeafBalance(
        entropy=entropy,
        effective_leaves=math.exp(entropy),
        cv2=float(((relative - 1) ** 2).mean()),
        gini=max(0.0, float(2 * (rank * p).sum() - (leaves + 1)) / leaves),
        max_violation=max(0.0, float(relative[-1] - 1)),
        dead_fraction=(leaves - len(used)) / leaves,
    )


def node_counts(counts: Integers) -> list[NDArray[np.int64]]:
    """Count the rows in each node of every level: (L,) whole numbers -> K + 1 int64 arrays, level l with 2^l entries.

    Entry `prefix` of level l is the number of rows whose pattern begins with that prefix. Raises ValueError unless L is
    a power of two, for a negative count or another number of dimensions, and TypeError for other values.

    >>> [level.tolist() for level in node_counts([1, 0, 0, 2])]
    [[3], [1, 2], [1, 0, 0, 2]]
    """
    n = _counts(counts, "counts", ndim=1).astype(np.int64)
    depth = len(n).bit_length() - 1
    if len(n) == 0 or len(n) != 1 << depth:
        raise ValueError(f"counts must have a power of two entries, one for each leaf, got {len(n)}")
    return [n.reshape(1 << level, -1).sum(1) for level in range(depth + 1)]


def class_counts(leaf: Integers, y: Integers, depth: int, n_classes: int) -> NDArray[np.int64]:
    """Count the rows of each class in each leaf: (N,) leaves and (N,) classes -> (L, C) int64.

    Raises IndexError for a leaf or a class out of range, ValueError for arrays that do not pair up or a depth outside
    0..16, and TypeError for values that are not whole numbers.

    >>> class_counts([0, 1, 1], [2, 0, 2], depth=1, n_classes=3).tolist()
    [[0, 0, 1], [1, 0, 1]]
    """
    check_depth(depth)
    leaves = _whole_numbers(leaf, "leaf", ndim=1)
    classes = _whole_numbers(y, "y", ndim=1)
    if len(leaves) != len(classes):
        raise ValueError(f"leaf and y must have one entry for each row, got {len(leaves)} and {len(classes)}")
    _check_range(leaves, 1 << depth, "a leaf", f" at depth {depth}")
    _check_range(classes, n_classes, "a class")
    cell = leaves.astype(np.int64) * n_classes + classes.astype(np.int64)
    return _bincount(cell, (1 << depth) * n_classes).reshape(1 << depth, n_classes)


def lift(class_counts: Integers) -> NDArray[np.float64]:
    """Compare each class's load of a leaf with everyone's: (L, C) counts -> (L, C) p(leaf given class) / p(leaf).

    1 is neutral, 0 means that no row of the class is there; NaN where the leaf or the class has no row. Raises
    ValueError for a negative count or another number of dimensions, and TypeError for other values.

    >>> lift([[2, 0], [2, 4], [0, 0]]).tolist()
    [[2.0, 0.0], [0.6666666666666666, 1.3333333333333333], [nan, nan]]
    """
    n = _counts(class_counts, "class_counts", ndim=2).astype(np.float64)
    expected = n.sum(1, keepdims=True) * n.sum(0, keepdims=True)
    return np.divide(n * n.sum(), expected, out=np.full(n.shape, math.nan), where=expected > 0)


def leaf_state(counts_train: Integers, counts_test: Integers) -> NDArray[np.str_]:
    """Name the state of each leaf: (L,) and (L,) counts -> (L,) of "used", "test only" or "unseen".

    used: at least one training row; test only: no training row but a test row; unseen: neither. The names are this
    project's choice. Raises ValueError for a negative count or arrays that do not pair up, TypeError for other values.

    >>> leaf_state([3, 0, 0], [1, 2, 0]).tolist()
    ['used', 'test only', 'unseen']
    """
    train = _counts(counts_train, "counts_train", ndim=1)
    test = _counts(counts_test, "counts_test", ndim=1)
    if len(train) != len(test):
        raise ValueError(f"counts_train and counts_test must have one entry for each leaf, got {len(train)} and {len(test)}")
    return np.where(train > 0, "used", np.where(test > 0, "test only", "unseen"))


def possible_leaves(depth: int, dimensions: int) -> int:
    """Bound the leaves that can be reached: K hyperplanes cut d dimensions into at most sum_{i<=min(d,K)} binom(K, i) cells.

    From 1 to 2^K, and 2^K as soon as d >= K. The count is Schläfli's, for hyperplanes in general position. Raises
    ValueError for a depth outside 0..16 or negative dimensions.

    >>> possible_leaves(depth=3, dimensions=2)  # three lines cut the plane into 7 parts
    7
    """
    check_depth(depth)
    if dimensions < 0:
        raise ValueError(f"dimensions must be at least 0, got {dimensions}")
    return sum(math.comb(depth, i) for i in range(min(dimensions, depth) + 1))


def leaf_counts_by_epoch(leaves: Integers, depth: int) -> NDArray[np.int64]:
    """Count the rows in each leaf at every recorded epoch: (E, N) whole numbers -> (E, L) int64.

    Raises as `leaf_counts` does.

    >>> leaf_counts_by_epoch([[0, 0], [0, 1]], depth=1).tolist()
    [[2, 0], [1, 1]]
    """
    check_depth(depth)
    recorded = _whole_numbers(leaves, "leaves", ndim=2)
    _check_range(recorded, 1 << depth, "a leaf", f" at depth {depth}")
    counts = np.empty((len(recorded), 1 << depth), np.int64)
    for epoch, leaf in enumerate(recorded):  # an epoch at a time: the records are bytes, what bincount makes of them is not
        counts[epoch] = _bincount(leaf, 1 << depth)
    return counts


def churn(leaves: Integers) -> NDArray[np.float64]:
    """Give the share of rows that changed leaf since the epoch recorded before: (E, N) whole numbers -> (E - 1,).

    From 0 to 1, NaN without rows; this project's choice. Raises ValueError for another number of dimensions, and
    TypeError for values that are not whole numbers.

    >>> churn([[0, 1], [0, 2], [3, 3]]).tolist()
    [0.5, 1.0]
    """
    recorded = _whole_numbers(leaves, "leaves", ndim=2)
    return _row_share(recorded[1:] != recorded[:-1])


def settled(leaves: Integers) -> NDArray[np.float64]:
    """Give the share of rows that are already in the leaf of the last epoch: (E, N) whole numbers -> (E,), the last 1.

    From 0 to 1, NaN without rows. Router saturation with one expert, OLMoE 2024 eq. 5 (arXiv 2409.02060). Raises
    ValueError for another number of dimensions, and TypeError for values that are not whole numbers.

    >>> settled([[0, 1], [0, 2], [0, 3]]).tolist()
    [0.5, 0.5, 1.0]
    """
    recorded = _whole_numbers(leaves, "leaves", ndim=2)
    return _row_share(recorded == recorded[-1:])


def _row_share(holds: NDArray[np.bool_]) -> NDArray[np.float64]:
    epochs, rows = holds.shape
    return holds.mean(1) if rows else np.full(epochs, math.nan)


def _whole_numbers(values: Integers, name: str, ndim: int) -> NDArray[np.integer]:
    """View as a numpy array of its own integer type, or raise."""
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}, got shape {array.shape}")
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold whole numbers, got {array.dtype}")
    return array


def _counts(values: Integers, name: str, ndim: int) -> NDArray[np.integer]:
    array = _whole_numbers(values, name, ndim)
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    return array


def _check_range(values: NDArray[np.integer], stop: int, what: str, where: str = "") -> None:
    if values.size:
        low, high = int(values.min()), int(values.max())
        if low < 0 or high >= stop:
            raise IndexError(f"{what} must be from 0 to {stop - 1}{where}, got {low if low < 0 else high}")


def _bincount(values: NDArray[np.integer], length: int) -> NDArray[np.int64]:
    return np.bincount(values.astype(np.int64), minlength=length).astype(np.int64, copy=False)
