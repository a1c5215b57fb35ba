"""The fewest leaves that hold 90 % of the rows."""

from leafscope.core.usage.statistics import STATISTICS, Statistic

STATISTICS.register(
    Statistic(
        name="carrying_90",
        title="Leaves for 90 %",
        meaning="The fewest leaves that together hold 90 % of the rows of the split.",
        needs="counts",
        written="count",
        measure=lambda loads: loads.carrying(0.9),
        more_is_even=True,
        place=80,
    )
)
