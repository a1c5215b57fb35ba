"""The questions of the protocol at the same depth: differences of test errors, each question judged by itself.

K depth. A *key* is a model's line and variant. Each question is one family: Holm's correction runs over its depths, so what is
shown depends on no other question, data set or file. Nets that are the same run on both sides are no test and count for none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.comparison.intervals import LEVEL, Difference, detectable_difference, holm, paired_difference
from leafscope.core.comparison.overlap import overlap
from leafscope.core.comparison.statistics import best_depth, measure
from leafscope.core.models import gated_lines, lines, tree_lines
from leafscope.core.models.registry import model_of
from leafscope.core.sweep.outcome import SCORES

Key = tuple[str, str]
"""A model's line, and its variant: how its gates learn, empty if from their activations alone."""

DENSE = ("dense", "dense_capacity")
"""The dense nets of equal computation and of equal capacity, without a variant."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One model minus another in test error, as shares of rows, on the reporting seeds."""

    first: Key
    second: Key
    depth: int | None
    """Of the first."""
    second_depth: int | None
    """Of the second; None: it has none, or the depth of the first decides its width."""
    difference: Difference
    same: bool = False
    """Whether both are the same net, so that there is nothing to test."""
    shown: bool = False
    """Whether a difference is shown, by Holm over its family."""
    detectable: float = math.nan
    """The smallest difference that such a test shows with 80 % probability at Holm's strictest level."""
    pairs: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)), repr=False)
    """(J, 2) errors of both on the seeds that have both."""


def merged(tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Join the tables of a row's sweeps, each with how its gates learn, which becomes the variant of gated models."""
    parts = []
    for gate_gradient, table in tables:
        if gate_gradient != "none":
            gated = table["model"].isin(gated_lines())
            table = table.assign(variant=table["variant"].where(~gated, gate_gradient))
        parts.append(table)
    return pd.concat(parts, ignore_index=True).drop_duplicates(["model", "variant", "depth", "seed"], ignore_index=True)


def keys(results: pd.DataFrame) -> list[Key]:
    """List the models of a table in the order of legends, a model's variants one after the other."""
    found = results[["model", "variant"]].drop_duplicates()
    order = list(lines())
    ordered = sorted(found.itertuples(index=False), key=lambda row: order.index(row[0]))
    return [(str(model), str(variant)) for model, variant in ordered]


def tree_keys(results: pd.DataFrame) -> list[Key]:
    """List the trees with learned gates, for which the questions are asked."""
    return [key for key in keys(results) if key[0] in tree_lines()]


def questions(results: pd.DataFrame) -> list[tuple[Key, Key]]:
    """List what is compared at the same depth: first minus second.

    Every tree with every other gated model whose gates learn in the same way, and with the dense nets of equal computation and
    of equal capacity at that depth; and every variant of a tree with its first.
    """
    known, trees = keys(results), tree_keys(results)
    found = []
    for tree in trees:
        found += [(tree, key) for key in known if key[0] in gated_lines() and key[0] != tree[0] and key[1] == tree[1]]
        found += [(tree, (name, "")) for name in DENSE if (name, "") in known]
        first = next(key for key in trees if key[0] == tree[0])
        if tree != first:
            found.append((tree, first))
    return found


def rows_of(results: pd.DataFrame, key: Key, depth: int | None = None) -> pd.DataFrame:
    """The rows of a model, at a depth if given; rows without a depth count at every depth."""
    rows = results[(results["model"] == key[0]) & (results["variant"] == key[1])]
    return rows if depth is None else rows[rows["depth"].isna() | (rows["depth"] == depth)]


def errors_of(results: pd.DataFrame, key: Key, depth: int | None = None) -> "pd.Series[float]":
    """The test errors of a model at a depth, by seed, at the epochs of the lowest validation loss."""
    few = ["model", "variant", "depth", "seed", "status", "best_test_accuracy"]  # rows of all columns take long to pick
    rows = rows_of(results[few], key, depth)
    return pd.Series(measure(rows, "best", "test", "error").to_numpy(), index=rows["seed"].to_numpy()).dropna()


def compared(results: pd.DataFrame, first: tuple[Key, int | None], second: tuple[Key, int | None]) -> Judged:
    """Compare two models, each (key, depth), paired by seed; not judged yet."""
    ones, others = (errors_of(results, *side) for side in (first, second))
    pairs = pd.concat([ones, others], axis=1, join="inner").to_numpy()
    difference = paired_difference(pairs[:, 0], pairs[:, 1], overlap=overlap(results))
    # nets that are the same have the same errors, so that the others need no look
    same = difference.mean == difference.low == difference.high == 0 and _same(results, first, second)
    return Judged(first[0], second[0], first[1], second[1], difference, same, pairs=pairs)


def _same(results: pd.DataFrame, *sides: tuple[Key, int | None]) -> bool:
    """Whether two models are the same net on every seed: as many parameters, and the same losses to the last bit.

    At K = 0 every gated net is the dense net, though it may have been trained under another name.
    """
    columns = ["parameters", "best_epoch", *(name for name in SCORES if name.endswith("loss"))]
    one, other = (rows_of(results, *side).set_index("seed")[columns].sort_index() for side in sides)
    return len(one) > 0 and not one.isna().any(axis=None) and one.equals(other)


def judged(results: pd.DataFrame, found: Sequence[Judged]) -> list[Judged]:
    """Judge a family by Holm's correction; what is the same net is left out of it, and never shown."""
    adjusted = holm([math.nan if one.same else one.difference.p for one in found])
    tests, term = max(1, sum(not one.same for one in found)), overlap(results)
    return [
        replace(
            one,
            shown=bool(p < LEVEL),
            detectable=detectable_difference(one.pairs[:, 0], one.pairs[:, 1], overlap=term, tests=tests),
        )
        for one, p in zip(found, adjusted, strict=True)
    ]


def at_same_depth(results: pd.DataFrame, first: Key, second: Key) -> list[Judged]:
    """Compare two models at every depth of the first, judged together."""
    depths = sorted({int(depth) for depth in rows_of(results, first)["depth"].dropna()})
    return judged(results, [compared(results, (first, depth), (second, depth)) for depth in depths])


def own_depth(choices: pd.DataFrame, key: Key) -> int | None:
    """The depth with a model's lowest mean validation error on the choosing seeds; None if it has no depth."""
    rows = rows_of(choices, key)
    if rows["depth"].isna().all():
        return None
    return best_depth(rows, key[0], variant=key[1])


def is_sized_by_depth(key: Key) -> bool:
    """Whether a model has no depth of its own, but its width follows from the depth of the tree that it is compared with."""
    model = model_of(key[0])
    return model is not None and "depth" not in model.net_fields
