"""The data sets: what they are, how they are drawn or read, split and standardized.

`registry` says what a data set is and knows all of them; the data sets themselves are in `variants`, one a file. Outside
this folder, import the names in `__all__` from here; those about loaded rows are imported when they are first asked for. It
imports `registry`, `errors` and `lazy` of the core; `core.config` reads the registry, so nothing here imports it.
"""

from typing import TYPE_CHECKING

from leafscope.core.datasets.registry import DATA_SETS, DataSet, Option, Rows
from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.datasets.dataset import Dataset, Split
    from leafscope.core.datasets.loading import load
    from leafscope.core.datasets.shapes import DataShape, shape

__all__ = ["DATA_SETS", "DataSet", "DataShape", "Dataset", "Option", "Rows", "Split", "load", "shape"]

_HOMES = {
    "DataShape": "datasets.shapes",
    "Dataset": "datasets.dataset",
    "Split": "datasets.dataset",
    "load": "datasets.loading",
    "shape": "datasets.shapes",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
