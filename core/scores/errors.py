"""Differences between numbers and their predictions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def differences(targets: ArrayLike, predictions: ArrayLike) -> NDArray[np.float64]:
    """Subtract targets from predictions: (N,), (N,) -> (N,) float64; raises ValueError for shapes that differ."""
    y, answers = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    if y.ndim != 1 or y.shape != answers.shape:
        raise ValueError(f"targets and predictions must have one and the same length, got shapes {y.shape} and {answers.shape}")
    return answers - y


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean; NaN without values."""
    return float(values.mean()) if len(values) else float("nan")
