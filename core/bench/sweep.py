"""What a sweep costs: nets trained as populations, one by one with the same kernels, and one by one with the reference.

K depth · w width. A sweep is a list of runs; the reference is timed on a sample of them and of their epochs, and what the
whole would take is extrapolated and labelled so.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from core.population import Ended, Population
from core.training import EpochRecord, Trainer, train

REFERENCE_EPOCHS = 2
"""Epochs of a run that are timed with the reference."""


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


def run(quick: bool = False, rounds: int = 3, threads: int | None = None) -> list[dict[str, Any]]:
    """Time both sweeps and one run in every way: rows that can be written as JSON.

    Keys: `sweep` (depths, narrow, one), `way` (population, one by one, reference), `runs`, `seconds` (median over rounds),
    `faster` (how many times faster the population, or for `one` the compiled path, is than this way; ratio within the
    rounds), `extrapolated`, `threads`. `quick` takes every tenth run of a sweep, and says so by `runs`. Raises ValueError
    if a population's histories are not those of the runs one by one.
    """
    threads = threads or torch.get_num_threads()
    ways: list[tuple[str, list[RunConfig]]] = [("depths", depths_sweep()), ("narrow", narrow_sweep())]
    results: list[dict[str, Any]] = []
    train(changed(RunConfig(), {"train.epochs": 1, "train.device": "cpu"}))
    for name, runs in ways:
        chosen = runs[:: 11 if name == "depths" else 10] if quick else runs
        taken: dict[str, list[float]] = {"population": [], "one by one": [], "reference": []}
        for _ in range(1 if quick else rounds):
            began = time.perf_counter()
            together = _population(chosen, threads)
            taken["population"].append(time.perf_counter() - began)
            began = time.perf_counter()
            alone = [train(member).history for member in chosen]
            taken["one by one"].append(time.perf_counter() - began)
            _check(together, alone)
            taken["reference"].append(_extrapolated(chosen, 4 if quick else 8))
        results += _rows(name, len(chosen), threads, taken, "population")
    results += _one(1 if quick else rounds)
    return results


def _one(rounds: int) -> list[dict[str, Any]]:
    """One run of the defaults (digits, depth 4) on both paths; the reference in full."""
    single = changed(RunConfig(), {"train.device": "cpu"})
    taken: dict[str, list[float]] = {"compiled": [], "reference": []}
    for _ in range(rounds):
        for way in taken:
            trainer = Trainer(single, compiled=way == "compiled")
            began = time.perf_counter()
            for _ in trainer.epochs():
                pass
            taken[way].append(time.perf_counter() - began)
    return _rows("one", 1, 1, taken, "compiled", extrapolated=())


def _rows(
    name: str, n: int, threads: int, taken: dict[str, list[float]], fastest: str, extrapolated: Sequence[str] = ("reference",)
) -> list[dict[str, Any]]:
    return [
        {
            "sweep": name,
            "way": way,
            "runs": n,
            "seconds": _median(seconds),
            "faster": _median([mine / best for mine, best in zip(seconds, taken[fastest], strict=True)]),
            "extrapolated": way in extrapolated,
            "threads": threads if way == "population" else 1,
        }
        for way, seconds in taken.items()
    ]


def _population(runs: list[RunConfig], threads: int) -> list[list[EpochRecord]]:
    histories: list[list[EpochRecord]] = [[] for _ in runs]
    for member, event in Population(runs, threads=threads).events():
        if isinstance(event, Ended):
            if event.error is not None:
                raise event.error
        else:
            histories[member].append(event)
    return histories


def _check(together: list[list[EpochRecord]], alone: list[Any]) -> None:
    for number, (records, history) in enumerate(zip(together, alone, strict=True)):
        values = [value for record in records for value in record.metrics.values()]
        if values != history.value.tolist():
            raise ValueError(f"a member's history must be that of the run alone, but member {number}'s is not")


def _extrapolated(runs: list[RunConfig], sample: int) -> float:
    """Seconds that all runs would take with the reference, from the first epochs of some, evenly taken."""
    step = max(1, len(runs) // sample)
    seconds = []
    for run in runs[step // 2 :: step]:
        trainer = Trainer(run, compiled=False)
        records = trainer.epochs()
        next(records)
        began = time.perf_counter()
        for _ in range(REFERENCE_EPOCHS):
            next(records)
        seconds.append((time.perf_counter() - began) / REFERENCE_EPOCHS * run.train.epochs)
    return math.fsum(seconds) / len(seconds) * len(runs)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
