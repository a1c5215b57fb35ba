"""How the rows use the leaves: counts, and the statistics of load, balance and change over epochs.

N rows · K depth (gating bits) · L = 2^K leaves · n (L,) rows in each leaf · p = n / sum n load · C classes ·
E recorded epochs · R sets of counts, one a row. Logarithms are natural. Statistics that no row supports are NaN, never
a silent 0.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd
from leafscope.core.gating import check_depth
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Integers: TypeAlias = NDArray[np.integer] | Tensor | ArrayLike
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


BALANCE_NAMES = tuple(field.name for field in fields(LeafBalance))
"""The statistics of `LeafBalance`, in its order."""

CHANCE_NAMES = (*BALANCE_NAMES, "used_leaves", "carrying_90")
"""The statistics of one set of counts; those that `core.chance` has an expectation for."""

_BY_CLASS = ("purity", "mutual_information", "adjusted_mutual_information", "lift")
_OF_LEAVES = (*CHANCE_NAMES, "node_balance", "divergence", "churn", "settled")

_BLOCK = 1 << 18
"""Counts worked on at once: what is made of them stays in the cache, and memory small at any depth."""


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


def balance_by_epoch(counts: Integers) -> dict[str, NDArray[np.float64]]:
    """Measure the balance of many sets of counts at once: (E, L) whole numbers -> name of a LeafBalance field: (E,).

    Entry e is `balance` of row e, to rounding; the rows may be epochs or replicates. Raises as `balance` does.

    >>> balance_by_epoch([[2, 2, 0, 0], [0, 0, 0, 0]])["gini"].tolist()
    [0.5, nan]
    """
    n = _counts(counts, "counts", ndim=2)
    found = np.full((len(BALANCE_NAMES), len(n)), math.nan)
    for block in _blocks(n):
        found[:, block] = _balance_of_rows(n[block])
    return dict(zip(BALANCE_NAMES, found, strict=True))


def carrying(counts: Integers, share: float = 0.9) -> int:
    """Give the fewest leaves that together hold at least `share` of the rows: (L,) whole numbers -> 0 (no row) to L.

    This project's choice. Raises ValueError for a share that is not above 0 and at most 1, and as `balance` does.

    >>> carrying([5, 1, 0, 4]), carrying([5, 1, 0, 4], share=0.5)
    (2, 1)
    """
    return int(carrying_by_row(_counts(counts, "counts", ndim=1)[None], share)[0])


def carrying_by_row(counts: Integers, share: float = 0.9) -> NDArray[np.int64]:
    """Give the fewest leaves that hold at least `share` of the rows of each set of counts: (R, L) -> (R,), as `carrying`.

    >>> carrying_by_row([[5, 1, 0, 4], [0, 0, 0, 0]]).tolist()
    [2, 0]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    n = _counts(counts, "counts", ndim=2)
    needed = np.zeros(len(n), np.int64)
    for block in _blocks(n):
        descending = _ascending(n[block])[:, ::-1].astype(np.int64)
        held = descending.cumsum(1)
        target = np.ceil(share * held[:, -1:] * (1 - 1e-12))  # 0.7 of 10 rows is 7, though the product rounds above
        needed[block] = (held - descending < target).sum(1)
    return needed


def lorenz(counts: Integers) -> NDArray[np.float64]:
    """Cumulate the load over leaves sorted ascending: (L,) or (R, L) whole numbers -> (L + 1,) or (R, L + 1).

    Entry i is the share of rows in the i emptiest leaves: the first is 0, the last 1; NaN without rows. Raises
    ValueError for a negative count or another number of dimensions, and TypeError for values that are not whole numbers.

    >>> lorenz([3, 0, 0, 1]).tolist()
    [0.0, 0.0, 0.0, 0.25, 1.0]
    """
    n = _counts(counts, "counts", ndim=(1, 2))
    held = np.zeros((*n.shape[:-1], n.shape[-1] + 1))
    np.cumsum(np.sort(_small(n), axis=-1), axis=-1, out=held[..., 1:])
    rows = held[..., -1:].copy()
    return np.divide(held, rows, out=np.full_like(held, math.nan), where=rows > 0)


def divergence(counts_a: Integers, counts_b: Integers) -> float:
    """Compare two loads by the Jensen-Shannon divergence: (L,) and (L,) counts -> nats, from 0 (equal) to log 2.

    (KL(p, m) + KL(q, m)) / 2 with m = (p + q) / 2; log 2 when no leaf is shared; NaN if either has no row. Lin 1991
    (doi 10.1109/18.61115). Raises ValueError for a negative count or arrays that do not pair up, TypeError for others.

    >>> divergence([1, 1], [2, 2]), divergence([3, 0], [0, 1]) == math.log(2)
    (0.0, True)
    """
    a = _counts(counts_a, "counts_a", ndim=1).astype(np.float64)
    b = _counts(counts_b, "counts_b", ndim=1).astype(np.float64)
    if len(a) != len(b):
        raise ValueError(f"counts_a and counts_b must have one entry for each leaf, got {len(a)} and {len(b)}")
    if not (a.any() and b.any()):
        return math.nan
    p, q = a / a.sum(), b / b.sum()
    total = sum(float((side[side > 0] * np.log(2 * side[side > 0] / (p + q)[side > 0])).sum()) for side in (p, q))
    return min(max(0.0, total / 2), math.log(2))


