"""Gaussian features that a random tree net labels.

N rows · P features · C classes · K sign bits of the teacher.
"""

import numpy as np

from leafscope.core.datasets.drawing import Labeller, Labels, Points, taught
from leafscope.core.datasets.registry import DATA_SETS, Options
from leafscope.core.options import Option


def label(options: Options, seed: int) -> Labeller:
    """Draw the teacher of a seed: points (N, P) -> classes (N,)."""
    drawn = teacher(options, seed)
    return lambda points: teacher_labels(points, *drawn)


def teacher(options: Options, seed: int) -> tuple[Points, Points]:
    """Draw the teacher: -> (P, K) hyperplanes and (2^K, P, C) linear classifiers, Gaussian.

    It depends on the seed, P, K and C, but not on the number of rows or the noise.
    """
    n_features, depth = options["n_features"], options["teacher_depth"]
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2])
    hyperplanes = rng.standard_normal((n_features, depth))
    classifiers = rng.standard_normal((1 << depth, n_features, options["n_classes"]))
    return hyperplanes, classifiers


def teacher_labels(points: Points, hyperplanes: Points, classifiers: Points) -> Labels:
    """Label each row by the classifier that its sign pattern chooses: (N, P), (P, K), (2^K, P, C) -> (N,) argmax."""
    bits = points @ hyperplanes > 0
    leaf = bits @ (1 << np.arange(hyperplanes.shape[1])[::-1])
    labels = np.empty(len(points), np.int64)
    for pattern in np.unique(leaf):
        chosen = leaf == pattern
        labels[chosen] = (points[chosen] @ classifiers[pattern]).argmax(1)
    return labels


def n_weights(options: Options) -> int:
    """Count the weights of the classifiers, the larger part of the teacher."""
    return int(options["n_features"] * options["n_classes"]) << options["teacher_depth"]


TEACHER_DEPTH = Option(
    name="teacher_depth",
    default=3,
    low=0,
    high=12,
    label="Teacher's depth",
    meaning="Sign bits of the teacher, which has 2^depth linear classifiers.",
)

DATA_SETS.register(
    taught(
        name="tree_teacher",
        title="Tree teacher",
        description="Gaussian features labelled by a random tree net: the signs of random projections choose a linear "
        "classifier; noise is the share of labels replaced by random ones.",
        label=label,
        option=TEACHER_DEPTH,
        n_held=n_weights,
        place=100,
    )
)
