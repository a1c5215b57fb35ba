"""How a model uses its leaves, in the five numbers that are shown against depth, and what chance alone would give.

N rows · L leaves, 2^K of a net · R sets of counts, one in each row. Any number of leaves, so that decision trees count too.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.usage.chance import Expected, draw, of_draws
from leafscope.core.usage.counts import Integers, checked_counts
from leafscope.core.usage.evenness import measure_counts
from leafscope.core.usage.hyperplanes import hyperplane_counts
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

_MANY_LEAVES = 1 << 12
"""With more leaves, statistics vary little between draws, and 40 are enough."""


@dataclass(frozen=True)
class Measure:
    """One of the numbers."""

    title: str
    unit: str
    """leaves, rows or percent."""
    meaning: str
    """One sentence."""


MEASURES: dict[str, Measure] = {
    "effective_leaves": Measure(
        "Effective leaves", "leaves", "The load is as even as if this many leaves were used equally: exp(H)."
    ),
    "used_leaves": Measure("Used leaves", "leaves", "Leaves that hold at least one row."),
    "dead_leaves": Measure("Dead leaves", "leaves", "Leaves that hold no row; a decision tree has only leaves that were used."),
    "fullest_share": Measure("Fullest leaf", "percent", "Share of the rows in the leaf that holds most of them."),
    "rows_per_leaf": Measure("Rows for each used leaf", "rows", "Rows, divided by the leaves that hold at least one."),
}
"""By name, in the order shown."""


def leaf_use(counts: Integers) -> dict[str, NDArray[np.float64]]:
    """Compute the numbers of `MEASURES`: (R, L) whole numbers -> {name: (R,)}; shares are from 0 to 1, NaN without rows.

    Raises ValueError for a negative count or the wrong number of dimensions, and TypeError for values that are not whole.

    >>> {name: values.tolist() for name, values in leaf_use([[3, 1, 0, 0]]).items() if name != "effective_leaves"}
    {'used_leaves': [2.0], 'dead_leaves': [2.0], 'fullest_share': [0.75], 'rows_per_leaf': [2.0]}
    """
    n = checked_counts(counts, "counts", ndim=2)
    rows = n.sum(1, dtype=np.float64)
    rows[rows == 0] = math.nan
    found = measure_counts(n, ["effective_leaves", "used_leaves"])
    used = np.where(np.isnan(rows), math.nan, found["used_leaves"])
    return {
        "effective_leaves": found["effective_leaves"],
        "used_leaves": used,
        "dead_leaves": n.shape[1] - used,
        "fullest_share": n.max(1, initial=0) / rows,
        "rows_per_leaf": rows / used,
    }


def leaf_use_by_chance(
    counts: Integers, seen: ArrayLike | None, *, levels: Iterable[Level] = (INDEPENDENT_BITS, HYPERPLANES), seed: int = 0
) -> dict[Level, dict[str, Expected]]:
    """Compute what chance gives for the numbers of `MEASURES`: counts (L,), what the gates see (N, P) -> level -> by name.

    The rows are as many as `counts` has, in L = 2^K leaves. Without `seen`, random hyperplanes are left out. Raises what
    `usage.chance.draw` raises, and ValueError unless `seen` has a row for each of those counted.
    """
    n = checked_counts(counts, "counts", ndim=1)
    draws = 200 if len(n) <= _MANY_LEAVES else 40
    found: dict[Level, dict[str, Expected]] = {}
    for level in levels:
        if level == INDEPENDENT_BITS:
            found[level] = _expected(draw(n, draws, seed))
        elif level == HYPERPLANES and seen is not None:
            x = np.asarray(seen)
            if len(x) != n.sum():
                raise ValueError(f"seen must have a row for each of the {n.sum():,} rows counted, got {len(x):,}")
            found[level] = _expected(hyperplane_counts(x, len(n).bit_length() - 1, draws=draws, seed=seed))
    return found


def _expected(drawn: NDArray[np.int64]) -> dict[str, Expected]:
    if not drawn.any():
        return {name: Expected.unknown() for name in MEASURES}
    return {name: of_draws(values) for name, values in leaf_use(drawn).items()}
