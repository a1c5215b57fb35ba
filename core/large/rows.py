"""Fresh rows of a teacher, block by block: training rows, and fixed rows for validation and test.

N rows · P features. Every split and every block has its own stream of random numbers, so that a block is the same whatever was
drawn before it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator, SeedSequence
from torch import Tensor

from leafscope.core.config import DataConfig
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.large.protocol import LargeMap

_TRAINING, _VALIDATION, _TEST, _ORDER = range(4)

PARTS = 10
"""Parts of a training, after each of which the nets are validated."""

_STREAM = 1_406_7362
"""Keeps these streams apart from those of the data sets."""


class Labelled(NamedTuple):
    """Rows and their classes."""

    x: Tensor
    """(N, P) float32."""
    y: Tensor
    """(N,) int64."""


class Part(NamedTuple):
    """A part of a training: rows, and the order in which they are seen."""

    rows: Labelled
    order: "np.ndarray"
    """(R,) int64: places in `rows`."""


class FreshRows:
    """The rows of one teacher and seed. Features are standard normal, so that they need no scaling."""

    def __init__(self, teacher: DataConfig, seed: int) -> None:
        spec = DATA_SETS[teacher.name]
        assert spec.fresh is not None
        known = teacher.model_dump()
        options = {name: default if known.get(name) is None else known[name] for name, default in spec.defaults.items()}
        sizes = spec.sizes(options)
        self.n_features, self.n_classes = sizes.n_features, sizes.n_classes
        self._draw, self._seed = spec.fresh(options, seed), seed

    def validation(self, n: int) -> Labelled:
        """Draw the rows that choose."""
        return self._rows(_VALIDATION, 0, n)

    def test(self, n: int) -> Labelled:
        """Draw the rows that are reported."""
        return self._rows(_TEST, 0, n)

    def parts(self, n: int, protocol: LargeMap) -> Iterator[Part]:
        """Draw the training rows in `PARTS` parts: n rows several times in random order, or new rows in each part."""
        epochs = protocol.epochs(n)
        if epochs > 1:
            rows = self._rows(_TRAINING, 0, n)
            rng = self._rng(_ORDER, 0)
            order = np.concatenate([rng.permutation(n) for _ in range(epochs)])
            for places in np.array_split(order, PARTS):
                yield Part(rows, places)
            return
        for number, size in enumerate(part_sizes(n)):
            yield Part(self._rows(_TRAINING, number, size), np.arange(size))

    def _rows(self, split: int, block: int, n: int) -> Labelled:
        drawn = self._draw(self._rng(split, block), n)
        return Labelled(torch.from_numpy(drawn.x.astype(np.float32)), torch.from_numpy(drawn.y))

    def _rng(self, split: int, block: int) -> Generator:
        return np.random.default_rng(SeedSequence((self._seed, _STREAM, split, block)))


def part_sizes(n: int) -> list[int]:
    """Split n rows into parts, as equal as possible.

    >>> part_sizes(23)
    [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]
    """
    return [n // PARTS + (place < n % PARTS) for place in range(PARTS)]
