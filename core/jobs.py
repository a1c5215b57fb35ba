"""The default store, which is the door for pages and the command line, and what takes more than the store alone.

Runs are submitted, followed, stopped and deleted by the store itself: `default_store().submit(run)`. The functions here wait,
or know what a sweep's members are. Each takes the store to use; without one it is the default store, opened once for each
process.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import pandas as pd

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.database.opening import database_url
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary, SweepInfo

POLL = 0.05
"""Seconds between two checks by `wait`."""


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep, in runs: all trials of all members, each counted once, in both stages."""

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
    compiling: bool = False
    """Whether a worker trains more slowly, because its code is still being compiled."""


@lru_cache(maxsize=8)
def _open(url: str) -> Store:
    return Store(url)


def default_store() -> Store:
    """Open the store named by LEAFSCOPE_DATABASE, else `data/leafscope.db`; once per process."""
    return _open(database_url(None).render_as_string(hide_password=False))


def wait(run_id: str, timeout: float | None = None, *, store: Store | None = None) -> RunSummary:
    """Wait until a run is neither queued nor running. Raises TimeoutError after `timeout` seconds, RunNotFoundError."""
    store = store or default_store()
    deadline = None if timeout is None else time.monotonic() + timeout
    while (summary := store.run(run_id)).active:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"{summary.label} is still {summary.status} after {timeout:g} s")
        time.sleep(POLL)
    return summary


def worker_status(*, store: Store | None = None) -> WorkerStatus:
    """Return the combined state of the workers."""
    store = store or default_store()
    workers = store.workers()
    states = {worker.state for worker in workers}
    devices = tuple(worker.device for worker in workers)
    for state in ("ready", "busy", "starting"):
        if state in states:
            return WorkerStatus(state, devices, compiling=store.compiling() in {worker.worker_id for worker in workers})
    return WorkerStatus("not running", ())


def gpus(*, store: Store | None = None) -> dict[str, int]:
    """List the GPUs that the worker found, and the bytes that were free on each when it started; empty before that."""
    return (store or default_store()).gpus()


def submit_sweep(sweep: SweepConfig, *, store: Store | None = None) -> str:
    """Save a sweep, queue its unfinished runs and return its id.

    Stopped and failed runs continue. A worker queues what is trained on the reporting seeds when it is chosen. Raises what
    `core.sweep.members.check` raises, before anything is queued.
    """
    from leafscope.core.sweep.members import check
    from leafscope.core.worker import stages

    check(sweep, gpus(store=store))
    stages.submit(store or default_store(), sweep)
    return sweep.sweep_id


def stop_sweep(sweep_id: str, *, store: Store | None = None) -> None:
    """Stop all runs of a sweep: queued ones at once, running ones within about a second.

    Runs that another active sweep also needs continue. Raises RunNotFoundError if no sweep has this id.
    """
    store = store or default_store()
    info = store.sweep(sweep_id)
    store.stop_awaiting(sweep_id)  # first, so that no runs follow those that are stopped
    mine = set(_sweep_runs(store, info))
    for info in store.sweeps():
        if info.sweep_id != sweep_id:
            with contextlib.suppress(ValueError):  # a configuration that is no longer valid
                theirs = set(_sweep_runs(store, info))
                statuses = store.statuses(theirs - mine)
                if any(status in ("queued", "running") for status in statuses.values()):
                    mine -= theirs
    store.stop_all(mine)


def sweep_progress(sweep_id: str, *, store: Store | None = None) -> SweepProgress:
    """Return the progress of a sweep. Raises RunNotFoundError if no sweep has this id."""
    from leafscope.core.worker import stages

    store = store or default_store()
    info = store.sweep(sweep_id)
    sweep = info.config
    statuses, following = stages.statuses(store, sweep)
    ids = list(statuses)
    if info.awaits_choice:
        statuses |= {run_id: "queued" for run_id in following if statuses[run_id] == "deleted"}
    counts = Counter(statuses.values())
    active = counts["running"] + counts["queued"]
    failed = [run_id for run_id in ids if statuses[run_id] == "failed"]
    diverged = sum(bool(summary.facts.get("diverged")) for summary in store.runs(failed).values()) if failed else 0
    ended = [run_id for run_id in ids if statuses[run_id] not in ("queued", "running")]
    return SweepProgress(
        total=len(ids),
        finished=counts["finished"],
        failed=counts["failed"],
        diverged=diverged,
        running=counts["running"],
        queued=counts["queued"],
        stopped=counts["stopped"] + counts["interrupted"] + counts["deleted"],
        seconds_left=_seconds_left(store, info, ended, following) if active else None,
    )


def _seconds_left(store: Store, info: SweepInfo, ended: Sequence[str], following: Mapping[str, RunConfig]) -> float:
    """Estimate by the pace so far, at first roughly; runs that were here before the sweep say nothing of its pace."""
    from leafscope.core.device import n_cores
    from leafscope.core.sweep.members import distinct_runs, run_ids
    from leafscope.core.sweep.results import estimated_seconds, pace

    sweep = info.config
    effort = estimated_seconds(sweep, ended, 1, following)
    runs = dict(zip(run_ids(sweep), distinct_runs(sweep), strict=True)) | dict(following)
    measured = pace(runs, {run_id: end for run_id, end in store.ends(ended).items() if end >= info.created})
    return effort / n_cores() if measured is None else effort * measured


def sweep_results(sweep_id: str, *, store: Store | None = None) -> pd.DataFrame:
    """Return the current table of a sweep, as described in `core.sweep.results.results`. Raises RunNotFoundError."""
    from leafscope.core.sweep.results import results
    from leafscope.core.worker import stages

    store = store or default_store()
    sweep = store.sweep(sweep_id).config
    return results(sweep, stages.outcomes(store, sweep))


def sweep_choices(sweep_id: str, *, store: Store | None = None) -> pd.DataFrame:
    """Return the table of the seeds that choose, from which depths and models are chosen; without reporting seeds the results.

    It is described in `core.sweep.results.choosing_results`. Raises RunNotFoundError.
    """
    from leafscope.core.sweep.members import run_ids
    from leafscope.core.sweep.results import choosing_results

    store = store or default_store()
    sweep = store.sweep(sweep_id).config
    return choosing_results(sweep, store.runs(run_ids(sweep)))


def sweep_runs(sweep_id: str, *, foreseen: bool = False, store: Store | None = None) -> dict[str, RunConfig]:
    """Return the different runs of a sweep that are known so far, in both stages: address -> run. Raises RunNotFoundError.

    `foreseen`: also those that stand in the table of results for what is not chosen yet.
    """
    store = store or default_store()
    return _sweep_runs(store, store.sweep(sweep_id), foreseen)


def _sweep_runs(store: Store, info: SweepInfo, foreseen: bool = False) -> dict[str, RunConfig]:
    from leafscope.core.sweep.choice import reporting_runs
    from leafscope.core.sweep.members import distinct_runs, run_ids

    sweep = info.config
    runs = dict(zip(run_ids(sweep), distinct_runs(sweep), strict=True))
    return runs if sweep.report_seeds is None else runs | reporting_runs(sweep, store.runs(runs), foreseen)
