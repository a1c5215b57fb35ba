"""The entropy of the load."""

from leafscope.core.usage.statistics import STATISTICS, Statistic

STATISTICS.register(
    Statistic(
        name="entropy",
        title="Entropy",
        meaning="Evenness of the loads in nats, from 0 (one leaf) to log L (even).",
        formula="H = -Σ p log p.",
        needs="counts",
        measure=lambda loads: loads.entropy,
        more_is_even=True,
        place=60,
    )
)
