"""A worker that cannot write waits, and its run goes on once it can."""

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.errors import StoreError
from leafscope.core.store.database import opening
from leafscope.core.store.store import Store
from leafscope.core.worker import patience
from leafscope.core.worker.patience import patient
from leafscope.core.worker.worker import Worker


class _Failing:
    """A store whose writes fail so often."""

    def __init__(self, times: int, can_pass: bool = True) -> None:
        self.times, self.can_pass, self.calls = times, can_pass, 0

    def record(self, *arguments: Any) -> tuple[Any, ...]:
        self.calls += 1
        if self.calls <= self.times:
            raise StoreError("the disk is full", can_pass=self.can_pass)
        return arguments

    claim = record


def wrapped(store: _Failing, ending: threading.Event | None = None) -> Any:
    return patient(store, ending or threading.Event())  # type: ignore[arg-type]


def test_a_write_is_tried_until_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "RETRY", 0.001)
    store = _Failing(5)
    assert wrapped(store).record("claim", 3) == ("claim", 3)
    assert store.calls == 6


def test_what_cannot_pass_and_what_is_asked_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError):
        wrapped(_Failing(1, can_pass=False)).record()
    with pytest.raises(StoreError):
        wrapped(_Failing(1)).claim()


def test_an_ending_worker_waits_no_longer() -> None:
    ending = threading.Event()
    ending.set()
    with pytest.raises(StoreError):
        wrapped(_Failing(1), ending).record()


def test_a_run_goes_on_when_the_lock_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "RETRY", 0.05)
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.05)
    db = Store(tmp_path / "locked.db")
    run = RunConfig(data=DataConfig(name="wine"), net=NetConfig(depth=2, width=4), train=TrainConfig(epochs=3))
    db.submit(run)
    locked, other = threading.Event(), sqlite3.connect(str(db.path), isolation_level=None, check_same_thread=False)

    record = Store.record

    def lock_and_record(*arguments: Any) -> Any:
        if not locked.is_set():
            other.execute("BEGIN IMMEDIATE")
            locked.set()
        return record(*arguments)

    monkeypatch.setattr(Store, "record", lock_and_record)
    worker = Worker(db, "w", parent=os.getppid())
    training = threading.Thread(target=worker.work_once)
    training.start()
    assert locked.wait(60)
    training.join(0.5)
    assert training.is_alive()
    assert db.run(run.run_id).status == "running"
    other.execute("COMMIT")
    training.join(60)
    assert db.run(run.run_id).status == "finished"
    assert db.recorded_epochs(run.run_id).tolist() == [0, 1, 2, 3]
    other.close()
    db.close()
