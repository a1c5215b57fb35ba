"""Data sets: their registry, and how their rows are generated or read, split and standardized.

`registry` defines and lists data sets; `variants` holds them, one in each file. Outside this folder, import the names in
`__all__` from here; those that need loaded rows are imported on first use. Of the core, this package imports `registry`,
`options`, `errors` and `lazy`; it must not import `core.config`, which reads the registry.
"""

from typing import TYPE_CHECKING

from leafscope.core.datasets.registry import DATA_SETS, DatasetSpec, Rows
from leafscope.core.lazy import lazily
from leafscope.core.options import Option

if TYPE_CHECKING:
    from leafscope.core.datasets.dataset import Dataset, Split
    from leafscope.core.datasets.loading import load
    from leafscope.core.datasets.shapes import DataShape, shape

__all__ = ["DATA_SETS", "DataShape", "Dataset", "DatasetSpec", "Option", "Rows", "Split", "load", "shape"]

_HOMES = {
    "DataShape": "datasets.shapes",
    "Dataset": "datasets.dataset",
    "Split": "datasets.dataset",
    "load": "datasets.loading",
    "shape": "datasets.shapes",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
