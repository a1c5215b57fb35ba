"""Scores: what is reported of predictions, beside the loss that training lowers.

`registry` defines and lists scores, one file each in `variants`; `tasks` says which of them a run records; `confusion` counts
rows by class and answer. All are NumPy only, so the server can use them. Outside this folder, import the names in `__all__`
from here. Of the core, this package imports `registry` and `lazy`.

>>> {name: score.measure([0, 0, 0, 1], [0, 0, 0, 0]) for name, score in scores_of("classification").items()}
{'accuracy': 0.75, 'error': 0.25, 'balanced_accuracy': 0.5, 'macro_f1': 0.42857142857142855}
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily
from leafscope.core.scores.registry import SCORES, Score, scores_of
from leafscope.core.scores.tasks import TASKS, Task

if TYPE_CHECKING:
    from leafscope.core.scores.confusion import confusion_matrix, precisions, recalls

__all__ = ["SCORES", "TASKS", "Score", "Task", "confusion_matrix", "precisions", "recalls", "scores_of"]

_HOMES = {
    "confusion_matrix": "scores.confusion",
    "precisions": "scores.confusion",
    "recalls": "scores.confusion",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
