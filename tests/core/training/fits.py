"""Runs and rows for tests of what is fitted."""

from dataclasses import replace

import numpy as np

from leafscope.core.config import DataConfig, NetConfig, RunConfig
from leafscope.core.datasets import Dataset, Split, load

NOISY = DataConfig(name="tree_teacher", n_samples=400, n_train=160, n_features=4, n_classes=3, noise=0.2)
IRIS = DataConfig(name="iris")


def a_run(kind="decision_tree", depth=3, data=NOISY, **fields) -> RunConfig:
    return RunConfig(data=data, net=NetConfig(kind=kind, depth=depth), **fields)


def rows(x, y) -> Split:
    x = np.asarray(x, np.float32)
    return Split(x.reshape(len(y), -1), np.asarray(y, np.int64), np.arange(len(y)))


def tiny(x, y, n_classes: int) -> Dataset:
    """The same few rows in every split."""
    split = rows(x, y)
    names = tuple(str(label) for label in range(n_classes))
    features = tuple(f"x{number}" for number in range(split.x.shape[1]))
    return replace(load(IRIS, 0), train=split, validation=split, test=split, class_names=names, feature_names=features)
