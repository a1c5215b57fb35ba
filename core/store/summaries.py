"""What is known of a run, a sweep, a worker and a benchmark, as the store answers it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from leafscope.core.config import RunConfig, SweepConfig

HEARTBEAT = 1.0
"""Seconds between two signs of life of a worker."""

STALE = 3 * HEARTBEAT
"""A running attempt silent for longer has lost its worker."""

STARTING = 60.0
"""A starting worker silent for longer is gone; importing torch from a cold disk can take many seconds."""

LOST = "the worker gave no sign of life for 3 seconds"


@lru_cache(maxsize=16_384)
def _parse(config: str) -> RunConfig:
    return RunConfig.model_validate_json(config)


@dataclass(frozen=True)
class RunSummary:
    """A run as a list shows it. Times are seconds since 1970 (UTC), durations seconds."""

    run_id: str
    label: str
    note: str
    """Why it exists, where no one asked for it."""
    config_json: str
    status: str
    """queued, running, finished, failed, stopped or interrupted."""
    attempt: int
    first_attempt: int
    """The attempt that began from scratch, whose chain is shown."""
    created: float
    """When the newest attempt was asked for."""
    started: float | None
    finished: float | None
    stopping: bool
    """Asked to stop, not yet stopped."""
    error: str | None
    device: str | None
    resumed_from: int
    """The epoch that the newest attempt went on from; 0: from scratch."""
    epochs_done: int
    epochs_total: int
    attempt_seconds: float
    """Training time of the newest attempt."""
    seconds: float
    """Training time of the chain."""
    best_epoch: int | None
    """The epoch with the lowest validation loss, the first of equals."""
    best: Mapping[str, float]
    """Values at the best epoch: train_loss, train_accuracy, validation_loss, ..."""
    last: Mapping[str, float]
    """Values at the last epoch."""
    facts: Mapping[str, Any]
    """What else was measured when it ended: `inference_seconds` (a row), `trained_parameters`, ...; empty before."""
    name: str = ""
    """What a person called it; empty: nothing."""
    tags: tuple[str, ...] = ()
    comment: str = ""
    """What a person said of it."""

    @property
    def title(self) -> str:
        """What it is called: by a person, else by its own label."""
        return self.name or self.label

    def matches(self, words: str, also: str = "") -> bool:
        """Whether all of these words occur in its name, label, note, comment, tags, status, address, or in `also`."""
        said = (self.name, self.label, self.note, self.comment, *self.tags, self.status, self.run_id, also)
        text = " ".join(said).casefold()
        return all(word in text for word in words.casefold().split())

    @property
    def config(self) -> RunConfig:
        """The run's configuration; raises ValidationError if an older version of the program wrote what is now invalid."""
        return _parse(self.config_json)

    @property
    def active(self) -> bool:
        """Whether it waits or trains."""
        return self.status in ("queued", "running")

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0 to 1; a finished run is 1, early stopping or not."""
        return 1.0 if self.status == "finished" else min(1.0, self.epochs_done / self.epochs_total)

    @property
    def seconds_left(self) -> float | None:
        """Estimated training time to the last epoch; None unless running with at least one epoch trained."""
        trained = self.epochs_done - self.resumed_from
        if self.status != "running" or trained <= 0:
            return None
        return self.attempt_seconds / trained * (self.epochs_total - self.epochs_done)

    def row(self) -> dict[str, Any]:
        """Flatten to one row of a table: best_validation_loss, last_test_accuracy, ... beside the rest; NaN where unknown."""
        row: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("run_id", "label", "note", "status", "created", "seconds", "epochs_done", "epochs_total", "error")
        }
        row["best_epoch"] = self.best_epoch
        for which, values in (("best", self.best), ("last", self.last)):
            for split in ("train", "validation", "test"):
                for metric in ("accuracy", "loss"):
                    row[f"{which}_{split}_{metric}"] = values.get(f"{split}_{metric}", math.nan)
        return row


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that gives signs of life."""

    worker_id: str
    pid: int
    device: str
    state: str
    """starting, ready or busy."""


@dataclass(frozen=True)
class SweepInfo:
    """A sweep as a list shows it."""

    sweep_id: str
    name: str
    config_json: str
    created: float
    """When it was first asked for: seconds since 1970 (UTC)."""

    @property
    def config(self) -> SweepConfig:
        """Its configuration, under its present name; raises ValidationError if it is no longer valid."""
        return SweepConfig.model_validate_json(self.config_json).model_copy(update={"name": self.name})


@dataclass(frozen=True)
class Benchmark:
    """What the benchmark command measured, once."""

    id: int
    created: float
    """When it was kept: seconds since 1970 (UTC)."""
    leafscope: str
    """The version that was measured."""
    machine: str
    threads: int
    quick: bool
    """A short run, whose times say less."""
    result: Mapping[str, Any]
    """The whole document: environment, quick, and groups, name -> rows."""


def fold(summary: dict[str, Any], epochs: Iterable[tuple[int, Mapping[tuple[str, str], float]]]) -> dict[str, Any]:
    """Take further epochs, in order, into a summary: `best_epoch`, `best` and `last`."""
    summary = dict(summary)
    for epoch, values in epochs:
        flat = {f"{split}_{metric}": value for (split, metric), value in values.items()}
        summary["last"] = flat
        loss = flat.get("validation_loss", math.nan)
        if math.isfinite(loss) and ("best" not in summary or loss < summary["best"]["validation_loss"]):
            summary |= {"best_epoch": epoch, "best": flat}
    return summary
