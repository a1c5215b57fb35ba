"""Count how often a difference is claimed where there is nothing to learn for a tree: python -m tests.tools.false_alarms.

Each repetition is a small protocol of its own, with fresh data, judged as `leafscope claims` judges: on labels of one linear
classifier (a tree teacher of depth 0), and on labels that are random. On random labels no model can be better than another; on
a linear teacher a tree can only be worse than a dense net, so that claims of a lower error are false.
"""

import argparse
import sys
import time
from collections import Counter

import pandas as pd

from leafscope.core.claims.judging import at_same_depth, merged, questions
from leafscope.core.claims.own_depth import families
from leafscope.core.claims.protocol import Models, Protocol, Row
from leafscope.core.config import DataConfig, NetConfig, TrainConfig
from leafscope.core.training import compiling
from leafscope.core.worker.inline import train_sweep

REPETITIONS, MOST = 200, 18
"""Repetitions, half on each kind of data, and the most that may claim a difference: of 200 at a level of 5 %, 18 or fewer are
expected with a probability of 99 %."""

CHOOSING, REPORTING = 3, 8
"""Seeds of a repetition."""

_UNUSED = [f"{part}.{name}" for part, config in (("net", NetConfig), ("train", TrainConfig)) for name in config.model_fields]

DATA = {
    "one linear classifier": {"noise": 0.05},
    "random labels": {"noise": 1.0},
}


def protocol(repetition: int, noise: float) -> Protocol:
    """Make the protocol of a repetition, with seeds that no other has."""
    first = repetition * (CHOOSING + REPORTING)
    data = DataConfig(name="tree_teacher", n_train=200, n_samples=600, n_features=6, n_classes=2, teacher_depth=0, noise=noise)
    return Protocol(
        choosing_seeds=list(range(first, first + CHOOSING)),
        report_seeds=list(range(first + CHOOSING, first + CHOOSING + REPORTING)),
        trials=2,
        depths=[1, 3],
        models=[
            Models(kinds=["tree", "flat", "root_leaf", "shuffled"], baselines=["random_gates", "dense", "dense_capacity"]),
            Models(kinds=["tree"], gate_gradient="straight_through", baselines=["random_gates"]),
        ],
        rows=[Row(name="nothing to find", data=data, width=8, epochs=8)],
    )


def tables(given: Protocol) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train a repetition in memory -> its results, and those of its choosing seeds."""
    (row,) = given.rows
    trained = [(models.gate_gradient, train_sweep(sweep, threads=2)) for models, sweep in given.grouped(row)]
    both = [(gates, one.results) for gates, one in trained], [(gates, one.choices) for gates, one in trained]
    results, choices = (merged(one).drop(columns=_UNUSED, errors="ignore").copy() for one in both)  # narrow ones are faster
    return results, choices


def claimed(results: pd.DataFrame, choices: pd.DataFrame) -> dict[str, list[float]]:
    """List the differences that a repetition claims: by family, at own depths and at the same depth."""
    found: dict[str, list[float]] = {}
    for by_tree in families(results, choices)[1].values():
        for tree, one in by_tree.items():
            found.setdefault(f"own K: {' '.join(tree)}".strip(), []).extend([one.difference.mean] * one.shown)
    for first, second in questions(results):
        shown = [one.difference.mean for one in at_same_depth(results, first, second) if one.shown]
        found[f"same K: {' '.join(first).strip()} minus {' '.join(second).strip()}"] = shown
    return found


def main() -> int:
    """Train and judge the repetitions, print how many claim a difference in each family; returns 1 if too many do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    number = parser.parse_args().repetitions
    compiling.make_ready()
    began = time.monotonic()
    counts: dict[str, Counter[str]] = {name: Counter() for name in DATA}
    lower: dict[str, Counter[str]] = {name: Counter() for name in DATA}
    totals = Counter[str]()
    for repetition in range(number):
        name = list(DATA)[repetition % len(DATA)]
        totals[name] += 1
        found = claimed(*tables(protocol(repetition, DATA[name]["noise"])))
        counts[name].update(family for family, means in found.items() if means)
        lower[name].update(family for family, means in found.items() if any(mean < 0 for mean in means))
        counts[name]["any family at own K"] += any(means for family, means in found.items() if family.startswith("own K"))
        lower[name]["any family at own K"] += any(
            mean < 0 for family, means in found.items() if family.startswith("own K") for mean in means
        )
        print(f"\r{repetition + 1} of {number}, {time.monotonic() - began:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    families = sorted({family for of in counts.values() for family in of})
    for name in DATA:
        print(f"{name}: {totals[name]} repetitions, those that claim a difference (a lower error of the first)")
        for family in families:
            print(f"  {counts[name][family]:4} ({lower[name][family]:3})  {family}")
    false = counts["random labels"]["any family at own K"] + lower["one linear classifier"]["any family at own K"]
    most = MOST * number / REPETITIONS
    spent = f"{time.monotonic() - began:.0f} s, {time.process_time():.0f} s of processors"
    print(f"False claims at own K: {false} of {number}, at most {most:g} wanted; {spent}")
    return int(false > most)


if __name__ == "__main__":
    sys.exit(main())
