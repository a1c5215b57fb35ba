"""Numbers of rows, features and classes of a data set, computed without loading it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.datasets.splits import split_sizes

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig


@dataclass(frozen=True)
class DataShape:
    """The sizes of a data set and of its splits."""

    n_rows: int
    """All rows; may be more than in all splits if `n_train` is given."""
    n_train: int
    n_validation: int
    n_test: int
    n_features: int
    n_classes: int
    """0 where numbers are predicted."""

    @property
    def n_outputs(self) -> int:
        """The outputs of a net: one for each class, or one number."""
        return max(1, self.n_classes)


def shape(config: "DataConfig") -> DataShape:
    """Compute the sizes of a loaded data set from the configuration alone; raises DataError for splits that do not fit.

    >>> from leafscope.core.config import DataConfig
    >>> shape(DataConfig(name="digits", n_train=300))
    DataShape(n_rows=1797, n_train=300, n_validation=270, n_test=539, n_features=64, n_classes=10)
    """
    spec = DATA_SETS[config.name]
    n_rows, n_features, n_classes = spec.sizes(config.options)
    sizes = split_sizes(config, n_rows, n_classes, spec.given, spec.largest_group)
    return DataShape(n_rows, sizes.train, sizes.validation, sizes.test, n_features, n_classes)
