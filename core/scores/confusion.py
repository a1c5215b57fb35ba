"""Rows by class and answer, and what follows from these counts.

C classes. `matrix` (C, C): rows are the classes, columns the answers. What has no rows is NaN, never a silent 0.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confusion_matrix(targets: ArrayLike, predictions: ArrayLike, n_classes: int | None = None) -> NDArray[np.int64]:
    """Count rows by class and answer: (N,), (N,) whole numbers from 0 -> (C, C); C is the largest number and 1 if not given.

    Raises ValueError for shapes that differ, for what is no whole number, and for numbers outside 0 to C - 1.

    >>> confusion_matrix([0, 0, 1], [0, 1, 1]).tolist()
    [[1, 1], [0, 1]]
    """
    y, answers = np.asarray(targets), np.asarray(predictions)
    if y.ndim != 1 or y.shape != answers.shape:
        raise ValueError(f"targets and predictions must have one and the same length, got shapes {y.shape} and {answers.shape}")
    if not len(y):
        return np.zeros((n_classes or 0, n_classes or 0), np.int64)
    if y.dtype.kind not in "iub" or answers.dtype.kind not in "iub":
        raise ValueError(f"classes must be whole numbers, got {y.dtype} and {answers.dtype}")
    least, most = min(int(y.min()), int(answers.min())), max(int(y.max()), int(answers.max()))
    n = most + 1 if n_classes is None else n_classes
    if least < 0 or most >= n:
        raise ValueError(f"classes must be from 0 to {n - 1}, got {least if least < 0 else most}")
    return np.bincount(y.astype(np.int64) * n + answers, minlength=n * n).reshape(n, n)


def tally(targets: ArrayLike, predictions: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Count, of each class, its rows, the answers that name it, and the right ones: (N,), (N,) whole numbers -> (3, C).

    >>> tally([0, 0, 1], [0, 1, 1], 2).tolist()
    [[2, 1], [1, 2], [1, 1]]
    """
    y, answers = np.asarray(targets), np.asarray(predictions)
    return np.stack([np.bincount(part, minlength=n_classes) for part in (y, answers, y[y == answers])])


def tally_of(matrix: ArrayLike) -> NDArray[np.int64]:
    """Take the counts of `tally` from a confusion matrix: (C, C) -> (3, C)."""
    counts = np.asarray(matrix)
    return np.stack([counts.sum(1), counts.sum(0), counts.diagonal()])


def recalls(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the share of each class's rows that get its answer: (C, C) -> (C,); NaN for a class without rows.

    >>> recalls([[1, 1], [0, 2]]).tolist()
    [0.5, 1.0]
    """
    return recalls_of(tally_of(matrix))


def precisions(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the share of each answer's rows that are of its class: (C, C) -> (C,); NaN for an answer that is never given.

    >>> precisions([[1, 1], [0, 1]]).tolist()
    [1.0, 0.5]
    """
    counts = np.asarray(matrix)
    return _ratio(counts.diagonal(), counts.sum(0))


def f1_scores(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the harmonic mean of precision and recall of each class: (C, C) -> (C,); NaN for what is neither class nor answer.

    2 n_cc / (rows of the class + answers of the class), van Rijsbergen 1979.

    >>> f1_scores([[1, 1], [0, 1]]).round(3).tolist()
    [0.667, 0.667]
    """
    return f1_scores_of(tally_of(matrix))


def recalls_of(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the recalls from the counts of `tally`: (3, C) -> (C,); NaN for a class without rows."""
    rows, _, right = counts
    return _ratio(right, rows)


def f1_scores_of(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the F1 scores from the counts of `tally`: (3, C) -> (C,); NaN for what is neither class nor answer."""
    rows, answers, right = counts
    return _ratio(2 * right, answers + rows)


def mean_of_known(values: NDArray[np.float64]) -> float:
    """Return the mean of the values that are not NaN; NaN if all are."""
    known = [value for value in values.tolist() if value == value]
    return math.fsum(known) / len(known) if known else math.nan


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
