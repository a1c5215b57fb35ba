"""Sweeps on a Dask cluster of processes of their own, over TLS, and what becomes of them when one of these ends."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from leafscope.core.errors import SchedulerError, StoreError
from leafscope.core.store.schema import attempts
from leafscope.core.store.store import Store
from leafscope.core.store.workers import DIED, DIED_AGAIN
from leafscope.core.worker import scheduler
from leafscope.core.worker.__main__ import main
from leafscope.core.worker.cluster import Cluster
from leafscope.core.worker.handed import train_group
from tests.core.worker.dask_cluster import DaskCluster, dask_cluster
from tests.core.worker.nursery import HANGS, end, send, status, until, workers
from tests.core.worker.sweeps import alone, nothing_twice, outcome, submit, sweep


@pytest.fixture
def db(lent: str) -> Iterator[Store]:
    opened = Store(lent)
    yield opened
    opened.close()


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """While this file exists, no run is trained to its end."""
    file = tmp_path / "hold"
    file.touch()
    return file


def environment(cluster: DaskCluster) -> dict[str, str]:
    return cluster.environment | {scheduler.VARIABLE: cluster.address}


def running(db: Store) -> int:
    """How many workers have a run in hand."""
    return sum(bool(worker.trains) for worker in db.workers())


def errors(db: Store) -> set[str]:
    with db._read() as connection:
        return set(connection.execute(select(attempts.c.error).where(attempts.c.error.is_not(None))).scalars())


def test_a_cluster_trains_a_sweep_as_one_worker_does_and_stops_when_asked(
    db: Store, lent: str, tmp_path: Path, hold: Path
) -> None:
    one, other = sweep(6), sweep(40, epochs=300, name="wine")
    ids = submit(db, one)
    with (
        dask_cluster(tmp_path, lent, 2, hold) as cluster,
        workers(lent, tmp_path, 1, environment=environment(cluster)) as (hands_over,),
    ):
        until(lambda: running(db) == 2, "two at work")
        busy = {worker.pid for worker in db.workers() if worker.trains}
        assert busy == {process.pid for process in cluster.workers}  # and not the worker that hands over
        hold.unlink()
        until(lambda: set(db.statuses(ids).values()) == {"finished"}, "all finished")
        nothing_twice(db, ids)
        pd.testing.assert_frame_equal(outcome(db, ids), alone(ids, one, tmp_path), check_exact=True)

        others = submit(db, other)
        until(lambda: running(db) == 2, "two at work")
        pressed = time.monotonic()
        db.stop_all(others)
        until(lambda: not {"queued", "running"} & set(db.statuses(others).values()), "stopped")
        assert time.monotonic() - pressed < 5  # a second, on a machine that is not busy
        assert "stopped" in db.statuses(others).values()
        hands_over.terminate()
        assert status(hands_over, HANGS) == 0


def test_the_group_of_a_killed_process_is_tried_once_more_and_then_named(
    db: Store, lent: str, tmp_path: Path, hold: Path
) -> None:
    ids = submit(db, sweep(1))
    with dask_cluster(tmp_path, lent, 1, hold) as cluster, workers(lent, tmp_path, 1, environment=environment(cluster)):
        for died in (DIED, DIED_AGAIN):
            until(lambda: running(db) == 1, "one at work")
            cluster.add_worker()
            end(cluster.workers[-2])
            until(lambda died=died: died in errors(db), "the death noticed")  # type: ignore[misc]
        until(lambda: "a process of the cluster died while it trained a group" in db.cluster_fault(), "pages say so")
        hold.unlink()
        until(lambda: not {"queued", "running"} & set(db.statuses(ids).values()), "all ended")
        until(lambda: not db.cluster_fault(), "it trains again")
    assert sorted(db.statuses(ids).values()) == ["failed", "finished"]
    assert {run.error for run in db.runs(ids).values() if run.status == "failed"} == {DIED_AGAIN}
    nothing_twice(db, ids)


def test_a_sweep_survives_its_scheduler(db: Store, lent: str, tmp_path: Path, hold: Path) -> None:
    one = sweep(3)
    ids = submit(db, one)
    with (
        dask_cluster(tmp_path, lent, 2, hold) as cluster,
        workers(lent, tmp_path, 1, environment=environment(cluster)),
    ):
        until(lambda: running(db) == 2, "two at work")
        assert cluster.scheduler is not None
        end(cluster.scheduler)
        send(cluster.workers[0], signal.SIGKILL)
        waits = f"members of sweeps wait for the scheduler at {cluster.address}: "
        until(lambda: db.cluster_fault().startswith(waits), "pages say so")
        hold.unlink()
        cluster.start_scheduler()
        cluster.add_worker()
        until(lambda: set(db.statuses(ids).values()) == {"finished"}, "all finished")
        assert not db.cluster_fault()
    nothing_twice(db, ids)
    pd.testing.assert_frame_equal(outcome(db, ids), alone(ids, one, tmp_path), check_exact=True)


def test_a_group_is_refused_where_the_database_is_another_or_another_process_had_it(
    db: Store, lent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", lent)
    with pytest.raises(StoreError, match="must use the app's database"):
        train_group("g", "cpu", "another")
    db.set_worker("g", "busy", "cpu")
    with pytest.raises(StoreError, match="died while it trained a group"):
        train_group("g", "cpu", db.identity())


def test_a_scheduler_that_is_refused_is_said_where_pages_read_it(db: Store, lent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", lent)
    monkeypatch.setenv(scheduler.VARIABLE, "tcp://cluster.example.org:8786")
    assert main(["--alone"]) == 1
    assert db.cluster_fault().startswith("LEAFSCOPE_SCHEDULER must begin with tls:// beyond this machine")


@pytest.mark.parametrize(
    ("address", "database", "words"),
    [
        ("tcp://cluster.example.org:8786", None, "must begin with tls:// beyond this machine"),
        ("tls://127.0.0.1:8786", "/data/leafscope.db", "needs a database that the cluster reaches"),
        ("tls://127.0.0.1", None, r"must be an address such as tls://host:8786, got 'tls://127\.0\.0\.1'"),
        ("http://127.0.0.1:8786", None, "must be an address such as"),
        ("tls://host:port", None, "must be an address such as"),
    ],
)
def test_what_cannot_be_a_scheduler_is_refused(
    address: str, database: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(scheduler.VARIABLE, address)
    with pytest.raises(SchedulerError, match=words):
        scheduler.address(database)


def test_an_address_is_taken_and_certificates_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(scheduler.VARIABLE, raising=False)
    assert scheduler.address("/data/leafscope.db") is None
    monkeypatch.setenv(scheduler.VARIABLE, " tcp://127.0.0.1:8786 ")
    assert scheduler.address(None) == "tcp://127.0.0.1:8786"
    monkeypatch.setattr(scheduler.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SchedulerError, match=r"pip install 'leafscope\[cluster\]'"):
        scheduler.address(None)
    with pytest.raises(SchedulerError, match="needs certificates"):
        Cluster(None, "cpu", "tls://127.0.0.1:8786")  # type: ignore[arg-type]
