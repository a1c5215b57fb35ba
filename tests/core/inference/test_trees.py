"""Fitted trees and forests as arrays: what scikit-learn predicts, on every row; arrays from elsewhere are checked."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from leafscope.core.datasets import load
from leafscope.core.inference.trees import Trees
from leafscope.core.training.fitting import fit
from tests.core.training.fits import a_run


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.booleans())
def test_predictions_are_scikit_learn_s(seed: int, is_forest: bool) -> None:
    rng = np.random.default_rng(seed)
    n, p, c = int(rng.integers(4, 80)), int(rng.integers(1, 6)), int(rng.integers(2, 5))
    x = rng.normal(size=(n, p)).round(int(rng.integers(0, 4))).astype(np.float32)  # with ties at thresholds
    y = rng.integers(0, c, n)
    depth = int(rng.integers(1, 8))
    model = (
        RandomForestClassifier(7, max_depth=depth, random_state=seed) if is_forest else DecisionTreeClassifier(max_depth=depth)
    )
    model.fit(x, y)
    trees = Trees.of(model, c)
    other = rng.normal(size=(200, p)).round(2).astype(np.float32)
    for rows in (x, other):
        shares = np.zeros((len(rows), c))
        shares[:, model.classes_] = model.predict_proba(rows)
        assert np.array_equal(trees.predict_proba(rows), shares)
        assert np.array_equal(trees.predict(rows), model.predict(rows))
    again = Trees.from_arrays(trees.arrays(), p, c, is_one=not is_forest)
    assert np.array_equal(again.predict_proba(other), trees.predict_proba(other))
    if not is_forest:
        assert np.array_equal(trees.apply(other), model.apply(other))
        assert trees.depth == model.get_depth()


@pytest.mark.parametrize("kind", ["decision_tree", "decision_tree_pruned", "random_forest"])
def test_a_run_s_trees_predict_as_its_estimator(kind: str) -> None:
    run = a_run(kind)
    model, data = fit(run), load(run.data, run.data_seed)
    assert model is not None
    assert model.trees is not None
    for split in data.splits.values():
        assert np.array_equal(model.trees.predict(split.x), model.estimator.predict(split.x))


def test_other_models_have_none() -> None:
    model = fit(a_run("logistic"))
    assert model is not None
    assert model.trees is None


def small() -> Trees:
    return Trees.of(DecisionTreeClassifier().fit(np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 1, 0, 1]), 2)


def test_leaves_from_left_to_right() -> None:
    trees = small()
    assert [path for _, path in trees.leaves()] == sorted(path for _, path in trees.leaves())
    assert sum(2.0 ** -len(path) for _, path in trees.leaves()) == 1


def changed(name: str, place: Any, value: Any) -> dict[str, np.ndarray]:
    arrays = {key: array.copy() for key, array in small().arrays().items()}
    arrays[name][place] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        (changed("left", 0, 0), "left must be a later node"),  # a circle
        (changed("right", 0, 99), "right must be a later node"),
        (changed("right", 0, small().left[0]), "child of one other node"),
        (changed("left", -1, 1), "must be"),  # a leaf with a child
        (changed("feature", 0, 1), "feature must be from 0 to 0"),
        (changed("feature", 0, -2), "feature must be"),
        (changed("threshold", 0, np.nan), "threshold and value must be finite"),
        (changed("value", 0, 1.5), "value must be from 0 to 1"),
        (changed("value", 0, np.nan), "value must be finite"),
        (changed("root", 0, 1), "root must list"),
        ({"feature": np.zeros(1, np.int32)}, "must have the arrays"),
        (small().arrays() | {"value": np.zeros((2, 2))}, "value must be float64 of shape"),
        (small().arrays() | {"feature": np.zeros(())}, "must be"),
        (small().arrays() | {"root": np.zeros(0, np.int32)}, "root must be"),
        (small().arrays() | {"root": np.array(0, np.int32)}, "root must be"),
        ({name: array[:0] for name, array in small().arrays().items()}, "root must"),
    ],
)
def test_arrays_that_are_no_trees(arrays: dict[str, np.ndarray], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Trees.from_arrays(arrays, 1, 2, is_one=True)


def test_a_root_without_a_length() -> None:
    with pytest.raises(ValueError, match="root must be"):
        Trees.from_arrays(small().arrays() | {"root": np.array(0, np.int32)}, 1, 2, is_one=False)


def test_shared_children_whose_paths_nobody_could_list() -> None:
    below = np.append(np.arange(1, 65), -1).astype(np.int32)
    arrays = {"feature": np.where(below < 0, -2, 0).astype(np.int32), "threshold": np.zeros(65), "left": below, "right": below}
    with pytest.raises(ValueError, match="child of one other node"):
        Trees.from_arrays(arrays | {"value": np.zeros((65, 2)), "root": np.zeros(1, np.int32)}, 1, 2, is_one=True)


@given(st.lists(st.integers(-3, 6), min_size=6, max_size=6), st.lists(st.integers(-3, 6), min_size=2, max_size=2))
def test_what_is_accepted_can_be_followed(places: list[int], roots: list[int]) -> None:
    """Every row reaches a leaf: there are no circles."""
    arrays = {
        "feature": np.array([0, -2, -2], np.int32),
        "threshold": np.zeros(3),
        "left": np.array(places[:3], np.int32),
        "right": np.array(places[3:], np.int32),
        "value": np.zeros((3, 2)),
        "root": np.array(roots, np.int32),
    }
    try:
        trees = Trees.from_arrays(arrays, 1, 2, is_one=False)
    except ValueError:
        return
    assert trees.predict_proba(np.zeros((2, 1), np.float32)).shape == (2, 2)
