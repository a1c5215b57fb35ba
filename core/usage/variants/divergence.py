"""The divergence of the loads of training and test rows."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.change import divergence
from leafscope.core.usage.levels import RANDOM_SPLITS
from leafscope.core.usage.statistics import STATISTICS, Statistic

if TYPE_CHECKING:
    from leafscope.core.usage.chance import Expected


def _expected(train: NDArray[np.int64], test: NDArray[np.int64]) -> "Expected":
    from leafscope.core.usage.chance import expected_divergence

    return expected_divergence(train, test)


STATISTICS.register(
    Statistic(
        name="divergence",
        title="Train/test divergence",
        meaning="Jensen-Shannon divergence of the loads of training and test rows, in nats: 0 is equal, 0.693 disjoint.",
        formula="(KL(p, m) + KL(q, m)) / 2 with m = (p + q) / 2. Chance: the same rows dealt at random into splits of these "
        "sizes.",
        needs="splits",
        measure=lambda splits: np.array([divergence(*counts) for counts in zip(*splits, strict=True)]),
        chance=(RANDOM_SPLITS,),
        expected=_expected,
        place=140,
    )
)
