"""Training on arrays alone: no data set, weights of rows and classes, numbers as targets."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.training.arrays import Arrays, Part
from leafscope.core.training.batched import Batch
from leafscope.core.training.descent import Descent
from leafscope.core.training.events import Ended
from leafscope.core.training.loop import Fitted, fit, train
from leafscope.core.training.losses import mean_loss
from leafscope.core.training.trainer import Trainer

NET = NetConfig(depth=2, width=6)
WHOLE = TrainConfig(epochs=12, batch_size=1000, lr=0.02, device="cpu")
"""Every step sees all rows."""


def drawn(rows: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 3)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0.8).astype(np.int64), 100 + 7 * np.sin(x[:, 0]) + x[:, 1] ** 2


def losses(fitted: Fitted, part: str = "train", metric: str = "loss") -> list[float]:
    return [record.metrics[part, metric] for record in fitted.records]


def test_a_run_is_a_fit_of_its_data_set_s_arrays() -> None:
    run = RunConfig(data=DataConfig(name="iris"), net=NET, train=TrainConfig(epochs=3, device="cpu"), seed=3)
    of_run, of_arrays = train(run), fit(Arrays.of(load(run.data, 3)), run.net, run.train, 3)
    rows = [(r.epoch, *key, value) for r in of_arrays.records for key, value in r.metrics.items()]
    assert [tuple(row) for row in of_run.history.itertuples(index=False)] == rows
    assert of_arrays.best_epoch == of_run.best_epoch


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("is_regression", [True, False])
def test_whole_weights_are_repeated_rows(compiled: bool, is_regression: bool) -> None:
    x, classes, numbers = drawn(80)
    times = np.random.default_rng(1).integers(0, 4, 80)
    y, n_classes = (numbers, None) if is_regression else (classes, 2)
    weighted = Arrays(Part(x, y, times.astype(float)), n_classes=n_classes)
    repeated = Arrays(Part(np.repeat(x, times, 0), np.repeat(y, times)), n_classes=n_classes)
    found = [losses(fit(arrays, NET, WHOLE, 5, compiled=compiled)) for arrays in (weighted, repeated)]
    np.testing.assert_allclose(*found, rtol=2e-4)
    assert found[0] != losses(fit(Arrays(Part(x, y), n_classes=n_classes), NET, WHOLE, 5, compiled=compiled))


@pytest.mark.parametrize("class_weight", ["none", "balanced"])
@pytest.mark.parametrize("is_regression", [True, False])
def test_all_paths_agree(class_weight: str, is_regression: bool) -> None:
    """Compiled steps, torch's own, and several nets as one; with batches, a second part and straight-through gates."""
    if is_regression and class_weight == "balanced":
        return
    x, classes, numbers = drawn(90)
    y, n_classes = (numbers, None) if is_regression else (classes, 2)
    weight = np.random.default_rng(2).random(60)
    arrays = Arrays(Part(x[:60], y[:60], weight), Part(x[60:], y[60:]), n_classes=n_classes)
    settings = TrainConfig(epochs=4, batch_size=25, class_weight=class_weight, gate_gradient="straight_through", device="cpu")
    compiled, plain = (fit(arrays, NET, settings, 1, compiled=is_compiled) for is_compiled in (True, False))
    descents = [Descent(arrays, NET, settings, seed, compiled=False) for seed in (1, 2)]
    events = [event for number, event in Batch([0, 1], descents, lambda _: False).events() if number == 0]
    batched = [event for event in events if not isinstance(event, Ended)]
    for record, other, third in zip(compiled.records, plain.records, batched, strict=True):
        assert set(record.metrics) == {(part, metric) for part in ("train", "validation") for metric in _metrics(is_regression)}
        for key, value in record.metrics.items():
            assert other.metrics[key] == pytest.approx(value, rel=1e-3, abs=1e-3), key
            assert third.metrics[key] == pytest.approx(other.metrics[key], rel=1e-4, abs=1e-4), key


def _metrics(is_regression: bool) -> tuple[str, ...]:
    return ("loss", "rmse", "mae", "r2") if is_regression else ("loss", "accuracy")


