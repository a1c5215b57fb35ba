"""What a comparison that shows no difference could have shown: the minimal detectable difference in words."""

import math

import pandas as pd

from leafscope.app import theme
from leafscope.core.comparison.intervals import detectable_beside


def detectable_words(rows: pd.DataFrame, tests: int, unit: str = "points", by: str = "") -> str:
    """Say which difference these seeds would show in 4 of 5 cases, from intervals in the unit: low, high, n; empty if unknown.

    `tests` are those that Holm's correction counts; `by` is what the rows differ in. A difference that is the same for all
    seeds, as of two equal nets, has none.

    >>> detectable_words(pd.DataFrame({"low": [-1.0], "high": [1.0], "n": [20]}), tests=1)
    'With these 20 seeds, a difference of 1.4 points would be found in 4 of 5 cases.'
    """
    records = rows.to_dict("records")
    least = [detectable_beside(row["low"], row["high"], int(row["n"]), tests=max(1, tests)) for row in records]
    known = sorted(value for value in least if math.isfinite(value) and value > 0)
    if not known:
        return ""
    low, high = (f"{end:.1f}" if unit == "points" else theme.three_significant(end) for end in (known[0], known[-1]))
    most, by = f"{high} {unit}".rstrip(), f", depending on the {by}," if by else ""
    size = most if low == high else f"{low} to {most}{by}"
    n = theme.thousands(int(rows["n"].max()))
    return f"With these {n} seeds, a difference of {size} would be found in 4 of 5 cases."
