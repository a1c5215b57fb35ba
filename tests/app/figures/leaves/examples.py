"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from leafscope.app.figures.leaves.class_mix import ClassMix
from leafscope.app.figures.leaves.confusion import ConfusionMatrix
from leafscope.app.figures.leaves.contributions import Contributions
from leafscope.app.figures.leaves.icicle import PrefixIcicle
from leafscope.app.figures.leaves.image_grid import ImageGrid, MeanImage
from leafscope.app.figures.leaves.leaf_class_heatmap import LeafClassHeatmap
from leafscope.app.figures.leaves.leaf_lines import LeafLines
from leafscope.app.figures.leaves.leaf_targets import LeafTargets
from leafscope.app.figures.leaves.load_ranks import LoadRanks
from leafscope.app.figures.leaves.margins import GateMargins
from leafscope.app.figures.leaves.matrices import LeafMatrices
from leafscope.app.figures.leaves.number_contributions import NumberContributions
from leafscope.app.figures.leaves.rare_rows import RareRows
from leafscope.app.figures.leaves.rows_that_changed import RowsThatChanged
from leafscope.app.figures.leaves.sign_patterns import SignPatterns
from leafscope.app.figures.leaves.split_icicles import SplitIcicles
from tests.app.figures.hostile import HOSTILE

COUNTS = [6, 0, 3, 1]
DEEP = np.arange(1 << 12)
NAMES = ["cat", "dog"]
BINS = pd.DataFrame(
    [
        ("tree", "0", 5, 31, 0.2, 0.158, 0.042, 0.01, 0.074),
        ("tree", "1-2", 5, 1234, 0.1, 0.1, 0.0, -0.01, 0.01),
        ("flat", "1-2", 5, 40, 0.1, 0.2, -0.1, -0.2, -0.05),
    ],
    columns=["model", "bin", "seeds", "rows", "wrong_share", "dense_share", "difference", "low", "high"],
)


def _contributions(nodes: int, class_names: Any, **more: Any) -> Contributions:
    parts = np.random.default_rng(0).normal(size=(nodes, len(class_names)))
    names = ["root", *(" ".join("10" * nodes)[: 2 * level - 1] for level in range(1, nodes))]
    rest = np.ones(len(class_names))
    return Contributions(parts, names, rest=rest, logits=parts.sum(0) + rest, class_names=class_names, **more)


def _number(nodes: int, **more: Any) -> NumberContributions:
    parts = np.random.default_rng(0).normal(size=nodes)
    names = ["root", *(" ".join("10" * nodes)[: 2 * level - 1] for level in range(1, nodes))]
    given = {"names": names, "rest": 0.5, "prediction": 60.5 + parts.sum(), "target": "price"}
    return NumberContributions(60.0, parts, **given | more)


