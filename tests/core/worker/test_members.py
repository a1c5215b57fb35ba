"""Members of sweeps in a worker: trained side by side as if alone, each ending by itself, out of the way of other runs."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed
from leafscope.core.errors import StoreError
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET
from leafscope.core.sweep.members import distinct_runs
from leafscope.core.training.fitting import fit
from leafscope.core.training.loop import train
from leafscope.core.worker import members as group_module
from leafscope.core.worker.worker import Worker
from tests.core.store.as_tensors import as_tensors

BASE = RunConfig(
    data=DataConfig(name="wine"),
    net=NetConfig(width=6, depth=2),
    train=TrainConfig(epochs=4, batch_size=16, lr=0.02, device="cpu"),
)
SWEEP = SweepConfig(
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "random_gates", "decision_tree"],
)
BROKEN = changed(BASE, {"data.n_train": 5000, "seed": 5})
WILD = changed(BASE, {"train.lr": 10.0, "train.weight_decay": 10.0, "train.epochs": 300, "train.schedule": "constant"})
LONG = changed(BASE, {"train.epochs": 10_000, "seed": 7})


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "group.db")
    yield opened
    opened.close()


def queue(db: Store, *runs: RunConfig) -> None:
    """Queue runs as members of a sweep, unchecked."""
    db.submit_sweep(SweepConfig(base=BASE), runs)


def worker(db: Store, threads: int = 2, on_members: Callable[[], Any] = lambda: None) -> Worker:
    made = Worker(db, "w", threads=threads, on_members=on_members)
    made.watch.started.set()
    return made


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def history(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a history in one order."""
    return rows.sort_values(["epoch", "split", "metric"], ignore_index=True)


def assert_as_alone(db: Store, run: RunConfig) -> None:
    """History, leaves of the first and the last epoch, weights: bit for bit those of the run trained alone."""
    alone = train(run)
    assert (db.run(run.run_id).status, db.run(run.run_id).error) == ("finished", None)
    pd.testing.assert_frame_equal(history(db.history(run.run_id)), history(alone.history), check_exact=True)
    kept = as_tensors(db.artifact(run.run_id, NET) or b"")
    assert kept.keys() == alone.net.state_dict().keys()
    assert all(torch.equal(kept[name], value) for name, value in alone.net.state_dict().items())
    for (layer, split), leaves in alone.leaves.items():
        epochs, stored = db.leaves(run.run_id, layer, split)
        assert epochs.tolist() == [0, run.epochs]
        assert np.array_equal(stored, leaves[[0, -1]])


@pytest.mark.parametrize("threads", [1, 3])
def test_members_side_by_side_are_as_if_alone(db: Store, threads: int) -> None:
    runs = distinct_runs(SWEEP)
    db.submit_sweep(SWEEP, runs)
    made = worker(db, threads)
    assert made.work_once()
    assert not made.work_once()
    for run in runs:
        if run.net.fitted:
            model = fit(run)
            assert model is not None
            rows = db.history(run.run_id).set_index(["split", "metric"])["value"]
            assert rows.to_dict() == model.record.metrics
        else:
            assert_as_alone(db, run)
    assert db.workers()[0].state == "ready"


def test_slow_writes_change_nothing(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "FLUSH", 0.0)
    monkeypatch.setattr(group_module, "WRITE_ENDS", 3600.0)
    queue(db, BASE, changed(BASE, {"seed": 1}))
    worker(db).work_once()
    for seed in (0, 1):
        assert_as_alone(db, changed(BASE, {"seed": seed}))


def test_one_whose_data_cannot_be_split_fails_alone(db: Store) -> None:
    others = [changed(BASE, {"seed": seed}) for seed in range(4)]
    queue(db, *others[:2], BROKEN, *others[2:])
    assert worker(db, threads=1).work_once()
    summary = db.run(BROKEN.run_id)
    assert summary.status == "failed"
    assert "5,000" in str(summary.error) or "5000" in str(summary.error)
    assert summary.facts == {}
    for run in others:
        assert_as_alone(db, run)


def test_one_that_diverges_fails_with_its_epochs_and_says_so(db: Store) -> None:
    queue(db, BASE, WILD)
    assert worker(db, threads=1).work_once()
    summary = db.run(WILD.run_id)
    assert (summary.status, summary.facts) == ("failed", {"diverged": True})
    assert "the training loss became" in str(summary.error)
    assert db.recorded_epochs(WILD.run_id).tolist()[0] == 0
    assert len(db.history(WILD.run_id)) == 6 * (summary.epochs_done + 1)
    assert_as_alone(db, BASE)
    # trying again would give the same
    queue(db, BASE, WILD)
    assert not worker(db).work_once()


