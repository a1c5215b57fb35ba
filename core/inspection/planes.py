"""Planes through the features on which a net is drawn: both features, two columns, or two principal components.

P features · G = side * side grid points. A point u, v of a plane has the raw features origin + u * across + v * up.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets import Dataset
from leafscope.core.inspection.components import components
from leafscope.core.inspection.snapshots import MARGIN, plane

Section: TypeAlias = tuple[int, int] | Literal["components"]
"""Two different columns, whose plane goes through the medians of the others; or the first two principal components of the
standardized training rows, whose plane goes through their mean."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A part of a plane through the raw features."""

    section: Section
    names: tuple[str, str]
    """Of both axes."""
    low: NDArray[np.float64]
    """(2,)."""
    high: NDArray[np.float64]
    """(2,)."""
    origin: NDArray[np.float64]
    """(P,)."""
    along: NDArray[np.float64]
    """(2, P): across and up."""
    rows: NDArray[np.float64]
    """(n_train, 2): where the training rows fall on it."""

    @property
    def is_whole(self) -> bool:
        """Whether there are no other features."""
        return len(self.origin) == 2

    def grid(self, side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the places on both axes, (2, side), ends included, and the raw features of the points, (G, P).

        The first axis varies fastest.
        """
        places = np.linspace(self.low, self.high, side, axis=1)
        u, v = (values.reshape(-1, 1) for values in np.meshgrid(*places))
        return places, self.origin + u * self.along[0] + v * self.along[1]


def plane_of(data: Dataset, section: Section = (0, 1)) -> Plane:
    """Give the plane of a section, large enough for all training rows; of two features it is that of the scene.

    Raises ValueError for fewer than two features, for columns that are not two different ones, and where there are no
    components.
    """
    n = data.n_features
    if n < 2:
        raise ValueError(f"a plane needs at least two features, got {n}")
    raw = data.raw[data.train.index]
    if section == "components":
        found = components(data.train.x)
        if found is None:
            raise ValueError("these training rows have no principal components")
        rows, origin, along = ((raw - data.mean) / data.scale) @ found.axes.T, data.mean, found.axes * data.scale
        names = ("principal component 1", "principal component 2")
    else:
        first, second = section
        if first == second or not all(0 <= one < n for one in section):
            raise ValueError(f"a plane needs two different columns from 0 to {n - 1}, got {first} and {second}")
        rows, along, origin = raw[:, [first, second]], np.zeros((2, n)), np.median(raw, 0)
        along[[0, 1], [first, second]] = 1
        origin[[first, second]] = 0
        names = (data.feature_names[first], data.feature_names[second])
    if n == 2 and section == (0, 1):
        low, high = plane(data)
    else:
        low, high = rows.min(0), rows.max(0)
        margin = np.where(high > low, MARGIN * (high - low), 1.0)
        low, high = low - margin, high + margin
    return Plane(section, names, low, high, np.asarray(origin, np.float64), along, np.asarray(rows, np.float64))
