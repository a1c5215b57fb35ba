"""The store: what is written comes back, once, and only from who may write it."""

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, text

from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.errors import LimitError, RunNotFoundError, RunStateError, StoreError
from leafscope.core.store import records
from leafscope.core.store.records import CHECKPOINT, Claim
from leafscope.core.store.store import Store
from leafscope.core.training.trainer import EpochRecord
from tests.core.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(tmp_path / "data" / "test.db", clock)
    yield opened
    opened.close()


def config(seed: int = 0) -> RunConfig:
    return RunConfig(seed=seed, train=TrainConfig(epochs=5))


def record(epoch: int, loss: float | None = None, seconds: float = 0.0) -> EpochRecord:
    value = 1 / (epoch + 1) if loss is None else loss
    metrics = {(split, metric): value for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    leaves: dict[tuple[int, str], np.ndarray] = {
        (0, "train"): np.arange(6, dtype=np.uint8) + epoch,
        (0, "test"): np.full(3, 300 + epoch, dtype=np.uint16),
    }
    return EpochRecord(epoch, metrics, leaves, seconds or float(epoch))


def claimed(db: Store, run: RunConfig | None = None, worker: str = "w") -> Claim:
    db.submit(run or config())
    claim = db.claim(worker)
    assert claim is not None
    assert db.begin(claim, "cpu")
    return claim


def test_life_of_a_run(db: Store) -> None:
    submission = db.submit(config(), note="why")
    run_id = config().run_id
    assert (submission.run_id, submission.attempt, submission.reused) == (run_id, 1, False)
    assert db.run(run_id).status == "queued"
    claim = db.claim("w", 42)
    assert claim is not None
    assert claim.run == config()
    assert db.begin(claim, "cpu")
    assert db.run(run_id).status == "running"
    assert db.record(claim, [record(0), record(1)])
    assert db.end(claim, "finished", None, [record(2)], {"net": b"weights"})
    summary = db.run(run_id)
    assert (summary.status, summary.note, summary.device, summary.epochs_done, summary.seconds) == (
        "finished",
        "why",
        "cpu",
        2,
        2,
    )
    assert (summary.best_epoch, summary.best["validation_loss"], summary.last["test_accuracy"]) == (2, 1 / 3, 1 / 3)
    assert summary.config == config()
    assert summary.row()["best_train_loss"] == 1 / 3
    assert db.artifact(run_id, "net") == b"weights"
    assert db.artifact(run_id, CHECKPOINT) is None
    history = db.history(run_id)
    assert list(history.columns) == ["epoch", "split", "metric", "value"]
    assert history["epoch"].tolist() == sorted(history["epoch"])
    assert len(history) == 18
    assert db.history(run_id, after=1)["epoch"].unique().tolist() == [2]
    assert db.recorded_epochs(run_id).tolist() == [0, 1, 2]


def test_leaves_keep_dtype_and_shape(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0), record(1)])
    assert db.leaves(claim.run_id, 0, "train", 1).tolist() == [1, 2, 3, 4, 5, 6]
    assert db.leaves(claim.run_id, 0, "train", 1).dtype == np.uint8
    epochs, values = db.leaves(claim.run_id, 0, "test")
    assert epochs.tolist() == [0, 1]
    assert values.dtype == np.uint16
    assert values.tolist() == [[300] * 3, [301] * 3]
    assert db.leaves(claim.run_id, 7, "test")[1].shape == (0, 0)
    with pytest.raises(StoreError, match="no leaves of gated layer 0 on test at epoch 9"):
        db.leaves(claim.run_id, 0, "test", 9)


def test_values_that_are_not_finite_come_back(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0, math.nan), record(1, math.inf), record(2, -math.inf), record(3, 0.1 + 0.2)])
    values = db.history(claim.run_id).groupby("epoch")["value"].first()
    frame = db.history(claim.run_id)
    assert frame[frame["epoch"] == 0]["value"].isna().all()
    assert values[[1, 2, 3]].tolist() == [math.inf, -math.inf, 0.1 + 0.2]
    summary = db.list_runs()[0]
    assert (summary.best_epoch, summary.best["validation_loss"]) == (3, 0.1 + 0.2)


def test_unknown_run(db: Store) -> None:
    for ask in (db.run, db.history, db.recorded_epochs, db.stop, db.resume):
        with pytest.raises(RunNotFoundError, match="no run has the address 'nowhere'"):
            ask("nowhere")
    with pytest.raises(RunNotFoundError):
        db.artifact("nowhere", "net")


