"""Training members of sweeps in this process, without a store or as a temporary worker."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.datasets import load
from leafscope.core.errors import LeafscopeError, NonFiniteLossError
from leafscope.core.sweep.choice import reporting_runs
from leafscope.core.sweep.members import check, distinct_runs, effort, run_ids
from leafscope.core.sweep.results import choosing_results, results
from leafscope.core.worker import stages
from leafscope.core.worker.watch import LOOK
from leafscope.core.worker.worker import Worker

if TYPE_CHECKING:
    from leafscope.core.store.store import Store
    from leafscope.core.training.trainer import Trainer


GROUP_SECONDS = 2.0
"""Estimated seconds of the runs that are in memory at the same time, without a store."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run that was trained in this process."""

    status: str
    error: str | None = None
    best_epoch: int | None = None
    best: Mapping[str, float] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    first: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """The tables of a sweep that was trained in this process, as `core.sweep.results` makes them."""

    results: pd.DataFrame
    choices: pd.DataFrame
    """Of the seeds that choose."""


def run_sweep(
    sweep: SweepConfig,
    *,
    store: "Store | None" = None,
    threads: int | None = None,
    device: str = "auto",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Train all members of a sweep in this process and return the table of `results`: one row per member, tuned rates kept.

    With reporting seeds, what was chosen is trained on them afterwards. With a store, members finished there are reused, new
    ones are saved there, and other workers may help. `on_progress` is called with the number of ended runs and the number of
    all runs, of both stages. Raises what `check` raises, and DeviceError, before any
    training.
    """
    return train_sweep(sweep, store=store, threads=threads, device=device, on_progress=on_progress).results


def train_sweep(
    sweep: SweepConfig,
    *,
    store: "Store | None" = None,
    threads: int | None = None,
    device: str = "auto",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train a sweep as `run_sweep` does, and return the table of the seeds that choose too."""
    from leafscope.core.device import n_cores, resolve_device

    check(sweep)
    resolve_device(device)
    if store is not None:
        return _run_in_store(sweep, store, threads or n_cores(), device, on_progress)
    outcomes: dict[str, Outcome] = {}
    total = len(run_ids(sweep)) + len(reporting_runs(sweep, {}, foreseen=True))
    for stage in (distinct_runs, lambda sweep: list(reporting_runs(sweep, outcomes).values())):
        for group in _groups(stage(sweep), threads or n_cores()):
            for run_id, outcome in _trained(group, threads or n_cores(), device):
                outcomes[run_id] = outcome
                on_progress(len(outcomes), total)
    return Trained(results(sweep, outcomes), choosing_results(sweep, outcomes))


def _run_in_store(
    sweep: SweepConfig, store: "Store", threads: int, device: str, on_progress: Callable[[int, int], None]
) -> Trained:
    new = [one.run_id for one in stages.submit(store, sweep) if not one.reused]
    ids = run_ids(sweep)
    following = len(reporting_runs(sweep, {}, foreseen=True))
    train_members(store, ids, threads, device, lambda done, total: on_progress(done, total + following))
    if sweep.report_seeds is not None:
        stages.go_on(store)
        chosen = list(reporting_runs(sweep, store.runs(ids)))
        train_members(store, chosen, threads, device, lambda done, total: on_progress(len(ids) + done, len(ids) + total))
    outcomes = stages.outcomes(store, sweep)
    tables = Trained(results(sweep, outcomes), choosing_results(sweep, outcomes))
    _prune(sweep, tables, store, new)
    return tables


def _prune(sweep: SweepConfig, tables: Trained, store: "Store", new: Sequence[str]) -> None:
    """Delete the weights of new trials whose rate was not kept and that no other sweep contains; their scores stay."""
    wanted = {*tables.results["run_id"], *tables.choices["run_id"]}
    unwanted = set(new) - wanted
    if any((table["status"] != "finished").any() for table in (tables.results, tables.choices)):
        return  # another rate may still be chosen
    for info in store.sweeps() if unwanted else ():  # to look through the runs of every sweep takes long
        if info.sweep_id != sweep.sweep_id:
            with contextlib.suppress(ValueError):  # written by another version of the program
                unwanted -= {*run_ids(info.config), *stages.outcomes(store, info.config)}
    store.drop_nets(run_id for run_id in new if run_id in unwanted)


def _groups(runs: Sequence[RunConfig], threads: int) -> Iterator[list[RunConfig]]:
    group: list[RunConfig] = []
    seconds = 0.0
    for run in runs:
        group.append(run)
        seconds += effort(run)
        if seconds > GROUP_SECONDS * threads:
            yield group
            group, seconds = [], 0.0
    if group:
        yield group


def _trained(runs: Sequence[RunConfig], threads: int, device: str) -> Iterator[tuple[str, Outcome]]:
    """Train a group and yield each run's outcome as it ends."""
    from leafscope.core.store.values.summaries import Folding
    from leafscope.core.training.fitting import fit
    from leafscope.core.training.population import Ended, Population

    ids: list[str] = []
    nets: list[RunConfig] = []
    for run in runs:
        try:
            if run.net.fitted:
                if (model := fit(run)) is not None:
                    folding = Folding()
                    folding.take(model.record)
                    yield run.run_id, Outcome("finished", **folding.summary, facts=model.facts, seconds=model.record.seconds)
                continue
            load(run.data, run.data_seed)
        except LeafscopeError as error:  # the other runs continue
            yield run.run_id, Outcome("failed", str(error))
            continue
        ids.append(run.run_id)
        nets.append(changed(run, {"train.device": device}) if device != "auto" and run.train.device == "auto" else run)
    if not nets:
        return
    population = Population(nets, threads=threads)
    summaries = [Folding() for _ in nets]
    seconds = [0.0] * len(nets)
    for number, event in population.events():
        if not isinstance(event, Ended):
            summaries[number].take(event)
            seconds[number] = event.seconds
            continue
        facts = population.members[number].facts() if event.status == "finished" else {}
        if isinstance(event.error, NonFiniteLossError):
            facts = {"diverged": True}
        words = None if event.error is None else str(event.error)
        yield ids[number], Outcome(event.status, words, **summaries[number].summary, facts=facts, seconds=seconds[number])


def train_members(
    store: "Store", run_ids: list[str], threads: int, device: str, on_progress: Callable[[int, int], None]
) -> None:
    """Train queued members of a sweep in this process, until none of these runs is queued or running anywhere.

    Another worker may take some of them. `on_progress` may be called from several threads, one at a time. Ctrl-C saves the
    running members as interrupted, then KeyboardInterrupt propagates.
    """
    lock = threading.Lock()

    def look() -> int:
        with lock:
            statuses = store.statuses(run_ids)
            active = sum(status in ("queued", "running") for status in statuses.values())
            on_progress(len(run_ids) - active, len(run_ids))
        return active

    worker = Worker(store, uuid.uuid4().hex, device, threads=threads, only=run_ids, on_members=look)
    with _at_work(worker, store, device, "the sweep was interrupted"):
        while True:
            worked = worker.work_once()
            if not look():
                return
            if not worked:
                worker.watch.ending.wait(LOOK)


def train_alone(
    store: "Store", run_id: str, device: str, make_trainer: "Callable[[RunConfig, Callable[[], bool]], Trainer]"
) -> None:
    """Train a queued run in this process as the app's worker does, every epoch's leaves and snapshots included.

    If another worker takes it, that is waited for. `make_trainer` is that of `Worker`.
    """
    worker = Worker(store, uuid.uuid4().hex, device, threads=1, make_trainer=make_trainer, only=[run_id])
    with _at_work(worker, store, device, "it was interrupted"):
        for claim in store.claim_members(worker.worker_id, effort, 0.0, device, [run_id]):
            worker.train(claim)
        while store.statuses([run_id])[run_id] in ("queued", "running"):
            worker.watch.ending.wait(LOOK)


@contextlib.contextmanager
def _at_work(worker: Worker, store: "Store", device: str, if_left: str) -> Iterator[None]:
    """Keep a worker on the list while it works, and watch what it trains."""
    worker.watch.started.set()
    worker.watch.start()
    store.set_worker(worker.worker_id, "busy", device)
    try:
        yield
    finally:
        worker.watch.done.set()
        worker.watch.join()
        store.remove_worker(worker.worker_id, error=if_left)
