"""The share of leaves without a row."""

import math

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.loads import Loads
from leafscope.core.usage.statistics import STATISTICS, Statistic


def _dead_fraction(loads: Loads) -> NDArray[np.float64]:
    return np.where(np.isnan(loads.rows), math.nan, (loads.leaves - loads.used) / loads.leaves)


def mean_dead(load: NDArray[np.float64], rows: int) -> float:
    """Compute the mean under independent bits: the rows in a leaf are binomial, so P(n = 0) = (1 - p)^N."""
    return float(((1 - load) ** rows).mean())


STATISTICS.register(
    Statistic(
        name="dead_fraction",
        title="Unused leaves",
        meaning="Share of leaves with no row of the split, from 0 to 1 - 1/L.",
        formula="(number of n = 0) / L.",
        needs="counts",
        written="share",
        measure=_dead_fraction,
        exact_mean=mean_dead,
        place=30,
    )
)
