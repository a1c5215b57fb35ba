"""Statistics of comparisons: intervals over seeds, paired differences, and choices made on validation.

J seeds · K depth · E epochs · s standard deviation over seeds. `results` is the table of a sweep: one row per member, with
`model`, `variant`, `depth` and `width` (NaN: the same at every one), `data`, `n_train`, `seed`, `status` and scores such as
`best_test_loss`. A *cell* is one data set, number of training rows and width. Only finished runs count.

The variance of a mean over seeds is s^2 (1/J + overlap). `overlap` is n_test / n_train for tables, whose splits by different
seeds share rows (Nadeau & Bengio 2003), and 0 if each seed draws fresh data.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Which: TypeAlias = Literal["best", "last"]
"""The epoch of a score: that of the lowest validation loss, or the last one."""

Split: TypeAlias = Literal["train", "validation", "test"]

Metric: TypeAlias = Literal["loss", "accuracy", "error"]
"""Cross-entropy in nats, or a share of rows; error = 1 - accuracy."""

Rule: TypeAlias = Literal["one_standard_error", "lowest"]

Model: TypeAlias = str | tuple[str, str]
"""A model's name, or (name, variant); a name alone is the variant ""."""

LEVEL = 0.05
"""A difference is shown (significant) if its p is lower."""

_DIFFERENCE = ["mean", "low", "high", "n", "p", "p_holm", "shown"]


@dataclass(frozen=True)
class Interval:
    """The mean over seeds with its confidence interval."""

    mean: float
    """NaN without seeds."""
    low: float
    """NaN below two seeds."""
    high: float
    """NaN below two seeds."""
    n: int
    """Seeds that have a value."""


@dataclass(frozen=True)
class Difference:
    """The mean of first minus second, paired by seed, with its confidence interval and test."""

    mean: float
    """NaN without pairs."""
    low: float
    """NaN below two pairs."""
    high: float
    """NaN below two pairs."""
    n: int
    """Seeds that have a value on both sides."""
    p: float
    """p value of the two-sided t test that the mean is 0, from 0 to 1; NaN below two pairs."""

    def shown(self, level: float = LEVEL) -> bool:
        """Return whether p is lower than the level; False without a p.

        >>> Difference(0.2, 0.1, 0.3, 5, 0.01).shown(), Difference(0.2, math.nan, math.nan, 1, math.nan).shown()
        (True, False)
        """
        return self.p < level


def mean_interval(values: ArrayLike, *, overlap: float = 0.0, confidence: float = 0.95) -> Interval:
    """Compute the mean over seeds and its t interval with J - 1 degrees of freedom: (J,) -> Interval.

    NaN values are left out; with an infinite value there is no interval. Raises ValueError for the wrong number of
    dimensions, an overlap that is negative or not finite, or a confidence outside 0..1. Source of the overlap: Nadeau &
    Bengio 2003.

    >>> mean_interval([0.5, 0.5, math.nan])
    Interval(mean=0.5, low=0.5, high=0.5, n=2)
    """
    array = _one_dimensional(values, "values")
    known = array[~np.isnan(array)]
    mean, error = _mean_and_error(known, overlap)
    half = _half_width(error, len(known), confidence)
    return Interval(mean, mean - half, mean + half, len(known))


