"""Archives: what is exported comes back elsewhere, row by row; what is damaged or forged changes nothing."""

import contextlib
import gzip
import hashlib
import io
import json
import math
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from sqlalchemy import insert

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.errors import RunNotFoundError
from leafscope.core.store import archive
from leafscope.core.store.archive import ArchiveError, Exported, Imported, export_archive, import_archive
from leafscope.core.store.decks import Slide
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.records import CHECKPOINT, NET, Claim
from leafscope.core.store.schema import SCHEMA_VERSION, artifact_parts
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.training.trainer import EpochRecord
from tests.core.clock import Clock

DATA = Path(__file__).parent / "data"
TABLES = (
    *("runs", "attempts", "metrics", "leaves", "artifacts", "artifact_parts"),
    *("annotations", "sweeps", "decks", "slides"),
)
DTYPES = ("|u1", "<u2", ">u2", "<i4", "|i1", "<u8")
SWEEP = SweepConfig(
    name="seeds",
    base=RunConfig(data=DataConfig(name="iris"), net=NetConfig(width=4, depth=2), train=TrainConfig(epochs=5)),
    axes={"seed": [100, 101, 102, 103]},
)
HOSTILE = "<img src=x onerror=alert(1)> ![x](http://a.b/c.png) \u202egnp.\x00\n" + "\U0001f333" * 100


def config(seed: int = 0) -> RunConfig:
    return RunConfig(seed=seed, train=TrainConfig(epochs=5))


def record(epoch: int, seed: int = 0) -> EpochRecord:
    odd = {3: math.nan, 4: math.inf, 5: -math.inf}.get(seed % 7, 0.1 * (seed + 1) / (epoch + 1))
    metrics = {(split, metric): odd for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    rng = np.random.default_rng((seed, epoch))
    dtype = np.dtype(DTYPES[seed % len(DTYPES)])
    leaves = {
        (0, "train"): rng.integers(0, 100, 12).astype(dtype),
        (0, "test"): rng.integers(0, 100, 5).astype(dtype),
        (1, "validation"): np.empty(0, dtype=dtype),
    }
    return EpochRecord(epoch, metrics, leaves, float(epoch))


def tensors(seed: int, size: int = 30) -> bytes:
    return save({"weight": np.random.default_rng(seed).normal(size=(size, 2)).astype(np.float32)})


def claim_of(db: Store, run: RunConfig, **how: Any) -> Claim:
    db.submit(run, **how)
    claim = db.claim("worker", 7)
    assert claim is not None
    assert claim.run_id == run.run_id
    assert db.begin(claim, "cpu")
    return claim


def finish(db: Store, claim: Claim, seed: int, epochs: int = 2) -> None:
    records = [record(epoch, seed) for epoch in range(epochs)]
    assert db.end(claim, "finished", None, records, {NET: tensors(seed)}, {"trained_parameters": seed})


def fill(db: Store, clock: Clock, count: int) -> None:
    """So many runs: finished, resumed, trained anew, failed, stopped, with artifacts in several parts; sweep and decks."""
    members = distinct_runs(SWEEP)
    for seed in range(count - len(members)):
        clock.now += 0.1
        run = config(seed)
        claim = claim_of(db, run, note=f"note {seed}")
        if seed % 5 == 1:  # a chain of two, its checkpoint in several parts
            db.end(claim, "interrupted", "lost", [record(0, seed), record(1, seed)], {CHECKPOINT: tensors(seed, 500)})
            db.resume(run.run_id)
            claim = db.claim("other")
            assert claim is not None
            db.begin(claim, "cpu", 1)
            finish(db, claim, seed, 3)
        elif seed % 5 == 2:  # two chains
            finish(db, claim, seed)
            finish(db, claim_of(db, run, anew=True), seed + 1)
        elif seed % 5 == 3:
            db.end(claim, ("failed", "stopped")[seed % 2], "why", [record(0, seed)], {CHECKPOINT: tensors(seed)})
        else:
            finish(db, claim, seed)
        if seed % 4 == 0:
            db.annotate(run.run_id, name=f"{seed} {HOSTILE}", tags=["talk", f"seed {seed}"], comment=HOSTILE)
    db.submit_sweep(SWEEP, members)
    while (claim := db.claim("worker")) is not None:
        db.begin(claim, "cpu")
        finish(db, claim, claim.run.seed)
    figure = {"data": [{"type": "heatmap", "z": [[1.5, None]]}], "layout": {"title": {"text": HOSTILE}}}
    db.make_deck(
        HOSTILE, [Slide(kind="title", title=HOSTILE), Slide(kind="figure", figure=figure, runs=(config().model_dump_json(),))]
    )
    clock.now += 1
    db.make_deck("empty")


def dump(db: Store | Path, *tables: str) -> dict[str, list[str]]:
    """All rows, with the types that SQLite keeps them in."""
    path = db if isinstance(db, Path) else Path(str(db.path))
    with sqlite3.connect(path) as connection:
        names = tables or [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in names}
    connection.close()
    return found


def everything(db: Store) -> dict[str, list[str]]:
    return {
        "run_ids": [run.run_id for run in db.list_runs()],
        "sweep_ids": [info.sweep_id for info in db.sweeps()],
        "deck_ids": [info.deck_id for info in db.decks()],
    }


def exported(db: Store) -> bytes:
    file = io.BytesIO()
    export_archive(db, file, **everything(db))
    return file.getvalue()


def filled(path: Path, count: int) -> Store:
    clock = Clock()
    db = Store(path, clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leafscope.core.store.store.PART_BYTES", 1500)
        fill(db, clock, count)
    return db


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Fifty runs; no test changes it."""
    return filled(tmp_path_factory.mktemp("full") / "full.db", 50)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, bytes]:
    """Nine runs, and their archive."""
    db = filled(tmp_path_factory.mktemp("small") / "small.db", 9)
    return db, exported(db)


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An empty store that is emptied again after use."""
    return Store(tmp_path_factory.mktemp("spare") / "spare.db", Clock())


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "empty.db", Clock())
    yield opened
    opened.close()


# What comes back


def test_fifty_runs_come_back_row_by_row(full: Store, empty: Store, tmp_path: Path) -> None:
    path = tmp_path / "all.leafscope"
    done = export_archive(full, path, **everything(full))
    assert done == Exported(50, 1, 2, path.stat().st_size, ())
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".part"] == []
    assert import_archive(empty, path) == Imported(50, 0, 0, 1, 2, ())
    before = dump(full, *TABLES)
    assert all(before.values())
    assert dump(empty, *TABLES) == before
    assert any("'nan'" in row for row in before["metrics"])
    assert max(int(row.split(", ")[4]) for row in before["artifact_parts"] if "'checkpoint'" in row) >= 2


