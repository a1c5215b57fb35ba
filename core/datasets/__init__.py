"""The data sets: what they are, how they are drawn or read, split and standardized."""

from core.config import DATA_NAMES
from core.datasets.dataset import Dataset, Split
from core.datasets.info import INFO, DatasetInfo
from core.datasets.loading import load
from core.datasets.shapes import DataShape, shape

__all__ = ["DATA_NAMES", "INFO", "DataShape", "Dataset", "DatasetInfo", "Split", "load", "shape"]
