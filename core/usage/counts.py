"""Counts of rows in leaves, tree nodes and classes, and the checks of arrays that all leaf statistics share.

N rows · K depth (gating bits) · L = 2^K leaves · C classes · E recorded epochs · R sets of counts, one in each row.
"""

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.limits import check_depth

Integers: TypeAlias = NDArray[np.integer] | ArrayLike
"""Whole numbers: a numpy array or a torch tensor of any integer type, or a list."""

_BLOCK = 1 << 18
"""Counts processed at once: intermediate arrays stay in the cache, and memory stays small at any depth."""


def leaf_counts(leaf: Integers, depth: int) -> NDArray[np.int64]:
    """Count the rows in each leaf: (N,) whole numbers -> (L,) int64.

    Raises IndexError for a leaf outside 0..2^depth - 1, ValueError for the wrong number of dimensions or a depth outside
    0..16, and TypeError for values that are not whole numbers.

    >>> leaf_counts([0, 3, 3], depth=2).tolist()
    [1, 0, 0, 2]
    """
    check_depth(depth)
    leaves = whole_numbers(leaf, "leaf", ndim=1)
    check_range(leaves, 1 << depth, "a leaf", f" at depth {depth}")
    return _bincount(leaves, 1 << depth)


def choice_counts(chosen: Integers, n_leaves: int) -> NDArray[np.int64]:
    """Count how often each of any number of leaves or experts is chosen: (N,) or, with top-k, (N, k) -> (n_leaves,) int64.

    Raises IndexError for one outside 0..n_leaves - 1, and TypeError for values that are not whole numbers.

    >>> choice_counts([[0, 2], [2, 1]], 3).tolist()
    [1, 1, 2]
    """
    leaves = whole_numbers(chosen, "chosen", ndim=(1, 2)).reshape(-1)
    check_range(leaves, n_leaves, "a leaf", f" of {n_leaves}")
    return _bincount(leaves, n_leaves)


def node_counts(counts: Integers) -> list[NDArray[np.int64]]:
    """Count the rows in each node of every level: (L,) whole numbers -> K + 1 int64 arrays, level l with 2^l entries.

    Entry `prefix` of level l is the number of rows whose pattern begins with that prefix. Raises ValueError if L is not a
    power of two, a count is negative or the number of dimensions is wrong, and TypeError for values that are not whole
    numbers.

    >>> [level.tolist() for level in node_counts([1, 0, 0, 2])]
    [[3], [1, 2], [1, 0, 0, 2]]
    """
    n = checked_counts(counts, "counts", ndim=1)
    return [prefix_counts(n, level) for level in range(_depth(n) + 1)]


def prefix_counts(counts: Integers, level: int) -> NDArray[np.int64]:
    """Count the rows of each prefix of length `level`: (L,) or (R, L) whole numbers -> (2^level,) or (R, 2^level) int64.

    Raises ValueError for a level outside 0..K, and what `node_counts` raises.

    >>> prefix_counts([1, 0, 0, 2], level=1).tolist()
    [1, 2]
    """
    n = checked_counts(counts, "counts", ndim=(1, 2))
    depth = _depth(n)
    if not 0 <= level <= depth:
        raise ValueError(f"level must be from 0 to the depth ({depth}), got {level}")
    return n.reshape(*n.shape[:-1], 1 << level, 1 << (depth - level)).sum(-1, dtype=np.int64)


def class_counts(leaf: Integers, y: Integers, depth: int, n_classes: int) -> NDArray[np.int64]:
    """Count the rows of each class in each leaf: (N,) leaves and (N,) classes -> (L, C) int64.

    Raises IndexError for a leaf or a class out of range, ValueError for arrays of different lengths or a depth outside
    0..16, and TypeError for values that are not whole numbers.

    >>> class_counts([0, 1, 1], [2, 0, 2], depth=1, n_classes=3).tolist()
    [[0, 0, 1], [1, 0, 1]]
    """
    check_depth(depth)
    leaves = whole_numbers(leaf, "leaf", ndim=1)
    classes = whole_numbers(y, "y", ndim=1)
    if len(leaves) != len(classes):
        raise ValueError(f"leaf and y must have one entry for each row, got {len(leaves)} and {len(classes)}")
    check_range(leaves, 1 << depth, "a leaf", f" at depth {depth}")
    check_range(classes, n_classes, "a class")
    cell = leaves.astype(np.int64) * n_classes + classes.astype(np.int64)
    return _bincount(cell, (1 << depth) * n_classes).reshape(1 << depth, n_classes)


