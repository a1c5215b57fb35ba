"""The share of rows that changed their leaf."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.change import churn
from leafscope.core.usage.levels import INDEPENDENT_BITS
from leafscope.core.usage.statistics import STATISTICS, Statistic

if TYPE_CHECKING:
    from leafscope.core.usage.chance import Expected


def _churn(leaves: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.concatenate([[math.nan], churn(leaves)])[: len(leaves)]


def _expected(counts: Callable[[int], NDArray[np.int64]], epoch: int) -> "Expected":
    from leafscope.core.usage.chance import Expected, expected_agreement

    if epoch == 0:
        return Expected.unknown()
    same = expected_agreement(counts(epoch - 1), counts(epoch))
    return Expected(1 - same.mean, 1 - same.high, 1 - same.low)


STATISTICS.register(
    Statistic(
        name="churn",
        title="Rows that changed leaf",
        meaning="Share of rows whose leaf differs from that at the epoch recorded before.",
        needs="epochs",
        written="share",
        measure=_churn,
        chance=(INDEPENDENT_BITS,),
        expected=_expected,
        place=90,
    )
)
