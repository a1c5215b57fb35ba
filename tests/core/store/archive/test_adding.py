"""What an archive brings meets what is here: nothing is lost, nothing comes twice, and all or nothing is added."""

import gzip
import io
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from leafscope.core.errors import ArchiveError
from leafscope.core.store.archive import Imported, adding, import_archive
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, Claim
from tests.core.clock import Clock
from tests.core.store.archive.examples import (
    DATA,
    HOSTILE,
    SWEEP,
    TABLES,
    claim_of,
    config,
    dump,
    exported,
    finish,
    record,
    refused,
    tensors,
)


def test_a_real_archive_of_version_0_1_brings_all(empty: Store, tmp_path: Path) -> None:
    """Runs of six kinds, one of them failed, a sweep, tags and a deck; its store is beside it."""
    (tmp_path / "v0.1.db").write_bytes(gzip.decompress((DATA / "v0.1.db.gz").read_bytes()))
    source = Store(tmp_path / "v0.1.db")
    assert import_archive(empty, DATA / "v0.1.leafscope") == Imported(18, 0, 0, 1, 1, ())
    assert dump(empty, *TABLES) == dump(source, *TABLES)
    assert [(run.status, run.tags) for run in empty.list_runs()] == [(run.status, run.tags) for run in source.list_runs()]
    assert {run.status for run in empty.list_runs()} == {"finished", "failed"}


def archive_of_one(path: Path, seed: int = 0, attempts: int = 1) -> io.BytesIO:
    """A run finished elsewhere, after so many attempts."""
    db = Store(path, Clock())
    claim: Claim | None = claim_of(db, config(seed))
    for _ in range(attempts - 1):
        assert claim is not None
        db.end(claim, "interrupted", None, [record(0)], {CHECKPOINT: tensors(0, CHECKPOINT)})
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
    assert done.skipped == (f"run {config(2).run_id} has 50 tags, the most allowed; 1 were not added",)


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


def test_a_fault_while_writing_changes_nothing(
    small: tuple[Store, bytes], empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = adding._add_decks

    def fail(*arguments: Any) -> Any:
        real(*arguments)
        raise ArchiveError("the disk was pulled out")

    monkeypatch.setattr(adding, "_add_decks", fail)
    refused(empty, small[1], r"the disk was pulled out")


KILLED = """
import os, signal, sys
from leafscope.app import cli
from leafscope.core.store.archive import adding, contents
module, name = {"check": (contents, "check_artifact"), "write": (adding, "_add_decks")}[sys.argv[1]]
setattr(module, name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
cli.main(["import", sys.argv[2], "--database", sys.argv[3]])
"""
"""An import that is killed while it checks an artifact, or while it writes."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("at", ["check", "write"])
def test_an_import_that_is_killed_leaves_no_file_behind(small: tuple[Store, bytes], tmp_path: Path, at: str) -> None:
    for name in ("temporary", "store"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.leafscope").write_bytes(small[1])
    path = tmp_path / "store" / "runs.db"
    command = [sys.executable, "-c", KILLED, at, str(tmp_path / "file.leafscope"), str(path)]
    ended = subprocess.run(command, env=os.environ | {"TMPDIR": str(tmp_path / "temporary")}, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list((tmp_path / "temporary").iterdir()) == []
    assert {file.name for file in path.parent.iterdir()} <= {"runs.db", "runs.db-wal", "runs.db-shm"}
    store = Store(path, Clock())
    assert store.is_empty()
    import_archive(store, io.BytesIO(small[1]))
    assert dump(store) == dump(small[0])
    store.close()


def test_artifacts_are_checked_on_the_disk_of_the_store(
    small: tuple[Store, bytes], empty: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its free space was compared with the file's; where temporary files are may be small, or be memory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    import_archive(empty, io.BytesIO(small[1]))
    assert dump(empty) == dump(small[0])