def leaf_state(counts_train: Integers, counts_test: Integers) -> NDArray[np.str_]:
    """Classify each leaf: (L,) and (L,) counts -> (L,) of "used", "test only" or "unseen".

    used: at least one training row; test only: a test row but no training row; unseen: neither. The names are this
    project's choice. Raises ValueError for negative counts or arrays of different lengths, TypeError for values that are not
    whole numbers.

    >>> leaf_state([3, 0, 0], [1, 2, 0]).tolist()
    ['used', 'test only', 'unseen']
    """
    train = checked_counts(counts_train, "counts_train", ndim=1)
    test = checked_counts(counts_test, "counts_test", ndim=1)
    if len(train) != len(test):
        raise ValueError(f"counts_train and counts_test must have one entry for each leaf, got {len(train)} and {len(test)}")
    return np.where(train > 0, "used", np.where(test > 0, "test only", "unseen"))


def possible_leaves(depth: int, dimensions: int) -> int:
    """Bound the number of reachable leaves: K hyperplanes cut R^d into at most sum_{i<=min(d,K)} binom(K, i) cells.

    From 1 to 2^K; 2^K if d >= K. Schläfli's count for hyperplanes in general position. Raises ValueError for a depth
    outside 0..16 or negative dimensions.

    >>> possible_leaves(depth=3, dimensions=2)  # three lines cut the plane into 7 parts
    7
    """
    check_depth(depth)
    if dimensions < 0:
        raise ValueError(f"dimensions must be at least 0, got {dimensions}")
    return sum(math.comb(depth, i) for i in range(min(dimensions, depth) + 1))


def leaf_counts_by_epoch(leaves: Integers, depth: int) -> NDArray[np.int64]:
    """Count the rows in each leaf at every recorded epoch: (E, N) whole numbers -> (E, L) int64.

    Raises what `leaf_counts` raises.

    >>> leaf_counts_by_epoch([[0, 0], [0, 1]], depth=1).tolist()
    [[2, 0], [1, 1]]
    """
    check_depth(depth)
    recorded = whole_numbers(leaves, "leaves", ndim=2)
    check_range(recorded, 1 << depth, "a leaf", f" at depth {depth}")
    counts = np.empty((len(recorded), 1 << depth), np.int64)
    for epoch, leaf in enumerate(recorded):  # one epoch at a time: bincount copies the bytes into 8-byte integers
        counts[epoch] = _bincount(leaf, 1 << depth)
    return counts


def small_integers(n: NDArray[np.integer]) -> NDArray[np.integer]:
    """Convert counts to int32 if they fit: numpy sorts int32 several times as fast as int64."""
    return n.astype(np.int32 if n.max(initial=0) <= np.iinfo(np.int32).max else np.int64, copy=False)


def row_blocks(n: NDArray[np.integer]) -> Iterator[slice]:
    """Cut the rows of (R, L) into slices of about _BLOCK entries; none when L = 0."""
    if n.shape[1]:
        step = max(1, _BLOCK // n.shape[1])
        yield from (slice(start, start + step) for start in range(0, len(n), step))


def _depth(n: NDArray[np.integer]) -> int:
    """Compute K from the last dimension of leaf counts, L = 2^K; raises ValueError for any other L."""
    leaves = n.shape[-1]
    depth = leaves.bit_length() - 1
    if leaves == 0 or leaves != 1 << depth:
        raise ValueError(f"counts must have one entry for each leaf, a power of two, got {leaves}")
    return depth


def ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(whole.shape, math.nan), where=whole > 0)


def whole_numbers(values: Integers, name: str, ndim: int | tuple[int, ...]) -> NDArray[np.integer]:
    """Convert to a numpy array of the same integer type; raises ValueError for the dimensions, TypeError for the type."""
    array = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in allowed:
        wanted = f"{' or '.join(map(str, allowed))} dimension{'s' * (allowed[-1] > 1)}"
        raise ValueError(f"{name} must have {wanted}, got shape {array.shape}")
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold whole numbers, got {array.dtype}")
    return array


def checked_counts(values: Integers, name: str, ndim: int | tuple[int, ...]) -> NDArray[np.integer]:
    array = whole_numbers(values, name, ndim)
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    return array


def check_range(values: NDArray[np.integer], stop: int, what: str, where: str = "") -> None:
    if values.size:
        low, high = int(values.min()), int(values.max())
        if low < 0 or high >= stop:
            raise IndexError(f"{what} must be from 0 to {stop - 1}{where}, got {low if low < 0 else high}")


def _bincount(values: NDArray[np.integer], length: int) -> NDArray[np.int64]:
    return np.bincount(values.astype(np.int64), minlength=length).astype(np.int64, copy=False)
