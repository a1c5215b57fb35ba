"""Reproduce results of others with small routed models, and set the tree beside them: python -m tests.tools.routed.

Writes its section of the page of results. Rate and decay are drawn, and settings chosen, on other seeds than those reported.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.comparison.intervals import LEVEL, Difference, holm, mean_interval, paired_difference
from leafscope.core.comparison.overlap import split_overlap
from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.models.equal_cost import equal_cost
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import run_ids
from leafscope.core.usage.evenness import balance
from leafscope.core.worker.inline import train_sweep


@dataclass(frozen=True)
class Plan:
    """The seeds that choose, the number of drawn pairs of rate and decay, and the seeds that are reported."""

    choosing: list[int]
    trials: int
    reporting: list[int]

    def words(self) -> str:
        """Say it in a sentence."""
        return (
            f"Chosen among {self.trials} drawn pairs on seeds {self.choosing[0]} to {self.choosing[-1]}, reported on the "
            f"{len(self.reporting)} seeds {self.reporting[0]} to {self.reporting[-1]}."
        )


OF_OTHERS = Plan([0, 1, 2], 4, list(range(100, 120)))
AT_EQUAL_COST = Plan([0, 1, 2], 4, list(range(100, 110)))
TOLERANCE = 0.02
MARK = "<!-- Written by python -m tests.tools.routed; `leafscope claims` keeps what follows. -->"

TREE_TEACHER = {"n_train": 1000, "n_samples": 2000, "noise": 0.05, "n_features": 8, "n_classes": 4, "teacher_depth": 3}
DATA: dict[str, tuple[dict[str, Any], int]] = {
    "digits, 300 rows": ({"name": "digits", "n_train": 300}, 32),
    "tree teacher, 1,000 rows": ({"name": "tree_teacher", **TREE_TEACHER}, 20),
    "checkerboard, 1,000 rows": ({"name": "checkerboard", "n_train": 1000, "n_samples": 2000, "noise": 0.05}, 32),
    "spirals, 500 rows": ({"name": "spirals", "n_train": 500, "n_samples": 1000, "noise": 0.05}, 40),
}
"""Name -> data and epochs, as in the protocol of the claims."""

NET = {"width": 8, "depth": 4}

MOE = {"net.kind": "moe", "net.experts": 16, "net.top_k": 2}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "fff": ({"net.kind": "fff"}, {"net.hardening": [0.0, 1.0]}),
    "soft_tree": ({"net.kind": "soft_tree"}, {}),
    "moe, loss": (MOE | {"net.balancing": "loss"}, {"train.balance": [0.01, 0.1]}),
    "moe, bias": (MOE | {"net.balancing": "bias"}, {"net.bias_rate": [0.001, 0.01]}),
    "moe, none": (MOE | {"net.balancing": "none"}, {}),
    "tree": ({"net.kind": "tree"}, {}),
    "tree, centred": ({"net.kind": "tree", "net.balancing": "centred"}, {}),
    "tree, straight-through": ({"net.kind": "tree", "train.gate_gradient": "straight_through"}, {}),
    "tree, straight-through, centred": (
        {"net.kind": "tree", "net.balancing": "centred", "train.gate_gradient": "straight_through"},
        {},
    ),
}
"""Name -> its settings, and those among which the validation error chooses."""

TREES = ("tree", "tree, straight-through")


@dataclass(frozen=True, eq=False)
class Reported:
    """A model on the reporting seeds."""

    run: RunConfig
    chosen: dict[str, Any]
    error: NDArray[np.float64]
    mixed_error: NDArray[np.float64]
    effective: NDArray[np.float64]
    violation: NDArray[np.float64]
    multiply_adds: int
    parameters: int
    deviation: float = 0.0


@dataclass
class Lab:
    """Trains models into a store."""

    store: Store
    plan: Plan
    seconds: float = 0.0
    """Of training, on one thread."""

    def report(self, data: str, settings: dict[str, Any], choices: Mapping[str, list[Any]], deviation: float = 0.0) -> Reported:
        """Choose rate, decay and settings by the mean validation error, and train what was chosen on the reporting seeds."""
        of_data, epochs = DATA[data]
        plain = RunConfig(data=of_data, net=NET, train={"epochs": epochs, "device": "cpu"}, seed=self.plan.choosing[0])
        base = changed(plain, settings)
        name, values = next(iter(choices.items()), ("", [None]))
        found: list[tuple[float, dict[str, Any]]] = []
        for value in values:
            setting = {} if value is None else {name: value}
            sweep = SweepConfig(
                name=f"choose {data}", base=changed(base, setting), axes={"seed": self.plan.choosing}, trials=self.plan.trials
            )
            table = self._trained(sweep)
            tuned = {field: table[field].iloc[0] for field in ("train.lr", "train.weight_decay")}
            found.append((1 - float(table["best_validation_accuracy"].mean()), setting | tuned))
        chosen = min(found, key=lambda one: one[0])[1]
        run = changed(base, chosen)
        sweep = SweepConfig(name=f"report {data}", base=run, axes={"seed": self.plan.reporting})
        table = self._trained(sweep).set_index("seed").loc[self.plan.reporting]
        ids = table["run_id"].tolist()
        summaries = self.store.runs(ids)
        counts: dict[str, NDArray[np.int64]] = {}
        if layers := run.net.routed_layers:
            leaves = self.store.last_leaves(ids, 0, "train")
            counts = {run_id: np.bincount(leaf.reshape(-1), minlength=layers[0].n_leaves) for run_id, leaf in leaves.items()}
        even = [balance(counts[one]) if one in counts else None for one in ids]
        size = shape(run.data)
        price = cost(run.net, size.n_features, size.n_outputs)
        print(f"{data}: {run.net.kind} {json.dumps(chosen)}: {table['best_test_accuracy'].mean():.3f}", flush=True)
        return Reported(
            run,
            chosen,
            1 - table["best_test_accuracy"].to_numpy(float),
            np.array([1 - summaries[one].best.get("test_mix_accuracy", np.nan) for one in ids]),
            np.array([np.nan if one is None else one.effective_leaves for one in even]),
            np.array([np.nan if one is None else one.max_violation for one in even]),
            price.multiply_adds,
            price.parameters,
            deviation,
        )

    def _trained(self, sweep: SweepConfig) -> pd.DataFrame:
        table = train_sweep(sweep, store=self.store, threads=1, device="cpu").results
        self.seconds += math.fsum(one.seconds for one in self.store.runs(run_ids(sweep)).values())
        return table


# What others found


def reproduced(lab: Lab) -> list[str]:
    """A row for each result and data set."""
    lines = ["| result | data set | measured | first | second | difference | n | verdict |", "|---" * 8 + "|"]
    for data in ("digits, 300 rows", "tree teacher, 1,000 rows"):
        models = {name: lab.report(data, *settings) for name, settings in OTHERS.items()}
        fff = models["fff"]
        size = shape(fff.run.data)
        solved, _ = equal_cost(fff.run.net, "dense", "parameters", size.n_features, size.n_outputs)
        dense = lab.report(data, solved, {})
        width = dense.run.net.width
        off = dense.parameters / fff.parameters - 1
        beside = (
            f"{fff.parameters:,} and {dense.parameters:,} parameters, {fff.multiply_adds:,} and {dense.multiply_adds:,} "
            "multiply-adds"
        )
        at_cost = f"fast feedforward minus the dense net of equal parameters (width {width}; {beside}{_off(off)})"
        loss, bias = models["moe, loss"], models["moe, bias"]
        one = (
            f"bias update minus auxiliary loss (rate {bias.chosen['net.bias_rate']:g}, weight {loss.chosen['train.balance']:g})"
        )
        compared: list[tuple[str, str, NDArray[np.float64], NDArray[np.float64], bool]] = [
            (at_cost, "test error (%)", fff.error, dense.error, True),
            (
                f"fast feedforward, mixture minus hard leaf (hardening {fff.chosen['net.hardening']:g})",
                "test error (%)",
                fff.mixed_error,
                fff.error,
                True,
            ),
            (
                "soft decision tree, mixture minus likeliest leaf",
                "test error (%)",
                models["soft_tree"].mixed_error,
                models["soft_tree"].error,
                True,
            ),
            (one, "test error (%)", bias.error, loss.error, True),
            (one, "MaxVio", bias.violation, loss.violation, False),
            ("bias update minus no balancing", "MaxVio", bias.violation, models["moe, none"].violation, False),
        ]
        for tree in TREES:
            plain, centred = models[tree], models[f"{tree}, centred"]
            words = f"centred gates minus gates as they are ({tree})"
            compared += [
                (words, "effective leaves of 16", centred.effective, plain.effective, False),
                (words, "test error (%)", centred.error, plain.error, True),
            ]
        for words, measured, first, second, is_share in compared:
            difference = paired_difference(first, second, overlap=split_overlap(fff.run.data))
            verdict = _verdict(difference.shown(), difference.mean)
            numbers = " | ".join([_mean(first, is_share), _mean(second, is_share), _difference(difference, is_share)])
            lines.append(f"| {words} | {data} | {measured} | {numbers} | {difference.n} | {verdict} |")
    return lines


def _verdict(is_shown: bool, mean: float) -> str:
    return "no difference shown" if not is_shown else f"the first is {'lower' if mean < 0 else 'higher'}"


# The tree beside others at equal cost

KINDS = ("flat", "additive", "moe", "fff", "dense")


def at_equal_cost(lab: Lab) -> Iterator[list[str]]:
    """A table for each data set: both trees minus each other model, at equal multiply-adds and at equal parameters."""
    for data in DATA:
        trees = {name: lab.report(data, *OTHERS[name]) for name in TREES}
        tree = trees["tree"]
        overlap, size = split_overlap(tree.run.data), shape(tree.run.data)
        found: list[tuple[str, str, Reported]] = []
        for budget in ("multiply_adds", "parameters"):
            for kind in KINDS:
                solved, off = equal_cost(tree.run.net, kind, budget, size.n_features, size.n_outputs)  # type: ignore[arg-type]
                balanced = {"net.balancing": "loss", "train.balance": 0.01} if kind == "moe" else {}
                found.append((kind, budget, lab.report(data, solved | balanced, {}, off)))
        differences = {
            name: [paired_difference(one.error, other.error, overlap=overlap) for _, _, other in found]
            for name, one in trees.items()
        }
        adjusted = {name: holm([one.p for one in of_tree]) for name, of_tree in differences.items()}
        lines = [f"### {data}, width 8, K = 4", ""]
        titles = ["model", "equal", "solved", "multiply-adds", "parameters", "test error (%)"]
        titles += [f"{name}, minus it" for name in TREES]
        lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
        for name, one in trees.items():
            lines.append(f"| {name} | | K 4, width 8 | {_size(one)} | {_mean(one.error, True)} | | |")
        for place, (kind, budget, other) in enumerate(found):
            cells = []
            for name in TREES:
                words = _difference(differences[name][place], True)
                cells.append(f"**{words}**" if adjusted[name][place] < LEVEL else words)
            net = other.run.net
            by = f"{net.experts} experts, width {net.width}" if kind == "moe" else f"width {net.width}"
            words = f"{by}{_off(other.deviation)}"
            equal = budget.replace("_", "-")
            lines.append(f"| {kind} | {equal} | {words} | {_size(other)} | {_mean(other.error, True)} | {' | '.join(cells)} |")
        yield [*lines, ""]


def _off(deviation: float) -> str:
    return "" if abs(deviation) <= TOLERANCE else f"; {deviation:+.1%}: no whole number comes within 2 %"


def _size(one: Reported) -> str:
    return f"{one.multiply_adds:,} | {one.parameters:,}"


def _mean(values: NDArray[np.float64], is_share: bool) -> str:
    mean = mean_interval(values).mean
    return f"{100 * mean:.1f}" if is_share else f"{mean:.2f}"


def _difference(one: Difference, is_share: bool) -> str:
    factor, digits = (100, 1) if is_share else (1, 2)
    mean, low, high = (f"{factor * value:+.{digits}f}" for value in (one.mean, one.low, one.high))
    return f"{mean} [{low}, {high}]"


def written(page: Path, parts: Sequence[str]) -> None:
    """Replace this tool's section of a page."""
    text = page.read_text(encoding="utf-8").partition(MARK)[0].rstrip()
    page.write_text("\n".join([text, "", MARK, "", *parts]).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    """Train, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/docs/results.md"))
    parser.add_argument("--database", type=Path, required=True, help="where runs are kept, so that it can go on")
    asked = parser.parse_args()
    store = Store(asked.database)
    labs = [Lab(store, OF_OTHERS), Lab(store, AT_EQUAL_COST)]
    first = reproduced(labs[0])
    second: list[str] = []
    for table in at_equal_cost(labs[1]):
        second += table
        written(asked.out, section(labs, first, second))  # at once, since the rest can take long


def section(labs: Sequence[Lab], first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The lines of this tool's section."""
    minutes = [f"{lab.seconds / 60:.1f}" for lab in labs]
    how = (
        f"Written by `python -m tests.tools.routed` ({datetime.now(UTC):%Y-%m-%d}); the runs of the first part were trained in "
        f"{minutes[0]} minutes, those of the second in {minutes[1]}, in one process of one thread, on a machine that others "
        "used too. Width 8, K = 4, one routed layer; data, epochs and batches as above. Learning rate and weight decay, and "
        "the settings named in a row, have the lowest mean validation error; K is not chosen. Scores are those at the epoch of "
        "the lowest validation loss; leaves and loads are those of the training rows after the last epoch. 95 % t intervals of "
        "paired differences, on digits with the Nadeau-Bengio factor."
    )
    of_first = (
        f"{OF_OTHERS.words()} As found, each row judged by itself at the 5 % level; all nets are smaller, and trained for less "
        "long, than those of the authors."
    )
    of_second = (
        f"{AT_EQUAL_COST.words()} These are fewer seeds than above, for time. At equal multiply-adds, by the width; at equal "
        "parameters, by the number of experts of a mixture of experts (top 2, balanced by the auxiliary loss with weight 0.01) "
        "and by the width of all others. Where no whole number comes within 2 %, the deviation is named. Bold: a difference is "
        "shown at the 5 % level after Holm's correction over the models of a column; below 0 the tree is better. Every other "
        "cell shows no difference. Four drawn pairs leave nets further from their best than the twelve of the tables above; "
        "where both compare the same two models, those above count."
    )
    parts = ["# Other routed models", "", how, "", "## Results of others, small", "", of_first, "", *first, ""]
    parts += ["## The tree beside other models at equal cost", "", of_second, "", *second]
    return parts


if __name__ == "__main__":
    main()
