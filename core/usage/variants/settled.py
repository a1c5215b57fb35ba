"""The share of rows in their leaf of the last epoch."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.change import settled
from leafscope.core.usage.levels import INDEPENDENT_BITS
from leafscope.core.usage.statistics import STATISTICS, Statistic

if TYPE_CHECKING:
    from leafscope.core.usage.chance import Expected


def _expected(counts: Callable[[int], NDArray[np.int64]], epoch: int) -> "Expected":
    from leafscope.core.usage.chance import expected_agreement

    return expected_agreement(counts(-1), counts(epoch))


STATISTICS.register(
    Statistic(
        name="settled",
        title="Rows in their final leaf",
        meaning="Share of rows whose leaf is that of the last epoch.",
        needs="epochs",
        written="share",
        measure=settled,
        chance=(INDEPENDENT_BITS,),
        expected=_expected,
        place=100,
    )
)
