"""Where labels stand along a side: as near as they can be to the places they want, without touching each other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def spread(wanted: ArrayLike, sizes: ArrayLike, height: float) -> NDArray[np.float64]:
    """Move (A,) centres of labels of (A,) sizes as little as possible, by squares, so that none overlap in 0..height.

    The order of the centres is kept. Where the sizes exceed the height, labels reach above it.

    >>> spread([10, 10, 90], [20, 20, 20], height=100).tolist()
    [10.0, 30.0, 90.0]
    """
    centres, tall = np.asarray(wanted, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if len(centres) == 0:
        return centres
    order = np.argsort(centres, kind="stable")
    tall = tall[order]
    # Side by side, centres are offset + a value that must not fall from one to the next: isotonic regression
    offset = np.cumsum(tall) - tall / 2
    values = _isotonic(centres[order] - offset)
    values = np.clip(values, 0.0, max(0.0, height - tall.sum()))
    places = np.empty(len(centres))
    places[order] = values + offset
    return places


def spread_off(
    wanted: ArrayLike, sizes: ArrayLike, height: float, taken: Sequence[Sequence[tuple[float, float]]]
) -> NDArray[np.float64]:
    """Move centres as `spread` does, to whole px, and each label off the intervals of px that are `taken` for it.

    Where that leaves no room, the labels are placed as by `spread`.

    >>> spread_off([50], [20], height=100, taken=[[(45, 70)]]).tolist()
    [35.0]
    """
    centres, tall = np.asarray(wanted, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    order = np.argsort(centres, kind="stable")
    grid = np.arange(0.0, height + 1)
    # best[p]: the least sum of squares of the labels so far, the last of them centred at px p or below; `at` says where
    best, steps = np.zeros(len(grid)), []
    for number, place in enumerate(order):
        half = tall[place] / 2
        cost = (grid - centres[place]) ** 2
        cost[(grid < half) | (grid > height - half)] = np.inf
        for low, high in taken[place]:
            cost[(grid > low - half) & (grid < high + half)] = np.inf
        if number:
            apart = int(np.ceil(half + tall[order[number - 1]] / 2))
            cost[apart:] += best[: len(grid) - apart]
            cost[:apart] = np.inf
        best = np.minimum.accumulate(cost)
        steps.append(cost)
    if not len(order) or not np.isfinite(best[-1]):
        return spread(wanted, sizes, height)
    places, end = np.empty(len(order)), len(grid)
    for number in range(len(order) - 1, -1, -1):
        at = int(np.argmin(steps[number][:end]))
        places[order[number]] = grid[at]
        end = at + 1
        if number:
            end = at - int(np.ceil((tall[order[number]] + tall[order[number - 1]]) / 2)) + 1
    return places


def _isotonic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rising sequence nearest by squares, by its max-min formula; O(A^3) for a handful of labels."""
    count = range(len(values))
    return np.array([max(min(values[j : k + 1].mean() for k in count if k >= i) for j in count if j <= i) for i in count])
