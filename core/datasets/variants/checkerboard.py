"""The squares of a board in two colours."""

from operator import itemgetter

import numpy as np
from numpy.random import Generator

from leafscope.core.datasets.drawing import (
    NO_RIGHTS,
    Labels,
    Points,
    alternating,
    drawn_anew,
    n_samples,
    share_of_labels,
    streams,
)
from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Options, Rows

SIDE = 4
"""Squares along each side of the board."""


def points(labels: Labels, draw: Generator) -> Points:
    """Put each class uniformly on the squares of its colour on [-1, 1]^2, 4 x 4 squares: (N,) -> (N, 2)."""
    column = draw.integers(0, SIDE, len(labels))
    row = 2 * draw.integers(0, SIDE // 2, len(labels)) + (column + labels) % 2
    square = np.stack([column, row], 1)
    return (square + draw.random(square.shape)) * (2 / SIDE) - 1


def rows(options: Options, seed: int) -> Rows:
    draw, noise = streams(seed)
    labels = alternating(options["n_samples"])
    return Rows(points(labels, draw), drawn_anew(labels, 2, options["noise"], noise))


DATA_SETS.register(
    DatasetSpec(
        name="checkerboard",
        title="Checkerboard",
        description="The squares of a 4 x 4 board in two colours; noise is the share of labels replaced by random ones.",
        source="generated for each seed",
        licence=NO_RIGHTS,
        rows=rows,
        n_rows=itemgetter("n_samples"),
        n_features=2,
        n_classes=2,
        is_generator=True,
        options=(n_samples(2000), share_of_labels(0.0)),
        is_plane=True,
        place=80,
    )
)
