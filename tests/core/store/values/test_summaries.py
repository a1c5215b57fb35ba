"""What a summary says of how far a run is, and of its scores."""

from pathlib import Path

import numpy as np
import pytest

from leafscope.core.comparison.table import run_table
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.inspection.answers import answers_of
from leafscope.core.scores import SCORES
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT
from leafscope.core.training.events import EpochRecord
from leafscope.core.worker.worker import Worker

RUN = RunConfig(train=TrainConfig(epochs=10))


def test_progress(db: Store) -> None:
    db.submit(RUN)
    waiting = db.run(RUN.run_id)
    assert (waiting.active, waiting.fraction, waiting.seconds_left) == (True, 0.0, None)
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu")
    assert db.run(RUN.run_id).seconds_left is None
    db.record(claim, [EpochRecord(epoch, {("validation", "loss"): 1.0}, {}, 0.5 * epoch) for epoch in range(5)])
    running = db.run(RUN.run_id)
    assert (running.status, running.epochs_done, running.epochs_total, running.stopping) == ("running", 4, 10, False)
    assert (running.seconds, running.seconds_left, running.fraction, running.active) == (2.0, 3.0, 0.4, True)
    db.stop(RUN.run_id)
    assert db.run(RUN.run_id).stopping
    db.end(claim, "finished")  # early stopping
    ended = db.run(RUN.run_id)
    assert (ended.active, ended.fraction, ended.stopping) == (False, 1.0, False)


def _counted(epoch: int, loss: float, tally: list[list[int]]) -> EpochRecord:
    return EpochRecord(epoch, {("validation", "loss"): loss}, {}, 0.1, {"validation": np.array(tally)})


def test_a_summary_has_the_scores_of_its_two_epochs_alone(db: Store) -> None:
    all_right, one_answer = [[3, 1], [3, 1], [3, 1]], [[3, 1], [4, 0], [3, 0]]
    db.submit(RUN)
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu")
    db.record(claim, [_counted(0, 2.0, one_answer), _counted(1, 1.0, all_right)])
    db.record(claim, [_counted(2, 3.0, one_answer)])  # the best epoch was written before
    db.end(claim, "finished")
    run = db.run(RUN.run_id)
    assert run.best == {"validation_loss": 1.0, "validation_balanced_accuracy": 1.0, "validation_macro_f1": 1.0}
    assert run.last == {
        "validation_loss": 3.0,
        "validation_balanced_accuracy": 0.5,
        "validation_macro_f1": pytest.approx(3 / 7),
    }
    assert set(db.history(RUN.run_id)["metric"]) == {"loss"}


def test_a_run_that_goes_on_keeps_the_scores_of_its_best_epoch(db: Store) -> None:
    db.submit(RUN)
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu")
    db.record(
        claim, [_counted(epoch, loss, [[2], [2], [2]]) for epoch, loss in enumerate([2.0, 1.0, 1.5])], {CHECKPOINT: b"at 2"}
    )
    db.end(claim, "stopped")
    db.resume(RUN.run_id)
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu", 2)
    assert db.run(RUN.run_id).best == {"validation_loss": 1.0, "validation_balanced_accuracy": 1.0, "validation_macro_f1": 1.0}
    db.record(claim, [_counted(3, 2.0, [[2], [2], [2]])])
    assert db.run(RUN.run_id).best["validation_balanced_accuracy"] == 1.0


@pytest.mark.parametrize("kind", ["tree", "dense", "moe", "soft_tree", "decision_tree"])
def test_scores_of_a_run_are_those_of_its_predictions(kind: str, tmp_path: Path) -> None:
    db = Store(tmp_path / "leafscope.db")
    data = DataConfig(name="wine")  # whose classes differ in size
    run = RunConfig(data=data, net=NetConfig(kind=kind, depth=2, width=4), train=TrainConfig(epochs=2, device="cpu"))
    db.submit(run)
    Worker(db, "w").work_once()
    kept = load(run.data, run.data_seed)
    for split, part in kept.splits.items():
        answers = answers_of(db, run.run_id, split)
        for name in kept.task.known:
            assert db.run(run.run_id).last[f"{split}_{name}"] == pytest.approx(SCORES[name].measure(part.y, answers)), name


def test_runs_of_an_older_version_lack_scores_without_an_error(db: Store) -> None:
    db.submit(RUN)
    claim = db.claim("w")
    assert claim is not None
    db.begin(claim, "cpu")
    db.end(claim, "finished", records=[EpochRecord(0, {("validation", "loss"): 1.0, ("validation", "accuracy"): 0.5}, {}, 0.1)])
    table = run_table([db.run(RUN.run_id)])
    assert table["best_validation_accuracy"].tolist() == [0.5]
    assert table["best_validation_balanced_accuracy"].isna().all()
