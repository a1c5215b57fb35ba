"""How far the fullest leaf is above the mean."""

import numpy as np

from leafscope.core.usage.statistics import STATISTICS, Statistic

STATISTICS.register(
    Statistic(
        name="max_violation",
        title="Maximum violation",
        meaning="By how much the fullest leaf exceeds the mean leaf: 0 is even, 1 is twice the mean.",
        formula="(max n - mean n) / mean n.",
        needs="counts",
        measure=lambda loads: np.maximum(0, loads.p[:, -1] * loads.leaves - 1),
        place=40,
    )
)
