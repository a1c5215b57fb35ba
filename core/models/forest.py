"""Random forests, fitted by scikit-learn: many trees, each on rows drawn with replacement."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leafscope.core.models.counting import are_numbers, class_weight, fitting_memory, training_rows
from leafscope.core.models.decision_tree import size_of_trees, tree_bytes
from leafscope.core.models.registry import MODELS, Fit, Line, Memory, Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leafscope.core.config import RunConfig

TREES = 100
"""Trees of a forest."""


def _fit(
    run: "RunConfig", x: "NDArray[np.float32]", y: "NDArray[np.int64]", chosen: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if are_numbers(y):
        return RandomForestRegressor(TREES, n_jobs=1, random_state=run.weight_seed, **chosen).fit(x, y), {}
    forest = RandomForestClassifier(TREES, n_jobs=1, random_state=run.weight_seed, class_weight=class_weight(run), **chosen)
    return forest.fit(x, y), {}


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    rows = math.ceil(0.64 * training_rows(run, n_rows))  # a sample with replacement contains a share of 1 - 1/e of the rows
    return fitting_memory(tree_bytes(TREES * rows, n_outputs), n_features, n_outputs, n_rows)


FOREST = MODELS.register(
    Model(
        name="random_forest",
        lines=(
            Line(
                "random_forest",
                "random forest",
                "the random forest",
                together="tree ensembles",
                style="ensemble",
                place=70,
            ),
        ),
        memory=_memory,
        fit=Fit(fit=_fit, size=size_of_trees, grid={"min_samples_leaf": (10, 5, 2, 1)}, seconds=1.5, is_forest=True),
    )
)
