"""Data sets drawn anew for each seed.

N rows · P features · C classes · K sign bits of the teacher. In the plane the two classes have N/2 rows each (class 0
one more when N is odd) before labels are drawn anew, and rows alternate between them. A point and the noise on it come
from different streams of the seed. All shapes are this project's choice.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from leafscope.core.config import DataConfig

Points = NDArray[np.float64]
Labels = NDArray[np.int64]

SPIRAL_TURNS = 1.5
INNER_RADIUS = 0.5
BOARD = 4


def generate(config: DataConfig, seed: int) -> tuple[Points, Labels]:
    """Draw a data set: -> (N, P) points and (N,) classes from 0 to C - 1; raises KeyError for a table's name."""
    draw, noise = (np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(2))
    if config.name == "tree_teacher":
        return _tree_teacher(config, seed, draw, noise)
    labels = np.arange(config.n_samples, dtype=np.int64) % 2
    points = _PLANE[config.name](labels, draw)
    if config.name == "checkerboard":
        return points, _drawn_anew(labels, 2, config.noise, noise)
    return points + config.noise * noise.standard_normal(points.shape), labels


def moons(labels: Labels, draw: Generator) -> Points:
    """Put each class on a half circle of radius 1: (N,) -> (N, 2); the second is turned and moved to (1, 1/2)."""
    angle = np.pi * draw.random(len(labels))
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.where(labels[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)


def circles(labels: Labels, draw: Generator) -> Points:
    """Put class 0 on the circle of radius 1 and class 1 on that of radius 1/2: (N,) -> (N, 2)."""
    angle = 2 * np.pi * draw.random(len(labels))
    radius = np.where(labels == 0, 1.0, INNER_RADIUS)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def spirals(labels: Labels, draw: Generator) -> Points:
    """Put each class on an arm whose radius grows with the angle from 0.1 to 1: (N,) -> (N, 2); the second is turned by pi.

    The square of the radius is uniform, so that points lie about equally dense along the arm.
    """
    radius = np.sqrt(draw.uniform(0.01, 1, len(labels)))
    angle = 2 * np.pi * SPIRAL_TURNS * radius + np.pi * labels
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def checkerboard(labels: Labels, draw: Generator) -> Points:
    """Put each class uniformly on the squares of its colour on [-1, 1]^2, 4 x 4 squares: (N,) -> (N, 2)."""
    column = draw.integers(0, BOARD, len(labels))
    row = 2 * draw.integers(0, BOARD // 2, len(labels)) + (column + labels) % 2
    square = np.stack([column, row], 1)
    return (square + draw.random(square.shape)) * (2 / BOARD) - 1


def xor(labels: Labels, draw: Generator) -> Points:
    """Put each class uniformly on two opposite quadrants of [-1, 1]^2: (N,) -> (N, 2); class 0 where the signs agree."""
    points = draw.uniform(-1, 1, (len(labels), 2))
    wrong = (points[:, 0] * points[:, 1] < 0) != (labels == 1)
    points[:, 1] = np.where(wrong, -points[:, 1], points[:, 1])
    return points


_PLANE: dict[str, Callable[[Labels, Generator], Points]] = {
    "moons": moons,
    "circles": circles,
    "spirals": spirals,
    "checkerboard": checkerboard,
    "xor": xor,
}


def _tree_teacher(config: DataConfig, seed: int, draw: Generator, noise: Generator) -> tuple[Points, Labels]:
    hyperplanes, classifiers = teacher(config, seed)
    points = draw.standard_normal((config.n_samples, config.n_features))
    labels = teacher_labels(points, hyperplanes, classifiers)
    return points, _drawn_anew(labels, config.n_classes, config.noise, noise)


def teacher(config: DataConfig, seed: int) -> tuple[Points, Points]:
    """Draw the teacher of a tree_teacher data set: -> (P, K) hyperplanes and (2^K, P, C) linear classifiers, Gaussian.

    It depends on the seed and on P, K and C, but neither on the number of rows nor on the noise.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2])
    hyperplanes = rng.standard_normal((config.n_features, config.teacher_depth))
    classifiers = rng.standard_normal((1 << config.teacher_depth, config.n_features, config.n_classes))
    return hyperplanes, classifiers


def teacher_labels(points: Points, hyperplanes: Points, classifiers: Points) -> Labels:
    """Let each row's sign pattern choose the classifier that scores it: (N, P), (P, K), (2^K, P, C) -> (N,) argmax."""
    bits = points @ hyperplanes > 0
    leaf = bits @ (1 << np.arange(hyperplanes.shape[1])[::-1])
    labels = np.empty(len(points), np.int64)
    for pattern in np.unique(leaf):
        rows = leaf == pattern
        labels[rows] = (points[rows] @ classifiers[pattern]).argmax(1)
    return labels


def _drawn_anew(labels: Labels, n_classes: int, share: float, rng: Generator) -> Labels:
    """Replace each label with probability `share` by one drawn uniformly from all classes, its own included."""
    replaced = rng.random(len(labels)) < share
    return np.where(replaced, rng.integers(0, n_classes, len(labels)), labels)
