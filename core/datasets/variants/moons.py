"""Two interleaved half circles."""

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import Labels, Points, plane_shape
from leafscope.core.datasets.registry import DATA_SETS


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class on a half circle of radius 1: (N,) -> (N, 2); the second is rotated and moved to (1, 1/2)."""
    angle = np.pi * draw.random(len(labels))
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.where(labels[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)


DATA_SETS.register(
    plane_shape(
        name="moons",
        title="Two moons",
        description="Two interleaved half circles of radius 1, with Gaussian noise.",
        source="generated for each seed; the shape of scikit-learn's make_moons",
        points=points,
        noise=0.2,
        place=50,
    )
)
