"""The loop: one history for one configuration, exact to the step, the same nets at depth 0, clear failures."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.datasets import load
from leafscope.core.errors import DataError, DeviceError, LimitError, NonFiniteLossError
from leafscope.core.models.registry import net_kinds
from leafscope.core.store.values.summaries import fold
from leafscope.core.training.loop import train
from leafscope.core.training.trainer import Trainer

small = RunConfig(
    data=DataConfig(name="moons", n_samples=200),
    net=NetConfig(depth=3, width=6),
    train=TrainConfig(epochs=4, batch_size=32, lr=0.01, device="cpu"),
)
variants = [
    {},
    {"net.kind": "flat"},
    {"net.kind": "dense"},
    {"net.gates": "units", "train.gate_gradient": "straight_through"},
    {"net.gates": "random", "net.tree_layers": 2},
    {"net.tree_layers": 3, "train.gate_noise": 0.5, "train.balance": 0.1, "train.weight_decay": 0.1},
    {"net.tree_layers": 2, "net.balancing": "centred"},
]


def history_of(records):
    return [(record.epoch, sorted(record.metrics.items())) for record in records]


@pytest.mark.parametrize("changes", variants)
def test_same_configuration_gives_the_same_history_bit_for_bit(changes):
    run = changed(small, changes)
    first, second = train(run), train(run)
    assert first.history.equals(second.history)
    assert first.history.columns.tolist() == ["epoch", "split", "metric", "value"]
    assert first.history.epoch.unique().tolist() == [0, 1, 2, 3, 4]
    assert len(first.history) == 5 * 3 * 2
    for key, leaves in first.leaves.items():
        assert np.array_equal(leaves, second.leaves[key])


def test_another_seed_gives_another_history():
    assert not train(small).history.equals(train(changed(small, {"seed": 1})).history)


@pytest.mark.parametrize("changes", variants)
@pytest.mark.parametrize("stop_after_steps", [0, 1, 5, 8])
def test_stop_and_resume_give_the_history_of_an_uninterrupted_run(changes, stop_after_steps):
    run = changed(small, changes)
    whole = history_of(Trainer(run).epochs())
    asked = iter([False] * stop_after_steps + [True])
    first = Trainer(run, should_stop=lambda: next(asked), seconds_between_looks=0)
    before = history_of(first.epochs())
    assert first.stopped
    second = Trainer(run)
    second.load_state(first.state())
    after = history_of(second.epochs())
    assert before + after == whole
    assert not second.stopped


def test_tree_flat_and_dense_at_depth_zero_have_one_history():
    for changes in ({}, {"train.weight_decay": 0.1, "train.decay_growth": 2.0}, {"net.tree_layers": 2, "net.gates": "units"}):
        histories = [
            train(changed(small, {**changes, "net.kind": kind, "net.depth": 0})).history for kind in ("tree", "flat", "dense")
        ]
        assert histories[0].equals(histories[1])
        assert histories[0].equals(histories[2])


def test_a_dense_net_trains_as_torch_would_train_it():
    run = changed(small, {"net.kind": "dense", "train.weight_decay": 0.05})
    trainer = Trainer(run)
    data = load(run.data, run.seed)
    net = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))
    for index, layer in ((0, trainer.net.hidden), (2, trainer.net.layers[0]), (4, trainer.net.head)):
        net[index].load_state_dict(layer.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.05)
    x, y = torch.tensor(data.train.x), torch.tensor(data.train.y)
    batches = math.ceil(len(y) / 32)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, batches * 4)
    expected = []
    for epoch in range(1, 5):
        order = torch.randperm(len(y), generator=trainer._stream(epoch, 0))
        for rows in order.split(32):
            optimizer.zero_grad()
            functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
            scheduler.step()
        expected.append(functional.cross_entropy(net(x), y).item())
    got = [record.metrics["train", "loss"] for record in trainer.epochs()][1:]
    assert got == pytest.approx(expected, rel=1e-4)


def test_leaves_are_recorded_for_every_epoch_split_and_layer():
    run = changed(small, {"net.tree_layers": 2})
    result = train(run)
    data = load(run.data, run.seed)
    assert set(result.leaves) == {(layer, split) for layer in (0, 1) for split in ("train", "validation", "test")}
    for (layer, split), leaves in result.leaves.items():
        rows = data.splits[split]
        assert leaves.shape == (5, len(rows.y))
        counts = result.leaf_counts[layer, split]
        assert counts.shape == (5, 8)
        assert (counts.sum(1) == len(rows.y)).all()
        assert counts[-1].tolist() == np.bincount(leaves[-1], minlength=8).tolist()
        # the last recorded leaves are those of the net that is returned
        assert leaves[-1].tolist() == result.net.routed(torch.tensor(rows.x)).leaves[layer].tolist()


def test_scores_are_those_of_the_net_returned():
    result = train(small)
    data = load(small.data, small.seed)
    logits = result.net(torch.tensor(data.test.x)).detach()
    last = result.history.query("epoch == 4 and split == 'test'").set_index("metric").value
    assert last["accuracy"] == pytest.approx((logits.argmax(1).numpy() == data.test.y).mean())
    assert last["loss"] == pytest.approx(functional.cross_entropy(logits, torch.tensor(data.test.y)).item())
    validation = result.history.query("split == 'validation' and metric == 'loss'")
    assert result.best_epoch == validation.loc[validation.value.idxmin(), "epoch"]


def test_what_scikit_learn_fits_is_not_trained():
    kinds = ", ".join(net_kinds())
    words = rf"must be one of {kinds}, which are trained by gradient descent, got logistic; .*fitting\.fit\(run\)"
    with pytest.raises(ValueError, match=words):
        train(changed(small, {"net.kind": "logistic"}))


def test_without_validation_and_test_rows_the_last_epoch_is_reported_and_nothing_can_be_waited_for():
    run = changed(small, {"data.test_fraction": 0.0, "data.validation_fraction": 0.0})
    result = train(run)
    assert (set(result.history["split"]), result.best_epoch) == ({"train"}, run.train.epochs)
    summary = fold({}, [(0, {("train", "loss"): 1.0}), (1, {("train", "loss"): 2.0})])
    last = {"train_loss": 2.0}
    assert summary == {"first": {"train_loss": 1.0}, "last": last, "best": last, "best_epoch": 1}
    assert Trainer(run).facts()["inference_seconds"] > 0
    with pytest.raises(DataError, match="patience must be left out"):
        Trainer(changed(run, {"train.patience": 2}))


def test_early_stopping_ends_after_patience_epochs_without_a_lower_validation_loss():
    run = changed(small, {"train.patience": 2, "train.epochs": 200, "train.lr": 0.05, "train.schedule": "constant"})
    result = train(run)
    losses = result.history.query("split == 'validation' and metric == 'loss'").value.tolist()
    assert len(losses) < 201
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    assert result.best_epoch == int(np.argmin(losses))


def test_the_first_loss_that_is_not_finite_ends_training_before_the_update():
    trainer = Trainer(small)
    records = trainer.epochs()
    next(records)
    next(records)
    with torch.no_grad():
        trainer.net.head.weight.fill_(float("inf"))
    before = {name: tensor.clone() for name, tensor in trainer.net.state_dict().items()}
    with pytest.raises(NonFiniteLossError, match="epoch 2, step 1") as caught:
        next(records)
    assert (caught.value.epoch, caught.value.step) == (2, 1)
    after = trainer.net.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_loss_that_is_not_finite_after_the_last_epoch_is_recorded_and_fails():
    run = changed(small, {"train.epochs": 1})
    trainer = Trainer(run, compiled=False)
    records = trainer.epochs()
    next(records)
    step = trainer._step

    def last_step_breaks_the_net(*arguments):
        step(*arguments)
        with torch.no_grad():
            trainer.net.head.weight.fill_(float("nan"))

    # only the last step of the epoch, so that no further step finds it
    trainer._step = lambda *arguments: (last_step_breaks_the_net if arguments[5] == trainer._batches - 1 else step)(*arguments)
    assert math.isnan(next(records).metrics["train", "loss"])
    with pytest.raises(NonFiniteLossError, match="became nan after epoch 1; nothing was updated") as caught:
        next(records)
    assert caught.value.step is None


def test_the_balance_penalty_makes_gates_more_even():
    ratios = []
    for weight in (0.0, 1.0):
        run = changed(small, {"train.balance": weight, "train.epochs": 20})
        counts = train(run).leaf_counts[0, "train"][-1]
        ratios.append(counts.max() / counts.mean())
    assert ratios[1] < ratios[0]


def test_what_does_not_fit_is_refused_before_allocation():
    run = changed(small, {"net.depth": 16, "net.width": 4096})
    with pytest.raises(
        LimitError, match=r"needs [\d,.]+ GB but only [\d,.]+ GB are free on cpu; the largest depth that fits is \d+"
    ):
        train(run)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(DeviceError, match="cuda:7"):
        train(changed(small, {"train.device": "cuda:7"}))


def test_a_state_of_another_net_is_refused():
    with pytest.raises(ValueError, match="same net"):
        Trainer(small).load_state(Trainer(changed(small, {"net.tree_layers": 2})).state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("changes", variants)
def test_a_gpu_gives_the_same_first_epochs(changes):
    run = changed(small, {**changes, "train.gate_noise": 0.0, "train.epochs": 1})
    on_cpu, on_gpu = train(run), train(changed(run, {"train.device": "cuda"}))
    np.testing.assert_allclose(on_gpu.history.value, on_cpu.history.value, rtol=1e-3, atol=1e-3)
