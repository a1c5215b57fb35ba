"""How many rows, features and classes a data set will have, known before it is drawn or read."""

from dataclasses import dataclass

from leafscope.core.config import DataConfig
from leafscope.core.datasets.info import INFO
from leafscope.core.datasets.splits import split_sizes


@dataclass(frozen=True)
class DataShape:
    """The sizes of a data set and of its splits."""

    n_rows: int
    """All rows; more than the splits together when `n_train` is given."""
    n_train: int
    n_validation: int
    n_test: int
    n_features: int
    n_classes: int


def shape(config: DataConfig) -> DataShape:
    """Compute the sizes that `load` will give, from the configuration alone; raises DataError where sizes do not fit.

    >>> shape(DataConfig(name="digits", n_train=300))
    DataShape(n_rows=1797, n_train=300, n_validation=270, n_test=539, n_features=64, n_classes=10)
    """
    info = INFO[config.name]
    n_rows = config.n_samples or info.n_rows
    n_features = config.n_features or info.n_features
    n_classes = config.n_classes or info.n_classes
    sizes = split_sizes(config, n_rows, n_classes)
    return DataShape(n_rows, sizes.train, sizes.validation, sizes.test, n_features, n_classes)
