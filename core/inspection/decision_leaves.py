"""The leaves of a decision tree fitted on a run's own split, for comparison with the net's leaves.

N rows · K depth. A decision tree's leaves are numbered from left to right; there are at most 2^K.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import Dataset, load
from leafscope.core.training.fitting import fit


@dataclass(frozen=True, eq=False)
class DecisionLeaves:
    """Which leaf of a decision tree each row falls in."""

    depth: int
    """The maximum depth; the tree may be less deep."""
    n_leaves: int
    """From 1 to 2^depth."""
    leaves: dict[str, NDArray[np.int64]]
    """Split -> (N,) leaf of each row, from 0 to n_leaves - 1, left to right."""
    paths: tuple[str, ...]
    """The path from the root to each leaf: 0 left (the feature is at most the threshold), 1 right."""
    accuracy: dict[str, float]
    """Split -> share of rows, from 0 to 1."""


def decision_leaves(run: RunConfig, dataset: Dataset | None = None) -> DecisionLeaves:
    """Fit a decision tree, at most as deep as the run's net, on the run's training rows, and list every row's leaf.

    The run may be of any kind; `dataset` is the run's, if already loaded. Raises what `core.training.fitting.fit` raises.

    >>> from leafscope.core.config import DataConfig, NetConfig
    >>> decision_leaves(RunConfig(data=DataConfig(name="iris"), net=NetConfig(depth=1))).paths
    ('0', '1')
    """
    data = load(run.data, run.data_seed) if dataset is None else dataset
    model = fit(changed(run, {"net.kind": "decision_tree"}), data)
    assert model is not None  # None only after a stop, which nothing requests here
    nodes, paths = _left_to_right(model.estimator.tree_)
    place = np.full(model.estimator.tree_.node_count, -1)
    place[nodes] = np.arange(len(nodes))
    return DecisionLeaves(
        depth=run.net.depth,
        n_leaves=len(nodes),
        leaves={name: place[model.estimator.apply(split.x)] for name, split in data.splits.items()},
        paths=paths,
        accuracy={name: model.record.metrics[name, "accuracy"] for name in data.splits},
    )


def _left_to_right(tree: Any) -> tuple[list[int], tuple[str, ...]]:
    """List the tree's leaves from left to right: their node ids and their paths."""
    nodes, paths = [], []
    ahead = [(0, "")]
    while ahead:
        node, path = ahead.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            nodes.append(node)
            paths.append(path)
        else:
            ahead += [(right, path + "1"), (left, path + "0")]
    return nodes, tuple(paths)