def paired_difference(first: ArrayLike, second: ArrayLike, *, overlap: float = 0.0, confidence: float = 0.95) -> Difference:
    """Compare two models seed by seed: (J,) and (J,) aligned by seed -> the mean of first minus second.

    Pairs with a NaN are left out. If all differences are equal, the interval is a point, and p is 1 if they are 0, else 0;
    but equal differences other than 0 of fewer than 5 seeds have neither, since they do not show the spread. Raises
    ValueError as `mean_interval` does, and for arrays of different lengths.

    >>> paired_difference([0.75, 0.5], [0.75, 0.5])
    Difference(mean=0.0, low=0.0, high=0.0, n=2, p=1.0)
    """
    one, other = _one_dimensional(first, "first"), _one_dimensional(second, "second")
    if len(one) != len(other):
        raise ValueError(f"first and second must have one value for each seed, got {len(one)} and {len(other)}")
    paired = ~(np.isnan(one) | np.isnan(other))
    with np.errstate(invalid="ignore"):  # inf - inf: a pair of diverged runs has no difference, but it is a pair
        differences = one[paired] - other[paired]
    n = len(differences)
    mean, error = _mean_and_error(differences, overlap)
    half = _half_width(error, n, confidence)
    if error == 0 and mean != 0 and n < CERTAIN:
        half = math.nan
    return Difference(mean, mean - half, mean + half, n, _two_sided_p(mean, error, n))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust the p of several tests for their number: (T,) -> (T,), in the same order.

    Step-down: adjusted values keep the order of the given ones and are at most 1. NaN stays NaN and is not counted. Raises
    ValueError for a p outside 0..1 or the wrong number of dimensions. Source: Holm 1979.

    >>> holm([0.25, math.nan, 0.125]).tolist()
    [0.25, nan, 0.25]
    """
    p = _one_dimensional(p_values, "p_values")
    if (wrong := p[(p < 0) | (p > 1)]).size:
        raise ValueError(f"p_values must be from 0 to 1, got {wrong[0]}")
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    left = np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), math.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(left * p[order]))
    return adjusted


def one_standard_error(means: ArrayLike, errors: ArrayLike) -> int:
    """Choose the simplest model within one standard error of the best: (T,) and (T,), simple to complex -> index.

    The first whose mean is at most the lowest mean plus its standard error; among equal lowest means the first counts, and
    an unknown error counts as 0. NaN means are skipped. Raises ValueError if all are NaN, for a negative error, or for
    arrays of different lengths. Source: Breiman et al. 1984.

    >>> one_standard_error([0.30, 0.21, 0.20], [0.02, 0.02, 0.02])
    1
    """
    mean, error = _one_dimensional(means, "means"), _one_dimensional(errors, "errors")
    if len(mean) != len(error):
        raise ValueError(f"means and errors must have one entry for each model, got {len(mean)} and {len(error)}")
    if (error < 0).any():
        raise ValueError(f"errors must not be negative, got {np.nanmin(error)}")
    if np.isnan(mean).all():
        raise ValueError(f"means must have at least one value, got {len(mean)} NaN")
    lowest = int(np.nanargmin(mean))
    margin = 0.0 if math.isnan(error[lowest]) else error[lowest]
    return int(np.argmax(mean <= mean[lowest] + margin))


def measure(results: pd.DataFrame, which: str, split: str, metric: str) -> "pd.Series[float]":
    """Return a score of each member, indexed like `results`; NaN for a run that is not finished.

    `which` is best or last, `split` train, validation or test, `metric` loss, accuracy or error. Raises ValueError for
    any other word and for a missing column.

    >>> table = pd.DataFrame({"status": ["finished", "failed"], "best_test_accuracy": [0.75, 0.5]})
    >>> measure(table, "best", "test", "error").tolist()
    [0.25, nan]
    """
    for name, given, words in (("which", which, Which), ("split", split, Split), ("metric", metric, Metric)):
        _check_word(name, given, words)
    column = f"{which}_{split}_{'accuracy' if metric == 'error' else metric}"
    _check_columns(results, ["status", column])
    values = results[column].astype(np.float64).where(results["status"] == "finished")
    return (1 - values if metric == "error" else values).rename(f"{which}_{split}_{metric}")


def gap(results: pd.DataFrame, which: str, metric: str) -> "pd.Series[float]":
    """Compute the generalization gap of each member, indexed like `results`: positive if test is worse than training.

    Test minus train for loss and error, train minus test for accuracy. Raises ValueError as `measure` does.

    >>> scores = {"best_train_accuracy": [1.0], "best_test_accuracy": [0.75]}
    >>> gap(pd.DataFrame({"status": ["finished"], **scores}), "best", "error").tolist()
    [0.25]
    """
    test, train = (measure(results, which, split, metric) for split in ("test", "train"))
    return (train - test if metric == "accuracy" else test - train).rename(f"{which}_gap_{metric}")


def by_depth(results: pd.DataFrame, which: str, split: str, metric: str, *, overlap: float = 0.0) -> pd.DataFrame:
    """Summarize a score over seeds, one row for each model, variant and depth of one cell.

    Columns model, variant, depth, mean, low, high, n: models and variants in order of first appearance, depths ascending,
    NaN (the same at every depth) last. Raises ValueError for several cells, a repeated seed, and as `measure` does.
    """
    values = measure(results, which, split, metric)
    _check_one_cell(results)
    places = {f"place of {name}": pd.factorize(results[name])[0] for name in ("model", "variant")}
    ordered = results.assign(value=values, **places).sort_values([*places, "depth"], kind="stable")
    names = ["model", "variant", "depth"]
    rows = [
        {name: group[name].iloc[0] for name in names} | asdict(mean_interval(_by_seed(group).to_numpy(), overlap=overlap))
        for _, group in ordered.groupby(names, sort=False, dropna=False, observed=True)
    ]
    return pd.DataFrame(rows, columns=[*names, "mean", "low", "high", "n"])


def differences_by_depth(
    results: pd.DataFrame, first: Model, second: Model, which: str, split: str, metric: str, *, overlap: float = 0.0
) -> pd.DataFrame:
    """Compare two models of one cell over the same seeds, one row for each depth of `first`.

    A model whose depth is NaN is compared with every depth of the other. Columns depth, mean, low, high, n, p (of first minus
    second), p_holm over the depths, shown (p_holm < 0.05). Raises ValueError as `by_depth` does.
    """
    return _over_depths(results, first, second, measure(results, which, split, metric), overlap)


def gap_differences_by_depth(
    results: pd.DataFrame, first: Model, second: Model, which: str, metric: str, *, overlap: float = 0.0
) -> pd.DataFrame:
    """Compare the generalization gaps of two models, like `differences_by_depth`: above 0, first overfits more."""
    return _over_depths(results, first, second, gap(results, which, metric), overlap)


def where_it_helps(
    results: pd.DataFrame,
    first: Model = "tree",
    second: Model = "dense",
    *,
    which: str = "best",
    split: str = "test",
    metric: str = "error",
    overlap: float = 0.0,
) -> pd.DataFrame:
    """Compare two models over the same seeds in every cell, one row for each data set, width and depth of `first`.

    A model whose width or depth is NaN is compared with every width or depth of the other. Columns data, n_train, width,
    depth, mean, low, high, n, p (of first minus second), p_holm over all rows, shown (p_holm < 0.05). Data sets are in order
    of first appearance, then width and depth ascending. Raises ValueError for a repeated seed, and as `measure` does.
    """
    values = measure(results, which, split, metric)
    _check_columns(results, ["data", "n_train"])
    cells = results.assign(value=values).groupby(["data", "n_train"], sort=False, dropna=False, observed=True)
    parts = [
        _differences(rows, first, second, overlap).assign(data=rows["data"].iloc[0], n_train=rows["n_train"].iloc[0])
        for _, rows in cells
    ]
    columns = ["data", "n_train", "width", "depth", *_DIFFERENCE]
    filled = [part for part in parts if len(part)]
    return _with_holm(pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns))[columns]


def best_depth(
    results: pd.DataFrame,
    model: str,
    *,
    variant: str = "",
    which: str = "best",
    overlap: float = 0.0,
    rule: str = "one_standard_error",
) -> int | None:
    """Choose a model's depth by its mean validation error over seeds, in one cell; None if no depth has a value.

    `one_standard_error`: the smallest depth within one standard error, s sqrt(1/J + overlap), of the lowest mean; `lowest`:
    the depth of that mean, the smallest if several are equal. Raises ValueError for any other rule, and as `by_depth` does.
    """
    _check_word("rule", rule, Rule)
    rows = _of_model(results, (model, variant))
    rows = rows.assign(value=measure(rows, which, "validation", "error"))
    _check_one_cell(rows)
    depths = sorted(rows.loc[rows["value"].notna(), "depth"].dropna().unique())
    if not depths:
        return None
    by_seed = [_by_seed(rows[rows["depth"] == depth]).dropna() for depth in depths]
    scores = [_mean_and_error(np.asarray(values, np.float64), overlap) for values in by_seed]
    means, errors = zip(*scores, strict=True)
    return int(depths[one_standard_error(means, errors if rule == "one_standard_error" else np.zeros(len(depths)))])


def at_same_train_loss(histories_first: ArrayLike, histories_second: ArrayLike) -> tuple[int | None, int | None]:
    """Find the epochs at which two runs fit the training rows equally well: train loss (E,) and (E,) -> two indices.

    The target is the larger of the two lowest losses; each index is the first at or below it. Losses that are not finite are
    skipped; if one side has no finite loss, both indices are None. Raises ValueError for the wrong number of dimensions.

    >>> at_same_train_loss([2.0, 1.0, 0.5, 0.25], [2.0, 1.5, 0.75])
    (2, 2)
    """
    histories = _one_dimensional(histories_first, "histories_first"), _one_dimensional(histories_second, "histories_second")
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
    losses = pd.Series(_one_dimensional(train_losses, "train_losses")).ffill().to_numpy()
    epochs = len(losses) - 1
    if epochs < 1:
        return False
    back = max(1, round(share * epochs))
    return bool(losses[-1] < (1 - by) * losses[-1 - back])


def pareto_front(cost: ArrayLike, validation_error: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points on the Pareto front of cost and error: (T,) and (T,) -> (T,) bool.

    A point is on the front unless another has at most its cost and at most its error, and less of one of them; equal points
    are treated alike. A point with a NaN is never on it. Raises ValueError for arrays of different lengths.

    >>> pareto_front([1, 2, 3], [0.3, 0.1, 0.2]).tolist()
    [True, True, False]
    """
    costs, errors = _one_dimensional(cost, "cost"), _one_dimensional(validation_error, "validation_error")
    if len(costs) != len(errors):
        raise ValueError(f"cost and validation_error must have one entry for each point, got {len(costs)} and {len(errors)}")
    front = np.zeros(len(costs), np.bool_)
    last: tuple[float, float] | None = None
    for point in np.lexsort((errors, costs)):
        here = float(costs[point]), float(errors[point])
        if math.isnan(here[0]) or math.isnan(here[1]):
            continue
        # all previous points cost at most as much, so only a lower error qualifies
        if last is None or here[1] < last[1] or here == last:
            front[point] = True
            last = here
    return front


