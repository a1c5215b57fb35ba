"""How much the leaf tells about the class, in nats."""

from leafscope.core.usage.statistics import STATISTICS, Statistic, no_rows, one_class, one_leaf

STATISTICS.register(
    Statistic(
        name="mutual_information",
        title="I(leaf; class)",
        meaning="Mutual information of leaf and class, in nats; it grows with the number of leaves alone: prefer the adjusted "
        "one.",
        formula="H(leaf) + H(class) - H(leaf, class).",
        needs="classes",
        measure=lambda by_class: by_class.quick["mutual_information"],
        undefined=(no_rows, one_class, one_leaf),
        place=120,
    )
)
