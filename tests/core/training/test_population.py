"""Members of a population train as if they were alone, end alone, and can be stopped alone."""

import math

import pytest
import torch

from leafscope.core import device
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.cost import memory
from leafscope.core.datasets import shape
from leafscope.core.errors import LimitError, NonFiniteLossError
from leafscope.core.training import population as module
from leafscope.core.training.loop import train
from leafscope.core.training.population import Ended, Population
from leafscope.core.training.trainer import EpochRecord, Trainer

base = RunConfig(
    data=DataConfig(name="moons", n_samples=200),
    net=NetConfig(depth=3, width=6),
    train=TrainConfig(epochs=4, batch_size=32, lr=0.01, device="cpu"),
)
different = [
    {},
    {"seed": 1},
    {"train.lr": 0.05},
    {"train.weight_decay": 0.0},
    {"train.balance": 0.5},
    {"train.gate_noise": 0.3},
    {"train.batch_size": 17},
    {"data.n_train": 50},
    {"net.depth": 5},
    {"net.kind": "flat"},
    {"net.kind": "dense"},
]
runs = [changed(base, changes) for changes in different]


def collect(population):
    """Records and ending of each member."""
    records = [[] for _ in population.members]
    endings = {}
    for member, event in population.events():
        if isinstance(event, Ended):
            assert member not in endings
            endings[member] = event
        else:
            assert isinstance(event, EpochRecord)
            assert member not in endings
            records[member].append(event)
    return records, endings


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_member_trains_bit_for_bit_as_alone(threads):
    population = Population(runs, threads=threads)
    records, endings = collect(population)
    assert [endings[member].status for member in range(len(runs))] == ["finished"] * len(runs)
    for run, member, own in zip(runs, population.members, records, strict=True):
        alone = Trainer(run)
        expected = list(alone.epochs())
        assert [record.epoch for record in own] == [0, 1, 2, 3, 4]
        assert [record.metrics for record in own] == [record.metrics for record in expected]
        for record, other in zip(own, expected, strict=True):
            assert all((record.leaves[key] == other.leaves[key]).all() for key in other.leaves)
        theirs = alone.state()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in member.state().items())


def test_one_step_does_not_depend_on_the_others():
    def states(members):
        asked = [0] * len(members)

        def stop(member):
            asked[member] += 1
            return asked[member] > 1  # after one step

        population = Population(members, stop)
        collect(population)
        return [member.state() for member in population.members]

    together = states(runs)
    for member, run in enumerate(runs):
        (alone,) = states([run])
        assert all(torch.equal(tensor, alone[name]) for name, tensor in together[member].items())
        assert together[member]["progress"].tolist()[:2] == [0, 1]


def test_train_is_a_population_of_one():
    (records,), _ = collect(Population([base]))
    assert [value for record in records for value in record.metrics.values()] == train(base).history.value.tolist()


def test_a_member_that_diverges_ends_alone():
    population = Population([base, changed(base, {"seed": 1}), changed(base, {"seed": 2})], threads=2)
    with torch.no_grad():
        population.members[1].net.head.weight.fill_(float("inf"))
    records, endings = collect(population)
    assert isinstance(endings[1].error, NonFiniteLossError)
    assert (endings[1].status, endings[1].error.epoch, endings[1].error.step) == ("failed", 1, 1)
    assert [record.epoch for record in records[1]] == [0]
    for member in (0, 2):
        assert endings[member] == Ended("finished")
        assert len(records[member]) == 5
        assert math.isfinite(records[member][-1].metrics["test", "loss"])


def test_a_member_is_stopped_alone_and_goes_on_later_to_the_same_history():
    members = [changed(base, {"train.epochs": 30, "seed": seed}) for seed in range(3)]
    # Asked of the training itself, since it may be far ahead of its events
    population = Population(members, lambda member: member == 1 and population.members[1].epoch >= 3, threads=2)
    records = [[], [], []]
    endings = {}
    for member, event in population.events():
        if isinstance(event, Ended):
            endings[member] = event.status
        else:
            records[member].append(event.metrics)
    assert endings == {0: "finished", 1: "stopped", 2: "finished"}
    assert len(records[1]) == 1 + 3
    later = Trainer(members[1])
    later.load_state(population.members[1].state())
    records[1] += [record.metrics for record in later.epochs()]
    for member, run in enumerate(members):
        assert records[member] == [record.metrics for record in Trainer(run).epochs()]


def test_events_of_a_member_come_in_order(monkeypatch):
    class Quick:
        """A member whose epochs take no time."""

        device = "cpu"
        stopped = False

        def __init__(self, run, should_stop, dataset, compiled, checked):
            pass

        def epochs(self):
            return iter(EpochRecord(epoch, {}, {}, 0.0) for epoch in range(300))

    monkeypatch.setattr(module, "Trainer", Quick)
    for _ in range(5):
        records, endings = collect(Population([base] * 8, threads=4))
        assert len(endings) == 8
        assert all([record.epoch for record in own] == list(range(300)) for own in records)


def test_memory_that_runs_out_ends_one_member(monkeypatch):
    members = Population([base, changed(base, {"seed": 1})], threads=2)

    def out_of_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(members.members[0], "_train_epoch", out_of_memory)
    records, endings = collect(members)
    assert isinstance(endings[0].error, LimitError)
    assert endings[1] == Ended("finished")
    assert len(records[1]) == 5


def test_closing_ends_all_soon():
    population = Population([changed(base, {"train.epochs": 10_000, "seed": seed}) for seed in range(4)], threads=2)
    events = population.events()
    for _ in range(20):
        next(events)
    events.close()
    assert all(member.epoch < 5_000 for member in population.members)


def test_members_of_one_split_share_its_data():
    members = [changed(base, {"init_seed": seed, "split_seed": 3, "net.depth": seed}) for seed in range(3)]
    population = Population(members)
    assert len({id(member.dataset) for member in population.members}) == 1


def test_the_reference_path_makes_a_population_too():
    compiled, _ = collect(Population(runs[:3]))
    reference, endings = collect(Population(runs[:3], threads=2, compiled=False))
    assert len(endings) == 3
    for mine, theirs in zip(compiled, reference, strict=True):
        assert mine[1].metrics == pytest.approx(theirs[1].metrics, rel=1e-4, abs=1e-5)


def test_what_cannot_be_trained_is_refused_before_anything_is():
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        Population([base], threads=0)
    with pytest.raises(LimitError, match="largest depth that fits"):
        Population([base, changed(base, {"net.depth": 16, "net.width": 4096})])


def test_members_that_fit_alone_but_not_together_are_refused(monkeypatch):
    size = shape(base.data)
    alone = memory(base, size.n_features, size.n_classes, size.n_rows).total
    monkeypatch.setattr(device, "free_bytes", lambda where, gpus=None: 2 * alone)
    Population([base, base])
    with pytest.raises(LimitError, match=r"training 3 runs at once needs .* GB are free on cpu; train fewer"):
        Population([base, base, base])
