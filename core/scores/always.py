"""What always giving the same answer scores, and whether a run is better than that.

C classes. Accuracy alone says nothing where classes are uneven: 2,000 rows with 17 positive ones give 99.2 % to whoever never
looks.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from leafscope.core.scores.confusion import recalls


def judgement(matrix: ArrayLike, always: int, class_names: tuple[str, ...]) -> str:
    """Say in a sentence where answers are no better than always the same one; empty: they are better, or there are no rows.

    `matrix` (C, C): rows by class and answer; `always`: the class that most training rows have.

    >>> judgement([[10, 0], [2, 0]], 0, ("no", "yes"))
    'It is no better than always giving the same answer: it answers no for every row.'
    >>> judgement([[9, 1], [2, 1]], 0, ("no", "yes"))
    ''
    >>> judgement([[8, 2], [3, 0]], 0, ("no", "yes"))
    'It is no better than always answering no.'
    >>> judgement([[7, 3], [0, 2]], 0, ("no", "yes"))
    'Its accuracy is no better than that of always answering no; its balanced accuracy is.'
    """
    counts = np.asarray(matrix)
    if not counts.sum():
        return ""
    answered = np.flatnonzero(counts.sum(0))
    if len(answered) == 1:
        return f"It is no better than always giving the same answer: it answers {class_names[answered[0]]} for every row."
    right, by_always = int(counts.trace()), int(counts.sum(1)[always])
    if right > by_always:
        return ""
    if float(np.nanmean(recalls(counts))) > 1 / np.count_nonzero(counts.sum(1)):
        if right == by_always:
            return ""
        return f"Its accuracy is no better than that of always answering {class_names[always]}; its balanced accuracy is."
    return f"It is no better than always answering {class_names[always]}."


def is_no_better(scores: Mapping[str, Any], always: Mapping[str, Any]) -> Any:
    """Say whether scores are no better than those of always the same answer: both by name, numbers or arrays of one length.

    Of classes neither accuracy nor, where it is known, balanced accuracy is higher; of numbers the RMSE is not lower. False
    where scores are missing.

    >>> is_no_better({"accuracy": 0.9, "balanced_accuracy": 0.8}, {"accuracy": 0.99, "balanced_accuracy": 0.5})
    False
    >>> is_no_better({"accuracy": 0.99}, {"accuracy": 0.99, "balanced_accuracy": 0.5})
    True
    >>> is_no_better({"rmse": 3.0}, {"rmse": 2.0})
    True
    """
    if "rmse" in scores or "rmse" in always:
        found = np.asarray(scores.get("rmse", np.nan)) >= np.asarray(always.get("rmse", np.nan))
    else:
        names = ("accuracy", "balanced_accuracy")
        mine, other = ([np.asarray(of.get(name, np.nan), np.float64) for name in names] for of in (scores, always))
        found = (mine[0] <= other[0]) & ~(mine[1] > other[1])
    return found if np.ndim(found) else bool(found)
