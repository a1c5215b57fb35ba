"""The worker, alone: real processes, real faults."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.device import n_threads
from leafscope.core.errors import DataError, StoreError
from leafscope.core.inspection.snapshots import snapshot_epochs
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, Claim
from leafscope.core.training.trainer import EpochRecord, Trainer
from leafscope.core.worker.watch import Watch
from leafscope.core.worker.worker import Worker, explain
from tests.core.store.as_tensors import as_tensors
from tests.core.worker.nursery import end, start, work_alone

EPOCHS = 40
"""Of a long run: seconds, enough to be stopped in the midst of, by a test that looks every 20 ms."""


def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def config(seed: int = 0, epochs: int = 3, **train: Any) -> RunConfig:
    return RunConfig(
        data=DataConfig(name="wine"),
        net=NetConfig(depth=3, width=8),
        train=TrainConfig(epochs=epochs, batch_size=32, gate_noise=0.1, **train),
        seed=seed,
    )


def long(seed: int = 5, epochs: int = EPOCHS) -> RunConfig:
    """A run whose epochs take about 50 ms each, so that it is looked within each of them whether to stop."""
    return RunConfig(
        data=DataConfig(name="moons", n_samples=20_000),
        net=NetConfig(depth=3, width=8),
        train=TrainConfig(epochs=epochs, batch_size=8, gate_noise=0.1),
        seed=seed,
    )


def launch(path: Path, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "leafscope.core.worker", "--database", str(path)], stderr=errors, start_new_session=True
        )


def everything(
    db: Store, run_id: str
) -> tuple[pd.DataFrame, list[np.ndarray], dict[str, torch.Tensor], list[tuple[int, bytes]]]:
    leaves = [array for split in ("train", "validation", "test") for array in db.leaves(run_id, 0, split)]
    weights = as_tensors(db.artifact(run_id, NET) or b"")
    return db.history(run_id), leaves, weights, list(db.snapshots(run_id, "weights").items())


def assert_same(one: Any, other: Any) -> None:
    """Bit for bit: histories, leaves, weights at the end and on the way."""
    pd.testing.assert_frame_equal(one[0], other[0], check_exact=True)
    assert all(np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True))
    assert one[2].keys() == other[2].keys()
    assert all(torch.equal(tensor, other[2][name]) for name, tensor in one[2].items())
    assert one[3] == other[3]


# One process for the tests of this part, in order


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worker") / "leafscope.db"


@pytest.fixture(scope="module")
def db(path: Path) -> Store:
    return Store(path)


@pytest.fixture(scope="module")
def process(path: Path, db: Store) -> "Iterator[subprocess.Popen[bytes]]":
    process = launch(path, path.with_name("worker.log"))
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def uninterrupted(process: "subprocess.Popen[bytes]", db: Store) -> Any:
    run = long()
    db.submit(run)
    summary = jobs.wait(run.run_id, 150, store=db)
    assert (summary.status, summary.epochs_done) == ("finished", EPOCHS)
    return everything(db, run.run_id)


def test_a_worker_on_an_empty_store_gets_ready_and_trains_nothing(process: "subprocess.Popen[bytes]", db: Store) -> None:
    until(lambda: jobs.worker_status(store=db).state == "starting", 20, "starting")
    until(lambda: jobs.worker_status(store=db).state == "ready", 150, "ready")
    assert db.is_empty()


def test_finished_run_is_complete(uninterrupted: Any, db: Store) -> None:
    run_id = long().run_id
    assert db.recorded_epochs(run_id).tolist() == list(range(EPOCHS + 1))
    assert len(uninterrupted[0]) == (EPOCHS + 1) * 6
    assert db.artifact(run_id, CHECKPOINT) is None  # it never goes on; its weights are kept
    assert db.artifact(run_id, NET) is not None
    assert tuple(epoch for epoch, _ in uninterrupted[3]) == snapshot_epochs(long())
    assert db.run(run_id).device == "cpu"


def test_stop_and_resume_equals_uninterrupted(uninterrupted: Any, db: Store) -> None:
    run_id = db.submit(long(), anew=True).run_id
    until(lambda: db.run(run_id).epochs_done >= 5, 20, "5 epochs")
    asked = time.monotonic()
    db.stop(run_id)
    assert jobs.wait(run_id, 10, store=db).status == "stopped"
    assert time.monotonic() - asked < 2
    stopped = db.run(run_id)
    assert 5 <= stopped.epochs_done < EPOCHS
    assert db.recorded_epochs(run_id).tolist() == list(range(stopped.epochs_done + 1))
    assert db.resume(run_id, one_epoch=True).attempt == 3  # it ends the epoch in which it was stopped
    one_more = jobs.wait(run_id, 10, store=db)
    assert (one_more.status, one_more.resumed_from) == ("stopped", stopped.epochs_done)
    assert one_more.epochs_done == stopped.epochs_done + 1
    assert db.resume(run_id).attempt == 4
    summary = jobs.wait(run_id, 60, store=db)
    assert (summary.status, summary.resumed_from) == ("finished", one_more.epochs_done)
    assert summary.seconds > stopped.seconds > 0
    assert_same(everything(db, run_id), uninterrupted)
    losses = uninterrupted[0].query("split == 'validation' and metric == 'loss'")["value"].to_numpy()
    assert (summary.best_epoch, summary.best["validation_loss"]) == (losses.argmin(), losses.min())


def test_epochs_one_by_one_equal_a_run_at_once(tmp_path: Path) -> None:
    run = config(epochs=3, schedule="constant")
    whole, single = (Store(tmp_path / f"{name}.db") for name in ("whole", "single"))
    whole.submit(run)
    assert Worker(whole, "w").work_once()
    states, kept = [], []
    single.submit(run, one_epoch=True)
    for epoch in (1, 2, 3):
        assert Worker(single, "w").work_once()
        summary = single.run(run.run_id)
        assert (summary.epochs_done, summary.resumed_from) == (epoch, epoch - 1)
        states.append(summary.status)
        with single._read() as connection:
            kept += connection.exec_driver_sql("SELECT attempt FROM artifacts WHERE name = 'checkpoint'").scalars().all()
        if epoch < 3:
            single.resume(run.run_id, one_epoch=True)
    assert states == ["stopped", "stopped", "finished"]
    assert kept == [1, 2]  # only the newest, and none of a finished run
    assert_same(everything(single, run.run_id), everything(whole, run.run_id))


def test_an_attempt_of_one_epoch_is_not_broken_off_by_the_wish_to_stop_after_it(tmp_path: Path) -> None:
    db = Store(tmp_path / "watched.db")
    for seed, one_epoch in ((1, True), (2, False)):
        db.submit(config(seed), one_epoch=one_epoch)
    claims = [claim for claim in (db.claim("w"), db.claim("w")) if claim is not None]
    db.set_worker("w", "busy")
    db.stop(claims[1].run_id)
    before, watch = db.beats("w"), Watch(db, "w", None)
    single, stopped = watch.follow(*claims)
    watch.started.set()
    watch.start()
    until(lambda: db.beats("w") != before, 10, "a look at the wishes, which precedes a heartbeat")
    watch.done.set()
    watch.join()
    assert (single.is_set(), stopped.is_set()) == (False, True)


def test_loss_that_is_not_finite_fails(process: "subprocess.Popen[bytes]", db: Store) -> None:
    run = config(seed=1, epochs=300, lr=10.0, weight_decay=10.0)
    db.submit(run)
    summary = jobs.wait(run.run_id, 30, store=db)
    assert summary.status == "failed"
    assert "the training loss became" in str(summary.error)
    assert db.recorded_epochs(run.run_id).tolist() == list(range(summary.epochs_done + 1))
    db.submit(config(seed=2))
    assert jobs.wait(config(seed=2).run_id, 30, store=db).status == "finished"


def test_sigterm_saves_and_ends(process: "subprocess.Popen[bytes]", uninterrupted: Any, db: Store, path: Path) -> None:
    run_id = db.submit(long(), anew=True).run_id
    until(lambda: db.run(run_id).epochs_done >= 5, 20, "5 epochs")
    process.terminate()
    assert process.wait(3) == 0
    summary = db.run(run_id)
    assert (summary.status, summary.error) == ("interrupted", "the worker was told to end")
    assert db.artifact(run_id, CHECKPOINT) is not None
    assert jobs.worker_status(store=db).state == "not running"
    assert "Traceback" not in path.with_name("worker.log").read_text()


def test_two_workers_share_a_queue_and_one_falls_asleep(uninterrupted: Any, db: Store, path: Path) -> None:
    interrupted = long().run_id
    db.resume(interrupted)
    sweep = db.submit_many([config(seed=seed, epochs=4) for seed in range(100, 110)])
    endless = db.submit_many([long(seed=6, epochs=10_000)])[0].run_id
    log = path.with_name("two.log")
    two = [start(work_alone, log, ["--database", str(path)]) for _ in range(2)]
    try:
        assert jobs.wait(interrupted, 60, store=db).status == "finished"
        assert_same(everything(db, interrupted), uninterrupted)
        for submission in sweep:
            assert jobs.wait(submission.run_id, 60, store=db).status == "finished"
            assert len(db.history(submission.run_id)) == 5 * 6
        begun = [line.split(": ")[0].split()[-3:] for line in log.read_text().splitlines() if line.endswith(": finished")]
        assert len(begun) == len({tuple(words) for words in begun}) == 11

        until(lambda: db.run(endless).epochs_done >= 5, 20, "5 epochs")
        with db._read() as connection:
            query = "SELECT pid FROM attempts WHERE status = 'running'"
            pid = int(connection.exec_driver_sql(query).scalars().one())
        with db._write():  # so that it does not fall asleep within a transaction of its own
            os.kill(pid, signal.SIGSTOP)
        summary = jobs.wait(endless, 6, store=db)
        assert (summary.status, summary.error) == ("interrupted", "the worker gave no sign of life for 3 seconds")
        assert jobs.worker_status(store=db).state == "ready"
        rows = db.history(endless)
        assert rows["epoch"].unique().tolist() == list(range(summary.epochs_done + 1))
        db.resume(endless)
        until(lambda: db.run(endless).status == "running", 10, "running")
        os.kill(pid, signal.SIGCONT)
        until(lambda: f"{endless} attempt 1: dropped" in log.read_text(), 10, "dropped")
        until(lambda: db.run(endless).epochs_done > summary.epochs_done, 30, "going on")
        pd.testing.assert_frame_equal(db.history(endless)[: len(rows)], rows, check_exact=True)
        with db._read() as connection:
            query = f"SELECT max(epoch) FROM metrics WHERE run_id = '{endless}' AND attempt = 1"
            assert connection.exec_driver_sql(query).scalar() == summary.epochs_done  # nothing was written in its sleep
    finally:
        for process in two:
            end(process)


# A worker on a machine where nothing was compiled before


def test_while_it_compiles_a_worker_trains_and_it_leaves_no_compiler_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    db = Store(tmp_path / "x.db")
    run_id = db.submit(config(epochs=3)).run_id
    process = launch(tmp_path / "x.db", tmp_path / "worker.log")
    try:
        worker = psutil.Process(process.pid)
        until(lambda: len(worker.children()) == 1, 30, "a compiler")
        (compiler,) = worker.children()
        assert jobs.wait(run_id, 60, store=db).status == "finished"
        assert compiler.is_running()
        assert jobs.worker_status(store=db).compiling
        process.terminate()
        assert process.wait(3) == 0
        until(lambda: not compiler.is_running() or compiler.status() == psutil.STATUS_ZOMBIE, 1, "the compiler's end")
    finally:
        process.kill()
        process.wait()
    assert jobs.worker_status(store=db).state == "not running"
    log = (tmp_path / "worker.log").read_text()
    assert "compiling, once on this machine" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(("status", "words"), [(0, "compiled code is ready"), (3, "compiling failed with status 3")])
def test_what_was_compiled_is_loaded_between_two_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    caplog.set_level("INFO", "leafscope.worker")
    store = Store(tmp_path / "x.db")
    worker = fake_worker(store, lambda: None)
    store.set_worker(worker.worker_id, "ready")
    store.set_compiling(worker.worker_id)
    worker.watch.started.set()
    worker.watch.helper = subprocess.Popen(
        [sys.executable, "-c", f"input(); raise SystemExit({status})"], stdin=subprocess.PIPE
    )
    worker._load_compiled()
    assert worker.watch.helper is not None  # it compiles still
    assert jobs.worker_status(store=store).compiling
    worker.watch.helper.communicate(b"\n")
    worker._load_compiled()
    assert worker.watch.helper is None
    assert not jobs.worker_status(store=store).compiling
    assert worker.watch.started.is_set()
    assert words in caplog.text


# In this process, with trainers that misbehave


class FakeTrainer(Trainer):
    """Yields two epochs, then does what the test wants."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self.stopped = False
        self.device = "cpu"
        self.net = torch.nn.Linear(2, 2)  # type: ignore[assignment]

    @property
    def epoch(self) -> int:
        return 0

    def epochs(self) -> Iterator[EpochRecord]:
        for epoch in range(2):
            yield EpochRecord(epoch, {("validation", "loss"): 1.0}, {}, float(epoch))
        self._then()

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def fake_worker(db: Store, then: Callable[[], None]) -> Worker:
    return Worker(db, "fake", make_trainer=lambda run, should_stop: FakeTrainer(then))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("boom"), "RuntimeError: boom"),
        (MemoryError(), "training ran out of memory; a smaller depth, width or batch needs less"),
        (DataError("no rows"), "no rows"),
    ],
)
def test_any_exception_fails_the_run_and_keeps_its_epochs(tmp_path: Path, error: Exception, sentence: str) -> None:
    db = Store(tmp_path / "x.db")
    run_id = db.submit(config()).run_id

    def then() -> None:
        raise error

    assert fake_worker(db, then).work_once()
    assert (db.run(run_id).status, db.run(run_id).error) == ("failed", sentence)
    assert db.history(run_id)["epoch"].tolist() == [0, 1]
    assert list(db.snapshots(run_id, "weights")) == [0, 1]
    assert not fake_worker(db, then).work_once()


