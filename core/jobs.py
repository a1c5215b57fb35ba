"""Submit, follow, stop: the one door to the store and its workers for pages and the command line.

Every function takes the store to use; without one it is the default store, opened once for each process.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import pandas as pd

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.records import Priority, Submission
from leafscope.core.store.schema import database_url
from leafscope.core.store.store import Store
from leafscope.core.store.summaries import RunSummary, SweepInfo

POLL = 0.05
"""Seconds between two checks by `wait`."""


@dataclass(frozen=True)
class Progress:
    """How far a run is. Durations in seconds."""

    run_id: str
    status: str
    stopping: bool
    """Asked to stop, not yet stopped."""
    epochs_done: int
    epochs_total: int
    seconds: float
    """Training time until now."""
    seconds_left: float | None
    """Estimate; None when nothing can be said."""
    ahead: int | None
    """Runs that go first; None unless queued."""
    error: str | None

    @property
    def active(self) -> bool:
        """Whether it waits or trains."""
        return self.status in ("queued", "running")

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0 to 1; a finished run is 1, early stopping or not."""
        return 1.0 if self.status == "finished" else self.epochs_done / self.epochs_total


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep, in runs: all trials of all members, each counted once."""

    total: int
    finished: int
    failed: int
    diverged: int
    """Failed runs whose loss became infinite, which is a valid outcome of the sweep."""
    running: int
    queued: int
    stopped: int
    """Stopped, interrupted or deleted: the runs that resuming the sweep trains."""
    seconds_left: float | None
    """Estimate; None if no run is queued or running."""

    @property
    def active(self) -> bool:
        """Whether any of its runs is queued or running."""
        return self.running + self.queued > 0

    @property
    def complete(self) -> bool:
        """Whether every run has an outcome."""
        return self.finished + self.diverged == self.total

    @property
    def fraction(self) -> float:
        """Share of the runs that have ended, 0 to 1."""
        return (self.finished + self.failed) / self.total if self.total else 1.0


@dataclass(frozen=True)
class WorkerStatus:
    """The combined state of all workers."""

    state: Literal["not running", "starting", "ready", "busy"]
    """ready if any worker is ready, else busy, else starting."""
    devices: tuple[str, ...]
    """The requested device of each worker: auto, cpu, cuda:0, ..."""


@lru_cache(maxsize=8)
def _open(url: str) -> Store:
    return Store(url)


def default_store() -> Store:
    """Open the store named by LEAFSCOPE_DATABASE, else `data/leafscope.db`; once per process."""
    return _open(database_url(None).render_as_string(hide_password=False))


def submit(
    run: RunConfig, *, store: Store | None = None, anew: bool = False, note: str = "", priority: Priority = "interactive"
) -> Submission:
    """Queue a run, unless the same configuration is queued, running or finished: then that one is reused.

    A run that stopped, failed or was interrupted starts from scratch (`resume` goes on instead); so does a finished one
    with `anew`. Raises LimitError when 1,000 runs wait.
    """
    return (store or default_store()).submit(run, anew, note, priority)


def submit_many(
    runs: Sequence[RunConfig],
    *,
    store: Store | None = None,
    anew: bool = False,
    note: str = "",
    priority: Priority = "sweep",
) -> list[Submission]:
    """Queue all of these runs or, raising LimitError when more than 1,000 would wait, none; otherwise as `submit`."""
    return (store or default_store()).submit_many(runs, anew, note, priority)


def stop(run_id: str, *, store: Store | None = None) -> None:
    """Stop a queued run at once, a running one within about a second; nothing if it has ended. Raises RunNotFoundError."""
    (store or default_store()).stop(run_id)


def resume(run_id: str, *, store: Store | None = None) -> Submission:
    """Go on from the last checkpoint. Raises RunNotFoundError, RunStateError if the run is finished, LimitError."""
    return (store or default_store()).resume(run_id)


def delete(run_ids: str | Iterable[str], *, store: Store | None = None) -> None:
    """Delete runs with all their attempts. Raises RunStateError, deleting nothing, if one is running."""
    (store or default_store()).delete([run_ids] if isinstance(run_ids, str) else run_ids)


def wait(run_id: str, timeout: float | None = None, *, store: Store | None = None) -> RunSummary:
    """Wait until a run is neither queued nor running. Raises TimeoutError after `timeout` seconds, RunNotFoundError."""
    store = store or default_store()
    deadline = None if timeout is None else time.monotonic() + timeout
    while (summary := store.run(run_id)).active:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"{summary.label} is still {summary.status} after {timeout:g} s")
        time.sleep(POLL)
    return summary


def progress(run_id: str, *, store: Store | None = None) -> Progress:
    """Tell how far a run is. Raises RunNotFoundError."""
    store = store or default_store()
    summary = store.run(run_id)
    return Progress(
        run_id=run_id,
        status=summary.status,
        stopping=summary.stopping,
        epochs_done=summary.epochs_done,
        epochs_total=summary.epochs_total,
        seconds=summary.seconds,
        seconds_left=summary.seconds_left,
        ahead=store.queue_position(run_id) if summary.status == "queued" else None,
        error=summary.error,
    )


def worker_status(*, store: Store | None = None) -> WorkerStatus:
    """Return the combined state of the workers."""
    workers = (store or default_store()).workers()
    states = {worker.state for worker in workers}
    devices = tuple(worker.device for worker in workers)
    for state in ("ready", "busy", "starting"):
        if state in states:
            return WorkerStatus(state, devices)
    return WorkerStatus("not running", ())


def submit_sweep(sweep: SweepConfig, *, store: Store | None = None) -> str:
    """Save a sweep, queue its unfinished runs and return its id.

    Stopped and failed runs continue. Raises what `core.sweep.members.check` raises, before anything is queued.
    """
    from leafscope.core.sweep.members import check, distinct_runs

    check(sweep)
    (store or default_store()).submit_sweep(sweep, distinct_runs(sweep))
    return sweep.sweep_id


def stop_sweep(sweep_id: str, *, store: Store | None = None) -> None:
    """Stop all runs of a sweep: queued ones at once, running ones within about a second.

    Runs that another active sweep also needs continue. Raises RunNotFoundError if no sweep has this id.
    """
    store = store or default_store()
    mine = set(_run_ids(store.sweep(sweep_id)))
    for info in store.sweeps():
        if info.sweep_id != sweep_id:
            with contextlib.suppress(ValueError):  # a configuration that is no longer valid
                theirs = set(_run_ids(info))
                statuses = store.statuses(theirs - mine)
                if any(status in ("queued", "running") for status in statuses.values()):
                    mine -= theirs
    store.stop_all(mine)


def sweep_progress(sweep_id: str, *, store: Store | None = None) -> SweepProgress:
    """Return the progress of a sweep. Raises RunNotFoundError if no sweep has this id."""
    from leafscope.core.device import n_cores
    from leafscope.core.sweep.results import estimated_seconds

    store = store or default_store()
    info = store.sweep(sweep_id)
    ids = _run_ids(info)
    statuses = store.statuses(ids)
    counts = Counter(statuses.get(run_id, "deleted") for run_id in ids)
    active = counts["running"] + counts["queued"]
    failed = [run_id for run_id in ids if statuses.get(run_id) == "failed"]
    diverged = sum(bool(summary.facts.get("diverged")) for summary in store.runs(failed).values()) if failed else 0
    ended = [run_id for run_id in ids if statuses.get(run_id) not in ("queued", "running")]
    return SweepProgress(
        total=len(ids),
        finished=counts["finished"],
        failed=counts["failed"],
        diverged=diverged,
        running=counts["running"],
        queued=counts["queued"],
        stopped=counts["stopped"] + counts["interrupted"] + counts["deleted"],
        seconds_left=estimated_seconds(info.config, ended, n_cores()) if active else None,
    )


def sweep_results(sweep_id: str, *, store: Store | None = None) -> pd.DataFrame:
    """Return the current table of a sweep, as described in `core.sweep.results.results`. Raises RunNotFoundError."""
    from leafscope.core.sweep.results import results

    store = store or default_store()
    info = store.sweep(sweep_id)
    return results(info.config, store.runs(_run_ids(info)))


def _run_ids(info: SweepInfo) -> list[str]:
    from leafscope.core.sweep.members import run_ids

    return run_ids(info.config)
