"""The tables of a sweep's results, with the chosen trials, and how long a sweep takes."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, dotted
from leafscope.core.config.run import of_numbers
from leafscope.core.cost import training_multiply_adds
from leafscope.core.datasets import DATA_SETS, shape
from leafscope.core.datasets.always import always
from leafscope.core.datasets.registry import is_table
from leafscope.core.models import line_of_task
from leafscope.core.scores import TASKS
from leafscope.core.sweep.choice import Kept, has_diverged, kept, reported, reporting_runs
from leafscope.core.sweep.members import distinct_runs, effort, run_ids
from leafscope.core.sweep.outcome import Scored, measures, net_cost, score_columns

PACED_BY, FEWEST_PACED = 100, 10
"""Runs that tell how fast the next ones are trained, at most and at least."""

PAUSE = 120.0
"""Seconds without an end of a run after which a sweep has paused."""


def results(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> pd.DataFrame:
    """Make the table of a sweep: one row for each member (of the reporting seeds, if there are any) with its chosen trial.

    Columns: `model`, `variant`, `depth` and `width` (of the tree nets that it is compared with; NaN: the same for all), `data`,
    `n_train`, `run_id`, `status`, `error`, `trials` (number of trials compared), every field of the run by its dotted
    name, `best_epoch`, the scores (NaN if unknown), `parameters`, `trained_parameters`, `multiply_adds` (of a decision tree:
    comparisons), `training_multiply_adds` (NaN if it is not a net), `chance_accuracy` (the test accuracy of always predicting
    the training majority class; of numbers `chance_rmse` and so on, of always their training mean), `seconds` of training and
    `inference_seconds` per row.

    If the error chooses (`SweepConfig.chooses_by`), also `tuned` (the fields that the trials set) and `chosen_by`; with
    reporting seeds, `stage` (reporting or choosing) and `chosen_on` (the seeds that chose), and after a second look
    `second_look_after`, as in `SweepConfig`. A trial is chosen as described in `choice.kept`; until then the row is that of
    the first trial, without scores. A run whose loss became infinite has an infinite validation loss; a member with a run that
    failed otherwise, or was stopped, has no result.
    """
    if sweep.report_seeds is None:
        return choosing_results(sweep, outcomes)
    return pd.DataFrame([_row(sweep, choice, outcomes, "reporting") for choice in reported(sweep, outcomes)])


def choosing_results(sweep: SweepConfig, outcomes: Mapping[str, Scored]) -> pd.DataFrame:
    """Make the table of the seeds that choose, with the columns of `results`: a depth or a model is chosen from it.

    Without reporting seeds it is the same table as `results`.
    """
    return pd.DataFrame([_row(sweep, choice, outcomes, "choosing") for choice in kept(sweep, outcomes)])


def estimated_seconds(
    sweep: SweepConfig, finished: Sequence[str] = (), threads: int = 1, following: Mapping[str, RunConfig] | None = None
) -> float:
    """Estimate roughly how many seconds a sweep takes on this number of threads, in both stages, without the finished runs.

    `following` are the runs on the reporting seeds, foreseen and known (`choice.reporting_runs`); by default nothing is known.
    """
    done = set(finished)
    runs = dict(zip(run_ids(sweep), distinct_runs(sweep), strict=True))
    runs |= reporting_runs(sweep, {}, foreseen=True) if following is None else following
    return math.fsum(_effort(run_id, run) for run_id, run in runs.items() if run_id not in done) / threads


def pace(runs: Mapping[str, RunConfig], ends: Mapping[str, float]) -> float | None:
    """Measure how many seconds pass for each second of estimated effort, by the runs that ended last; None of too few.

    `ends` says when runs ended, in seconds. Runs before a pause, in which nothing was trained, do not count.
    """
    last = sorted((end, run_id) for run_id, end in ends.items())[-PACED_BY:]
    pauses = [place for place in range(1, len(last)) if last[place][0] - last[place - 1][0] > PAUSE]
    last = last[pauses[-1] if pauses else 0 :]
    if len(last) < FEWEST_PACED or last[-1][0] - last[0][0] < 1:
        return None
    done = math.fsum(_effort(run_id, runs[run_id]) for end, run_id in last if end > last[0][0])
    return (last[-1][0] - last[0][0]) / done if done > 0 else None


_efforts: dict[str, float] = {}


def _effort(run_id: str, run: RunConfig) -> float:
    if run_id not in _efforts:
        if len(_efforts) > 50_000:
            _efforts.clear()
        _efforts[run_id] = effort(run)
    return _efforts[run_id]


def _state(choice: Kept, outcomes: Mapping[str, Scored]) -> tuple[str, str | None]:
    """Return a member's status and error: those of the chosen trial, or of the trial that prevents a choice."""
    found = [outcomes.get(trial.run_id) for trial in choice.trials]
    own = outcomes.get(choice.chosen.run_id)
    if choice.is_known and own is not None and (own.status == "finished" or has_diverged(own)):
        return own.status, own.error
    statuses = [None if outcome is None else outcome.status for outcome in found]
    for status in ("running", "queued", "failed", "interrupted", "stopped"):
        for outcome in found:
            if outcome is not None and outcome.status == status and not has_diverged(outcome):
                return status, outcome.error
    return ("not trained" if None in statuses else "running"), None


