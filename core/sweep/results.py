"""The table of a sweep's results, with tuned learning rates.

A sweep is a base run, axes (dotted field -> values), baselines, and learning rates to try. If rates are tuned, every model is
tried with each rate in each cell (width, depth, data), and the rate with the lowest mean validation loss over the seeds is
chosen. Every model has the same number of trials, and the test split is never used (this project's choice).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from leafscope.core.config import DataConfig, RunConfig, SweepConfig, dotted
from leafscope.core.datasets import load, shape
from leafscope.core.sweep.members import Member, distinct_runs, effort, expand, run_ids
from leafscope.core.sweep.outcome import SCORES, Scored, measures, net_cost


def results(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> pd.DataFrame:
    """Make the table of a sweep: one row for each member, with the trial whose rate was chosen.

    Columns: `model`, `variant`, `depth` and `width` (of the tree nets that it is compared with; NaN: the same for all), `data`,
    `n_train`, `run_id`, `status`, `error`, `trials` (number of learning rates compared), every field of the run by its dotted
    name, `best_epoch`, the scores (NaN if unknown), `parameters`, `trained_parameters`, `multiply_adds` (of a decision tree:
    comparisons), `chance_accuracy` (the test accuracy of always predicting the training majority class), `seconds` of training
    and `inference_seconds` per row. A rate is chosen as soon as the runs of all rates have ended for a seed; until then the row
    is that of the first rate, without scores. A run whose loss became infinite has an infinite validation loss; a member with a
    run that failed otherwise, or was stopped, has no result.
    """
    return pd.DataFrame([_row(sweep, choice, outcomes) for choice in kept(sweep, outcomes)])


@dataclass(frozen=True)
class Kept:
    """A member's trials and the chosen one."""

    trials: list[Member]
    chosen: Member
    is_known: bool
    """Whether all rates have ended for a seed of its cell, so that one could be chosen; otherwise `chosen` is the first."""


def kept(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> list[Kept]:
    """Choose a trial for each member, in the order of the members."""
    by_member: dict[tuple[Any, ...], list[Member]] = {}
    for member in expand(sweep):
        by_member.setdefault(member.identity, []).append(member)
    losses: dict[tuple[Any, ...], list[list[float]]] = {}
    for trials in by_member.values():
        found = [_validation_loss(outcomes.get(trial.run_id)) for trial in trials]
        if all(loss is not None for loss in found):
            losses.setdefault(trials[0].cell, []).append([loss for loss in found if loss is not None])
    best = {cell: _lowest([math.fsum(column) for column in zip(*rows, strict=True)]) for cell, rows in losses.items()}
    return [
        Kept(trials, trials[best.get(trials[0].cell, 0)], len(trials) == 1 or trials[0].cell in best)
        for trials in by_member.values()
    ]


def estimated_seconds(sweep: SweepConfig, finished: Sequence[str] = (), threads: int = 1) -> float:
    """Estimate roughly how many seconds a sweep takes on this number of threads, without the finished runs."""
    done = set(finished)
    pairs = zip(run_ids(sweep), distinct_runs(sweep), strict=True)
    return math.fsum(_effort(run_id, run) for run_id, run in pairs if run_id not in done) / threads


_efforts: dict[str, float] = {}


def _effort(run_id: str, run: RunConfig) -> float:
    if run_id not in _efforts:
        if len(_efforts) > 50_000:
            _efforts.clear()
        _efforts[run_id] = effort(run)
    return _efforts[run_id]


@lru_cache(maxsize=4096)
def _majority(data: DataConfig, seed: int) -> float:
    return load(data, seed).majority_accuracy


def _validation_loss(outcome: Scored | None) -> float | None:
    """Return the lowest validation loss; infinite if training diverged, None if there is no result."""
    if outcome is None or (outcome.status != "finished" and not _diverged(outcome)):
        return None
    return math.inf if _diverged(outcome) else outcome.best.get("validation_loss", math.inf)


def _diverged(outcome: Scored) -> bool:
    return outcome.status == "failed" and bool(outcome.facts.get("diverged"))


def _state(choice: Kept, outcomes: Mapping[str, Scored]) -> tuple[str, str | None]:
    """Return a member's status and error: those of the chosen trial, or of the trial that prevents a choice."""
    found = [outcomes.get(trial.run_id) for trial in choice.trials]
    own = outcomes.get(choice.chosen.run_id)
    if choice.is_known and own is not None and (own.status == "finished" or _diverged(own)):
        return own.status, own.error
    statuses = [None if outcome is None else outcome.status for outcome in found]
    for status in ("running", "queued", "failed", "interrupted", "stopped"):
        for outcome in found:
            if outcome is not None and outcome.status == status and not _diverged(outcome):
                return status, outcome.error
    return ("not trained" if None in statuses else "running"), None


def _lowest(losses: list[float]) -> int:
    return min(range(len(losses)), key=lambda place: (math.isnan(losses[place]), losses[place]))


def _row(sweep: SweepConfig, choice: Kept, outcomes: Mapping[str, Scored]) -> dict[str, Any]:
    member, run = choice.chosen, choice.chosen.run
    status, error = _state(choice, outcomes)
    row: dict[str, Any] = {
        "model": member.model,
        "variant": member.variant,
        "depth": math.nan if member.depth is None else float(member.depth),
        "width": math.nan if member.width is None else float(member.width),
        "data": data_words(sweep, run),
        "n_train": shape(run.data).n_train,
        "run_id": member.run_id,
        "status": status,
        "error": error,
        "trials": len(choice.trials),
        **_fields(run),
    }
    known = outcomes.get(member.run_id) if status == "finished" else None
    found = measures(known, net_cost(run.net, run.data))
    row |= {name: found[name] for name in ("best_epoch", *SCORES, "parameters", "multiply_adds")}
    row["chance_accuracy"] = math.nan if known is None else _majority(run.data, run.data_seed)
    row["trained_parameters"] = found["trained_parameters"]
    row["seconds"] = math.nan if known is None else known.seconds
    row["inference_seconds"] = found["inference_seconds"]
    return row


def data_words(sweep: SweepConfig, run: RunConfig) -> str:
    """Return the name of a run's data set, followed by its fields that the sweep varies, except name and size."""
    fields = [name for name in sweep.axes if name.startswith("data.") and name not in ("data.name", "data.n_train")]
    known = run.data.model_dump()
    words = [run.data.name, *(f"{name[5:]}={known[name[5:]]}" for name in fields if known[name[5:]] is not None)]
    if run.data.n_train is None and len(sweep.axes.get("data.n_train", [])) > 1:
        words.append("all rows")  # tells it apart from an equal number given as a value
    return ", ".join(words)


@lru_cache(maxsize=16_384)
def _fields(run: RunConfig) -> Mapping[str, Any]:
    return dotted(run.model_dump(mode="json"))
