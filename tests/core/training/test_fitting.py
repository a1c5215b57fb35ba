"""Baselines: scored as scikit-learn scores them, chosen as brute force chooses, counted by hand and by walking the trees."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_info

from leafscope.core import device
from leafscope.core.config import FITTED, DataConfig, NetConfig, RunConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import Dataset, Split, load
from leafscope.core.errors import DataError, LimitError
from leafscope.core.training import fitting
from leafscope.core.training.fitting import fit, fitted_tree, majority_accuracy

NOISY = DataConfig(name="tree_teacher", n_samples=400, n_train=160, n_features=4, n_classes=3, noise=0.2)
IRIS = DataConfig(name="iris")


def a_run(kind="decision_tree", depth=3, data=NOISY, **fields) -> RunConfig:
    return RunConfig(data=data, net=NetConfig(kind=kind, depth=depth), **fields)


def rows(x, y) -> Split:
    x = np.asarray(x, np.float32)
    return Split(x.reshape(len(y), -1), np.asarray(y, np.int64), np.arange(len(y)))


def tiny(x, y, n_classes: int) -> Dataset:
    """The same few rows in every split."""
    split = rows(x, y)
    names = tuple(str(label) for label in range(n_classes))
    features = tuple(f"x{number}" for number in range(split.x.shape[1]))
    return replace(load(IRIS, 0), train=split, validation=split, test=split, class_names=names, feature_names=features)


@pytest.fixture(params=FITTED)
def kind(request) -> str:
    return request.param


@pytest.fixture
def few_trees(monkeypatch) -> None:
    """Ensembles of a few trees, so that tests of other things are quick."""
    monkeypatch.setattr(fitting, "TREES", 5)


@pytest.mark.usefixtures("few_trees")
class TestScores:
    def test_are_scikit_learn_s(self, kind):
        run = a_run(kind)
        model = fit(run)
        data = load(run.data, run.data_seed)
        assert set(model.record.metrics) == {(split, metric) for split in data.splits for metric in ("loss", "accuracy")}
        for name, split in data.splits.items():
            loss = log_loss(split.y, model.estimator.predict_proba(split.x).astype(np.float64), labels=[0, 1, 2])
            assert model.record.metrics[name, "loss"] == pytest.approx(loss, rel=1e-12)
            assert model.record.metrics[name, "accuracy"] == model.estimator.score(split.x, split.y)

    def test_the_record_is_one_epoch(self, kind):
        record = fit(a_run(kind)).record
        assert (record.epoch, record.leaves) == (1, {})
        assert record.seconds > 0

    def test_facts_are_json_and_finite(self, kind):
        facts = json.loads(json.dumps(fit(a_run(kind)).facts, allow_nan=False))
        names = {"parameters", "trained_parameters", "multiply_adds", "operations", "fit_seconds", "inference_seconds"}
        assert names | {"chosen", "trials"} <= set(facts)
        assert isinstance(facts["parameters"], int)
        assert facts["trained_parameters"] == facts["parameters"]
        assert isinstance(facts["multiply_adds"], float)
        assert facts["operations"] == ("multiply-adds" if kind == "logistic" else "comparisons")
        assert facts["fit_seconds"] > 0
        assert facts["inference_seconds"] > 0

    def test_the_same_run_gives_the_same(self, kind):
        first, second = fit(a_run(kind, seed=3)), fit(a_run(kind, seed=3))
        assert first.record.metrics == second.record.metrics
        assert first.facts["chosen"] == second.facts["chosen"]

    def test_a_class_that_is_absent_in_training_has_no_probability(self, kind):
        data = load(IRIS, 0)
        seen = data.train.y < 2
        without = replace(data, train=rows(data.train.x[seen], data.train.y[seen]))
        model = fit(a_run(kind, data=IRIS), without)
        probabilities = model.estimator.predict_proba(data.test.x).astype(np.float64)
        padded = np.column_stack([probabilities, np.zeros(len(data.test.y))])
        expected = log_loss(data.test.y, padded, labels=[0, 1, 2])
        assert model.record.metrics["test", "loss"] == pytest.approx(expected, rel=1e-12)
        assert model.record.metrics["test", "accuracy"] <= (data.test.y < 2).mean()
        if kind == "logistic":
            assert model.facts["parameters"] == 4 + 1

    def test_columns_are_aligned_when_the_first_class_is_absent(self):
        data = load(IRIS, 0)
        seen = data.train.y > 0
        model = fit(a_run(data=IRIS), replace(data, train=rows(data.train.x[seen], data.train.y[seen])))
        padded = np.column_stack([np.zeros(len(data.test.y)), model.estimator.predict_proba(data.test.x)])
        assert model.record.metrics["test", "loss"] == pytest.approx(log_loss(data.test.y, padded, labels=[0, 1, 2]), rel=1e-12)


class TestMajorityClass:
    def test_depth_0(self):
        run = a_run(depth=0, data=DataConfig(name="breast_cancer"))
        data = load(run.data, 0)
        model = fit(run)
        counts = np.bincount(data.train.y)
        for name, split in data.splits.items():
            assert model.record.metrics[name, "accuracy"] == (split.y == counts.argmax()).mean()
            share = np.log(counts / counts.sum())
            assert model.record.metrics[name, "loss"] == pytest.approx(-share[split.y].mean())
        assert model.record.metrics["test", "accuracy"] == majority_accuracy(data)
        assert model.facts["parameters"] == cost(run.net, 30, 2).parameters == 2
        assert model.facts["multiply_adds"] == 0

    def test_by_hand(self):
        data = replace(tiny([0, 1, 2], [1, 1, 0], 3), test=rows([0, 1, 2, 3], [0, 1, 2, 1]))
        assert majority_accuracy(data) == 0.5

    def test_the_first_of_equals(self):
        data = replace(tiny([0, 1], [2, 1], 3), test=rows([0, 1, 2, 3], [1, 1, 1, 2]))
        assert majority_accuracy(data) == 0.75

    def test_one_class_is_enough_for_trees(self):
        data = tiny([0, 1, 2], [1, 1, 1], 3)
        model = fit(a_run("decision_tree_pruned", data=IRIS), data)
        assert model.record.metrics["test", "accuracy"] == 1
        assert model.facts["chosen"] == {"ccp_alpha": 0.0}
        assert model.facts["trials"] == 1

    @pytest.mark.parametrize("kind", ["logistic", "gradient_boosting"])
    def test_one_class_is_not_enough(self, kind):
        with pytest.raises(DataError, match=f"at least two classes for {kind}, got 1"):
            fit(a_run(kind, data=IRIS), tiny([0, 1, 2], [1, 1, 1], 3))


def brute_force(kind: str, value: float, seed: int):
    if kind == "logistic":
        return LogisticRegression(C=value, max_iter=10_000)
    if kind == "random_forest":
        return RandomForestClassifier(5, min_samples_leaf=value, random_state=seed)
    return HistGradientBoostingClassifier(learning_rate=value, max_iter=5, early_stopping=False, random_state=seed)


GRIDS = {
    "logistic": ("C", [0.01, 0.1, 1, 10]),
    "random_forest": ("min_samples_leaf", [10, 5, 2, 1]),
    "gradient_boosting": ("learning_rate", [0.03, 0.1, 0.3, 1.0]),
}


@pytest.mark.usefixtures("few_trees")
class TestChoice:
    @pytest.mark.parametrize("name", GRIDS)
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_is_the_lowest_validation_loss_of_the_grid(self, name, seed):
        hyperparameter, values = GRIDS[name]
        data = load(NOISY, seed)
        losses = []
        for value in values:
            estimator = brute_force(name, value, seed).fit(data.train.x.astype(float), data.train.y)
            losses.append(log_loss(data.validation.y, estimator.predict_proba(data.validation.x), labels=[0, 1, 2]))
        model = fit(a_run(name, seed=seed))
        assert model.facts["chosen"] == {hyperparameter: values[int(np.argmin(losses))]}
        assert model.record.metrics["validation", "loss"] == pytest.approx(min(losses), rel=1e-9)
        assert model.facts["trials"] == 4

    @pytest.mark.parametrize("name", GRIDS)
    def test_of_equals_the_simplest(self, name, monkeypatch):
        monkeypatch.setattr(fitting, "_scores", lambda *_: {"loss": 1.0, "accuracy": 0.5})
        hyperparameter, values = GRIDS[name]
        assert fit(a_run(name)).facts["chosen"] == {hyperparameter: values[0]}

    def test_a_decision_tree_of_fixed_depth_has_nothing_to_choose(self):
        facts = fit(a_run()).facts
        assert (facts["chosen"], facts["trials"]) == ({}, 1)

    def test_test_rows_are_never_seen(self, kind):
        data = load(NOISY, 0)
        nonsense = rows(np.zeros_like(data.test.x), np.roll(data.test.y, 7))
        honest, blind = fit(a_run(kind)), fit(a_run(kind), replace(data, test=nonsense))
        assert blind.facts["chosen"] == honest.facts["chosen"]
        for split in ("train", "validation"):
            for metric in ("loss", "accuracy"):
                assert blind.record.metrics[split, metric] == honest.record.metrics[split, metric]
        assert blind.record.metrics["test", "loss"] != honest.record.metrics["test", "loss"]

    def test_seeds_of_weights_draw_the_trees(self):
        first, second = (fit(a_run("random_forest", seed=0, init_seed=seed)) for seed in (1, 2))
        assert first.record.metrics != second.record.metrics


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
        alphas, right = fitting._pruning_path(full.tree_, fitting._right_in_nodes(full, data.validation))
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
        alphas, right = fitting._pruning_path(full.tree_, fitting._right_in_nodes(full, data.validation))
        monkeypatch.setattr(fitting, "ALPHAS", 4)
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


def steps_of(tree, row) -> int:
    """Walk a row down a tree: the comparisons until a leaf."""
    node, steps = 0, 0
    while tree.children_left[node] >= 0:
        goes_left = row[tree.feature[node]] <= tree.threshold[node]
        node = tree.children_left[node] if goes_left else tree.children_right[node]
        steps += 1
    return steps


def boosted_steps_of(nodes, row) -> int:
    node, steps = 0, 0
    while not nodes[node]["is_leaf"]:
        goes_left = row[nodes[node]["feature_idx"]] <= nodes[node]["num_threshold"]
        node = nodes[node]["left"] if goes_left else nodes[node]["right"]
        steps += 1
    return steps


class TestSize:
    def test_one_split_by_hand(self):
        facts = fit(a_run(data=IRIS), tiny([0, 1, 2, 3], [0, 0, 1, 1], 2)).facts
        assert facts["parameters"] == 2 + 2 * 2
        assert facts["multiply_adds"] == 1

    def test_uneven_paths_by_hand(self):
        # the pair of class 2 is a leaf after one comparison, the other rows after two
        facts = fit(a_run(data=IRIS), tiny([0, 1, 2, 3], [0, 1, 2, 2], 3)).facts
        assert facts["parameters"] == 2 * 2 + 3 * 3
        assert facts["multiply_adds"] == 1.5

    @pytest.mark.parametrize("depth", range(6))
    def test_the_full_tree_is_the_most(self, depth):
        run = a_run(depth=depth)
        most, facts = cost(run.net, 4, 3), fit(run).facts
        assert facts["parameters"] <= most.parameters
        assert facts["multiply_adds"] <= most.multiply_adds
        if depth <= 1:
            assert (facts["parameters"], facts["multiply_adds"]) == (most.parameters, most.multiply_adds)

    @pytest.mark.parametrize("data", [NOISY, DataConfig(name="moons", n_samples=100)])
    def test_logistic(self, data):
        run = a_run("logistic", data=data)
        model, size = fit(run), load(data, 0)
        counted = cost(run.net, size.n_features, size.n_classes)
        assert model.facts["parameters"] == model.estimator.coef_.size + model.estimator.intercept_.size == counted.parameters
        assert model.facts["multiply_adds"] == counted.multiply_adds

    @pytest.mark.usefixtures("few_trees")
    def test_a_forest_is_the_sum_of_its_trees(self):
        model, data = fit(a_run("random_forest")), load(NOISY, 0)
        trees = [each.tree_ for each in model.estimator.estimators_]
        leaves = sum(int((tree.children_left < 0).sum()) for tree in trees)
        splits = sum(tree.node_count for tree in trees) - leaves
        assert model.facts["parameters"] == 2 * splits + 3 * leaves
        steps = sum(steps_of(tree, row) for tree in trees for row in data.train.x)
        assert model.facts["multiply_adds"] == pytest.approx(steps / len(data.train.y))

    @pytest.mark.usefixtures("few_trees")
    def test_boosting_is_the_sum_of_its_trees(self):
        model, data = fit(a_run("gradient_boosting")), load(NOISY, 0)
        trees = [tree.nodes for of_round in model.estimator._predictors for tree in of_round]
        assert len(trees) == 5 * 3
        splits = sum(1 for nodes in trees for node in nodes if not node["is_leaf"])
        assert model.facts["parameters"] == 2 * splits + splits + len(trees)
        steps = sum(boosted_steps_of(nodes, row) for nodes in trees for row in data.train.x)
        assert model.facts["multiply_adds"] == pytest.approx(steps / len(data.train.y))
        assert "is_bound" not in model.facts

    @pytest.mark.usefixtures("few_trees")
    def test_boosting_whose_trees_cannot_be_read_is_bounded(self):
        facts = fit(a_run("gradient_boosting")).facts
        bound = fitting._boosted_size(SimpleNamespace(n_iter_=5, n_trees_per_iteration_=3))
        assert bound.is_bound
        assert bound.parameters == 15 * (2 * 30 + 31) >= facts["parameters"]
        assert bound.operations == 15 * 30 >= facts["multiply_adds"]

    def test_ensembles_have_100_trees(self):
        assert fitting.TREES == 100


class TestStopping:
    def test_at_once(self, kind):
        assert fit(a_run(kind), should_stop=lambda: True) is None

    @pytest.mark.usefixtures("few_trees")
    @pytest.mark.parametrize(("name", "trials"), [("logistic", 4), ("random_forest", 4), ("gradient_boosting", 4)])
    def test_between_trials(self, name, trials):
        for last in range(trials):
            asked = iter([False] * last + [True])
            assert fit(a_run(name), should_stop=lambda asked=asked: next(asked)) is None
            assert next(asked, None) is None
        asked = iter([False] * trials)
        assert fit(a_run(name), should_stop=lambda: next(asked)) is not None

    def test_before_pruning(self):
        asked = iter([False, True])
        assert fit(a_run("decision_tree_pruned"), should_stop=lambda: next(asked)) is None


class TestRefusals:
    @pytest.mark.parametrize("net", ["tree", "flat", "dense"])
    def test_nets_are_not_fitted(self, net):
        with pytest.raises(ValueError, match=f"kind must be one of logistic, .*, got {net}"):
            fit(a_run(net))

    def test_what_does_not_fit_in_memory(self, kind, monkeypatch):
        monkeypatch.setattr(device, "free_bytes", lambda where: 1000)
        monkeypatch.setattr(fitting, "load", None)  # it is refused before the data are drawn
        with pytest.raises(LimitError, match=r"needs .* but only .* are free on cpu; "):
            fit(a_run(kind))

    def test_advice_is_about_what_can_be_changed(self, monkeypatch):
        monkeypatch.setattr(device, "free_bytes", lambda where: 1000)
        with pytest.raises(LimitError, match="fewer rows need less"):
            fit(a_run("random_forest"))

    def test_data_that_cannot_be_had(self):
        with pytest.raises(DataError, match="n_train must be at most"):
            fit(a_run(data=DataConfig(name="iris", n_train=149)))

    def test_a_gpu_that_is_not_there_does_not_matter(self):
        assert fit(RunConfig(data=IRIS, net=NetConfig(kind="logistic"), train={"device": "cuda:99"})) is not None


class TestConvergence:
    def test_is_a_fact_and_no_warning(self, monkeypatch, recwarn):
        assert fit(a_run("logistic")).facts["converged"] is True
        monkeypatch.setattr(fitting, "ITERATIONS", 1)
        assert fit(a_run("logistic")).facts["converged"] is False
        assert not recwarn.list

    def test_other_warnings_are_passed_on(self, monkeypatch):
        class Warns:
            def fit(self, x, y):
                import warnings

                warnings.warn("something else", UserWarning, stacklevel=1)

        monkeypatch.setattr(fitting, "_estimator", lambda *_: Warns())
        with pytest.warns(UserWarning, match="something else"):
            fitting._fitted(a_run("logistic"), load(NOISY, 0).train, {})


def openmp_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "openmp"]


def test_one_thread_while_it_fits_and_as_before_afterwards():
    during = []
    before = openmp_threads()
    fit(a_run("logistic"), should_stop=lambda: bool(during.append(openmp_threads())))
    assert len(during) == 4
    assert all(set(threads) == {1} for threads in during)
    assert openmp_threads() == before


def test_losses_are_finite_where_a_leaf_is_sure_and_wrong():
    data = replace(tiny([0, 1, 2, 3], [0, 0, 1, 1], 2), test=rows([0, 3], [1, 0]))
    loss = fit(a_run(data=IRIS), data).record.metrics["test", "loss"]
    assert loss == pytest.approx(-math.log(np.finfo(float).eps))


class TestFittedTree:
    @pytest.mark.parametrize("kind", ["decision_tree", "decision_tree_pruned"])
    def test_rows_reach_the_leaves_of_a_tree_fitted_alike(self, kind):
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

    def test_shares_are_counted_on_the_training_rows_of_each_node(self):
        run = a_run(depth=3)
        data, tree = load(run.data, run.data_seed), fitted_tree(run)
        passed = fit(run).estimator.decision_path(data.train.x).toarray().astype(bool)
        counted = np.array([np.bincount(data.train.y[rows], minlength=3) / rows.sum() for rows in passed.T])
        np.testing.assert_allclose(tree.value, counted, atol=1e-12)

    def test_a_class_unseen_in_training_has_none(self, monkeypatch):
        data = tiny([[0.0], [1.0], [2.0], [3.0]], [0, 0, 2, 2], n_classes=4)
        monkeypatch.setattr(fitting, "load", lambda *_: data)
        tree = fitted_tree.__wrapped__(a_run(depth=1, data=IRIS))  # not to be kept for others
        assert tree.value.tolist() == [[0.5, 0, 0.5, 0], [1, 0, 0, 0], [0, 0, 1, 0]]

    def test_is_shared_and_read_only(self):
        tree = fitted_tree(a_run())
        assert fitted_tree(a_run()) is tree
        with pytest.raises(ValueError, match="read-only"):
            tree.value[0] = 0

    def test_other_kinds_have_none(self):
        with pytest.raises(ValueError, match=r"kind must be decision_tree or decision_tree_pruned, got logistic"):
            fitted_tree(a_run("logistic"))