def test_a_fault_of_the_store_fails_the_run(tmp_path: Path) -> None:
    db = Store(tmp_path / "x.db")
    run_id = db.submit(config()).run_id

    def then() -> None:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="the disk is full"):
        fake_worker(db, then).work_once()
    assert (db.run(run_id).status, db.run(run_id).error) == ("failed", "the disk is full")


def test_an_attempt_that_was_lost_is_dropped(tmp_path: Path) -> None:
    db = Store(tmp_path / "x.db")
    run_id = db.submit(config()).run_id
    assert fake_worker(db, lambda: db.remove_worker("fake", "interrupted", "asleep")).work_once()
    assert (db.run(run_id).status, db.run(run_id).error) == ("interrupted", "asleep")
    assert db.history(run_id)["epoch"].tolist() == [0]  # epoch 1 waited to be written
    assert list(db.snapshots(run_id, "weights")) == [0]
    assert db.artifact(run_id, NET) is None


def test_a_configuration_that_is_no_longer_valid_fails(tmp_path: Path) -> None:
    db = Store(tmp_path / "x.db")
    run_id = db.submit(config()).run_id
    with db._write() as connection:
        connection.exec_driver_sql("UPDATE runs SET config = '{\"seed\": -1}'")
    assert fake_worker(db, lambda: None).work_once()
    assert db.run(run_id).error == "seed must be a whole number from 0 to 2,147,483,647, got -1"


def test_explain_and_threads() -> None:
    assert explain(ValueError("x")) == "ValueError: x"
    assert 1 <= n_threads() <= 4
    assert Claim("r", 1, "w", "l", "{}").run == RunConfig()


def test_memory_that_ran_out_is_said_in_a_sentence() -> None:
    refused = RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory")
    assert explain(refused) == "training ran out of memory; a smaller depth, width or batch needs less"
    assert explain(MemoryError()) == explain(refused)
    assert explain(RuntimeError("else")) == "RuntimeError: else"
