"""The declaration of a score, and the registry of all of them.

N rows · C classes. A score is one file that registers one `Score`, in the folder `variants` or in another package (see
`core.registry`). What a history records, the columns of tables of results, and the words on pages follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from numpy.typing import ArrayLike, NDArray

from leafscope.core.registry import Registry

TaskName: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """The declaration of a score."""

    name: str
    """The column in tables, and the metric in histories."""
    title: str
    """The name on pages."""
    meaning: str
    """One sentence."""
    needs: TaskName
    """The task whose targets and predictions `measure` gets."""
    unit: Literal["share", "target", "none"]
    """A share of rows from 0 to 1, which pages write in percent; the unit of the target; or a plain number."""
    higher_is_better: bool
    measure: Callable[[ArrayLike, ArrayLike], float]
    """Targets (N,) and predictions (N,) -> the score; NaN if it is undefined, as it is without rows. Classes are whole numbers
    from 0."""
    of_tally: Callable[[NDArray[Any]], float] | None = None
    """The same from the counts of `confusion.tally` (3, C), for a score that needs no more; None: it needs the predictions."""
    place: int = 1000
    """Scores are listed in the order of this number; equal numbers in the order of registration."""


SCORES: Registry[Score] = Registry("score", package="leafscope.core.scores.variants", key=lambda score: score.place)
"""All scores by name."""


def scores_of(task: TaskName) -> dict[str, Score]:
    """Return the scores of a task by name, in order."""
    return {name: score for name, score in SCORES.items() if score.needs == task}
