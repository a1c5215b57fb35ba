"""A forged row is refused, by its table, number and column."""

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.inspection.snapshots import Snapshots
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.models import forest
from leafscope.core.store.archive import import_archive
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, TREES
from leafscope.core.store.values.tensors import compress, pack
from leafscope.core.training.fitting import fit
from leafscope.core.training.population import Population
from leafscope.core.training.trainer import Trainer
from tests.core.clock import Clock
from tests.core.store.archive.examples import claim_of, config, dump, exported, forged, members, refused, tensors
from tests.core.store.as_tensors import as_tensors

Forgery = tuple[str, Callable[[list[dict[str, Any]]], Any], str]
"""A table, a change of its rows, and what is said of it."""


def row(table: str, number: int, said: str, **changes: Any) -> Forgery:
    """Change values of the row with this number, counted from 1, which is named with what is said."""
    return table, lambda rows: rows[number - 1].update(changes), f"{table}, row {number}: {said}"


FORGERIES: list[Forgery] = [
    row("runs", 1, "unknown column 'admin'", admin=True),
    ("runs", lambda rows: rows[1].pop("note"), r"runs, row 2: column note is missing"),
    row("runs", 2, "label must be text of at most 1,000,000 characters, got 7", label=7),
    row("runs", 2, "label must be text of at most 1,000,000 characters, got None", label=None),
    row("runs", 2, "label must be text", label="\ud800"),
    row("runs", 2, "created must be a finite number", created=math.nan),
    row("runs", 2, "created must be a finite number", created=5),
    row("runs", 2, r"run_id must be the configuration's hash, [0-9a-f]{16}, got", config='{"seed": 77}'),
    row("runs", 2, "depth must be a whole number from 0 to 16, got 99", config='{"net": {"depth": 99}}'),
    row("runs", 2, r".*JSON", config="{"),
    row("runs", 1, "run_id must be 16 hexadecimal digits", run_id="../../etc/passwd"),
    ("runs", lambda rows: rows.reverse(), r"runs, row 2: rows must be in the order of run_id, each once"),
    ("runs", lambda rows: rows.insert(0, rows[0]), r"runs, row 2: rows must be in the order"),
    ("runs", lambda rows: rows.pop(0), r"attempts, row 1: run [0-9a-f]{16} must be in the file"),
    ("attempts", lambda rows: rows.clear(), r"attempts: run [0-9a-f]{16} must have an attempt"),
    row("attempts", 1, "status must be one of finished, failed, stopped, interr", status="running"),
    row("attempts", 1, "first_attempt must be from 1 to 1, got 2", first_attempt=2),
    row("attempts", 1, "epochs_total must be 5, as in its configuration, got 0", epochs_total=0),
    row("attempts", 1, "epochs_done must be a whole number from 0 to 2147483647", epochs_done=-1),
    row("attempts", 1, "epochs_done must be a whole number", epochs_done=2**80),
    row("attempts", 1, "stop_requested must be true or false, got 0", stop_requested=0),
    row("attempts", 1, "device must be text of at most 20 characters", device="x" * 21),
    row("attempts", 1, "summary must have", summary="[]"),
    row("attempts", 1, r"summary must have numbers .* got '0'", summary='{"best": {"train_loss": "0"}}'),
    row("attempts", 1, "", summary="[" * 100_000),
    row("attempts", 1, r"created must be a .* from 0 to 32,503,680,000, got 1e\+308", created=1e308),
    row("attempts", 1, r"started must be a .* from 0 to 32,503,680,000, got -1.0", started=-1.0),
    row("attempts", 1, r"finished must be a .* from 0 to 32,503,680,000", finished=1e12),
    row("attempts", 1, r"seconds must be a .* from 0 to 1,000,000,000,000, got 1", seconds=1e13),
    row("attempts", 1, r"error must be text of at most 1,000,000 char.* got 'x", error="x" * 1_000_001),
    row("attempts", 1, "attempt must be at most 1,000,000, got 2000000", attempt=2_000_000),
    row("attempts", 1, "epochs_total must be 5, as in its configuration, got 6", epochs_total=6),
    row("attempts", 1, r"epochs_done must be at most 5, the epochs of its config.* got 6", epochs_done=6),
    row("attempts", 1, "resumed_from must be at most 5", resumed_from=6),
    row("attempts", 1, "best_epoch of summary must be at most 5", summary='{"best_epoch": 6}'),
    row("attempts", 1, "best_epoch of summary must be a whole number", summary='{"best_epoch": null}'),
    row("attempts", 1, "summary must have numbers for test_accur", summary='{"last": {"secret_loss": 1}}'),
    row("attempts", 1, "test_accuracy of summary must be from", summary='{"last": {"test_accuracy": 2}}'),
    row("attempts", 1, "best of summary must have validation_loss", summary='{"best": {"test_loss": 2}}'),
    row("attempts", 1, "summary must have whole", summary='{"last": {"test_loss": 1%s}}' % ("0" * 400)),
    row("attempts", 1, "compiled of summary's facts must be true", summary='{"facts": {"compiled": 1}}'),
    row("attempts", 1, "trials of summary's facts must be a whole", summary='{"facts": {"trials": -1}}'),
    row("attempts", 1, "text must not contain unpaired surrogates", summary='{"facts": {"x": "\\ud800"}}'),
    row("metrics", 1, "epoch must be at most 5, the epochs of its configuration, got 6", epoch=6),
    row(
        "metrics",
        1,
        "metric must be one of loss, accuracy, rmse, mae, r2, mix_loss, mix_accuracy, mix_rmse, mix_mae, mix_r2, got 'secret'",
        metric="secret",
    ),
    row("metrics", 1, r"value must be from 0 to 1, got 1.5", value=1.5, nonfinite=None),
    row("metrics", 6, r".*(order|attempt 9 of run [0-9a-f]{16} must be in the file)", attempt=9),
    row("metrics", 1, "split must be one of train, validation, test, got 'secret'", split="secret"),
    row("metrics", 1, "either value, or nan, inf or -inf", value=None, nonfinite=None),
    row("metrics", 1, "either value", value=None, nonfinite="1"),
    row("metrics", 1, "either value", value=1.0, nonfinite="nan"),
    row("leaves", 2, r"shape must be \[\d+\], the rows of the \w+ split, got '\[13\]'", shape="[13]"),
    row("leaves", 2, r"shape must be \[\d+\]", shape="[-1, -12]"),
    row("leaves", 1, "epoch must be at most 5, the epochs of its configuration, got 6", epoch=6),
    row("leaves", 1, "layer must be below 2, the layers of its net with leaves, got 2", layer=2),
    row("leaves", 1, "shape must be", shape="[true]"),
    row("leaves", 2, r"<i8 of shape \[\d+\] must have \d+ bytes, got \d+", dtype="<i8"),
    row("leaves", 2, r"shape must be \[\d+\]", shape="12"),
    row("leaves", 2, "dtype must be one of", dtype="|O8"),
    row("leaves", 2, "dtype must be one of", dtype="<f4"),
    row("leaves", 2, r"offset must be \d+ and size at most", offset=0, size=10**15),
    row("leaves", 1, r"its value must have 200,000,000 bytes, but leaves.bin ends", size=200_000_000),
    ("leaves", lambda rows: [rows.pop() for _ in range(3)], r"leaves.bin must have the [\d,]+ bytes of its rows"),
    row("artifacts", 1, r"size must be a number of bytes, got 1.5", size=1.5),
    row("artifacts", 1, "size must be a finite number with a decimal point, from 0", size=-1.0),
    row("artifacts", 1, "size must be a finite number with a decimal point, from 0", size="1"),
    ("artifacts", lambda rows: rows[0].update(size=3.0), r"artifact_parts: .* must have 3 bytes in all its parts, got \d+"),
    ("artifacts", lambda rows: rows.pop(0), r"artifact_parts, row 1: it must be of an artifact in the file"),
    (
        "artifacts",
        lambda rows: rows[0].update(version="other"),
        r"artifact_parts, row 1: it must be of an artifact in the file",
    ),
    row("artifact_parts", 1, "part must be 0, the next one, got 1", part=1),
    row("annotations", 1, r"run 0{16} must be in the file", run_id="0" * 16),
    row("annotations", 1, "name must be text of at most 10,000 characters, got 'xx", name="x" * 10_001),
    row("annotations", 1, "comment must be text of at most 100,000 char", comment="x" * 100_001),
    row("annotations", 1, "tags must be a list of texts", tags='{"a": 1}'),
    row("annotations", 1, "tags must be different", tags='["a", "a"]'),
    row("annotations", 1, "a tag must have from 1 to 60 characters", tags=json.dumps(["x" * 61])),
    row("annotations", 1, "text must not contain unpaired surrogates", tags='["\\ud800"]'),
    row("sweeps", 1, r"sweep_id must be the configuration's hash, [0-9a-f]{16}, got", sweep_id="0" * 16),
    row("sweeps", 1, "axis seed must have at least one value", config='{"axes": {"seed": []}}'),
    row(
        "sweeps",
        1,
        "a sweep can have at most 5,000 runs, got 10,000",
        config=json.dumps({"axes": {"seed": list(range(100)), "train.epochs": list(range(1, 101))}}),
    ),
    row("sweeps", 1, "name must have from 1 to 200 characters", name=" "),
    row("decks", 1, "name must have at least 1 character, got ''", name=""),
    row("slides", 1, r"deck 0{16} must be in the file", deck_id="0" * 16),
    ("slides", lambda rows: rows.append(rows[0] | {"place": 9}), r"slides, row 3: slide_id must be in the file once"),
    row("slides", 1, "kind: ", content='{"kind": "video"}'),
    row("slides", 1, "script: ", content='{"kind": "text", "script": "x"}'),
    row("slides", 1, "taken must be from 0 to 32,503,680,000", content='{"kind": "text", "taken": 1e308}'),
    row("slides", 1, "it must have finite numbers, got NaN", content='{"kind": "text", "taken": NaN}'),
    row("slides", 1, "text must have at most", content=json.dumps({"kind": "text", "text": "x" * 20_001})),
    row("slides", 2, "figure: ", figure="[]"),
    row("slides", 2, "figure must be text of at most", figure=json.dumps({"data": ["x" * 8_000_001]})),
    row(
        "slides",
        2,
        r"a figure must draw what it holds and fetch nothing, but this one has 'http://a.b/c.png'",
        figure='{"layout": {"template": {"layout": {"images": [{"source": "http://a.b/c.png"}]}}}}',
    ),
    row("slides", 2, r".* has 'scattermapbox'", figure='{"data": [{"type": "scattermapbox"}]}'),
]


