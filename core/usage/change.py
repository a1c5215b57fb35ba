"""Changes in leaf use between recorded epochs, and the difference between two splits.

N rows · L leaves · E recorded epochs. Statistics without rows are NaN, never a silent 0.
"""

import math

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.counts import Integers, checked_counts, whole_numbers


def divergence(counts_a: Integers, counts_b: Integers) -> float:
    """Compare two loads by the Jensen-Shannon divergence: (L,) and (L,) counts -> nats, from 0 (equal) to log 2.

    (KL(p, m) + KL(q, m)) / 2 with m = (p + q) / 2; log 2 if no leaf is shared; NaN if either has no rows. Lin 1991
    (doi 10.1109/18.61115). Raises ValueError for negative counts or arrays of different lengths, TypeError for values that
    are not whole numbers.

    >>> divergence([1, 1], [2, 2]), divergence([3, 0], [0, 1]) == math.log(2)
    (0.0, True)
    """
    a = checked_counts(counts_a, "counts_a", ndim=1).astype(np.float64)
    b = checked_counts(counts_b, "counts_b", ndim=1).astype(np.float64)
    if len(a) != len(b):
        raise ValueError(f"counts_a and counts_b must have one entry for each leaf, got {len(a)} and {len(b)}")
    if not (a.any() and b.any()):
        return math.nan
    p, q = a / a.sum(), b / b.sum()
    total = sum(float((side[side > 0] * np.log(2 * side[side > 0] / (p + q)[side > 0])).sum()) for side in (p, q))
    return min(max(0.0, total / 2), math.log(2))


def churn(leaves: Integers) -> NDArray[np.float64]:
    """Return the share of rows that changed their leaf since the previous recorded epoch: (E, N) whole numbers -> (E - 1,).

    From 0 to 1, NaN without rows; this project's choice. Raises ValueError for the wrong number of dimensions, and
    TypeError for values that are not whole numbers.

    >>> churn([[0, 1], [0, 2], [3, 3]]).tolist()
    [0.5, 1.0]
    """
    recorded = whole_numbers(leaves, "leaves", ndim=2)
    return _row_share(recorded[1:] != recorded[:-1])


def settled(leaves: Integers) -> NDArray[np.float64]:
    """Return the share of rows already in their leaf of the last epoch: (E, N) whole numbers -> (E,), the last is 1.

    From 0 to 1, NaN without rows. Router saturation with one expert, OLMoE 2024 eq. 5 (arXiv 2409.02060). Raises
    ValueError for the wrong number of dimensions, and TypeError for values that are not whole numbers.

    >>> settled([[0, 1], [0, 2], [0, 3]]).tolist()
    [0.5, 0.5, 1.0]
    """
    recorded = whole_numbers(leaves, "leaves", ndim=2)
    return _row_share(recorded == recorded[-1:])


def _row_share(holds: NDArray[np.bool_]) -> NDArray[np.float64]:
    epochs, rows = holds.shape
    return holds.mean(1) if rows else np.full(epochs, math.nan)
