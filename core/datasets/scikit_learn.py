"""What the tables that come with scikit-learn share."""

from typing import Any

import numpy as np

from leafscope.core.datasets.registry import Rows

CC_BY = "CC BY 4.0"
"""The licence of the tables from UCI."""


def as_rows(table: Any, class_names: tuple[str, ...] = ()) -> Rows:
    """Take the rows and names from what a `load_` function of scikit-learn gives; `class_names`: instead of its own."""
    return Rows(
        np.array(table.data, np.float64),
        np.array(table.target, np.int64),
        tuple(str(feature) for feature in table.feature_names),
        class_names or tuple(str(label) for label in table.target_names),
    )
