"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import numpy as np

from leafscope.app.figures.leaves.load_ranks import LoadRanks
from tests.app.figures.hostile import HOSTILE

EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    LoadRanks: {
        "usual": lambda: LoadRanks(
            {"tree net": [1, 0, 7, 2], "decision tree": [6, 4]}, kinds={"tree net": "tree", "decision tree": "decision_tree"}
        ),
        "empty": lambda: LoadRanks({"tree net": [0, 0]}, kinds={"tree net": "tree"}),
        "one": lambda: LoadRanks({"tree net": [3]}, kinds={"tree net": "tree"}),
        "many": lambda: LoadRanks({"tree net": np.arange(1 << 16)}, kinds={"tree net": "tree"}),
        "hostile": lambda: LoadRanks({name: [1, 2] for name in HOSTILE}, kinds=dict.fromkeys(HOSTILE, "tree")),
    },
}
