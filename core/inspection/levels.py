"""Scores of a trained tree net that is read to each level: the sum over prefixes is cut off there, without retraining.

N rows · P features · K depth.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets import Dataset
from leafscope.core.inference.net import Net, cross_entropy
from leafscope.core.scores import SCORES


def scores(net: Net, x: NDArray[np.float32], y: NDArray[np.integer[Any]]) -> tuple[float, float, list[NDArray[np.int64]]]:
    """Compute mean cross-entropy (nats), accuracy and each row's leaf at every gated layer: x (N, P), y (N,).

    NaN and NaN without rows.
    """
    if not len(y):
        return float("nan"), float("nan"), net.routed(x).leaves
    routed = net.routed(x)
    right = routed.logits.argmax(1) == y
    return float(cross_entropy(routed.logits, y).mean()), float(right.mean()), routed.leaves


def recorded(net: Net, dataset: Dataset, split: str) -> dict[str, float]:
    """Return the loss and the scores that the data set's task records, of one split; NaN without rows."""
    part = dataset.splits[split]
    if not len(part.y):
        return dict.fromkeys(("loss", *dataset.task.recorded), float("nan"))
    if dataset.n_classes:
        loss, accuracy, _ = scores(net, part.x, part.y)
        return {"loss": loss, "accuracy": accuracy}
    answers, deviation = dataset.answers(net.routed(part.x).logits), dataset.centre[1]
    found = {name: SCORES[name].measure(part.y, answers) for name in dataset.task.recorded}
    return {"loss": (found["rmse"] / deviation) ** 2, **found}


def scores_by_level(net: Net, dataset: Dataset) -> dict[tuple[str, str], list[float]]:
    """Score the net read to each level from 0 to K: (split, loss or recorded score) -> K + 1 values.

    Raises ValueError for a net without shared prefixes.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for level in range(net.config.depth + 1 if net.config.gated else 1):
        cut = net.read_to_level(level)
        for name in dataset.splits:
            for metric, value in recorded(cut, dataset, name).items():
                found.setdefault((name, metric), []).append(value)
    return found
