"""The data sets: what they are, how they are drawn or read, split and standardized."""

from leafscope.core.config import DATA_NAMES
from leafscope.core.datasets.dataset import Dataset, Split
from leafscope.core.datasets.info import INFO, DatasetInfo
from leafscope.core.datasets.loading import load
from leafscope.core.datasets.shapes import DataShape, shape

__all__ = ["DATA_NAMES", "INFO", "DataShape", "Dataset", "DatasetInfo", "Split", "load", "shape"]
