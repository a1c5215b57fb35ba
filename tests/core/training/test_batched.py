"""Nets that are trained as one have the histories of nets that are trained alone, on the reference path."""

import math

import numpy as np
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.errors import LimitError, NonFiniteLossError
from leafscope.core.nets import balance_penalty
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.training import batched, batched_net
from leafscope.core.training.events import Ended
from leafscope.core.training.population import Population
from leafscope.core.training.trainer import EpochRecord, Trainer

LOSS = {"rel": 2e-5, "abs": 2e-6}
"""How far losses may be from those of a net alone: float32 sums in another order, over the steps of a test."""

base = RunConfig(
    data=DataConfig(name="moons", n_samples=200),
    net=NetConfig(depth=3, width=6),
    train=TrainConfig(epochs=2, batch_size=32, lr=0.01, device="cpu", gate_gradient="straight_through"),
)
own = [
    {"train.gate_noise": 0.3},
    {"seed": 2, "train.lr": 0.05, "train.schedule": "constant"},
    {"seed": 3, "train.weight_decay": 0.1, "train.decay_growth": 2.0},
    {"seed": 5, "train.epochs": 1},
]
"""What members of one group may have of their own."""


def collect(population):
    """Records and ending of each member."""
    records = [[] for _ in population.members]
    endings = {}
    for member, event in population.events():
        assert member not in endings
        if isinstance(event, Ended):
            endings[member] = event
        else:
            assert isinstance(event, EpochRecord)
            records[member].append(event)
    return records, endings


def compare(records, alone):
    assert [record.epoch for record in records] == [record.epoch for record in alone]
    for mine, theirs in zip(records, alone, strict=True):
        assert mine.metrics == pytest.approx(theirs.metrics, **LOSS)
        assert {name: tally.tolist() for name, tally in mine.tallies.items()} == {
            name: tally.tolist() for name, tally in theirs.tallies.items()
        }
        assert mine.leaves.keys() == theirs.leaves.keys()
        for key, leaves in mine.leaves.items():
            assert leaves.dtype == theirs.leaves[key].dtype
            np.testing.assert_array_equal(leaves, theirs.leaves[key])


def compare_states(mine, theirs):
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(
                tensor, theirs[name], rtol=1e-3, atol=2e-5, msg=lambda words, name=name: f"{name}: {words}"
            )
        else:
            assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"net.kind": "flat"},
        {"net.kind": "shuffled", "net.tree_layers": 2, "train.balance": 0.5},
        {"net.kind": "shuffled", "net.depth": 0},
        {"net.kind": "root_leaf", "net.gates": "units"},
        {"net.kind": "root_leaf", "net.depth": 0},
        {"net.kind": "additive", "net.tree_layers": 2, "train.balance": 0.5},
        {"net.kind": "additive", "net.gates": "units"},
        {"net.kind": "flat_mean", "train.weight_decay": 0.5},
        {"net.kind": "flat_mean", "train.weight_decay": 0.5, "net.depth": 0},
        {"net.kind": "dense"},
        {"net.kind": "dense", "net.tree_layers": 3},
        {"net.depth": 0},
        {"net.depth": 0, "net.kind": "flat"},
        {"net.tree_layers": 2},
        {"net.gates": "units"},
        {"net.gates": "units", "net.kind": "flat", "net.tree_layers": 2},
        {"net.gates": "units", "train.gate_gradient": "none"},
        {"net.gates": "random"},
        {"net.gates": "units", "train.gate_gradient": "none", "train.balance": 0.5},
        {"train.balance": 0.5, "net.tree_layers": 2},
        {"net.balancing": "centred", "net.tree_layers": 2},
        {"net.balancing": "bias", "train.balance": 0.03, "net.gates": "units", "net.kind": "flat"},
        {"net.balancing": "bias", "train.balance": 0.03, "net.gates": "random"},
        {"net.balancing": "centred", "net.depth": 0},
        {"train.gate_gradient": "none"},
        {"net.depth": 6, "net.width": 8, "train.batch_size": 17},
        {"train.batch_size": 512},
        {"data.name": "digits", "data.n_samples": None, "data.n_train": 100, "net.depth": 5},
    ],
    ids=str,
)
def test_members_have_the_histories_of_nets_alone(shape):
    runs = [changed(base, shape | changes) for changes in own]
    population = Population(runs, compiled=False, as_one=True)
    assert batched.groups(population.members) == [list(range(len(runs)))]
    records, endings = collect(population)
    assert set(endings.values()) == {Ended("finished")}
    for run, member, mine in zip(runs, population.members, records, strict=True):
        alone = Trainer(run, compiled=False)
        compare(mine, list(alone.epochs()))
        compare_states(member.state(), alone.state())


