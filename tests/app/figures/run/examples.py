"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import numpy as np

from leafscope.app.figures.run.decision_regions import DecisionRegions
from leafscope.app.figures.run.leaf_loads import LeafLoads
from leafscope.app.figures.run.learning_curves import LearningCurves
from leafscope.app.figures.run.predicted_field import PredictedField
from tests.app.figures.hostile import HOSTILE


def regions(**changes: Any) -> DecisionRegions:
    """A plane of six grid points with two rows."""
    grid = {"xx": [0, 1, 2], "yy": [0, 1], "region": [[0, 0, 1], [0, 1, 1]], "leaf": [[0, 1, 1], [0, 0, 1]], "depth": 1}
    return DecisionRegions(**grid | {"x": [[0.5, 0.5], [1, 1]], "y": [1, 0], "class_names": ["a", "b"]} | changes)


def many_regions() -> DecisionRegions:
    """A grid too fine for hover texts, with more leaves than labels and thousands of rows."""
    rng = np.random.default_rng(0)
    places = np.linspace(-1, 1, 210)
    region = rng.integers(0, 100, (210, 210))
    leaf = rng.integers(0, 256, (210, 210))
    names = [f"class {c}" for c in range(100)]
    rows = {"x": rng.normal(size=(3000, 2)), "y": rng.integers(0, 100, 3000), "class_names": names}
    return DecisionRegions(xx=places, yy=places, region=region, leaf=leaf, depth=8, **rows)


def a_field(**changes: Any) -> PredictedField:
    """A plane of six grid points with two rows."""
    grid = {"xx": [0, 1, 2], "yy": [0, 1], "value": [[10, 12, 30], [11, 25, 31]], "leaf": [[0, 1, 1], [0, 0, 1]], "depth": 1}
    return PredictedField(**grid | {"x": [[0.5, 0.5], [1, 1]], "y": [9.5, 40], "target": "price"} | changes)


def many_values() -> PredictedField:
    """A grid too fine for hover texts, with more leaves than labels and thousands of rows."""
    rng = np.random.default_rng(0)
    places = np.linspace(-1, 1, 210)
    leaf, rows = rng.integers(0, 256, (210, 210)), {"x": rng.normal(size=(3000, 2)), "y": rng.normal(size=3000)}
    return PredictedField(xx=places, yy=places, value=rng.normal(size=(210, 210)), leaf=leaf, depth=8, target="price", **rows)


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    LearningCurves: {
        "usual": lambda: LearningCurves(
            [0, 1, 2], {"train": [2, 1, 0.5], "test": [2, 1.5, np.nan]}, metric="loss", best_epoch=1, n_rows={"train": 1300}
        ),
        "empty": lambda: LearningCurves([], {}, metric="loss"),
        "one": lambda: LearningCurves([0], {"train": [0.1]}, metric="accuracy"),
        "many": lambda: LearningCurves(np.arange(5000), {"train": np.ones(5000), "test": np.ones(5000)}, metric="error"),
        "hostile": lambda: LearningCurves([0, 1], {"train": [2, 1]}, metric=" ".join(HOSTILE)),
    },
    LeafLoads: {
        "usual": lambda: LeafLoads([6, 0, 3, 1], 2, [1, 2, 1, 0]),
        "empty": lambda: LeafLoads(np.zeros(4), 2),
        "one": lambda: LeafLoads([7], 0),
        "many": lambda: LeafLoads(np.arange(1 << 16), 16),
        "hostile": lambda: LeafLoads([1, 2], 1, model=HOSTILE[0]),
    },
    PredictedField: {
        "usual": a_field,
        "empty": lambda: PredictedField(
            xx=[], yy=[], value=np.zeros((0, 0)), leaf=np.zeros((0, 0)), x=[], y=[], target="price"
        ),
        "one": lambda: a_field(xx=[1], yy=[2], value=[[0]], leaf=[[0]], x=[[1, 2]], y=[0]),
        "many": many_values,
        "hostile": lambda: a_field(target=HOSTILE[0], feature_names=HOSTILE[1:], split=HOSTILE[1]),
    },
    DecisionRegions: {
        "usual": regions,
        "empty": lambda: DecisionRegions(
            xx=[], yy=[], region=np.zeros((0, 0)), leaf=np.zeros((0, 0)), x=[], y=[], class_names=["a"]
        ),
        "one": lambda: regions(xx=[1], yy=[2], region=[[0]], leaf=[[0]], x=[[1, 2]], y=[0]),
        "many": many_regions,
        "hostile": lambda: regions(class_names=HOSTILE, region=np.full((2, 3), 2), feature_names=HOSTILE[1:]),
    },
}