def test_the_store_reads_the_same_from_both(full: Store, empty: Store) -> None:
    import_archive(empty, io.BytesIO(exported(full)))
    assert empty.list_runs() == full.list_runs()
    for run in full.list_runs():
        assert empty.history(run.run_id).equals(full.history(run.run_id))
        for name in (NET, CHECKPOINT):
            assert empty.artifact(run.run_id, name) == full.artifact(run.run_id, name)
        (epochs, values), (epochs_too, same) = (db.leaves(run.run_id, 0, "train") for db in (full, empty))
        assert epochs.tolist() == epochs_too.tolist()
        assert (values.dtype, values.tobytes()) == (same.dtype, same.tobytes())
    assert empty.sweeps() == full.sweeps()
    assert [empty.slides(info.deck_id) for info in empty.decks()] == [full.slides(info.deck_id) for info in full.decks()]


def test_a_second_import_changes_nothing(small: tuple[Store, bytes], empty: Store) -> None:
    import_archive(empty, io.BytesIO(small[1]))
    before = dump(empty)
    again = import_archive(empty, io.BytesIO(small[1]))
    assert (again.runs, again.here, again.attempts, again.sweeps, again.decks) == (0, 9, 0, 0, 0)
    assert sorted(words.split()[0] for words in again.skipped) == ["deck", "deck", "sweep"]
    assert dump(empty) == before


def test_an_export_of_the_import_is_the_same_file(small: tuple[Store, bytes], empty: Store) -> None:
    import_archive(empty, io.BytesIO(small[1]))
    empty._clock = small[0]._clock
    assert exported(empty) == small[1]


def test_a_sweep_brings_those_of_its_runs_that_are_here(small: tuple[Store, bytes], empty: Store) -> None:
    file = io.BytesIO(b"before")
    file.seek(0, io.SEEK_END)
    done = export_archive(small[0], file, sweep_ids=[SWEEP.sweep_id])
    assert (done.runs, done.sweeps, done.decks, done.bytes) == (4, 1, 0, len(file.getvalue()) - 6)
    import_archive(empty, file)
    assert {run.config.seed for run in empty.list_runs()} == {100, 101, 102, 103}
    assert empty.decks() == []
    empty.delete([run.run_id for run in empty.list_runs()[:2]])
    assert export_archive(empty, io.BytesIO(), sweep_ids=[SWEEP.sweep_id]).runs == 2