def test_a_step_of_members_is_that_of_nets_alone_to_rounding():
    """One step in float64: what is left is only the order of sums."""
    runs = [changed(base, {"net.depth": 6, "net.tree_layers": 2, **changes}) for changes in own]
    trainers, alone = ([Trainer(run, compiled=False) for run in runs] for _ in range(2))
    for trainer in (*trainers, *alone):
        trainer.net.double()
        for state in trainer._optimizer.state.values():
            state.update({name: values.double() for name, values in state.items() if name != "visits"})
        trainer._splits = {name: (x.double(), y) for name, (x, y) in trainer._splits.items()}
    asked = dict.fromkeys(range(len(runs)), 0)

    def stop(number):
        asked[number] += 1
        return asked[number] > 2

    for _ in batched.Batch(range(len(runs)), trainers, stop).events():
        pass
    for mine, theirs in zip(trainers, alone, strict=True):
        looks = iter([False, False, True])
        theirs._should_stop = lambda looks=looks: next(looks)
        for _ in theirs.epochs():
            pass
        for name, tensor in mine.state().items():
            torch.testing.assert_close(tensor, theirs.state()[name], rtol=1e-9, atol=1e-12, equal_nan=True)


def test_nodes_that_no_row_visits_stay():
    runs = [
        changed(base, {"net.depth": 6, "net.width": 8, "train.epochs": 1, "train.batch_size": 8, "seed": n}) for n in range(2)
    ]
    population = Population(runs, lambda number: started[number] > 1, compiled=False, as_one=True)
    before = [member.state() for member in population.members]
    started = [0, 0]
    population._should_stop = lambda number: started.__setitem__(number, started[number] + 1) or started[number] > 1
    collect(population)
    for member, state in zip(population.members, before, strict=True):
        after = member.state()
        visits = member._optimizer.state[member.net.layers[0].weight]["visits"]
        assert 7 < int((visits > 0).sum()) < len(visits)
        assert visits.max() == 1
        still = visits == 0
        for name in ("net.layers.0.weight", "net.layers.0.bias"):
            assert torch.equal(after[name][still], state[name][still])
            assert not torch.equal(after[name][~still], state[name][~still])


def test_only_one_shape_trains_as_one():
    different = [
        {},
        {"net.depth": 4},
        {"seed": 1},
        {"net.kind": "flat"},
        {"train.batch_size": 7},
        {"data.n_samples": 100},
        {"net.depth": 4, "train.lr": 0.1},
        {"train.gate_gradient": "none"},
        {"net.width": 7},
        {"train.balance": 0.1},
    ]
    runs = [changed(base, {**changes, "train.epochs": 1}) for changes in different]
    population = Population(runs, compiled=False, as_one=True)
    assert batched.groups(population.members) == [[0, 2], [1, 6], [3], [4], [5], [7], [8], [9]]
    records, endings = collect(population)
    assert set(endings.values()) == {Ended("finished")}
    for run, mine in zip(runs, records, strict=True):
        compare(mine, list(Trainer(run, compiled=False).epochs()))
    with pytest.raises(ValueError, match="must have one shape"):
        batched.Batch([0, 1], population.members[:2], lambda number: False)
    members = [(member.net, member._optimizer) for member in population.members[:2]]
    with pytest.raises(ValueError, match="must have nets of one shape"):
        batched_net.BatchedNet(members, "none")


def test_members_are_not_trained_as_one_on_a_cpu(monkeypatch):
    monkeypatch.setattr(batched, "Batch", None)
    records, _ = collect(Population([base, changed(base, {"seed": 1})], compiled=False))
    assert all(len(own) == 3 for own in records)