def _row(sweep: SweepConfig, choice: Kept, outcomes: Mapping[str, Scored], stage: str) -> dict[str, Any]:
    member, run = choice.chosen, choice.chosen.run
    task = TASKS[DATA_SETS[run.data.name].task]
    status, error = _state(choice, outcomes)
    row: dict[str, Any] = {
        "model": line_of_task(member.model, task.name),
        "variant": member.variant,
        "depth": math.nan if member.depth is None else float(member.depth),
        "width": math.nan if member.width is None else float(member.width),
        "data": data_words(sweep, run),
        "n_train": shape(run.data).n_train,
        "run_id": member.run_id,
        "status": status,
        "error": error,
        "trials": choice.n_trials,
        **(of_numbers(_fields(run)) if task.name == "regression" else _fields(run)),
    }
    known = outcomes.get(member.run_id) if status == "finished" else None
    found = measures(known, net_cost(run.net, run.data))
    row |= {name: found[name] for name in ("best_epoch", *score_columns(task), "parameters", "multiply_adds")}
    row["training_multiply_adds"] = _in_training(run.net, run.data)
    chance = {} if known is None else always(run.data, run.data_seed)
    row |= {f"chance_{name}": chance.get(name, math.nan) for name in task.known}
    row["trained_parameters"] = found["trained_parameters"]
    row["seconds"] = math.nan if known is None else known.seconds
    row["inference_seconds"] = found["inference_seconds"]
    if sweep.chooses_by == "error":
        tuned = ["train.lr"] * (sweep.n_trials > 1) + ["train.weight_decay"] * (sweep.trials is not None)
        row |= {"tuned": ", ".join(tuned), "chosen_by": "validation error"}
    if sweep.report_seeds is not None:
        row |= {"stage": stage, "chosen_on": ", ".join(map(str, sweep.choosing_seeds))}
    if sweep.second_look_after is not None:
        row["second_look_after"] = sweep.second_look_after
    return row


def data_words(sweep: SweepConfig, run: RunConfig) -> str:
    """Return the name of a run's data set, followed by its fields that the sweep varies, except name and size."""
    fields = [name for name in sweep.axes if name.startswith("data.") and name not in ("data.name", "data.n_train")]
    known = run.data.model_dump()
    name = DATA_SETS[run.data.name].title if is_table(run.data.name) else run.data.name
    words = [name, *(f"{name[5:]}={known[name[5:]]}" for name in fields if known[name[5:]] is not None)]
    if run.data.n_train is None and len(sweep.axes.get("data.n_train", [])) > 1:
        words.append("all rows")  # tells it apart from an equal number given as a value
    return ", ".join(words)


@lru_cache(maxsize=4096)
def _in_training(net: NetConfig, data: DataConfig) -> float:
    size = shape(data)
    return math.nan if net.fitted else training_multiply_adds(net, size.n_features, size.n_outputs)


@lru_cache(maxsize=16_384)
def _fields(run: RunConfig) -> Mapping[str, Any]:
    return dotted(run.model_dump(mode="json"))
