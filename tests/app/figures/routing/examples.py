"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from leafscope.app.figures.routing.expert_lorenz import ExpertLorenz
from leafscope.app.figures.routing.layers_against_chance import LayersAgainstChance
from leafscope.app.figures.routing.layers_by_experts import LayersByExperts
from leafscope.app.figures.routing.over_steps import LayersOverSteps
from leafscope.core.usage.evenness import lorenz
from tests.app.figures.hostile import HOSTILE

COUNTS = np.array([[7, 5, 0, 3], [4, 4, 4, 4], [16, 0, 0, 0]])


def layers(values: Any, mean: float = 3.9) -> pd.DataFrame:
    """Layers with these values, and chance around a mean."""
    found = pd.DataFrame({"layer": np.arange(len(values)) * 3, "value": values})
    return found.assign(mean=mean, low=mean - 0.1, high=mean + 0.05)


def curves(counts: Any, name: str = "layer") -> dict[str, Any]:
    return {f"{name} {place}": lorenz(row) for place, row in enumerate(counts)}


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    LayersByExperts: {
        "usual": lambda: LayersByExperts(COUNTS, ["0", "7", "15"], chance=(0.8, 1.2)),
        "empty": lambda: LayersByExperts(np.zeros((2, 4)), ["0", "1"]),
        "one": lambda: LayersByExperts([[3]], ["0"]),
        "many": lambda: LayersByExperts(np.arange(61 * 256).reshape(61, 256), [str(layer) for layer in range(61)]),
        "hostile": lambda: LayersByExperts(COUNTS, HOSTILE, what="domain"),
    },
    LayersAgainstChance: {
        "usual": lambda: LayersAgainstChance(
            {"github": layers([3.2, 2.1, 3.9]), "book": layers([3.5, 2.9, 3.8])}, {"github": 4, "book": 4}
        ),
        "empty": lambda: LayersAgainstChance({"x": layers([np.nan])}, {"x": 4}),
        "one": lambda: LayersAgainstChance(
            {"x": layers([2.0], np.nan)}, {"x": 4}, "Gini", more_is_even=False, is_effective=False
        ),
        "many": lambda: LayersAgainstChance(
            {f"d{n}": layers(np.linspace(1, 200, 126)) for n in range(20)}, {f"d{n}": 256 for n in range(20)}
        ),
        "hostile": lambda: LayersAgainstChance(dict.fromkeys(HOSTILE, layers([3.0, 2.0])), dict.fromkeys(HOSTILE, 4)),
    },
    ExpertLorenz: {
        "usual": lambda: ExpertLorenz(curves(COUNTS), ([0, 0.2, 0.45, 0.7, 1], [0, 0.1, 0.4, 0.6, 1], [0, 0.25, 0.5, 0.75, 1])),
        "empty": lambda: ExpertLorenz(curves(np.zeros((1, 4), np.int64))),
        "one": lambda: ExpertLorenz(curves([[5]])),
        "many": lambda: ExpertLorenz(curves(np.arange(20 * 4096).reshape(20, 4096))),
        "hostile": lambda: ExpertLorenz(curves(COUNTS, HOSTILE[0])),
    },
    LayersOverSteps: {
        "usual": lambda: LayersOverSteps(
            [0, 10, 20], [[3.9, 3.8], [3.0, 3.7], [2.0, np.nan]], [0, 7], ([3.9] * 3, [3.8] * 3, [4.0] * 3)
        ),
        "empty": lambda: LayersOverSteps([0], [[np.nan]], [0]),
        "one": lambda: LayersOverSteps([5], [[2.0]], [3]),
        "many": lambda: LayersOverSteps(np.arange(1000), np.arange(32000.0).reshape(1000, 32), range(32)),
        "hostile": lambda: LayersOverSteps([0, 1], [[1.0], [2.0]], [0], name=HOSTILE[1]),
    },
}
