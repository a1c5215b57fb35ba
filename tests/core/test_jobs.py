"""The door to the store: what pages and the command line may ask."""

import threading
import time
from pathlib import Path

import pytest

from leafscope.core import jobs
from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.errors import RunNotFoundError, RunStateError
from leafscope.core.store.store import Store
from leafscope.core.training.trainer import EpochRecord


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "jobs.db")


RUN = RunConfig(train=TrainConfig(epochs=10))


def record(epoch: int, seconds: float) -> EpochRecord:
    return EpochRecord(epoch, {("validation", "loss"): 1.0}, {}, seconds)


def test_submit_stop_resume_delete(db: Store) -> None:
    submission = jobs.submit(RUN, store=db, note="n")
    assert jobs.submit(RUN, store=db).reused
    jobs.stop(submission.run_id, store=db)
    assert jobs.progress(submission.run_id, store=db).status == "stopped"
    assert jobs.resume(submission.run_id, store=db).attempt == 2
    jobs.stop(submission.run_id, store=db)
    assert jobs.submit(RUN, store=db).attempt == 3
    jobs.delete(submission.run_id, store=db)
    with pytest.raises(RunNotFoundError):
        jobs.progress(submission.run_id, store=db)


def test_progress(db: Store) -> None:
    other = RunConfig(seed=1)
    jobs.submit(RUN, store=db)
    jobs.submit_many([other], store=db)
    assert jobs.progress(other.run_id, store=db).ahead == 1
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu")
    assert jobs.progress(RUN.run_id, store=db).seconds_left is None
    db.record(claim, [record(epoch, 0.5 * epoch) for epoch in range(5)])
    progress = jobs.progress(RUN.run_id, store=db)
    assert (progress.status, progress.epochs_done, progress.epochs_total, progress.ahead) == ("running", 4, 10, None)
    assert (progress.seconds, progress.seconds_left, progress.fraction, progress.active) == (2.0, 3.0, 0.4, True)
    jobs.stop(RUN.run_id, store=db)
    assert jobs.progress(RUN.run_id, store=db).stopping
    with pytest.raises(RunStateError):
        jobs.delete([RUN.run_id], store=db)
    db.end(claim, "finished")  # early stopping
    assert jobs.progress(RUN.run_id, store=db).fraction == 1.0


def test_wait(db: Store) -> None:
    run_id = jobs.submit(RUN, store=db).run_id
    with pytest.raises(TimeoutError, match=r"digits tree K4 w32 e10 s0 is still queued after 0\.1 s"):
        jobs.wait(run_id, 0.1, store=db)
    claim = db.claim("w")
    assert claim is not None

    def finish() -> None:
        time.sleep(0.1)
        db.end(claim, "finished")

    thread = threading.Thread(target=finish)
    thread.start()
    assert jobs.wait(run_id, 10, store=db).status == "finished"
    thread.join()


def test_worker_status(db: Store) -> None:
    assert jobs.worker_status(store=db) == jobs.WorkerStatus("not running", ())
    db.set_worker("a", "starting", "cpu")
    assert jobs.worker_status(store=db).state == "starting"
    db.set_worker("a", "busy")
    assert jobs.worker_status(store=db).state == "busy"
    db.set_worker("b", "ready", "cuda:0")
    assert jobs.worker_status(store=db) == jobs.WorkerStatus("ready", ("cpu", "cuda:0"))


def test_default_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "default.db"))
    assert jobs.default_store() is jobs.default_store()
    run_id = jobs.submit(RUN).run_id
    assert Store(tmp_path / "default.db").run(run_id).label == RUN.label
