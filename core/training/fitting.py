"""Models that scikit-learn fits, to be set beside the nets: logistic regression, trees, a forest, boosting.

N rows · P features · C classes · K depth. Each is fitted on the training rows, its one hyperparameter is chosen on
validation among four values (as many trials as the nets get learning rates; a pruned tree: along its path of alphas), and
the test rows are only scored at the end. Losses are mean log losses in nats, accuracies shares. Which values are tried,
and how parameters and comparisons are counted, is this project's choice.
"""

import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.config import FITTED, RunConfig
from leafscope.core.datasets import Dataset, Split, load
from leafscope.core.device import check_fits
from leafscope.core.errors import DataError
from leafscope.core.training.trainer import EpochRecord

GRIDS: dict[str, tuple[str, tuple[float, ...]]] = {
    "logistic": ("C", (0.01, 0.1, 1.0, 10.0)),
    "random_forest": ("min_samples_leaf", (10, 5, 2, 1)),
    "gradient_boosting": ("learning_rate", (0.03, 0.1, 0.3, 1.0)),
}
"""Kind -> its hyperparameter and the values tried, the simplest model first; the other kinds have no grid."""

TREES = 100
"""Trees of a random forest, and rounds of boosting."""

BOOSTED_LEAVES = 31
"""The most leaves that a tree of gradient boosting has."""

ALPHAS = 100
"""The most alphas of a pruning path that are compared."""

SAME_ALPHA = 1e-12
"""Alphas this close are one: they differ by rounding, and scikit-learn may prune them in another order."""

ITERATIONS = 10_000
"""The most steps of logistic regression."""

TIMINGS = 5
"""How often the test rows are predicted for the time of inference."""


@dataclass(frozen=True)
class FittedModel:
    """What a fit gives."""

    run: RunConfig
    record: EpochRecord
    """Epoch 1: loss and accuracy on train, validation and test; no leaves; seconds of fitting and evaluation."""
    facts: dict[str, Any]
    """JSON values. `parameters` and `trained_parameters` (the same), `multiply_adds` of one example at inference and in
    `operations` whether they are multiply-adds or comparisons, `fit_seconds` of all trials, `inference_seconds` for one row
    (all test rows at once, the median of five), `chosen` (hyperparameter -> value, or empty) and `trials`. Logistic
    regression: `converged`. Boosting: `is_bound`, where only upper bounds of its size are known."""
    estimator: Any
    """The fitted scikit-learn estimator: standardized rows (N, P) -> classes, of which it knows those of training."""


def fit(run: RunConfig, dataset: Dataset | None = None, should_stop: Callable[[], bool] = lambda: False) -> FittedModel | None:
    """Fit a baseline and score it on all splits; None if `should_stop()` before one of its trials.

    `dataset` is the run's, if it is at hand. Raises ValueError for a kind that is trained by gradient, LimitError if the fit
    would not fit in memory, before allocation, and DataError if the data cannot be had or all training rows are of one
    class, of which logistic regression and boosting can make nothing.

    >>> from leafscope.core.config import DataConfig, NetConfig
    >>> model = fit(RunConfig(data=DataConfig(name="iris"), net=NetConfig(kind="decision_tree", depth=0)))
    >>> model.facts["parameters"], model.facts["multiply_adds"]  # one leaf: the share of each class
    (3, 0.0)
    """
    if not run.net.fitted:
        raise ValueError(f"kind must be one of {', '.join(FITTED)}, got {run.net.kind}")
    check_fits(run)
    data = load(run.data, run.data_seed) if dataset is None else dataset
    _check_classes(run, data)
    with _one_thread():
        began = time.perf_counter()
        choose = _choose_pruned if run.net.kind == "decision_tree_pruned" else _choose_from_grid
        choice = choose(run, data, should_stop)
        if choice is None:
            return None
        fit_seconds = time.perf_counter() - began
        metrics = {
            (name, metric): value
            for name, split in data.splits.items()
            for metric, value in _scores(choice.estimator, split, data.n_classes).items()
        }
        record = EpochRecord(epoch=1, metrics=metrics, leaves={}, seconds=time.perf_counter() - began)
        inference_seconds = _inference_seconds(choice.estimator, data.test.x)
        size = _size(choice.estimator, data.train.x)
    facts: dict[str, Any] = {
        "parameters": size.parameters,
        "trained_parameters": size.parameters,
        "multiply_adds": size.operations,
        "operations": "multiply-adds" if run.net.kind == "logistic" else "comparisons",
        "fit_seconds": fit_seconds,
        "inference_seconds": inference_seconds,
        "chosen": choice.chosen,
        "trials": choice.trials,
        **choice.facts,
    }
    if size.is_bound:
        facts["is_bound"] = True
    return FittedModel(run, record, facts, choice.estimator)


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
    if run.net.kind not in ("decision_tree", "decision_tree_pruned"):
        raise ValueError(f"kind must be decision_tree or decision_tree_pruned, got {run.net.kind}")
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


