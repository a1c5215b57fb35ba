"""Compiled training steps against the same steps in torch operations: histories, weights, moments and visits.

N rows · K depth.
"""

import copy
import itertools
import math

import numpy as np
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.errors import NonFiniteLossError
from leafscope.core.kernels import cpu
from leafscope.core.kernels.compiled import Net
from leafscope.core.training import compiled_net
from leafscope.core.training.trainer import Trainer

small = RunConfig(
    data=DataConfig(name="moons", n_samples=150),
    net=NetConfig(depth=3, width=6),
    train=TrainConfig(epochs=3, batch_size=16, lr=0.01, device="cpu"),
)
everything = {
    "net.gates": "units",
    "net.tree_layers": 2,
    "train.gate_gradient": "straight_through",
    "train.gate_noise": 0.5,
    "train.balance": 0.1,
    "train.decay_growth": 2.0,
}
variants = [
    {},
    {"net.kind": "flat"},
    {"net.kind": "dense"},
    {"net.kind": "dense", "net.tree_layers": 3, "net.width": 11, "train.decay_growth": 2.0},
    {"net.kind": "shuffled"},
    {"net.kind": "shuffled", **everything},
    {"net.kind": "shuffled", "net.depth": 5, "net.gates": "random", "train.gate_gradient": "straight_through"},
    {"net.kind": "shuffled", "net.depth": 6, "net.tree_layers": 3, "train.gate_gradient": "straight_through"},
    {"net.kind": "shuffled", "train.balance": 0.5, "net.tree_layers": 2, "train.decay_growth": 2.0},
    {"net.kind": "shuffled", "net.depth": 0, "train.gate_gradient": "straight_through"},
    {"net.kind": "shuffled", **everything, "data.n_samples": 600, "train.batch_size": 300},
    {"net.kind": "root_leaf"},
    {"net.kind": "root_leaf", **everything},
    {"net.kind": "root_leaf", "net.depth": 5, "net.gates": "random", "train.gate_gradient": "straight_through"},
    {"net.kind": "root_leaf", "net.depth": 6, "train.weight_decay": 0.5, "train.decay_growth": 1.5},
    {"net.kind": "root_leaf", "net.depth": 1, "train.gate_gradient": "straight_through", "train.balance": 0.5},
    {"net.kind": "root_leaf", "net.depth": 0, "train.decay_growth": 2.0},
    {"net.kind": "root_leaf", **everything, "data.n_samples": 600, "train.batch_size": 300},
    {"net.kind": "additive"},
    {"net.kind": "additive", **everything},
    {"net.kind": "additive", "net.depth": 6, "net.gates": "random", "train.gate_gradient": "straight_through"},
    {"net.kind": "additive", "net.depth": 2, "train.weight_decay": 0.5, "train.decay_growth": 1.5, "net.tree_layers": 3},
    {"net.kind": "additive", "net.depth": 1, "train.gate_gradient": "straight_through", "train.balance": 0.5},
    {"net.kind": "additive", "net.depth": 0, "train.decay_growth": 2.0},
    {"net.kind": "additive", **everything, "data.n_samples": 600, "train.batch_size": 300},
    {"net.kind": "flat_mean", "train.weight_decay": 2.0},
    {"net.kind": "flat_mean", "train.weight_decay": 0.0},
    {"net.kind": "flat_mean", "net.depth": 0, "train.weight_decay": 2.0},
    {"net.kind": "flat_mean", **everything, "train.weight_decay": 2.0},
    {"net.kind": "flat_mean", **everything, "train.weight_decay": 2.0, "data.n_samples": 600, "train.batch_size": 300},
    {"net.depth": 0},
    {"net.depth": 0, "net.kind": "flat", "net.width": 1, "train.gate_gradient": "straight_through", "train.balance": 0.1},
    {"net.depth": 0, "net.gates": "units", "train.gate_noise": 1.0, "train.gate_gradient": "straight_through"},
    {"net.depth": 1, "net.width": 1},
    {"net.depth": 5, "net.width": 12, "net.tree_layers": 3, "train.decay_growth": 2.0},
    {"net.depth": 4, "net.width": 2, "net.gates": "units", "train.gate_gradient": "straight_through"},
    {"net.depth": 4, "net.width": 3, "net.gates": "units"},
    {"net.depth": 4, "net.width": 3, "net.gates": "units", "train.balance": 0.5},
    {"net.depth": 4, "net.width": 3, "net.gates": "random", "train.gate_gradient": "straight_through"},
    {"net.depth": 3, "net.gates": "random", "train.balance": 0.5, "net.tree_layers": 2},
    {"train.gate_gradient": "straight_through"},
    {"net.kind": "flat", "train.gate_gradient": "straight_through", "net.tree_layers": 2},
    {"train.gate_gradient": "straight_through", "train.balance": 0.2, "train.gate_noise": 0.3, "net.tree_layers": 3},
    {"train.gate_noise": 1.0},
    {**everything, "net.balancing": "centred"},
    {**everything, "net.balancing": "bias", "net.kind": "root_leaf"},
    {"net.balancing": "bias", "train.balance": 0.1, "train.batch_size": 17, "net.gates": "random", "net.kind": "shuffled"},
    {"net.balancing": "centred", "train.balance": 0.5, "net.kind": "flat", "train.gate_gradient": "straight_through"},
    {"net.balancing": "centred", "net.depth": 0},
    {"train.gate_noise": 1.0, "net.gates": "random", "net.tree_layers": 2, "train.schedule": "constant"},
    {"train.balance": 1.0},
    {"train.weight_decay": 0.0, "train.schedule": "constant"},
    {"train.weight_decay": 2.0, "train.decay_growth": 3.0, "net.depth": 5},
    {"train.batch_size": 1, "train.epochs": 2},
    {**everything, "train.batch_size": 1, "train.epochs": 2},
    {"train.batch_size": 22},
    {"train.batch_size": 500},
    {"data.n_samples": 600, "train.batch_size": 300, "net.width": 21},
    {**everything, "data.n_samples": 600, "train.batch_size": 300, "net.width": 21},
    {
        "data.n_samples": 600,
        "train.batch_size": 300,
        "net.kind": "flat",
        "net.depth": 6,
        "train.gate_gradient": "straight_through",
    },
    {**everything, "train.batch_size": 500, "train.gate_noise": 0.2},
    {"data": {"name": "iris"}, "net.width": 9},
    {**everything, "data": {"name": "iris"}, "net.kind": "flat"},
    everything,
]
variants_by_name = pytest.mark.parametrize("changes", variants, ids=lambda c: ",".join(str(v) for v in c.values()) or "small")
FLOOR = {"exp_avg": 1e-2, "exp_avg_sq": 1e-6}
"""Sizes of the moments of an ordinary gradient; one that cancels to much less is compared with these."""