def test_same_configuration_is_one_run(db: Store) -> None:
    assert not db.submit(config()).reused
    assert db.submit(config()).reused
    claim = db.claim("w")
    assert claim is not None
    assert db.submit(config(), anew=True).reused  # running
    db.end(claim, "finished", None, [record(0)])
    assert db.submit(config()) == records.Submission(claim.run_id, 1, reused=True)
    assert db.submit(config(), anew=True) == records.Submission(claim.run_id, 2, reused=False)
    assert db.history(claim.run_id).empty  # the earlier attempt remains, but is no longer shown
    db.stop(claim.run_id)  # withdraws the wish
    assert db.run(claim.run_id).status == "finished"
    assert len(db.history(claim.run_id)) == 6


def test_queue_order(db: Store, clock: Clock) -> None:
    db.submit_many([config(1), config(2)])
    clock.now += 1
    db.submit(config(3))
    clock.now += 1
    db.submit(config(4))
    assert [db.queue_position(config(seed).run_id) for seed in (1, 2, 3, 4, 5)] == [2, 3, 0, 1, None]
    order = [claim.run.seed for claim in iter(lambda: db.claim("w"), None)]
    assert order == [3, 4, 1, 2]


def test_queue_limit(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.store.QUEUE_LIMIT", 3)
    db.submit_many([config(1), config(2)])
    with pytest.raises(LimitError, match="at most 3 runs can wait, but with these it would be 4"):
        db.submit_many([config(3), config(4)])
    assert len(db.list_runs()) == 2
    db.submit(config(5))
    with pytest.raises(LimitError):
        db.submit(config(6))
    with pytest.raises(RunNotFoundError):
        db.run(config(6).run_id)


def test_stop_queued_and_resume(db: Store) -> None:
    run_id = db.submit(config()).run_id
    db.stop(run_id)
    assert db.run(run_id).status == "stopped"
    assert db.claim("w") is None
    assert db.resume(run_id).attempt == 2
    assert db.resume(run_id).reused
    assert db.run(run_id).first_attempt == 2  # no checkpoint: from scratch


def test_stop_flag(db: Store) -> None:
    claim = claimed(db)
    assert db.wanted(claim) == "go"
    db.stop(claim.run_id)
    assert db.wanted(claim) == "stop"
    assert db.run(claim.run_id).stopping
    db.end(claim, "stopped")
    assert db.wanted(claim) == "lost"
    assert not db.run(claim.run_id).stopping
    db.stop(claim.run_id)  # ended: nothing happens
    assert db.run(claim.run_id).status == "stopped"


def test_resumed_chain_shows_the_highest_attempt(db: Store, clock: Clock) -> None:
    first = claimed(db)
    db.record(first, [record(0, 9.0), record(1, 8.0)], {CHECKPOINT: b"at 1"})
    db.record(first, [record(2, 0.5), record(3, 0.4)])
    clock.now += 100
    assert db.run(first.run_id).status == "interrupted"
    clock.now += 1
    assert not db.resume(first.run_id).reused
    assert db.run(first.run_id).epochs_done == 3
    second = db.claim("v")
    assert second is not None
    assert db.checkpoint(second) == b"at 1"
    assert db.begin(second, "cpu", 1)
    summary = db.run(first.run_id)
    assert (summary.epochs_done, summary.resumed_from, summary.best["validation_loss"]) == (1, 1, 8.0)
    db.record(second, [record(2, 7.0)])
    frame = db.history(first.run_id)
    losses = frame[(frame["metric"] == "loss") & (frame["split"] == "train")]["value"].tolist()
    assert losses == [9.0, 8.0, 7.0, 0.4]
    assert db.run(first.run_id).best_epoch == 2
    assert db.run(first.run_id).seconds == 3.0 + 2.0
    assert db.artifact(first.run_id, CHECKPOINT) == b"at 1"
    db.end(second, "finished", None, [], {CHECKPOINT: b"end"})
    assert db.artifact(first.run_id, CHECKPOINT) == b"end"
    with pytest.raises(RunStateError, match="is finished"):
        db.resume(first.run_id)


def test_late_writes_change_nothing(db: Store, clock: Clock) -> None:
    claim = claimed(db)
    db.record(claim, [record(0)], {CHECKPOINT: b"old"})
    clock.now += 60  # a laptop sleeps
    assert db.list_runs()[0].status == "interrupted"
    assert "no sign of life" in str(db.run(claim.run_id).error)
    db.beat("w", claim)
    assert db.wanted(claim) == "lost"
    assert db.record(claim, [record(1)], {CHECKPOINT: b"new"}) is False
    assert db.end(claim, "finished", None, [record(1)]) is False
    assert db.begin(claim, "cpu") is False
    assert db.recorded_epochs(claim.run_id).tolist() == [0]
    assert db.artifact(claim.run_id, CHECKPOINT) == b"old"
    assert db.run(claim.run_id).status == "interrupted"


def test_another_workers_attempt_cannot_be_written(db: Store) -> None:
    claim = claimed(db)
    thief = Claim(claim.run_id, claim.attempt, "other", claim.label, claim.config_json)
    assert db.record(thief, [record(0)]) is False
    assert db.history(claim.run_id).empty


def test_epochs_written_twice_stand_once(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0, 1.0)])
    assert db.record(claim, [record(0, 2.0), record(1, 3.0)])
    frame = db.history(claim.run_id)
    assert len(frame) == 12
    assert frame["value"].unique().tolist() == [1.0, 3.0]


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


