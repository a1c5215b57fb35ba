"""All leaf statistics in one table, and the reason why one is undefined."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.limits import check_depth
from leafscope.core.usage.change import churn, settled
from leafscope.core.usage.counts import Integers, check_range, checked_counts, leaf_counts_by_epoch, whole_numbers
from leafscope.core.usage.evenness import BALANCE_NAMES, balance_by_epoch, carrying_by_row
from leafscope.core.usage.information import class_statistics

CHANCE_NAMES = (*BALANCE_NAMES, "used_leaves", "carrying_90")
"""Statistics of one set of counts; `core.usage.chance` computes their expectation."""

_BY_CLASS = ("purity", "mutual_information", "adjusted_mutual_information", "lift")
_OF_LEAVES = (*CHANCE_NAMES, "node_balance", "divergence", "churn", "settled")


def summarize(
    leaves: Integers, depth: int, *, level: int | None = None, y: Integers | None = None, n_classes: int | None = None
) -> pd.DataFrame:
    """Compute the leaf statistics over epochs: (E, N) recorded leaves -> a frame with one row for each recorded epoch.

    Columns: the fields of LeafBalance, `used_leaves`, `carrying_90`, `churn` (the first is NaN), `settled`; with labels
    y (N,) also `purity` and `mutual_information` (nats). With `level`, the prefixes of that length replace the leaves.
    Raises ValueError for a level outside 0..depth and for y without n_classes, and what the single statistics raise.

    >>> summarize([[0, 1], [0, 3]], depth=2)[["effective_leaves", "used_leaves", "churn", "settled"]].values.tolist()
    [[2.0, 2.0, nan, 0.5], [2.0, 2.0, 0.5, 1.0]]
    """
    check_depth(depth)
    length = depth if level is None else level
    if not 0 <= length <= depth:
        raise ValueError(f"level must be from 0 to the depth ({depth}), got {length}")
    if y is not None and n_classes is None:
        raise ValueError("n_classes must be given with y, got None")
    recorded = whole_numbers(leaves, "leaves", ndim=2)
    check_range(recorded, 1 << depth, "a leaf", f" at depth {depth}")
    prefixes = recorded.astype(np.int32) >> (depth - length)
    counts = leaf_counts_by_epoch(prefixes, length)
    columns: dict[str, NDArray] = dict(balance_by_epoch(counts))
    columns["used_leaves"] = np.count_nonzero(counts, axis=1)
    columns["carrying_90"] = carrying_by_row(counts)
    columns["churn"] = np.concatenate([[math.nan], churn(prefixes)])[: len(prefixes)]
    columns["settled"] = settled(prefixes)
    if y is not None and n_classes is not None:
        columns |= class_statistics(prefixes, y, n_classes)
    return pd.DataFrame(columns)


def why_undefined(name: str, counts: Integers) -> str | None:
    """Explain why a statistic is NaN or has only one possible value: (L,) or (L, C) counts -> a short reason or None.

    Names: the fields of LeafBalance, "used_leaves", "carrying_90", "node_balance", "divergence", "churn", "settled",
    "purity", "mutual_information", "adjusted_mutual_information", "lift"; the last four use classes if given (L, C)
    counts. Raises ValueError for an unknown name, a negative count or the wrong number of dimensions, and TypeError for
    values that are not whole numbers.

    >>> why_undefined("gini", [0, 0]), why_undefined("gini", [3, 1]), why_undefined("purity", [[3, 0], [1, 0]])
    ('there are no rows', None, 'all rows are of one class')
    """
    if name not in _BY_CLASS + _OF_LEAVES:
        raise ValueError(f"name must be one of {', '.join(_BY_CLASS + _OF_LEAVES)}, got {name!r}")
    n = checked_counts(counts, "counts", ndim=(1, 2)).astype(np.int64)
    in_leaf = n.sum(1) if n.ndim == 2 else n
    of_class = n.sum(0) if n.ndim == 2 else None
    if not in_leaf.any():
        return "there are no rows"
    if name in _BY_CLASS and of_class is not None and np.count_nonzero(of_class) == 1:
        return "all rows are of one class"
    if len(in_leaf) == 1 and name != "purity":
        return "at depth 0 there is one leaf and no gate"
    if name == "adjusted_mutual_information":
        if np.count_nonzero(in_leaf) == 1:
            return "all rows are in one leaf"
        if of_class is not None and max(in_leaf.max(), of_class.max()) == 1:
            return "each row has a leaf and a class of its own"
    return None
