"""The mean recall of the classes."""

from leafscope.core.scores.confusion import confusion_matrix, mean_of_known, recalls, recalls_of
from leafscope.core.scores.registry import SCORES, Score

SCORES.register(
    Score(
        name="balanced_accuracy",
        title="Balanced accuracy",
        meaning="Mean over the classes of the share of their rows with the right answer; always the same answer gives 1/C.",
        needs="classification",
        unit="share",
        higher_is_better=True,
        measure=lambda targets, predictions: mean_of_known(recalls(confusion_matrix(targets, predictions))),
        of_tally=lambda counts: mean_of_known(recalls_of(counts)),
        place=20,
    )
)
