"""Regression from a data set to results: nets, what scikit-learn fits, and sweeps, against the same in double precision."""

from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.datasets import DATA_SETS, Dataset, DatasetSpec, Rows, load, shape
from leafscope.core.datasets.drawing import n_samples
from leafscope.core.errors import DataError
from leafscope.core.models import decision_tree, fitted_kinds
from leafscope.core.scores import TASKS
from leafscope.core.sweep.members import check
from leafscope.core.sweep.outcome import score_columns
from leafscope.core.training.fitting import fit
from leafscope.core.training.loop import train
from leafscope.core.worker.inline import run_sweep

RECORDED = {"loss", "rmse", "mae", "r2"}


def drawn(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    return Rows(x, 500 + 30 * np.sin(2 * x[:, 0]) + 10 * x[:, 1] + rng.standard_normal(n))


@pytest.fixture(autouse=True)
def data() -> Iterator[DataConfig]:
    """A data set whose target is a number."""
    spec = DatasetSpec(
        name="numbers",
        title="Numbers",
        description="A wave.",
        source="drawn here",
        licence="none",
        rows=lambda options, seed: drawn(options["n_samples"], seed),
        n_rows=itemgetter("n_samples"),
        n_features=3,
        n_classes=0,
        task="regression",
        is_generator=True,
        options=(n_samples(300),),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS._variants, "numbers", spec)
        yield DataConfig(name="numbers", n_samples=300)


@pytest.fixture
def dataset(data: DataConfig) -> Dataset:
    return load(data, 0)


def test_the_rows_are_split_and_keep_their_unit(data: DataConfig, dataset: Dataset) -> None:
    sizes = shape(data)
    assert (sizes.n_classes, sizes.n_outputs, dataset.n_classes, dataset.n_outputs) == (0, 1, 0, 1)
    assert [len(split.y) for split in dataset.splits.values()] == [sizes.n_train, sizes.n_validation, sizes.n_test]
    raw = drawn(300, 0)
    every = np.sort(np.concatenate([split.index for split in dataset.splits.values()]))
    np.testing.assert_array_equal(every, np.arange(300))
    for split in dataset.splits.values():
        np.testing.assert_array_equal(split.y, raw.y[split.index])
        np.testing.assert_allclose(split.x, dataset.standardize(raw.x[split.index]))
    mean = np.full(len(dataset.test.y), dataset.train.y.mean())
    assert dataset.chance["rmse"] == pytest.approx(metrics.root_mean_squared_error(dataset.test.y, mean))
    assert set(dataset.chance) == RECORDED - {"loss"}


@pytest.mark.parametrize("compiled", [True, False])
def test_a_net_s_scores_are_those_of_its_predictions_in_double_precision(
    data: DataConfig, dataset: Dataset, compiled: bool
) -> None:
    run = RunConfig(data=data, net=NetConfig(depth=2, width=16), train=TrainConfig(epochs=30, lr=0.02, device="cpu"))
    result = train(run, compiled=compiled)
    last = result.history[result.history["epoch"] == 30].set_index(["split", "metric"])["value"]
    mean, deviation = dataset.train.y.mean(), dataset.train.y.std()
    net = result.net.double()
    for name, split in dataset.splits.items():
        outputs = net(torch.tensor(split.x, dtype=torch.float64)).detach().numpy()[:, 0]
        answers = outputs * deviation + mean
        assert last[name, "rmse"] == pytest.approx(metrics.root_mean_squared_error(split.y, answers), rel=1e-4)
        assert last[name, "mae"] == pytest.approx(metrics.mean_absolute_error(split.y, answers), rel=1e-4)
        assert last[name, "r2"] == pytest.approx(metrics.r2_score(split.y, answers), rel=1e-4)
        assert last[name, "loss"] == pytest.approx(np.mean((outputs - (split.y - mean) / deviation) ** 2), rel=1e-4)
    assert last["test", "rmse"] < 0.5 * dataset.chance["rmse"]
    assert set(result.history["metric"]) == RECORDED


@pytest.mark.parametrize("kind", fitted_kinds())
def test_what_scikit_learn_fits_is_a_regressor_with_scikit_learn_s_scores(
    kind: str, data: DataConfig, dataset: Dataset
) -> None:
    model = fit(RunConfig(data=data, net=NetConfig(kind=kind, depth=4)))
    assert model is not None
    for name, split in dataset.splits.items():
        answers = model.estimator.predict(split.x)
        assert model.record.metrics[name, "rmse"] == pytest.approx(metrics.root_mean_squared_error(split.y, answers))
        assert model.record.metrics[name, "mae"] == pytest.approx(metrics.mean_absolute_error(split.y, answers))
        assert model.record.metrics[name, "r2"] == pytest.approx(model.estimator.score(split.x, split.y))
    assert model.record.metrics["test", "rmse"] < dataset.chance["rmse"]
    assert model.facts["parameters"] > 0
    assert {metric for _, metric in model.record.metrics} == RECORDED


def test_a_tree_of_depth_0_is_the_mean_and_linear_regression_is_chosen_on_validation(
    data: DataConfig, dataset: Dataset
) -> None:
    root = fit(RunConfig(data=data, net=NetConfig(kind="decision_tree", depth=0)))
    linear = fit(RunConfig(data=data, net=NetConfig(kind="logistic")))
    assert root is not None
    assert linear is not None
    assert root.record.metrics["test", "rmse"] == pytest.approx(dataset.chance["rmse"])
    found = [
        metrics.mean_squared_error(dataset.validation.y, Ridge(alpha=1 / c).fit(*_train(dataset)).predict(dataset.validation.x))
        for c in (0.01, 0.1, 1.0, 10.0)
    ]
    assert linear.facts["chosen"] == {"C": (0.01, 0.1, 1.0, 10.0)[int(np.argmin(found))]}


def _train(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return dataset.train.x.astype("float64"), dataset.train.y


def test_the_pruned_tree_is_the_best_of_its_path_on_validation(data: DataConfig, dataset: Dataset) -> None:
    run = RunConfig(data=data, net=NetConfig(kind="decision_tree_pruned"))
    model = fit(run)
    assert model is not None
    full, _ = decision_tree._fit_pruned(run, dataset.train.x, dataset.train.y, {})
    alphas, _ = decision_tree.pruning_path(full.tree_, decision_tree.right_in_nodes(full, dataset.validation))
    errors = [
        metrics.mean_squared_error(
            dataset.validation.y,
            DecisionTreeRegressor(random_state=0, ccp_alpha=alpha)
            .fit(dataset.train.x, dataset.train.y)
            .predict(dataset.validation.x),
        )
        for alpha in alphas
    ]
    own = metrics.mean_squared_error(dataset.validation.y, model.estimator.predict(dataset.validation.x))
    assert own == pytest.approx(min(errors), rel=0.02)  # of more alphas than are tried, some between may be better


def test_a_sweep_has_columns_of_numbers_and_none_of_accuracy(data: DataConfig, dataset: Dataset) -> None:
    base = RunConfig(data=data, net=NetConfig(width=8), train=TrainConfig(epochs=3, device="cpu"))
    axes = {"net.depth": [0, 2], "train.lr": [0.001, 0.02]}
    table = run_sweep(SweepConfig(name="numbers", base=base, axes=axes, baselines=["logistic", "decision_tree"]))
    assert (table["status"] == "finished").all()
    assert set(score_columns(TASKS["regression"])) <= set(table.columns)
    assert not [name for name in table.columns if "accuracy" in name]
    assert table["chance_rmse"].tolist() == pytest.approx([dataset.chance["rmse"]] * len(table))
    assert (table["best_test_rmse"] > 0).all()
    assert set(table["model"]) == {"tree", "linear", "decision_tree"}  # one line is no logistic regression here


def test_a_sweep_has_one_task(data: DataConfig) -> None:
    mixed = SweepConfig(name="both", base=RunConfig(data=DataConfig(name="iris")), axes={"data.name": ["iris", "numbers"]})
    with pytest.raises(DataError, match="must have one task"):
        check(mixed)
    weighed = SweepConfig(base=RunConfig(data=data), axes={"train.class_weight": ["none", "balanced"]})
    with pytest.raises(DataError, match="class_weight must be"):
        check(weighed)


def test_classes_cannot_be_weighed_where_there_are_none(data: DataConfig) -> None:
    for kind, of in (("tree", train), ("random_forest", fit)):
        run = RunConfig(data=data, net=NetConfig(kind=kind), train=TrainConfig(class_weight="balanced"))
        with pytest.raises(ValueError, match="class_weight must be"):
            of(run)
