"""Runs, epochs and attempts for tests of the store."""

import numpy as np

from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.datasets import shape
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import Claim
from leafscope.core.training.events import EpochRecord
from tests.core.clock import Clock

ROWS = shape(RunConfig().data)
LEAVES = 2 ** RunConfig().net.depth


def config(seed: int = 0) -> RunConfig:
    return RunConfig(seed=seed, train=TrainConfig(epochs=5))


def record(epoch: int, loss: float | None = None, seconds: float = 0.0) -> EpochRecord:
    value = 1 / (epoch + 1) if loss is None else loss
    metrics = {(split, metric): value for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    leaves: dict[tuple[int, str], np.ndarray] = {
        (0, "train"): ((np.arange(ROWS.n_train) + epoch) % LEAVES).astype(np.uint8),
        (0, "test"): np.full(ROWS.n_test, epoch % LEAVES, dtype=np.uint16),
    }
    return EpochRecord(epoch, metrics, leaves, seconds or float(epoch))


def claimed(db: Store, run: RunConfig | None = None, worker: str = "w") -> Claim:
    db.submit(run or config())
    claim = db.claim(worker)
    assert claim is not None
    assert db.begin(claim, "cpu")
    return claim


def fall_silent(db: Store, clock: Clock, seconds: float = 60.0) -> None:
    """Let time pass without a heartbeat, as a reader sees it who has looked before."""
    db.list_runs()
    clock.now += seconds
