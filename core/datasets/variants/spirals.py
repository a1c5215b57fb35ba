"""Two interleaved spiral arms."""

from operator import itemgetter

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import NO_RIGHTS, Labels, Points, with_deviation
from leafscope.core.datasets.options import deviation, n_samples
from leafscope.core.datasets.registry import DATA_SETS, DataSet

TURNS = 1.5


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class on an arm whose radius grows with the angle from 0.1 to 1: (N,) -> (N, 2); the second is rotated by pi.

    The square of the radius is uniform, so the density of points along the arm is about constant.
    """
    radius = np.sqrt(draw.uniform(0.01, 1, len(labels)))
    angle = 2 * np.pi * TURNS * radius + np.pi * labels
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


DATA_SETS.register(
    DataSet(
        name="spirals",
        title="Two spirals",
        description="Two interleaved spiral arms of one and a half turns, out to radius 1, with Gaussian noise.",
        source="generated for each seed; after the two-spirals benchmark (Lang and Witbrock 1988)",
        licence=NO_RIGHTS,
        rows=with_deviation(points),
        n_rows=itemgetter("n_samples"),
        n_features=2,
        n_classes=2,
        is_generator=True,
        options=(n_samples(1000), deviation(0.05)),
        is_plane=True,
        place=70,
    )
)
