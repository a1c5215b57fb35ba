"""Scores in figures of groups: what they are called, their units, which way is better, and the range of their axis."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared.interval_lines import interval_words

UNITS = {
    **{"loss": "nats", "accuracy": "percent", "error": "percent", "balanced_accuracy": "percent", "macro_f1": "percent"},
    **{"rmse": "", "mae": "", "r2": ""},
}
"""Of a metric on an axis; shares of rows are drawn in percent."""
MEASURES = {
    "loss": "loss (cross-entropy, nats)",
    "accuracy": "accuracy (percent of rows)",
    "error": "error (percent of rows)",
    "balanced_accuracy": "balanced accuracy (percent)",
    "macro_f1": "macro F1 (percent)",
    "rmse": "RMSE (unit of the target)",
    "mae": "MAE (unit of the target)",
    "r2": "R²",
}
DIFFERENCES = {
    **{name: "percentage points" if unit == "percent" else unit for name, unit in UNITS.items()},
    **dict.fromkeys(("rmse", "mae"), "unit of the target"),
}
"""The unit of a difference of two values of a metric, on an axis; empty: it has none."""
TITLES = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}
"""Of a metric inside a sentence, where its name is not its title."""
HIGHER = ("accuracy", "balanced_accuracy", "macro_f1", "r2")
"""Metrics of which more is better."""
SPLITS = ("train", "validation", "test")
WORDS_LIMIT = 60
"""Characters of a group's words on hover and in sentences."""


@dataclass(frozen=True)
class Score:
    """A score by which runs are compared."""

    title: str
    """As written, not yet escaped."""
    percent: bool
    """The values are shares and are written in percent."""
    higher_is_better: bool


def better_sign(metric: str) -> float:
    """Give 1 where a higher value is better, else -1.

    >>> better_sign("accuracy"), better_sign("loss")
    (1.0, -1.0)
    """
    return 1.0 if metric in HIGHER else -1.0


def factor(metric: str) -> float:
    """Give what brings a metric to the unit of its axis: 100 for shares of rows, else 1."""
    return 100.0 if UNITS[metric] == "percent" else 1.0


def ceiling(metric: str) -> float:
    """Give the highest value that a metric can have, in the unit of its axis."""
    return 100.0 if UNITS[metric] == "percent" else 1.0 if metric == "r2" else math.inf


def check_words(metric: str, split: str) -> None:
    """Raise ValueError for a metric or a split that is not known."""
    if metric not in UNITS:
        raise ValueError(f"metric must be one of {', '.join(UNITS)}, got {metric!r}")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")


def title(metric: str) -> str:
    """Name a metric inside a sentence."""
    return TITLES.get(metric, metric)


def nothing_words(metric: str) -> str:
    """Say that there is no value of a metric yet."""
    return f"No {title(metric)} is recorded yet."


def value_words(value: float, metric: str) -> str:
    """Write a value in the unit of the axis of its metric.

    >>> value_words(12.5, "error"), value_words(0.5, "loss")
    ('12.5 %', '0.500 nats')
    """
    unit = UNITS[metric]
    return theme.percent(value / 100) if unit == "percent" else f"{theme.three_significant(value)} {unit}".rstrip()


def score_words(mean: float, low: float, high: float, n: float, metric: str) -> str:
    """Write a mean with its interval and n, in the unit of the axis.

    >>> score_words(98.0, 95.7, 99.3, 5, "accuracy")
    '98.0 % [95.7 %, 99.3 %], n = 5'
    """
    return interval_words(mean, low, high, n, UNITS[metric])


def range_around(
    values: ArrayLike, ends: ArrayLike, *, floor: float = -math.inf, ceiling: float = math.inf
) -> tuple[tuple[float, float], bool]:
    """Give an axis range that holds all finite values, and whether it cuts ends of intervals.

    The ends widen the range by at most the span of the values on each side, since the interval of two runs would flatten
    everything else.

    >>> range_around([1.0, 2.0], [-9.0, 2.5])
    ((-0.1, 2.6), True)
    """
    known, reach = (np.asarray(part, dtype=np.float64).ravel() for part in (values, ends))
    known, reach = known[np.isfinite(known)], reach[np.isfinite(reach)]
    if not len(known):
        return (0.0, 1.0), False
    low, high = float(known.min()), float(known.max())
    span = high - low or 0.1 * abs(high) or 1.0
    inside = np.clip(reach, max(floor, low - span), min(ceiling, high + span))
    cut = bool((np.abs(np.clip(reach, floor, ceiling) - inside) > 1e-9 * span).any())
    low, high = min([low, *inside.tolist()]), max([high, *inside.tolist()])
    air = 0.04 * (high - low or span)
    return (round(low - air, 12), round(high + air, 12)), cut
