"""Two interleaved spiral arms."""

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import Labels, Points, plane_shape
from leafscope.core.datasets.registry import DATA_SETS

TURNS = 1.5


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class on an arm whose radius grows with the angle from 0.1 to 1: (N,) -> (N, 2); the second is rotated by pi.

    The square of the radius is uniform, so the density of points along the arm is about constant.
    """
    radius = np.sqrt(draw.uniform(0.01, 1, len(labels)))
    angle = 2 * np.pi * TURNS * radius + np.pi * labels
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


DATA_SETS.register(
    plane_shape(
        name="spirals",
        title="Two spirals",
        description="Two interleaved spiral arms of one and a half turns, out to radius 1, with Gaussian noise.",
        source="generated for each seed; after the two-spirals benchmark (Lang and Witbrock 1988)",
        points=points,
        noise=0.05,
        place=70,
    )
)
