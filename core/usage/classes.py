"""Classes in the leaves: lift and purity.

L leaves · C classes. Statistics without rows are NaN, never a silent 0.
"""

import math

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.counts import Integers, checked_counts, ratio


def lift(class_counts: Integers) -> NDArray[np.float64]:
    """Compare the load of each class with that of all rows: (L, C) counts -> (L, C) p(leaf given class) / p(leaf).

    1 is neutral, 0 means that the leaf has no row of the class; NaN if the leaf or the class has no rows. Raises
    ValueError for a negative count or the wrong number of dimensions, and TypeError for values that are not whole numbers.

    >>> lift([[2, 0], [2, 4], [0, 0]]).tolist()
    [[2.0, 0.0], [0.6666666666666666, 1.3333333333333333], [nan, nan]]
    """
    n = checked_counts(class_counts, "class_counts", ndim=2).astype(np.float64)
    expected = n.sum(1, keepdims=True) * n.sum(0, keepdims=True)
    return ratio(n * n.sum(), expected)


def purity(class_counts: Integers) -> float:
    """Return the share of rows that belong to the majority class of their leaf: (L, C) counts -> 0 to 1, NaN without rows.

    (1/N) sum over leaves of max over classes of n: Manning et al. 2008, section 16.3. It grows with the number of
    leaves and reaches 1 when each row has its own leaf. Raises what `lift` raises.

    >>> purity([[3, 1], [0, 0], [1, 1]])
    0.6666666666666666
    """
    n = checked_counts(class_counts, "class_counts", ndim=2)
    rows = int(n.sum(dtype=np.int64))
    return float(n.max(1).sum(dtype=np.int64)) / rows if rows else math.nan
