"""Examples of this folder's figures for the suite of what holds for every figure."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.capacity.capacity_time_ratio import CapacityTimeRatio
from leafscope.app.figures.capacity.error_by_cost import ErrorByCost
from leafscope.core.models import lines
from tests.app.figures.capacity.tables import NAN, counts, points, ratios
from tests.app.figures.hostile import HOSTILE


def many_counts() -> pd.DataFrame:
    """Every quantity at every depth that a net can have."""
    quantities = ["stored", "distinct", "trained", "multiply_adds", "gate_multiply_adds", "touched_bytes"]
    quantities += ["training_seconds", "inference_seconds"]
    rows = [(quantity, k, float(2**k), "units") for quantity in quantities for k in range(17)]
    return pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"])


def many_ratios() -> pd.DataFrame:
    rows = [
        (phase, 4**batch, k, 2.0 ** (k - batch))
        for phase in ("training", "straight_through", "inference")
        for batch in range(8)
        for k in range(17)
    ]
    return pd.DataFrame(rows, columns=["phase", "rows", "depth", "ratio"])


def many_points() -> pd.DataFrame:
    """Every model at 17 depths and 12 widths."""
    one = points().iloc[:1]
    places = [(model, k, width) for model in lines() for width in range(4, 52, 4) for k in range(17)]
    table = pd.concat([one] * len(places), ignore_index=True)
    columns = pd.DataFrame(places, columns=["model", "depth", "width"])
    return table.assign(**columns, cost=columns["width"] ** 2, on_front=[place % 7 == 0 for place in range(len(places))])


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {
    CapacityByDepth: {
        "usual": lambda: CapacityByDepth(counts(gates=2, dense=True), reference="dense"),
        "empty": lambda: CapacityByDepth(counts().assign(value=NAN)),
        "one": lambda: CapacityByDepth(counts().query("quantity == 'stored' and depth == 0")),
        "many": lambda: CapacityByDepth(many_counts()),
        "hostile": lambda: CapacityByDepth(counts().assign(unit=HOSTILE[0])),
    },
    CapacityTimeRatio: {
        "usual": lambda: CapacityTimeRatio(ratios().assign(unstable=[True, *[False] * 5])),
        "empty": lambda: CapacityTimeRatio(ratios().assign(ratio=NAN)),
        "one": lambda: CapacityTimeRatio(ratios().query("phase == 'inference' and depth == 0")),
        "many": lambda: CapacityTimeRatio(many_ratios()),
        "hostile": lambda: CapacityTimeRatio(ratios().assign(phase=[HOSTILE[place % 3] for place in range(6)])),
    },
    ErrorByCost: {
        "usual": lambda: ErrorByCost(points(), cost="multiply_adds"),
        "empty": lambda: ErrorByCost(points().assign(cost=NAN), cost="parameters"),
        "one": lambda: ErrorByCost(points(1).iloc[:1], cost="parameters"),
        "many": lambda: ErrorByCost(many_points(), cost="multiply_adds"),
        "hostile": lambda: ErrorByCost(
            points().assign(model=[HOSTILE[place % 3] for place in range(8)], variant=HOSTILE[0]), cost="parameters"
        ),
    },
}
