"""How evenly rows are spread over leaves.

L leaves · n (L,) rows in each leaf · p = n / sum n load · E recorded epochs · R sets of counts, one in each row.
Logarithms are natural. Statistics without rows are NaN, never a silent 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.counts import Integers, checked_counts, node_counts, ratio, row_blocks, small_integers
from leafscope.core.usage.loads import Loads
from leafscope.core.usage.statistics import STATISTICS


@dataclass(frozen=True)
class LeafBalance:
    """How evenly the rows use the leaves; every field is NaN without rows."""

    entropy: float
    """H = -sum p log p with 0 log 0 = 0, in nats, from 0 (one leaf) to log L (uniform)."""
    effective_leaves: float
    """exp(H), the perplexity of the load, from 1 to L."""
    cv2: float
    """var(n) / mean(n)^2, from 0 to L - 1; population variance (Shazeer et al. 2017, arXiv 1701.06538, take the unbiased)."""
    gini: float
    """2 sum_i i n_(i) / (L N) - (L + 1) / L, n ascending, i from 1: from 0 (uniform) to 1 - 1/L (one leaf)."""
    max_violation: float
    """(max n - mean n) / mean n, from 0 to L - 1; MaxVio of the DeepSeek-V3 report (arXiv 2412.19437)."""
    dead_fraction: float
    """Share of leaves with n = 0, from 0 to 1 - 1/L."""


BALANCE_NAMES = tuple(field.name for field in fields(LeafBalance))
"""The fields of `LeafBalance`, in order."""


def balance(counts: Integers) -> LeafBalance:
    """Measure how evenly rows are spread over leaves: (L,) whole numbers -> LeafBalance, whose fields give the formulas.

    L can be any number, also the leaves of a decision tree. Raises ValueError for a negative count or the wrong number of
    dimensions, and TypeError for values that are not whole numbers.

    >>> balance([2, 2, 0, 0])
    LeafBalance(entropy=0.6931471805599453, effective_leaves=2.0, cv2=1.0, gini=0.5, max_violation=1.0, dead_fraction=0.5)
    """
    n = checked_counts(counts, "counts", ndim=1).astype(np.float64)
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
    """Measure the balance of many sets of counts at once: (E, L) whole numbers -> {field of LeafBalance: (E,)}.

    Entry e is `balance` of row e, up to rounding; rows can be epochs or replicates. Raises what `balance` raises.

    >>> balance_by_epoch([[2, 2, 0, 0], [0, 0, 0, 0]])["gini"].tolist()
    [0.5, nan]
    """
    return measure_counts(counts, BALANCE_NAMES)


def names_of_counts() -> tuple[str, ...]:
    """Name every registered statistic of one set of counts: the fields of `LeafBalance`, then the others."""
    names = [statistic.name for statistic in STATISTICS.that_need("counts")]
    return *BALANCE_NAMES, *(name for name in names if name not in BALANCE_NAMES)


def measure_counts(counts: Integers, names: Sequence[str] | None = None) -> dict[str, NDArray]:
    """Compute statistics of many sets of counts at once: (R, L) whole numbers -> {name: (R,)}; None: all statistics.

    Counts are int64, other values float64. Raises KeyError for an unknown name, and what `balance` raises.

    >>> measure_counts([[2, 2, 0, 0], [0, 0, 0, 0]], ["gini", "used_leaves"])
    {'gini': array([0.5, nan]), 'used_leaves': array([2, 0])}
    """
    n = checked_counts(counts, "counts", ndim=2)
    statistics = [STATISTICS[name] for name in (names_of_counts() if names is None else names)]
    found: dict[str, NDArray] = {
        one.name: np.zeros(len(n), np.int64) if one.written == "count" else np.full(len(n), math.nan) for one in statistics
    }
    for block in row_blocks(n):
        loads = Loads(n[block])
        for statistic in statistics:
            found[statistic.name][block] = statistic.measure(loads)
    return found


def carrying(counts: Integers, share: float = 0.9) -> int:
    """Return the fewest leaves that together hold at least `share` of the rows: (L,) whole numbers -> 0 (no rows) to L.

    This project's choice. Raises ValueError for a share that is not above 0 and at most 1, and what `balance` raises.

    >>> carrying([5, 1, 0, 4]), carrying([5, 1, 0, 4], share=0.5)
    (2, 1)
    """
    return int(carrying_by_row(checked_counts(counts, "counts", ndim=1)[None], share)[0])


def carrying_by_row(counts: Integers, share: float = 0.9) -> NDArray[np.int64]:
    """Compute `carrying` for each set of counts: (R, L) -> (R,).

    >>> carrying_by_row([[5, 1, 0, 4], [0, 0, 0, 0]]).tolist()
    [2, 0]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    n = checked_counts(counts, "counts", ndim=2)
    needed = np.zeros(len(n), np.int64)
    for block in row_blocks(n):
        needed[block] = Loads(n[block]).carrying(share)
    return needed


def lorenz(counts: Integers) -> NDArray[np.float64]:
    """Cumulate the load over leaves sorted ascending: (L,) or (R, L) whole numbers -> (L + 1,) or (R, L + 1).

    Entry i is the share of rows in the i emptiest leaves: the first is 0, the last 1; NaN without rows. Raises
    ValueError for a negative count or the wrong number of dimensions, and TypeError for values that are not whole numbers.

    >>> lorenz([3, 0, 0, 1]).tolist()
    [0.0, 0.0, 0.0, 0.25, 1.0]
    """
    n = checked_counts(counts, "counts", ndim=(1, 2))
    held = np.zeros((*n.shape[:-1], n.shape[-1] + 1))
    np.cumsum(np.sort(small_integers(n), axis=-1), axis=-1, out=held[..., 1:])
    rows = held[..., -1:].copy()
    return np.divide(held, rows, out=np.full_like(held, math.nan), where=rows > 0)


def node_balance(counts: Integers) -> list[NDArray[np.float64]]:
    """Return the share of each inner node's rows that go right (bit 1): (L,) -> K arrays, level l with 2^l entries.

    From 0 to 1, NaN for a node without rows; an empty list at depth 0. Raises what `node_counts` raises.

    >>> [level.tolist() for level in node_balance([1, 3, 0, 0])]
    [[0.0], [0.75, nan]]
    """
    levels = node_counts(counts)
    return [ratio(below[1::2], above) for above, below in pairwise(levels)]
