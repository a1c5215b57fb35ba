"""The life of a run, from its submission to its last epoch."""

from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT
from tests.core.store.examples import config, record


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
