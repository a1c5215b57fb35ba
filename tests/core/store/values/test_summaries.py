"""What a summary says of how far a run is."""

from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.store.store import Store
from leafscope.core.training.events import EpochRecord

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
