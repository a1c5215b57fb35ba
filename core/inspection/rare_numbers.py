"""Errors of predicted numbers by the number of training rows that share a test row's leaf, against the dense net.

N rows · J seeds. The bins of visits are those of `errors_by_leaf`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.comparison.intervals import paired_difference
from leafscope.core.inspection.errors_by_leaf import BINS, bin_words


@dataclass(frozen=True, eq=False)
class SeedSquares:
    """The test rows of one seed and the errors of both nets on them; raises ValueError for arrays of different lengths."""

    seed: int
    visits: NDArray[np.int64]
    """(N,) number of training rows that share the row's leaf."""
    error: NDArray[np.float64]
    """(N,) the model's prediction minus the target."""
    dense_error: NDArray[np.float64]
    """(N,) that of the dense net on the same row."""

    def __post_init__(self) -> None:
        shapes = [np.shape(values) for values in (self.visits, self.error, self.dense_error)]
        if len(shapes[0]) != 1 or len(set(shapes)) > 1:
            given = ", ".join(map(str, shapes))
            raise ValueError(f"visits, error and dense_error must have one entry for each row of seed {self.seed}, got {given}")
        if np.min(self.visits, initial=0) < 0:
            raise ValueError(f"visits must not be negative, got {np.min(self.visits)} for seed {self.seed}")


def rare_numbers(by_model: Mapping[str, Sequence[SeedSquares]], overlap: float = 0.0) -> pd.DataFrame:
    """Compare each model's RMSE with the dense net's on test rows by how many training rows share their leaf.

    One row for each model, in the given order, and each bin that has test rows. Columns model, bin (words), least, most (NA: no
    upper end), seeds (with rows in the bin), rows, rmse, dense_rmse and difference (rmse - dense_rmse), low, high, all in the
    unit of the target. RMSEs pool the rows of all seeds, so a seed weighs as much as it has rows in the bin. The 95 % interval
    is of this function of ratios: t over the seeds' linearized values (Cochran 1977, ch. 6), with `overlap` as in
    `core.comparison.statistics`; NaN below two seeds, and where an RMSE is 0. Raises ValueError if a model has a seed twice,
    and for an overlap that is negative or not finite.
    """
    if not 0 <= overlap < math.inf:
        raise ValueError(f"overlap must be finite and at least 0, got {overlap}")
    rows = [row for model, seeds in by_model.items() for row in _by_bin(model, seeds, overlap)]
    names = ["model", "bin", "least", "most", "seeds", "rows", "rmse", "dense_rmse", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=names).astype({"most": "Int64"})


def _by_bin(model: str, seeds: Sequence[SeedSquares], overlap: float) -> Iterator[tuple[object, ...]]:
    numbers = [of_seed.seed for of_seed in seeds]
    if twice := {seed for seed in numbers if numbers.count(seed) > 1}:
        raise ValueError(f"a model must have each seed once, got seed {min(twice)} of {model} several times")
    for least, most in BINS:
        sums = np.array([_sums(of_seed, least, most) for of_seed in seeds], np.float64).reshape(-1, 3)
        sums = sums[sums[:, 0] > 0]
        if len(sums):
            n, own, dense = sums.T
            roots = [float(np.sqrt(squares.sum() / n.sum())) for squares in (own, dense)]
            yield (
                *(model, bin_words((least, most)), least, most, len(sums), int(n.sum()), *roots, roots[0] - roots[1]),
                *_interval(n, own, dense, overlap),
            )


def _sums(of_seed: SeedSquares, least: int, most: int | None) -> tuple[float, float, float]:
    """Count the rows in a bin, and sum the squared errors of the model and of the dense net on them."""
    inside = (of_seed.visits >= least) & (of_seed.visits <= (math.inf if most is None else most))
    own, dense = (float((error[inside] ** 2).sum()) for error in (of_seed.error, of_seed.dense_error))
    return float(inside.sum()), own, dense


def _interval(
    n: NDArray[np.float64], own: NDArray[np.float64], dense: NDArray[np.float64], overlap: float
) -> tuple[float, float]:
    """Compute the interval of sqrt(sum s / sum n) minus the same of the dense net, over seeds.

    That of the mean of the difference plus (s_i - S n_i) / (2 sqrt(S) mean n) of each, S the pooled mean square.
    """
    values = np.zeros(len(n))
    for sign, squares in ((1, own), (-1, dense)):
        pooled = squares.sum() / n.sum()
        if not 0 < pooled < math.inf:
            return math.nan, math.nan
        values += sign * (np.sqrt(pooled) + (squares - pooled * n) / (2 * np.sqrt(pooled) * n.mean()))
    found = paired_difference(values, np.zeros(len(values)), overlap=overlap)
    return found.low, found.high
