"""Gradient boosting: the sum of its trees, or a bound."""

from types import SimpleNamespace

import pytest

from leafscope.core.datasets import load
from leafscope.core.models import boosting
from leafscope.core.training.fitting import fit
from tests.core.training.fits import NOISY, a_run


@pytest.fixture
def few_trees(monkeypatch) -> None:
    monkeypatch.setattr(boosting, "ROUNDS", 5)


def boosted_steps_of(nodes, row) -> int:
    node, steps = 0, 0
    while not nodes[node]["is_leaf"]:
        goes_left = row[nodes[node]["feature_idx"]] <= nodes[node]["num_threshold"]
        node = nodes[node]["left"] if goes_left else nodes[node]["right"]
        steps += 1
    return steps


@pytest.mark.usefixtures("few_trees")
def test_boosting_is_the_sum_of_its_trees():
    model, data = fit(a_run("gradient_boosting")), load(NOISY, 0)
    trees = [tree.nodes for of_round in model.estimator._predictors for tree in of_round]
    assert len(trees) == 5 * 3
    splits = sum(1 for nodes in trees for node in nodes if not node["is_leaf"])
    assert model.facts["parameters"] == 2 * splits + splits + len(trees)
    steps = sum(boosted_steps_of(nodes, row) for nodes in trees for row in data.train.x)
    assert model.facts["multiply_adds"] == pytest.approx(steps / len(data.train.y))
    assert "is_bound" not in model.facts


@pytest.mark.usefixtures("few_trees")
def test_boosting_whose_trees_cannot_be_read_is_bounded():
    facts = fit(a_run("gradient_boosting")).facts
    bound = boosting.size_of_rounds(SimpleNamespace(n_iter_=5, n_trees_per_iteration_=3), load(NOISY, 0).train.x)
    assert bound.is_bound
    assert bound.parameters == 15 * (2 * 30 + 31) >= facts["parameters"]
    assert bound.operations == 15 * 30 >= facts["multiply_adds"]


def test_there_are_100_rounds():
    assert boosting.ROUNDS == 100