def _epochs(count: int, **more: Any) -> RowsThatChanged:
    return RowsThatChanged(range(count), churn=np.full(max(0, count - 1), 0.1), settled=np.linspace(0.5, 1, count), **more)


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    LeafTargets: {
        "usual": lambda: LeafTargets([0, 0, 3, 3, 3], [1.0, 2.0, 7.0, 8.0, 9.5], 2, "price"),
        "empty": lambda: LeafTargets([], [], 2, "price"),
        "one": lambda: LeafTargets([0], [1.0], 0, "price"),
        "many": lambda: LeafTargets(DEEP, np.sin(DEEP), 12, "price"),
        "hostile": lambda: LeafTargets([0, 1], [1e300, -5.0], 1, HOSTILE, HOSTILE),
    },
    ConfusionMatrix: {
        "usual": lambda: ConfusionMatrix([[9, 1], [1, 3]], NAMES),
        "empty": lambda: ConfusionMatrix([[0, 0], [0, 0]], NAMES),
        "one": lambda: ConfusionMatrix([[3]], ["cat"]),
        "many": lambda: ConfusionMatrix(np.arange(10_000).reshape(100, 100), [str(one) for one in range(100)]),
        "hostile": lambda: ConfusionMatrix([[3, 0], [2, 0]], [HOSTILE, HOSTILE]),
    },
    ClassMix: {
        "usual": lambda: ClassMix([3, 1], NAMES, [5, 5], node="leaf 1 0"),
        "empty": lambda: ClassMix([0, 0], NAMES, [1, 2]),
        "one": lambda: ClassMix([1], ["cat"]),
        "many": lambda: ClassMix(np.arange(2000), [f"class {c}" for c in range(2000)], np.arange(2000)),
        "hostile": lambda: ClassMix([1, 1, 2], HOSTILE, [2, 2, 2]),
    },
    Contributions: {
        "usual": lambda: _contributions(4, NAMES, label=0, row="test row 17"),
        "empty": lambda: Contributions([[1.0]], ["root"], rest=[0.0], logits=[np.nan], class_names=["cat"]),
        "one": lambda: _contributions(1, ["cat"]),
        "many": lambda: _contributions(17, [f"class {c}" for c in range(1000)], label=7),
        "hostile": lambda: _contributions(2, HOSTILE, label=2, row=HOSTILE[0]),
    },
    NumberContributions: {
        "usual": lambda: _number(4, truth=61.0, across=55.5, row="test row 17"),
        "empty": lambda: NumberContributions(np.nan, [1.0], ["root"], rest=0.0, prediction=np.nan, target="price"),
        "one": lambda: _number(1),
        "many": lambda: _number(17, truth=0.0, across=1e9),
        "hostile": lambda: _number(2, target=HOSTILE[0], row=HOSTILE[1], names=HOSTILE[:2]),
    },
    GateMargins: {
        "usual": lambda: GateMargins([[0.2, 0.9], [0.4, 0.5], [0.6, 0.8]], [True, False, False]),
        "empty": lambda: GateMargins(np.empty((0, 3)), []),
        "one": lambda: GateMargins([[0.2]]),
        "many": lambda: GateMargins(np.linspace(0, 1, 80_000).reshape(5000, 16), np.arange(5000) % 2 == 0),
        "hostile": lambda: GateMargins([[0.2]], split=HOSTILE[0]),
    },
    ImageGrid: {
        "usual": lambda: ImageGrid(np.ones((2, 4, 4)), [0, 1], NAMES, predictions=[0, 0], rows=[7, 9]),
        "empty": lambda: ImageGrid(np.zeros((0, 4, 4)), [], NAMES, predictions=[]),
        "one": lambda: ImageGrid(np.ones((1, 4, 4)), [0], NAMES),
        "many": lambda: ImageGrid(np.ones((5000, 8, 8)), np.arange(5000) % 2, NAMES, predictions=np.zeros(5000)),
        "hostile": lambda: ImageGrid(np.ones((3, 4, 4)), [0, 1, 2], HOSTILE, predictions=[2, 2, 2], title=HOSTILE[1]),
    },
    LeafClassHeatmap: {
        "usual": lambda: LeafClassHeatmap([[6, 0], [0, 0], [1, 2], [0, 1]], NAMES, depth=2),
        "empty": lambda: LeafClassHeatmap(np.zeros((4, 2)), NAMES, depth=2),
        "one": lambda: LeafClassHeatmap([[3]], ["cat"], depth=0, value="count"),
        "many": lambda: LeafClassHeatmap(np.stack([DEEP, DEEP[::-1]], 1), NAMES, depth=12, value="share"),
        "hostile": lambda: LeafClassHeatmap([[6, 0, 1], [1, 2, 0]], HOSTILE, depth=1, states=HOSTILE[:2]),
    },
    LeafLines: {
        "usual": lambda: LeafLines([0, 10], [[0.1, 0.2], [0.3, 0.1]], ["1 0", "1 1"], [0.25, 0.25], dense=[0.1, np.nan], n=9),
        "empty": lambda: LeafLines([0, 1], np.empty((0, 2)), names=[], uniform=[]),
        "one": lambda: LeafLines([0], [[0.5]], names=["1"], uniform=[0.5], shown_epoch=0),
        "many": lambda: LeafLines(range(3000), np.full((4, 3000), 0.1), names=["1"] * 4, uniform=[0.5] * 4),
        "hostile": lambda: LeafLines([0, 1], np.full((3, 2), 0.1), names=HOSTILE, uniform=[0.5] * 3, split=HOSTILE[0]),
    },
    LeafMatrices: {
        "usual": lambda: LeafMatrices([[1.0, -2.0]], [[1.0, -1.0]], "leaf 1 0", "prefix 1"),
        "empty": lambda: LeafMatrices(np.zeros((0, 3)), None, "root"),
        "one": lambda: LeafMatrices([[1.0]], None, "root"),
        "many": lambda: LeafMatrices(np.eye(128), np.ones((128, 128)), "leaf 1 0", "prefix 1"),
        "hostile": lambda: LeafMatrices([[1.0]], [[2.0]], HOSTILE[0], HOSTILE[2]),
    },
    LoadRanks: {
        "usual": lambda: LoadRanks(
            {"tree net": [1, 0, 7, 2], "decision tree": [6, 4]}, kinds={"tree net": "tree", "decision tree": "decision_tree"}
        ),
        "empty": lambda: LoadRanks({"tree net": [0, 0]}, kinds={"tree net": "tree"}),
        "one": lambda: LoadRanks({"tree net": [3]}, kinds={"tree net": "tree"}),
        "many": lambda: LoadRanks({"tree net": np.arange(1 << 16)}, kinds={"tree net": "tree"}),
        "hostile": lambda: LoadRanks({name: [1, 2] for name in HOSTILE}, kinds=dict.fromkeys(HOSTILE, "tree")),
    },
    MeanImage: {
        "usual": lambda: MeanImage(np.eye(4), n=7),
        "empty": lambda: MeanImage(np.full((4, 4), np.nan), n=0),
        "one": lambda: MeanImage([[1.0]], title="Row 7"),
        "many": lambda: MeanImage(np.arange(4096.0).reshape(64, 64), n=5000),
        "hostile": lambda: MeanImage(np.eye(4), title=HOSTILE[0], says=HOSTILE[2]),
    },
    PrefixIcicle: {
        "usual": lambda: PrefixIcicle(COUNTS, depth=2, states=["used", "test only", "used", "used"]),
        "empty": lambda: PrefixIcicle([0, 0, 0, 0], depth=2),
        "one": lambda: PrefixIcicle([5], depth=0),
        "many": lambda: PrefixIcicle(DEEP, depth=12, root=2),
        "hostile": lambda: PrefixIcicle(COUNTS, depth=2, split=HOSTILE[0], states=HOSTILE + HOSTILE[:1]),
    },
    RareRows: {
        "usual": lambda: RareRows(BINS),
        "empty": lambda: RareRows(BINS.head(0)),
        "one": lambda: RareRows(BINS.head(1).assign(seeds=1, low=np.nan, high=np.nan)),
        "many": lambda: RareRows(pd.concat([BINS.head(1).assign(model=f"m{n % 12}", bin=f"{n // 12}") for n in range(120)])),
        "hostile": lambda: RareRows(BINS.assign(model=HOSTILE, bin=HOSTILE)),
    },
    RowsThatChanged: {
        "usual": lambda: _epochs(5, shown_epoch=2, n=988),
        "empty": lambda: _epochs(0),
        "one": lambda: _epochs(2),
        "many": lambda: _epochs(3000),
        "hostile": lambda: _epochs(5, split=HOSTILE[0]),
    },
    SignPatterns: {
        "usual": lambda: SignPatterns(COUNTS, depth=2, counts_test=[1, 2, 1, 0]),
        "empty": lambda: SignPatterns([0, 0, 0, 0], depth=2),
        "one": lambda: SignPatterns([4], depth=0),
        "many": lambda: SignPatterns(np.arange(1 << 16), depth=16),
        "hostile": lambda: SignPatterns(COUNTS, depth=2),
    },
    SplitIcicles: {
        "usual": lambda: SplitIcicles({"train": COUNTS, "validation": [1, 1, 1, 1], "test": [0, 5, 0, 0]}, depth=2),
        "empty": lambda: SplitIcicles({"train": [0, 0], "test": [0, 0]}, depth=1),
        "one": lambda: SplitIcicles({"test": [3]}, depth=0),
        "many": lambda: SplitIcicles({"train": DEEP, "test": DEEP[::-1]}, depth=12),
        "hostile": lambda: SplitIcicles({"train": COUNTS, "test": COUNTS}, depth=2),
    },
}
