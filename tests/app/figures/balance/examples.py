"""Examples of this folder's figures for the suite of what holds for every figure."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from leafscope.app.figures.balance.information_by_level import InformationLevels
from leafscope.app.figures.balance.lorenz import LorenzCurve
from leafscope.app.figures.balance.node_balance import NodeBalance
from leafscope.app.figures.balance.statistic_epochs import StatisticOverEpochs
from leafscope.app.figures.balance.variants import VariantEffects
from leafscope.core.usage.evenness import lorenz
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from tests.app.figures.hostile import HOSTILE

RANDOM = pd.DataFrame({"epoch": [0, 60], "mean": [0.1, 0.12], "low": [0.08, 0.1], "high": [0.12, 0.15]})
"""What chance gives at two epochs."""


def variant_runs(*rows: tuple[str, int, float, float, str]) -> pd.DataFrame:
    """Runs of variants: words, seed, value, validation error, status."""
    table = pd.DataFrame(rows, columns=["variant", "seed", "value", "validation_error", "status"])
    table = table.assign(bits_mean=0.1, bits_low=0.09, bits_high=0.12, test_error=table["validation_error"])
    return table.assign(hyperplanes_mean=0.2, hyperplanes_low=0.15, hyperplanes_high=0.22)


def lorenz_curve(counts: Any, split: str = "training") -> LorenzCurve:
    """The curve of these counts, with a band that is as wide as the curve is far from even."""
    shares = lorenz(counts)
    even = np.linspace(0, 1, len(shares))
    return LorenzCurve(shares, {INDEPENDENT_BITS: (even, shares, even), HYPERPLANES: (shares, shares, even)}, split=split)


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    LorenzCurve: {
        "usual": lambda: lorenz_curve([1, 1, 2, 4]),
        "empty": lambda: lorenz_curve([0, 0]),
        "one": lambda: lorenz_curve([5]),
        "many": lambda: lorenz_curve(np.arange(1 << 16)),
        "hostile": lambda: lorenz_curve([1, 2], split=HOSTILE[0]),
    },
    NodeBalance: {
        "usual": lambda: NodeBalance([1, 3, 0, 0, 2, 2, 0, 8]),
        "empty": lambda: NodeBalance([0, 0]),
        "one": lambda: NodeBalance([0, 1]),
        "many": lambda: NodeBalance(np.arange(1 << 16)),
        "hostile": lambda: NodeBalance([1, 2], split=HOSTILE[0]),
    },
    InformationLevels: {
        "usual": lambda: InformationLevels([0, 0.31, 0.412], ([0, 0.22, 0.412], [0, 0.1, 0.412], [0, 0.33, 0.412]), orders=20),
        "empty": lambda: InformationLevels([math.nan] * 2, ([math.nan] * 2,) * 3, orders=1),
        "one": lambda: InformationLevels([0, 0.3], ([0, 0.3],) * 3, orders=1),
        "many": lambda: InformationLevels(np.linspace(0, 1, 17), (np.linspace(0, 1, 17) ** 2,) * 3, orders=5000),
        "hostile": lambda: InformationLevels([0, 0.3], ([0, 0.3],) * 3, orders=2, split=HOSTILE[0]),
    },
    StatisticOverEpochs: {
        "usual": lambda: StatisticOverEpochs(
            "Gini",
            [0, 30, 60],
            [0.2, 0.3, 0.42],
            {INDEPENDENT_BITS: RANDOM, HYPERPLANES: RANDOM.assign(mean=0.3, low=0.2, high=0.4)},
            best_epoch=30,
            shown_epoch=60,
        ),
        "empty": lambda: StatisticOverEpochs("Gini", [], []),
        "one": lambda: StatisticOverEpochs("Gini", [0], [0.2]),
        "many": lambda: StatisticOverEpochs("Gini", np.arange(5000), np.linspace(0, 1, 5000), is_share=True),
        "hostile": lambda: StatisticOverEpochs(HOSTILE[0], [0, 1], [1, 2], {INDEPENDENT_BITS: RANDOM}, split=HOSTILE[1]),
    },
    VariantEffects: {
        "usual": lambda: VariantEffects(
            variant_runs(
                ("as it is", 0, 0.4, 0.03, "finished"),
                ("as it is", 1, 0.44, 0.05, "finished"),
                ("penalty 0.1", 0, 0.18, 0.04, "finished"),
                ("penalty 0.1", 1, math.nan, math.nan, "training"),
            ),
            name="Gini",
        ),
        "empty": lambda: VariantEffects(variant_runs(), name="Gini"),
        "one": lambda: VariantEffects(variant_runs(("as it is", 0, 0.4, 0.03, "finished")), name="Gini"),
        "many": lambda: VariantEffects(
            variant_runs(*((f"variant {k % 100}", k // 100, k / 2000, 0.1, "finished") for k in range(2000))), name="Gini"
        ),
        "hostile": lambda: VariantEffects(
            variant_runs(
                *((name, 0, 0.1 * place, 0.2, "finished") for place, name in enumerate(HOSTILE)),
                ("waits", 0, math.nan, math.nan, HOSTILE[0]),
            ),
            name=HOSTILE[2],
        ),
    },
}