def _mean_and_error(values: NDArray[np.float64], overlap: float) -> tuple[float, float]:
    """Compute the mean of values without NaN, and its standard error s sqrt(1/J + overlap): NaN below two values."""
    if not 0 <= overlap < math.inf:
        raise ValueError(f"overlap must be finite and at least 0, got {overlap}")
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    if not np.isfinite(values).all():
        with np.errstate(invalid="ignore"):
            return float(values.mean()), math.nan
    if values.min() == values.max():  # a computed mean would differ by rounding
        return float(values[0]), 0.0 if n > 1 else math.nan
    mean = math.fsum(values) / n  # exact sum: equal depths stay equal in any order of seeds
    variance = math.fsum((values - mean) ** 2) / (n - 1)
    return mean, math.sqrt(variance * (1 / n + overlap))


def _half_width(error: float, n: int, confidence: float) -> float:
    from scipy.special import stdtrit  # takes a third of a second to import

    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence}")
    return math.nan if n < 2 else float(stdtrit(n - 1, (1 + confidence) / 2)) * error


CERTAIN = 5
"""Fewest equal differences that count; fewer can be equal by chance on a small split."""


def _two_sided_p(mean: float, error: float, n: int) -> float:
    from scipy.special import stdtr

    if n < 2 or math.isnan(error):
        return math.nan
    if error == 0:
        if mean != 0 and n < CERTAIN:
            return math.nan
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(mean) / error))


