"""A circle inside a circle."""

from operator import itemgetter

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import NO_RIGHTS, Labels, Points, with_deviation
from leafscope.core.datasets.options import deviation, n_samples
from leafscope.core.datasets.registry import DATA_SETS, DataSet

INNER_RADIUS = 0.5


def points(labels: Labels, draw: Generator) -> Points:
    """Put class 0 on the circle of radius 1 and class 1 on that of radius 1/2: (N,) -> (N, 2)."""
    angle = 2 * np.pi * draw.random(len(labels))
    radius = np.where(labels == 0, 1.0, INNER_RADIUS)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


DATA_SETS.register(
    DataSet(
        name="circles",
        title="Two circles",
        description="A circle of radius 1/2 inside a circle of radius 1, with Gaussian noise.",
        source="generated for each seed; the shape of scikit-learn's make_circles with factor 0.5",
        licence=NO_RIGHTS,
        rows=with_deviation(points),
        n_rows=itemgetter("n_samples"),
        n_features=2,
        n_classes=2,
        is_generator=True,
        options=(n_samples(1000), deviation(0.1)),
        is_plane=True,
        place=60,
    )
)