def majority_accuracy(dataset: Dataset) -> float:
    """Give the accuracy of chance: the share of test rows of the class that most training rows have, the first of equals.

    From 0 to 1; what a decision tree of depth 0 has.
    """
    majority = np.bincount(dataset.train.y, minlength=dataset.n_classes).argmax()
    return float((dataset.test.y == majority).mean())


# Choosing on validation


@dataclass(frozen=True)
class _Choice:
    estimator: Any
    chosen: dict[str, float]
    trials: int
    facts: dict[str, Any]


def _choose_from_grid(run: RunConfig, data: Dataset, should_stop: Callable[[], bool]) -> _Choice | None:
    """Fit with each value and keep the lowest validation loss, the first of equals; without a grid there is one trial."""
    kind = run.net.kind
    trials = [{GRIDS[kind][0]: value} for value in GRIDS[kind][1]] if kind in GRIDS else [{}]
    best: _Choice | None = None
    lowest = math.inf
    for chosen in trials:
        if should_stop():
            return None
        estimator, facts = _fitted(run, data.train, chosen)
        loss = _scores(estimator, data.validation, data.n_classes)["loss"]
        if best is None or loss < lowest:
            best, lowest = _Choice(estimator, chosen, len(trials), facts), loss
    return best


def _choose_pruned(run: RunConfig, data: Dataset, should_stop: Callable[[], bool]) -> _Choice | None:
    """Grow a full tree and keep the alpha with the highest validation accuracy, the largest of equals."""
    if should_stop():
        return None
    full, _ = _fitted(run, data.train, {})
    alphas, right = _pruning_path(full.tree_, _right_in_nodes(full, data.validation))
    if should_stop():
        return None
    tried = np.unique(np.linspace(0, len(alphas) - 1, min(ALPHAS, len(alphas))).round().astype(int))
    best = max(tried, key=lambda step: (right[step], step))
    chosen = {"ccp_alpha": float(alphas[best])}
    pruned, _ = _fitted(run, data.train, chosen)
    return _Choice(pruned, chosen, len(tried), {})


def _right_in_nodes(tree: Any, split: Split) -> NDArray[np.int64]:
    """Count, for each node, the rows that pass through it and are of its majority class."""
    label = tree.classes_[tree.tree_.value[:, 0].argmax(1)]
    path = tree.decision_path(split.x)
    row = np.repeat(np.arange(len(split.y)), np.diff(path.indptr))
    return np.bincount(path.indices[label[path.indices] == split.y[row]], minlength=len(label))


def _pruning_path(tree: Any, right: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Prune the weakest link until the root is left: (S,) ascending alphas, and (S,) rows that the tree at each is right on.

    Minimal cost-complexity pruning (Breiman et al. 1984): the weakest link is the inner node with the least growth of the
    training impurity for each leaf that goes. `right`: rows that each node would be right on as a leaf. The first alpha is
    0, the full tree. One walk gives what a refit for each alpha would.
    """
    parent = np.full(tree.node_count, -1)
    inner = tree.children_left >= 0
    for children in (tree.children_left, tree.children_right):
        parent[children[inner]] = np.flatnonzero(inner)
    risk = tree.impurity * tree.weighted_n_node_samples / tree.weighted_n_node_samples[0]
    # sums over the leaves below a node
    below = np.where(inner, 0.0, np.stack([risk, right, np.ones(tree.node_count)]))
    for node in range(tree.node_count - 1, 0, -1):  # a parent stands before its children
        below[:, parent[node]] += below[:, node]
    alphas, correct = [0.0], [int(below[1, 0])]
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
        correct.append(round(below[1, 0]))
    return _distinct(np.array(alphas), np.array(correct))


def _distinct(alphas: NDArray[np.float64], correct: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Keep one step of those whose alphas are the same, the last; of alpha 0 the first, since 0 prunes nothing."""
    jump = np.diff(alphas) > SAME_ALPHA
    last = np.flatnonzero(np.append(jump, True))
    value = alphas[last] + SAME_ALPHA / 2  # scikit-learn's own rounding must not keep a link that was pruned here
    if alphas[last[0]] <= SAME_ALPHA:
        last[0], value[0] = 0, 0.0
    return value, correct[last]


# Fitting and scoring


def _estimator(run: RunConfig, n_rows: int, chosen: dict[str, float]) -> Any:
    kind, seed = run.net.kind, run.weight_seed
    if kind == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=ITERATIONS, **chosen)
    if kind in ("decision_tree", "decision_tree_pruned"):
        from sklearn.tree import DecisionTreeClassifier

        if kind == "decision_tree" and run.net.depth == 0:
            # scikit-learn's depth begins at 1; a root that may not be split is the majority class
            return DecisionTreeClassifier(min_samples_split=n_rows + 1, random_state=seed)
        return DecisionTreeClassifier(max_depth=run.net.depth if kind == "decision_tree" else None, random_state=seed, **chosen)
    if kind == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(TREES, n_jobs=1, random_state=seed, **chosen)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=BOOSTED_LEAVES, early_stopping=False, random_state=seed, **chosen
    )


