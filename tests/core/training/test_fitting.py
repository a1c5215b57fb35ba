"""Baselines: scored as scikit-learn scores them, chosen as brute force chooses, counted by hand and by walking the trees."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_info

from leafscope.core import device
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.errors import DataError, LimitError
from leafscope.core.models import boosting, fitted_kinds, forest
from leafscope.core.scores.confusion import confusion_matrix, tally_of
from leafscope.core.training import fitting
from leafscope.core.training.fitting import fit
from tests.core.training.fits import IRIS, NOISY, a_run, rows, tiny


@pytest.fixture(params=fitted_kinds())
def kind(request) -> str:
    return request.param


@pytest.fixture
def few_trees(monkeypatch) -> None:
    """Ensembles of a few trees, so that tests of other things are quick."""
    monkeypatch.setattr(forest, "TREES", 5)
    monkeypatch.setattr(boosting, "ROUNDS", 5)


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
            answers = model.estimator.predict(split.x)
            np.testing.assert_array_equal(model.record.tallies[name], tally_of(confusion_matrix(split.y, answers, 3)))

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
    def test_by_hand(self):
        data = replace(tiny([0, 1, 2], [1, 1, 0], 3), test=rows([0, 1, 2, 3], [0, 1, 2, 1]))
        assert data.majority_accuracy == 0.5

    def test_the_first_of_equals(self):
        data = replace(tiny([0, 1], [2, 1], 3), test=rows([0, 1, 2, 3], [1, 1, 1, 2]))
        assert data.majority_accuracy == 0.75

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
        monkeypatch.setattr(fitting, "_scores", lambda *_: ({"loss": 1.0, "accuracy": 0.5}, None))
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


class TestRefusals:
    @pytest.mark.parametrize("net", ["tree", "flat", "dense"])
    def test_nets_are_not_fitted(self, net):
        with pytest.raises(ValueError, match=f"kind must be one of logistic, .*, got {net}"):
            fit(a_run(net))

    def test_what_does_not_fit_in_memory(self, kind, monkeypatch):
        monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: 1000)
        monkeypatch.setattr(fitting, "load", None)  # it is refused before the data are drawn
        with pytest.raises(LimitError, match=r"needs .* but only .* are free on cpu; "):
            fit(a_run(kind))

    def test_advice_is_about_what_can_be_changed(self, monkeypatch):
        monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: 1000)
        with pytest.raises(LimitError, match="fewer rows need less"):
            fit(a_run("random_forest"))

    def test_data_that_cannot_be_had(self):
        with pytest.raises(DataError, match="n_train must be at most"):
            fit(a_run(data=DataConfig(name="iris", n_train=149)))

    def test_what_is_chosen_on_validation_rows_needs_them(self):
        none = DataConfig(name="iris", test_fraction=0.0, validation_fraction=0.0)
        for kind in ("logistic", "decision_tree_pruned"):
            with pytest.raises(DataError, match=f"there must be validation rows for {kind}"):
                fit(a_run(kind, data=none))
        model = fit(a_run(data=none))
        assert {split for split, _ in model.record.metrics} == {"train"}
        assert model.facts["inference_seconds"] > 0

    def test_a_gpu_that_is_not_there_does_not_matter(self):
        assert fit(RunConfig(data=IRIS, net=NetConfig(kind="logistic"), train={"device": "cuda:99"})) is not None


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


@pytest.mark.usefixtures("few_trees")
def test_balanced_classes_find_a_rare_class_and_weigh_the_loss(kind):
    rng = np.random.default_rng(0)
    labels = (np.arange(400) % 16 == 0).astype(np.int64)
    first, second = (rng.standard_normal((400, 2)) + labels[:, None] for _ in range(2))
    data = replace(tiny(first, labels, 2), validation=rows(second, labels), test=rows(second, labels))
    found = {}
    for words in ("none", "balanced"):
        model = fit(a_run(kind, depth=2, data=IRIS, train=TrainConfig(class_weight=words)), data)
        found[words] = (model.estimator.predict(data.test.x)[labels == 1] == 1).mean()
    assert found["balanced"] > found["none"]
    weights = compute_sample_weight("balanced", labels)
    wanted = log_loss(labels, model.estimator.predict_proba(data.test.x).astype(np.float64), sample_weight=weights)
    assert model.record.metrics["test", "loss"] == pytest.approx(wanted, rel=1e-6)