few = pytest.mark.parametrize("changes", [{}, {"net.kind": "flat"}, {"net.kind": "dense"}, everything], ids=str)


def step_by_step(run, compiled=True, steps=None):
    """A trainer that looks before every step whether to stop, and stops after so many."""
    asked = itertools.repeat(False) if steps is None else iter([False] * steps + [True])
    return Trainer(run, should_stop=lambda: next(asked), compiled=compiled, seconds_between_looks=0)


def history_of(records):
    return [(record.epoch, sorted(record.metrics.items())) for record in records]


def assert_near(got, wanted, tolerance):
    """All state tensors within the tolerance times their largest entry; visits and progress are equal."""
    assert list(got) == list(wanted)
    for name, theirs in wanted.items():
        ours = got[name]
        assert ours.dtype == theirs.dtype, name
        assert ours.shape == theirs.shape, name
        if not theirs.is_floating_point():
            assert torch.equal(ours, theirs), name
        elif theirs.numel() and theirs.isfinite().all():
            atol = tolerance * max(theirs.abs().max().item(), FLOOR.get(name.rpartition(".")[2], 0.0))
            torch.testing.assert_close(ours, theirs, rtol=0, atol=atol, msg=lambda words, name=name: f"{name}: {words}")


def assert_same(got, wanted):
    assert list(got) == list(wanted)
    assert all(torch.equal(got[name], tensor) for name, tensor in wanted.items())


@variants_by_name
def test_every_epoch_equals_that_of_the_reference(changes):
    run = changed(small, {**changes, "train.epochs": 2})
    ours, theirs = Trainer(run, compiled=True), Trainer(run, compiled=False)
    assert ours._compiled is not None
    for got, wanted in zip(ours.epochs(), theirs.epochs(), strict=True):
        assert got.epoch == wanted.epoch
        assert got.metrics == pytest.approx(wanted.metrics, rel=1e-4, abs=1e-6)
        assert got.leaves.keys() == wanted.leaves.keys()
        for key, leaves in wanted.leaves.items():
            assert got.leaves[key].dtype == leaves.dtype
            assert np.array_equal(got.leaves[key], leaves)
        assert_near(ours.state(), theirs.state(), 1e-4)
    assert ours.epoch == run.train.epochs