def _fitted(run: RunConfig, train: Split, chosen: dict[str, float]) -> tuple[Any, dict[str, Any]]:
    """Fit with the hyperparameter; logistic regression in float64, and with the fact whether it converged."""
    estimator = _estimator(run, len(train.y), chosen)
    if run.net.kind != "logistic":
        return estimator.fit(train.x, train.y), {}
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(train.x.astype(np.float64), train.y)
    others = [warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)]
    for warning in others:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return estimator, {"converged": len(others) == len(caught)}


def _scores(estimator: Any, split: Split, n_classes: int) -> dict[str, float]:
    """Log loss in nats, probabilities clipped as scikit-learn does, a class unseen in training having none; accuracy."""
    probabilities = np.zeros((len(split.y), n_classes))
    probabilities[:, estimator.classes_] = estimator.predict_proba(split.x)
    eps = np.finfo(np.float64).eps
    of_label = probabilities[np.arange(len(split.y)), split.y].clip(eps, 1 - eps)
    return {"loss": float(-np.log(of_label).mean()), "accuracy": float((estimator.predict(split.x) == split.y).mean())}


def _inference_seconds(estimator: Any, x: NDArray[np.float32]) -> float:
    seconds = []
    for _ in range(TIMINGS):
        began = time.perf_counter()
        estimator.predict(x)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / len(x)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep scikit-learn's OpenMP to one thread, so that a busy machine is not disturbed; other threads are not concerned."""
    with _libraries().limit(limits=1, user_api="openmp"):
        yield


@lru_cache(maxsize=1)
def _libraries() -> Any:
    """The libraries that have threads, looked for once, since that takes longer than a small tree."""
    import sklearn.ensemble  # noqa: F401 -- the library must be loaded to be limited
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _check_classes(run: RunConfig, data: Dataset) -> None:
    classes = len(np.unique(data.train.y))
    if classes < 2 and run.net.kind in ("logistic", "gradient_boosting"):
        raise DataError(f"the training split must have rows of at least two classes for {run.net.kind}, got {classes}")


# Counting


@dataclass(frozen=True)
class _Size:
    parameters: int
    operations: float
    """Of one example at inference: multiply-adds, or comparisons, the mean over the training rows."""
    is_bound: bool = False


def _size(estimator: Any, x: NDArray[np.float32]) -> _Size:
    """Count as scikit-learn stores it: two numbers a split; a leaf's outputs, one for each class or, boosted, one."""
    if hasattr(estimator, "coef_"):
        return _Size(estimator.coef_.size + estimator.intercept_.size, float(estimator.coef_.size))
    if hasattr(estimator, "n_trees_per_iteration_"):
        return _boosted_size(estimator)
    trees = getattr(estimator, "estimators_", [estimator])
    splits = [tree.tree_.node_count - tree.tree_.n_leaves for tree in trees]
    outputs = len(estimator.classes_) * sum(tree.tree_.n_leaves for tree in trees)
    # of the nodes that a row passes, the last is a leaf
    comparisons = sum(tree.decision_path(x).nnz / len(x) - 1 for tree in trees)
    return _Size(int(2 * sum(splits) + outputs), float(comparisons))


def _boosted_size(estimator: Any) -> _Size:
    rounds = getattr(estimator, "_predictors", None)  # private: without it, what the settings allow
    if rounds is None:
        trees = estimator.n_iter_ * estimator.n_trees_per_iteration_
        splits = BOOSTED_LEAVES - 1
        return _Size(trees * (2 * splits + BOOSTED_LEAVES), float(trees * splits), is_bound=True)
    nodes = [tree.nodes for trees in rounds for tree in trees]
    parameters = sum(2 * int((of_tree["is_leaf"] == 0).sum()) + int(of_tree["is_leaf"].sum()) for of_tree in nodes)
    rows = [of_tree["count"] * (of_tree["is_leaf"] == 0) / of_tree["count"][0] for of_tree in nodes]
    return _Size(parameters, float(sum(shares.sum() for shares in rows)))
