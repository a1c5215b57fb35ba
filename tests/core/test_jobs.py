"""What takes more than the store alone: waiting, and the workers together."""

import threading
import time
from pathlib import Path

import pytest

from leafscope.core import jobs
from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.store.store import Store


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "jobs.db")


RUN = RunConfig(train=TrainConfig(epochs=10))


def test_wait(db: Store) -> None:
    run_id = db.submit(RUN).run_id
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
    run_id = jobs.default_store().submit(RUN).run_id
    assert Store(tmp_path / "default.db").run(run_id).label == RUN.label
