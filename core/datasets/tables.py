"""The tables that the package brings along, in `data/tables`: one column for each feature, and the class in the last."""

import gzip
from functools import lru_cache
from importlib.resources import files

import numpy as np

from leafscope.core.datasets.registry import Rows

CC_BY = "CC BY 4.0"
"""The licence of the tables from UCI."""


@lru_cache
def read_table(name: str, class_names: tuple[str, ...]) -> Rows:
    """Read a table, once, by its file's name; class i is the i-th of `class_names`. Raises ValueError for another class.

    The file is `name.csv`, or `name.csv.gz` if it is compressed. No cell holds a comma.
    """
    folder = files("leafscope.data") / "tables"
    file = folder / f"{name}.csv"
    data = file.read_bytes() if file.is_file() else gzip.decompress((folder / f"{name}.csv.gz").read_bytes())
    header, *lines = data.decode("utf-8").splitlines()
    cells = [line.rpartition(",") for line in lines]
    words = [word for _, _, word in cells]
    number = {word: index for index, word in enumerate(class_names)}
    if unknown := set(words) - set(number):
        raise ValueError(f"a class of {name} must be one of {', '.join(class_names)}, got {min(unknown)}")
    x = np.loadtxt([features for features, _, _ in cells], np.float64, delimiter=",", ndmin=2)
    return Rows(x, np.array([number[word] for word in words]), tuple(header.split(",")[:-1]), class_names)
