"""The inequality of the loads."""

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.loads import Loads
from leafscope.core.usage.statistics import STATISTICS, Statistic


def _gini(loads: Loads) -> NDArray[np.float64]:
    rank = np.arange(loads.empty + 1, loads.leaves + 1, dtype=np.float64)
    return np.maximum(0, (2 * (loads.p @ rank) - (loads.leaves + 1)) / loads.leaves)


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
