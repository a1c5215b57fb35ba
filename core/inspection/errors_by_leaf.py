"""Errors of a net by leaf, and by the number of training rows that share a test row's leaf.

N rows · K depth · C classes · J seeds. Logarithms are natural. The bins of visits are this project's choice.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from leafscope.core.comparison.intervals import paired_difference
from leafscope.core.inference.net import cross_entropy
from leafscope.core.usage.counts import class_counts, leaf_counts

Bin: TypeAlias = tuple[int, int | None]
"""The least and the most training rows that share a test row's leaf, both included; None: no upper end."""

BINS: tuple[Bin, ...] = ((0, 0), (1, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, None))


def bin_words(of_bin: Bin) -> str:
    """Write a bin in words.

    >>> [bin_words(of_bin) for of_bin in BINS]
    ['0', '1-2', '3-5', '6-10', '11-20', '21-50', '51 or more']
    """
    least, most = of_bin
    if most is None:
        return f"{least} or more"
    return str(least) if least == most else f"{least}-{most}"


def errors_by_leaf(leaf: ArrayLike, y: ArrayLike, logits: ArrayLike, depth: int) -> pd.DataFrame:
    """Measure the errors in each leaf that has rows: leaf (N,), y (N,) classes, logits (N, C) -> one row per leaf, ascending.

    Columns leaf, rows, wrong (rows), error (share, 0 to 1), loss (mean cross-entropy in nats). Raises IndexError for a leaf
    or a class out of range, ValueError for arrays of different lengths or a depth outside 0..16, TypeError for leaves or
    classes that are not whole numbers.

    >>> errors_by_leaf([0, 2, 2], [0, 0, 1], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]], depth=2)[["leaf", "rows", "wrong"]]
       leaf  rows  wrong
    0     0     1      0
    1     2     2      1
    """
    scores = np.asarray(logits, np.float64)
    if scores.ndim != 2 or len(scores) != len(np.asarray(y)):
        raise ValueError(f"logits must have shape (N, C), one row for each of y, got {scores.shape}")
    rows = class_counts(leaf, y, depth, scores.shape[1]).sum(1)
    of_row, label = np.asarray(leaf, np.int64), np.asarray(y, np.int64)
    loss = cross_entropy(scores, label)
    missed = scores.argmax(1) != label
    wrong = np.bincount(of_row[missed], minlength=len(rows))
    total = np.bincount(of_row, loss, minlength=len(rows))
    used = np.flatnonzero(rows)
    n = rows[used]
    return pd.DataFrame({"leaf": used, "rows": n, "wrong": wrong[used], "error": wrong[used] / n, "loss": total[used] / n})


def squares_by_leaf(leaf: ArrayLike, error: ArrayLike, depth: int) -> pd.DataFrame:
    """Measure the errors of predicted numbers in each leaf that has rows: leaf (N,), error (N,) -> one row per leaf, ascending.

    `error` is the prediction minus the target. Columns leaf, rows, rmse and bias (the mean error), in the unit of the target.
    Raises what `core.usage.counts.leaf_counts` raises, and ValueError for arrays of different lengths.

    >>> squares_by_leaf([0, 2, 2], [1.0, -3.0, 1.0], depth=2).round(2)
       leaf  rows  rmse  bias
    0     0     1  1.00   1.0
    1     2     2  2.24  -1.0
    """
    rows, of_row, off = leaf_counts(leaf, depth), np.asarray(leaf, np.int64), np.asarray(error, np.float64)
    if of_row.shape != off.shape:
        raise ValueError(f"leaf and error must have one entry for each row, got shapes {of_row.shape} and {off.shape}")
    used = np.flatnonzero(rows)
    n = rows[used]
    squares, sums = (np.bincount(of_row, values, len(rows))[used] for values in (off**2, off))
    return pd.DataFrame({"leaf": used, "rows": n, "rmse": np.sqrt(squares / n), "bias": sums / n})


