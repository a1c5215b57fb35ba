"""The squared coefficient of variation of the counts."""

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.loads import Loads
from leafscope.core.usage.statistics import STATISTICS, Statistic


def _cv2(loads: Loads) -> NDArray[np.float64]:
    return (((loads.p * loads.leaves - 1) ** 2).sum(1) + loads.empty) / loads.leaves


def _mean(load: NDArray[np.float64], rows: int) -> float:
    """The rows in a leaf are binomial: E n^2 = N p (1 - p) + (N p)^2."""
    square = float((load * (1 - load) / rows + load**2).sum())
    return max(0.0, len(load) * square - 1)


STATISTICS.register(
    Statistic(
        name="cv2",
        title="CV²",
        meaning="Squared coefficient of variation of the counts; 0 is even.",
        formula="var(n) / mean(n)², population variance.",
        needs="counts",
        measure=_cv2,
        exact_mean=_mean,
        place=70,
    )
)
