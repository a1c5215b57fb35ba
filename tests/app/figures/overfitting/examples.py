"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from leafscope.app.figures.overfitting.accuracy_by_level import AccuracyByLevel
from leafscope.app.figures.overfitting.against_rivals import AgainstRivals
from leafscope.app.figures.overfitting.best_depth_by_rows import BestDepthByRows
from leafscope.app.figures.overfitting.differences_by_depth import DifferencesByDepth
from leafscope.app.figures.overfitting.error_by_computation import ErrorByComputation
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.overfitting.error_by_rows import ErrorByRows
from leafscope.app.figures.overfitting.gap_by_depth import GapByDepth
from leafscope.app.figures.overfitting.help_map import HelpMap
from leafscope.app.figures.overfitting.leaf_use_by_depth import LeafUseByDepth
from leafscope.app.figures.overfitting.training_curves import TrainingCurves
from leafscope.core.models import lines
from tests.app.figures.hostile import HOSTILE
from tests.app.figures.overfitting.tables import (
    NAN,
    best_depths,
    by_rows,
    cells,
    computation,
    differences,
    epoch_seeds,
    epochs,
    error_seeds,
    errors,
    gaps,
    leaf_chance,
    leaf_use,
    levels,
    with_interval,
)

DEPTHS = range(17)
"""A net has at most this many depths, a sweep this many numbers in one list."""
MANY = 64


def many_errors() -> pd.DataFrame:
    rows = [(model, "", split, k, 0.5 - 0.02 * k) for model in lines() for split in ("test", "train") for k in (*DEPTHS, NAN)]
    return with_interval(rows, "model variant split depth mean")


def many_seeds() -> pd.DataFrame:
    rows = [
        (model, "", split, seed, k, 0.5 - 0.02 * k)
        for model in ("tree", "flat", "dense")
        for split in ("test", "train")
        for seed in range(MANY)
        for k in DEPTHS
    ]
    return pd.DataFrame(rows, columns=["model", "variant", "split", "seed", "depth", "value"])


def many_cells() -> pd.DataFrame:
    places = [(width, k) for width in range(16, 16 + MANY) for k in DEPTHS]
    table = differences(*(0.002 * (place % 50) - 0.05 for place in range(len(places))))
    return table.assign(width=[width for width, _ in places], depth=[k for _, k in places])


def many_rows() -> pd.DataFrame:
    rows = [("tree", "", k, size, 0.5 - 0.02 * k) for k in (*DEPTHS, NAN) for size in range(100, 100 + MANY)]
    return with_interval(rows, "model variant depth n_train mean")


def many_best_depths() -> pd.DataFrame:
    one = best_depths().iloc[:1]
    parts = [one.assign(data=f"tree of depth {k}", rows=1000 * 2**place, depth=k) for k in DEPTHS for place in range(12)]
    return pd.concat(parts, ignore_index=True)