@pytest.mark.parametrize(("table", "change", "match"), FORGERIES, ids=[f"{one[0]}-{n}" for n, one in enumerate(FORGERIES)])
def test_a_forged_row_is_refused(
    table: str, change: Callable[[list[dict[str, Any]]], Any], match: str, small: tuple[Store, bytes], untouched: Store
) -> None:
    refused(untouched, forged(small[1], table, change), with_run(match))


def with_run(match: str) -> str:
    """Let the row of a run be named with its address."""
    return re.sub(r"^(\w+, row (?:\d+|\\d\+))(?=: )", r"\1(, run [0-9a-f]{16})?", match)


def test_the_run_of_a_row_is_named(small: tuple[Store, bytes], empty: Store) -> None:
    run_id = min(run.run_id for run in small[0].list_runs())
    table, change, match = row("attempts", 1, "priority must be from 0", priority=3)
    refused(empty, forged(small[1], table, change), match.replace("row 1", f"row 1, run {run_id}"))


def test_a_deck_of_too_many_slides_is_refused(small: tuple[Store, bytes], empty: Store) -> None:
    def many(rows: list[dict[str, Any]]) -> None:
        rows[:] = [rows[0] | {"place": place, "slide_id": f"{place:016x}"} for place in range(201)]

    refused(empty, forged(small[1], "slides", many), r"slides, row 201: a deck must have at most 200 slides")


