"""The share of rows in the majority class of their leaf."""

from leafscope.core.usage.statistics import STATISTICS, Statistic, no_rows, one_class

STATISTICS.register(
    Statistic(
        name="purity",
        title="Purity",
        meaning="Share of rows that are of the majority class of their leaf; with few rows in each leaf it is high by itself.",
        formula="(1/N) Σ over leaves of the largest class count.",
        needs="classes",
        written="share",
        measure=lambda by_class: by_class.quick["purity"],
        undefined=(no_rows, one_class),
        place=110,
    )
)
