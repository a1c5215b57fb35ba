"""Choices among models by their scores: the one-standard-error rule and the Pareto front."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.comparison.intervals import one_dimensional


def one_standard_error(means: ArrayLike, errors: ArrayLike) -> int:
    """Choose the simplest model within one standard error of the best: (T,) and (T,), simple to complex -> index.

    The first whose mean is at most the lowest mean plus its standard error; among equal lowest means the first counts, and
    an unknown error counts as 0. NaN means are skipped. Raises ValueError if all are NaN, for a negative error, or for
    arrays of different lengths. Source: Breiman et al. 1984.

    >>> one_standard_error([0.30, 0.21, 0.20], [0.02, 0.02, 0.02])
    1
    """
    mean, error = one_dimensional(means, "means"), one_dimensional(errors, "errors")
    if len(mean) != len(error):
        raise ValueError(f"means and errors must have one entry for each model, got {len(mean)} and {len(error)}")
    if (error < 0).any():
        raise ValueError(f"errors must not be negative, got {np.nanmin(error)}")
    if np.isnan(mean).all():
        raise ValueError(f"means must have at least one value, got {len(mean)} NaN")
    lowest = int(np.nanargmin(mean))
    margin = 0.0 if math.isnan(error[lowest]) else error[lowest]
    return int(np.argmax(mean <= mean[lowest] + margin))


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