def of_artifact(path: Path, name: str, data: bytes, run: RunConfig | None = None) -> bytes:
    db = Store(path / f"{name}.db", Clock())
    db.end(claim_of(db, run or config()), "stopped", None, [], {name: data})
    return exported(db)


@pytest.mark.parametrize("name", [NET, CHECKPOINT, LEVELS, "weights-00003", "regions-00000"])
def test_an_artifact_has_the_tensors_of_the_net(name: str, tmp_path: Path, empty: Store) -> None:
    where = rf"artifact_parts: '{name}' of attempt 1 of run [0-9a-f]{{16}}: "
    refused(empty, of_artifact(tmp_path, name, b"\x80\x04pickle"), where + "it must be safetensors")
    right = as_tensors(tensors(1, name))
    first = sorted(right)[0]
    for part, (other, match) in enumerate(
        [
            ({key: tensor for key, tensor in right.items() if key != first}, f"it must have the tensor {first}, got "),
            (right | {"secret": torch.zeros(1)}, "it must have the tensors .* only, got 'secret'"),
            (right | {first: right[first][:-1] if right[first].ndim else torch.zeros(1)}, f"{first} must be .* of shape"),
            (right | {first: right[first].to(torch.float16)}, f"{first} must be .* of shape .*, got F16 of shape"),
        ]
    ):
        (tmp_path / str(part)).mkdir()
        refused(empty, of_artifact(tmp_path / str(part), name, pack(other)), where + match)
    (tmp_path / "right").mkdir()
    import_archive(empty, io.BytesIO(of_artifact(tmp_path / "right", name, pack(right))))
    assert [run.status for run in empty.list_runs()] == ["stopped"]


