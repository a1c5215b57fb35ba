"""Functions shared by the tables from scikit-learn."""

from typing import Any

import numpy as np

from leafscope.core.datasets.registry import Rows

CC_BY = "CC BY 4.0"
"""The licence of the tables from UCI."""


def as_rows(table: Any, class_names: tuple[str, ...] = ()) -> Rows:
    """Convert the result of a `load_` function of scikit-learn to rows; `class_names` replace its own."""
    return Rows(
        np.array(table.data, np.float64),
        np.array(table.target, np.int64),
        tuple(str(feature) for feature in table.feature_names),
        class_names or tuple(str(label) for label in table.target_names),
    )
