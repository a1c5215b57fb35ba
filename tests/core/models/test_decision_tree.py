"""Decision trees: counted by hand, pruned as refits at every alpha."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.tree import DecisionTreeClassifier

from leafscope.core.config import DataConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import load
from leafscope.core.models import decision_tree
from leafscope.core.training.fitting import fit
from tests.core.training.fits import IRIS, a_run, rows, tiny


def test_depth_0_is_the_majority_class():
    run = a_run(depth=0, data=DataConfig(name="breast_cancer"))
    data = load(run.data, 0)
    model = fit(run)
    counts = np.bincount(data.train.y)
    for name, split in data.splits.items():
        assert model.record.metrics[name, "accuracy"] == (split.y == counts.argmax()).mean()
        share = np.log(counts / counts.sum())
        assert model.record.metrics[name, "loss"] == pytest.approx(-share[split.y].mean())
    assert model.record.metrics["test", "accuracy"] == data.majority_accuracy
    assert model.facts["parameters"] == cost(run.net, 30, 2).parameters == 2
    assert model.facts["multiply_adds"] == 0


def test_one_class_is_enough():
    data = tiny([0, 1, 2], [1, 1, 1], 3)
    model = fit(a_run("decision_tree_pruned", data=IRIS), data)
    assert model.record.metrics["test", "accuracy"] == 1
    assert model.facts["chosen"] == {"ccp_alpha": 0.0}
    assert model.facts["trials"] == 1


def test_one_split_by_hand():
    facts = fit(a_run(data=IRIS), tiny([0, 1, 2, 3], [0, 0, 1, 1], 2)).facts
    assert facts["parameters"] == 2 + 2 * 2
    assert facts["multiply_adds"] == 1


def test_uneven_paths_by_hand():
    # the pair of class 2 is a leaf after one comparison, the other rows after two
    facts = fit(a_run(data=IRIS), tiny([0, 1, 2, 3], [0, 1, 2, 2], 3)).facts
    assert facts["parameters"] == 2 * 2 + 3 * 3
    assert facts["multiply_adds"] == 1.5


@pytest.mark.parametrize("depth", range(6))
def test_the_full_tree_is_the_most(depth):
    run = a_run(depth=depth)
    most, facts = cost(run.net, 4, 3), fit(run).facts
    assert facts["parameters"] <= most.parameters
    assert facts["multiply_adds"] <= most.multiply_adds
    if depth <= 1:
        assert (facts["parameters"], facts["multiply_adds"]) == (most.parameters, most.multiply_adds)


class TestPruned:
    @pytest.mark.parametrize("seed", range(6))
    def test_as_refits_at_every_alpha(self, seed):
        run = a_run("decision_tree_pruned", seed=seed)
        data = load(run.data, seed)
        path = DecisionTreeClassifier(random_state=seed).cost_complexity_pruning_path(data.train.x, data.train.y)
        refits = [
            DecisionTreeClassifier(random_state=seed, ccp_alpha=alpha).fit(data.train.x, data.train.y)
            for alpha in np.unique(path.ccp_alphas.clip(min=0))
        ]
        accuracies = [refit.score(data.validation.x, data.validation.y) for refit in refits]
        expected = max(zip(accuracies, [refit.ccp_alpha for refit in refits], refits), key=lambda trial: trial[:2])
        model = fit(run)
        assert model.record.metrics["validation", "accuracy"] == expected[0]
        assert model.facts["chosen"]["ccp_alpha"] == pytest.approx(expected[1], abs=1e-11)
        assert model.estimator.tree_.node_count == expected[2].tree_.node_count
        assert (model.estimator.tree_.threshold == expected[2].tree_.threshold).all()

    @pytest.mark.parametrize("seed", range(4))
    def test_the_walk_gives_the_score_of_each_refit(self, seed):
        data = load(DataConfig(name="wine"), seed)
        full = DecisionTreeClassifier(random_state=seed).fit(data.train.x, data.train.y)
        alphas, right = decision_tree.pruning_path(full.tree_, decision_tree.right_in_nodes(full, data.validation))
        assert len(alphas) > 2
        for alpha, correct in zip(alphas, right, strict=True):
            refit = DecisionTreeClassifier(random_state=seed, ccp_alpha=alpha).fit(data.train.x, data.train.y)
            assert accuracy_score(data.validation.y, refit.predict(data.validation.x), normalize=False) == correct

    def test_of_equals_the_smaller_tree(self):
        data = tiny([0, 1, 2, 3], [0, 0, 1, 1], 2)
        # validation cannot tell the split from the majority class, which is the first of equals
        model = fit(a_run("decision_tree_pruned", data=IRIS), replace(data, validation=rows([0, 1], [0, 0])))
        assert model.estimator.tree_.node_count == 1

    def test_at_most_so_many_alphas_evenly_spaced(self, monkeypatch):
        run = a_run("decision_tree_pruned")
        data = load(run.data, 0)
        full = DecisionTreeClassifier(random_state=0).fit(data.train.x, data.train.y)
        alphas, right = decision_tree.pruning_path(full.tree_, decision_tree.right_in_nodes(full, data.validation))
        monkeypatch.setattr(decision_tree, "ALPHAS", 4)
        model = fit(run)
        assert model.facts["trials"] == 4
        tried = [round(share * (len(alphas) - 1)) for share in (0, 1 / 3, 2 / 3, 1)]
        assert len(alphas) > 8
        best = max(tried, key=lambda step: (right[step], step))
        assert model.facts["chosen"]["ccp_alpha"] == alphas[best]

    def test_a_split_that_gains_nothing(self):
        # exclusive or: the first split leaves the impurity as it is, so that one alpha is 0 up to rounding
        data = tiny([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], 2)
        model = fit(a_run("decision_tree_pruned", data=IRIS), data)
        assert model.record.metrics["validation", "accuracy"] == 1
        assert model.facts["chosen"]["ccp_alpha"] < 0.25
        assert model.estimator.tree_.node_count == 7

    def test_before_pruning(self):
        asked = iter([False, True])
        assert fit(a_run("decision_tree_pruned"), should_stop=lambda: next(asked)) is None
