"""Tables that come with scikit-learn."""

import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = {"wine": ("cultivar 1", "cultivar 2", "cultivar 3")}
"""Names that scikit-learn does not give; the others are its own."""


def read(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...], tuple[str, ...]]:
    """Read a table: name -> (rows, P) features, (rows,) classes, the names of the features and of the classes.

    Raises AttributeError for a name that is not in `core.config.TABLES`.
    """
    from sklearn import datasets  # here, so that shapes and descriptions do not wait for scikit-learn

    table = getattr(datasets, f"load_{name}")()
    class_names = CLASS_NAMES.get(name) or tuple(str(label) for label in table.target_names)
    features = tuple(str(feature) for feature in table.feature_names)
    return np.array(table.data, np.float64), np.array(table.target, np.int64), features, class_names
