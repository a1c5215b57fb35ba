"""The two stages of a sweep with reporting seeds: what is queued at once, and what follows when the choice is made.

A sweep whose choice is not made yet is marked in the store. Whoever has nothing left to train of it (a worker, or `run_sweep`)
calls `go_on`, which queues the second stage and takes the mark away, in one transaction. The mark survives a crash; stopping
the sweep takes it away too.
"""

import contextlib
from collections.abc import Mapping

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import Submission
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.sweep.choice import is_settled, reporting_runs
from leafscope.core.sweep.members import distinct_runs, expand, run_ids


def submit(store: Store, sweep: SweepConfig) -> list[Submission]:
    """Store a sweep and queue what can be trained of it; the reporting seeds of a cell that is not chosen yet follow."""
    runs = distinct_runs(sweep)
    awaits_choice = False
    if sweep.report_seeds is not None:
        found = store.runs(run_ids(sweep))
        # what failed is trained again, and may then change the choice
        settled = {run_id: outcome for run_id, outcome in found.items() if is_settled(outcome)}
        awaits_choice = len(settled) < len(runs)
        runs = [*runs, *reporting_runs(sweep, settled).values()]
    return store.submit_sweep(sweep, runs, awaits_choice=awaits_choice)


def go_on(store: Store) -> bool:
    """Queue the reporting runs of every sweep that awaits its choice and has no choosing run left that is queued or running.

    Cells in which a choosing run was stopped or interrupted wait until the sweep is resumed. Returns whether a sweep went on.
    """
    went_on = False
    for info in store.sweeps_that_await():
        chosen = {}
        with contextlib.suppress(LeafscopeError, ValueError):  # no longer valid in this version: nothing follows
            ids = run_ids(info.config)
            if any(status in ("queued", "running") for status in store.statuses(ids).values()):
                continue
            chosen = reporting_runs(info.config, store.runs(ids))
        went_on |= store.queue_chosen(info.sweep_id, list(chosen.values()))
    return went_on


def statuses(store: Store, sweep: SweepConfig) -> tuple[dict[str, str], dict[str, RunConfig]]:
    """Return the status of all runs of both stages, and the runs of the second: address -> status, address -> run.

    The status of a run that the store does not have is `deleted`. The second stage has, for what is not chosen yet, the runs
    that are foreseen. Cheap enough for frequent polling: scores are read again only when another cell has ended.
    """
    found = store.statuses(ids := run_ids(sweep))
    following = {} if sweep.report_seeds is None else _following(store, sweep, found)
    found |= store.statuses(following)
    return {run_id: found.get(run_id, "deleted") for run_id in [*ids, *following]}, following


def _following(store: Store, sweep: SweepConfig, found: Mapping[str, str]) -> dict[str, RunConfig]:
    waiting = {member.cell for member in expand(sweep) if found.get(member.run_id) not in ("finished", "failed")}
    ended = {member.run_id: found[member.run_id] for member in expand(sweep) if member.cell not in waiting}
    key = store.url, sweep.sweep_id
    last = _last.get(key)
    if last is None or last[0] != ended:
        if len(_last) > 8:
            _last.clear()
        last = _last[key] = ended, reporting_runs(sweep, store.runs(ended), foreseen=True)
    return last[1]


_last: dict[tuple[str, str], tuple[dict[str, str], dict[str, RunConfig]]] = {}
"""Store and sweep -> the statuses of the runs of cells that have ended, and what follows: a run gives the same scores again."""


def outcomes(store: Store, sweep: SweepConfig) -> dict[str, RunSummary]:
    """Return the outcomes of a sweep so far, in both stages: address -> run."""
    found = store.runs(run_ids(sweep))
    return found | store.runs(reporting_runs(sweep, found)) if sweep.report_seeds is not None else found
