"""Checks of what an archive says of a run's scores: names that this program writes, and values that its pages can show."""

import math
from typing import Any

from leafscope.core.scores import SCORES, TASKS
from leafscope.core.store.archive.layout import parsed

SPLITS = ("train", "validation", "test")
METRICS = tuple(dict.fromkeys(of + name for of in ("", "mix_") for task in TASKS.values() for name in ("loss", *task.recorded)))
"""What histories record, `mix_` of the mixture of leaves or experts."""
_SUMMARIZED = tuple(name for task in TASKS.values() for name in task.summarized)
_NAMES = frozenset(f"{split}_{metric}" for split in SPLITS for metric in (*METRICS, *_SUMMARIZED))

ROUNDING = 1e-3
"""How far below 0 a loss may be, since compiled code rounds."""


def check_epoch(epoch: int, epochs: int, name: str = "epoch") -> None:
    """Check the number of an epoch of a configuration with so many."""
    if epoch > epochs:
        raise ValueError(f"{name} must be at most {epochs}, the epochs of its configuration, got {epoch}")


def check_score(metric: str, value: float, name: str) -> None:
    """Check a finite value of a metric; others, of nets that diverged, are as they are."""
    name_alone = metric.removeprefix("mix_")
    is_share = name_alone != "loss" and SCORES[name_alone].unit == "share"
    is_r2 = name_alone == "r2"
    if (value < -ROUNDING and not is_r2) or ((is_share or is_r2) and value > 1):
        raise ValueError(f"{name} must be {'from 0 to 1' if is_share else 'at least 0'}, got {value!r:.80}")


def check_summary(text: str, epochs: int) -> None:
    """Check a run's summary, JSON, of a configuration with so many epochs."""
    summary = parsed(text, finite=False)
    fits = isinstance(summary, dict) and isinstance(summary.get("facts", {}), dict)
    if not fits or any(not isinstance(summary.get(which, {}), dict) for which in ("best", "last", "first")):
        raise ValueError(f"summary must have best_epoch, best, last and facts as this program writes them, got {text!r:.80}")
    best_epoch = summary.get("best_epoch", 0)
    if type(best_epoch) is not int or best_epoch < 0:
        raise ValueError(f"best_epoch of summary must be a whole number from 0, got {best_epoch!r:.80}")
    check_epoch(best_epoch, epochs, "best_epoch of summary")
    for name, value in (item for which in ("best", "last", "first") for item in summary.get(which, {}).items()):
        if name not in _NAMES or type(value) not in (int, float):
            raise ValueError(f"summary must have numbers for {', '.join(sorted(_NAMES))}, got {value!r:.80} for {name!r:.80}")
        if type(value) is int or math.isfinite(value):
            check_score(name.partition("_")[2], value, f"{name} of summary")
    if "best" in summary and "validation_loss" not in summary["best"] and summary["best"] != summary.get("last"):
        raise ValueError(
            f"best of summary must have validation_loss, by which it is chosen, or be the last, got {summary['best']!r:.80}"
        )
    for name, value in summary.get("facts", {}).items():
        kind, must_be = _FACTS.get(name, (object, ""))
        fits = isinstance(value, kind) and (not isinstance(value, bool) or kind in (bool, object))
        if not fits or (must_be.endswith("number from 0") and value < 0):
            raise ValueError(f"{name} of summary's facts must be {must_be}, got {value!r:.80}")
    _check_numbers(summary)


_FACTS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("diverged", "compiled", "converged", "is_bound"), (bool, "true or false")),
    **dict.fromkeys(("parameters", "trained_parameters", "trials"), (int, "a whole number from 0")),
    **dict.fromkeys(("multiply_adds", "inference_seconds", "fit_seconds"), ((int, float), "a number from 0")),
    "operations": (str, "text"),
    "chosen": (dict, "an object"),
}
"""Facts that pages read -> their type, and it in words; models of other packages may have further ones."""


def _check_numbers(value: Any) -> None:
    """Raise ValueError for whole numbers that are too large for a page to calculate with."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if type(inner) is int and abs(inner) > 2**53:
            raise ValueError(f"summary must have whole numbers up to 2^53, got {str(inner)[:80]}")
        waiting += inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ()
