"""Loading a data set from a configuration and a seed."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets.dataset import Dataset, Split, mean_and_scale, standardized
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.datasets.shapes import shape
from leafscope.core.datasets.splits import SplitSizes, split_rows
from leafscope.core.errors import DataError

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig

KEPT = 4
"""Data sets kept in memory; few, since the largest one allowed takes 2.4 GB."""


@lru_cache(maxsize=KEPT)
def load(config: "DataConfig", seed: int) -> Dataset:
    """Read or generate a data set, split it, and standardize it with the mean and deviation of the training rows.

    The same configuration and seed give the same arrays, shared and read-only. Raises DataError if the rows cannot be split
    as configured.
    """
    sizes = shape(config)  # raises before any rows are generated
    data_set = DATA_SETS[config.name]
    raw, labels, feature_names, class_names = data_set.rows(config.options, seed)
    if raw.shape != (sizes.n_rows, sizes.n_features) or labels.shape != (sizes.n_rows,):
        raise DataError(
            f"{config.name} must have {sizes.n_rows} rows and {sizes.n_features} features, as it declares, "
            f"got features of shape {raw.shape} and labels of shape {labels.shape}"
        )
    feature_names = feature_names or tuple(f"x{number + 1}" for number in range(sizes.n_features))
    class_names = class_names or tuple(str(number) for number in range(sizes.n_classes))
    rows = split_rows(labels, SplitSizes(sizes.n_train, sizes.n_validation, sizes.n_test), class_names, seed)
    mean, scale = mean_and_scale(raw[rows.train])

    def split(index: NDArray[np.int64]) -> Split:
        x = standardized(raw[index], mean, scale)
        return Split(_read_only(x), _read_only(labels[index]), _read_only(index))

    return Dataset(
        config=config,
        seed=seed,
        info=data_set,
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