def test_a_baseline_that_cannot_be_fitted_fails_alone(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("leafscope.core.training.fitting.fit", fails)
    tree = changed(BASE, {"net.kind": "decision_tree"})
    queue(db, tree, BASE)
    assert worker(db, threads=1).work_once()
    assert (db.run(tree.run_id).status, db.run(tree.run_id).error) == ("failed", "RuntimeError: boom")
    assert_as_alone(db, BASE)


def test_one_member_is_stopped_and_goes_on_later(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "FLUSH", 0.0)
    monkeypatch.setattr(group_module, "LANE_SECONDS", 1000.0)  # both in one lane
    queue(db, LONG, BASE)
    made = worker(db, threads=1)
    made.watch.start()
    training = threading.Thread(target=made.work_once)
    training.start()
    try:
        until(lambda: db.run(LONG.run_id).epochs_done >= 5, "five epochs")
        db.stop(LONG.run_id)
        training.join(60)
        assert not training.is_alive()
    finally:
        made.watch.ending.set()
        made.watch.done.set()
        made.watch.join()
    summary = db.run(LONG.run_id)
    assert (summary.status, summary.error) == ("stopped", None)
    assert 5 <= summary.epochs_done < 10_000
    assert db.artifact(LONG.run_id, CHECKPOINT) is not None
    assert_as_alone(db, BASE)


def test_a_stopped_member_goes_on_from_its_checkpoint_to_the_same_end(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = changed(BASE, {"train.epochs": 12})
    seen: list[int] = []
    add = group_module.Recorder.add

    def stop_after_five(self: Any, record: Any) -> None:
        add(self, record)
        seen.append(record.epoch)
        if record.epoch == 5 and seen.count(5) == 1:
            made.watch.ending.set()

    monkeypatch.setattr(group_module.Recorder, "add", stop_after_five)
    queue(db, run)
    made = worker(db)
    made.work_once()
    assert db.run(run.run_id).status == "interrupted"
    queue(db, run)
    made = worker(db)
    assert made.work_once()
    summary = db.run(run.run_id)
    assert (summary.status, summary.attempt, summary.resumed_from) == ("finished", 2, 5)
    assert seen == [*range(6), *range(6, 13)]
    alone = train(run)
    pd.testing.assert_frame_equal(history(db.history(run.run_id)), history(alone.history), check_exact=True)
    assert all(torch.equal(as_tensors(db.artifact(run.run_id, NET) or b"")[n], v) for n, v in alone.net.state_dict().items())


def test_a_run_that_a_person_asks_for_goes_before_the_next_members(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "LANE_SECONDS", 0.0)  # one at a time
    asked = changed(BASE, {"seed": 99})
    members = [changed(BASE, {"seed": seed}) for seed in range(3)]
    queue(db, *members)
    made = worker(db, threads=1, on_members=lambda: db.submit(asked))

    def statuses() -> list[str]:
        return [db.run(run.run_id).status for run in (*members, asked)]

    assert made.work_once()
    assert statuses() == ["finished", "queued", "queued", "queued"]
    assert made.work_once()
    assert statuses() == ["finished", "queued", "queued", "finished"]
    assert made.work_once()
    assert statuses() == ["finished"] * 4
    assert not made.work_once()


@pytest.mark.parametrize("flush", [0.0, 3600.0])
def test_a_member_lost_to_another_worker_writes_nothing(db: Store, monkeypatch: pytest.MonkeyPatch, flush: float) -> None:
    monkeypatch.setattr(group_module, "FLUSH", flush)
    left_behind = group_module.left_behind
    lost: list[pd.DataFrame] = []

    def lose_first(*arguments: Any) -> Any:
        if not lost:
            db.remove_worker("w", "interrupted", "asleep")
            lost.append(db.history(BASE.run_id))
        return left_behind(*arguments)

    monkeypatch.setattr(group_module, "left_behind", lose_first)
    queue(db, BASE)
    assert worker(db).work_once()
    summary = db.run(BASE.run_id)
    assert (summary.status, summary.error) == ("interrupted", "asleep")
    pd.testing.assert_frame_equal(db.history(BASE.run_id), lost[0])  # nothing after the loss
    assert db.history(BASE.run_id).empty == (flush > 0)
    assert db.artifact(BASE.run_id, NET) is None
    queue(db, BASE)
    assert worker(db).work_once()
    assert db.run(BASE.run_id).status == "finished"
    pd.testing.assert_frame_equal(history(db.history(BASE.run_id)), history(train(BASE).history), check_exact=True)


def test_a_member_lost_in_the_midst_is_dropped_and_the_others_go_on(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add = group_module.Recorder.add
    other = changed(BASE, {"seed": 1})

    def lose(self: Any, record: Any) -> None:
        if record.epoch == 2 and self.claim.run_id == BASE.run_id:
            with db._write() as connection:
                connection.exec_driver_sql(
                    f"UPDATE attempts SET worker_id = 'another' WHERE run_id = '{BASE.run_id}' AND status = 'running'"
                )
        add(self, record)

    monkeypatch.setattr(group_module, "FLUSH", 0.0)
    monkeypatch.setattr(group_module.Recorder, "add", lose)
    queue(db, BASE, other)
    assert worker(db, threads=1).work_once()
    assert db.history(BASE.run_id)["epoch"].max() == 1
    assert db.run(BASE.run_id).status == "running"  # of another
    assert_as_alone(db, other)


def test_a_fault_of_the_store_ends_the_work_and_leaves_what_is_not_written(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    queue(db, BASE, changed(BASE, {"seed": 1}))
    monkeypatch.setattr(db, "end_many", full)
    with pytest.raises(StoreError, match="the disk is full"):
        worker(db).work_once()


def test_members_that_ended_are_no_longer_watched(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would be looked up as one that was lost, under the lock for which all workers wait."""
    monkeypatch.setattr(group_module, "WRITE_ENDS", 0.0)
    monkeypatch.setattr(group_module, "LANE_SECONDS", 99.0)
    queue(db, *distinct_runs(SWEEP))
    one = worker(db, threads=1)
    watched: list[int] = []
    end_many = db.end_many

    def end(ends: Any) -> Any:
        watched.append(len(one.watch._followed))
        return end_many(ends)

    monkeypatch.setattr(db, "end_many", end)
    while one.work_once():
        pass
    assert watched == list(range(sum(not run.net.fitted for run in distinct_runs(SWEEP)), 0, -1))