def test_what_waits_is_left_out_and_what_trains_is_interrupted(tmp_path: Path, empty: Store) -> None:
    clock = Clock()
    db = Store(tmp_path / "source.db", clock)
    running = claim_of(db, config(1))
    db.record(running, [record(0), record(1)], {CHECKPOINT: tensors(1)})
    finish(db, claim_of(db, config(2)), 2)
    db.submit(config(2), anew=True)
    db.submit(config(3))
    db.annotate(config(3).run_id, name="waits")
    file = io.BytesIO()
    done = export_archive(db, file, **everything(db))
    assert done.runs == 2
    assert done.skipped == (
        f"run {config(3).run_id} ({config(3).label}) was left out: it waits, and nothing of it is there yet",
    )
    import_archive(empty, file)
    assert set(empty.statuses([config(seed).run_id for seed in (1, 2, 3)]).items()) == {
        (config(1).run_id, "interrupted"),
        (config(2).run_id, "finished"),
    }
    summary = empty.run(config(1).run_id)
    assert (summary.error, summary.epochs_done, summary.finished) == ("exported while it was training", 1, 1e9)
    assert not empty.resume(config(1).run_id).reused
    assert db.run(config(1).run_id).status == "running"


def test_reads_one_moment(tmp_path: Path, empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written while the file is written is not in it; the sums still fit."""
    db = Store(tmp_path / "source.db", Clock())
    claim = claim_of(db, config(1))
    db.record(claim, [record(0)])
    wanted = everything(db)
    real = archive._manifest

    def meanwhile(*arguments: Any) -> dict[str, Any]:
        manifest = real(*arguments)
        other = Store(db.path, Clock())
        assert other.record(claim, [record(1)])
        other.submit(config(2))
        return manifest

    monkeypatch.setattr(archive, "_manifest", meanwhile)
    file = io.BytesIO()
    export_archive(db, file, **wanted)
    assert import_archive(empty, file).runs == 1
    assert empty.recorded_epochs(config(1).run_id).tolist() == [0]
    assert db.recorded_epochs(config(1).run_id).tolist() == [0, 1]


def test_parts_that_no_version_names_are_left_behind(tmp_path: Path, empty: Store) -> None:
    db = Store(tmp_path / "source.db", Clock())
    claim = claim_of(db, config())
    finish(db, claim, 1)
    with db._write() as connection:
        part = {"run_id": claim.run_id, "attempt": claim.attempt, "name": NET, "version": "unfinished", "part": 0}
        connection.execute(insert(artifact_parts).values(part | {"data": b"half"}))
    import_archive(empty, io.BytesIO(exported(db)))
    assert len(dump(db)["artifact_parts"]) == 2
    assert len(dump(empty)["artifact_parts"]) == 1


def test_snapshots_travel(tmp_path: Path, empty: Store) -> None:
    db = Store(tmp_path / "source.db", Clock())
    claim = claim_of(db, config())
    db.record(claim, [record(0)], {f"weights-{epoch:05d}": tensors(epoch) for epoch in (0, 2)})
    db.end(claim, "finished", None, [record(1)], {"regions-00001": tensors(7), LEVELS: tensors(8)})
    import_archive(empty, io.BytesIO(exported(db)))
    assert empty.snapshots(claim.run_id, "weights") == {0: tensors(0), 2: tensors(2)}
    assert empty.snapshots(claim.run_id, "regions") == {1: tensors(7)}
    assert empty.artifact(claim.run_id, LEVELS) == tensors(8)


def test_a_real_archive_of_version_0_1_brings_all(empty: Store, tmp_path: Path) -> None:
    """Runs of six kinds, one of them failed, a sweep, tags and a deck; its store is beside it."""
    (tmp_path / "v0.1.db").write_bytes(gzip.decompress((DATA / "v0.1.db.gz").read_bytes()))
    source = Store(tmp_path / "v0.1.db")
    assert import_archive(empty, DATA / "v0.1.leafscope") == Imported(18, 0, 0, 1, 1, ())
    assert dump(empty, *TABLES) == dump(source, *TABLES)
    assert [(run.status, run.tags) for run in empty.list_runs()] == [(run.status, run.tags) for run in source.list_runs()]
    assert {run.status for run in empty.list_runs()} == {"finished", "failed"}


def test_columns_that_an_older_version_did_not_have_hold_their_defaults(small: tuple[Store, bytes], empty: Store) -> None:
    """Of a file of today, none may be missing, and never one without a default."""

    def without(*names: str) -> bytes:
        return forged(small[1], "attempts", lambda rows: [row.pop(name) for row in rows for name in names])

    refused(empty, without("device"), r"attempts, row 1: column device is missing")
    refused(empty, with_manifest(without("status"), schema=SCHEMA_VERSION - 1), r"attempts, row 1: column status is missing")
    older = with_manifest(without("device", "resumed_from"), schema=SCHEMA_VERSION - 1)
    assert import_archive(empty, io.BytesIO(older)).runs == 9
    assert {(run.device, run.resumed_from) for run in empty.list_runs()} == {(None, 0)}


def test_leaves_are_streamed(tmp_path: Path) -> None:
    db = Store(tmp_path / "source.db", Clock())
    claim = claim_of(db, config())
    for epoch in range(60):
        leaves = {(0, "train"): np.full(300_000, epoch, dtype=np.uint8)}
        db.record(claim, [EpochRecord(epoch, {("validation", "loss"): 1.0}, leaves, 1.0)])
    tracemalloc.start()
    export_archive(db, tmp_path / "large.leafscope", run_ids=[config().run_id])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9e6  # of 18 MB


def test_unknown_addresses_are_refused_before_anything_is_written(small: tuple[Store, bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.leafscope"
    path.write_bytes(b"as it was")
    run_id = config(0).run_id
    with pytest.raises(RunNotFoundError, match=r"no run has the address 'nowhere'"):
        export_archive(small[0], path, run_ids=[run_id, "nowhere"])
    with pytest.raises(RunNotFoundError, match=r"no sweep has the address 'nowhere'"):
        export_archive(small[0], path, sweep_ids=["nowhere"])
    with pytest.raises(RunNotFoundError, match=r"no deck has the address 'nowhere'"):
        export_archive(small[0], path, deck_ids=["nowhere"])
    with pytest.raises(ArchiveError, match=r"cannot be written: No such file"):
        export_archive(small[0], tmp_path / "no" / "x.leafscope", run_ids=[run_id])
    assert [one.name for one in tmp_path.iterdir()] == ["x.leafscope"]
    assert path.read_bytes() == b"as it was"


def test_a_failed_export_leaves_the_old_file(
    small: tuple[Store, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.leafscope"
    path.write_bytes(b"as it was")

    def full_disk(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full_disk)
    with pytest.raises(ArchiveError, match=r"x.leafscope cannot be written: No space left"):
        export_archive(small[0], path, run_ids=[config(0).run_id])
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"as it was"]


def test_a_configuration_of_an_older_program_is_left_out_and_said(tmp_path: Path) -> None:
    db = Store(tmp_path / "old.db", Clock())
    for seed in (1, 2):
        finish(db, claim_of(db, config(seed)), seed)
    with sqlite3.connect(str(db.path)) as connection:
        connection.execute("UPDATE runs SET config = '{\"depht\": 1}' WHERE run_id = ?", (config(1).run_id,))
    done = export_archive(db, io.BytesIO(), **everything(db))
    assert done.runs == 1
    assert "unknown field depht" in done.skipped[0]


# Meeting what is here


def archive_of_one(path: Path, seed: int = 0, attempts: int = 1) -> io.BytesIO:
    """A run finished elsewhere, after so many attempts."""
    db = Store(path, Clock())
    claim: Claim | None = claim_of(db, config(seed))
    for _ in range(attempts - 1):
        assert claim is not None
        db.end(claim, "interrupted", None, [record(0)], {CHECKPOINT: tensors(0)})
        db.resume(claim.run_id)
        claim = db.claim("w")
    assert claim is not None
    db.end(claim, "finished", None, [record(1, 1)], {NET: tensors(1)})
    return io.BytesIO(exported(db))


def test_a_finished_run_goes_behind_an_unfinished_one(tmp_path: Path, empty: Store) -> None:
    file = archive_of_one(tmp_path / "there.db", attempts=2)
    claim = claim_of(empty, config())
    empty.end(claim, "failed", "why", [record(0, 2)])
    before = dump(empty)
    assert import_archive(empty, file) == Imported(0, 0, 2, 0, 0, ())
    summary = empty.run(claim.run_id)
    assert (summary.status, summary.attempt, summary.first_attempt) == ("finished", 3, 2)
    assert empty.recorded_epochs(claim.run_id).tolist() == [0, 1]
    assert empty.artifact(claim.run_id, NET) == tensors(1)
    after = dump(empty)
    assert all(set(rows) <= set(after[name]) for name, rows in before.items())
    assert import_archive(empty, file) == Imported(0, 1, 0, 0, 0, ())
    assert dump(empty) == after


@pytest.mark.parametrize("state", ["finished", "running", "queued", "unfinished there too"])
def test_a_run_that_is_here_stays(state: str, tmp_path: Path, empty: Store) -> None:
    if state == "unfinished there too":
        other = Store(tmp_path / "there.db", Clock())
        other.end(claim_of(other, config()), "stopped", None, [record(0)])
        file = io.BytesIO(exported(other))
        empty.end(claim_of(empty, config()), "failed", "why", [record(0, 2)])
    else:
        file = archive_of_one(tmp_path / "there.db")
        if state == "queued":
            empty.submit(config())
        else:
            claim = claim_of(empty, config())
            if state == "finished":
                finish(empty, claim, 2)
    before = dump(empty)
    assert import_archive(empty, file) == Imported(0, 1, 0, 0, 0, ())
    assert dump(empty) == before


def test_names_given_here_stay_and_tags_are_united(tmp_path: Path, empty: Store) -> None:
    other = Store(tmp_path / "there.db", Clock())
    for seed in (1, 2, 3):
        for db in (other, empty):
            finish(db, claim_of(db, config(seed)), seed)
        other.annotate(config(seed).run_id, name="there", tags=["a", "b"])
    empty.annotate(config(1).run_id, name="here", tags=["b", "c"], comment="mine")
    empty.annotate(config(2).run_id, tags=[f"t{number}" for number in range(49)])
    done = import_archive(empty, io.BytesIO(exported(other)))
    one, two, three = (empty.run(config(seed).run_id) for seed in (1, 2, 3))
    assert (one.name, one.tags, one.comment) == ("here", ("b", "c", "a"), "mine")
    assert (two.name, len(two.tags), two.tags[-1]) == ("", 50, "a")
    assert (three.name, three.tags) == ("there", ("a", "b"))
    assert done.skipped == (f"run {config(2).run_id} has 50 tags, as many as it can have; 1 were not added",)


def test_a_deck_with_other_slides_comes_under_a_new_address_once(small: tuple[Store, bytes], empty: Store) -> None:
    import_archive(empty, io.BytesIO(small[1]))
    deck_id = next(info.deck_id for info in empty.decks() if info.name == HOSTILE.strip())
    mine = empty.add_slide(deck_id, Slide(kind="text", text="mine"))
    assert import_archive(empty, io.BytesIO(small[1])).decks == 1
    (new,) = [info for info in empty.decks() if info.name == HOSTILE.strip() + " (imported)"]
    assert list(empty.slides(new.deck_id).values()) == list(small[0].slides(deck_id).values())
    assert mine in empty.slides(deck_id)
    before = dump(empty)
    assert import_archive(empty, io.BytesIO(small[1])).decks == 0
    assert dump(empty) == before


def test_a_renamed_sweep_and_deck_stay(small: tuple[Store, bytes], empty: Store) -> None:
    empty.submit_sweep(SWEEP.model_copy(update={"name": "mine"}), [])
    import_archive(empty, io.BytesIO(small[1]))
    empty.rename_deck(empty.decks()[0].deck_id, "mine")
    before = dump(empty)
    import_archive(empty, io.BytesIO(small[1]))
    assert dump(empty) == before
    assert empty.sweep(SWEEP.sweep_id).name == "mine"


# What is refused


def refused(db: Store, data: bytes | io.BytesIO, match: str) -> None:
    before = dump(db)
    with pytest.raises(ArchiveError, match=match):
        import_archive(db, io.BytesIO(data) if isinstance(data, bytes) else data)
    assert dump(db) == before


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(content: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in content.items():
            target.writestr(name, data)
    return file.getvalue()


def forged(data: bytes, table: str, edit: Callable[[list[dict[str, Any]]], Any], blob: bytes | None = None) -> bytes:
    """The archive with rows of a table changed, and sums that fit."""
    content = members(data)
    rows = [json.loads(line) for line in content[f"{table}.jsonl"].splitlines()]
    edit(rows)
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    content[f"{table}.jsonl"] = lines
    manifest = json.loads(content["manifest.json"])
    manifest["tables"][table] |= {"rows": len(rows), "bytes": len(lines), "sha256": hashlib.sha256(lines).hexdigest()}
    if blob is not None:
        content[f"{table}.bin"] = blob
        manifest["tables"][table] |= {"blob_bytes": len(blob), "blob_sha256": hashlib.sha256(blob).hexdigest()}
    content["manifest.json"] = json.dumps(manifest).encode()
    return zipped(content)


def with_manifest(data: bytes, **changes: Any) -> bytes:
    content = members(data)
    content["manifest.json"] = json.dumps(json.loads(content["manifest.json"]) | changes).encode()
    return zipped(content)


def test_a_forgery_that_changes_nothing_is_read(small: tuple[Store, bytes], empty: Store) -> None:
    """So the refusals below are for what they change."""
    import_archive(empty, io.BytesIO(forged(small[1], "leaves", lambda rows: None)))
    assert dump(empty, *TABLES) == dump(small[0], *TABLES)


@settings(max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(share: float, bit: int, small: tuple[Store, bytes], spare: Store) -> None:
    """Dates and the like of the zip do not matter; nothing that is kept differs, ever."""
    data = bytearray(small[1])
    data[int(share * len(data))] ^= 1 << bit
    try:
        import_archive(spare, io.BytesIO(bytes(data)))
    except ArchiveError:
        assert not any(dump(spare, *TABLES).values())
    else:
        assert dump(spare, *TABLES) == dump(small[0], *TABLES)
        with spare._write() as connection:
            for table in reversed(archive._TABLES):
                connection.execute(table.delete())


def test_a_damaged_directory_is_read_or_refused_in_words(small: tuple[Store, bytes]) -> None:
    """Sizes, offsets and names stand at the end of the file; whatever they say, zipfile's own errors do not come out."""
    opened = 0
    start = small[1].index(b"PK\x01\x02")
    for at in range(start, len(small[1])):
        data = bytearray(small[1])
        data[at] ^= 0x81
        with contextlib.suppress(ArchiveError):
            archive._Archive(io.BytesIO(bytes(data)), 2**30)
            opened += 1
    assert 0 < opened < len(small[1]) - start


def test_a_truncated_file_is_refused(small: tuple[Store, bytes], empty: Store) -> None:
    for share in (0.01, 0.1, 0.5, 0.9, 0.99):
        refused(empty, small[1][: int(share * len(small[1]))], r"the file was not imported, and nothing was changed: it is no")
    refused(empty, small[1][:-1], r"it is no zip file, or its end is missing")


def test_other_files_are_refused(small: tuple[Store, bytes], empty: Store, tmp_path: Path) -> None:
    refused(empty, b"", r"it is no zip file")
    refused(empty, b"Dear reader, this is a letter.\n" * 50, r"it is no zip file")
    refused(empty, zipped({"letter.txt": b"Dear reader"}), r"no file of exported runs: it has no manifest.json")
    refused(empty, zipped({"manifest.json": b"{}"}), r"no file of exported runs: manifest.json must say")
    refused(empty, zipped({"manifest.json": b"[" * 100_000}), r"manifest.json is damaged")
    refused(empty, zipped({"manifest.json": b" " * (2**20 + 1)}), r"manifest.json must have at most 1,048,576 bytes")
    refused(empty, zipped(members(small[1]) | {"../evil": b""}), r"it has a foreign member, '../evil'")
    without = members(small[1])
    del without["leaves.bin"]
    refused(empty, zipped(without), r"its member leaves.bin is missing")
    twice = io.BytesIO(small[1])
    with pytest.warns(UserWarning, match=r"Duplicate name"), zipfile.ZipFile(twice, "a") as file:
        file.writestr("runs.jsonl", b"")
    refused(empty, twice, r"two of its members have the same name")
    with pytest.raises(ArchiveError, match=r"nothing.leafscope cannot be read: No such file"):
        import_archive(empty, tmp_path / "nothing.leafscope")
    with pytest.raises(ArchiveError, match=r"cannot be read: Is a directory"):
        import_archive(empty, tmp_path)
    (tmp_path / "letter.leafscope").write_text("Dear reader")
    with pytest.raises(ArchiveError, match=r"letter.leafscope was not imported, and nothing was changed"):
        import_archive(empty, tmp_path / "letter.leafscope")


def test_a_newer_file_is_refused_with_what_made_it(small: tuple[Store, bytes], empty: Store) -> None:
    newer = with_manifest(small[1], version=2, leafscope="9.1")
    refused(empty, newer, r"a newer Leafscope, '9.1', made it: its version is 2, and this program reads up to 1")
    refused(empty, with_manifest(small[1], schema=99), r"its schema is 99")
    refused(empty, with_manifest(small[1], version=True), r"must have a version from 1 to 1, got True")
    refused(empty, with_manifest(small[1], tables={}), r"must have the tables runs, attempts")
    refused(empty, zipped({"manifest.json": members(newer)["manifest.json"], "new.parquet": b""}), r"a newer Leafscope")


def test_a_bomb_is_refused_before_it_is_unpacked(
    small: tuple[Store, bytes], empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1_000_000)
    large = forged(small[1], "leaves", lambda rows: None, bytes(2_000_000))
    assert len(large) < 200_000
    refused(empty, large, r"its members must have at most 1,000,000 bytes in all, unpacked, but have 2,")
    content = members(small[1])
    content["slides.jsonl"] += bytes(900)
    refused(empty, zipped(content), r"slides.jsonl must have [\d,]+ bytes, as manifest.json says, but has")
    monkeypatch.setattr(archive, "MAX_ROW", 300)
    refused(empty, small[1], r"row \d+: it must have at most 300 bytes")


def test_sums_are_checked(small: tuple[Store, bytes], empty: Store) -> None:
    for name in ("runs.jsonl", "leaves.jsonl", "artifact_parts.bin", "leaves.bin"):
        content = members(small[1])
        if name.endswith("jsonl"):
            content[name] = content[name].replace(b'"note":"note', b'"note":"eton').replace(b'"train"', b'"tests"')
        else:
            content[name] = content[name][:-1] + bytes([content[name][-1] ^ 1])
        assert content[name] != members(small[1])[name]
        refused(empty, zipped(content), rf"{name} must have|split must be|safetensors")


def edit(number: int, **changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rows: rows[number].update(changes)


FORGERIES: list[tuple[str, Callable[[list[dict[str, Any]]], Any], str]] = [
    ("runs", edit(0, admin=True), r"runs, row 1: unknown column 'admin'"),
    ("runs", lambda rows: rows[1].pop("note"), r"runs, row 2: column note is missing"),
    ("runs", edit(1, label=7), r"runs, row 2: label must be text, got 7"),
    ("runs", edit(1, label=None), r"runs, row 2: label must be text, got None"),
    ("runs", edit(1, label="\ud800"), r"runs, row 2: label must be text"),
    ("runs", edit(1, created=math.nan), r"runs, row 2: created must be a finite number"),
    ("runs", edit(1, created=5), r"runs, row 2: created must be a finite number"),
    ("runs", edit(1, config='{"seed": 77}'), r"runs, row 2: run_id must be [0-9a-f]{16}, the address of its config"),
    ("runs", edit(1, config='{"net": {"depth": 99}}'), r"runs, row 2: depth must be a whole number from 0 to 16, got 99"),
    ("runs", edit(1, config="{"), r"runs, row 2: .*JSON"),
    ("runs", edit(0, run_id="../../etc/passwd"), r"runs, row 1: run_id must be 16 hexadecimal digits"),
    ("runs", lambda rows: rows.reverse(), r"runs, row 2: rows must be in the order of run_id, each once"),
    ("runs", lambda rows: rows.insert(0, rows[0]), r"runs, row 2: rows must be in the order"),
    ("runs", lambda rows: rows.pop(0), r"attempts, row 1: run [0-9a-f]{16} must be in the file"),
    ("attempts", lambda rows: rows.clear(), r"attempts: run [0-9a-f]{16} must have an attempt"),
    ("attempts", edit(0, status="running"), r"attempts, row 1: status must be one of finished, failed, stopped, interr"),
    ("attempts", edit(0, first_attempt=2), r"attempts, row 1: first_attempt must be from 1 to 1, got 2"),
    ("attempts", edit(0, epochs_total=0), r"attempts, row 1: epochs_total must be at least 1"),
    ("attempts", edit(0, epochs_done=-1), r"attempts, row 1: epochs_done must be a whole number from 0 to 2147483647"),
    ("attempts", edit(0, epochs_done=2**80), r"attempts, row 1: epochs_done must be a whole number"),
    ("attempts", edit(0, stop_requested=0), r"attempts, row 1: stop_requested must be true or false, got 0"),
    ("attempts", edit(0, device="x" * 21), r"attempts, row 1: device must be text of at most 20 characters"),
    ("attempts", edit(0, summary="[]"), r"attempts, row 1: summary must have"),
    ("attempts", edit(0, summary='{"best": {"train_loss": "0"}}'), r"attempts, row 1: summary must have"),
    ("attempts", edit(0, summary="[" * 100_000), r"attempts, row 1: "),
    ("metrics", edit(5, attempt=9), r"metrics, row 6: .*(order|attempt 9 of run [0-9a-f]{16} must be in the file)"),
    ("metrics", edit(0, split="secret"), r"metrics, row 1: split must be one of train, validation, test, got 'secret'"),
    ("metrics", edit(0, value=None, nonfinite=None), r"metrics, row 1: either value, or nan, inf or -inf"),
    ("metrics", edit(0, value=None, nonfinite="1"), r"metrics, row 1: either value"),
    ("metrics", edit(0, value=1.0, nonfinite="nan"), r"metrics, row 1: either value"),
    ("leaves", edit(1, shape="[13]"), r"leaves, row 2: .* must have \d+ bytes, got \d+"),
    ("leaves", edit(1, shape="[-1, -12]"), r"leaves, row 2: shape must be a list of lengths"),
    ("leaves", edit(1, shape="12"), r"leaves, row 2: shape must be a list"),
    ("leaves", edit(1, dtype="|O8"), r"leaves, row 2: dtype must be one of"),
    ("leaves", edit(1, dtype="<f4"), r"leaves, row 2: dtype must be one of"),
    ("leaves", edit(1, offset=0, size=10**15), r"leaves, row 2: offset must be \d+ and size at most"),
    ("leaves", edit(0, size=200_000_000), r"leaves, row 1: its value must have 200,000,000 bytes, but leaves.bin ends"),
    ("leaves", lambda rows: [rows.pop() for _ in range(3)], r"leaves.bin must have the [\d,]+ bytes of its rows"),
    ("artifacts", edit(0, size=1.5), r"artifacts, row 1: size must be a number of bytes, got 1.5"),
    ("artifacts", edit(0, size=3.0), r"artifact_parts, row \d+: .* must have 3 bytes in all its parts, got \d+"),
    ("artifacts", lambda rows: rows.pop(0), r"artifact_parts, row 1: it must be of an artifact in the file"),
    ("artifacts", edit(0, version="other"), r"artifact_parts, row 1: it must be of an artifact in the file"),
    ("artifact_parts", edit(0, part=1), r"artifact_parts, row 1: part must be 0, the next one, got 1"),
    ("annotations", edit(0, run_id="0" * 16), r"annotations, row 1: run 0{16} must be in the file"),
    ("annotations", edit(0, name="x" * 10_001), r"annotations, row 1: name must have at most 10,000 characters"),
    ("annotations", edit(0, comment="x" * 100_001), r"annotations, row 1: comment must have at most 100,000 characters"),
    ("annotations", edit(0, tags='{"a": 1}'), r"annotations, row 1: tags must be a list of texts"),
    ("annotations", edit(0, tags='["a", "a"]'), r"annotations, row 1: tags must be different"),
    ("annotations", edit(0, tags=json.dumps(["x" * 61])), r"annotations, row 1: a tag must have from 1 to 60 characters"),
    ("annotations", edit(0, tags='["\\ud800"]'), r"annotations, row 1: it must have whole characters"),
    ("sweeps", edit(0, sweep_id="0" * 16), r"sweeps, row 1: sweep_id must be [0-9a-f]{16}, the address of its config"),
    ("sweeps", edit(0, config='{"axes": {"seed": []}}'), r"sweeps, row 1: axis seed must have at least one value"),
    (
        "sweeps",
        edit(0, config=json.dumps({"axes": {"seed": list(range(100)), "train.epochs": list(range(1, 101))}})),
        r"sweeps, row 1: a sweep can have at most 5,000 runs, got 10,000",
    ),
    ("sweeps", edit(0, name=" "), r"sweeps, row 1: name must have from 1 to 200 characters"),
    ("decks", edit(0, name=""), r"decks, row 1: name must have from 1 to 10,000 characters"),
    ("slides", edit(0, deck_id="0" * 16), r"slides, row 1: deck 0{16} must be in the file"),
    ("slides", lambda rows: rows.append(rows[0] | {"place": 9}), r"slides, row 3: slide_id must be in the file once"),
    ("slides", edit(0, content='{"kind": "video"}'), r"slides, row 1: kind: "),
    ("slides", edit(0, content='{"kind": "text", "script": "x"}'), r"slides, row 1: script: "),
    ("slides", edit(0, content='{"kind": "text", "taken": NaN}'), r"slides, row 1: it must have finite numbers, got NaN"),
    ("slides", edit(0, content=json.dumps({"kind": "text", "text": "x" * 20_001})), r"slides, row 1: text must have at most"),
    ("slides", edit(1, figure="[]"), r"slides, row 2: figure: "),
    ("slides", edit(1, figure=json.dumps({"data": ["x" * 8_000_001]})), r"slides, row 2: a figure must have at most 8,000,000"),
    (
        "slides",
        edit(1, figure='{"layout": {"template": {"layout": {"images": [{"source": "http://a.b/c.png"}]}}}}'),
        r"slides, row 2: a figure must draw what it holds and fetch nothing, but this one has 'http://a.b/c.png'",
    ),
    ("slides", edit(1, figure='{"data": [{"type": "scattermapbox"}]}'), r"slides, row 2: .* has 'scattermapbox'"),
]


@pytest.mark.parametrize(("table", "change", "match"), FORGERIES, ids=[f"{one[0]}-{n}" for n, one in enumerate(FORGERIES)])
def test_a_forged_row_is_refused(
    table: str, change: Callable[[list[dict[str, Any]]], Any], match: str, small: tuple[Store, bytes], empty: Store
) -> None:
    refused(empty, forged(small[1], table, change), match)


def test_a_deck_of_too_many_slides_is_refused(small: tuple[Store, bytes], empty: Store) -> None:
    def many(rows: list[dict[str, Any]]) -> None:
        rows[:] = [rows[0] | {"place": place, "slide_id": f"{place:016x}"} for place in range(201)]

    refused(empty, forged(small[1], "slides", many), r"slides, row 201: a deck must have at most 200 slides")


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path, empty: Store) -> None:
    for name in (NET, CHECKPOINT, LEVELS, "weights-00003", "regions-00000"):
        db = Store(tmp_path / f"{name}.db", Clock())
        db.end(claim_of(db, config()), "stopped", None, [record(0)], {name: b"\x80\x04pickle"})
        refused(empty, exported(db), rf"artifact_parts: '{name}' of attempt 1 of run [0-9a-f]{{16}} must be safetensors")


def test_a_fault_while_writing_changes_nothing(
    small: tuple[Store, bytes], empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive._add_decks

    def fail(*arguments: Any) -> Any:
        real(*arguments)
        raise ArchiveError("the disk was pulled out")

    monkeypatch.setattr(archive, "_add_decks", fail)
    refused(empty, small[1], r"the disk was pulled out")
