"""Workers on several machines that share one database: processes of their own, and what becomes of them."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select, update

from leafscope.core.errors import StoreError
from leafscope.core.store.database.answering import SILENT
from leafscope.core.store.schema import attempts, meta, metrics
from leafscope.core.store.store import Store
from leafscope.core.store.workers import DEAD, DIED, VERSION
from tests.core.clock import Clock
from tests.core.store.examples import claimed, config, record
from tests.core.worker.nursery import HANGS, send, status, until, workers
from tests.core.worker.sweeps import TABLE, alone, nothing_twice, outcome, submit, sweep
from tests.postgres import PASSWORD, Postgres, relay


def launch(url: str, log: Path, *more: str) -> "subprocess.Popen[bytes]":
    """Start a worker as a job of a cluster does: the URL is in the environment."""
    environment = os.environ | {"LEAFSCOPE_DATABASE": url}
    command = [sys.executable, "-c", "import sys; from leafscope.app.cli import main; sys.exit(main())", "worker", *more]
    with log.open("ab") as errors:
        return subprocess.Popen(command, env=environment, stderr=errors, start_new_session=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(lent: str) -> Iterator[Store]:
    opened = Store(lent)
    yield opened
    opened.close()


def test_several_processes_train_a_sweep_as_one_does(db: Store, lent: str, tmp_path: Path) -> None:
    """On a table that only the database has, by clocks an hour apart; they end by themselves, no password in their logs."""
    began = time.time()
    db.add_table(TABLE)
    one = sweep(6, name=f"table:{TABLE.hash}")
    ids = submit(db, one)
    hold = tmp_path / "hold"
    hold.touch()
    with workers(lent, tmp_path, 2, "--until-idle", hold=hold, apart=3600.0) as processes:
        until(lambda: sum(bool(worker.trains) for worker in db.workers()) == 2, "two at work")
        assert {worker.machine for worker in db.workers()} == {os.uname().nodename}
        hold.unlink()
        assert [status(process, HANGS) for process in processes] == [0, 0]
    assert set(db.statuses(ids).values()) == {"finished"}
    nothing_twice(db, ids)
    pd.testing.assert_frame_equal(outcome(db, ids), alone(ids, one, tmp_path), check_exact=True)
    assert db.workers() == []
    with db._read() as connection:  # the server's time
        times = connection.execute(select(attempts.c.started, attempts.c.finished)).all()
    assert all(began - 5 < row.started <= row.finished < time.time() + 5 for row in times)
    for log in tmp_path.glob("worker*.log"):
        assert PASSWORD not in log.read_text()


def test_what_a_worker_ends_in_is_trained_elsewhere(db: Store, lent: str, tmp_path: Path) -> None:
    """One is told to end, as SLURM does, one is killed, and one is frozen; what they had goes on with another."""
    one = sweep(4, epochs=40)
    ids = submit(db, one)
    hold = tmp_path / "hold"
    hold.touch()
    with workers(lent, tmp_path, 3, hold=hold) as processes:
        until(lambda: sum(bool(worker.trains) for worker in db.workers()) == 3, "three at work")
        told, killed, frozen = processes
        send(frozen, signal.SIGSTOP)
        killed.kill()
        told.terminate()
        hold.unlink()
        assert status(told, HANGS) == 0
        with workers(lent, tmp_path, 1, "--until-idle") as (last,):
            assert status(last, HANGS) == 0
        before = outcome(db, ids)
        send(frozen, signal.SIGCONT)  # it finds that nothing is its own any longer
        until(lambda: any(worker.pid == frozen.pid for worker in db.workers()), "the frozen one back")
        frozen.terminate()
        assert status(frozen, HANGS) == 0
    with db._read() as connection:
        ends = connection.execute(select(attempts.c.error).where(attempts.c.error.is_not(None)).distinct()).scalars().all()
    assert set(ends) == {"the worker was told to end", DIED}
    assert set(db.statuses(ids).values()) == {"finished"}
    nothing_twice(db, ids)
    pd.testing.assert_frame_equal(outcome(db, ids), before, check_exact=True)
    pd.testing.assert_frame_equal(before, alone(ids, one, tmp_path), check_exact=True)


def test_a_sweep_survives_a_cut_network_and_a_server_that_starts_again(
    postgres: Postgres, db: Store, lent: str, tmp_path: Path
) -> None:
    one = sweep(10, epochs=40)
    ids = submit(db, one)
    with relay(postgres.port) as between:
        through = lent.replace(f":{postgres.port}/", f":{between.port}/")
        with workers(through, tmp_path, 1, "--until-idle") as (worker,):
            until(lambda: "running" in db.statuses(ids).values(), "at work")
            between.cut()  # connections are reset, and new ones are refused
            time.sleep(1.0)
            between.mend()
            between.delay = 0.02
            until(lambda: list(db.statuses(ids).values()).count("finished") > 4, "going on")
            between.delay = 0.0
            between.silent = True  # all connections stand, and nothing is said
            until(lambda: SILENT in (tmp_path / "worker0.log").read_text(), "the silence noticed")
            between.silent = False
            postgres.end(at_once=True)  # as in a crash: it recovers
            postgres.start()
            assert status(worker, HANGS) == 0
    assert set(db.statuses(ids).values()) == {"finished"}
    nothing_twice(db, ids)
    pd.testing.assert_frame_equal(outcome(db, ids), alone(ids, one, tmp_path), check_exact=True)


def test_who_was_cut_off_without_a_word_finds_its_runs_trained_by_another(
    postgres: Postgres, db: Store, lent: str, tmp_path: Path
) -> None:
    """No connection breaks: what was sent waits, and arrives when all is over."""
    one = sweep(2, epochs=10)
    ids = submit(db, one)
    hold = tmp_path / "hold"
    hold.touch()
    with relay(postgres.port) as between:
        through = lent.replace(f":{postgres.port}/", f":{between.port}/")
        with workers(through, tmp_path, 1, hold=hold) as (silent,):
            until(lambda: any(worker.trains for worker in db.workers()), "at work")
            between.silent = True
            hold.unlink()
            with workers(lent, tmp_path, 1, "--until-idle", name="other") as (other,):
                assert status(other, HANGS) == 0
            before = outcome(db, ids)
            until(lambda: SILENT in (tmp_path / "worker0.log").read_text(), "the silence noticed")
            between.silent = False
            until(lambda: any(worker.pid == silent.pid for worker in db.workers()), "the silent one back")
            silent.terminate()
            assert status(silent, HANGS) == 0
    nothing_twice(db, ids)
    pd.testing.assert_frame_equal(outcome(db, ids), before, check_exact=True)
    pd.testing.assert_frame_equal(before, alone(ids, one, tmp_path), check_exact=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB, which only root can make."""
    folder = Path(tempfile.mkdtemp(prefix="ls", dir="/tmp"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=711", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        folder.rmdir()
        pytest.skip(f"only root can make a small disk: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def test_a_worker_waits_while_the_servers_disk_is_full(postgres: Postgres, small_disk: Path, tmp_path: Path) -> None:
    place = small_disk / "server"
    place.mkdir()
    url = postgres.database_in(place)
    db = Store(url)
    one = sweep(10, epochs=20)
    ids = submit(db, one)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    try:
        with workers(url, tmp_path, 1, "--until-idle") as (worker,):
            until(lambda: "free some space on the server's disk" in (tmp_path / "worker0.log").read_text(), "a full disk")
            assert list(db.statuses(ids).values()).count("finished") < len(ids)
            filler.unlink()
            assert status(worker, HANGS) == 0
        assert set(db.statuses(ids).values()) == {"finished"}
        nothing_twice(db, ids)
        pd.testing.assert_frame_equal(outcome(db, ids), alone(ids, one, tmp_path), check_exact=True)
    finally:
        db.close()
        postgres.drop(url)


def test_another_version_is_refused_with_both_named(db: Store, lent: str, tmp_path: Path) -> None:
    """Started as a person does it: the password is not in its command line either."""
    db.refuse_other_version()
    db.refuse_other_version()
    with db._write() as connection:
        connection.execute(update(meta).where(meta.c.name == VERSION).values(value="9.8"))
    with pytest.raises(StoreError, match=r"this one is Leafscope 0\.1\.0, and the app Leafscope 9\.8"):
        db.refuse_other_version()
    process = launch(lent, tmp_path / "worker.log")
    assert PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert process.wait(HANGS) == 1
    assert "the app Leafscope 9.8" in (tmp_path / "worker.log").read_text()
    db.note_version()
    db.refuse_other_version()


def test_the_silent_are_buried_and_their_members_queued_once_more(lent: str, clock: Clock) -> None:
    db = Store(lent, clock, clock)
    ids = submit(db, sweep(2))
    for again in (False, True):
        db.set_worker("w", "busy", "cpu")
        assert len(db.claim_members("w", lambda run: 1.0, 99.0, "cpu")) == 4
        db.workers()
        clock.now += DEAD - 1
        assert db.bury_silent() == []
        assert not db.is_idle("other")
        clock.now += 2
        assert db.bury_silent() == ["w"]
        assert set(db.statuses(ids).values()) == {"failed" if again else "queued"}
    assert db.is_idle("other")
    assert all(str(run.error).startswith(DIED) for run in db.runs(ids).values())
    db.close()


def test_what_a_worker_does_not_know_that_it_claimed_is_handed_on(db: Store) -> None:
    """The connection broke when the claim was already written."""
    claim = claimed(db)
    db.record(claim, [record(0)])
    stopped = claimed(db, config(1))
    db.stop(stopped.run_id)
    db.hand_on("w", "why")
    assert (db.run(claim.run_id).status, db.run(claim.run_id).attempt) == ("queued", 2)
    assert (db.run(stopped.run_id).status, db.run(stopped.run_id).error) == ("interrupted", "why")
    db.hand_on("w", "why")
    assert db.run(claim.run_id).attempt == 2
    with db._read() as connection:
        assert connection.execute(select(metrics.c.attempt).distinct()).scalars().all() == [1]
