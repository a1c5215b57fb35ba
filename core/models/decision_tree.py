"""Decision trees, fitted by scikit-learn: with a given depth, or pruned on the validation rows.

A split stores two numbers, and a leaf one share for each class; a row costs the comparisons on its path. This way of counting
is this project's choice.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.models.counting import DOUBLE, TREE_NODE, are_numbers, class_weight, fitting_memory, training_rows
from leafscope.core.models.registry import MODELS, Choice, Fit, FittedSize, Line, Memory, Model, Size

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, RunConfig
    from leafscope.core.datasets import Dataset, Split

ALPHAS = 100
"""The most alphas of a pruning path to compare."""

SAME_ALPHA = 1e-12
"""Alphas that are this close count as equal: they differ by rounding, and scikit-learn may prune them in another order."""


def size_of_trees(estimator: Any, x: NDArray[np.float32]) -> FittedSize:
    """Count the numbers that scikit-learn stores: two for each split, and one for each class in each leaf."""
    trees = getattr(estimator, "estimators_", [estimator])
    splits = [tree.tree_.node_count - tree.tree_.n_leaves for tree in trees]
    outputs = len(getattr(estimator, "classes_", [0])) * sum(tree.tree_.n_leaves for tree in trees)
    # a row passes one node more than it has comparisons: the leaf
    comparisons = sum(tree.decision_path(x).nnz / len(x) - 1 for tree in trees)
    return FittedSize(int(2 * sum(splits) + outputs), float(comparisons))


def tree_bytes(leaves: int, n_outputs: int) -> int:
    """Estimate the bytes of a tree with this many leaves from above."""
    return 2 * leaves * (TREE_NODE + DOUBLE * n_outputs)


# Of a depth


def _fit(
    run: "RunConfig", x: NDArray[np.float32], y: NDArray[np.int64], chosen: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    if run.net.depth == 0:
        # scikit-learn's max_depth is at least 1; a root that may not be split predicts the majority class, or the mean
        return _tree(run, y, min_samples_split=len(y) + 1).fit(x, y), {}
    return _tree(run, y, max_depth=run.net.depth, **chosen).fit(x, y), {}


def _tree(run: "RunConfig", y: NDArray[Any], **settings: Any) -> Any:
    """Make the tree that fits these targets."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if are_numbers(y):
        return DecisionTreeRegressor(random_state=run.weight_seed, **settings)
    return DecisionTreeClassifier(random_state=run.weight_seed, class_weight=class_weight(run), **settings)


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    """Return the size of the full tree of this depth, which is the upper bound."""
    leaves: int = 1 << net.depth
    parameters = 2 * (leaves - 1) + n_outputs * leaves
    return Size(parameters, parameters, net.depth)


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    leaves = min(training_rows(run, n_rows), 1 << run.net.depth)  # no tree has more leaves than training rows
    return fitting_memory(tree_bytes(leaves, n_outputs), n_features, n_outputs, n_rows, copies=1)


# Pruned