def many_epochs() -> pd.DataFrame:
    rows = [
        (model, "", split, epoch, 1 / (1 + epoch))
        for model in ("tree", "flat", "dense")
        for split in ("test", "train")
        for epoch in range(1001)
    ]
    return with_interval(rows, "model variant split epoch mean", half=0.0)


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Give models and variants the names that a person might choose."""
    names = {model: HOSTILE[place % len(HOSTILE)] for place, model in enumerate(table["model"].unique())}
    return table.assign(model=table["model"].map(names), variant=HOSTILE[0])


def rivals(*means: float, n: int = 5) -> pd.DataFrame:
    """The first model against others: means in shares, at depths 0, 1, ... of their own, the last without one."""
    names = [line for line in lines() if line != "tree"]
    rows = [
        (names[place % len(names)], NAN if place == len(means) - 1 else float(place), mean) for place, mean in enumerate(means)
    ]
    table = with_interval(rows, "model depth mean", n=n)
    return table.assign(shown=[abs(mean) > 0.03 for mean in means])


def many_computations() -> pd.DataFrame:
    nets = [
        (model, "", k, width, 500, 2.0 * width**2, 0.5 - 0.02 * k) for model in lines() for k in DEPTHS for width in (8, 64)
    ]
    return with_interval(nets, "model variant depth width n_train cost mean")


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    ErrorByDepth: {
        "usual": lambda: ErrorByDepth(errors(), error_seeds(), chosen=1, lit=["tree", "flat", "dense"]),
        "empty": lambda: ErrorByDepth(errors().assign(mean=NAN, low=NAN, high=NAN, n=0)),
        "one": lambda: ErrorByDepth(errors(1).query("model == 'tree' and depth == 0")),
        "many": lambda: ErrorByDepth(many_errors(), many_seeds(), chosen=16),
        "hostile": lambda: ErrorByDepth(named(errors())),
    },
    ErrorByComputation: {
        "usual": lambda: ErrorByComputation(computation(), chosen=1),
        "empty": lambda: ErrorByComputation(computation().assign(mean=NAN)),
        "one": lambda: ErrorByComputation(computation(n=1).query("model == 'decision_tree' and depth == 0")),
        "many": lambda: ErrorByComputation(many_computations(), chosen=16),
        "hostile": lambda: ErrorByComputation(named(computation())),
    },
    GapByDepth: {
        "usual": lambda: GapByDepth(gaps(), chosen=2),
        "empty": lambda: GapByDepth(gaps().iloc[:0]),
        "one": lambda: GapByDepth(gaps(1).query("model == 'dense'")),
        "many": lambda: GapByDepth(many_errors().query("split == 'test'"), many_seeds().query("split == 'test'")),
        "hostile": lambda: GapByDepth(named(gaps())),
    },
    DifferencesByDepth: {
        "usual": lambda: DifferencesByDepth(differences(0.0, -0.05, 0.03, NAN), "tree", "flat"),
        "empty": lambda: DifferencesByDepth(differences(), "tree", "flat"),
        "one": lambda: DifferencesByDepth(differences(-0.05, n=1), "tree", "flat"),
        "many": lambda: DifferencesByDepth(differences(*(0.01 * k - 0.08 for k in DEPTHS)), "tree", "dense"),
        "hostile": lambda: DifferencesByDepth(differences(0.0, 0.1), HOSTILE[0], HOSTILE[2]),
    },
    LeafUseByDepth: {
        "usual": lambda: LeafUseByDepth(leaf_use(), chosen=1, lit=["tree", "flat", "dense"], chance=leaf_chance()),
        "empty": lambda: LeafUseByDepth(leaf_use().iloc[:0], chance=leaf_chance()),
        "one": lambda: LeafUseByDepth(leaf_use(1).query("model == 'tree' and depth == 0"), measure="rows_per_leaf"),
        "many": lambda: LeafUseByDepth(
            many_errors().query("split == 'test'"), many_seeds().query("split == 'test'"), chosen=16, measure="fullest_share"
        ),
        "hostile": lambda: LeafUseByDepth(named(leaf_use()), chance=leaf_chance()),
    },
    AgainstRivals: {
        "usual": lambda: AgainstRivals(rivals(-0.05, 0.04, 0.01), "tree", 3),
        "empty": lambda: AgainstRivals(rivals(), "tree"),
        "one": lambda: AgainstRivals(rivals(0.01, n=1), "tree", 0),
        "many": lambda: AgainstRivals(rivals(*(0.01 * k - 0.08 for k in DEPTHS)), "tree", 16),
        "hostile": lambda: AgainstRivals(rivals(0.1, -0.1).assign(model=[HOSTILE[0], HOSTILE[2]]), HOSTILE[1]),
    },
    HelpMap: {
        "usual": lambda: HelpMap(cells()),
        "empty": lambda: HelpMap(cells().assign(mean=NAN)),
        "one": lambda: HelpMap(cells(1).iloc[:1]),
        "many": lambda: HelpMap(many_cells()),
        "hostile": lambda: HelpMap(cells(), first=HOSTILE[0], second=HOSTILE[2]),
    },
    AccuracyByLevel: {
        "usual": lambda: AccuracyByLevel(levels(), depth=2),
        "empty": lambda: AccuracyByLevel(levels().iloc[:0], depth=2),
        "one": lambda: AccuracyByLevel(levels(1).query("level == 0 and split == 'test'"), depth=0),
        "many": lambda: AccuracyByLevel(
            with_interval([(split, k, 0.5 + 0.02 * k) for split in ("test", "train") for k in DEPTHS], "split level mean"), 16
        ),
        "hostile": lambda: AccuracyByLevel(levels(), depth=2),  # it has no names
    },
    ErrorByRows: {
        "usual": lambda: ErrorByRows(by_rows()),
        "empty": lambda: ErrorByRows(by_rows().iloc[:0]),
        "one": lambda: ErrorByRows(by_rows(1).query("depth == 0 and n_train == 100")),
        "many": lambda: ErrorByRows(many_rows()),
        "hostile": lambda: ErrorByRows(named(by_rows())),
    },
    BestDepthByRows: {
        "usual": lambda: BestDepthByRows("tree", best_depths()),
        "empty": lambda: BestDepthByRows("tree", best_depths().iloc[:0]),
        "one": lambda: BestDepthByRows("tree", best_depths(1).query("is_lit").iloc[:1]),
        "many": lambda: BestDepthByRows("tree", many_best_depths()),
        "hostile": lambda: BestDepthByRows(HOSTILE[0], best_depths().assign(data=[HOSTILE[0]] * 2 + [HOSTILE[2]] * 2)),
    },
    TrainingCurves: {
        "usual": lambda: TrainingCurves(epochs(), epoch_seeds()),
        "empty": lambda: TrainingCurves(epochs().assign(mean=NAN)),
        "one": lambda: TrainingCurves(epochs(1).query("model == 'dense' and epoch == 0"), metric="error"),
        "many": lambda: TrainingCurves(many_epochs()),
        "hostile": lambda: TrainingCurves(named(epochs())),
    },
}
