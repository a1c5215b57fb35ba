"""The supervisor: workers that die, and a parent that dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import run_ids
from leafscope.core.worker import supervisor
from leafscope.core.worker.supervisor import Supervisor
from tests.core.worker.nursery import supervise_forked

EPOCHS = 40
"""Of a long run: about 50 ms each, so that it can be ended in the midst of, by a test that looks every 20 ms."""


def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def config(seed: int, epochs: int) -> RunConfig:
    train = TrainConfig(epochs=epochs, batch_size=32)
    return RunConfig(data=DataConfig(name="wine"), net=NetConfig(depth=3, width=8), train=train, seed=seed)


def long(seed: int, epochs: int = EPOCHS) -> RunConfig:
    data, train = DataConfig(name="moons", n_samples=20_000), TrainConfig(epochs=epochs, batch_size=8)
    return RunConfig(data=data, net=NetConfig(depth=3, width=8), train=train, seed=seed)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # a process that ended and was adopted by a parent that does not ask for it
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def running_pid(db: Store) -> int:
    with db._read() as connection:
        return int(connection.exec_driver_sql("SELECT pid FROM attempts WHERE status = 'running'").scalars().one())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("supervisor") / "leafscope.db"


@pytest.fixture(scope="module")
def db(path: Path) -> Store:
    return Store(path)


@pytest.fixture(scope="module")
def supervised(path: Path) -> Iterator[Supervisor]:
    with pytest.MonkeyPatch.context() as patch:
        supervise_forked(patch)
        supervisor = Supervisor(path)
        supervisor.start()
        yield supervisor
        supervisor.stop()


@pytest.fixture
def real_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of this test are started, not forked."""
    monkeypatch.setattr(supervisor, "subprocess", subprocess)


PARENT = """
import sys, time
from leafscope.core.worker.supervisor import Supervisor
supervisor = Supervisor(sys.argv[1])
supervisor.start()
print(supervisor.pid, flush=True)
time.sleep(600)
"""


def test_worker_ends_when_its_parent_is_killed(db: Store, path: Path) -> None:
    run_id = db.submit(long(0)).run_id
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.stdout.close()
    try:
        until(lambda: db.run(run_id).epochs_done >= 5, 150, "5 epochs")
        assert running_pid(db) == worker
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not exists(worker), 4, "the worker's end")
    summary = db.run(run_id)
    assert (summary.status, summary.error) == ("interrupted", "the program that started the worker ended")
    assert db.history(run_id)["epoch"].unique().tolist() == list(range(summary.epochs_done + 1))
    assert "Traceback" not in path.with_name("worker.log").read_text()


def test_resumed_after_that_equals_uninterrupted(db: Store, supervised: Supervisor) -> None:
    run_id = long(0).run_id
    db.resume(run_id)
    summary = jobs.wait(run_id, 150, store=db)
    assert (summary.status, summary.attempt, summary.first_attempt) == ("finished", 2, 1)
    assert summary.resumed_from > 0
    resumed = db.history(run_id), db.artifact(run_id, "net")
    db.submit(long(0), anew=True)
    assert jobs.wait(run_id, 150, store=db).status == "finished"
    pd.testing.assert_frame_equal(db.history(run_id), resumed[0], check_exact=True)
    assert db.artifact(run_id, "net") == resumed[1]


def test_start_again_does_nothing(supervised: Supervisor) -> None:
    pid = supervised.pid
    supervised.start()
    assert supervised.pid == pid
    assert supervised.alive


def test_worker_that_is_killed_is_replaced(db: Store, supervised: Supervisor) -> None:
    run_id = db.submit(long(1, 10_000)).run_id
    after = db.submit(config(2, 3)).run_id
    until(lambda: db.run(run_id).epochs_done >= 5, 150, "5 epochs")
    pid = running_pid(db)
    assert pid == supervised.pid
    os.kill(pid, signal.SIGKILL)
    summary = jobs.wait(run_id, 3, store=db)
    assert (summary.status, summary.error) == ("failed", "the worker died")
    rows = db.history(run_id)
    assert rows["epoch"].unique().tolist() == list(range(summary.epochs_done + 1))
    assert not rows.duplicated(["epoch", "split", "metric"]).any()
    assert jobs.wait(after, 150, store=db).status == "finished"
    assert supervised.alive
    assert supervised.pid != pid


def test_members_of_a_sweep_whose_worker_is_killed_are_tried_once_more(db: Store, supervised: Supervisor) -> None:
    sweep = SweepConfig(name="killed", base=long(3, 10_000), axes={"seed": [3, 4]})
    jobs.submit_sweep(sweep, store=db)
    members = run_ids(sweep)
    for attempt in (1, 2):
        until(lambda attempt=attempt: [db.run(one).attempt for one in members] == [attempt, attempt], 10, "queued")  # type: ignore[misc]
        until(lambda: set(db.statuses(members).values()) == {"running"}, 90, "both are trained")
        pid = supervised.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    until(lambda: set(db.statuses(members).values()) == {"failed"}, 10, "both failed")
    assert {db.run(one).error for one in members} == {"the worker died, also when it tried again"}
    table = jobs.sweep_results(sweep.sweep_id, store=db)
    assert table["error"].tolist() == ["the worker died, also when it tried again"] * 2
    assert table["status"].tolist() == ["failed"] * 2
    after = db.submit(config(5, 3)).run_id
    assert jobs.wait(after, 150, store=db).status == "finished"


