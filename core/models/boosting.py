"""Gradient boosting, fitted by scikit-learn: each round adds one small tree per class, on binned features."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leafscope.core.models.counting import TREE_NODE, are_numbers, class_weight, fitting_memory
from leafscope.core.models.registry import MODELS, Fit, FittedSize, Line, Memory, Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leafscope.core.config import RunConfig

ROUNDS = 100
"""Rounds of boosting."""

LEAVES = 31
"""The most leaves of a tree."""


def _fit(
    run: "RunConfig", x: "NDArray[np.float32]", y: "NDArray[np.int64]", chosen: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings = {
        "max_iter": ROUNDS,
        "max_leaf_nodes": LEAVES,
        "early_stopping": False,
        "random_state": run.weight_seed,
        **chosen,
    }
    if are_numbers(y):
        return HistGradientBoostingRegressor(**settings).fit(x, y), {}
    return HistGradientBoostingClassifier(class_weight=class_weight(run), **settings).fit(x, y), {}


def size_of_rounds(estimator: Any, x: "NDArray[np.float32]") -> FittedSize:
    """Count the numbers that scikit-learn stores: two for each split and one for each leaf."""
    rounds = getattr(estimator, "_predictors", None)  # private; if it is missing, count what the settings allow
    if rounds is None:
        trees = estimator.n_iter_ * estimator.n_trees_per_iteration_
        splits = LEAVES - 1
        return FittedSize(trees * (2 * splits + LEAVES), float(trees * splits), is_bound=True)
    nodes = [tree.nodes for trees in rounds for tree in trees]
    parameters = sum(2 * int((of_tree["is_leaf"] == 0).sum()) + int(of_tree["is_leaf"].sum()) for of_tree in nodes)
    rows = [of_tree["count"] * (of_tree["is_leaf"] == 0) / of_tree["count"][0] for of_tree in nodes]
    return FittedSize(parameters, float(sum(shares.sum() for shares in rows)))


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    return fitting_memory(ROUNDS * n_outputs * 2 * LEAVES * TREE_NODE, n_features, n_outputs, n_rows)


BOOSTING = MODELS.register(
    Model(
        name="gradient_boosting",
        lines=(Line("gradient_boosting", "gradient boosting", together="tree ensembles", style="ensemble", place=71),),
        memory=_memory,
        fit=Fit(
            fit=_fit,
            size=size_of_rounds,
            grid={"learning_rate": (0.03, 0.1, 0.3, 1.0)},
            min_classes=2,
            seconds=3.0,
        ),
    )
)
