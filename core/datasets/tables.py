"""The tables that the package brings along, in `data/tables`: one column for each feature, and the class in the last."""

import csv
from functools import lru_cache
from importlib.resources import files

import numpy as np

from leafscope.core.datasets.registry import Rows

CC_BY = "CC BY 4.0"
"""The licence of the tables from UCI."""


@lru_cache
def read_table(name: str, class_names: tuple[str, ...]) -> Rows:
    """Read a table, once, by its file's name; class i is the i-th of `class_names`. Raises ValueError for another class."""
    text = (files("leafscope.data") / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    header, *lines = csv.reader(text.splitlines())
    number = {word: index for index, word in enumerate(class_names)}
    if unknown := {line[-1] for line in lines} - set(number):
        raise ValueError(f"a class of {name} must be one of {', '.join(class_names)}, got {min(unknown)}")
    x = np.array([line[:-1] for line in lines]).astype(np.float64)
    return Rows(x, np.array([number[line[-1]] for line in lines]), tuple(header[:-1]), class_names)
