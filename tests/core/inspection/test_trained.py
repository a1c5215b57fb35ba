"""Nets out of the store answer as the nets that went in."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.errors import RunNotFoundError, StoreError
from leafscope.core.inference.net import Net, leaf_of
from leafscope.core.inspection.trained import trained_net
from leafscope.core.nets import TreeNet
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET
from leafscope.core.training.loop import train
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.worker import pack
from tests.core.store.examples import claimed


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "trained.db", clock=lambda: 1e9)


def small(net: NetConfig) -> RunConfig:
    return RunConfig(data=DataConfig(name="iris"), net=net, train=TrainConfig(epochs=3, device="cpu"))


NETS = [
    NetConfig(depth=2, width=6),
    NetConfig(kind="flat", depth=3, width=6, tree_layers=2, gates="units"),
    NetConfig(depth=2, width=6, gates="random"),
    NetConfig(kind="shuffled", depth=3, width=6, tree_layers=2),
    NetConfig(kind="root_leaf", depth=3, width=6, tree_layers=2),
    NetConfig(kind="additive", depth=3, width=6, tree_layers=2),
    NetConfig(kind="flat_mean", depth=2, width=6),
    NetConfig(depth=0, width=6),
    *(NetConfig(depth=3, width=6, tree_layers=2, gates=gates, balancing="centred") for gates in ("hidden", "units", "random")),
    NetConfig(kind="dense", width=6),
]


@pytest.mark.parametrize("net", NETS, ids=lambda net: f"{net.kind}-{net.depth}-{net.gates}-{net.balancing}")
def test_finished_run(db: Store, net: NetConfig) -> None:
    run = small(net)
    claim = claimed(db, run)
    result = train(run)
    db.end(claim, "finished", new_artifacts={NET: pack(result.net.state_dict())})
    got = trained_net(db, run.run_id)
    assert got is not None
    assert got.epoch is None
    test = load(run.data, run.data_seed).test
    predicted, leaves = got.predict(test.x)
    with torch.no_grad():
        assert predicted.tolist() == result.net(torch.tensor(test.x)).argmax(1).tolist()
    last = result.history[(result.history.epoch == 3) & (result.history.split == "test")].set_index("metric")["value"]
    assert (predicted == test.y).mean() == pytest.approx(last["accuracy"])
    assert len(leaves) == (0 if net.kind == "dense" else net.tree_layers)
    for layer, leaf in enumerate(leaves):
        np.testing.assert_array_equal(leaf, result.leaves[layer, "test"][-1])


def test_offsets_go_through_an_archive(db: Store, tmp_path: Path) -> None:
    net = NetConfig(depth=3, width=6, balancing="bias")
    run = RunConfig(data=DataConfig(name="iris"), net=net, train=TrainConfig(epochs=3, device="cpu", balance=0.02))
    claim = claimed(db, run)
    trainer = Trainer(run)
    db.record(claim, list(trainer.epochs()))
    db.end(claim, "finished", new_artifacts={NET: pack(trainer.net.state_dict())})
    export_archive(db, tmp_path / "offsets.leafscope", run_ids=[run.run_id])
    other = Store(tmp_path / "other.db", clock=lambda: 1e9)
    import_archive(other, tmp_path / "offsets.leafscope")
    got = trained_net(other, run.run_id)
    assert got is not None
    assert isinstance(trainer.net, TreeNet)
    assert trainer.net.offsets is not None
    assert np.array_equal(got.net.weights["offsets"], trainer.net.offsets.numpy())
    assert np.abs(got.net.weights["offsets"]).min() > 0
    without = Net(got.net.config, {**got.net.weights, "offsets": np.zeros((1, 3), np.float32)})
    for name, split in trainer.dataset.splits.items():
        (leaf,) = got.predict(split.x)[1]
        assert np.array_equal(leaf, other.leaves(run.run_id, 0, name, 3))
        gates = without.routed(split.x).gates[0] + got.net.weights["offsets"]
        assert np.array_equal(leaf, leaf_of(gates))
        assert not np.array_equal(leaf, without.routed(split.x).leaves[0])


def test_stopped_run_from_its_checkpoint(db: Store) -> None:
    run = small(NETS[0])
    claim = claimed(db, run)
    trainer = Trainer(run)
    epochs = trainer.epochs()
    records = [next(epochs), next(epochs), next(epochs)]
    db.record(claim, records, {CHECKPOINT: pack(trainer.state())})
    db.end(claim, "stopped")
    got = trained_net(db, run.run_id)
    assert got is not None
    assert got.epoch == 2
    test = load(run.data, run.data_seed).test
    predicted, leaves = got.predict(test.x)
    assert (predicted == test.y).mean() == pytest.approx(records[-1].metrics["test", "accuracy"])
    np.testing.assert_array_equal(leaves[0], records[-1].leaves[0, "test"])


def test_net_goes_before_checkpoint(db: Store) -> None:
    run = small(NETS[0])
    claim = claimed(db, run)
    trainer = Trainer(run)
    before = pack(trainer.state())
    records = list(trainer.epochs())
    db.end(claim, "finished", None, records, {CHECKPOINT: before, NET: pack(trainer.net.state_dict())})
    got = trained_net(db, run.run_id)
    assert got is not None
    assert got.epoch is None
    x = load(run.data, run.data_seed).test.x
    with torch.no_grad():
        assert got.predict(x)[0].tolist() == trainer.net(torch.tensor(x)).argmax(1).tolist()


def test_a_damaged_net_is_said_so(db: Store) -> None:
    run = small(NETS[0])
    claim = claimed(db, run)
    trainer = Trainer(run)
    state, weights = trainer.state(), dict(trainer.net.state_dict())
    damaged = [
        (NET, b"no tensors", "header"),
        (NET, b"", "header"),
        (
            NET,
            pack({name: tensor.repeat(2, *[1] * (tensor.ndim - 1)) for name, tensor in weights.items()}),
            "must be F32 of shape",
        ),
        (NET, pack({"secret": torch.zeros(1)}), "must have the tensor"),
        (NET, pack({"secret": torch.zeros(1000)}), "must have the tensor"),
        (
            CHECKPOINT,
            pack({name: tensor for name, tensor in state.items() if name != "progress"}),
            "must have the tensor progress",
        ),
        (CHECKPOINT, pack(state | {"progress": torch.zeros(1, dtype=torch.int64)}), r"progress must be I64 of shape"),
        (CHECKPOINT, pack(state | {"progress": torch.tensor(1)}), r"progress must be I64 of shape"),
        (CHECKPOINT, pack(state | {"progress": torch.tensor([2**62, 0, 0, 1, 0])}), r"progress must have an epoch up to 3"),
    ]
    for name, data, words in reversed(damaged):
        db.record(claim, [], {name: data})
        with pytest.raises(StoreError, match=rf"the {name} of run {run.run_id} is damaged, or of another net: .*{words}"):
            trained_net(db, run.run_id)


def test_nothing_kept(db: Store) -> None:
    run = small(NETS[0])
    db.submit(run)
    assert trained_net(db, run.run_id) is None


def test_unknown_run(db: Store) -> None:
    with pytest.raises(RunNotFoundError):
        trained_net(db, "feedbeef")
