"""What always giving the same answer scores, and whether a run is better than that.

C classes. Accuracy alone says nothing where classes are uneven: 2,000 rows with 17 positive ones give 99.2 % to whoever never
looks.
"""

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
    >>> judgement([[8, 2], [2, 1]], 0, ("no", "yes"))
    'It is no better than always answering no.'
    """
    counts = np.asarray(matrix)
    if not counts.sum():
        return ""
    answered = np.flatnonzero(counts.sum(0))
    if len(answered) == 1:
        return f"It is no better than always giving the same answer: it answers {class_names[answered[0]]} for every row."
    right, by_always = int(counts.trace()), int(counts.sum(1)[always])
    guessing = 1 / np.count_nonzero(counts.sum(1))
    if right > by_always or (right == by_always and np.nanmean(recalls(counts)) > guessing):
        return ""
    return f"It is no better than always answering {class_names[always]}."
