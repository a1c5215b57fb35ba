"""Choosing a trial for each model in each cell, and what is then trained on the reporting seeds.

If rates are tuned, every model is tried with each rate (or drawn pair of a rate and a decay) in each cell (width, depth, data),
and the trial with the lowest mean validation score over the seeds is chosen. Every model has the same number of trials, and the
test split is never used (this project's choice). With reporting seeds, only the chosen trial of each cell is trained on them,
at every depth: choosing a depth is a further choice, which comparisons at the same depth must not contain.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.sweep.members import Member, expand
from leafscope.core.sweep.outcome import Scored


@dataclass(frozen=True)
class Kept:
    """A member's trials and the chosen one."""

    trials: list[Member]
    """Those whose outcomes are still needed, or the chosen one."""
    chosen: Member
    is_known: bool
    """Whether enough trials of its cell have ended, so that one could be chosen; otherwise `chosen` is the first."""
    n_trials: int
    """The number of trials that were compared."""


def kept(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> list[Kept]:
    """Choose a trial for each member on the choosing seeds, in the order of the members.

    Without reporting seeds a trial is chosen as soon as all trials have ended for a seed of the cell, with them when all trials
    have ended for all seeds; in both cases by the seeds for which all trials have a result.
    """
    by_member: dict[tuple[Any, ...], list[Member]] = {}
    for member in expand(sweep):
        by_member.setdefault(member.identity, []).append(member)
    scores: dict[tuple[Any, ...], list[list[tuple[float, ...]]]] = {}
    waiting: set[tuple[Any, ...]] = set()
    for trials in by_member.values():
        found = [_score(sweep, outcomes.get(trial.run_id)) for trial in trials]
        if all(score is not None for score in found):
            scores.setdefault(trials[0].cell, []).append([score for score in found if score is not None])
        elif sweep.report_seeds is not None and not all(has_ended(outcomes.get(trial.run_id)) for trial in trials):
            waiting.add(trials[0].cell)
    best = {cell: _lowest(rows) for cell, rows in scores.items() if cell not in waiting}
    by_itself = sweep.report_seeds is None  # a single trial needs no choice
    return [
        Kept(
            trials,
            trials[best.get(trials[0].cell, 0)],
            (by_itself and len(trials) == 1) or trials[0].cell in best,
            len(trials),
        )
        for trials in by_member.values()
    ]


def reported(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> list[Kept]:
    """List the members on the reporting seeds, by seed and then by depth; empty without reporting seeds.

    As long as a cell's trial is not known, `chosen` is its first one, which is then not to be trained, and `trials` are those
    on the choosing seeds that are compared.
    """
    if sweep.report_seeds is None:
        return []
    choices = kept(sweep, outcomes)
    of_cell: dict[tuple[Any, ...], list[Member]] = {}
    for choice in choices:
        of_cell.setdefault(choice.chosen.cell, []).extend(choice.trials)
    found = []
    for seed in sweep.report_seeds:
        for choice in choices:
            if choice.chosen.run.seed == sweep.choosing_seeds[0]:
                member = _on_seed(choice.chosen, seed)
                trials = [member] if choice.is_known else of_cell[choice.chosen.cell]
                found.append(Kept(trials, member, choice.is_known, choice.n_trials))
    return found


def reporting(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> tuple[Member, ...]:
    """List the members on the reporting seeds of the cells whose trial is chosen: all that have ended all choosing trials."""
    return tuple(choice.chosen for choice in reported(sweep, outcomes) if choice.is_known)


def reporting_runs(sweep: SweepConfig, outcomes: Mapping[str, Scored], foreseen: bool = False) -> dict[str, RunConfig]:
    """Return the different runs on the reporting seeds: address -> run.

    `foreseen`: also those of cells whose trial is not known yet, with their first trial, for counts and estimates.
    """
    choices = reported(sweep, outcomes)
    return {choice.chosen.run_id: choice.chosen.run for choice in choices if choice.is_known or foreseen}


def has_ended(outcome: Scored | None) -> bool:
    """Whether a run has an outcome: finished, or failed for any reason."""
    return outcome is not None and outcome.status in ("finished", "failed")


def is_settled(outcome: Scored | None) -> bool:
    """Whether training a run again would give the same: it is finished, or its loss became infinite."""
    return outcome is not None and (outcome.status == "finished" or has_diverged(outcome))


def has_diverged(outcome: Scored) -> bool:
    """Whether a run failed because its loss became infinite."""
    return outcome.status == "failed" and bool(outcome.facts.get("diverged"))


@lru_cache(maxsize=16_384)
def _on_seed(member: Member, seed: int) -> Member:
    return replace(member, run=changed(member.run, {"seed": seed}))


def _score(sweep: SweepConfig, outcome: Scored | None) -> tuple[float, ...] | None:
    """Return what chooses, the lowest first; infinite if training diverged, None if there is no result."""
    if outcome is None or not is_settled(outcome):
        return None
    diverged = has_diverged(outcome)
    loss = math.inf if diverged else outcome.best.get("validation_loss", math.inf)
    if sweep.chooses_by == "loss":
        return (loss,)
    if "validation_rmse" in outcome.best:
        return outcome.best["validation_rmse"], loss
    return math.inf if diverged else 1 - outcome.best.get("validation_accuracy", -math.inf), loss


def _lowest(rows: list[list[tuple[float, ...]]]) -> int:
    """Return the trial with the lowest sum over seeds of the first score, of equal ones of the second: rows are seeds."""

    def key(place: int) -> list[tuple[bool, float]]:
        sums = [math.fsum(values) for values in zip(*(row[place] for row in rows), strict=True)]
        if len(sums) > 1:
            sums[0] = round(sums[0], 9)  # errors are shares of rows: equal ones may differ in their last bits
        return [(math.isnan(one), one) for one in sums]

    return min(range(len(rows[0])), key=key)
