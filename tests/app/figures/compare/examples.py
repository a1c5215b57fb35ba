"""Examples of this folder's figures for the suite of what holds for every figure."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from leafscope.app.figures.compare.balance_beside import BalanceBeside
from leafscope.app.figures.compare.field_scatter import Field, FieldScatter
from leafscope.app.figures.compare.group_curves import GroupCurves
from leafscope.app.figures.compare.group_lines import GroupLines
from leafscope.app.figures.compare.group_scores import GroupScore, GroupScores
from leafscope.app.figures.compare.loads_beside import LoadsBeside
from leafscope.app.figures.compare.paired_seeds import PairedSeeds
from leafscope.app.figures.compare.parallel import ParallelCoordinates
from leafscope.app.figures.compare.pivot_cells import PivotCells
from leafscope.app.figures.compare.pivot_map import PivotMap
from leafscope.app.figures.compare.scores import Score
from leafscope.app.figures.compare.two_sides import TwoSides
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.core.comparison.intervals import mean_interval, paired_difference
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from tests.app.figures.hostile import HOSTILE

NAMES = ("tree, K 4", "dense")
MANY = [f"group {place}" for place in range(2000)]
LOSS = Score("validation loss", percent=False, higher_is_better=False)


def scatter(x: Sequence[Any], names: Sequence[str], title: str = "depth") -> FieldScatter:
    n = len(x)
    groups = [run % len(names) for run in range(n)]
    runs, ids = [names[group] for group in groups], [f"{run:016x}" for run in range(n)]
    return FieldScatter(Field(title, x), Field("error", list(range(n))), groups, group_styles(names), runs, ids)


def curves(
    names: Sequence[str], epochs: int = 4, runs: int = 3, splits: Sequence[str] = ("train", "validation")
) -> GroupCurves:
    x = np.tile(np.arange(float(epochs)), (runs, 1))
    y = 1 / (1 + x) + 0.01 * np.arange(runs)[:, None]
    titles = [str(name) for name in np.resize(np.array(names), runs)]
    return GroupCurves([GroupLines(style, split, x, y, titles) for style in group_styles(names) for split in splits], "loss")


def scores(names: Sequence[str], runs: int = 3) -> GroupScores:
    best = 0.9 + 0.01 * np.arange(runs)
    drawn = [GroupScore(style, best, best - 0.05, mean_interval(best)) for style in group_styles(names)]
    return GroupScores(drawn, metric="accuracy", split="validation", baseline=len(names) - 1, configurations=42)


def pairs(names: tuple[str, str], seeds: Sequence[str]) -> PairedSeeds:
    first = np.linspace(0.8, 0.9, len(seeds))
    second = first**2
    one, other = group_styles(names)
    difference = paired_difference(first, second)
    return PairedSeeds(seeds, first, second, difference, (one, other), metric="accuracy", split="test")


def parallel(names: Sequence[str], fields: Sequence[str] = ("depth", "width")) -> ParallelCoordinates:
    n = len(names)
    # Words of fields become ticks, in which Plotly renders no tags: they stay as they are
    values = {field: [*range(n)] for field in fields} | {"model": ["tree"] * n}
    return ParallelCoordinates(values, [1 / (1 + run) for run in range(n)], LOSS, names)


def pivot(rows: Sequence[str], columns: Sequence[str], title: str = "width") -> PivotMap:
    mean = np.linspace(0.5, 0.9, len(rows) * len(columns)).reshape(len(rows), len(columns))
    cells = PivotCells(rows, columns, mean, mean - 0.1, mean + 0.1, np.full(mean.shape, 3))
    return PivotMap(cells, title, "depth", Score("accuracy", percent=True, higher_is_better=True))


def balances(names: Sequence[str], statistics: Sequence[str] = ("Gini", "effective leaves")) -> BalanceBeside:
    n = len(names)
    values = {word: [run / n for run in range(n)] for word in statistics}
    return BalanceBeside(
        names,
        group_styles(names),
        values,
        {level: {statistics[0]: [(0.2, 0.1, 0.3)] * n} for level in (INDEPENDENT_BITS, HYPERPLANES)},
    )


def sides(n: int, names: tuple[str, str]) -> TwoSides:
    """Two sides, the second with an error that is 0.1 higher, on n seeds."""
    rows = [(name, seed, 0.2 + 0.1 * place + 0.01 * (seed % 3)) for seed in range(n) for place, name in enumerate(names)]
    values = pd.DataFrame(rows, columns=["side", "seed", "value"])
    by_side = [values.loc[values["side"] == name, "value"].to_numpy(float) for name in names]
    return TwoSides(values, names, paired_difference(*by_side), "test error")


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    FieldScatter: {
        "usual": lambda: scatter([3, 4, 6, 2], NAMES),
        "empty": lambda: scatter([], NAMES),
        "one": lambda: scatter([3], NAMES[:1]),
        "many": lambda: scatter(MANY, MANY[:40]),
        "hostile": lambda: scatter(HOSTILE, HOSTILE, title=HOSTILE[0]),
    },
    GroupCurves: {
        "usual": lambda: curves(NAMES),
        "empty": lambda: GroupCurves([], metric="loss"),
        "one": lambda: curves(NAMES[:1], epochs=1, runs=1, splits=["test"]),
        "many": lambda: curves(MANY[:60], epochs=100, splits=["test"]),
        "hostile": lambda: curves(HOSTILE),
    },
    GroupScores: {
        "usual": lambda: scores(NAMES),
        "empty": lambda: GroupScores([], metric="loss", split="test"),
        "one": lambda: scores(NAMES[:1], runs=1),
        "many": lambda: scores(MANY),
        "hostile": lambda: scores(HOSTILE),
    },
    PairedSeeds: {
        "usual": lambda: pairs(NAMES, ["0", "1", "2"]),
        "empty": lambda: pairs(NAMES, []),
        "one": lambda: pairs(NAMES, ["0"]),
        "many": lambda: pairs(NAMES, MANY),
        "hostile": lambda: pairs(HOSTILE[:2], HOSTILE),
    },
    TwoSides: {
        "usual": lambda: sides(3, ("tree", "flat")),
        "empty": lambda: sides(0, ("tree", "flat")),
        "one": lambda: sides(1, ("tree", "flat")),
        "many": lambda: sides(200, ("tree", "flat")),
        "hostile": lambda: sides(3, (HOSTILE[0], HOSTILE[2])),
    },
    ParallelCoordinates: {
        "usual": lambda: parallel(NAMES),
        "empty": lambda: parallel([]),
        "one": lambda: parallel(NAMES[:1]),
        "many": lambda: parallel(MANY, fields=MANY[:40]),
        "hostile": lambda: parallel(HOSTILE, fields=HOSTILE),
    },
    PivotMap: {
        "usual": lambda: pivot(["8", "16"], ["0", "3", "5"]),
        "empty": lambda: pivot([], []),
        "one": lambda: pivot(["8"], ["0"]),
        "many": lambda: pivot(MANY[:60], MANY[:60]),
        "hostile": lambda: pivot(HOSTILE, HOSTILE, title=HOSTILE[0]),
    },
    LoadsBeside: {
        "usual": lambda: LoadsBeside(NAMES, [[1, 0, 7, 2], [6, 4]]),
        "empty": lambda: LoadsBeside(NAMES, [[0, 0], [0]]),
        "one": lambda: LoadsBeside(NAMES[:1], [[3]]),
        "many": lambda: LoadsBeside(MANY[:14], [np.arange(1 << 11) % 5] * 14),
        "hostile": lambda: LoadsBeside(HOSTILE, [[1, 0]] * len(HOSTILE), split=HOSTILE[0]),
    },
    BalanceBeside: {
        "usual": lambda: balances(NAMES),
        "empty": lambda: BalanceBeside(["a"], group_styles(["a"]), {"Gini": [math.nan]}),
        "one": lambda: balances(NAMES[:1]),
        "many": lambda: balances(MANY[:200], MANY[:40]),
        "hostile": lambda: balances(HOSTILE, HOSTILE),
    },
}
