"""A circle inside a circle."""

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import Labels, Points, plane_shape
from leafscope.core.datasets.registry import DATA_SETS

INNER_RADIUS = 0.5


def points(labels: Labels, draw: Generator) -> Points:
    """Put class 0 on the circle of radius 1 and class 1 on that of radius 1/2: (N,) -> (N, 2)."""
    angle = 2 * np.pi * draw.random(len(labels))
    radius = np.where(labels == 0, 1.0, INNER_RADIUS)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


DATA_SETS.register(
    plane_shape(
        name="circles",
        title="Two circles",
        description="A circle of radius 1/2 inside a circle of radius 1, with Gaussian noise.",
        source="generated for each seed; the shape of scikit-learn's make_circles with factor 0.5",
        points=points,
        noise=0.1,
        place=60,
    )
)
