"""Choices among models by their scores: the Pareto front."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.comparison.intervals import one_dimensional


def pareto_front(cost: ArrayLike, validation_error: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points on the Pareto front of cost and error: (T,) and (T,) -> (T,) bool.

    A point is on the front unless another has at most its cost and at most its error, and less of one of them; equal points
    are treated alike. A point with a NaN is never on it. Raises ValueError for arrays of different lengths.

    >>> pareto_front([1, 2, 3], [0.3, 0.1, 0.2]).tolist()
    [True, True, False]
    """
    costs, errors = one_dimensional(cost, "cost"), one_dimensional(validation_error, "validation_error")
    if len(costs) != len(errors):
        raise ValueError(f"cost and validation_error must have one entry for each point, got {len(costs)} and {len(errors)}")
    front = np.zeros(len(costs), np.bool_)
    last: tuple[float, float] | None = None
    for point in np.lexsort((errors, costs)):
        here = float(costs[point]), float(errors[point])
        if math.isnan(here[0]) or math.isnan(here[1]):
            continue
        # all previous points cost at most as much, so only a lower error qualifies
        if last is None or here[1] < last[1] or here == last:
            front[point] = True
            last = here
    return front
