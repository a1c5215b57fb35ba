"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import numpy as np

from leafscope.app.figures.data.target_classes import TargetClasses
from leafscope.app.figures.data.target_values import TargetValues
from tests.app.figures.hostile import HOSTILE

EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    TargetClasses: {
        "usual": lambda: TargetClasses([3, 1], ["cat", "dog"], "animal"),
        "empty": lambda: TargetClasses([], [], "animal"),
        "one": lambda: TargetClasses([3], ["cat"], "animal"),
        "many": lambda: TargetClasses(np.arange(100), [str(one) for one in range(100)], "animal"),
        "hostile": lambda: TargetClasses([3, 1], [HOSTILE, HOSTILE], HOSTILE),
    },
    TargetValues: {
        "usual": lambda: TargetValues([1.0, 2.0, 2.0, 5.5], "price"),
        "empty": lambda: TargetValues([], "price"),
        "one": lambda: TargetValues([3.0], "price"),
        "many": lambda: TargetValues(np.random.default_rng(0).normal(size=5000), "price"),
        "hostile": lambda: TargetValues([1.0, 2.0], HOSTILE),
    },
}
