"""Summaries of runs, sweeps, workers and benchmarks, as the store returns them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.scores import SCORES, TASKS

if TYPE_CHECKING:
    from leafscope.core.training.events import EpochRecord

HEARTBEAT = 1.0
"""Seconds between two heartbeats of a worker."""

STALE = 3 * HEARTBEAT
"""Seconds without a heartbeat after which a running attempt counts as interrupted."""

STARTING = 60.0
"""Seconds without a heartbeat after which a starting worker counts as dead; importing torch from a cold disk is slow."""

LOST = "the worker gave no sign of life for 3 seconds"


@lru_cache(maxsize=16_384)
def _parse(config: str) -> RunConfig:
    return RunConfig.model_validate_json(config)


@dataclass(frozen=True)
class RunSummary:
    """An entry in the list of runs. Times are seconds since 1970 (UTC), durations seconds."""

    run_id: str
    label: str
    note: str
    """The reason why the program submitted it; empty if a person did."""
    config_json: str
    status: str
    """queued, running, finished, failed, stopped or interrupted."""
    attempt: int
    first_attempt: int
    """The attempt that began from scratch; its chain is shown."""
    created: float
    """The time at which the newest attempt was submitted."""
    started: float | None
    finished: float | None
    stopping: bool
    """Whether it was told to stop but is still running."""
    error: str | None
    device: str | None
    resumed_from: int
    """The epoch from which the newest attempt continued; 0: from scratch."""
    epochs_done: int
    epochs_total: int
    attempt_seconds: float
    """Training time of the newest attempt."""
    seconds: float
    """Training time of the chain."""
    best_epoch: int | None
    """The epoch with the lowest validation loss, the first of equals; without validation rows the last one."""
    best: Mapping[str, float]
    """Values at the best epoch: train_loss, train_accuracy, validation_loss, ..."""
    last: Mapping[str, float]
    """Values at the last epoch."""
    facts: Mapping[str, Any]
    """Other measurements at its end, such as `inference_seconds` (per row) and `trained_parameters`; empty before."""
    name: str = ""
    """The name that a person gave it, or empty."""
    tags: tuple[str, ...] = ()
    comment: str = ""
    """A person's comment."""
    fault: str = ""
    """What is damaged in its row of the database; empty: nothing."""
    shipped: bool = False
    """Whether it came with the program, as an example, and no person has trained it."""
    first: Mapping[str, float] = field(default_factory=dict)
    """Losses before training, at epoch 0; empty of a fitted model, and of a run of an older version."""
    is_member: bool = False
    """Whether a sweep queued its newest attempt, and nobody asked for the run itself."""

    @property
    def title(self) -> str:
        """The name that a person gave it, else its own label."""
        return self.name or self.label

    def searched(self, also: str = "") -> str:
        """Return the text that is searched for words, casefolded: what it is called, what is said of it, status, and `also`."""
        said = (self.name, self.label, self.note, self.comment, *self.tags, self.status, self.run_id, also)
        return " ".join(said).casefold()

    @property
    def config(self) -> RunConfig:
        """The run's configuration; raises ValidationError if an older version of the program wrote it and it is now invalid."""
        return _parse(self.config_json)

    @property
    def chosen_epoch(self) -> int | None:
        """The epoch with the lowest validation loss; None without validation rows, which leave nothing to choose by."""
        return self.best_epoch if "validation_loss" in self.last else None

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.status in ("queued", "running")

    @property
    def fraction(self) -> float:
        """Share of the epochs that are trained, from 0 to 1; 1 for a finished run, even if it stopped early."""
        return 1.0 if self.status == "finished" else min(1.0, self.epochs_done / self.epochs_total)

    @property
    def seconds_left(self) -> float | None:
        """Estimated training time left; None unless it is running and has trained an epoch."""
        trained = self.epochs_done - self.resumed_from
        if self.status != "running" or trained <= 0:
            return None
        return self.attempt_seconds / trained * (self.epochs_total - self.epochs_done)

    def row(self) -> dict[str, Any]:
        """Flatten to a row of a table, with scores in columns such as best_validation_loss; unknown scores are NaN."""
        row: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("run_id", "label", "note", "status", "created", "seconds", "epochs_done", "epochs_total", "error")
        }
        row["best_epoch"] = self.best_epoch
        for which, values in (("best", self.best), ("last", self.last)):
            for split in ("train", "validation", "test"):
                for metric in (*self._known(), "loss"):
                    row[f"{which}_{split}_{metric}"] = values.get(f"{split}_{metric}", math.nan)
        return row

    def _known(self) -> tuple[str, ...]:
        """The scores that runs of its task have; those of classes where its data set is not known."""
        try:
            name = self.config.data.name
        except ValidationError:
            name = ""
        return TASKS[DATA_SETS[name].task if name in DATA_SETS else "classification"].known


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that sends heartbeats."""

    worker_id: str
    pid: int
    device: str
    state: str
    """starting, ready or busy."""
    machine: str = ""
    """The name of its machine in the network."""
    leafscope: str = ""
    """Its version of the program."""
    trains: tuple[str, ...] = ()
    """The names of the runs that it trains now."""


@dataclass(frozen=True)
class SweepInfo:
    """An entry in the list of sweeps."""

    sweep_id: str
    name: str
    config_json: str
    created: float
    """The time at which it was first submitted: seconds since 1970 (UTC)."""
    shipped: bool = False
    """Whether it came with the program, and no person has submitted it."""
    awaits_choice: bool = False
    """Whether the runs on its reporting seeds are queued when those on the choosing seeds have ended."""

    @property
    def config(self) -> SweepConfig:
        """Its configuration, with its present name; raises ValidationError if it is no longer valid."""
        found = SweepConfig.model_validate_json(self.config_json)
        if found.name == self.name:
            return found
        return SweepConfig.model_validate_json(found.model_copy(update={"name": self.name}).model_dump_json())


@dataclass(frozen=True)
class Benchmark:
    """The measurements of one call of the benchmark command."""

    id: int
    created: float
    """The time at which it was stored: seconds since 1970 (UTC)."""
    leafscope: str
    """The measured version of Leafscope."""
    machine: str
    threads: int
    quick: bool
    """Whether it was a short run, with less precise times."""
    result: Mapping[str, Any]
    """The whole document: environment, quick, and groups, name -> rows."""


def fold(summary: dict[str, Any], epochs: Iterable[tuple[int, Mapping[tuple[str, str], float]]]) -> dict[str, Any]:
    """Update a summary (`best_epoch`, `best`, `last`, and of epoch 0 `first`) with further epochs, in order.

    Without validation rows the last epoch is what is reported: the best one is the last.
    """
    summary = dict(summary)
    for epoch, values in epochs:
        flat = {f"{split}_{metric}": value for (split, metric), value in values.items()}
        summary["last"] = flat
        if epoch == 0:
            summary["first"] = {name: value for name, value in flat.items() if name in ("train_loss", "validation_loss")}
        loss = flat.get("validation_loss", math.nan)
        is_best = math.isfinite(loss) and ("best" not in summary or loss < summary["best"]["validation_loss"])
        if is_best or "validation_loss" not in flat:
            summary |= {"best_epoch": epoch, "best": flat}
    return summary


class Folding:
    """A summary that records are folded into, in order, with the scores that follow from counts at its two epochs.

    These scores are computed once, when the summary is asked for: a population records thousands of epochs a second.
    """

    def __init__(self, summary: dict[str, Any] | None = None) -> None:
        self._folded = summary or {}
        self._tallies: dict[str, Mapping[str, Any]] = {}

    def take(self, record: "EpochRecord") -> None:
        """Fold the next record."""
        self._folded = fold(self._folded, [(record.epoch, record.metrics)])
        self._tallies["last"] = record.tallies
        if self._folded.get("best_epoch") == record.epoch:
            self._tallies["best"] = record.tallies

    @property
    def summary(self) -> dict[str, Any]:
        """What `fold` makes, as far as there are records."""
        found = dict(self._folded)
        for which, tallies in self._tallies.items():
            found[which] = found[which] | {
                f"{split}_{name}": measure(tally)
                for split, tally in tallies.items()
                for name in TASKS["classification"].summarized
                if (measure := SCORES[name].of_tally) is not None
            }
        return found
