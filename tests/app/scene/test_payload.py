"""Scenes: what the browser gets is what was trained, decoded again here and computed by hand in float64."""

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leafscope.app import theme
from leafscope.app.scene import nets as scene_nets
from leafscope.app.scene import payload
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import load, shape
from leafscope.core.inference.net import read_module
from leafscope.core.inspection import snapshots
from leafscope.core.inspection.snapshots import SIDE, levels, regions, snapshot_epochs
from leafscope.core.inspection.trained import TrainedNet, trained_net
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.store.values.tensors import pack
from leafscope.core.training.fitting import fit
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.worker import Worker
from tests.core.store.as_tensors import as_tensors
from tests.core.store.examples import claimed

MOONS = DataConfig(name="moons", n_samples=120)
IRIS = DataConfig(name="iris")
EPOCHS = 60


def config(data: DataConfig = MOONS, train: dict[str, Any] | None = None, seed: int = 0, **net: Any) -> RunConfig:
    fields = {"epochs": EPOCHS, "device": "cpu"} | (train or {})
    return RunConfig(data=data, net=NetConfig(**({"depth": 2, "width": 4} | net)), train=TrainConfig(**fields), seed=seed)


def work(db: Store, run: RunConfig, stop_after: int | None = None) -> RunSummary:
    """Train what is queued; a stop comes after so many epochs."""

    def trainer(run: RunConfig, should_stop: Any) -> Trainer:
        made = Trainer(run, lambda: stop_after is not None and made.epoch >= stop_after)
        return made

    db.submit(run)
    assert Worker(db, "w", make_trainer=trainer).work_once()
    return db.run(run.run_id)


