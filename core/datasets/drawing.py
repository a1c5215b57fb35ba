"""Functions shared by the generators.

N rows · C classes. In the plane, rows alternate between two classes of N/2 rows (class 0 has one more if N is odd), before
label noise. Points and noise come from different random streams of the seed. All shapes are this project's choice.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from leafscope.core.datasets.registry import Options, Rows

Points = NDArray[np.float64]
Labels = NDArray[np.int64]

NO_RIGHTS = "none needed: the rows are random numbers, drawn by this program"
"""The licence of generated data."""


def streams(seed: int) -> tuple[Generator, Generator]:
    """Make the two random streams of a seed: for the points and for the noise."""
    draw, noise = (np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(2))
    return draw, noise


def alternating(n_samples: int) -> Labels:
    """Alternate classes 0 and 1 over the rows: -> (N,)."""
    return np.arange(n_samples, dtype=np.int64) % 2


def with_deviation(points: Callable[[Labels, Generator], Points]) -> Callable[[Options, int], Rows]:
    """Turn a shape, (N,) classes -> (N, 2) points, into a function that returns rows with Gaussian noise on the points."""

    def rows(options: Options, seed: int) -> Rows:
        draw, noise = streams(seed)
        labels = alternating(options["n_samples"])
        clean = points(labels, draw)
        return Rows(clean + options["noise"] * noise.standard_normal(clean.shape), labels)

    return rows


def drawn_anew(labels: Labels, n_classes: int, share: float, rng: Generator) -> Labels:
    """Replace each label, with probability `share`, by one drawn uniformly from all classes, its own included."""
    replaced = rng.random(len(labels)) < share
    return np.where(replaced, rng.integers(0, n_classes, len(labels)), labels)
