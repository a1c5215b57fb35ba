"""The number of equally used leaves that is as even as the load."""

import numpy as np

from leafscope.core.usage.statistics import STATISTICS, Statistic

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