def largest_errors(error: ArrayLike) -> NDArray[np.bool_]:
    """Mark the tenth of the rows whose errors are the largest in size, at least one: (N,) -> (N,).

    Equal ones are all marked; errors of 0 and those that are not finite never are.

    >>> largest_errors([0.0, -3.0, 1.0]).tolist()
    [False, True, False]
    """
    off = np.abs(np.asarray(error, np.float64))
    known = np.sort(off[np.isfinite(off) & (off > 0)])
    if not len(known):
        return np.zeros(len(off), bool)
    least = known[-max(1, min(len(known), len(off) // 10))]
    return np.isfinite(off) & (off >= least)


def visits(leaf_train: ArrayLike, leaf_test: ArrayLike, depth: int) -> NDArray[np.int64]:
    """Count the training rows that share each test row's leaf: (N_train,) and (N_test,) leaves -> (N_test,).

    Raises what `core.usage.counts.leaf_counts` raises.

    >>> visits([0, 3, 3], [3, 1, 0], depth=2).tolist()
    [2, 0, 1]
    """
    counts = leaf_counts(leaf_train, depth)
    leaf_counts(leaf_test, depth)  # raises for a negative leaf, which would index from the end
    return counts[np.asarray(leaf_test, np.int64)]


@dataclass(frozen=True, eq=False)
class SeedErrors:
    """The test rows of one seed and the errors of both nets on them; raises ValueError for arrays of different lengths."""

    seed: int
    visits: NDArray[np.int64]
    """(N,) number of training rows that share the row's leaf."""
    wrong: NDArray[np.bool_]
    """(N,) whether the model is wrong."""
    dense_wrong: NDArray[np.bool_]
    """(N,) whether the dense net is wrong on the same row."""

    def __post_init__(self) -> None:
        shapes = [np.shape(values) for values in (self.visits, self.wrong, self.dense_wrong)]
        if len(shapes[0]) != 1 or len(set(shapes)) > 1:
            given = ", ".join(map(str, shapes))
            raise ValueError(f"visits, wrong and dense_wrong must have one entry for each row of seed {self.seed}, got {given}")
        if np.min(self.visits, initial=0) < 0:
            raise ValueError(f"visits must not be negative, got {np.min(self.visits)} for seed {self.seed}")


def rare_rows(by_model: Mapping[str, Sequence[SeedErrors]], overlap: float = 0.0) -> pd.DataFrame:
    """Compare each model with the dense net on test rows by how many training rows share their leaf.

    One row for each model, in the given order, and each bin of `BINS` that has test rows. Columns model, bin (words), least,
    most (NA: no upper end), seeds (with rows in the bin), rows, wrong_share, dense_share and difference (wrong_share -
    dense_share), low, high. Shares, from 0 to 1, pool the rows of all seeds, so a seed weighs as much as it has rows in the
    bin. The 95 % interval is of this ratio: t over the seeds' linearized values (Cochran 1977, ch. 6), with `overlap` as in
    `core.comparison.statistics`; NaN below two seeds, and if fewer than five seeds all have the same difference other than 0.
    Raises ValueError if a model has a seed twice, and for an overlap that is negative or not finite.
    """
    if not 0 <= overlap < math.inf:
        raise ValueError(f"overlap must be finite and at least 0, got {overlap}")
    rows = [row for model, seeds in by_model.items() for row in _by_bin(model, seeds, overlap)]
    names = ["model", "bin", "least", "most", "seeds", "rows", "wrong_share", "dense_share", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=names).astype({"most": "Int64"})


def _by_bin(model: str, seeds: Sequence[SeedErrors], overlap: float) -> Iterator[tuple[object, ...]]:
    numbers = [of_seed.seed for of_seed in seeds]
    if twice := {seed for seed in numbers if numbers.count(seed) > 1}:
        raise ValueError(f"a model must have each seed once, got seed {min(twice)} of {model} several times")
    for least, most in BINS:
        counts = np.array([_counts(of_seed, least, most) for of_seed in seeds], np.int64).reshape(-1, 3)
        counts = counts[counts[:, 0] > 0]
        if len(counts):
            n, wrong, dense_wrong = counts.T
            rows = int(n.sum())
            difference = wrong - dense_wrong
            yield (
                *(model, bin_words((least, most)), least, most, len(counts), rows),
                *(wrong.sum() / rows, dense_wrong.sum() / rows, difference.sum() / rows),
                *_interval(difference, n, overlap),
            )


def _counts(of_seed: SeedErrors, least: int, most: int | None) -> tuple[int, int, int]:
    """Count the rows in a bin, the model's errors on them and the dense net's errors."""
    inside = (of_seed.visits >= least) & (of_seed.visits <= (math.inf if most is None else most))
    return int(inside.sum()), int(of_seed.wrong[inside].sum()), int(of_seed.dense_wrong[inside].sum())


def _interval(difference: NDArray[np.int64], n: NDArray[np.int64], overlap: float) -> tuple[float, float]:
    """Compute the interval of R = sum d / sum n over seeds: that of the mean of R + (d_i - R n_i) / mean n."""
    total, rows = difference.sum(), n.sum()
    residual = difference * rows - total * n  # whole numbers, so seeds that agree are exactly equal
    values = total / rows + residual / (rows * n.mean())
    found = paired_difference(values, np.zeros(len(values)), overlap=overlap)
    return found.low, found.high
