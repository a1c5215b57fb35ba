"""Sweeps with reporting seeds: the second stage follows the first, whoever trains it and whatever comes between."""

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import NET
from leafscope.core.sweep.choice import reporting_runs
from leafscope.core.sweep.members import distinct_runs, run_ids
from leafscope.core.sweep.results import choosing_results
from leafscope.core.worker import stages
from leafscope.core.worker.inline import run_sweep
from leafscope.core.worker.worker import Worker

SWEEP = SweepConfig(
    name="fair",
    base=RunConfig(
        data=DataConfig(name="wine"), net=NetConfig(width=6), train=TrainConfig(epochs=3, batch_size=16, device="cpu")
    ),
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "random_gates", "logistic", "decision_tree"],
    report_seeds=[5, 6, 7],
    trials=3,
)
TIMES = ["seconds", "inference_seconds"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The table without a store."""
    return run_sweep(SWEEP)


@pytest.fixture
def db(tmp_path: Path) -> Store:
    return Store(tmp_path / "stages.db")


def worker(db: Store, on_members: Callable[[], Any] = lambda: None) -> Worker:
    made = Worker(db, "w", threads=2, on_members=on_members)
    made.watch.started.set()
    return made


def work(db: Store) -> None:
    """Work until nothing is left, as a worker does."""
    made = worker(db)
    while made.work_once():
        pass


def train_choosing(db: Store) -> None:
    """Train the choosing runs, and end before anything follows, as in a crash."""
    assert jobs.submit_sweep(SWEEP, store=db) == SWEEP.sweep_id
    assert worker(db).work_once()


def attempts(db: Store) -> dict[str, int]:
    return {summary.run_id: summary.attempt for summary in db.list_runs()}


def check(db: Store, table: pd.DataFrame) -> None:
    """Check that the sweep is complete, and that exactly its runs were trained, once each."""
    found = jobs.sweep_results(SWEEP.sweep_id, store=db)
    pd.testing.assert_frame_equal(found.drop(columns=TIMES), table.drop(columns=TIMES))
    chosen = reporting_runs(SWEEP, db.runs(run_ids(SWEEP)))
    assert set(table["run_id"]) == set(chosen)
    assert attempts(db) == dict.fromkeys([*run_ids(SWEEP), *chosen], 1)
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=db)
    assert (progress.total, progress.complete, progress.active) == (len(run_ids(SWEEP)) + len(chosen), True, False)
    assert progress.seconds_left is None
    assert db.sweeps_that_await() == []


def test_the_table_is_of_the_reporting_seeds_with_the_chosen_trials(table: pd.DataFrame) -> None:
    assert set(table["seed"]) == {5, 6, 7}
    assert (table["status"] == "finished").all()
    assert set(table["stage"]) == {"reporting"}
    by_cell = table.groupby(["model", "depth"], dropna=False)[["train.lr", "train.weight_decay"]].nunique()
    assert (by_cell == 1).all(axis=None)


def test_a_worker_trains_both_stages_to_the_same_table(db: Store, table: pd.DataFrame) -> None:
    jobs.submit_sweep(SWEEP, store=db)
    before = jobs.sweep_progress(SWEEP.sweep_id, store=db)
    assert (before.total, before.queued) == (len(distinct_runs(SWEEP)) + len(set(table["run_id"])),) * 2
    work(db)
    check(db, table)
    choices = jobs.sweep_choices(SWEEP.sweep_id, store=db)
    assert set(choices["seed"]) == {0, 1}
    assert set(jobs.sweep_runs(SWEEP.sweep_id, store=db)) == set(attempts(db))


def test_run_sweep_with_a_store_trains_both_stages_to_the_same_table(db: Store, table: pd.DataFrame) -> None:
    seen: list[tuple[int, int]] = []
    found = run_sweep(SWEEP, store=db, on_progress=lambda done, total: seen.append((done, total)))
    pd.testing.assert_frame_equal(found.drop(columns=TIMES), table.drop(columns=TIMES))
    check(db, table)
    total = len(attempts(db))
    assert {total for _, total in seen} == {total}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (total, total)
    kept = {*found["run_id"], *choosing_results(SWEEP, db.runs(run_ids(SWEEP)))["run_id"]}
    nets = {run.run_id for run in jobs.sweep_runs(SWEEP.sweep_id, store=db).values() if not run.net.fitted}
    assert {run_id for run_id in nets if db.artifact(run_id, NET) is not None} == kept & nets
    pd.testing.assert_frame_equal(run_sweep(SWEEP, store=db), found)  # nothing is trained again
    check(db, table)


def test_progress_without_a_store_counts_both_stages(table: pd.DataFrame) -> None:
    seen: list[tuple[int, int]] = []
    small = SWEEP.model_copy(update={"axes": {"seed": [0]}, "baselines": ["decision_tree"], "trials": None})
    run_sweep(small, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 8) for done in range(1, 9)]


def test_the_second_stage_follows_after_a_crash_between_the_stages(db: Store, table: pd.DataFrame) -> None:
    train_choosing(db)
    assert set(attempts(db)) == set(run_ids(SWEEP))
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=db)
    assert (progress.active, progress.queued, progress.complete) == (True, len(set(table["run_id"])), False)
    assert progress.seconds_left is not None
    work(db)  # another worker
    check(db, table)


def test_a_worker_that_has_nothing_to_train_looks_for_sweeps_that_go_on(db: Store, table: pd.DataFrame) -> None:
    idle = worker(db)
    assert not idle.work_once()
    train_choosing(db)
    deadline = time.monotonic() + 60
    while not idle.work_once():
        assert time.monotonic() < deadline
    work(db)
    check(db, table)


def test_several_workers_queue_the_second_stage_once(db: Store, table: pd.DataFrame) -> None:
    train_choosing(db)
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(stages.go_on(db))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]
    work(db)
    check(db, table)


def test_a_sweep_stopped_in_its_first_stage_does_not_go_on_until_it_is_resumed(db: Store, table: pd.DataFrame) -> None:
    jobs.submit_sweep(SWEEP, store=db)
    jobs.stop_sweep(SWEEP.sweep_id, store=db)
    work(db)
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=db)
    assert (progress.active, progress.stopped) == (False, progress.total)
    jobs.submit_sweep(SWEEP, store=db)
    work(db)
    found = jobs.sweep_results(SWEEP.sweep_id, store=db)
    pd.testing.assert_frame_equal(found.drop(columns=TIMES), table.drop(columns=TIMES))
    assert set(attempts(db).values()) == {1, 2}  # those that were queued when it was stopped, and the others


def test_a_sweep_stopped_between_its_stages_goes_on_when_it_is_resumed(db: Store, table: pd.DataFrame) -> None:
    train_choosing(db)
    jobs.stop_sweep(SWEEP.sweep_id, store=db)
    work(db)
    assert set(attempts(db)) == set(run_ids(SWEEP))
    progress = jobs.sweep_progress(SWEEP.sweep_id, store=db)
    assert (progress.active, progress.stopped, progress.complete) == (False, len(set(table["run_id"])), False)
    jobs.submit_sweep(SWEEP, store=db)  # queues the second stage itself
    assert db.sweeps_that_await() == []
    work(db)
    check(db, table)


def test_a_sweep_stopped_in_its_second_stage_goes_on_when_it_is_resumed(db: Store, table: pd.DataFrame) -> None:
    train_choosing(db)
    assert stages.go_on(db)
    jobs.stop_sweep(SWEEP.sweep_id, store=db)
    work(db)
    statuses = db.statuses(attempts(db))
    assert {run_id for run_id, status in statuses.items() if status == "stopped"} == set(table["run_id"])
    jobs.submit_sweep(SWEEP, store=db)
    work(db)
    found = jobs.sweep_results(SWEEP.sweep_id, store=db)
    pd.testing.assert_frame_equal(found.drop(columns=TIMES), table.drop(columns=TIMES))
    assert {run_id for run_id, attempt in attempts(db).items() if attempt == 2} == set(table["run_id"])


def test_run_sweep_interrupted_between_the_stages_goes_on(db: Store, table: pd.DataFrame) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == len(run_ids(SWEEP)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(SWEEP, store=db, on_progress=interrupt)
    assert set(attempts(db)) == set(run_ids(SWEEP))
    run_sweep(SWEEP, store=db)
    check(db, table)


def test_deleted_reporting_runs_are_not_trained_behind_a_persons_back(db: Store, table: pd.DataFrame) -> None:
    jobs.submit_sweep(SWEEP, store=db)
    work(db)
    gone = table["run_id"].iloc[0]
    db.delete(gone)
    work(db)
    assert gone not in attempts(db)
    assert jobs.sweep_progress(SWEEP.sweep_id, store=db).stopped == 1


def test_an_archive_carries_both_stages(db: Store, table: pd.DataFrame, tmp_path: Path) -> None:
    jobs.submit_sweep(SWEEP, store=db)
    work(db)
    other_run = RunConfig(data=DataConfig(name="iris"))
    db.submit(other_run)  # no part of the sweep
    file = io.BytesIO()
    export_archive(db, file, sweep_ids=[SWEEP.sweep_id])
    there = Store(tmp_path / "there.db")
    done = import_archive(there, file)
    assert (done.runs, done.sweeps, done.skipped) == (len(run_ids(SWEEP)) + len(set(table["run_id"])), 1, ())
    check(there, table)


def test_importing_a_sweep_between_its_stages_trains_nothing(db: Store, table: pd.DataFrame, tmp_path: Path) -> None:
    train_choosing(db)
    file = io.BytesIO()
    export_archive(db, file, sweep_ids=[SWEEP.sweep_id])
    there = Store(tmp_path / "there.db")
    import_archive(there, file)
    work(there)
    assert set(attempts(there)) == set(run_ids(SWEEP))
    jobs.submit_sweep(SWEEP, store=there)
    work(there)
    check(there, table)


def test_scores_are_read_again_only_when_another_cell_has_ended(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    train_choosing(db)
    first = jobs.sweep_progress(SWEEP.sweep_id, store=db)
    read: list[int] = []
    real = Store.runs
    monkeypatch.setattr(Store, "runs", lambda self, ids: read.append(1) or real(self, ids))
    assert jobs.sweep_progress(SWEEP.sweep_id, store=db) == first
    assert read == []
    db.delete(run_ids(SWEEP)[0])
    assert jobs.sweep_progress(SWEEP.sweep_id, store=db).finished == first.finished - 1
    assert read == [1]
