"""The mean F1 of the classes."""

from leafscope.core.scores.confusion import confusion_matrix, f1_scores, f1_scores_of, mean_of_known
from leafscope.core.scores.registry import SCORES, Score

SCORES.register(
    Score(
        name="macro_f1",
        title="Macro F1",
        meaning="Mean over the classes of the harmonic mean of precision and recall; a class that is never answered has 0.",
        needs="classification",
        unit="share",
        higher_is_better=True,
        measure=lambda targets, predictions: mean_of_known(f1_scores(confusion_matrix(targets, predictions))),
        of_tally=lambda counts: mean_of_known(f1_scores_of(counts)),
        place=30,
    )
)
