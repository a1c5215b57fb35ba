"""Loading a data set from a configuration and a seed."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets.dataset import Dataset, Split, SplitOf, mean_and_scale, standardized
from leafscope.core.datasets.kept import Kept
from leafscope.core.datasets.registry import DATA_SETS, data_words
from leafscope.core.datasets.shapes import shape
from leafscope.core.datasets.splits import SplitSizes, divide
from leafscope.core.errors import DataError

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig


@Kept
def load(config: "DataConfig", seed: int) -> Dataset:
    """Read or generate a data set, split it, and standardize it with the mean and deviation of the training rows.

    The same configuration and seed give the same arrays, shared and read-only. Raises DataError if the rows cannot be split
    as configured, or if a value is not a finite number or a class is not one of the data set's.
    """
    sizes = shape(config)  # raises before any rows are generated
    wanted = SplitSizes(sizes.n_train, sizes.n_validation, sizes.n_test)
    data_set, name = DATA_SETS[config.name], data_words(config.name)
    raw, labels, feature_names, class_names, given, group, fit = data_set.rows(config.options, seed)
    if fit is not None:  # features depend on the training rows, which depend on the classes alone
        rows = divide(_answers(labels, name, sizes.n_classes), wanted, class_names, seed, given, group)
        raw, feature_names = fit(rows.train)
    if raw.shape != (sizes.n_rows, sizes.n_features) or labels.shape != (sizes.n_rows,):
        raise DataError(
            f"{name} must have {sizes.n_rows} rows and {sizes.n_features} features, as it declares, "
            f"got features of shape {raw.shape} and labels of shape {labels.shape}"
        )
    feature_names = feature_names or tuple(f"x{number + 1}" for number in range(sizes.n_features))
    class_names = class_names or tuple(str(number) for number in range(sizes.n_classes))
    raw = _finite(raw, name, feature_names)
    labels = _answers(labels, name, sizes.n_classes)
    if fit is None:
        rows = divide(labels, wanted, class_names, seed)
    with np.errstate(over="ignore", invalid="ignore"):  # checked in `split`
        mean, scale = mean_and_scale(raw[rows.train])

    with np.errstate(over="ignore", invalid="ignore"):  # standardizing keeps the order, so the extremes tell of all rows
        extremes = standardized(np.stack([raw.min(0), raw.max(0)]), mean, scale)
    is_finite = bool(np.isfinite(scale).all() and np.isfinite(extremes).all())

    def split(index: NDArray[np.int64]) -> Split:
        if is_finite:
            return SplitOf(raw, mean, scale, _read_only(labels[index]), _read_only(index))
        with np.errstate(over="ignore", invalid="ignore"):
            x = standardized(raw[index], mean, scale)
        if not (np.isfinite(scale).all() and _all_finite(x)):
            place = np.isfinite(scale) & np.isfinite(x)
            row, column = np.argwhere(~place)[0]
            raise DataError(
                f"the rows of {name} must be comparable in size, but in column {feature_names[column]!r}, row "
                f"{index[row]} (counted from 0), there is {raw[index[row], column]:g}, too large to be standardized with the "
                f"mean {mean[column]:g} and the deviation {scale[column]:g} of the training rows"
            )
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


def _all_finite(values: NDArray[Any]) -> bool:
    return math.isfinite(values.min()) and math.isfinite(values.max())  # NaN spreads; no array of this size is made


def _finite(raw: NDArray[Any], name: str, feature_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the features as numbers; raises DataError that names the first value that is not a finite one."""
    try:
        raw = np.asarray(raw, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"every column of {name} must hold numbers: {error}") from None
    if not _all_finite(raw):
        bad = np.argwhere(~np.isfinite(raw))
        row, column = bad[0]
        others = f", the first of {len(bad):,} such values" if len(bad) > 1 else ""
        raise DataError(
            f"every value of {name} must be a finite number, but column {feature_names[column]!r} has {raw[row, column]} in "
            f"row {row} (counted from 0){others}; correct the data set or leave such rows out"
        )
    return raw


def _answers(labels: NDArray[Any], name: str, n_classes: int) -> NDArray[Any]:
    """Return classes as whole numbers, or numbers in double precision; raises DataError that names the first bad one."""
    if n_classes:
        return _classes(labels, name, n_classes)
    return _finite(labels[:, np.newaxis], name, ["target"])[:, 0]


def _classes(labels: NDArray[Any], name: str, n_classes: int) -> NDArray[np.int64]:
    """Return the classes as whole numbers; raises DataError that names the first one that is none of the data set's."""
    known = np.isin(labels, np.arange(n_classes))
    if not known.all():
        row = int(np.argmin(known))
        raise DataError(
            f"every class of {name} must be a whole number from 0 to {n_classes - 1}, but row {row} (counted from 0) has "
            f"{labels[row]}"
        )
    return labels.astype(np.int64, copy=False)


def _read_only(array: NDArray) -> NDArray:
    array.setflags(write=False)
    return array