def node_counts(counts: Integers) -> list[NDArray[np.int64]]:
    """Count the rows in each node of every level: (L,) whole numbers -> K + 1 int64 arrays, level l with 2^l entries.

    Entry `prefix` of level l is the number of rows whose pattern begins with that prefix. Raises ValueError unless L is
    a power of two, for a negative count or another number of dimensions, and TypeError for other values.

    >>> [level.tolist() for level in node_counts([1, 0, 0, 2])]
    [[3], [1, 2], [1, 0, 0, 2]]
    """
    n = _counts(counts, "counts", ndim=1)
    return [prefix_counts(n, level) for level in range(_depth(n) + 1)]


def prefix_counts(counts: Integers, level: int) -> NDArray[np.int64]:
    """Count the rows of each prefix of length `level`: (L,) or (R, L) whole numbers -> (2^level,) or (R, 2^level) int64.

    Raises ValueError for a level outside 0..K, unless L is a power of two, for a negative count or another number of
    dimensions, and TypeError for values that are not whole numbers.

    >>> prefix_counts([1, 0, 0, 2], level=1).tolist()
    [1, 2]
    """
    n = _counts(counts, "counts", ndim=(1, 2))
    depth = _depth(n)
    if not 0 <= level <= depth:
        raise ValueError(f"level must be from 0 to the depth ({depth}), got {level}")
    return n.reshape(*n.shape[:-1], 1 << level, 1 << (depth - level)).sum(-1, dtype=np.int64)


def node_balance(counts: Integers) -> list[NDArray[np.float64]]:
    """Give the share of each inner node's rows that go right (bit 1): (L,) -> K arrays, level l with 2^l entries.

    From 0 to 1, NaN where the node has no row; an empty list at depth 0. Raises as `node_counts` does.

    >>> [level.tolist() for level in node_balance([1, 3, 0, 0])]
    [[0.0], [0.75, nan]]
    """
    levels = node_counts(counts)
    return [_ratio(below[1::2], above) for above, below in pairwise(levels)]


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
    return _ratio(n * n.sum(), expected)


def purity(class_counts: Integers) -> float:
    """Give the share of rows that are of the commonest class of their leaf: (L, C) counts -> 0 to 1, NaN without rows.

    (1/N) sum over leaves of max over classes of n: Manning et al. 2008, section 16.3. It grows with the number of
    leaves, to 1 when each row has its own. Raises as `lift` does.

    >>> purity([[3, 1], [0, 0], [1, 1]])
    0.6666666666666666
    """
    n = _counts(class_counts, "class_counts", ndim=2)
    rows = int(n.sum(dtype=np.int64))
    return float(n.max(1).sum(dtype=np.int64)) / rows if rows else math.nan


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


def summarize(
    leaves: Integers, depth: int, *, level: int | None = None, y: Integers | None = None, n_classes: int | None = None
) -> pd.DataFrame:
    """Follow the leaf statistics over epochs: (E, N) recorded leaves -> a frame with one row for each recorded epoch.

    Columns: the fields of LeafBalance, `used_leaves`, `carrying_90`, `churn` (the first NaN), `settled`, and with labels
    y (N,) `purity` and `mutual_information` (nats). `level` reads the prefixes of that length in place of the leaves.
    Raises ValueError for a level outside 0..depth and for y without n_classes, and as the single statistics do.

    >>> summarize([[0, 1], [0, 3]], depth=2)[["effective_leaves", "used_leaves", "churn", "settled"]].values.tolist()
    [[2.0, 2.0, nan, 0.5], [2.0, 2.0, 0.5, 1.0]]
    """
    from leafscope.core.information import class_statistics  # it builds on this module

    check_depth(depth)
    length = depth if level is None else level
    if not 0 <= length <= depth:
        raise ValueError(f"level must be from 0 to the depth ({depth}), got {length}")
    if y is not None and n_classes is None:
        raise ValueError("n_classes must be given with y, got None")
    recorded = _whole_numbers(leaves, "leaves", ndim=2)
    _check_range(recorded, 1 << depth, "a leaf", f" at depth {depth}")
    prefixes = recorded.astype(np.int32) >> (depth - length)
    counts = leaf_counts_by_epoch(prefixes, length)
    columns: dict[str, NDArray] = dict(balance_by_epoch(counts))
    columns["used_leaves"] = np.count_nonzero(counts, axis=1)
    columns["carrying_90"] = carrying_by_row(counts)
    columns["churn"] = np.concatenate([[math.nan], churn(prefixes)])[: len(prefixes)]
    columns["settled"] = settled(prefixes)
    if y is not None and n_classes is not None:
        columns |= class_statistics(prefixes, y, n_classes)
    return pd.DataFrame(columns)


