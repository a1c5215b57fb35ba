"""Random forests: the sum of their trees."""

import pytest

from leafscope.core.datasets import load
from leafscope.core.models import forest
from leafscope.core.training.fitting import fit
from tests.core.training.fits import NOISY, a_run


@pytest.fixture
def few_trees(monkeypatch) -> None:
    monkeypatch.setattr(forest, "TREES", 5)


def steps_of(tree, row) -> int:
    """Walk a row down a tree: the comparisons until a leaf."""
    node, steps = 0, 0
    while tree.children_left[node] >= 0:
        goes_left = row[tree.feature[node]] <= tree.threshold[node]
        node = tree.children_left[node] if goes_left else tree.children_right[node]
        steps += 1
    return steps


@pytest.mark.usefixtures("few_trees")
def test_a_forest_is_the_sum_of_its_trees():
    model, data = fit(a_run("random_forest")), load(NOISY, 0)
    trees = [each.tree_ for each in model.estimator.estimators_]
    leaves = sum(int((tree.children_left < 0).sum()) for tree in trees)
    splits = sum(tree.node_count for tree in trees) - leaves
    assert model.facts["parameters"] == 2 * splits + 3 * leaves
    steps = sum(steps_of(tree, row) for tree in trees for row in data.train.x)
    assert model.facts["multiply_adds"] == pytest.approx(steps / len(data.train.y))


def test_a_forest_has_100_trees():
    assert forest.TREES == 100
