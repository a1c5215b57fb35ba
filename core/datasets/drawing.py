"""What generators share: options, random streams, and the declaration of a shape in the plane.

N rows · C classes. In the plane, rows alternate between two classes of N/2 rows (class 0 has one more if N is odd), before
label noise. Points and noise come from different random streams of the seed. All shapes are this project's choice.
"""

from collections.abc import Callable
from operator import itemgetter

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from leafscope.core.datasets.registry import DatasetSpec, Options, Rows
from leafscope.core.options import Option

Points = NDArray[np.float64]
Labels = NDArray[np.int64]
Labeller = Callable[[Points], Labels]
"""A teacher: (N, P) points -> (N,) classes."""

NO_RIGHTS = "none needed: the rows are random numbers, drawn by this program"
"""The licence of generated data."""


def streams(seed: int) -> tuple[Generator, Generator]:
    """Make the two random streams of a seed: for the points and for the noise."""
    draw, noise = (np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(2))
    return draw, noise


def alternating(n_samples: int) -> Labels:
    """Alternate classes 0 and 1 over the rows: -> (N,)."""
    return np.arange(n_samples, dtype=np.int64) % 2


def drawn_anew(labels: Labels, n_classes: int, share: float, rng: Generator) -> Labels:
    """Replace each label, with probability `share`, by one drawn uniformly from all classes, its own included."""
    replaced = rng.random(len(labels)) < share
    return np.where(replaced, rng.integers(0, n_classes, len(labels)), labels)


def labelled(options: Options, seed: int, label: Labeller) -> Rows:
    """Draw Gaussian points and let a teacher label them, with label noise: `n_samples` rows."""
    draw, noise = streams(seed)
    points = draw.standard_normal((options["n_samples"], options["n_features"]))
    return Rows(points, drawn_anew(label(points), options["n_classes"], options["noise"], noise))


def without_end(options: Options, label: Labeller) -> Callable[[Generator, int], Rows]:
    """Return what draws any number of rows that a teacher labels, as `labelled` does, from one stream."""

    def draw(rng: Generator, n: int) -> Rows:
        points = rng.standard_normal((n, options["n_features"]))
        return Rows(points, drawn_anew(label(points), options["n_classes"], options["noise"], rng))

    return draw


def n_samples(default: int) -> Option:
    """Option for the number of rows, from 20 to 200,000."""
    return Option(
        name="n_samples",
        default=default,
        low=20,
        high=200_000,
        label="Rows to generate",
        meaning="All splits together.",
        words="rows drawn",
    )


N_FEATURES = Option(
    name="n_features", default=10, low=1, high=1000, label="Features", meaning="Gaussian features.", words="features"
)
N_CLASSES = Option(
    name="n_classes", default=2, low=2, high=100, label="Classes", meaning="Classes of the teacher.", words="classes"
)


def deviation(default: float) -> Option:
    """Option for the noise on the points: its standard deviation, from 0 to 10."""
    return Option(
        name="noise",
        default=default,
        low=0.0,
        high=10.0,
        label="Noise",
        meaning="Standard deviation of the noise added to the points.",
        is_open=True,
    )


def share_of_labels(default: float) -> Option:
    """Option for the noise on the labels: the share of labels that are drawn again, from 0 to 1."""
    return Option(
        name="noise",
        default=default,
        low=0.0,
        high=1.0,
        label="Noise",
        meaning="Share of the labels that are replaced by random ones.",
        what="a share of labels",
        is_open=True,
    )


def plane_shape(
    *,
    name: str,
    title: str,
    description: str,
    source: str,
    points: Callable[[Labels, Generator], Points],
    noise: float,
    place: int = 1000,
) -> DatasetSpec:
    """Declare two classes in the plane, 1000 rows by default, with Gaussian noise on the points.

    `points`: (N,) classes -> (N, 2) without noise; `noise`: the default standard deviation.
    """

    def rows(options: Options, seed: int) -> Rows:
        draw, noise = streams(seed)
        labels = alternating(options["n_samples"])
        clean = points(labels, draw)
        return Rows(clean + options["noise"] * noise.standard_normal(clean.shape), labels)

    return DatasetSpec(
        name=name,
        title=title,
        description=description,
        source=source,
        licence=NO_RIGHTS,
        rows=rows,
        n_rows=itemgetter("n_samples"),
        n_features=2,
        n_classes=2,
        is_generator=True,
        options=(n_samples(1000), deviation(noise)),
        is_plane=True,
        place=place,
    )


def taught(
    *,
    name: str,
    title: str,
    description: str,
    label: Callable[[Options, int], Labeller],
    option: Option,
    n_held: Callable[[Options], int],
    place: int = 1000,
) -> DatasetSpec:
    """Declare Gaussian features, 4,000 rows by default, that a teacher labels, with label noise; rows can be drawn without end.

    `label`: options and seed -> the teacher; `option`: its own option; `n_held`: its numbers held in memory.
    """
    return DatasetSpec(
        name=name,
        title=title,
        description=description,
        source="generated for each seed, teacher and rows",
        licence=NO_RIGHTS,
        rows=lambda options, seed: labelled(options, seed, label(options, seed)),
        fresh=lambda options, seed: without_end(options, label(options, seed)),
        n_rows=itemgetter("n_samples"),
        n_features=itemgetter("n_features"),
        n_classes=itemgetter("n_classes"),
        is_generator=True,
        options=(n_samples(4000), share_of_labels(0.05), N_FEATURES, N_CLASSES, option),
        n_held=n_held,
        place=place,
    )
