"""What is written is what the store had at that moment, and comes back row by row."""

import io
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from leafscope.core.errors import ArchiveError, RunNotFoundError
from leafscope.core.store.archive import Exported, Imported, export_archive, import_archive, writing
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.schema import artifact_parts
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET
from leafscope.core.training.events import EpochRecord
from tests.core.clock import Clock
from tests.core.store.archive.examples import (
    SWEEP,
    TABLES,
    claim_of,
    config,
    dump,
    everything,
    exported,
    finish,
    record,
    tensors,
)


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
    db.record(running, [record(0), record(1)], {CHECKPOINT: tensors(1, CHECKPOINT)})
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
    real = writing._manifest

    def meanwhile(*arguments: Any) -> dict[str, Any]:
        manifest = real(*arguments)
        other = Store(db.path, Clock())
        assert other.record(claim, [record(1)])
        other.submit(config(2))
        return manifest

    monkeypatch.setattr(writing, "_manifest", meanwhile)
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
    db.end(claim, "finished", None, [record(1)], {"regions-00001": tensors(7, "regions"), LEVELS: tensors(8, LEVELS)})
    import_archive(empty, io.BytesIO(exported(db)))
    assert empty.snapshots(claim.run_id, "weights") == {0: tensors(0), 2: tensors(2)}
    assert empty.snapshots(claim.run_id, "regions") == {1: tensors(7, "regions")}
    assert empty.artifact(claim.run_id, LEVELS) == tensors(8, LEVELS)


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

    monkeypatch.setattr(writing.os, "fsync", full_disk)
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
