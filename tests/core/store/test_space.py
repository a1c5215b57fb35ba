"""Space on the disk: what is deleted is given back, also by older databases, if the disk has room to rewrite them."""

import math
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leafscope.core.config import RunConfig
from leafscope.core.store.database import opening, shrinking
from leafscope.core.store.reading import LEVELS
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from tests.postgres import ON_SQLITE

BLOB = bytes(range(256)) * 2**10
"""A quarter of a megabyte."""


class Disk(NamedTuple):
    total: int
    used: int
    free: int


def fill(db: Store, seeds: range) -> list[str]:
    """Finish runs with a net and four snapshots of a quarter of a megabyte."""
    ids = []
    for seed in seeds:
        db.submit(RunConfig(seed=seed))
        claim = db.claim("worker")
        assert claim is not None
        kept = {"weights-00000": BLOB, "weights-00001": BLOB, "regions-00000": BLOB, LEVELS: BLOB}
        db.end(claim, "finished", None, [], kept | {NET: b"net"})
        ids.append(claim.run_id)
    return ids


def used(path: str | None) -> int:
    """Bytes of the database and of the file beside it that is not merged yet."""
    assert path is not None
    return sum(file.stat().st_size for file in (Path(path), Path(f"{path}-wal")) if file.exists())


def pragma(path: str | None, name: str) -> int:
    assert path is not None
    connection = sqlite3.connect(path)
    (number,) = connection.execute(f"PRAGMA {name}").fetchone()
    connection.close()
    return int(number)


@pytest.fixture
def unshrinkable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database as it was made before: it never gets smaller; with four finished runs."""
    with monkeypatch.context() as patch:
        patch.setattr(opening, "begin_new", lambda connection: None)
        patch.setattr(opening, "make_shrinkable", lambda engine: None)
        db = Store(tmp_path / "old.db")
        fill(db, range(4))
        db.close()
    assert pragma(db.path, "auto_vacuum") == 0
    return tmp_path / "old.db"


@ON_SQLITE
@pytest.mark.parametrize("few", [0, shrinking.FEW])
def test_deleted_runs_give_their_space_back(db: Store, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(shrinking, "FEW", few)
    assert pragma(db.path, "auto_vacuum") == 2
    ids = fill(db, range(12))
    full = used(db.path)
    assert full > 12 * 4 * len(BLOB)
    db.delete(ids[:6])
    assert used(db.path) < 0.55 * full
    db.delete(ids[6:])
    assert used(db.path) < 0.05 * full
    assert pragma(db.path, "freelist_count") == 0


def test_snapshots_are_dropped_and_all_else_is_kept(db: Store) -> None:
    ids = fill(db, range(3))
    db.submit(RunConfig(seed=9))
    running = db.claim("worker")
    assert running is not None
    db.record(running, [], {"weights-00000": BLOB})
    before = db.space()
    assert (before.snapshots, before.replays, before.obstacle) == (13 * len(BLOB), 4, None)
    if db.path is None:
        assert before.total is None  # its administrator's task
    else:
        assert before.total == used(db.path)
        assert before.total > before.snapshots

    db.drop_snapshots([*ids[:2], running.run_id, "nowhere"])
    after = db.space()
    assert (after.snapshots, after.replays) == (5 * len(BLOB), 2)
    if before.total is not None:
        assert after.total is not None
        assert after.total < before.total - 7.5 * len(BLOB)
    assert [db.artifact(run_id, NET) for run_id in ids] == [b"net"] * 3
    assert db.snapshots(ids[0], "weights") == db.snapshots(ids[0], "regions") == {}
    assert db.artifact(ids[0], LEVELS) is None
    assert list(db.snapshots(ids[2], "weights")) == [0, 1]
    assert list(db.snapshots(running.run_id, "weights")) == [0]


def test_an_older_database_is_rewritten_once(unshrinkable: Path) -> None:
    full = used(str(unshrinkable))
    db = Store(unshrinkable)
    assert pragma(db.path, "auto_vacuum") == 2
    assert db.space().obstacle is None
    assert len(db.list_runs()) == 4
    assert db.artifact(RunConfig(seed=3).run_id, LEVELS) == BLOB
    db.delete([run.run_id for run in db.list_runs()])
    assert used(db.path) < 0.1 * full


def test_it_is_rewritten_later_where_the_disk_has_no_room(unshrinkable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda place: Disk(2**30, 2**30 - 2**20, 2**20))
        db = Store(unshrinkable)
        assert pragma(db.path, "auto_vacuum") == 0
        words = db.space().obstacle
        assert words is not None
        assert words.startswith("Deleting does not make the database smaller until it has been rewritten once, which needs ")
        assert words.endswith(", where 1 MiB are free.")
        full = used(db.path)
        db.drop_snapshots([RunConfig(seed=0).run_id])
        assert used(db.path) >= full
    db.drop_snapshots([RunConfig(seed=1).run_id])  # there is room now
    assert db.space().obstacle is None
    assert used(db.path) < 0.6 * full


def test_it_is_rewritten_later_where_another_process_writes(unshrinkable: Path) -> None:
    other = sqlite3.connect(unshrinkable, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    db = Store(unshrinkable)
    assert len(db.list_runs()) == 4
    assert "at the next start" in str(db.space().obstacle)
    other.execute("ROLLBACK")
    other.close()
    Store(unshrinkable).close()
    assert db.space().obstacle is None


@ON_SQLITE
def test_others_read_and_write_while_space_is_given_back(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "STEP", 64)
    monkeypatch.setattr(shrinking, "MANY", 300)
    monkeypatch.setattr(shrinking, "FEW", 0)
    ids = fill(db, range(10))
    (kept,) = fill(db, range(10, 11))
    waits: list[float] = []
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            began = time.monotonic()
            db.annotate(kept, name=f"name {len(waits)}")
            assert db.run(kept).name == f"name {len(waits)}"
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=work)
    thread.start()
    db.delete(ids)
    done.set()
    thread.join()
    assert len(waits) > 10
    assert db.run(kept).name == f"name {len(waits) - 1}"
    assert max(waits) < 5  # far below the 30 s after which a writer gives up
    assert pragma(db.path, "freelist_count") < 64


@ON_SQLITE
def test_a_reader_of_old_pages_is_not_waited_for(db: Store) -> None:
    ids = fill(db, range(4))
    full = used(db.path)
    assert db.path is not None
    reader = sqlite3.connect(db.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM runs").fetchall()
    began = time.monotonic()
    db.delete(ids[:2])
    assert time.monotonic() - began < 10  # of 30 s that writers wait
    assert reader.execute("SELECT count(*) FROM runs").fetchone() == (4,)
    reader.execute("COMMIT")
    reader.close()
    db.delete(ids[2:])
    assert used(db.path) < 0.1 * full


def test_a_server_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Url:
        def get_backend_name(self) -> str:
            return "postgresql"

    class Engine:
        url = Url()

    engine: Any = Engine()  # has no connection that could be used
    shrinking.make_shrinkable(engine)
    shrinking.give_back(engine)
    assert shrinking.obstacle(engine) is None
    assert shrinking.size(engine) is None


@pytest.mark.parametrize("written", [math.inf, -1.0, 1e308, "x", 0.0])
def test_what_snapshots_take_is_measured(written: float | str, tmp_path: Path) -> None:
    db = Store(tmp_path / "x.db")
    fill(db, range(2))
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE artifacts SET size = ? WHERE name = 'weights-00001'", (written,))
    connection.close()
    assert (db.space().snapshots, db.space().replays) == (2 * 4 * len(BLOB), 2)