@variants_by_name
def test_one_step_equals_that_of_the_reference(changes):
    run = changed(small, changes)
    states = []
    for compiled in (True, False):
        trainer = step_by_step(run, compiled, 1)
        list(trainer.epochs())
        states.append(trainer.state())
    assert_near(*states, 1e-5)


@few
@pytest.mark.parametrize("steps", [0, 1, 2, 5, 6, 9])
def test_stop_and_resume_is_exact_to_the_step(changes, steps):
    run = changed(small, changes)
    whole = Trainer(run, compiled=True)
    history = history_of(whole.epochs())
    first = step_by_step(run, steps=steps)
    before = history_of(first.epochs())
    assert first.stopped
    second = Trainer(run, compiled=True)
    second.load_state(first.state())
    assert before + history_of(second.epochs()) == history
    assert_same(second.state(), whole.state())


@few
def test_how_many_steps_are_made_at_once_changes_nothing(changes):
    run = changed(small, changes)
    one, many = step_by_step(run), Trainer(run, compiled=True, seconds_between_looks=1e9)
    assert history_of(one.epochs()) == history_of(many.epochs())
    assert_same(one.state(), many.state())


def test_a_trainer_that_was_stopped_goes_on_itself():
    wanted = history_of(Trainer(small, compiled=True).epochs())
    answers = iter([False, False, True])
    trainer = Trainer(small, should_stop=lambda: next(answers, False), compiled=True, seconds_between_looks=0)
    before = history_of(trainer.epochs())
    assert trainer.stopped
    assert before + history_of(trainer.epochs()) == wanted


@few
def test_net_and_optimizer_are_views_of_the_flat_arrays(changes):
    trainer = Trainer(changed(small, changes), compiled=True)
    held = Net(*trainer._compiled._net)
    parameters = list(trainer.net.parameters())
    states = [trainer._optimizer.state[parameter] for parameter in parameters]
    assert held.theta.size == sum(parameter.numel() for parameter in parameters)
    for flat, tensors in (
        (held.theta, [parameter.detach() for parameter in parameters]),
        (held.m, [state["exp_avg"] for state in states]),
        (held.v, [state["exp_avg_sq"] for state in states]),
    ):
        for tensor in tensors:
            assert np.shares_memory(flat, tensor.numpy())
            tensor.fill_(7.0)
        assert (flat == 7.0).all()
        flat[:] = 3.0
        assert all((tensor == 3.0).all() for tensor in tensors)
    visits = {array.__array_interface__["data"][0] for array in (held.plain_visits[:1], held.plain_visits[1:], *held.visits)}
    assert all(state["visits"].data_ptr() in visits for state in states)