def why_undefined(name: str, counts: Integers) -> str | None:
    """Say why a statistic is NaN or cannot but have the value it has: (L,) or (L, C) counts -> a short reason or None.

    Names: the fields of LeafBalance, "used_leaves", "carrying_90", "node_balance", "divergence", "churn", "settled",
    "purity", "mutual_information", "adjusted_mutual_information", "lift"; the last four look at classes where (L, C)
    counts are given. Raises ValueError for another name, a negative count or another number of dimensions, and TypeError
    for values that are not whole numbers.

    >>> why_undefined("gini", [0, 0]), why_undefined("gini", [3, 1]), why_undefined("purity", [[3, 0], [1, 0]])
    ('there are no rows', None, 'all rows are of one class')
    """
    if name not in _BY_CLASS + _OF_LEAVES:
        raise ValueError(f"name must be one of {', '.join(_BY_CLASS + _OF_LEAVES)}, got {name!r}")
    n = _counts(counts, "counts", ndim=(1, 2)).astype(np.int64)
    in_leaf = n.sum(1) if n.ndim == 2 else n
    of_class = n.sum(0) if n.ndim == 2 else None
    if not in_leaf.any():
        return "there are no rows"
    if name in _BY_CLASS and of_class is not None and np.count_nonzero(of_class) == 1:
        return "all rows are of one class"
    if len(in_leaf) == 1 and name != "purity":
        return "at depth 0 there is one leaf and no gate"
    if name == "adjusted_mutual_information":
        if np.count_nonzero(in_leaf) == 1:
            return "all rows are in one leaf"
        if of_class is not None and max(in_leaf.max(), of_class.max()) == 1:
            return "each row has a leaf and a class of its own"
    return None


def _balance_of_rows(n: NDArray[np.integer]) -> list[NDArray[np.float64]]:
    """Measure (R, L) counts with L at least 1: a (R,) array for each name of BALANCE_NAMES."""
    leaves = n.shape[1]
    ascending = _ascending(n).astype(np.float64)
    empty = leaves - ascending.shape[1]
    rows = ascending.sum(1)
    rows[rows == 0] = math.nan
    p = ascending / rows[:, None]
    entropy = np.maximum(0, -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum(1))
    rank = np.arange(empty + 1, leaves + 1, dtype=np.float64)
    return [
        entropy,
        np.exp(entropy),
        (((p * leaves - 1) ** 2).sum(1) + empty) / leaves,
        np.maximum(0, (2 * (p @ rank) - (leaves + 1)) / leaves),
        np.maximum(0, p[:, -1] * leaves - 1),
        np.where(np.isnan(rows), math.nan, (leaves - (p > 0).sum(1)) / leaves),
    ]


def _ascending(n: NDArray[np.integer]) -> NDArray[np.integer]:
    """Sort each row of (R, L) counts, L at least 1, and drop the first columns where all are 0, but for one column."""
    ascending = np.sort(_small(n), axis=1)
    most_used = int((ascending > 0).sum(1).max(initial=1))
    return ascending[:, -most_used:]


def _small(n: NDArray[np.integer]) -> NDArray[np.integer]:
    """Store counts as int32 where they fit, which numpy sorts several times as fast as int64."""
    return n.astype(np.int32 if n.max(initial=0) <= np.iinfo(np.int32).max else np.int64, copy=False)


def _blocks(n: NDArray[np.integer]) -> Iterator[slice]:
    """Cut the rows of (R, L) into slices of about _BLOCK entries; none when L = 0."""
    if n.shape[1]:
        step = max(1, _BLOCK // n.shape[1])
        yield from (slice(start, start + step) for start in range(0, len(n), step))


def _depth(n: NDArray[np.integer]) -> int:
    """Read K from the last dimension of counts of leaves, L = 2^K, or raise."""
    leaves = n.shape[-1]
    depth = leaves.bit_length() - 1
    if leaves == 0 or leaves != 1 << depth:
        raise ValueError(f"counts must have a power of two entries, one for each leaf, got {leaves}")
    return depth


def _ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(whole.shape, math.nan), where=whole > 0)


def _row_share(holds: NDArray[np.bool_]) -> NDArray[np.float64]:
    epochs, rows = holds.shape
    return holds.mean(1) if rows else np.full(epochs, math.nan)


def _whole_numbers(values: Integers, name: str, ndim: int | tuple[int, ...]) -> NDArray[np.integer]:
    """View as a numpy array of its own integer type, or raise."""
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in allowed:
        wanted = f"{' or '.join(map(str, allowed))} dimension{'s' * (allowed[-1] > 1)}"
        raise ValueError(f"{name} must have {wanted}, got shape {array.shape}")
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold whole numbers, got {array.dtype}")
    return array


def _counts(values: Integers, name: str, ndim: int | tuple[int, ...]) -> NDArray[np.integer]:
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
