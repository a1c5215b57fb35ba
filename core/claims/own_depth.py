"""Every model at its own depth, chosen on the choosing seeds and reported on the others, beside the tree at its own.

K depth. The differences of one tree on one data set are one family.
"""

import math
from dataclasses import dataclass

import pandas as pd

from leafscope.core.claims.judging import (
    DENSE,
    Judged,
    Key,
    compared,
    errors_of,
    is_sized_by_depth,
    judged,
    keys,
    own_depth,
    rows_of,
    tree_keys,
)
from leafscope.core.comparison.exchange import ExchangeRate, exchange_rate
from leafscope.core.comparison.intervals import Interval, mean_interval
from leafscope.core.comparison.overlap import overlap
from leafscope.core.models import gated_lines

LADDER = (*DENSE, "dense_ladder")
"""The lines whose widths are the dense ladder."""


@dataclass(frozen=True)
class Own:
    """A model at its own depth."""

    key: Key
    depth: int | None
    """None: it has no depth."""
    error: Interval
    """Test error, as a share of rows."""
    parameters: float
    multiply_adds: float
    """Of one example at inference; of a decision tree: comparisons."""
    rate: ExchangeRate | None
    """What a dense net as good would cost, in multiply-adds; None without a ladder, and for what is no gated net."""
    minus: dict[Key, Judged]
    """The trees minus this model, by tree."""


def at_own_depths(results: pd.DataFrame, choices: pd.DataFrame) -> list[Own]:
    """Compare all models of a data set; those without a result are left out."""
    depths, minus = families(results, choices)
    return [_own(results, key, depths[key], minus[key]) for key in minus]


def families(results: pd.DataFrame, choices: pd.DataFrame) -> tuple[dict[Key, int | None], dict[Key, dict[Key, Judged]]]:
    """Find every model's own depth, and judge each tree minus the others: model -> depth, and model -> tree -> difference.

    A tree is compared with the dense net of equal capacity at the tree's own depth, since that net is made for that depth; its
    own line shows the depth with the lowest validation error, as those of the others.
    """
    depths = {key: own_depth(choices, key) for key in keys(results)}
    present = [key for key in depths if len(errors_of(results, key, depths[key]))]
    minus: dict[Key, dict[Key, Judged]] = {key: {} for key in present}
    for tree in [key for key in tree_keys(results) if key in present]:
        others = [key for key in present if comparable(tree, key, results)]
        found = []
        for key in others:
            depth = depths[tree] if depths[key] is not None and is_sized_by_depth(key) else depths[key]
            found.append(compared(results, (tree, depths[tree]), (key, depth)))
        for key, one in zip(others, judged(results, found), strict=True):
            minus[key][tree] = one
    return depths, minus


def comparable(tree: Key, key: Key, results: pd.DataFrame) -> bool:
    """Whether a tree is compared with a model: of gated ones with those whose gates learn alike, and with its first variant.

    Wider dense nets cost more than the tree; the exchange rate compares with them.
    """
    first = next(one for one in tree_keys(results) if one[0] == tree[0])
    if key == tree or key[0] == "dense_ladder":
        return False
    return key[0] not in gated_lines() or key == first or (key[0] != tree[0] and key[1] == tree[1])


def _own(results: pd.DataFrame, key: Key, depth: int | None, minus: dict[Key, Judged]) -> Own:
    rows = rows_of(results, key, depth)
    errors = errors_of(results, key, depth)
    costs = [float(rows[name].astype(float).mean()) for name in ("parameters", "multiply_adds")]
    rate = ladder_rate(results, errors, costs[1]) if key[0] not in LADDER and not math.isnan(costs[1]) else None
    is_net = rows["train.lr"].notna().all() and rows["trials"].max() > 1
    interval = mean_interval(errors.to_numpy(), overlap=overlap(results))
    return Own(key, depth, interval, costs[0], costs[1], rate if is_net else None, minus)


def ladder_rate(results: pd.DataFrame, errors: "pd.Series[float]", cost: float) -> ExchangeRate | None:
    """Compare errors by seed with those of the dense nets of all widths on the same seeds; None for fewer than two widths."""
    dense = results[results["model"].isin(LADDER) & (results["status"] == "finished")]
    dense = dense.drop_duplicates(["net.width", "seed"]).assign(error=lambda rows: 1 - rows["best_test_accuracy"].astype(float))
    ladder = dense.pivot_table("error", "net.width", "seed")
    if len(ladder) < 2 or not 0 < cost < math.inf:
        return None
    costs = dense.groupby("net.width")["multiply_adds"].mean().reindex(ladder.index)
    own = errors.reindex(ladder.columns)
    return exchange_rate(costs.to_numpy(), ladder.to_numpy(), cost, own.to_numpy())