def test_a_member_stops_alone_between_two_steps_and_goes_on_later():
    runs = [changed(base, {"seed": seed, "train.gate_noise": 0.2}) for seed in range(3)]
    asked = [0, 0, 0]

    def stop(number):
        asked[number] += 1
        return number == 1 and asked[number] > 6  # of 4 steps an epoch the third of the second

    population = Population(runs, stop, compiled=False, as_one=True)
    records, endings = collect(population)
    assert [endings[number].status for number in range(3)] == ["finished", "stopped", "finished"]
    stopped = population.members[1]
    assert stopped.stopped
    assert stopped.state()["progress"].tolist()[:2] == [1, 2]
    again = Population(runs[1:2] * 2, compiled=False, as_one=True)
    for member in again.members:
        member.load_state(stopped.state())
    later, _ = collect(again)
    records[1] += later[0]
    for run, mine in zip(runs, records, strict=True):
        compare(mine, list(Trainer(run, compiled=False).epochs()))


def test_a_member_that_diverges_ends_alone_and_before_its_update():
    runs = [changed(base, {"seed": seed}) for seed in range(3)]
    population = Population(runs, compiled=False, as_one=True)
    alone = Trainer(runs[1], compiled=False)
    for trainer in (population.members[1], alone):
        x, y = trainer._splits["train"]
        x = x.clone()
        x[trainer._order_of(1)[40]] = math.nan  # of batches of 32 rows the second
        trainer._splits["train"] = x, y
    population.members[1].dataset = alone.dataset  # its rows are its own
    records, endings = collect(population)
    with pytest.raises(NonFiniteLossError) as raised:
        for _ in alone.epochs():
            pass
    error = endings[1].error
    assert isinstance(error, NonFiniteLossError)
    assert (error.epoch, error.step, str(error)) == (1, 2, str(raised.value))
    assert [record.epoch for record in records[1]] == [0]
    compare_states(population.members[1].state(), alone.state())
    for number in (0, 2):
        assert endings[number] == Ended("finished")
        compare(records[number], list(Trainer(runs[number], compiled=False).epochs()))


def test_a_member_that_stops_and_one_that_diverged_before_end_in_one_epoch():
    runs = [changed(base, {"seed": seed}) for seed in range(3)]
    population = Population(runs, compiled=False, as_one=True)
    with torch.no_grad():
        population.members[1].net.head.weight.fill_(float("inf"))
    asked = [0, 0, 0]

    def stop(number):
        asked[number] += 1
        return number == 0 and asked[number] > 3

    population._should_stop = stop
    records, endings = collect(population)
    assert [endings[number].status for number in range(3)] == ["stopped", "failed", "finished"]
    assert endings[1].error.step == 1
    assert population.members[0].state()["progress"].tolist()[:2] == [0, 3]
    compare(records[2], list(Trainer(runs[2], compiled=False).epochs()))


def test_a_loss_that_is_found_after_the_last_step_is_told(monkeypatch):
    runs = [changed(base, {"seed": seed, "train.epochs": 1}) for seed in range(2)]
    population = Population(runs, compiled=False, as_one=True)
    step = batched.BatchedNet.step

    def breaks_after_the_last_step(self, *given):
        losses = step(self, *given)
        if self.steps == population.members[0]._batches:
            with torch.no_grad():
                population.members[0].net.head.weight.fill_(float("inf"))
        return losses

    monkeypatch.setattr(batched.BatchedNet, "step", breaks_after_the_last_step)
    records, endings = collect(population)
    assert [len(own) for own in records] == [2, 2]
    assert (endings[0].status, endings[0].error.step, endings[0].error.epoch) == ("failed", None, 1)
    assert endings[1] == Ended("finished")


def test_patience_is_each_members_own():
    runs = [changed(base, {"seed": seed, "train.epochs": 30, "train.patience": 2, "train.lr": 0.3}) for seed in range(4)]
    population = Population(runs, compiled=False, as_one=True)
    records, _ = collect(population)
    alone = [list(Trainer(run, compiled=False).epochs()) for run in runs]
    assert len({len(one) for one in alone}) > 1
    assert [len(own) for own in records] == [len(one) for one in alone]


def test_closing_ends_all_and_gives_members_their_own_storage():
    runs = [changed(base, {"train.epochs": 1000, "seed": seed}) for seed in range(3)]
    population = Population(runs, compiled=False, as_one=True)
    events = population.events()
    for _ in range(9):
        next(events)
    events.close()
    assert all(member.epoch < 10 for member in population.members)
    weights = [member.net.hidden.weight for member in population.members]
    assert all(weight.untyped_storage().nbytes() == 4 * weight.numel() for weight in weights)


