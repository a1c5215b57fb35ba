"""The root of the mean squared error."""

import math

from leafscope.core.scores.errors import differences, mean
from leafscope.core.scores.registry import SCORES, Score

SCORES.register(
    Score(
        name="rmse",
        title="RMSE",
        meaning="Root of the mean squared error, in the unit of the target; always the mean gives about its deviation.",
        needs="regression",
        unit="target",
        higher_is_better=False,
        measure=lambda targets, predictions: math.sqrt(mean(differences(targets, predictions) ** 2)),
        place=110,
    )
)
