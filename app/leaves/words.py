"""The statistics of leaf usage as a reader meets them: names, meanings, formulas, and how their values are written."""

import math
from dataclasses import dataclass

from leafscope.app import theme


@dataclass(frozen=True)
class Statistic:
    """A statistic in words."""

    title: str
    meaning: str
    """One sentence, then the formula."""
    is_share: bool = False
    is_count: bool = False
    by_chance: bool = True
    """Whether chance gives it a value to stand beside."""
    chance: str = "random routing"
    """What that chance is."""

    def words(self, value: float) -> str:
        """Write a value.

        >>> STATISTICS["gini"].words(0.4183), STATISTICS["dead_fraction"].words(0.25), STATISTICS["used_leaves"].words(12.3)
        ('0.418', '25.0 %', '12.3')
        """
        if self.is_share:
            return theme.percent(value)
        if self.is_count and math.isfinite(value):
            return theme.thousands(value) if abs(value - round(value)) < 0.05 else f"{value:,.1f}"
        return theme.three_significant(value)


STATISTICS = {
    "effective_leaves": Statistic(
        "Effective leaves",
        "As many leaves, used alike, would be as even as this: from 1 to L. exp(H), the perplexity of the load.",
    ),
    "used_leaves": Statistic("Used leaves", "Leaves that hold at least one row of the split.", is_count=True),
    "dead_fraction": Statistic(
        "Unused leaves", "Share of leaves with no row of the split, from 0 to 1 - 1/L. (number of n = 0) / L.", is_share=True
    ),
    "max_violation": Statistic(
        "Fullest leaf above mean",
        "By how much the fullest leaf exceeds the mean leaf: 0 is even, 1 is twice the mean. (max n - mean n) / mean n.",
    ),
    "gini": Statistic(
        "Gini",
        "Inequality of the loads: 0 is even, 1 - 1/L is one leaf for all. 2 Σ i n(i) / (L N) - (L + 1) / L, n ascending.",
    ),
    "entropy": Statistic("Entropy", "H = -Σ p log p, in nats, from 0 (one leaf) to log L (even)."),
    "cv2": Statistic(
        "CV²", "Squared coefficient of variation of the counts: var(n) / mean(n)², population variance; 0 is even."
    ),
    "carrying_90": Statistic(
        "Leaves for 90 %", "The fewest leaves that together hold 90 % of the rows of the split.", is_count=True
    ),
    "churn": Statistic(
        "Rows that changed leaf",
        "Share of rows whose leaf differs from that at the epoch recorded before.",
        is_share=True,
    ),
    "settled": Statistic("Rows in their final leaf", "Share of rows whose leaf is that of the last epoch.", is_share=True),
    "purity": Statistic(
        "Purity",
        "Share of rows that are of the majority class of their leaf; with few rows a leaf it is high by itself. "
        "(1/N) Σ over leaves of the largest class count.",
        is_share=True,
    ),
    "mutual_information": Statistic(
        "I(leaf; class)",
        "Mutual information of leaf and class, in nats; it grows with the number of leaves alone: read the adjusted one.",
    ),
    "adjusted_mutual_information": Statistic(
        "I(leaf; class), adjusted",
        "Mutual information of leaf and class, adjusted for chance: 0 is what random leaves give, 1 is everything "
        "(scikit-learn's adjusted_mutual_info_score).",
        by_chance=False,
    ),
    "divergence": Statistic(
        "Train/test divergence",
        "Jensen-Shannon divergence of the loads of training and test rows, in nats: 0 is equal, 0.693 disjoint. Chance: the "
        "same rows dealt at random into splits of these sizes.",
        chance="random splits",
    ),
}
"""Each statistic by its name in core, in words."""

UNUSED = Statistic("Unused leaves", "Leaves with no row of the split, of all L.", is_count=True)
