"""The share of the target's variance that is explained."""

import numpy as np
from numpy.typing import ArrayLike

from leafscope.core.scores.errors import differences, mean
from leafscope.core.scores.registry import SCORES, Score


def _r2(targets: ArrayLike, predictions: ArrayLike) -> float:
    error = mean(differences(targets, predictions) ** 2)
    y = np.asarray(targets, np.float64)
    spread = mean((y - mean(y)) ** 2)
    return 1 - error / spread if spread > 0 else float("nan")


SCORES.register(
    Score(
        name="r2",
        title="R²",
        meaning="1 - squared error / variance of the target: 1 is perfect, 0 as good as the mean of these rows, below 0 worse.",
        needs="regression",
        unit="none",
        higher_is_better=True,
        measure=_r2,
        place=130,
    )
)
