"""Statistics of the epochs and of the splits: which rows change their leaf, and how far two loads differ."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.change import churn, divergence, settled
from leafscope.core.usage.statistics import STATISTICS, Statistic

if TYPE_CHECKING:
    from leafscope.core.usage.chance import Expected

_CountsAt = Callable[[int], NDArray[np.int64]]


def _churn(leaves: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.concatenate([[math.nan], churn(leaves)])[: len(leaves)]


def _random_churn(counts: _CountsAt, epoch: int) -> "Expected":
    from leafscope.core.usage.chance import Expected, expected_agreement

    if epoch == 0:
        return Expected(math.nan, math.nan, math.nan)
    same = expected_agreement(counts(epoch - 1), counts(epoch))
    return Expected(1 - same.mean, 1 - same.high, 1 - same.low)


def _random_settled(counts: _CountsAt, epoch: int) -> "Expected":
    from leafscope.core.usage.chance import expected_agreement

    return expected_agreement(counts(-1), counts(epoch))


def _random_divergence(train: NDArray[np.int64], test: NDArray[np.int64]) -> "Expected":
    from leafscope.core.usage.chance import expected_divergence

    return expected_divergence(train, test)


STATISTICS.register(
    Statistic(
        name="churn",
        title="Rows that changed leaf",
        meaning="Share of rows whose leaf differs from that at the epoch recorded before.",
        needs="epochs",
        written="share",
        measure=_churn,
        expected=_random_churn,
        place=90,
    )
)
STATISTICS.register(
    Statistic(
        name="settled",
        title="Rows in their final leaf",
        meaning="Share of rows whose leaf is that of the last epoch.",
        needs="epochs",
        written="share",
        measure=settled,
        expected=_random_settled,
        place=100,
    )
)
STATISTICS.register(
    Statistic(
        name="divergence",
        title="Train/test divergence",
        meaning="Jensen-Shannon divergence of the loads of training and test rows, in nats: 0 is equal, 0.693 disjoint.",
        formula="(KL(p, m) + KL(q, m)) / 2 with m = (p + q) / 2. Chance: the same rows dealt at random into splits of these "
        "sizes.",
        needs="splits",
        measure=lambda splits: np.array([divergence(*counts) for counts in zip(*splits, strict=True)]),
        chance="random splits",
        expected=_random_divergence,
        place=140,
    )
)