def _over_depths(
    results: pd.DataFrame, first: Model, second: Model, values: "pd.Series[float]", overlap: float
) -> pd.DataFrame:
    _check_one_cell(pd.concat([_of_model(results, first), _of_model(results, second)]))
    return _with_holm(_differences(results.assign(value=values), first, second, overlap))[["depth", *_DIFFERENCE]]


def _differences(results: pd.DataFrame, first: Model, second: Model, overlap: float) -> pd.DataFrame:
    """Compute paired differences of the column `value` at each width and depth of one data set."""
    rows = []
    for width, ones, others in _beside(_of_model(results, first), _of_model(results, second), "width"):
        for depth, one, other in _beside(ones, others, "depth"):
            values = _by_seed(one)
            paired = _by_seed(other).reindex(values.index)
            difference = paired_difference(values.to_numpy(), paired.to_numpy(), overlap=overlap)
            rows.append((width, depth, *astuple(difference)))
    return pd.DataFrame(rows, columns=["width", "depth", "mean", "low", "high", "n", "p"])


def _beside(first: pd.DataFrame, second: pd.DataFrame, name: str) -> Iterator[tuple[float, pd.DataFrame, pd.DataFrame]]:
    """Pair the rows of two models at each value of a column; rows with NaN belong to every value.

    The values are those of `first`, or of `second` if `first` has only NaN; if both have only NaN, the single value is NaN.
    """
    if first.empty:
        return
    found = first[name].dropna().unique()
    values = found if len(found) else second[name].dropna().unique()
    for value in sorted(values) if len(values) else [math.nan]:
        at_first, at_second = (rows[rows[name].isna() | (rows[name] == value)] for rows in (first, second))
        yield float(value), at_first, at_second


