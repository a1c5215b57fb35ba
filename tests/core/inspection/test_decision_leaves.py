"""A decision tree's leaves: those that scikit-learn applies, on the run's own split, numbered as they stand."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from leafscope.core.config import DataConfig, NetConfig, RunConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inspection.decision_leaves import DecisionLeaves, decision_leaves
from leafscope.core.training.fitting import fit

SPLITS = ["train", "validation", "test"]


def a_run(name: str = "iris", depth: int = 3, **fields: object) -> RunConfig:
    net = NetConfig.model_validate({"depth": depth, "width": 32} | fields)
    return RunConfig(data=DataConfig(name=name), net=net, seed=3)


def found_of(run: RunConfig) -> DecisionLeaves:
    data = load(run.data, run.data_seed)
    model = fit(changed(run, {"net.kind": "decision_tree"}), data)
    assert model is not None
    assert model.trees is not None
    return decision_leaves(model.trees, data)


def sklearn_tree(run: RunConfig) -> DecisionTreeClassifier:
    train = load(run.data, run.data_seed).train
    return DecisionTreeClassifier(max_depth=run.net.depth, random_state=run.weight_seed).fit(train.x, train.y)


@pytest.mark.parametrize(("name", "depth"), [("iris", 1), ("iris", 3), ("digits", 4), ("digits", 8)])
def test_are_scikit_learn_s(name: str, depth: int) -> None:
    run = a_run(name, depth)
    found, tree, data = found_of(run), sklearn_tree(run), load(run.data, run.data_seed)
    assert found.n_leaves == tree.get_n_leaves() == len(found.paths)
    assert list(found.leaves) == list(found.score) == SPLITS
    node_of: dict[int, set[int]] = {}
    for split, rows in data.splits.items():
        leaf = found.leaves[split]
        assert leaf.shape == rows.y.shape
        assert leaf.dtype == np.int64
        assert found.score[split] == pytest.approx(tree.score(rows.x, rows.y))
        for one, node in zip(leaf, tree.apply(rows.x), strict=True):
            node_of.setdefault(int(one), set()).add(int(node))
    assert sorted(node_of) == list(range(found.n_leaves))  # training rows are in every leaf
    assert all(len(nodes) == 1 for nodes in node_of.values())
    assert len(set.union(*node_of.values())) == found.n_leaves
    assert len(np.unique(found.leaves["train"])) == found.n_leaves


@pytest.mark.parametrize(("name", "depth"), [("iris", 3), ("digits", 6)])
def test_paths_are_the_turns_that_rows_take(name: str, depth: int) -> None:
    run = a_run(name, depth)
    found, fitted, data = found_of(run), sklearn_tree(run), load(run.data, run.data_seed)
    tree = fitted.tree_
    for split, rows in data.splits.items():
        path = fitted.decision_path(rows.x)
        for row, leaf in enumerate(found.leaves[split]):
            nodes = path.indices[path.indptr[row] : path.indptr[row + 1]]  # ascending, and a parent before its children
            turns = "".join(str(int(rows.x[row, tree.feature[node]] > tree.threshold[node])) for node in nodes[:-1])
            assert found.paths[leaf] == turns
    assert list(found.paths) == sorted(found.paths)  # left to right
    assert sum(2.0 ** -len(path) for path in found.paths) == 1  # every way leads to a leaf
    assert max(map(len, found.paths)) <= depth


def test_depth_0_is_one_leaf() -> None:
    run = a_run("digits", 0)
    found, data = found_of(run), load(run.data, run.data_seed)
    assert (found.n_leaves, found.paths) == (1, ("",))
    assert all((leaf == 0).all() for leaf in found.leaves.values())
    assert found.score["test"] == data.majority_accuracy


def test_are_those_of_the_baseline() -> None:
    run = changed(a_run("digits", 5), {"split_seed": 1, "init_seed": 2})
    model = fit(changed(run, {"net.kind": "decision_tree"}))
    found = found_of(run)
    assert model is not None
    assert found.score == {split: model.record.metrics[split, "accuracy"] for split in SPLITS}
    assert found.n_leaves == model.estimator.get_n_leaves()
