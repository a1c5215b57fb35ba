"""Gaussian features that a random net with one hidden layer labels: a teacher that is no tree.

N rows · P features · C classes · H hidden units of the teacher.
"""

import numpy as np

from leafscope.core.datasets.drawing import Labeller, Points, taught
from leafscope.core.datasets.registry import DATA_SETS, Options
from leafscope.core.options import Option


def label(options: Options, seed: int) -> Labeller:
    """Draw the teacher of a seed: points (N, P) -> classes (N,)."""
    hidden, shift, head = teacher(options, seed)
    return lambda points: (np.maximum(points @ hidden + shift, 0.0) @ head).argmax(1)


def teacher(options: Options, seed: int) -> tuple[Points, Points, Points]:
    """Draw the teacher: -> (P, H) and (H,) of a hidden layer of rectified linear units, (H, C) of the classifier, Gaussian.

    It depends on the seed, P, H and C, but not on the number of rows or the noise. The rows of the classifier have mean 0 over
    units, or else one class would have most of the points.
    """
    n_features, units = options["n_features"], options["teacher_units"]
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2])
    hidden, shift = rng.standard_normal((n_features, units)), rng.standard_normal((1, units))[0]
    head = rng.standard_normal((units, options["n_classes"]))
    return hidden, shift, head - head.mean(0)


DATA_SETS.register(
    taught(
        name="net_teacher",
        title="Net teacher",
        description="Gaussian features labelled by a random net with one hidden layer, so that no tree is hidden in the data; "
        "noise is the share of labels replaced by random ones.",
        label=label,
        option=Option(
            name="teacher_units",
            default=32,
            low=2,
            high=1024,
            label="Teacher's units",
            meaning="Hidden units of the teacher.",
        ),
        n_held=lambda options: options["teacher_units"] * (options["n_features"] + options["n_classes"] + 1),
        place=110,
    )
)
