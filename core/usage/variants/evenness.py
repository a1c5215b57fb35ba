"""Statistics of one set of counts: how evenly the rows are spread over the leaves."""

import math

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.loads import Loads
from leafscope.core.usage.statistics import STATISTICS, Statistic


def _gini(loads: Loads) -> NDArray[np.float64]:
    leaves = loads.leaves
    rank = np.arange(loads.empty + 1, leaves + 1, dtype=np.float64)
    return np.maximum(0, (2 * (loads.p @ rank) - (leaves + 1)) / leaves)


def _cv2(loads: Loads) -> NDArray[np.float64]:
    return (((loads.p * loads.leaves - 1) ** 2).sum(1) + loads.empty) / loads.leaves


def _dead_fraction(loads: Loads) -> NDArray[np.float64]:
    return np.where(np.isnan(loads.rows), math.nan, (loads.leaves - loads.used) / loads.leaves)


def _mean_dead(load: NDArray[np.float64], rows: int) -> float:
    """The rows in a leaf are binomial: P(n = 0) = (1 - p)^N."""
    return float(((1 - load) ** rows).mean())


def _mean_cv2(load: NDArray[np.float64], rows: int) -> float:
    """The rows in a leaf are binomial: E n^2 = N p (1 - p) + (N p)^2."""
    square = float((load * (1 - load) / rows + load**2).sum())
    return max(0.0, len(load) * square - 1)


STATISTICS.register(
    Statistic(
        name="effective_leaves",
        title="Effective leaves",
        meaning="The load is as even as if this many leaves were used equally: from 1 to L.",
        formula="exp(H), the perplexity of the load.",
        needs="counts",
        measure=lambda loads: np.exp(loads.entropy),
        more_is_even=True,
        place=10,
    )
)
STATISTICS.register(
    Statistic(
        name="used_leaves",
        title="Used leaves",
        meaning="Leaves that hold at least one row of the split.",
        needs="counts",
        written="count",
        measure=lambda loads: loads.used,
        exact_mean=lambda load, rows: len(load) * (1 - _mean_dead(load, rows)),
        more_is_even=True,
        place=20,
    )
)
STATISTICS.register(
    Statistic(
        name="dead_fraction",
        title="Unused leaves",
        meaning="Share of leaves with no row of the split, from 0 to 1 - 1/L.",
        formula="(number of n = 0) / L.",
        needs="counts",
        written="share",
        measure=_dead_fraction,
        exact_mean=_mean_dead,
        place=30,
    )
)
STATISTICS.register(
    Statistic(
        name="max_violation",
        title="Fullest leaf above mean",
        meaning="By how much the fullest leaf exceeds the mean leaf: 0 is even, 1 is twice the mean.",
        formula="(max n - mean n) / mean n.",
        needs="counts",
        measure=lambda loads: np.maximum(0, loads.p[:, -1] * loads.leaves - 1),
        place=40,
    )
)
STATISTICS.register(
    Statistic(
        name="gini",
        title="Gini",
        meaning="Inequality of the loads: 0 is even, 1 - 1/L is one leaf for all.",
        formula="2 Σ i n(i) / (L N) - (L + 1) / L, n ascending.",
        needs="counts",
        measure=_gini,
        place=50,
    )
)
STATISTICS.register(
    Statistic(
        name="entropy",
        title="Entropy",
        meaning="Evenness of the loads in nats, from 0 (one leaf) to log L (even).",
        formula="H = -Σ p log p.",
        needs="counts",
        measure=lambda loads: loads.entropy,
        more_is_even=True,
        place=60,
    )
)
STATISTICS.register(
    Statistic(
        name="cv2",
        title="CV²",
        meaning="Squared coefficient of variation of the counts; 0 is even.",
        formula="var(n) / mean(n)², population variance.",
        needs="counts",
        measure=_cv2,
        exact_mean=_mean_cv2,
        place=70,
    )
)
STATISTICS.register(
    Statistic(
        name="carrying_90",
        title="Leaves for 90 %",
        meaning="The fewest leaves that together hold 90 % of the rows of the split.",
        needs="counts",
        written="count",
        measure=lambda loads: loads.carrying(0.9),
        more_is_even=True,
        place=80,
    )
)
