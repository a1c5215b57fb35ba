"""Snapshots: which epochs, what is in them, and that a worker keeps them; nets computed by hand, row by row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.datasets import DATA_SETS, Dataset, load, shape
from leafscope.core.errors import StoreError
from leafscope.core.inference.net import Net, read_module
from leafscope.core.inspection import snapshots
from leafscope.core.inspection.snapshots import (
    BUDGET,
    MAX_DEPTH_IN_BROWSER,
    SIDE,
    Snapshots,
    in_browser,
    leaf_shuffle,
    levels,
    plane,
    regions,
    shows_regions,
    shuffled,
    snapshot_epochs,
)
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.store.reading import LEVELS, snapshot_epoch, snapshot_name
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from leafscope.core.store.values.tensors import pack, plain, unpack
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.worker import Worker

MOONS = DataConfig(name="moons", n_samples=120)


def weight_bytes(run: RunConfig) -> int:
    size = shape(run.data)
    net = build_net(run.net, size.n_features, size.n_classes)
    return sum(tensor.numel() * tensor.element_size() for tensor in net.state_dict().values())


# Which epochs


@st.composite
def runs(draw: st.DrawFn) -> RunConfig:
    width = draw(st.integers(1, 64))
    kind = draw(st.sampled_from(["tree", "flat", "dense"]))
    gates = draw(st.sampled_from(["hidden", "units", "random"]))
    depth = draw(st.integers(0, min(7, width)))
    net = NetConfig(kind=kind, gates=gates, depth=depth, width=width, tree_layers=draw(st.integers(1, 3)))
    data = DataConfig(name=draw(st.sampled_from(list(DATA_SETS))))
    return RunConfig(data=data, net=net, train=TrainConfig(epochs=draw(st.integers(1, 10_000))))


@given(run=runs())
def test_epochs_are_spread_evenly_from_the_first_to_the_last(run: RunConfig) -> None:
    epochs = snapshot_epochs(run)
    assert (epochs[0], epochs[-1]) == (0, run.train.epochs)
    assert 2 <= len(epochs) <= min(41, run.train.epochs + 1)
    assert len(epochs) >= min(9, run.train.epochs + 1)
    even = np.linspace(0, run.train.epochs, len(epochs))
    assert np.abs(np.array(epochs) - even).max() <= 0.5 + 1e-9
    assert (np.diff(epochs) > 0).all()
    size = shape(run.data)
    if in_browser(run.net, size.n_features, size.n_classes):
        needed = weight_bytes(run)
        assert len(epochs) * needed <= BUDGET
        assert len(epochs) == min(41, run.train.epochs + 1) or (len(epochs) + 1) * needed > BUDGET


def test_a_default_run_keeps_41_epochs_of_60_and_a_short_one_all() -> None:
    assert snapshot_epochs(RunConfig())[:5] == (0, 2, 3, 5, 6)
    assert len(snapshot_epochs(RunConfig())) == 41
    assert snapshot_epochs(RunConfig(train=TrainConfig(epochs=40))) == tuple(range(41))
    assert snapshot_epochs(RunConfig(train=TrainConfig(epochs=80))) == tuple(range(0, 81, 2))
    assert len(snapshot_epochs(RunConfig(net=NetConfig(depth=5, width=50)))) == BUDGET // weight_bytes(
        RunConfig(net=NetConfig(depth=5, width=50))
    )
    assert snapshot_epochs(RunConfig(net=NetConfig(kind="logistic"))) == ()


@pytest.mark.parametrize(
    ("net", "on_plane"),
    [
        ({"depth": 6, "width": 16, "tree_layers": 3}, True),
        ({"depth": 7, "width": 16}, False),
        ({"depth": 6, "width": 17}, False),
        ({"kind": "flat", "depth": 7, "width": 8}, False),
        ({"kind": "dense", "width": 64, "depth": 0}, True),
        ({"kind": "dense", "width": 65, "depth": 0}, False),
        ({"kind": "dense", "width": 64, "depth": 16}, True),  # it ignores the depth
    ],
)
def test_a_browser_takes_small_nets_on_a_plane(net: dict[str, Any], on_plane: bool) -> None:
    config = NetConfig.model_validate(net)
    assert in_browser(config, 2, 2) is on_plane
    assert shows_regions(RunConfig(data=MOONS, net=config)) is not on_plane


def test_a_browser_takes_nets_of_which_9_fit_elsewhere() -> None:
    fits, too_large = (RunConfig(net=NetConfig(kind="dense", width=width)) for width in (445, 448))
    assert weight_bytes(fits) <= BUDGET // 9 < weight_bytes(too_large)
    assert [in_browser(run.net, 64, 10) for run in (fits, too_large)] == [True, False]
    assert not shows_regions(too_large)
    assert not in_browser(NetConfig(kind="decision_tree"), 64, 10)
    assert not shows_regions(RunConfig(data=MOONS, net=NetConfig(kind="decision_tree")))


def test_regions_of_nets_that_are_too_large_are_not_kept() -> None:
    def shown(**net: Any) -> bool:
        return shows_regions(RunConfig(data=MOONS, net=NetConfig.model_validate(net)))

    assert [shown(width=width) for width in (460, 470)] == [True, False]  # width^2 * 96^2 multiply-adds
    assert [shown(width=32, depth=depth) for depth in (13, 14)] == [True, False]  # 2^(depth + 1) * 32 * 33 parameters
    assert len(snapshot_epochs(RunConfig(data=MOONS, net=NetConfig(width=460)))) == 9
    assert len(snapshot_epochs(RunConfig(data=MOONS, net=NetConfig(width=32, depth=13)))) == 41


def test_names_of_snapshots_are_read_again() -> None:
    assert [snapshot_epoch(snapshot_name("regions", epoch)) for epoch in (0, 7, 10_000)] == [0, 7, 10_000]
    assert [snapshot_epoch(name) for name in ("net", "levels", "weights", "weights-1", "leaves-00001")] == [None] * 5


# The exchange of leaves


def shuffle_by_hand(depth: int) -> list[int]:
    state = depth + 1
    p = list(range(2**depth))
    for i in range(2**depth - 1, 0, -1):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        j = state * i >> 32
        p[i], p[j] = p[j], p[i]
    return p


@pytest.mark.parametrize("depth", range(11))
def test_the_exchange_is_one_cycle(depth: int) -> None:
    p = leaf_shuffle(depth)
    assert p.dtype == np.int64
    assert p.tolist() == shuffle_by_hand(depth)
    leaf, seen = 0, set()
    while leaf not in seen:
        seen.add(leaf)
        leaf = int(p[leaf])
    assert seen == set(range(2**depth))


def test_the_exchange_is_the_same_everywhere() -> None:
    assert [leaf_shuffle(depth).tolist() for depth in range(4)] == [
        [0],
        [1, 0],
        [2, 3, 1, 0],
        [5, 4, 7, 0, 6, 2, 3, 1],
    ]
    with pytest.raises(ValueError, match=r"depth must be from 0 to 16, got 17"):
        leaf_shuffle(17)


def drawn(seed: int = 0, n_features: int = 2, **net: Any) -> TreeNet | DenseNet:
    """A net whose every weight is drawn, deep nodes too."""
    built = build_net(NetConfig.model_validate(net), n_features, 3, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return built


def logits_by_hand(net: TreeNet, row: np.ndarray, order: list[int]) -> tuple[np.ndarray, list[int]]:
    """One row in float64: at every gated layer leaf i takes the path of leaf `order[i]`."""
    table = {name: value.numpy().astype(np.float64) for name, value in net.state_dict().items()}
    depth = net.config.depth
    leaves = []
    z = table["hidden.weight"] @ row.astype(np.float64) + table["hidden.bias"]
    for index in range(net.config.tree_layers):
        h = np.maximum(z, 0)
        gate = z[:depth]
        if depth and net.config.gates == "units":
            gate = table[f"gates.{index}.weight"] @ h + table[f"gates.{index}.bias"]
        elif depth and net.config.gates == "random":
            gate = table[f"gates.{index}.normals"] @ h
        leaf = int("".join(str(int(value > 0)) for value in gate) or "0", 2)
        leaves.append(leaf)
        other = order[leaf]
        nodes = [2**level - 1 + (other >> (depth - level)) for level in range(depth + 1)]
        if net.config.kind == "flat":
            nodes = [other]
        z = sum(table[f"layers.{index}.weight"][node] @ h + table[f"layers.{index}.bias"][node] for node in nodes)
    return table["head.weight"] @ np.maximum(z, 0) + table["head.bias"], leaves


@pytest.mark.parametrize("kind", ["tree", "flat"])
@pytest.mark.parametrize(
    "net", [{"depth": 3}, {"depth": 2, "gates": "units"}, {"depth": 3, "gates": "random", "tree_layers": 2}, {"depth": 0}]
)
def test_leaves_exchange_matrices_and_nothing_else(kind: str, net: dict[str, Any]) -> None:
    whole = drawn(n_features=4, kind=kind, width=5, **net)
    assert isinstance(whole, TreeNet)
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    routed = shuffled(read_module(whole)).routed(x)
    by_hand = [logits_by_hand(whole, row, shuffle_by_hand(whole.config.depth)) for row in x]
    assert np.stack(routed.leaves, axis=1).tolist() == [leaves for _, leaves in by_hand]
    np.testing.assert_allclose(routed.logits, [logits for logits, _ in by_hand], rtol=1e-4, atol=1e-4)
    assert whole.config.depth == 0 or not np.allclose(routed.logits, whole(torch.tensor(x)).detach().numpy())
    assert all(torch.equal(value, before[name]) for name, value in whole.state_dict().items())


# Regions


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load(MOONS, 0)


def test_the_plane_has_a_margin(dataset: Dataset) -> None:
    low, high = plane(dataset)
    for feature in (0, 1):
        values = dataset.raw[:, feature]
        assert low[feature] == pytest.approx(values.min() - 0.06 * (values.max() - values.min()))
        assert high[feature] == pytest.approx(values.max() + 0.06 * (values.max() - values.min()))


@pytest.mark.parametrize(
    "net", [{"depth": 3}, {"kind": "flat", "depth": 2, "tree_layers": 2}, {"kind": "dense"}, {"depth": 0, "gates": "units"}]
)
def test_regions_are_what_the_net_answers_on_the_grid(net: dict[str, Any], dataset: Dataset) -> None:
    whole = drawn(width=6, **net)
    found = regions(read_module(whole), dataset)
    low, high = plane(dataset)
    xs, ys = (np.linspace(low[feature], high[feature], SIDE) for feature in (0, 1))
    probability = found["probability"].reshape(SIDE, SIDE, 3)
    assert probability.dtype == np.uint8
    assert ("leaf" in found) == isinstance(whole, TreeNet)
    for i, j in [(0, 0), (0, 95), (95, 0), (40, 71), (90, 3), (95, 95)]:  # rows of both parts of an evaluation
        point = torch.tensor(dataset.standardize([[xs[j], ys[i]]]))
        with torch.no_grad():
            routed = whole.routed(point)
        exact = 255 * routed.logits.softmax(1)[0].numpy()
        assert np.abs(probability[i, j] - exact).max() <= 0.5 + 1e-3
        if isinstance(whole, TreeNet):
            leaf = found["leaf"].reshape(-1, SIDE, SIDE)
            assert leaf.dtype == np.int32
            assert leaf[:, i, j].tolist() == [int(one) for one in routed.leaves]


@pytest.mark.parametrize("kind", ["fff", "soft_tree", "moe"])
def test_regions_of_soft_decisions_say_how_soft_they_are(kind: str, dataset: Dataset) -> None:
    run = RunConfig(data=DataConfig(name="moons"), net=NetConfig(kind=kind, depth=2, width=5))
    net = read_module(build_net(run.net, 2, 2, 0))
    found = snapshots.regions(net, dataset)
    routed = net.routed(dataset.standardize(snapshots.grid(dataset)))
    of_layer = routed.leaves[0].reshape(len(routed.logits), -1)[:, 0]
    assert np.array_equal(found["leaf"][0], of_layer)
    assert ("share" in found) == (kind != "moe")
    if kind != "moe":
        assert np.array_equal(found["share"][0], np.round(255 * routed.shares[0].max(1)).astype(np.uint8))
        assert found["share"].min() >= 255 / 4 - 1
    name = snapshot_name("regions", 0)
    assert snapshots.read(pack(found), name, run).keys() == found.keys()
    older = {key: value for key, value in found.items() if key != "share"}  # kept before shares were
    assert snapshots.read(pack(older), name, run).keys() == older.keys()


def test_a_net_that_diverged_has_regions_too(dataset: Dataset) -> None:
    whole = drawn(width=4, depth=2)
    with torch.no_grad():
        whole.head.weight.fill_(float("nan"))
    assert regions(read_module(whole), dataset)["probability"].max() == 0


def test_levels_are_the_net_cut_off_there(dataset: Dataset) -> None:
    whole = read_module(drawn(width=6, depth=2))
    found = levels(whole, dataset)
    assert set(found) == {"level_0", "level_1", "level_2", "level_accuracy", "shuffled", "shuffled_accuracy"}
    assert np.array_equal(found["level_2"], regions(whole, dataset)["probability"])
    assert not np.array_equal(found["level_0"], found["level_1"])
    assert np.array_equal(found["shuffled"], regions(shuffled(whole), dataset)["probability"])
    assert (found["level_accuracy"].shape, found["level_accuracy"].dtype) == ((3, 3), np.float64)
    for column, split in enumerate(("train", "validation", "test")):
        rows = dataset.splits[split]
        for net, accuracy in ((whole, found["level_accuracy"][2]), (shuffled(whole), found["shuffled_accuracy"])):
            right = net(rows.x).argmax(1) == rows.y
            assert accuracy[column] == pytest.approx(right.mean())


def test_only_nets_with_gates_have_levels(dataset: Dataset) -> None:
    assert set(levels(read_module(drawn(width=6, depth=2, kind="flat")), dataset)) == {"shuffled", "shuffled_accuracy"}
    assert levels(read_module(drawn(width=6, depth=0)), dataset) == {}
    assert levels(read_module(drawn(width=6, kind="dense")), dataset) == {}


# What a worker keeps


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "x.db")


def config(net: dict[str, Any] | None = None, **train: Any) -> RunConfig:
    return RunConfig(
        data=MOONS,
        net=NetConfig.model_validate({"depth": 2, "width": 4} | (net or {})),
        train=TrainConfig(**({"epochs": 50, "device": "cpu"} | train)),
    )


def work(db: Store, run: RunConfig, stop_after: int | None = None) -> None:
    """Train what is queued; a stop comes after so many epochs."""

    def trainer(run: RunConfig, should_stop: Any) -> Trainer:
        made = Trainer(run, lambda: stop_after is not None and made.epoch >= stop_after)
        return made

    assert Worker(db, "w", make_trainer=trainer).work_once()
    assert db.run(run.run_id).status == ("finished" if stop_after is None else "stopped")


def test_a_run_keeps_its_weights_from_the_first_to_the_last(db: Store) -> None:
    run = config()
    db.submit(run)
    work(db, run)
    kept = db.snapshots(run.run_id, "weights")
    assert tuple(kept) == snapshot_epochs(run)
    first, last = unpack(kept[0]), unpack(kept[50])
    start = build_net(run.net, 2, 2, run.weight_seed).state_dict()
    assert first.keys() == start.keys()
    assert all(np.array_equal(first[name], value) for name, value in start.items())
    assert plain(kept[50]) == db.artifact(run.run_id, NET)
    assert not np.array_equal(last["layers.0.weight"], first["layers.0.weight"])
    assert db.snapshots(run.run_id, "regions") == {}
    assert db.artifact(run.run_id, LEVELS) is None


@pytest.mark.parametrize("net", [{"depth": MAX_DEPTH_IN_BROWSER + 1, "width": 8}, {"kind": "dense", "width": 65}])
def test_a_large_net_on_a_plane_keeps_regions(db: Store, net: dict[str, Any]) -> None:
    run = config(net, epochs=3)
    db.submit(run)
    work(db, run)
    kept = db.snapshots(run.run_id, "regions")
    assert tuple(kept) == (0, 1, 2, 3)
    last = unpack(kept[3])
    trained = Net(run.net, unpack(db.artifact(run.run_id, NET) or b""))
    assert all(np.array_equal(last[name], value) for name, value in regions(trained, load(MOONS, 0)).items())
    assert db.snapshots(run.run_id, "weights") == {}
    end = db.artifact(run.run_id, LEVELS)
    if run.net.gated:
        assert np.array_equal(unpack(end or b"")["level_7"], last["probability"])
    else:
        assert end is None


def test_a_net_too_large_for_both_keeps_nothing(db: Store) -> None:
    run = config(epochs=1).model_copy(update={"data": DataConfig(name="iris"), "net": NetConfig(kind="dense", width=1000)})
    taken = Snapshots(run, Trainer(run))
    assert (taken.of(0), taken.at_end()) == ({}, {})


def test_a_resumed_run_has_all(db: Store) -> None:
    run = config(gate_noise=0.1)
    db.submit(run)
    work(db, run)
    whole = db.snapshots(run.run_id, "weights")
    db.submit(run, anew=True)
    assert db.snapshots(run.run_id, "weights") == {}
    work(db, run, stop_after=20)
    assert tuple(db.snapshots(run.run_id, "weights")) == tuple(epoch for epoch in snapshot_epochs(run) if epoch <= 20)
    db.resume(run.run_id)
    work(db, run)
    assert db.snapshots(run.run_id, "weights") == whole


def test_a_run_that_ends_early_keeps_its_last_epoch(db: Store) -> None:
    run = config(epochs=1000, patience=1, lr=0.05)
    db.submit(run)
    work(db, run)
    last = db.run(run.run_id).epochs_done
    assert 0 < last < 1000
    assert last not in snapshot_epochs(run)
    kept = db.snapshots(run.run_id, "weights")
    assert list(kept) == [epoch for epoch in snapshot_epochs(run) if epoch < last] + [last]
    assert plain(kept[last]) == db.artifact(run.run_id, NET)


def test_a_member_of_a_sweep_keeps_none(db: Store) -> None:
    run = config(epochs=2)
    db.submit_sweep(SweepConfig(base=run), [run])
    worker = Worker(db, "w", threads=1)
    worker.watch.started.set()
    assert worker.work_once()
    assert db.run(run.run_id).status == "finished"
    assert db.snapshots(run.run_id, "weights") == {}


def test_a_fitted_model_keeps_none(db: Store) -> None:
    run = RunConfig(data=MOONS, net=NetConfig(kind="decision_tree", depth=2))
    db.submit(run)
    assert Worker(db, "w").work_once()
    assert db.snapshots(run.run_id, "weights") == {}


def test_regions_can_be_left_out_by_their_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    run = config({"depth": 7, "width": 8}, epochs=2)
    taken = Snapshots(run, Trainer(run))
    assert set(taken.of(1)) == {"regions-00001"}
    assert taken.of(3) == {}
    monkeypatch.setattr(snapshots, "MAX_PARAMETERS", 1000)
    assert Snapshots(run, Trainer(run)).of(1) == {}


# Reading


def test_a_damaged_snapshot_is_said_so() -> None:
    run = RunConfig(data=DataConfig(name="iris"), net=NetConfig(depth=1, width=3))
    weights = dict(build_net(run.net, 4, 3).state_dict())
    got = snapshots.read(pack(weights), "weights-00002", run)
    assert all(np.array_equal(got[name], tensor) for name, tensor in weights.items())
    tree = RunConfig(data=run.data, net=NetConfig(kind="decision_tree"))
    plane = snapshots.SIDE**2
    no_leaf = {
        "probability": torch.zeros(plane, 3, dtype=torch.uint8),
        "leaf": torch.full((1, plane), 2, dtype=torch.int32),
    }
    for data, name, of, words in (
        (b"no tensors", "weights-00002", run, "Error"),
        (pack(weights | {"head.bias": torch.zeros(4)}), "weights-00002", run, "head.bias must be F32 of shape"),
        (pack(weights), "regions-00002", run, "it must have the tensor leaf, got"),
        (pack({"probability": torch.zeros(1)}), LEVELS, run, "it must have the tensor level_0, got"),
        (pack(weights), "weights-00000", tree, "must have no artifacts"),
        (pack(no_leaf), "regions-00002", run, "leaf of layer 0 must be from 0 to 1"),
    ):
        with pytest.raises(StoreError, match=rf"{name} of run {of.run_id} is damaged, or of another net: .*{words}"):
            snapshots.read(data, name, of)
