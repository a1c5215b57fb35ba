"""The nodes of a fitted decision tree: they send rows as the estimator does."""

import numpy as np
import pytest

from leafscope.core.datasets import load
from leafscope.core.inspection import fitted_tree as module
from leafscope.core.inspection.fitted_tree import fitted_tree
from leafscope.core.training.fitting import fit
from tests.core.training.fits import IRIS, a_run, tiny


@pytest.mark.parametrize("kind", ["decision_tree", "decision_tree_pruned"])
def test_rows_reach_the_leaves_of_a_tree_fitted_alike(kind):
    run = a_run(kind)
    data = load(run.data, run.data_seed)
    tree, estimator = fitted_tree(run), fit(run).estimator
    reached = []
    for row in data.test.x:
        node = 0
        while tree.left[node] >= 0:
            node = (tree.left if row[tree.feature[node]] <= tree.threshold[node] else tree.right)[node]
        reached.append(int(node))
    assert reached == estimator.apply(data.test.x).tolist()
    assert tree.depth == estimator.get_depth()


def test_shares_are_counted_on_the_training_rows_of_each_node():
    run = a_run(depth=3)
    data, tree = load(run.data, run.data_seed), fitted_tree(run)
    passed = fit(run).estimator.decision_path(data.train.x).toarray().astype(bool)
    counted = np.array([np.bincount(data.train.y[rows], minlength=3) / rows.sum() for rows in passed.T])
    np.testing.assert_allclose(tree.value, counted, atol=1e-12)


def test_a_class_unseen_in_training_has_none(monkeypatch):
    data = tiny([[0.0], [1.0], [2.0], [3.0]], [0, 0, 2, 2], n_classes=4)
    monkeypatch.setattr(module, "load", lambda *_: data)
    tree = fitted_tree.__wrapped__(a_run(depth=1, data=IRIS))  # not to be kept for others
    assert tree.value.tolist() == [[0.5, 0, 0.5, 0], [1, 0, 0, 0], [0, 0, 1, 0]]


def test_is_shared_and_read_only():
    tree = fitted_tree(a_run())
    assert fitted_tree(a_run()) is tree
    with pytest.raises(ValueError, match="read-only"):
        tree.value[0] = 0


def test_other_kinds_have_none():
    with pytest.raises(ValueError, match=r"kind must be decision_tree or decision_tree_pruned, got logistic"):
        fitted_tree(a_run("logistic"))