@few
def test_the_net_is_the_one_that_is_evaluated(changes):
    trainer = Trainer(changed(small, changes), compiled=True)
    *_, record = trainer.epochs()
    x, y = trainer._splits["test"]
    logits = trainer.net(x).detach()
    assert record.metrics["test", "loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-5)
    assert record.metrics["test", "accuracy"] == pytest.approx((logits.argmax(1) == y).double().mean().item())


def test_a_copy_of_the_net_is_independent():
    trainer = Trainer(small, compiled=True)
    records = trainer.epochs()
    next(records)
    twin = copy.deepcopy(trainer.net)
    before = {name: tensor.clone() for name, tensor in twin.state_dict().items()}
    next(records)
    assert_same(twin.state_dict(), before)
    with torch.no_grad():
        twin.head.weight.fill_(5.0)
    assert not (trainer.net.head.weight == 5.0).any()


@few
@pytest.mark.parametrize("compiled_first", [True, False])
def test_states_go_from_one_kind_of_trainer_to_the_other(changes, compiled_first):
    run = changed(small, changes)
    whole = Trainer(run, compiled=False)
    wanted = [record.metrics for record in whole.epochs()]
    first = step_by_step(run, compiled_first, 8)
    metrics = [record.metrics for record in first.epochs()]
    second = Trainer(run, compiled=not compiled_first)
    second.load_state(first.state())
    assert_same(second.state(), first.state())
    metrics += [record.metrics for record in second.epochs()]
    assert len(metrics) == len(wanted)
    for got, expected in zip(metrics, wanted, strict=True):
        assert got == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert_near(second.state(), whole.state(), 1e-4)


@few
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("looks", [0, 1e9], ids=["each step", "all steps at once"])
def test_a_row_that_is_not_finite_fails_the_step_that_sees_it(changes, value, looks):
    run = changed(small, changes)
    order = torch.randperm(len(Trainer(run).dataset.train.y), generator=Trainer(run)._stream(1, 0))
    trainer = Trainer(run, compiled=True, seconds_between_looks=looks)
    trainer._splits["train"][0][order[37]] = value  # of batches of 16 rows the third
    records = trainer.epochs()
    next(records)
    trainer._steps_at_once = 100 if looks else 1
    with pytest.raises(NonFiniteLossError, match=r"epoch 1, step 3") as caught:
        next(records)
    assert (caught.value.epoch, caught.value.step) == (1, 3)
    until = step_by_step(run, steps=2)
    list(until.epochs())
    got, wanted = trainer.state(), until.state()
    for state in (got, wanted):
        state.pop("best_loss")
    assert_same(got, wanted)


@few
@pytest.mark.parametrize("part", ["hidden", "layers.0", "head"])
def test_weights_that_are_not_finite_fail_the_next_step_without_an_update(changes, part):
    trainer = Trainer(changed(small, changes), compiled=True)
    records = trainer.epochs()
    next(records)
    next(records)
    with torch.no_grad():
        trainer.net.get_submodule(part).weight.fill_(float("nan"))
    before = trainer.state()
    with pytest.raises(NonFiniteLossError, match=r"epoch 2, step 1") as caught:
        next(records)
    assert (caught.value.epoch, caught.value.step) == (2, 1)
    after = trainer.state()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_scores_of_a_net_with_logits_that_are_not_finite(value, place):
    run = changed(small, {"data": {"name": "wine"}})  # whose classes differ in size
    records = []
    for compiled in (True, False):
        trainer = Trainer(run, compiled=compiled)
        with torch.no_grad():
            trainer.net.head.bias[place] = value
        records.append(next(trainer.epochs()))
    for key, wanted in records[1].metrics.items():
        got = records[0].metrics[key]
        assert got == pytest.approx(wanted, rel=1e-4, nan_ok=True), key
    for name, tally in records[1].tallies.items():
        assert np.array_equal(records[0].tallies[name], tally), name


def test_a_split_larger_than_one_evaluation_is_measured_whole(monkeypatch):
    wanted = next(Trainer(small, compiled=True).epochs())
    monkeypatch.setattr("leafscope.core.training.trainer.EVALUATION_ROWS", 7)
    got = next(Trainer(small, compiled=True).epochs())
    assert got.metrics == pytest.approx(wanted.metrics, rel=1e-6)
    assert all(np.array_equal(got.leaves[key], leaves) for key, leaves in wanted.leaves.items())


def test_what_compiled_steps_do_not_take():
    trainer = Trainer(small, compiled=False)
    assert trainer._compiled is None
    assert compiled_net.takes(trainer.net)
    assert not compiled_net.takes(copy.deepcopy(trainer.net).double())
    wide = changed(small, {"net.width": math.isqrt(compiled_net.LARGEST_MATRIX) + 1, "train.epochs": 1})
    assert Trainer(wide, compiled=True)._compiled is None


def test_early_stopping_is_that_of_the_reference():
    run = changed(small, {"train.patience": 2, "train.epochs": 100, "train.lr": 0.05, "train.schedule": "constant"})
    epochs = [[record.epoch for record in Trainer(run, compiled=compiled).epochs()] for compiled in (True, False)]
    assert epochs[0] == epochs[1]
    assert len(epochs[0]) < 101


def test_the_reference_trains_without_compiled_code(monkeypatch):
    def forbidden(*arguments, **options):
        raise AssertionError("compiled code was used")

    monkeypatch.setattr(cpu, "_forward", forbidden)
    monkeypatch.setattr(cpu, "read_leaves", forbidden)
    run = RunConfig(data=DataConfig(name="iris"), net=NetConfig(depth=2, width=3), train=TrainConfig(epochs=1, device="cpu"))
    assert len(list(Trainer(run, compiled=False).epochs())) == 2
    with pytest.raises(AssertionError, match="compiled code was used"):
        Trainer(run, compiled=True).net(torch.zeros(1, 4))
