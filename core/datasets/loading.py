"""From a configuration and a seed to a data set, split and standardized."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leafscope.core.config import GENERATORS, DataConfig
from leafscope.core.datasets.dataset import Dataset, Split, mean_and_scale, standardized
from leafscope.core.datasets.generators import generate
from leafscope.core.datasets.info import INFO
from leafscope.core.datasets.shapes import shape
from leafscope.core.datasets.splits import SplitSizes, split_rows
from leafscope.core.datasets.tables import read

KEPT = 4
"""Data sets kept in memory; few, since the largest that can be asked for takes 2.4 GB."""


@lru_cache(maxsize=KEPT)
def load(config: DataConfig, seed: int) -> Dataset:
    """Read or draw a data set, split it and standardize it with the training rows' mean and deviation.

    The same configuration and seed give the same arrays, shared and read-only. Raises DataError when the rows cannot be
    split as asked.
    """
    sizes = shape(config)  # before anything is drawn
    if config.name in GENERATORS:
        raw, labels = generate(config, seed)
        feature_names = tuple(f"x{number + 1}" for number in range(sizes.n_features))
        class_names = tuple(str(number) for number in range(sizes.n_classes))
    else:
        raw, labels, feature_names, class_names = read(config.name)
    rows = split_rows(labels, SplitSizes(sizes.n_train, sizes.n_validation, sizes.n_test), class_names, seed)
    mean, scale = mean_and_scale(raw[rows.train])

    def split(index: NDArray[np.int64]) -> Split:
        x = standardized(raw[index], mean, scale)
        return Split(_read_only(x), _read_only(labels[index]), _read_only(index))

    return Dataset(
        config=config,
        seed=seed,
        info=INFO[config.name],
        raw=_read_only(raw),
        labels=_read_only(labels),
        feature_names=feature_names,
        class_names=class_names,
        mean=_read_only(mean),
        scale=_read_only(scale),
        train=split(rows.train),
        validation=split(rows.validation),
        test=split(rows.test),
    )


def _read_only(array: NDArray) -> NDArray:
    array.setflags(write=False)
    return array
