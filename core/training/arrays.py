"""What a net is trained and measured on, as arrays alone: no data set, no store.

R rows of a part · P features · C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets import Dataset
from leafscope.core.datasets.dataset import centre_of
from leafscope.core.scores import SCORES, TASKS, Task


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one part: train, validation or test."""

    x: NDArray[np.float32]
    """(R, P), standardized, C-contiguous."""
    y: NDArray[Any]
    """(R,) int64 classes from 0 to C - 1; or float64 numbers, in the unit of the target."""
    weight: NDArray[np.float64] | None = None
    """(R,) at least 0, the weight of each row in the loss, whatever their sum; None: all are equal."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Rows to train on and, if there are any, rows to choose by and to report on.

    Raises ValueError for parts of different widths, for lengths that differ within a part, and for weights that are not finite
    numbers of at least 0, some above it.
    """

    train: Part
    validation: Part | None = None
    test: Part | None = None
    n_classes: int | None = None
    """C; None: numbers are predicted."""

    def __post_init__(self) -> None:
        for name, part in self.parts.items():
            if part.x.ndim != 2 or part.x.shape != (len(part.y), self.n_features):
                raise ValueError(f"x of {name} must have shape ({len(part.y)}, {self.n_features}), got {part.x.shape}")
            if part.weight is None:
                continue
            weight = part.weight
            if weight.shape != part.y.shape or not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
                raise ValueError(f"weights of {name} must be {len(part.y)} finite numbers of at least 0, some above it")

    @classmethod
    def of(cls, dataset: Dataset) -> "Arrays":
        """Take the splits of a data set that have rows."""
        parts = {name: Part(split.x, split.y) for name, split in dataset.splits.items() if len(split.index)}
        return cls(**parts, n_classes=dataset.n_classes or None)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def task(self) -> Task:
        """What is predicted."""
        return TASKS["regression" if self.n_classes is None else "classification"]

    @property
    def n_features(self) -> int:
        """P."""
        return self.train.x.shape[1]

    @property
    def n_outputs(self) -> int:
        """The outputs of a net: one for each class, or one number."""
        return 1 if self.n_classes is None else self.n_classes

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Mean and deviation of the target over the training rows, weighted as they are; (0, 1) for classes.

        A net predicts `(target - mean) / deviation`; the deviation of equal targets is 1.
        """
        if self.n_classes is not None:
            return 0.0, 1.0
        return centre_of(self.train.y, self.train.weight)

    def trained_on(self, part: Part) -> NDArray[Any]:
        """Return what a net learns of a part: (R,) int64 classes, or float32 standardized numbers."""
        mean, deviation = self.centre
        return part.y if self.n_classes is not None else ((part.y - mean) / deviation).astype(np.float32)

    def weights(self, class_weight: str) -> Mapping[str, NDArray[np.float32] | None]:
        """Return the weight of each row in the loss, by part: (R,) float32 with mean 1, or None where all are equal.

        With `class_weight` "balanced", a class weighs as much as any other over the training rows, and a row of its class
        weighs the same in every part. Raises ValueError for balanced weights of numbers.
        """
        of_class = np.ones(self.n_outputs)
        if class_weight == "balanced":
            if self.n_classes is None:
                raise ValueError('class_weight must be "none" where numbers are predicted, got "balanced"')
            counts = np.bincount(self.train.y, weights=self.train.weight, minlength=self.n_classes)
            of_class = np.divide(counts.sum(), counts, out=of_class, where=counts > 0)
        found: dict[str, NDArray[np.float32] | None] = {}
        for name, part in self.parts.items():
            if part.weight is None and class_weight == "none":
                found[name] = None
                continue
            weight = np.ones(len(part.y)) if part.weight is None else part.weight
            weight = weight * of_class[part.y] if class_weight == "balanced" else weight
            found[name] = (weight / max(weight.mean(), 1e-300)).astype(np.float32) if len(weight) else weight.astype(np.float32)
        return found

    @cached_property
    def _rows_by_class(self) -> Mapping[str, NDArray[np.int64]]:
        """The counts of `confusion.tally` without answers, of each part: (3, C), its first row filled."""
        none, n = np.empty(0, np.int64), self.n_outputs
        if self.n_classes is None:
            return {}
        return {
            name: np.stack([np.bincount(rows, minlength=n) for rows in (part.y, none, none)])
            for name, part in self.parts.items()
        }

    def tally(self, name: str, answers: NDArray[Any] | None = None) -> NDArray[np.int64] | None:
        """Count rows, answers and right answers of each class in a part: answers (R,) -> (3, C); None: numbers are predicted.

        Without answers, their two rows are 0, to be counted into.
        """
        if self.n_classes is None:
            return None
        counts = self._rows_by_class[name].copy()
        if answers is not None:
            counts[1] = np.bincount(answers, minlength=self.n_classes)
            counts[2] = np.bincount(answers[answers == self.parts[name].y], minlength=self.n_classes)
        return counts

    def scores(self, name: str, outputs: NDArray[Any]) -> dict[str, float]:
        """Return the scores that the task records of a part, without weights: outputs (R, C) or (R, 1) of a net -> by name."""
        mean, deviation = self.centre
        answers = outputs[:, 0].astype(np.float64) * deviation + mean if self.n_classes is None else outputs.argmax(1)
        return {score: SCORES[score].measure(self.parts[name].y, answers) for score in self.task.recorded}
