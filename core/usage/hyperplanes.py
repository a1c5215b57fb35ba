"""Leaf statistics under random hyperplanes on the same rows: what gates that learned nothing would give.

N rows · P numbers that the gates see of a row · K depth (gating bits) · L = 2^K leaves · C classes · D draws. The hyperplanes
go through the mean of the rows and have Gaussian normals, so that directions are uniform. This null model and the range (95 %
of the draws) are this project's choice. Unlike independent bits, it knows that few dimensions allow few leaves.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.limits import check_depth
from leafscope.core.usage.chance import Expected, band, of_classes, of_draws
from leafscope.core.usage.counts import Integers
from leafscope.core.usage.evenness import lorenz, measure_counts
from leafscope.core.usage.levels import HYPERPLANES
from leafscope.core.usage.statistics import STATISTICS

DRAWS = 200

_BLOCK = 1 << 20
"""Projections and counts that are computed together, summed over draws; more than fit into the cache, and few MB."""


def hyperplane_leaves(x: ArrayLike, depth: int, *, draws: int = DRAWS, seed: int = 0) -> Iterator[NDArray[np.int64]]:
    """Draw K hyperplanes D times and find each row's leaf: x (N, P) -> blocks of (d, N), where the d sum to D.

    A row on a hyperplane, or with a value that is not finite, gets bit 0, as in a net. Raises ValueError for the wrong number
    of dimensions, a depth outside 0..16 and fewer than 1 draw.
    """
    check_depth(depth)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    seen = np.asarray(x)
    if seen.ndim != 2:
        raise ValueError(f"x must have 2 dimensions, rows and what the gates see, got shape {seen.shape}")
    return _leaves(seen.astype(np.float64), depth, draws, np.random.default_rng(seed))


def _leaves(x: NDArray[np.float64], depth: int, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    rows, width = x.shape
    step = max(1, _BLOCK // max(1, rows * max(1, depth) + (1 << depth)))
    with np.errstate(all="ignore"):  # a net that diverged shows its gates infinite numbers
        centred = np.ascontiguousarray((x - x.mean(0)).T) if rows else x.T
        for start in range(0, draws, step):
            count = min(step, draws - start)
            normals = rng.standard_normal((count * depth, width))
            right = (normals @ centred > 0).reshape(count, depth, rows)
            leaf = np.zeros((count, rows), np.int64)
            for bit in range(depth):
                leaf = 2 * leaf + right[:, bit]
            yield leaf


def hyperplane_counts(x: ArrayLike, depth: int, *, draws: int = DRAWS, seed: int = 0) -> NDArray[np.int64]:
    """Count the rows in each leaf of D draws of K random hyperplanes: x (N, P) -> (D, L) int64, each row sums to N.

    Raises what `hyperplane_leaves` raises.

    >>> hyperplane_counts([[-1.0], [1.0]], depth=1, draws=2).tolist()  # any point between cuts the line
    [[1, 1], [1, 1]]
    """
    return np.concatenate([_counts(leaf, depth) for leaf in hyperplane_leaves(x, depth, draws=draws, seed=seed)])


def _counts(leaf: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Count the rows in each leaf of each draw: (d, N) -> (d, L)."""
    leaves = 1 << depth
    cell = leaf + leaves * np.arange(len(leaf))[:, None]
    return np.bincount(cell.ravel(), minlength=leaves * len(leaf)).reshape(-1, leaves).astype(np.int64, copy=False)


def expected_under_hyperplanes(
    x: ArrayLike,
    depth: int,
    *,
    y: Integers | None = None,
    n_classes: int | None = None,
    names: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Expected]:
    """Compute statistics under random hyperplanes: what the gates see (N, P) and, for statistics of classes, y (N,) -> by name.

    Names: those that have this chance level, all unless some are asked for. NaN without rows. Raises ValueError for y without
    n_classes, and what `hyperplane_leaves` raises.

    >>> expected_under_hyperplanes([[-1.0], [1.0]], depth=1, names=["effective_leaves"])
    {'effective_leaves': Expected(mean=2.0, low=2.0, high=2.0)}
    """
    if y is not None and n_classes is None:
        raise ValueError("n_classes must be given with y, got None")
    known = [one for one in STATISTICS.values() if HYPERPLANES in one.chance and (names is None or one.name in names)]
    of_counts = [one.name for one in known if one.needs == "counts"]
    by_class = [one for one in known if one.needs == "classes"] if y is not None else []
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in [*of_counts, *(one.name for one in by_class)]}
    for leaf in hyperplane_leaves(x, depth, draws=draws, seed=seed):
        found = measure_counts(_counts(leaf, depth), of_counts)
        if y is not None and n_classes is not None:
            found |= of_classes(leaf, y, depth, n_classes, by_class)
        for name, values in found.items():
            parts[name].append(values)
    is_empty = len(np.asarray(x)) == 0
    return {name: Expected.unknown() if is_empty else of_draws(np.concatenate(found)) for name, found in parts.items()}


def hyperplane_lorenz_band(
    x: ArrayLike, depth: int, *, draws: int = DRAWS, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compute the Lorenz curve under random hyperplanes: x (N, P) -> mean, 2.5 % and 97.5 % quantile, each (L + 1,).

    NaN without rows. Raises what `hyperplane_leaves` raises.
    """
    return band(lorenz(hyperplane_counts(x, depth, draws=draws, seed=seed)))