@pytest.mark.parametrize(
    ("name", "key", "value", "match"),
    [
        (
            CHECKPOINT,
            "progress",
            torch.tensor([6, 0, 0, 1, 0]),
            r"progress must have an epoch up to 5, a step up to 3.* got",
        ),
        (CHECKPOINT, "progress", torch.tensor([1, -1, 0, 1, 0]), r"progress must have"),
        (CHECKPOINT, "progress", torch.tensor([1, 0, 2, 1, 0]), r"progress must have"),
        (CHECKPOINT, "progress", torch.tensor([1, 0, 1, 2, 0]), r"progress must have"),
        (
            "regions-00001",
            "leaf",
            torch.full((2, 96 * 96), 4, dtype=torch.int32),
            r"leaf of layer 0 must be from 0 to 3",
        ),
        (
            "regions-00001",
            "leaf",
            torch.full((2, 96 * 96), -1, dtype=torch.int32),
            r"leaf of layer 0 must be from 0 to 3",
        ),
    ],
)
def test_the_values_that_pages_count_with_are_checked(
    name: str, key: str, value: torch.Tensor, match: str, tmp_path: Path, empty: Store
) -> None:
    refused(empty, of_artifact(tmp_path, name, pack(as_tensors(tensors(1, name)) | {key: value})), match)


@pytest.mark.parametrize("kind", ["decision_tree", "random_forest"])
def test_trees_are_those_of_the_model_and_no_larger(
    kind: str, tmp_path: Path, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forest, "TREES", 3)
    run = RunConfig(data=config().data, net=NetConfig(kind=kind, depth=2 if kind == "decision_tree" else 0))
    fitted = fit(run)
    assert fitted is not None
    assert fitted.trees is not None
    right = fitted.trees.arrays()
    (tmp_path / "right").mkdir()
    import_archive(empty, io.BytesIO(of_artifact(tmp_path / "right", TREES, pack(right), run)))
    assert fitted_trees(empty, run.run_id) is not None
    wrong: list[tuple[Any, str]] = [
        (right | {"value": right["value"].astype(np.float16)}, "value must be float64 of shape"),
        (right | {"threshold": right["threshold"] * np.nan}, "threshold and value must be finite"),
        (right | {"left": right["right"]}, "each node must be a root or the child of one other node"),
        (right | {"root": np.array(0, np.int32)}, "root must be int32 of shape"),
        (right | {"more": np.zeros(0)}, "it must have the arrays .*, got"),
        (
            {name: np.resize(array, (10**5, *array.shape[1:])) for name, array in right.items()},
            "it must have at most [0-9,]+ b",
        ),
    ]
    another = changed(run, {"seed": 1})
    for number, (arrays, match) in enumerate(wrong):
        (tmp_path / str(number)).mkdir()
        refused(empty, of_artifact(tmp_path / str(number), TREES, pack(arrays), another), f"'trees' of .*: {match}")


def test_a_tree_is_no_deeper_than_its_run(tmp_path: Path, empty: Store) -> None:
    run = RunConfig(data=config().data, net=NetConfig(kind="decision_tree", depth=3))
    fitted = fit(run)
    assert fitted is not None
    assert fitted.trees is not None
    shallow = changed(run, {"net.depth": 2})
    data = of_artifact(tmp_path, TREES, pack(fitted.trees.arrays()), shallow)
    refused(empty, data, "the tree must have at most depth 2, as in its configuration, got 3")


def test_an_artifact_has_a_known_name_and_a_net(tmp_path: Path, empty: Store) -> None:
    refused(
        empty,
        of_artifact(tmp_path, "secret", tensors(1)),
        r"'secret' of .*: name must be net, checkpoint, levels, trees, or wei",
    )
    refused(empty, of_artifact(tmp_path, "weights-00006", tensors(1)), r"'weights-00006' .*: name must have an epoch up")
    tree = RunConfig(data=config().data, net=NetConfig(kind="decision_tree"))
    (tmp_path / "tree").mkdir()
    refused(empty, of_artifact(tmp_path / "tree", NET, tensors(1), tree), r"iris decision tree .* must have no artifacts")


