"""What the training losses of a run say: where two runs fit equally well, and whether a loss still falls.

E epochs.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leafscope.core.comparison.intervals import one_dimensional


def at_same_train_loss(histories_first: ArrayLike, histories_second: ArrayLike) -> tuple[int | None, int | None]:
    """Find the epochs at which two runs fit the training rows equally well: train loss (E,) and (E,) -> two indices.

    The target is the larger of the two lowest losses; each index is the first at or below it. Losses that are not finite are
    skipped; if one side has no finite loss, both indices are None. Raises ValueError for the wrong number of dimensions.

    >>> at_same_train_loss([2.0, 1.0, 0.5, 0.25], [2.0, 1.5, 0.75])
    (2, 2)
    """
    histories = one_dimensional(histories_first, "histories_first"), one_dimensional(histories_second, "histories_second")
    finite = [np.where(np.isfinite(losses), losses, math.inf) for losses in histories]
    target = max(losses.min(initial=math.inf) for losses in finite)
    if target == math.inf:
        return None, None
    first, second = (int(np.argmax(losses <= target)) for losses in finite)
    return first, second


def still_falls(train_losses: ArrayLike, share: float = 0.1, by: float = 0.02) -> bool:
    """Return whether the train loss fell by more than the share `by` over the last `share` of the epochs: (E,) from epoch 0.

    `share` is of E - 1 epochs, at least one. An epoch without a loss takes the previous one. False if the loss is missing at
    either end. Raises ValueError unless `share` is in (0, 1] and `by` in [0, 1), and for the wrong number of dimensions.

    >>> still_falls([2.0, 1.0, 0.5]), still_falls([2.0, 0.5, 0.5])
    (True, False)
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    if not 0 <= by < 1:
        raise ValueError(f"by must be at least 0 and below 1, got {by}")
    losses = pd.Series(one_dimensional(train_losses, "train_losses")).ffill().to_numpy()
    epochs = len(losses) - 1
    if epochs < 1:
        return False
    back = max(1, round(share * epochs))
    return bool(losses[-1] < (1 - by) * losses[-1 - back])
