"""Submit, follow, stop: the one door to the store and its workers for pages and the command line.

Every function takes the store to use; without one it is the default store, opened once for each process.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from core.config import RunConfig
from core.reading import RunSummary
from core.schema import database_url
from core.store import Priority, Store, Submission

POLL = 0.05
"""Seconds between two looks of `wait`."""


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
class WorkerStatus:
    """What the workers do, together."""

    state: Literal["not running", "starting", "ready", "busy"]
    """ready if one of them is, else busy, else starting."""
    devices: tuple[str, ...]
    """One for each worker, as asked for: auto, cpu, cuda:0, ..."""


@lru_cache(maxsize=8)
def _open(url: str) -> Store:
    return Store(url)


def default_store() -> Store:
    """Open the store that LEAFSCOPE_DATABASE names, else `data/leafscope.db`; once for each process."""
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
    """Wait until a run neither waits nor trains. Raises TimeoutError after `timeout` seconds, RunNotFoundError."""
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
    """Tell what the workers do."""
    workers = (store or default_store()).workers()
    states = {worker.state for worker in workers}
    devices = tuple(worker.device for worker in workers)
    for state in ("ready", "busy", "starting"):
        if state in states:
            return WorkerStatus(state, devices)
    return WorkerStatus("not running", ())