def test_memory_that_runs_out_ends_the_group_and_not_the_others(monkeypatch):
    runs = [base, changed(base, {"seed": 1}), changed(base, {"net.depth": 1})]
    population = Population(runs, compiled=False, as_one=True)

    def out_of_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(batched.BatchedNet, "step", out_of_memory)
    records, endings = collect(population)
    assert [endings[number].status for number in range(3)] == ["failed", "failed", "finished"]
    assert isinstance(endings[0].error, LimitError)
    assert len(records[2]) == 3


def test_balance_penalties_are_those_of_each_member():
    gate, leaf = torch.randn(3, 20, 3, dtype=torch.float64), torch.randint(0, 8, (3, 20))
    gate[1] -= 2
    expected = torch.stack([balance_penalty(one, own) for one, own in zip(gate, leaf, strict=True)])
    torch.testing.assert_close(batched_net.balance_penalties(gate, leaf), expected)


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@needs_gpu
@pytest.mark.parametrize(
    "shape", [{}, {"net.kind": "flat", "net.gates": "units"}, {"net.kind": "dense"}, {"net.tree_layers": 2}]
)
def test_members_on_a_gpu_have_the_first_epoch_of_nets_on_the_cpu(shape):
    runs = [changed(base, {**shape, "train.batch_size": 20, **changes, "train.epochs": 1}) for changes in own]
    records, endings = collect(Population([changed(run, {"train.device": "cuda"}) for run in runs]))
    assert set(endings.values()) == {Ended("finished")}
    for run, mine in zip(runs, records, strict=True):
        for record, expected in zip(mine, Trainer(run, compiled=False).epochs(), strict=True):
            assert record.metrics == pytest.approx(expected.metrics, rel=1e-3, abs=1e-3)


@needs_gpu
def test_replayed_steps_on_a_gpu_are_the_steps_that_were_recorded(monkeypatch):
    runs = [
        changed(base, {"train.device": "cuda", "train.gate_noise": 0.2, "train.batch_size": 15, "seed": n}) for n in range(3)
    ]
    replayed, _ = collect(Population(runs))
    monkeypatch.setattr("leafscope.core.training.replayed.EAGER", 10**9)
    eager, _ = collect(Population(runs))
    for mine, theirs in zip(replayed, eager, strict=True):
        for record, expected in zip(mine, theirs, strict=True):
            assert record.metrics == pytest.approx(expected.metrics, rel=1e-4, abs=1e-5)


@needs_gpu
def test_a_member_that_diverges_on_a_gpu_ends_alone():
    runs = [changed(base, {"seed": seed, "train.device": "cuda", "train.batch_size": 10}) for seed in range(3)]
    population = Population(runs)
    member = population.members[1]
    x, y = member._splits["train"]
    x = x.clone()
    x[member._order_of(1)[75]] = math.nan  # of batches of 10 rows the eighth, which is replayed
    member._splits["train"] = x, y
    member.dataset = Trainer(changed(base, {"seed": 1})).dataset  # its rows are its own
    _, endings = collect(population)
    assert [endings[number].status for number in range(3)] == ["finished", "failed", "finished"]
    assert (endings[1].error.epoch, endings[1].error.step) == (1, 8)


@pytest.mark.parametrize(
    "changes", [{}, {"net.kind": "flat", "net.gates": "units"}, {"net.kind": "dense"}, {"net.gates": "random"}]
)
def test_a_step_never_looks_at_a_value(changes):
    """What a step computes on values that nobody has (the meta device) is what a CUDA graph can record."""
    runs = [changed(base, {**changes, "train.balance": 0.1, "seed": seed}) for seed in range(2)]
    nets = [Trainer(run, compiled=False).net.to("meta") for run in runs]
    members = [(net, LazyAdamW(parameter_groups(net, 0.01, 1.0))) for net in nets]
    for _, optimizer in members:
        optimizer.start_state()
    net = batched_net.BatchedNet(members, "straight_through", [0.1, 0.0])
    rows = torch.empty(2, 16, 2, device="meta"), torch.empty(2, 16, dtype=torch.int64, device="meta")
    rate = torch.empty(2, dtype=torch.float64, device="meta")
    assert net.step(*rows, rate, torch.empty(1, 2, 16, 3, device="meta")).shape == (2,)