def test_balanced_classes_weigh_as_much_as_each_other() -> None:
    x, y, _ = drawn(90)
    arrays = Arrays(Part(x[:60], y[:60]), Part(x[60:], y[60:]), n_classes=2)
    weights = arrays.weights("balanced")
    wanted = compute_sample_weight("balanced", y[:60])
    np.testing.assert_allclose(weights["train"], wanted / wanted.mean(), rtol=1e-6)
    ratio = (y[:60] == 0).sum() / (y[:60] == 1).sum()
    validation = weights["validation"]
    assert validation is not None
    assert validation[y[60:] == 1][0] / validation[y[60:] == 0][0] == pytest.approx(ratio, rel=1e-6)
    assert arrays.weights("none") == {"train": None, "validation": None}


def test_balanced_weights_find_a_rare_class() -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(600) % 20 == 0).astype(np.int64)
    x = (rng.standard_normal((600, 2)) + 1.2 * y[:, None]).astype(np.float32)
    recall = {}
    for words in ("none", "balanced"):
        settings = TrainConfig(epochs=10, class_weight=words, device="cpu")
        net = fit(Arrays(Part(x, y), n_classes=2), NET, settings).net
        recall[words] = (net(torch.tensor(x)).argmax(1).numpy()[y == 1] == 1).mean()
    assert recall["none"] < 0.2
    assert recall["balanced"] > 0.6


def test_numbers_are_learned_in_their_unit() -> None:
    x, _, y = drawn(200)
    fitted = fit(Arrays(Part(x, y), n_classes=None), NET, TrainConfig(epochs=40, lr=0.02, device="cpu"))
    rmse, r2 = losses(fitted, metric="rmse"), losses(fitted, metric="r2")
    assert rmse[0] == pytest.approx(y.std(), rel=0.5)  # before training it says about the mean
    assert r2[-1] > 0.9
    predicted = fitted.net(torch.tensor(x)).detach().numpy()[:, 0] * y.std() + y.mean()
    assert rmse[-1] == pytest.approx(np.sqrt(np.mean((predicted - y) ** 2)), rel=1e-5)
    assert losses(fitted)[-1] == pytest.approx((rmse[-1] / y.std()) ** 2, rel=1e-5)


def test_a_step_on_numbers_is_that_of_float64() -> None:
    """The gradient of the loss, weights included, against central differences."""
    outputs = torch.tensor([[0.3], [-1.2], [2.0]], dtype=torch.float64, requires_grad=True)
    y, weight = torch.tensor([0.0, 1.0, 1.5], dtype=torch.float64), torch.tensor([0.5, 2.0, 0.5], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda o: mean_loss(o, y, weight), outputs)
    (gradient,) = torch.autograd.grad(mean_loss(outputs, y, weight), outputs)
    np.testing.assert_allclose(gradient[:, 0], 2 * weight * (outputs[:, 0] - y).detach() / 3)


def test_equal_targets_are_no_division_by_zero() -> None:
    fitted = fit(Arrays(Part(drawn(30)[0], np.full(30, 5.0)), n_classes=None), NET, WHOLE)
    assert losses(fitted, metric="rmse")[-1] < 1.5
    assert np.isnan(losses(fitted, metric="r2")).all()


@pytest.mark.parametrize(("weight", "rows"), [([-1.0, 1.0], 2), ([0.0, 0.0], 2), ([np.nan, 1.0], 2), ([1.0], 2), (None, 3)])
def test_what_does_not_fit_together_is_refused(weight: list[float] | None, rows: int) -> None:
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"must (be 2 finite numbers|have shape \(3, 3\))"):
        Arrays(Part(x, np.arange(rows), None if weight is None else np.array(weight)), n_classes=2)


def test_what_needs_other_arrays_is_refused() -> None:
    x, y, numbers = drawn(20)
    with pytest.raises(ValueError, match="patience must be left out"):
        Descent(Arrays(Part(x, y), n_classes=2), NET, TrainConfig(patience=3))
    with pytest.raises(ValueError, match="class_weight must be"):
        Descent(Arrays(Part(x, numbers), n_classes=None), NET, TrainConfig(class_weight="balanced"))


def test_class_weights_are_of_every_model_and_the_default_changes_no_address() -> None:
    for kind in ("tree", "dense", "logistic", "random_forest"):
        plain = RunConfig(net=NetConfig(kind=kind))
        balanced = RunConfig(net=NetConfig(kind=kind), train=TrainConfig(class_weight="balanced"))
        assert balanced.run_id != plain.run_id
        assert balanced.label == plain.label.replace(" s0", " balanced s0")
    assert RunConfig().run_id == "9e722a4bbba78019"
    assert isinstance(Trainer(RunConfig(data=DataConfig(name="iris"))), Descent)
