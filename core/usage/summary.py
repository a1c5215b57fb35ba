"""All leaf statistics in one table, and the reason why one is undefined."""

import numpy as np
import pandas as pd

from leafscope.core.limits import check_depth
from leafscope.core.usage.counts import Integers, check_range, checked_counts, leaf_counts_by_epoch, whole_numbers
from leafscope.core.usage.evenness import measure_counts
from leafscope.core.usage.information import ByClass
from leafscope.core.usage.statistics import STATISTICS, no_rows, one_class, one_leaf

_OF_NODES_AND_CELLS = {"node_balance": (no_rows, one_leaf), "lift": (no_rows, one_class, one_leaf)}
"""Reasons why what has a value for each node, or for each leaf and class, is undefined."""


def summarize(
    leaves: Integers, depth: int, *, level: int | None = None, y: Integers | None = None, n_classes: int | None = None
) -> pd.DataFrame:
    """Compute the leaf statistics over epochs: (E, N) recorded leaves -> a frame with one row for each recorded epoch.

    Columns: the fields of LeafBalance, `used_leaves`, `carrying_90`, any other registered statistic of counts, `churn` (the
    first is NaN), `settled`; with labels y (N,) also `purity` and `mutual_information` (nats). With `level`, the prefixes of
    that length replace the leaves. Raises ValueError for a level outside 0..depth and for y without n_classes, and what the
    single statistics raise.

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
    columns = measure_counts(counts)
    columns |= {one.name: one.measure(prefixes) for one in STATISTICS.that_need("epochs")}
    if y is not None and n_classes is not None:
        by_class = ByClass(prefixes, y, length, n_classes)
        columns |= {one.name: one.measure(by_class) for one in STATISTICS.that_need("classes") if one.is_quick}
    return pd.DataFrame(columns)


def why_undefined(name: str, counts: Integers) -> str | None:
    """Explain why a statistic is NaN or has only one possible value: (L,) or (L, C) counts -> a short reason or None.

    Names: every registered statistic, "node_balance" and "lift". Statistics of classes, and "lift", use the classes if given
    (L, C) counts. Raises ValueError for an unknown name, a negative count or the wrong number of dimensions, and TypeError for
    values that are not whole numbers.

    >>> why_undefined("gini", [0, 0]), why_undefined("gini", [3, 1]), why_undefined("purity", [[3, 0], [1, 0]])
    ('there are no rows', None, 'all rows are of one class')
    """
    reasons = {key: statistic.undefined for key, statistic in STATISTICS.items()} | _OF_NODES_AND_CELLS
    if name not in reasons:
        raise ValueError(f"name must be one of {', '.join(reasons)}, got {name!r}")
    n = checked_counts(counts, "counts", ndim=(1, 2)).astype(np.int64)
    in_leaf = n.sum(1) if n.ndim == 2 else n
    of_class = n.sum(0) if n.ndim == 2 else None
    return next((words for reason in reasons[name] if (words := reason(in_leaf, of_class)) is not None), None)
