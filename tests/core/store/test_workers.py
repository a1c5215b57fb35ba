"""Workers are listed as long as they give signs of life."""

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import event

from leafscope.core.errors import StoreError
from leafscope.core.store.store import Store
from leafscope.core.store.workers import SAID_FOR
from tests.core.clock import Clock
from tests.core.store.examples import claimed, fall_silent, record


def test_workers(db: Store, clock: Clock) -> None:
    db.set_worker("w", "starting", "cpu", 7)
    assert len(db.workers()) == 1
    clock.now += 30  # importing torch from a cold disk
    assert [worker.state for worker in db.workers()] == ["starting"]
    db.set_worker("w", "ready")
    assert (db.workers()[0].pid, db.workers()[0].device, db.workers()[0].state) == (7, "cpu", "ready")
    clock.now += 4
    assert db.workers() == []
    db.beat("w")
    assert len(db.workers()) == 1
    claim = claimed(db)
    db.remove_worker("w", "failed", "the worker died")
    assert db.workers() == []
    assert (db.run(claim.run_id).status, db.run(claim.run_id).error) == ("failed", "the worker died")


def test_what_is_wrong_with_a_cluster_is_believed_while_somebody_says_it(db: Store, clock: Clock) -> None:
    assert db.cluster_fault() == ""
    db.set_cluster_fault("it is away")
    clock.now += SAID_FOR - 1
    assert db.cluster_fault() == "it is away"
    clock.now += 2
    assert db.cluster_fault() == ""
    db.set_cluster_fault("it is away")
    db.set_cluster_fault("")
    assert db.cluster_fault() == ""


def test_signs_of_life(db: Store, clock: Clock) -> None:
    claim = claimed(db)
    for _ in range(5):
        clock.now += 2.5
        db.beat("w", claim)
        assert db.run(claim.run_id).status == "running"
    clock.now += 2.9
    db.record(claim, [record(0)])  # writing is a sign of life, too
    clock.now += 2.9
    assert db.run(claim.run_id).status == "running"


@pytest.mark.parametrize("ahead", [-1e9, 1e9])
def test_a_clock_that_is_set_makes_no_dead_worker_live(db: Store, clock: Clock, ahead: float) -> None:
    other = Store(db.url, lambda: clock.now + ahead)
    claim = claimed(other)
    other.set_worker("w", "busy", "cpu")
    other.close()
    assert db.run(claim.run_id).status == "running"
    assert len(db.workers()) == 1
    clock.now += 3.1
    assert db.run(claim.run_id).status == "interrupted"
    assert db.workers() == []
    assert not db.resume(claim.run_id).reused


@pytest.mark.parametrize("ahead", [-1e9, 1e9])
def test_workers_whose_clocks_differ_do_not_remove_each_other(db: Store, clock: Clock, ahead: float) -> None:
    other = Store(db.url, lambda: clock.now + ahead, clock)
    db.set_worker("here", "busy", "cpu", 7)
    for _ in range(100):
        other.set_worker("there", "ready", "cuda", 8)
        clock.now += 1.0
        db.beat("here")
        assert {(one.worker_id, one.device, one.pid) for one in db.workers()} == {("here", "cpu", 7), ("there", "cuda", 8)}
    other.close()


def test_a_worker_that_nobody_could_remove_is_forgotten(db: Store, clock: Clock) -> None:
    """The power failed: neither it nor its supervisor could."""
    db.set_worker("lost", "busy")
    clock.now += 1e6
    db.set_worker("w", "ready")
    assert db.beats("lost") is not None  # it may have been this process that was paused
    clock.now += 61
    db.set_worker("w", "ready")
    assert db.beats("lost") is None
    assert [one.worker_id for one in db.workers()] == ["w"]


def test_reading_waits_for_no_writer(tmp_path: Path, clock: Clock) -> None:
    db = Store(tmp_path / "locked.db", clock, clock)
    claim = claimed(db)
    fall_silent(db, clock)
    other = sqlite3.connect(str(db.path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert db.run(claim.run_id).status == "running"  # it could not be written that it is silent
    assert not db.can_write()
    assert "locked" in str(db.write_fault)
    assert time.monotonic() - began < 5
    other.execute("COMMIT")
    other.close()
    assert db.can_write()
    assert db.write_fault is None
    assert db.run(claim.run_id).status == "interrupted"
    db.close()


def test_a_full_database_can_be_read(tmp_path: Path) -> None:
    db = Store(tmp_path / "full.db")
    claim = claimed(db)
    with db._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    event.listen(db._engine, "begin", lambda one: one.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreError, match="full") as caught:
        db.record(claim, [record(0)], {"large": b"x" * 1_000_000})
    assert caught.value.can_pass
    assert "full" in str(db.write_fault)
    assert db.run(claim.run_id).status == "running"
    assert db.history(claim.run_id).empty
    db.close()
