"""Leaves with at least one row."""

from leafscope.core.usage.statistics import STATISTICS, Statistic
from leafscope.core.usage.variants.dead_fraction import mean_dead

STATISTICS.register(
    Statistic(
        name="used_leaves",
        title="Used leaves",
        meaning="Leaves that hold at least one row of the split.",
        needs="counts",
        written="count",
        measure=lambda loads: loads.used,
        exact_mean=lambda load, rows: len(load) * (1 - mean_dead(load, rows)),
        more_is_even=True,
        place=20,
    )
)