def work_as_member(db: Store, run: RunConfig) -> RunSummary:
    db.submit_sweep(SweepConfig(base=run), [run])
    worker = Worker(db, "w", threads=1)
    worker.watch.started.set()
    assert worker.work_once()
    return db.run(run.run_id)


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "scene.db")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Runs that tests only look at."""
    return Store(tmp_path_factory.mktemp("scene") / "shared.db")


@pytest.fixture(scope="module")
def trained(shared: Store) -> RunSummary:
    return work(shared, config(tree_layers=2))


def numbers(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)


def drawn(n_features: int = 5, n_classes: int = 3, seed: int = 0, **net: Any) -> TreeNet | DenseNet:
    """A net whose every weight is drawn, deep nodes too."""
    built = build_net(NetConfig(**net), n_features, n_classes, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        if (offsets := getattr(built, "offsets", None)) is not None:
            offsets.copy_(torch.randn(offsets.shape, generator=generator))
    return built


def logits_by_hand(flat: np.ndarray, net: NetConfig, row: np.ndarray, n_classes: int) -> np.ndarray:
    """One row through the flat weights, taken off one by one, in float64."""
    left = flat.astype(np.float64).tolist()
    w = net.width
    depth = net.depth if net.gated else 0

    def matrix(rows: int, columns: int) -> np.ndarray:
        return np.array([[left.pop(0) for _ in range(columns)] for _ in range(rows)]).reshape(rows, columns)

    def vector(rows: int) -> np.ndarray:
        return matrix(1, rows)[0]

    hidden = matrix(w, len(row))
    z = hidden @ row.astype(np.float64) + vector(w)
    for _ in range(net.tree_layers):
        h = np.maximum(z, 0)
        gate = z[:depth]
        if depth and net.gates != "hidden":
            gate = matrix(depth, w) @ h
            if net.gates == "units":
                gate = gate + vector(depth)
        if depth and net.balancing != "penalty":
            gate = gate + vector(depth)
        leaf = sum(2 ** (depth - 1 - level) for level in range(depth) if gate[level] > 0)
        nodes = 2 ** (depth + 1) - 1 if net.kind == "tree" else 2**depth
        matrices = [matrix(w, w) for _ in range(nodes)]
        biases = [vector(w) for _ in range(nodes)]
        path, place = [], leaf + 2**depth
        while place:  # up from the leaf: node n of a breadth-first tree from 1 has the parent n // 2
            path.append(place - 1)
            place //= 2
        if net.kind != "tree":
            path = [leaf]
        z = sum(matrices[node] @ h + biases[node] for node in path)
    head = matrix(n_classes, w)
    logits = head @ np.maximum(z, 0) + vector(n_classes)
    assert left == []
    return logits


# Weights


@pytest.mark.parametrize(("tree_layers", "balancing"), [(1, "penalty"), (2, "penalty"), (3, "penalty"), (2, "bias")])
@pytest.mark.parametrize(
    ("kind", "gates", "depth"),
    [(kind, gates, depth) for kind in ("tree", "flat") for gates in ("hidden", "units", "random") for depth in range(4)]
    + [("dense", "hidden", 0), ("dense", "units", 2)],  # of which a dense net has none
)
def test_flat_weights_make_the_same_logits(kind: str, gates: str, depth: int, tree_layers: int, balancing: str) -> None:
    net = drawn(kind=kind, gates=gates, depth=depth, width=4, tree_layers=tree_layers, balancing=balancing)
    flat = scene_nets.flat_weights(net.state_dict(), net.config)
    assert flat.dtype == np.float32
    rows = np.random.default_rng(depth).normal(size=(12, 5)).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.tensor(rows)).numpy()
    got = np.array([logits_by_hand(flat, net.config, row, 3) for row in rows])
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


# A trained net


def test_a_trained_net_stands_at_every_snapshot(shared: Store, trained: RunSummary) -> None:
    made = payload.scene(shared, trained)
    run = trained.config
    assert made["epochs"] == list(snapshot_epochs(run))
    assert len(made["weights"]) == len(made["epochs"]) == 41
    assert (made["total"], made["note"], made["failed"], made["ready"], made["tree"]) == (EPOCHS, "", False, None, None)
    assert [made[name] for name in ("kind", "depth", "width", "layers", "gates")] == ["tree", 2, 4, 2, "hidden"]
    assert (made["id"], made["title"], made["mode"]) == (trained.run_id, run.label, "plane")
    last = build_net(run.net, 2, 2)
    last.load_state_dict(as_tensors(shared.artifact(trained.run_id, NET) or b""))
    x = load(run.data, run.data_seed).test.x[:10]
    with torch.no_grad():
        for place, net in ((0, build_net(run.net, 2, 2, run.weight_seed)), (-1, last)):
            flat = numbers(made["weights"][place], "<f4")
            got = np.array([logits_by_hand(flat, run.net, row, 2) for row in x])
            np.testing.assert_allclose(got, net(torch.tensor(x)).numpy(), rtol=1e-4, atol=1e-5)


def test_epoch_0_is_the_untrained_net(shared: Store, trained: RunSummary) -> None:
    run = trained.config
    made = numbers(payload.scene(shared, trained)["weights"][0], "<f4")
    untrained = build_net(run.net, 2, 2, run.weight_seed).state_dict()
    assert made.tobytes() == scene_nets.flat_weights(untrained, run.net).tobytes()


def test_counts_are_those_of_training_rows(shared: Store, trained: RunSummary) -> None:
    made = payload.scene(shared, trained)
    assert (len(made["counts"]), {len(of_layer) for of_layer in made["counts"]}) == (2, {41})
    for layer in (0, 1):
        for place in (0, 17, 40):
            counted = Counter(shared.leaves(trained.run_id, layer, "train", made["epochs"][place]).tolist())
            assert made["counts"][layer][place] == [counted[leaf] for leaf in range(4)]
    assert sum(made["counts"][1][40]) == made["rows"]["train"]["n"]


def test_scores_are_those_of_the_history(shared: Store, trained: RunSummary) -> None:
    made = payload.scene(shared, trained)
    rows = shared.history(trained.run_id).itertuples()
    kept = {(row.split, row.epoch): row.value for row in rows if row.metric == "accuracy"}
    for split in ("train", "validation", "test"):
        assert made["scores"][split] == [kept[split, epoch] for epoch in made["epochs"]]
    assert len(set(made["scores"]["train"])) > 3


@pytest.mark.parametrize("name", ["moons", "iris", "digits"])
def test_rows_are_raw_and_standardize_to_those_the_net_reads(db: Store, name: str) -> None:
    run = config(DataConfig(name=name))
    db.submit(run)
    made = payload.scene(db, db.run(run.run_id))
    data = load(run.data, run.data_seed)
    assert made["mode"] == {"moons": "plane", "iris": "rows", "digits": "pad"}[name]
    assert (made["features"], made["classes"]) == (list(data.feature_names), list(data.class_names))
    for split in ("train", "test"):
        x = numbers(made["rows"][split]["x"], "<f4").reshape(made["rows"][split]["n"], len(made["features"]))
        np.testing.assert_array_equal(numbers(made["rows"][split]["y"], "<u2"), data.splits[split].y)
        assert made["always"][split] == np.mean(data.splits[split].y == np.bincount(data.train.y).argmax())
        standardized = (x.astype(np.float64) - made["mean"]) / made["scale"]
        np.testing.assert_allclose(standardized, data.splits[split].x, atol=1e-5)
    if name == "moons":
        low, high = np.array(made["low"]), np.array(made["high"])
        assert (low < data.raw.min(0)).all()
        assert (high > data.raw.max(0)).all()
        assert made["section"] is None
    else:
        assert made["low"] is made["high"] is None
    if name == "iris":
        assert made["section"]["median"] == np.median(data.raw[data.train.index], 0).tolist()
        assert np.array(made["section"]["components"]).shape == (2, 4)


def test_of_many_rows_some_are_given_and_it_is_said(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = config(DataConfig(name="xor", n_samples=400))
    db.submit(run)
    monkeypatch.setattr(payload, "ROW_BYTES", 4 * 2 * 150)
    made = payload.scene(db, db.run(run.run_id))
    data = load(run.data, 0)
    assert [made["rows"][split]["n"] for split in ("train", "test")] == [150, len(data.test.y)]
    assert "150 of 220 training rows" in made["note"]
    x = numbers(made["rows"]["train"]["x"], "<f4").reshape(150, 2)
    all_rows = data.raw[data.train.index].astype(np.float32).tolist()
    places = [all_rows.index(row) for row in x.tolist()]
    assert set(np.diff(places)) == {1, 2}
    assert places[-1] >= 218
    payload._of_data.cache_clear()


def test_scenes_are_json(shared: Store, trained: RunSummary) -> None:
    made = payload.scene(shared, trained)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_a_title_is_one_short_line(shared: Store, trained: RunSummary) -> None:
    shared.annotate(trained.run_id, name="<b>" + 100 * "x")
    title = payload.scene(shared, shared.run(trained.run_id))["title"]
    shared.annotate(trained.run_id, name="")
    assert title == "<b>" + 56 * "x" + "…"
    assert payload.scene(shared, shared.run(trained.run_id))["title"] == trained.config.label


def test_an_ended_run_is_read_once_until_it_is_trained_anew(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = config(train={"epochs": 2})
    first = payload.scene(db, work(db, run))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "snapshots", lambda *_: pytest.fail("read again"))
        assert payload.scene(db, db.run(run.run_id)) == first
    db.submit(run, anew=True)
    assert payload.scene(db, db.run(run.run_id))["epochs"] == [0]
    claim = db.claim("w")
    assert claim is not None
    other = Trainer(config(train={"epochs": 2}, seed=1))
    db.end(claim, "finished", None, list(other.epochs()), {NET: pack(other.net.state_dict())})
    again = payload.scene(db, db.run(run.run_id))
    np.testing.assert_array_equal(
        numbers(again["weights"][-1], "<f4"), scene_nets.flat_weights(other.net.state_dict(), run.net)
    )
    assert again["scores"] != first["scores"]


@pytest.mark.parametrize("kind", ["flat", "dense"])
def test_other_nets(db: Store, kind: str) -> None:
    made = payload.scene(db, work(db, config(IRIS, {"epochs": 2}, kind=kind, gates="units")))
    assert (made["kind"], made["depth"]) == (kind, {"flat": 2, "dense": 0}[kind])
    assert len(made["weights"]) == 3
    assert [len(of_layer) for of_layer in made["counts"]] == {"flat": [3], "dense": []}[kind]


@pytest.mark.parametrize("kind", ["shuffled", "root_leaf", "additive", "flat_mean"])
def test_controls_are_drawn_with_the_sum_of_each_leaf(db: Store, kind: str) -> None:
    run = config(train={"epochs": 2}, kind=kind, depth=3, tree_layers=2)
    trainer = Trainer(run)
    trained, nets = [], []
    for _ in trainer.epochs():
        trained.append({name: tensor.numpy().copy() for name, tensor in trainer.net.state_dict().items()})
        layers = [(layer.leaf_weight(), layer.leaf_bias()) for layer in trainer.net.layers]
        nets.append(
            trained[-1]
            | {f"layers.{n}.weight": w.detach().numpy().copy() for n, (w, _) in enumerate(layers)}
            | {f"layers.{n}.bias": b.detach().numpy().copy() for n, (_, b) in enumerate(layers)}
        )
    made = payload.scene(db, work(db, run))
    assert (made["kind"], made["depth"], made["epochs"]) == ("flat", 3, [0, 1, 2])
    assert made["style"] == kind
    sums = {"shuffled": {"used": 4, "all": 15}, "root_leaf": {"used": 2, "all": 9}, "additive": {"used": 4, "all": 7}}
    assert made["sums"] == sums.get(kind)
    assert made["note"] == (scene_nets.BY_LEAF if kind in sums else "")
    for text, net in zip(made["weights"], nets, strict=True):
        wanted = scene_nets.flat_weights(net, run.net)
        np.testing.assert_allclose(numbers(text, "<f4"), wanted, rtol=1e-5, atol=1e-6)
    kept = trained_net(db, made["id"])
    assert kept is not None
    assert kept.net.config.kind == ("flat" if kind in sums else kind)
    np.testing.assert_allclose(scene_nets.flat_weights(kept.net.weights, run.net), wanted, rtol=1e-5, atol=1e-6)


# While it trains


def test_live_gives_the_first_and_the_newest(db: Store) -> None:
    run = config()
    summary = work(db, run, stop_after=20)
    whole, live = payload.scene(db, summary), payload.scene(db, summary, live=True)
    kept = [epoch for epoch in snapshot_epochs(run) if epoch <= 20]
    assert (whole["epochs"], live["epochs"]) == (kept, [0, kept[-1]])
    assert live["weights"] == [whole["weights"][0], whole["weights"][-1]]
    assert live["counts"] == [[of_layer[0], of_layer[-1]] for of_layer in whole["counts"]]
    assert live["scores"] == {split: [shares[0], shares[-1]] for split, shares in whole["scores"].items()}
    assert live["rows"] == whole["rows"]


def test_live_sees_what_is_written_while_it_runs(db: Store) -> None:
    run = config()
    claim = claimed(db, run)
    trainer = Trainer(run)
    taken = snapshots.Snapshots(run, trainer)
    assert payload.scene(db, db.run(run.run_id), live=True)["epochs"] == [0]
    seen = []
    for record in trainer.epochs():
        db.record(claim, [record], taken.of(record.epoch))
        seen.append(payload.scene(db, db.run(run.run_id), live=True))
        if record.epoch == 5:
            break
    assert [made["epochs"] for made in seen] == [[0], [0], [0, 2], [0, 3], [0, 3], [0, 5]]
    now = scene_nets.flat_weights(trainer.net.state_dict(), run.net)
    np.testing.assert_array_equal(numbers(seen[-1]["weights"][-1], "<f4"), now)
    assert None not in seen[-1]["scores"]["train"]
    db.end(claim, "interrupted")


def test_live_of_a_run_that_ended_early_gives_its_last_epoch(db: Store) -> None:
    summary = work(db, config(train={"epochs": 1000, "patience": 1, "lr": 0.05}))
    assert summary.epochs_done not in snapshot_epochs(summary.config)
    assert payload.scene(db, summary, live=True)["epochs"] == [0, summary.epochs_done]


@pytest.mark.parametrize("live", [False, True])
def test_a_queued_run_shows_the_untrained_net(db: Store, live: bool) -> None:
    run = config(seed=3)
    db.submit(run)
    made = payload.scene(db, db.run(run.run_id), live=live)
    assert (made["epochs"], made["note"], made["counts"]) == ([0], "", [])
    untrained = build_net(run.net, 2, 2, 3).state_dict()
    np.testing.assert_array_equal(
        numbers(made["weights"][0], "<f4"), np.concatenate([untrained[name].reshape(-1) for name in untrained])
    )
    assert made["scores"] == {"train": [None], "validation": [None], "test": [None]}


# Without snapshots


def test_a_member_of_a_sweep_stands_at_its_first_and_last_epoch(db: Store) -> None:
    run = config(train={"epochs": 7}, tree_layers=2)
    summary = work_as_member(db, run)
    assert db.snapshots(run.run_id, "weights") == {}
    made = payload.scene(db, summary)
    assert (made["epochs"], made["note"]) == ([0, 7], "")
    untrained = build_net(run.net, 2, 2, run.weight_seed).state_dict()
    trained = as_tensors(db.artifact(run.run_id, NET) or b"")
    for text, state in zip(made["weights"], (untrained, trained), strict=True):
        np.testing.assert_array_equal(numbers(text, "<f4"), scene_nets.flat_weights(state, run.net))
    for layer in (0, 1):
        for place, epoch in enumerate((0, 7)):
            counted = Counter(db.leaves(run.run_id, layer, "train", epoch).tolist())
            assert made["counts"][layer][place] == [counted[leaf] for leaf in range(4)]
    assert made["scores"]["test"][1] == summary.last["test_accuracy"]


def test_a_net_left_within_an_epoch_has_no_scores_there(db: Store) -> None:
    run = config(train={"epochs": 5, "batch_size": 8})
    claim = claimed(db, run)
    asked = []

    def stops() -> bool:
        asked.append(trainer.epoch)
        return asked.count(1) > 3

    trainer = Trainer(run, stops, compiled=False)
    records = list(trainer.epochs())
    db.record(claim, records, {CHECKPOINT: pack(trainer.state())})
    db.end(claim, "stopped")
    made = payload.scene(db, db.run(run.run_id))
    assert made["epochs"] == [0, 1]
    assert made["note"] == "The last is the net 3 steps into epoch 2."
    assert made["counts"] == []
    assert [shares[1] for shares in made["scores"].values()] == [None] * 3
    assert made["scores"]["train"][0] == records[0].metrics["train", "accuracy"]
    now = scene_nets.flat_weights(trainer.net.state_dict(), run.net)
    np.testing.assert_array_equal(numbers(made["weights"][1], "<f4"), now)


def test_a_run_stopped_between_two_snapshots_stands_where_it_was_left(db: Store) -> None:
    run = config(train={"epochs": 600})
    summary = work(db, run, stop_after=22)
    assert summary.status == "stopped"
    planned = [epoch for epoch in snapshot_epochs(run) if epoch <= 22]
    assert planned[-1] < 22
    made = payload.scene(db, summary)
    assert made["epochs"] == [*planned, summary.epochs_done]
    kept = trained_net(db, run.run_id)
    assert kept is not None
    last = scene_nets.flat_weights(kept.net.weights, run.net)
    np.testing.assert_array_equal(numbers(made["weights"][-1], "<f4"), last)
    assert len(made["scores"]["train"]) == len(made["epochs"])


def test_two_features_are_a_plane_whatever_the_data_are_called(db: Store) -> None:
    data = DataConfig(name="tree_teacher", n_features=2, n_samples=300)
    made = payload.scene(db, work(db, config(data, {"epochs": 3}, depth=4, width=32)))
    assert (made["mode"], made["note"]) == ("plane", "")
    assert len(made["ready"]["probability"]) == len(made["epochs"]) == 4
    assert made["low"] < made["high"]


def test_weights_that_were_dropped_are_said_to_be_missing(db: Store) -> None:
    run = config(train={"epochs": 3})
    work_as_member(db, run)
    db.drop_nets([run.run_id])
    made = payload.scene(db, db.run(run.run_id))
    assert made["epochs"] == [0]
    assert "weights after training were not kept" in made["note"]


@pytest.mark.parametrize("epochs_done", [0, 3])
def test_a_net_too_large_is_said_to_be(db: Store, epochs_done: int) -> None:
    run = config(IRIS, {"epochs": 3}, depth=7, width=40)
    summary = work(db, run) if epochs_done else (db.submit(run), db.run(run.run_id))[1]
    made = payload.scene(db, summary)
    assert (made["weights"], made["ready"], made["note"]) == ([], None, scene_nets.TOO_LARGE)
    assert made["epochs"] == sorted({0, epochs_done})
    assert made["rows"]["train"]["n"] == shape(IRIS).n_train
    if epochs_done:
        assert [sum(of_epoch) for of_epoch in made["counts"][0]] == [shape(IRIS).n_train] * 2
        assert made["scores"]["test"][1] == summary.last["test_accuracy"]


# Regions


REGIONS: dict[str, Any] = {"depth": 7, "width": 8, "tree_layers": 2}


def assert_ready(made: dict[str, Any], place: int, net: DenseNet | TreeNet, run: RunConfig) -> None:
    wanted = regions(read_module(net), load(run.data, run.data_seed))
    ready = made["ready"]
    probability = numbers(ready["probability"][place], "u1").reshape(SIDE**2, 2)
    np.testing.assert_array_equal(probability, wanted["probability"])
    leaf = numbers(ready["leaf"][place], "<i4").reshape(2, SIDE**2)
    np.testing.assert_array_equal(leaf, wanted["leaf"])


def test_a_larger_net_on_a_plane_has_its_regions(db: Store) -> None:
    run = config(train={"epochs": 3}, **REGIONS)
    summary = work(db, run)
    made = payload.scene(db, summary)
    assert (made["epochs"], made["weights"], made["ready"]["side"]) == ([0, 1, 2, 3], [], SIDE)
    trained = build_net(run.net, 2, 2)
    trained.load_state_dict(as_tensors(db.artifact(run.run_id, NET) or b""))
    assert_ready(made, 3, trained, run)
    wanted = levels(read_module(trained), load(run.data, 0))
    got = made["ready"]["levels"]
    for level in range(8):
        np.testing.assert_array_equal(numbers(got["probability"][level], "u1"), wanted[f"level_{level}"].reshape(-1))
    assert len(got["probability"]) == 8
    assert got["accuracy"] == wanted["level_accuracy"].tolist()
    assert got["accuracy"][7] == [made["scores"][split][3] for split in ("train", "validation", "test")]
    np.testing.assert_array_equal(numbers(got["shuffled"], "u1"), wanted["shuffled"].reshape(-1))
    assert got["shuffled_accuracy"] == wanted["shuffled_accuracy"].tolist()
    live = payload.scene(db, summary, live=True)
    assert live["epochs"] == [0, 3]
    assert live["ready"]["leaf"] == [made["ready"]["leaf"][0], made["ready"]["leaf"][3]]
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_regions_of_a_dense_net_have_no_leaves(db: Store) -> None:
    made = payload.scene(db, work(db, config(train={"epochs": 1}, kind="dense", width=70)))
    nothing: dict[str, Any] = {"probability": [], "accuracy": [], "shuffled": None, "shuffled_accuracy": None}
    assert (len(made["ready"]["probability"]), made["ready"]["leaf"], made["ready"]["levels"]) == (2, [], nothing)


def test_regions_that_nobody_kept_are_computed(db: Store) -> None:
    run = config(train={"epochs": 2}, **REGIONS)
    db.submit(run)
    queued = payload.scene(db, db.run(run.run_id), live=True)
    untrained = build_net(run.net, 2, 2, run.weight_seed)
    assert queued["epochs"] == [0]
    assert_ready(queued, 0, untrained, run)
    db.stop(run.run_id)
    made = payload.scene(db, work_as_member(db, run))
    trained = build_net(run.net, 2, 2)
    trained.load_state_dict(as_tensors(db.artifact(run.run_id, NET) or b""))
    assert made["epochs"] == [0, 2]
    assert_ready(made, 0, untrained, run)
    assert_ready(made, 1, trained, run)
    for layer in (0, 1):
        for place, epoch in enumerate((0, 2)):
            counted = Counter(db.leaves(run.run_id, layer, "train", epoch).tolist())
            assert made["counts"][layer][place] == [counted[leaf] for leaf in range(128)]


# Failures


def fail(db: Store, run: RunConfig, epochs: int, error: str) -> RunSummary:
    claim = claimed(db, run)
    trainer = Trainer(run)
    taken = snapshots.Snapshots(run, trainer)
    for record in trainer.epochs():
        if record.epoch == epochs:
            break
        db.record(claim, [record], taken.of(record.epoch))
    db.end(claim, "failed", error)
    return db.run(run.run_id)


def test_a_failed_run_shows_what_was_recorded(db: Store) -> None:
    made = payload.scene(db, fail(db, config(), 4, "the loss became nan.\nTraceback"))
    assert made["failed"]
    assert made["epochs"] == [0, 2, 3]
    assert made["note"].startswith("The run failed: the loss became nan. ")
    assert "epoch 3, the last whose net was kept" in made["note"]


def test_a_run_that_failed_at_once_shows_the_untrained_net(db: Store) -> None:
    made = payload.scene(db, fail(db, config(), 0, 50 * "too large "))
    assert (made["failed"], made["epochs"], len(made["weights"])) == (True, [0], 1)
    assert made["note"].startswith("The run failed: too large too large")
    assert made["note"].endswith("… The scene shows the net before training.")
    assert len(made["note"]) < 220


def test_a_failed_fit_says_so(db: Store) -> None:
    run = config(kind="decision_tree")
    claim = claimed(db, run)
    db.end(claim, "failed", "the memory ran out")
    made = payload.scene(db, db.run(run.run_id))
    assert (made["failed"], made["tree"], made["note"]) == (True, None, "The run failed: the memory ran out.")


# What scikit-learn fits


@pytest.mark.parametrize(("kind", "depth"), [("decision_tree", 3), ("decision_tree_pruned", 3), ("decision_tree", 0)])
@pytest.mark.parametrize("data", [IRIS, MOONS], ids=["iris", "moons"])
def test_a_decision_tree_sends_rows_as_its_estimator_does(db: Store, data: DataConfig, kind: str, depth: int) -> None:
    run = config(data, kind=kind, depth=depth)
    summary = work(db, run)
    made = payload.scene(db, summary)
    assert (made["kind"], made["epochs"], made["total"]) == ("decision_tree", [1], 1)
    assert (made["weights"], made["counts"], made["ready"], made["note"]) == ([], [], None, "")
    assert {split: shares[0] for split, shares in made["scores"].items()} == {
        split: summary.last[f"{split}_accuracy"] for split in ("train", "validation", "test")
    }
    model = fit(run)
    assert model is not None
    if kind == "decision_tree":
        assert made["depth"] == depth
    else:
        assert made["depth"] == model.estimator.get_depth()
    tree = made["tree"]
    x = load(run.data, run.data_seed).test.x
    reached = []
    for row in x:
        node = 0
        while tree["left"][node] >= 0:
            goes_left = float(row[tree["feature"][node]]) <= tree["threshold"][node]
            node = tree["left" if goes_left else "right"][node]
        assert tree["feature"][node] < 0
        assert tree["right"][node] == -1
        reached.append(node)
    assert reached == model.estimator.apply(x).tolist()
    shares = np.array(tree["value"])[reached]
    np.testing.assert_allclose(shares, model.estimator.predict_proba(x), atol=1e-12)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


@pytest.mark.parametrize(
    ("kind", "words"),
    [("logistic", "Logistic regression"), ("random_forest", "The random forest"), ("gradient_boosting", "Gradient boosting")],
)
def test_other_fitted_models_are_not_drawn(db: Store, kind: str, words: str) -> None:
    run = config(IRIS, kind=kind)
    db.submit(run)
    made = payload.scene(db, db.run(run.run_id))
    assert (made["weights"], made["tree"], made["ready"]) == ([], None, None)
    assert (made["kind"], made["note"]) == (kind, f"{words} is not drawn here.")


# What stands beside


def test_the_look_has_all_that_the_browser_reads() -> None:
    made = payload.look(theme.Look(dark=True, projector=True))
    assert set(made) == {
        *("dark", "projector", "font", "size", "line", "text", "muted", "grid", "background", "secondary", "primary"),
        *("classes", "regions", "markers", "load", "share_power", "share_ticks", "values", "signed", "models"),
    }
    assert set(made["models"]) == {*theme.MODEL_COLOURS, "dense"}
    assert (made["background"], made["size"], made["line"]) == (theme.BACKGROUND[True], 24, 4)
    assert made["models"] | {"dense": None} == dict(theme.MODEL_COLOURS) | {"dense": None}
    assert made["load"][0] == [0.0, "#00224E"]
    light = payload.look(theme.SCREEN)
    assert all(light[name] != made[name] for name in ("text", "background", "secondary", "primary", "size", "line"))
    assert light["models"]["dense"] != made["models"]["dense"]
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("kind", ["tree", "flat"])
def test_parts_sum_to_the_logits(kind: str) -> None:
    run = config(IRIS, kind=kind, depth=3, width=6, tree_layers=2)
    net = drawn(4, 3, **run.net.model_dump())
    data = load(IRIS, 0)
    raw = data.raw[data.test.index[7]].tolist()
    with torch.no_grad():
        routed = net.routed(torch.tensor(data.test.x[7:8]))
    for layer in (0, 1):
        made = payload.parts(TrainedNet(read_module(net), None), run, raw, layer)
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        assert made["layer"] == layer
        leaf = int(routed.leaves[layer])
        assert made["nodes"] == ([leaf] if kind == "flat" else [0, 1 + (leaf >> 2), 3 + (leaf >> 1), 7 + leaf])
        assert made["levels"] == ([3] if kind == "flat" else [0, 1, 2, 3])
        total = np.sum(made["contributions"], axis=0) + made["rest"]
        np.testing.assert_allclose(total, made["logits"], rtol=1e-9)
        np.testing.assert_allclose(made["logits"], routed.logits[0].numpy(), rtol=1e-4, atol=1e-4)


def test_parts_of_a_net_without_gates_are_refused() -> None:
    run = config(IRIS, kind="dense")
    with pytest.raises(ValueError, match="only a net with gated layers"):
        payload.parts(TrainedNet(read_module(drawn(4, 3, kind="dense", width=4)), None), run, [1.0, 1.0, 1.0, 1.0], 0)


def test_a_tree_stands_beside_four_others() -> None:
    run = config(IRIS, {"lr": 0.02}, seed=5, depth=3, width=8, tree_layers=2)
    found = payload.partners(run)
    assert {words: (other.net.kind, other.net.gates) for words, other in found.items()} == {
        "dense": ("dense", "hidden"),
        "flat": ("flat", "hidden"),
        "random gates": ("tree", "random"),
        "decision tree": ("decision_tree", "hidden"),
    }
    for other in found.values():
        assert (other.data, other.train, other.seed) == (run.data, run.train, 5)
        assert (other.net.depth, other.net.width, other.net.tree_layers) == (3, 8, 2)
    assert cost(found["dense"].net, 4, 3).multiply_adds == cost(run.net, 4, 3).multiply_adds


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ({"gates": "random"}, ["dense", "flat", "decision tree"]),
        ({"depth": 0}, ["dense", "flat", "decision tree"]),  # where gates make no difference
        ({"kind": "flat"}, ["dense", "decision tree"]),
        ({"kind": "dense"}, ["decision tree"]),
        ({"kind": "decision_tree"}, ["dense"]),
        ({"kind": "logistic"}, ["dense", "decision tree"]),
    ],
)
def test_a_run_does_not_stand_beside_itself(net: dict[str, Any], words: list[str]) -> None:
    assert list(payload.partners(config(**net))) == words


def test_gates_that_cost_are_paid_for_by_a_wider_dense_net() -> None:
    run = config(IRIS, gates="units", depth=8, width=16)
    dense = payload.partners(run)["dense"].net
    goal = cost(run.net, 4, 3).multiply_adds
    distances = {
        width: abs(cost(dense.model_copy(update={"width": width}), 4, 3).multiply_adds - goal) for width in range(1, 64)
    }
    assert dense.width == min(distances, key=lambda width: distances[width]) > 16
