"""The share of rows with the right answer."""

import numpy as np
from numpy.typing import ArrayLike

from leafscope.core.scores.registry import SCORES, Score


def _accuracy(targets: ArrayLike, predictions: ArrayLike) -> float:
    y, answers = np.asarray(targets), np.asarray(predictions)
    if y.ndim != 1 or y.shape != answers.shape:
        raise ValueError(f"targets and predictions must have one and the same length, got shapes {y.shape} and {answers.shape}")
    return float((y == answers).mean()) if len(y) else float("nan")


SCORES.register(
    Score(
        name="accuracy",
        title="Accuracy",
        meaning="Share of rows with the right answer; read it beside the share of the commonest class.",
        needs="classification",
        unit="share",
        higher_is_better=True,
        measure=_accuracy,
        place=10,
    )
)

SCORES.register(
    Score(
        name="error",
        title="Error",
        meaning="Share of rows with a wrong answer: 1 - accuracy.",
        needs="classification",
        unit="share",
        higher_is_better=False,
        measure=lambda targets, predictions: 1 - _accuracy(targets, predictions),
        place=11,
    )
)
