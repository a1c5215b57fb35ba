"""What the statistics of counts share: the sorted loads of many sets of counts.

L leaves · R sets of counts, one in each row · U the most leaves that any of them uses, at least 1.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.counts import small_integers


@dataclass(frozen=True, eq=False)
class Loads:
    """Sets of counts, with what several statistics need computed once."""

    counts: NDArray[np.integer]
    """(R, L) rows in each leaf, L at least 1, none negative."""

    @property
    def leaves(self) -> int:
        """L."""
        return self.counts.shape[1]

    @cached_property
    def ascending(self) -> NDArray[np.integer]:
        """(R, U) counts, ascending in each row; the leading L - U columns, which are all 0, are dropped."""
        ascending = np.sort(small_integers(self.counts), axis=1)
        most_used = int((ascending > 0).sum(1).max(initial=1))
        return ascending[:, -most_used:]

    @property
    def empty(self) -> int:
        """L - U, the leaves that none uses and that `ascending` and `p` lack."""
        return self.leaves - self.ascending.shape[1]

    @cached_property
    def rows(self) -> NDArray[np.float64]:
        """(R,) the number of rows, NaN instead of 0."""
        rows = self.ascending.sum(1, dtype=np.float64)
        rows[rows == 0] = math.nan
        return rows

    @cached_property
    def p(self) -> NDArray[np.float64]:
        """(R, U) shares of the rows, ascending; NaN without rows."""
        return self.ascending / self.rows[:, None]

    @cached_property
    def used(self) -> NDArray[np.int64]:
        """(R,) the number of leaves with at least one row."""
        return np.count_nonzero(self.ascending, axis=1)

    @cached_property
    def entropy(self) -> NDArray[np.float64]:
        """(R,) -sum p log p, in nats; NaN without rows."""
        p = self.p
        return np.maximum(0, -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum(1))

    def carrying(self, share: float) -> NDArray[np.int64]:
        """Count the fewest leaves that together hold at least this share of the rows: (R,), 0 without rows."""
        descending = self.ascending[:, ::-1].astype(np.int64)
        held = descending.cumsum(1)
        target = np.ceil(share * held[:, -1:] * (1 - 1e-12))  # 0.7 of 10 rows is 7, but the float product is larger
        return (held - descending < target).sum(1)