def test_no_small_file_makes_a_large_net(tmp_path: Path, empty: Store) -> None:
    large = RunConfig(net=NetConfig(depth=16, width=4096))
    refused(empty, of_artifact(tmp_path, NET, tensors(1), large), r"it must have the tensors hidden.weight")


@pytest.mark.parametrize("value", [4, 255])
def test_leaves_are_those_of_the_net(value: int, small: tuple[Store, bytes], empty: Store) -> None:
    """The first run's configuration has K = 2."""
    before = members(small[1])
    first = json.loads(before["leaves.jsonl"].splitlines()[0])
    (rows,) = json.loads(first["shape"])
    leaf = bytes([value]) + bytes(rows - 1)  # not compressed, as older versions wrote it

    def plain(rows: list[dict[str, Any]]) -> None:
        for row in rows[1:]:
            row["offset"] += len(leaf) - rows[0]["size"]
        rows[0] |= {"dtype": "|u1", "size": len(leaf)}

    refused(
        empty,
        forged(small[1], "leaves", plain, leaf + before["leaves.bin"][first["size"] :]),
        r"leaves, row 1, run [0-9a-f]{16}: leaves must be from 0 to 3",
    )


def test_a_run_whose_data_cannot_be_split_comes_along(tmp_path: Path, empty: Store) -> None:
    run = RunConfig(data=DataConfig(name="iris", n_train=149))
    db = Store(tmp_path / "x.db", Clock())
    db.end(claim_of(db, run), "failed", "n_train must be at most 83")
    import_archive(empty, io.BytesIO(exported(db)))
    assert empty.run(run.run_id).error == "n_train must be at most 83"


RUNS = [
    RunConfig(data=DataConfig(name="iris"), net=net, train=TrainConfig(epochs=2))
    for net in (
        NetConfig(depth=2, width=6),
        NetConfig(kind="flat", depth=3, width=6, tree_layers=2, gates="units"),
        NetConfig(kind="shuffled", depth=2, width=6),
        NetConfig(kind="root_leaf", depth=3, width=6, tree_layers=2),
        NetConfig(kind="additive", depth=3, width=6, tree_layers=2),
        NetConfig(kind="flat_mean", depth=2, width=6),
        NetConfig(depth=9, width=2, gates="random"),
        NetConfig(depth=0, width=6),
        NetConfig(kind="dense", width=6, tree_layers=3),
    )
]
RUNS += [RunConfig(data=DataConfig(name="moons", n_samples=300), net=NetConfig(depth=2, width=width)) for width in (8, 20)]
RUNS += [changed(RUNS[-1], {"net.kind": kind}) for kind in ("shuffled", "root_leaf")]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.label)
def test_what_training_writes_is_imported(run: RunConfig, tmp_path: Path, empty: Store) -> None:
    """The weights of every epoch, or regions and levels; and a checkpoint of one net, and of a member of many."""
    run = changed(run, {"train.epochs": 2})
    db = Store(tmp_path / "x.db", Clock())
    trainer = Trainer(run)
    snapshots = Snapshots(run, trainer)
    claim = claim_of(db, run)
    for record in trainer.epochs():
        db.record(claim, [record], snapshots.of(record.epoch) | {CHECKPOINT: pack(trainer.state())})
    db.end(claim, "stopped", None, [], {NET: pack(trainer.net.state_dict())} | snapshots.at_end(), trainer.facts())
    members = [changed(run, {"seed": seed}) for seed in (1, 2)]
    population = Population(members)
    for _ in population.events():
        pass
    for member, trained in zip(members, population.members, strict=True):
        db.end(claim_of(db, member), "stopped", None, [], {CHECKPOINT: pack(trained.state())})
    import_archive(empty, io.BytesIO(exported(db)))
    assert dump(empty, "leaves", "artifact_parts", "attempts") == dump(db, "leaves", "artifact_parts", "attempts")
    assert trained_net(empty, run.run_id) is not None


def test_compressed_snapshots_are_imported_as_they_are_and_checked(tmp_path: Path, empty: Store) -> None:
    good = compress(tensors(1, "weights-00001"))
    import_archive(empty, io.BytesIO(of_artifact(tmp_path, "weights-00001", good)))
    assert empty.snapshots(config().run_id, "weights") == {1: good}
    for number, bad in enumerate((good[:-5], compress(b"\x80\x04pickle"))):
        (tmp_path / str(number)).mkdir()
        run = config(seed=number + 1)
        match = r"'weights-00001' of attempt 1 of run [0-9a-f]{16}: .*"
        refused(empty, of_artifact(tmp_path / str(number), "weights-00001", bad, run), match)
