"""Two interleaved half circles."""

from operator import itemgetter

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import NO_RIGHTS, Labels, Points, with_deviation
from leafscope.core.datasets.options import deviation, n_samples
from leafscope.core.datasets.registry import DATA_SETS, DataSet


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class on a half circle of radius 1: (N,) -> (N, 2); the second is rotated and moved to (1, 1/2)."""
    angle = np.pi * draw.random(len(labels))
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.where(labels[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)


DATA_SETS.register(
    DataSet(
        name="moons",
        title="Two moons",
        description="Two interleaved half circles of radius 1, with Gaussian noise.",
        source="generated for each seed; the shape of scikit-learn's make_moons",
        licence=NO_RIGHTS,
        rows=with_deviation(points),
        n_rows=itemgetter("n_samples"),
        n_features=2,
        n_classes=2,
        is_generator=True,
        options=(n_samples(1000), deviation(0.2)),
        is_plane=True,
        place=50,
    )
)
