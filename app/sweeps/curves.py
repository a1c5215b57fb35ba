"""From the table of a sweep to what figures draw: curves, gaps and points, with intervals over seeds."""

import math
import re
from collections.abc import Sequence

import pandas as pd

from leafscope.app.figures.shared.errors import BALANCED, MACRO_F1, SHARES, Errors, of_target
from leafscope.core.comparison import statistics
from leafscope.core.comparison.choices import pareto_front
from leafscope.core.comparison.intervals import interval_of
from leafscope.core.comparison.overlap import overlap
from leafscope.core.datasets import DATA_SETS
from leafscope.core.models import is_sized_by_width


def intervals(
    rows: pd.DataFrame, by: Sequence[str], value: str, term: float, *, is_share: bool = False, is_size: bool = False
) -> pd.DataFrame:
    """Average a column over the rows of each group -> by, mean, low, high, n; `term` is the overlap of the splits.

    `is_share` and `is_size` are those of `core.comparison.intervals.interval_of`.
    """
    lines = []
    for key, part in rows.groupby(list(by), dropna=False, sort=False):
        found = interval_of(is_share, part[value].to_numpy(dtype=float), overlap=term, is_size=is_size)
        lines.append([*key, found.mean, found.low, found.high, found.n])
    return pd.DataFrame(lines, columns=[*by, "mean", "low", "high", "n"])


def error_curves(rows: pd.DataFrame, which: statistics.Which) -> pd.DataFrame:
    """Test and training error by depth -> model, variant, depth, mean, low, high, n, split."""
    term = overlap(rows)
    parts = [statistics.by_depth(rows, which, split, "error", overlap=term).assign(split=split) for split in ("test", "train")]
    return pd.concat(parts, ignore_index=True)


def errors_of(rows: pd.DataFrame) -> Errors:
    """What the errors of a table of results are measured in."""
    if statistics.are_numbers(rows):
        return of_target(DATA_SETS[str(rows["data.name"].iloc[0])].target)
    of = str(rows[statistics.ERROR_OF].iloc[0]) if statistics.ERROR_OF in rows.columns and len(rows) else "accuracy"
    return {"balanced_accuracy": BALANCED, "macro_f1": MACRO_F1}.get(of, SHARES)


def gap_curves(rows: pd.DataFrame, which: statistics.Which) -> pd.DataFrame:
    """Test error minus training error by depth -> model, variant, depth, mean, low, high, n."""
    gaps = rows.assign(gap=statistics.gap(rows, which, "error").to_numpy())
    return intervals(gaps, ["model", "variant", "depth"], "gap", overlap(rows))


def cost_points(rows: pd.DataFrame, cost: str, choices: pd.DataFrame | None = None) -> pd.DataFrame:
    """List models with their cost, errors at the best epoch over seeds, and who of them is on the Pareto front.

    The front is that of the validation errors of `choices`, the rows of the seeds that choose, by default the same rows.
    Columns model, variant, depth, width, cost, mean, low, high and n (test error), validation_mean, run_ids, on_front. Dense
    nets have the width that they really have, and no depth.
    """
    rows = rows.assign(test=statistics.measure(rows, "best", "test", "error"))
    term = overlap(rows)
    keys = ["model", "variant", "depth", "width"]
    choosing = rows if choices is None else choices
    choosing = choosing.assign(validation=statistics.measure(choosing, "best", "validation", "error"))
    validation = {_key(key): part["validation"].mean() for key, part in choosing.groupby(keys, dropna=False, sort=False)}
    points = []
    for (model, variant, depth, width), part in rows.groupby(keys, dropna=False, sort=False):
        is_share = not statistics.are_numbers(rows)
        found = interval_of(is_share, part["test"].to_numpy(dtype=float), overlap=term, is_size=True)
        dense = is_sized_by_width(str(model))
        points.append(
            {
                "model": model,
                "variant": without_width(str(variant)) if dense else variant,
                "depth": math.nan if dense else depth,
                "width": float(part["net.width"].iloc[0]) if dense else width,
                "cost": part[cost].astype(float).mean(),
                "mean": found.mean,
                "low": found.low,
                "high": found.high,
                "n": found.n,
                "validation_mean": validation.get(_key((model, variant, depth, width)), math.nan),
                "run_ids": tuple(dict.fromkeys(part["run_id"])),
            }
        )
    columns = [*keys, "cost", "mean", "low", "high", "n", "validation_mean", "run_ids"]
    listed = pd.DataFrame(points, columns=columns).drop_duplicates(keys, ignore_index=True)
    front = pareto_front(listed["cost"].to_numpy(float), listed["validation_mean"].to_numpy(float))
    return listed.assign(on_front=front)


def _key(values: Sequence[object]) -> tuple[object, ...]:
    """A key that is equal to itself: None for NaN."""
    return tuple(None if value != value else value for value in values)


def without_width(variant: str) -> str:
    """Leave out the width that the variant of a dense net names, which has a column of its own.

    >>> without_width("weight_decay=0.1, w12")
    'weight_decay=0.1'
    """
    return ", ".join(part for part in variant.split(", ") if not re.fullmatch(r"w\d+", part))
