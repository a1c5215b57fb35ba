"""The cost of a sweep: nets trained as populations, one by one with the same kernels, and one by one with the reference.

K depth · w width. A sweep is a list of runs; the reference is timed on a sample of the runs and epochs, and the time of the
whole sweep is extrapolated and marked as such.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from leafscope.core.bench.timing import Budget, OutOfTime, Timings, Window, steadiest
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.training.loop import TrainResult, result_of, train
from leafscope.core.training.population import Ended, Population
from leafscope.core.training.trainer import EpochRecord, Trainer

REFERENCE_EPOCHS = 2
"""Epochs of a run that are timed with the reference."""
CHECKED_LOSS = 1e-3
"""Largest relative difference between the losses of a member and of the reference after those epochs."""
ROUNDS = 3
"""Rounds of a sweep: each lasts so long that short disturbances cancel."""
PATIENCE = 180.0
"""Seconds during which an unsteady sweep is measured again, without a budget."""


def depths_sweep() -> list[RunConfig]:
    """110 nets on digits: depths 0 to 10, five seeds, tree and flat, width 32, 60 epochs, batches of 128."""
    base = RunConfig(train=TrainConfig(epochs=60, batch_size=128, device="cpu"))
    return [
        changed(base, {"net.kind": kind, "net.depth": depth, "seed": seed})
        for depth in range(11)
        for seed in range(5)
        for kind in ("tree", "flat")
    ]


def narrow_sweep() -> list[RunConfig]:
    """100 nets on 300 rows of digits: width 6, depths 0 to 4, ten seeds, tree and flat, 60 epochs, batches of 64."""
    base = RunConfig(
        data=DataConfig(n_train=300), net=NetConfig(width=6), train=TrainConfig(epochs=60, batch_size=64, device="cpu")
    )
    return [
        changed(base, {"net.kind": kind, "net.depth": depth, "seed": seed})
        for depth in range(5)
        for seed in range(10)
        for kind in ("tree", "flat")
    ]


def whole(name: str) -> int:
    """Count the runs of a sweep (depths, narrow, one)."""
    return 1 if name == "one" else len(depths_sweep() if name == "depths" else narrow_sweep())


def run(
    quick: bool = False, rounds: int = ROUNDS, threads: int | None = None, budget: Budget | None = None
) -> list[dict[str, Any]]:
    """Time both sweeps and one run in every way; returns rows of JSON values.

    Keys: `sweep` (depths, narrow, one), `way` (population, one by one, reference), `runs`, `seconds` (median over rounds),
    `faster` (how many times faster the population, or for `one` the compiled path, is than this way; ratio within the
    rounds), `spread` (interquartile range over the median, of that ratio, and of the seconds of the fastest way), `unstable`
    (whether that is more than `timing.STEADY`, also when measured again), `extrapolated`, `threads`. `quick` uses a few runs
    of each sweep and a few epochs of the single run, as `runs` and `sweep` show. What there is no time for within the budget
    is named there. Raises ValueError if a population's histories differ from those of the runs trained one by one, or if the
    losses differ from the reference's.
    """
    threads = threads or torch.get_num_threads()
    budget = budget or Budget()
    one = "one, 4 epochs" if quick else "one"
    few = 5 if quick else 10**9
    measured: dict[str, Callable[[Window], list[dict[str, Any]]]] = {
        "depths": lambda window: _together("depths", _evenly(depths_sweep(), few), quick, rounds, threads, window, budget),
        "narrow": lambda window: _together("narrow", _evenly(narrow_sweep(), few), quick, rounds, threads, window, budget),
        one: lambda window: _one(one, rounds, 4 if quick else None, window, budget),
    }
    results: list[dict[str, Any]] = []
    for place, (name, measure) in enumerate(measured.items()):
        try:
            budget.check()
            if not results:  # to warm up
                train(changed(RunConfig(), {"train.epochs": 1, "train.device": "cpu"}))
            results += measure(budget.part(len(measured) - place, PATIENCE))
        except OutOfTime:
            budget.left_out.append(name)
    return results


def _together(
    name: str, runs: list[RunConfig], quick: bool, rounds: int, threads: int, window: Window, budget: Budget
) -> list[dict[str, Any]]:
    """Time a sweep in all ways, and compare what they trained in each round."""
    ways = ["population", "one by one", "reference"]

    def one_round(turn: int) -> dict[str, float]:
        taken: dict[str, float] = {}
        histories: dict[str, list[TrainResult]] = {}
        for way in _rotated(ways, turn):
            budget.check()
            if way == "reference":
                taken[way], sampled = _extrapolated(runs, 2 if quick else 8, budget)
            else:
                began = time.perf_counter()
                histories[way] = _population(runs, threads) if way == "population" else _alone(runs, budget)
                taken[way] = time.perf_counter() - began
        _check(histories["population"], histories["one by one"])
        _check_reference(histories["population"], sampled)
        return {way: taken[way] for way in ways}

    timings = steadiest(one_round, rounds, _pairs(ways), window, budget, fewest=ROUNDS)
    return _rows(name, len(runs), threads, timings)


def _one(name: str, rounds: int, epochs: int | None, window: Window, budget: Budget) -> list[dict[str, Any]]:
    """Time the default run (digits, depth 4) on both paths, with all its epochs or the given number."""
    single = changed(RunConfig(), {"train.device": "cpu"} | ({} if epochs is None else {"train.epochs": epochs}))
    ways = ["compiled", "reference"]

    def one_round(turn: int) -> dict[str, float]:
        taken: dict[str, float] = {}
        for way in _rotated(ways, turn):
            budget.check()
            trainer = Trainer(single, compiled=way == "compiled")
            began = time.perf_counter()
            for _ in trainer.epochs():
                pass
            taken[way] = time.perf_counter() - began
        return {way: taken[way] for way in ways}

    timings = steadiest(one_round, rounds, _pairs(ways), window, budget, fewest=ROUNDS)
    return _rows(name, 1, 1, timings, extrapolated=())


def _pairs(ways: Sequence[str]) -> list[tuple[str, str | None]]:
    """List what must be steady: the seconds of the first way, and the ratios of the others to it."""
    fastest, *others = ways
    return [(fastest, None), *((way, fastest) for way in others)]


def _rotated(ways: list[str], turn: int) -> list[str]:
    """Rotate the order, so no way always goes first."""
    first = turn % len(ways)
    return ways[first:] + ways[:first]


def _evenly(runs: list[RunConfig], number: int) -> list[RunConfig]:
    """Choose evenly spaced runs, including the first and the last."""
    if number >= len(runs):
        return runs
    return [runs[round(place * (len(runs) - 1) / max(1, number - 1))] for place in range(number)]


def _rows(
    name: str, n: int, threads: int, timings: Timings, extrapolated: Sequence[str] = ("reference",)
) -> list[dict[str, Any]]:
    fastest = next(iter(timings.seconds))
    return [
        {
            "sweep": name,
            "way": way,
            "runs": n,
            "seconds": timings.median(way),
            "faster": timings.ratio(way, fastest),
            "spread": timings.largest_spread([pair]),
            "unstable": timings.unstable([pair], ROUNDS),
            "extrapolated": way in extrapolated,
            "threads": threads if way == "population" else torch.get_num_threads() if way == "reference" else 1,
        }
        for way, pair in zip(timings.seconds, _pairs(list(timings.seconds)), strict=True)
    ]


def _population(runs: list[RunConfig], threads: int) -> list[TrainResult]:
    population = Population(runs, threads=threads)
    records: list[list[EpochRecord]] = [[] for _ in runs]
    for member, event in population.events():
        if isinstance(event, Ended):
            if event.error is not None:
                raise event.error
        else:
            records[member].append(event)
    return [result_of(trainer, own) for trainer, own in zip(population.members, records, strict=True)]


def _check(together: list[TrainResult], alone: list[TrainResult]) -> None:
    for number, (mine, theirs) in enumerate(zip(together, alone, strict=True)):
        if not mine.history.equals(theirs.history):
            raise ValueError(f"a member's history must be that of the run alone, but member {number}'s is not")


def _check_reference(results: list[TrainResult], sampled: dict[str, list[float]]) -> None:
    """Compare training losses of the first epochs with the reference's: run id -> losses from epoch 0."""
    for result in results:
        for epoch, loss in enumerate(sampled.get(result.run.run_id, [])):
            history = result.history
            mine = history[(history.epoch == epoch) & (history.split == "train") & (history.metric == "loss")].value.item()
            if not abs(mine - loss) <= CHECKED_LOSS * abs(loss):
                raise ValueError(f"the train loss of {result.run.label} at epoch {epoch} must be {loss:.6g}, got {mine:.6g}")


def _alone(runs: list[RunConfig], budget: Budget) -> list[TrainResult]:
    results = []
    for run in runs:
        budget.check()
        results.append(train(run))
    return results


def _extrapolated(runs: list[RunConfig], sample: int, budget: Budget) -> tuple[float, dict[str, list[float]]]:
    """Extrapolate the seconds of all runs with the reference from the first epochs of some; also return their losses."""
    seconds: list[float] = []
    losses: dict[str, list[float]] = {}
    for run in _evenly(runs, sample):
        trainer = Trainer(run, compiled=False)
        records = trainer.epochs()
        first = next(records)
        budget.check()
        began = time.perf_counter()
        later = [next(records) for _ in range(REFERENCE_EPOCHS)]
        budget.check()
        seconds.append((time.perf_counter() - began) / REFERENCE_EPOCHS * run.train.epochs)
        losses[run.run_id] = [record.metrics["train", "loss"] for record in (first, *later)]
    return math.fsum(seconds) / len(seconds) * len(runs), losses
