"""Clocks that jump by years, back and forth, while real workers train, and workers that were paused meanwhile."""

import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from leafscope.core import jobs
from leafscope.core.config import SweepConfig
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import run_ids
from leafscope.core.worker import supervisor
from leafscope.core.worker.supervisor import Supervisor
from tests.core.worker.nursery import send, start, status, supervise_forked, work_alone
from tests.core.worker.test_worker import config, long, until

JUMPS = (0.0, 1e9, -1e9, 3e7, -4e9)
"""Seconds by which a clock is wrong, from one look at it to the next: years, also to before 1970."""


def once(db: Store, run_id: str) -> bool:
    """Whether each epoch until the last was recorded once."""
    done = db.run(run_id).epochs_done
    rows = db.history(run_id)
    return rows["epoch"].unique().tolist() == list(range(done + 1)) and len(rows) == 6 * (done + 1)


def test_nothing_is_lost_stays_or_comes_twice_while_clocks_jump(tmp_path: Path) -> None:
    jumps = itertools.cycle(JUMPS)
    db = Store(tmp_path / "runs.db", lambda: time.time() + next(jumps))
    endless = db.submit(long(0, 10_000)).run_id
    two = [start(work_alone, tmp_path / "log", ["--database", str(tmp_path / "runs.db")], JUMPS) for _ in range(2)]
    try:
        until(lambda: db.run(endless).epochs_done >= 3, 150, "3 epochs")
        with db._read() as connection:
            query = "SELECT pid FROM attempts WHERE status = 'running'"
            pid = int(connection.exec_driver_sql(query).scalars().one())
        with db._write():  # so that it is not paused within a transaction of its own
            os.kill(pid, signal.SIGSTOP)
        sweep = SweepConfig(name="clocks", base=config(epochs=4), axes={"seed": list(range(10))})
        jobs.submit_sweep(sweep, store=db)
        several = [db.submit(config(seed, 4)).run_id for seed in range(20, 24)]
        for run_id in (*several, *run_ids(sweep)):
            assert jobs.wait(run_id, 60, store=db).status == "finished"
            assert db.run(run_id).epochs_done == 4
            assert once(db, run_id)
        assert jobs.wait(endless, 10, store=db).status == "interrupted"
        done = db.run(endless).epochs_done
        os.kill(pid, signal.SIGCONT)
        until(lambda: db.run(endless).epochs_done > done + 1, 30, "going on")
        assert (db.run(endless).status, db.run(endless).attempt) == ("running", 1)
        db.stop(endless)
        assert jobs.wait(endless, 30, store=db).status == "stopped"
        assert once(db, endless)
        until(lambda: len(db.workers()) == 2, 30, "two workers")
    finally:
        for process in two:
            send(process, signal.SIGCONT)
            process.terminate()
        ended = [status(process, 30) for process in two]
    assert ended == [0, 0]
    assert db.workers() == []
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert len({line[:4] for line in log.splitlines()}) > 2  # years, as the workers saw them
    db.close()


def test_a_worker_that_another_process_took_off_the_list_trains_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STARTING", 2.0)
    supervise_forked(monkeypatch)
    db = Store(tmp_path / "runs.db")
    watching = Supervisor(tmp_path / "runs.db")
    run_id = db.submit(long(0, 10_000)).run_id
    watching.start()
    try:
        until(lambda: db.run(run_id).epochs_done >= 3, 150, "3 epochs")
        pid = watching.pid
        with db._write() as connection:
            connection.exec_driver_sql("DELETE FROM workers")
        until(lambda: len(db.workers()) == 1, 30, "it is on the list again")
        done, seen = db.run(run_id).epochs_done, time.monotonic()
        until(lambda: time.monotonic() - seen > 3 + supervisor.STALE + supervisor.CHECK, 30, "longer than it may be silent")
        assert watching.pid == pid
        assert db.run(run_id).status == "running"
        assert db.run(run_id).epochs_done > done
        assert len(db.workers()) == 1
    finally:
        watching.stop()
    db.close()