def _with_holm(differences: pd.DataFrame) -> pd.DataFrame:
    adjusted = holm(differences["p"].to_numpy())
    return differences.assign(p_holm=adjusted, shown=adjusted < LEVEL)


def _of_model(results: pd.DataFrame, model: Model) -> pd.DataFrame:
    _check_columns(results, ["model", "variant", "depth", "width", "seed"])
    name, variant = (model, "") if isinstance(model, str) else model
    return results[(results["model"] == name) & (results["variant"] == variant)]


def _by_seed(rows: pd.DataFrame) -> "pd.Series[float]":
    """Index the column `value` by seed; raises ValueError for a repeated seed."""
    twice = rows["seed"].duplicated()
    if twice.any():
        row = rows[twice].iloc[0]
        name = ", ".join(filter(None, (row["model"], row["variant"])))
        depth = "" if math.isnan(row["depth"]) else f" at depth {row['depth']:g}"
        raise ValueError(f"results must have one row for each seed, got several of {name}{depth} with seed {row['seed']}")
    return pd.Series(rows["value"].to_numpy(), index=rows["seed"].to_numpy())


def _check_one_cell(results: pd.DataFrame) -> None:
    names = ["model", "variant", "depth", "seed", "data", "n_train", "width"]
    _check_columns(results, names)
    for name, words in (("data", "data set"), ("n_train", "number of training rows"), ("width", "width")):
        found = results[name].dropna().unique()
        if len(found) > 1:
            raise ValueError(f"results must be of one {words}, got {len(found)}: {', '.join(map(str, found[:5]))}")


def _check_columns(results: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in names if name not in results.columns]
    if missing:
        raise ValueError(f"results must have the columns {', '.join(names)}, got none called {', '.join(missing)}")


def _check_word(name: str, given: str, words: object) -> None:
    if given not in get_args(words):
        raise ValueError(f"{name} must be one of {', '.join(get_args(words))}, got {given!r}")


def _one_dimensional(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have 1 dimension, got shape {array.shape}")
    return array