def test_large_artifacts_come_in_parts(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.store.PART_BYTES", 10)
    claim = claimed(db)
    for data in (bytes(range(95)), b"", b"small", bytes(range(200, 250)), b"x" * 10):
        assert db.record(claim, [], {CHECKPOINT: data})
        assert db.artifact(claim.run_id, CHECKPOINT) == data
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM artifact_parts")).scalar() == 1


def test_many_artifacts_are_replaced_at_once(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.store.PART_BYTES", 10)
    claim = claimed(db)
    db.record(claim, [], {"net": b"stays", "one": b"1", "two": bytes(range(35))})
    db.record(claim, [], {"two": b"2", "one": bytes(range(100, 125)), "three": b"3"})
    expected = {"net": b"stays", "one": bytes(range(100, 125)), "two": b"2", "three": b"3"}
    assert {name: db.artifact(claim.run_id, name) for name in expected} == expected
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM artifact_parts")).scalar() == 1 + 3 + 1 + 1
        assert connection.execute(text("SELECT size FROM artifacts WHERE name = 'one'")).scalar() == 25


def test_snapshots_are_those_of_the_last_attempt_of_the_chain(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.store.PART_BYTES", 10)
    old = claimed(db)
    db.end(old, "finished", None, [], {"weights-00000": b"old", "weights-00009": b"old"})
    db.submit(config(), anew=True)
    first = db.claim("w")
    assert first is not None
    assert db.snapshots(first.run_id, "weights") == {}
    db.begin(first, "cpu")
    long = bytes(range(35))
    db.record(first, [], {"weights-00010": b"first", "weights-00002": long, "weights-00000": b"", "regions-00001": b"r"})
    db.end(first, "stopped", None, [], {CHECKPOINT: b"at 2", "weights-x": b"forged", "levels": b"l"})
    db.resume(first.run_id)
    second = db.claim("w")
    assert second is not None
    db.begin(second, "cpu", 2)
    db.record(second, [], {"weights-00010": long[::-1]})
    kept = db.snapshots(first.run_id, "weights")
    assert list(kept.items()) == [(0, b""), (2, long), (10, long[::-1])]
    assert db.snapshots(first.run_id, "weights", after=0) == {2: long, 10: long[::-1]}
    assert db.snapshots(first.run_id, "weights", after=10) == {}
    assert db.snapshots(first.run_id, "regions") == {1: b"r"}
    with pytest.raises(RunNotFoundError, match=r"no run has the address 'nowhere'"):
        db.snapshots("nowhere", "weights")
    db.end(second, "finished")
    db.delete([first.run_id])
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM artifact_parts")).scalar() == 0


def test_delete(db: Store) -> None:
    claim = claimed(db, config(1))
    db.record(claim, [record(0)], {CHECKPOINT: b"x"})
    db.submit(config(2))
    with pytest.raises(RunStateError, match="must be stopped before it is deleted"):
        db.delete([config(2).run_id, claim.run_id])
    assert len(db.list_runs()) == 2
    db.end(claim, "stopped")
    db.delete([config(2).run_id, claim.run_id, "nowhere"])
    assert db.is_empty()
    with db._read() as connection:
        for table in ("attempts", "metrics", "leaves", "artifacts", "artifact_parts"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_workers(db: Store, clock: Clock) -> None:
    db.set_worker("w", "starting", "cpu", 7)
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


def test_many_threads_claim_each_attempt_once(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "race.db") for _ in range(2)]  # as two processes have them
    stores[0].submit_many([config(seed) for seed in range(40)])
    claims: list[Claim] = []

    def work(number: int) -> None:
        mine = stores[number % 2]
        while (claim := mine.claim(f"w{number}")) is not None:
            claims.append(claim)
            assert mine.record(claim, [record(0)])
            assert mine.end(claim, "finished")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claim.run.seed for claim in claims) == list(range(40))
    assert {summary.status for summary in stores[1].list_runs()} == {"finished"}


def test_list_of_a_thousand_runs_is_one_query(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    db.submit_many([config(seed) for seed in range(1000)])
    statements: list[str] = []
    event.listen(db._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert len(db.list_runs()) == 1000
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 2  # and one looks for lost workers
