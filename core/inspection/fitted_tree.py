"""The nodes of a fitted decision tree, for what draws it.

C classes.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leafscope.core.config import RunConfig
from leafscope.core.datasets import load
from leafscope.core.models import MODELS
from leafscope.core.training.fitting import fit


@dataclass(frozen=True, eq=False)
class FittedTree:
    """The nodes of a fitted decision tree, the root first, a parent before its children; arrays are read-only."""

    feature: NDArray[np.int64]
    """(nodes,) standardized feature that a node compares; -2 at leaves."""
    threshold: NDArray[np.float64]
    """(nodes,): a row whose feature, in float32, is at most this goes left; -2 at leaves."""
    left: NDArray[np.int64]
    """(nodes,) id of the left child; -1 at leaves."""
    right: NDArray[np.int64]
    """(nodes,) id of the right child; -1 at leaves."""
    value: NDArray[np.float64]
    """(nodes, C) share of each class among a node's training rows, in the data set's order: 0 if unseen in training."""
    depth: int
    """Comparisons on the longest path, from 0."""


@lru_cache(maxsize=16)
def fitted_tree(run: RunConfig) -> FittedTree:
    """Fit the decision tree of a run, pruned or not, and lay out its nodes; the same run gives the same tree.

    Raises ValueError for another kind, and as `fit` does.

    >>> from leafscope.core.config import DataConfig, NetConfig
    >>> fitted_tree(RunConfig(data=DataConfig(name="iris"), net=NetConfig(kind="decision_tree", depth=1))).left.tolist()
    [1, -1, -1]
    """
    kinds = [name for name, model in MODELS.items() if model.fit is not None and model.fit.is_tree]
    if run.net.kind not in kinds:
        raise ValueError(f"kind must be {' or '.join(kinds)}, got {run.net.kind}")
    data = load(run.data, run.data_seed)
    model = fit(run, data)
    assert model is not None  # nothing asks it to stop
    tree = model.estimator.tree_
    value = np.zeros((tree.node_count, data.n_classes))
    value[:, model.estimator.classes_] = tree.value[:, 0]
    feature, left, right = (ids.astype(np.int64) for ids in (tree.feature, tree.children_left, tree.children_right))
    threshold = tree.threshold.copy()
    for array in (feature, threshold, left, right, value):
        array.setflags(write=False)
    return FittedTree(feature, threshold, left, right, value, int(tree.max_depth))
