"""Four quadrants; opposite quadrants have the same class."""

from operator import itemgetter

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import NO_RIGHTS, Labels, Points, with_deviation
from leafscope.core.datasets.options import deviation, n_samples
from leafscope.core.datasets.registry import DATA_SETS, DataSet


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class uniformly on two opposite quadrants of [-1, 1]^2: (N,) -> (N, 2); class 0 where the signs agree."""
    points = draw.uniform(-1, 1, (len(labels), 2))
    wrong = (points[:, 0] * points[:, 1] < 0) != (labels == 1)
    points[:, 1] = np.where(wrong, -points[:, 1], points[:, 1])
    return points


DATA_SETS.register(
    DataSet(
        name="xor",
        title="Exclusive or",
        description="Four quadrants, opposite quadrants have the same class; Gaussian noise is added to the labelled points.",
        source="generated for each seed",
        licence=NO_RIGHTS,
        rows=with_deviation(points),
        n_rows=itemgetter("n_samples"),
        n_features=2,
        n_classes=2,
        is_generator=True,
        options=(n_samples(1000), deviation(0.1)),
        is_plane=True,
        place=90,
    )
)
