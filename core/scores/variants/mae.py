"""The mean absolute error."""

from leafscope.core.scores.errors import differences, mean
from leafscope.core.scores.registry import SCORES, Score

SCORES.register(
    Score(
        name="mae",
        title="MAE",
        meaning="Mean absolute error, in the unit of the target.",
        needs="regression",
        unit="target",
        higher_is_better=False,
        measure=lambda targets, predictions: mean(abs(differences(targets, predictions))),
        place=120,
    )
)