def _fit_pruned(
    run: "RunConfig", x: NDArray[np.float32], y: NDArray[np.int64], chosen: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    return _tree(run, y, max_depth=None, **chosen).fit(x, y), {}


def _choose(run: "RunConfig", data: "Dataset", should_stop: Callable[[], bool]) -> Choice | None:
    """Grow a full tree and choose the alpha with the highest validation accuracy, the largest if several are equal.

    Of numbers, the one with the lowest validation RMSE.

    With balanced classes, each of them counts as much in the accuracy as it weighs in the fit.
    """
    if should_stop():
        return None
    full, _ = _fit_pruned(run, data.train.x, data.train.y, {})
    weight = class_weights(run, data)
    right_of = right_in_nodes(full, data.validation, None if weight is None else weight[data.validation.y])
    alphas, right = pruning_path(full.tree_, right_of)
    if should_stop():
        return None
    tried = np.unique(np.linspace(0, len(alphas) - 1, min(ALPHAS, len(alphas))).round().astype(int))
    best = max(tried, key=lambda step: (right[step], step))
    chosen = {"ccp_alpha": float(alphas[best])}
    pruned, _ = _fit_pruned(run, data.train.x, data.train.y, chosen)
    return Choice(pruned, chosen, len(tried))


def class_weights(run: "RunConfig", data: "Dataset") -> NDArray[np.float64] | None:
    """Return the weight of each class in a fit with balanced classes: (C,), or None if all rows weigh the same."""
    if class_weight(run) is None:
        return None
    counts = np.bincount(data.train.y, minlength=data.n_classes)
    return len(data.train.y) / np.maximum(counts, 1)


def right_in_nodes(tree: Any, split: "Split", weight: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Count, for each node, the rows that pass through it and have its majority class; or add up their weights (N,)."""
    if are_numbers(split.y):
        return _closeness(tree, split)
    label = tree.classes_[tree.tree_.value[:, 0].argmax(1)]
    path = tree.decision_path(split.x)
    row = np.repeat(np.arange(len(split.y)), np.diff(path.indptr))
    right = label[path.indices] == split.y[row]
    weights = None if weight is None else weight[row[right]]
    return np.bincount(path.indices[right], weights, minlength=len(label))


def _closeness(tree: Any, split: "Split") -> NDArray[np.float64]:
    """Add up, for each node, minus the squared errors of the rows that pass through it, in units of the target's variance."""
    path = tree.decision_path(split.x)
    row = np.repeat(np.arange(len(split.y)), np.diff(path.indptr))
    error = (split.y[row] - tree.tree_.value[path.indices, 0, 0]) ** 2
    return -np.bincount(path.indices, error, minlength=tree.tree_.node_count) / max(split.y.var(), 1e-300)


def pruning_path(tree: Any, right: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prune the weakest link until only the root is left: (S,) ascending alphas, and (S,) correct rows of the tree at each.

    Minimal cost-complexity pruning (Breiman et al. 1984): the weakest link is the inner node whose removal increases the
    training impurity least per removed leaf. `right`: the rows that each node would classify correctly as a leaf. The first
    alpha is 0, for the full tree. The result is the same as refitting the tree for each alpha.
    """
    parent = np.full(tree.node_count, -1)
    inner = tree.children_left >= 0
    for children in (tree.children_left, tree.children_right):
        parent[children[inner]] = np.flatnonzero(inner)
    risk = tree.impurity * tree.weighted_n_node_samples / tree.weighted_n_node_samples[0]
    # sums over the leaves below a node
    below = np.where(inner, 0.0, np.stack([risk, right, np.ones(tree.node_count)]))
    for node in range(tree.node_count - 1, 0, -1):  # a parent comes before its children
        below[:, parent[node]] += below[:, node]
    alphas, correct = [0.0], [float(below[1, 0])]
    while inner[0]:
        growth = np.full(tree.node_count, math.inf)
        growth[inner] = (risk[inner] - below[0, inner]) / (below[2, inner] - 1)
        weakest = int(growth.argmin())
        change = np.array([risk[weakest], right[weakest], 1.0]) - below[:, weakest]
        node = weakest
        while node >= 0:
            below[:, node] += change
            node = parent[node]
        gone = [weakest]
        while gone:
            node = gone.pop()
            if inner[node]:
                inner[node] = False
                gone += [tree.children_left[node], tree.children_right[node]]
        alphas.append(max(float(growth[weakest]), alphas[-1]))
        correct.append(float(below[1, 0]))
    return _distinct(np.array(alphas), np.array(correct).round(6))  # sums of weights round; equal ones must stay equal


def _distinct(alphas: NDArray[np.float64], correct: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep the last of several steps with the same alpha; for alpha 0 the first, since 0 prunes nothing."""
    jump = np.diff(alphas) > SAME_ALPHA
    last = np.flatnonzero(np.append(jump, True))
    value = alphas[last] + SAME_ALPHA / 2  # so that scikit-learn, which rounds differently, prunes the same links
    if alphas[last[0]] <= SAME_ALPHA:
        last[0], value[0] = 0, 0.0
    return value, correct[last]


def _memory_pruned(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    return fitting_memory(tree_bytes(training_rows(run, n_rows), n_outputs), n_features, n_outputs, n_rows)


# The models

DECISION_TREE = MODELS.register(
    Model(
        name="decision_tree",
        lines=(
            Line(
                "decision_tree",
                "decision tree",
                "the decision tree",
                together="decision trees",
                place=60,
            ),
        ),
        net_fields=("depth",),
        cost=_size,
        memory=_memory,
        fit=Fit(fit=_fit, size=size_of_trees, seconds=0.02, is_tree=True),
    )
)

DECISION_TREE_PRUNED = MODELS.register(
    Model(
        name="decision_tree_pruned",
        lines=(
            Line(
                "decision_tree_pruned",
                "decision tree, pruned",
                "the pruned decision tree",
                together="decision trees",
                style="decision_tree",
                is_thin=True,
                place=61,
            ),
        ),
        memory=_memory_pruned,
        fit=Fit(fit=_fit_pruned, size=size_of_trees, choose=_choose, seconds=0.2, is_tree=True),
    )
)
