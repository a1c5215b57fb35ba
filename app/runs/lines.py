"""The runs as the page Runs lists and finds them: a line of the table, and the words by which each is found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leafscope.app import always, theme
from leafscope.app.parts import run_picker
from leafscope.core.comparison.table import value_words
from leafscope.core.store.values.summaries import RunSummary

SHARES = {
    "validation_accuracy": "Validation accuracy",
    "test_accuracy": "Test accuracy",
    "train_accuracy": "Train accuracy",
    "always_accuracy": "Always the commonest",
    "validation_balanced_accuracy": "Validation balanced accuracy",
    "test_balanced_accuracy": "Test balanced accuracy",
    "validation_macro_f1": "Validation macro F1",
    "test_macro_f1": "Test macro F1",
}
"""Score at the last epoch -> its column, of runs that predict classes; `always_accuracy` is the test accuracy of always the
commonest class of training."""

RMSES = {
    "validation_rmse": "Validation RMSE",
    "test_rmse": "Test RMSE",
    "train_rmse": "Train RMSE",
    "always_rmse": "Always the mean",
}
"""The same of runs that predict numbers."""

SCORES = SHARES | RMSES


@dataclass(frozen=True)
class Line:
    """A run on the page."""

    summary: RunSummary
    cells: dict[str, Any]
    """Column -> value."""
    text: str
    """What the words that a person looks for are compared with."""


_made: list[dict[str, Line]] = [{}]
"""Lines by the address of their run: those of the last list of runs."""


def lines(summaries: Sequence[RunSummary]) -> list[Line]:
    """Make the line of each run, anew only for those that have changed since the last list of runs."""
    before, now = _made[0], dict[str, Line]()
    for summary in summaries:
        last = before.get(summary.run_id)
        now[summary.run_id] = last if last is not None and last.summary is summary else _line(summary)
    _made[0] = now  # replaced as a whole, since other sessions may be making theirs
    return list(now.values())


def _line(summary: RunSummary) -> Line:
    also = f"{run_picker.STATUS_WORDS[summary.status]} {theme.SHIPPED if summary.shipped else ''}"
    return Line(summary, _cells(summary), summary.searched(also))


def _cells(summary: RunSummary) -> dict[str, Any]:
    fault = run_picker.config_fault(summary)
    fields: dict[str, Any] = {}
    scores, judged = dict(summary.last), ""
    if fault is None:
        if summary.last:
            same = always.scores_of([summary.config])
            scores |= {f"always_{name}": value for name, value in same.items()}
            judged = always.judged(summary)
        run = summary.config
        used = run.matters
        fields = {
            "Data": value_words("data.name", run.data.name),
            "Weights": value_words("net.kind", run.net.kind),
            "Depth K": run.net.depth if "net.depth" in used else None,
            "Width": run.net.width if "net.width" in used else None,
            "Gates": run.net.gates if "net.gates" in used else None,
            "Learning rate": run.train.lr if "train.lr" in used else None,
            "Seed": run.seed,
        }
    return {
        "Run": theme.one_line(summary.title, 80),
        "Status": theme.SHIPPED if summary.shipped else run_picker.STATUS_WORDS[summary.status],
        "Progress": summary.fraction,
        **{name: scores.get(field, math.nan) for field, name in SCORES.items()},
        "Time (s)": summary.seconds,
        **fields,
        "Created": datetime.fromtimestamp(summary.created),
        "Tags": [theme.one_line(tag, 40) for tag in summary.tags],
        "Note": theme.one_line(summary.error or fault or summary.comment or judged or summary.note, 200),
        "Address": summary.run_id,
    }
