"""How the values of a leaf statistic are written."""

import math

from leafscope.app import theme
from leafscope.core.usage.statistics import Statistic


def statistic_words(statistic: Statistic, value: float) -> str:
    """Write a value of a statistic; a count that is not whole, such as a mean, has one decimal.

    >>> from leafscope.core.usage.statistics import STATISTICS
    >>> [statistic_words(STATISTICS[name], x) for name, x in {"gini": 0.4183, "churn": 0.25, "used_leaves": 12.3}.items()]
    ['0.418', '25.0 %', '12.3']
    """
    if statistic.written == "share":
        return theme.percent(value)
    if statistic.written == "count" and math.isfinite(value):
        return theme.thousands(value) if abs(value - round(value)) < 0.05 else f"{value:,.1f}"
    return theme.three_significant(value)
