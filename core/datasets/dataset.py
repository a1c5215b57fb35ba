"""A loaded data set, split and standardized.

P features · C classes. Arrays are read-only, since a loaded data set is shared: copy them for torch (`torch.tensor`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.datasets.registry import DatasetSpec
from leafscope.core.scores import SCORES, TASKS, Task

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of one split, in the order of the whole data set."""

    x: NDArray[np.float32]
    """(rows, P), standardized, C-contiguous."""
    y: NDArray[Any]
    """(rows,) int64 class, from 0 to C - 1; or float64 number, in the unit of the target."""
    index: NDArray[np.int64]
    """(rows,) row number in the whole data set, ascending."""

    def features(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return `x` of some rows of the split, (n,) -> (n, P)."""
        return self.x[rows]


class SplitOf(Split):
    """A split of a data set whose features are standardized when they are first asked for: many pages show classes alone."""

    def __init__(
        self,
        raw: NDArray[np.float64],
        mean: NDArray[np.float64],
        scale: NDArray[np.float64],
        y: NDArray[Any],
        index: NDArray[np.int64],
    ) -> None:
        for name, value in (("y", y), ("index", index), ("_of", (raw, mean, scale))):
            object.__setattr__(self, name, value)

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """(rows, P), standardized, C-contiguous."""
        raw, mean, scale = self._of  # type: ignore[attr-defined]
        x = np.empty((len(self.index), len(mean)), np.float32)
        for first in range(0, len(x), _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            x[part] = standardized(raw[self.index[part]], mean, scale)
        x.setflags(write=False)
        return x

    def features(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return `x` of some rows of the split, (n,) -> (n, P); of those alone, as long as nobody has asked for all."""
        if "x" in self.__dict__:
            return self.x[rows]
        raw, mean, scale = self._of  # type: ignore[attr-defined]
        return standardized(raw[self.index[rows]], mean, scale)


_ROWS_AT_ONCE = 8192
"""Rows standardized at once, so that copies in double precision stay small."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """All rows of a data set, raw, and the three splits of them, standardized."""

    config: "DataConfig"
    seed: int
    info: DatasetSpec
    """The registered data set."""
    raw: NDArray[np.float64]
    """(all rows, P) in the units of the source; if `n_train` is given, some rows may be in no split."""
    labels: NDArray[Any]
    """(all rows,) int64 class, from 0 to C - 1; or float64 number, in the unit of the target."""
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    mean: NDArray[np.float64]
    """(P,) over the training rows."""
    scale: NDArray[np.float64]
    """(P,) population standard deviation over the training rows; 1 where they are all equal."""
    train: Split
    validation: Split
    test: Split

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by name: train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def n_features(self) -> int:
        """P, the number of features."""
        return len(self.feature_names)

    @property
    def n_classes(self) -> int:
        """C, the number of classes; 0 where numbers are predicted."""
        return len(self.class_names)

    @property
    def majority_class(self) -> int:
        """The class that most training rows have, the first of equals."""
        return int(np.bincount(self.train.y, minlength=self.n_classes).argmax())

    @property
    def n_outputs(self) -> int:
        """The outputs of a net: one for each class, or one number."""
        return max(1, self.n_classes)

    @property
    def task(self) -> Task:
        """What is predicted."""
        return TASKS[self.info.task]

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Mean and deviation of the target over the training rows, by which a net's outputs are read; (0, 1) for classes."""
        return (0.0, 1.0) if self.n_classes else centre_of(self.train.y)

    def answers(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return what a net says: outputs (N, C) or (N, 1) -> (N,) classes, or numbers in the unit of the target."""
        mean, deviation = self.centre
        return outputs.argmax(1) if self.n_classes else outputs[:, 0].astype(np.float64) * deviation + mean

    @property
    def reported(self) -> Split:
        """The rows that are reported on: those for testing, or where there are none those that trained."""
        return self.test if len(self.test.index) else self.train

    @property
    def chance(self) -> dict[str, float]:
        """The scores, on the reported rows, of the answer that needs no features: training's commonest class, or its mean."""
        return self.chance_on("test" if len(self.test.index) else "train")

    def chance_on(self, split: str) -> dict[str, float]:
        """Return the same on the rows of a split; empty where it has none."""
        y = self.splits[split].y
        if not len(y):
            return {}
        answers = np.full(len(y), self.majority_class if self.n_classes else self.train.y.mean())
        return {name: SCORES[name].measure(y, answers) for name in self.task.known}

    @property
    def majority_accuracy(self) -> float:
        """The accuracy of chance: the share of the rows that are reported on of the class that most training rows have.

        From 0 to 1; the first class of equals; what a decision tree of depth 0 has.
        """
        return float((self.reported.y == self.majority_class).mean())

    def standardize(self, x: ArrayLike) -> NDArray[np.float32]:
        """Standardize raw features like the splits: (..., P) -> (..., P) float32, `(x - mean) / scale`, C-contiguous.

        Raises ValueError for the wrong number of features.
        """
        return standardized(np.asarray(x, np.float64), self.mean, self.scale)


def standardized(x: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float32]:
    """Compute `(x - mean) / scale` in float64: (..., P) -> (..., P) float32; raises ValueError for the wrong P."""
    if x.ndim == 0 or x.shape[-1] != len(mean):
        raise ValueError(f"x must have {len(mean)} features in its last dimension, got shape {x.shape}")
    return np.ascontiguousarray((x - mean) / scale, np.float32)


def centre_of(y: NDArray[Any], weight: NDArray[Any] | None = None) -> tuple[float, float]:
    """Return the mean and the deviation of numbers (N,), by their weights (N,) if any; equal ones have the deviation 1."""
    mean = float(np.average(y, weights=weight))
    deviation = float(np.sqrt(np.average((y - mean) ** 2, weights=weight)))
    return mean, deviation if deviation > 1e-12 * abs(mean) and y.max() > y.min() else 1.0


def mean_and_scale(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a standardization: (rows, P) -> (P,) mean and (P,) population standard deviation, 1 for a constant column.

    The mean of a constant column is exactly that constant, so the column becomes 0 without rounding error.

    >>> mean_and_scale(np.array([[0.1, 1.0], [0.1, 3.0], [0.1, 2.0]]))[0].tolist()
    [0.1, 2.0]
    """
    constant = x.max(0) == x.min(0)
    mean = np.where(constant, x[0], x.mean(0))
    deviation = x.std(0)
    return mean, np.where(constant | (deviation == 0), 1.0, deviation)
