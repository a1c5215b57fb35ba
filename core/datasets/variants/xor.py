"""Four quadrants; opposite quadrants have the same class."""

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import Labels, Points, plane_shape
from leafscope.core.datasets.registry import DATA_SETS


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class uniformly on two opposite quadrants of [-1, 1]^2: (N,) -> (N, 2); class 0 where the signs agree."""
    points = draw.uniform(-1, 1, (len(labels), 2))
    wrong = (points[:, 0] * points[:, 1] < 0) != (labels == 1)
    points[:, 1] = np.where(wrong, -points[:, 1], points[:, 1])
    return points


DATA_SETS.register(
    plane_shape(
        name="xor",
        title="Exclusive or",
        description="Four quadrants, opposite quadrants have the same class; Gaussian noise is added to the labelled points.",
        source="generated for each seed",
        points=points,
        noise=0.1,
        place=90,
    )
)
