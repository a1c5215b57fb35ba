"""The leaves of a decision tree that was fitted on a run's own split, for comparison with the net's leaves.

N rows · K depth. A decision tree's leaves are numbered from left to right; there are at most 2^K.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscope.core.datasets import Dataset, Split
from leafscope.core.inference.trees import Trees
from leafscope.core.scores import SCORES


@dataclass(frozen=True, eq=False)
class DecisionLeaves:
    """Which leaf of a decision tree each row falls in."""

    n_leaves: int
    """From 1 to 2^depth."""
    leaves: dict[str, NDArray[np.int64]]
    """Split -> (N,) leaf of each row, from 0 to n_leaves - 1, left to right."""
    paths: tuple[str, ...]
    """The path from the root to each leaf: 0 left (the feature is at most the threshold), 1 right."""
    score: dict[str, float]
    """Split with rows -> the first score that the data set's task records: the accuracy, or the RMSE."""


def decision_leaves(tree: Trees, dataset: Dataset) -> DecisionLeaves:
    """List every row's leaf of a fitted decision tree."""
    nodes, paths = zip(*tree.leaves(), strict=True)
    place = np.full(len(tree.feature), -1)
    place[list(nodes)] = np.arange(len(nodes))
    return DecisionLeaves(
        n_leaves=len(nodes),
        leaves={name: place[tree.apply(split.x)] for name, split in dataset.splits.items()},
        paths=paths,
        score={name: _score(tree, dataset, split) for name, split in dataset.splits.items() if len(split.index)},
    )


def _score(tree: Trees, dataset: Dataset, split: Split) -> float:
    said = tree.predict(split.x) if dataset.n_classes else tree.predict_proba(split.x)[:, 0]
    return SCORES[dataset.task.recorded[0]].measure(split.y, said)