def test_stop_saves_and_leaves_nothing_behind(db: Store, supervised: Supervisor) -> None:
    run_id = db.submit(long(1, 10_000)).run_id
    until(lambda: db.run(run_id).epochs_done >= 5, 150, "5 epochs")
    pid = supervised.pid
    assert pid is not None
    began = time.monotonic()
    supervised.stop()
    supervised.stop()
    assert time.monotonic() - began < 3
    assert not exists(pid)
    assert not supervised.alive
    assert supervised.pid is None
    assert db.run(run_id).status == "interrupted"
    assert jobs.worker_status(store=db).state == "not running"
    db.resume(run_id)
    db.stop(run_id)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what a process has loaded")
@pytest.mark.usefixtures("real_start")
def test_the_first_worker_waits_until_it_is_released(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "x.db", patience=600)
    store = Store(tmp_path / "x.db")
    supervisor.start()
    try:
        process = psutil.Process(supervisor.pid)
        until(lambda: process.status() == "sleeping" and process.num_threads() == 1, 30, "a worker that waits")
        assert [worker.state for worker in store.workers()] == ["starting"]
        assert "numpy" not in Path(f"/proc/{supervisor.pid}/maps").read_text()
        supervisor.release()
        until(lambda: [worker.state for worker in store.workers()] == ["ready"], 90, "a worker that is ready")
        supervisor.release()  # it has begun
        assert supervisor.alive
    finally:
        supervisor.stop()


@pytest.mark.usefixtures("real_start")
def test_release_of_a_worker_that_has_just_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, wait = threading.Event(), Supervisor._wait

    def wait_late(self: Supervisor, process: "subprocess.Popen[bytes]") -> int:
        assert seen.wait(60)
        return wait(self, process)

    monkeypatch.setattr(Supervisor, "_wait", wait_late)
    supervisor = Supervisor(tmp_path / "x.db", patience=600)
    supervisor.start()
    try:
        dead = psutil.Process(supervisor.pid)
        dead.kill()
        until(lambda: dead.status() == psutil.STATUS_ZOMBIE, 30, "the worker's death")
        supervisor.release()
        seen.set()
        until(lambda: supervisor.pid not in (None, dead.pid), 30, "another worker")
    finally:
        supervisor.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot wait for a pipe")
def test_a_worker_that_waits_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    waiting = PARENT.replace("argv[1])", "argv[1], patience=600)")
    parent = subprocess.Popen([sys.executable, "-c", waiting, str(tmp_path / "x.db")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.stdout.close()
    try:
        until(lambda: worker.status() == "sleeping" and worker.num_threads() == 1, 30, "a worker that waits")
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not exists(worker.pid), 60, "the worker's end")
    assert Store(tmp_path / "x.db").workers() == []


@pytest.mark.usefixtures("real_start")
def test_worker_that_will_not_end_is_killed(db: Store, path: Path) -> None:
    stubborn = Supervisor(path)
    stubborn.start()
    assert jobs.worker_status(store=db).state == "starting"  # at once, before it has imported anything
    pid = stubborn.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    stubborn.stop()
    assert not exists(pid)
    assert jobs.worker_status(store=db).state == "not running"


@pytest.mark.usefixtures("real_start")
def test_worker_that_dies_at_its_start_is_started_ever_more_slowly(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    false = tmp_path / "python"
    false.write_text(f"#!/bin/sh\necho start >> {tmp_path}/starts\nexit 1\n")
    false.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(false))
    monkeypatch.setattr(supervisor, "DELAYS", (0.01, 0.02, 60.0))
    failing = Supervisor(tmp_path / "x.db")
    failing.start()
    until(lambda: (tmp_path / "starts").exists() and (tmp_path / "starts").read_text().count("start") == 3, 10, "3 starts")
    until(lambda: not failing.alive, 5, "the third end")
    began = time.monotonic()
    failing.stop()  # does not wait for the delay
    assert time.monotonic() - began < 2
    assert (tmp_path / "starts").read_text().count("start") == 3


def test_a_paused_worker_takes_its_run_up_again_and_a_frozen_one_is_replaced(
    db: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervise_forked(monkeypatch)
    watching = Supervisor(path)
    watching.start()
    try:
        run_id = db.submit(long(2, 10_000)).run_id
        until(lambda: db.run(run_id).epochs_done >= 3, 150, "3 epochs")
        pid = running_pid(db)
        monkeypatch.setattr(supervisor, "FROZEN", 1000.0)
        with db._write():  # so that it is not paused within a transaction of its own
            os.kill(pid, signal.SIGSTOP)
        until(lambda: db.run(run_id).status == "interrupted", 30, "interrupted")
        done = db.run(run_id).epochs_done
        os.kill(pid, signal.SIGCONT)
        until(lambda: db.run(run_id).epochs_done > done + 1, 30, "going on")
        assert (db.run(run_id).status, running_pid(db)) == ("running", pid)
        assert db.recorded_epochs(run_id).tolist() == list(range(db.run(run_id).epochs_done + 1))
        assert not db.history(run_id).duplicated(["epoch", "split", "metric"]).any()
        with db._read() as connection:
            assert connection.exec_driver_sql(f"SELECT max(attempt) FROM attempts WHERE run_id = '{run_id}'").scalar() == 1

        monkeypatch.setattr(supervisor, "FROZEN", 2.0)
        with db._write():
            os.kill(pid, signal.SIGSTOP)
        until(lambda: watching.pid not in (None, pid), 60, "another worker")
        assert not exists(pid)
        until(lambda: db.run(run_id).status != "running", 30, "given up")
        db.resume(run_id)
        until(lambda: db.run(run_id).epochs_done > done + 2 and db.run(run_id).status == "running", 60, "resumed")
        db.stop(run_id)
        until(lambda: db.run(run_id).status == "stopped", 10, "stopped")
    finally:
        watching.stop()
