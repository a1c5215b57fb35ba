"""Statistics of a sweep: scores over seeds, paired differences of models, and the depth chosen on validation.

K depth. `results` is the table of a sweep: one row per member, with `model`, `variant`, `depth` and `width` (NaN: the same at
every one), `data`, `n_train`, `seed`, `status` and scores such as `best_test_loss`. A *cell* is one data set, number of
training rows and width. Only finished runs count. `overlap` is explained in `comparison.intervals`.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, astuple
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from leafscope.core.comparison.intervals import LEVEL, holm, interval_of, mean_and_error, paired_difference

Which: TypeAlias = Literal["best", "last"]
"""The epoch of a score: that of the lowest validation loss, or the last one."""

Split: TypeAlias = Literal["train", "validation", "test"]

Metric: TypeAlias = Literal["loss", "accuracy", "error"]
"""Cross-entropy in nats, or a share of rows; error = 1 - accuracy, or of numbers the RMSE, in the unit of the target."""


ERROR_OF = "error_of"
"""The column of a table that says which share of rows its errors are 1 minus of; without it, that is accuracy."""

Model: TypeAlias = str | tuple[str, str]
"""A model's name, or (name, variant); a name alone is the variant ""."""

_DIFFERENCE = ["mean", "low", "high", "n", "p", "p_holm", "shown"]


def measure(results: pd.DataFrame, which: str, split: str, metric: str) -> "pd.Series[float]":
    """Return a score of each member, indexed like `results`; NaN for a run that is not finished.

    `which` is best or last, `split` train, validation or test, `metric` loss, accuracy or error. A column `error_of` names
    the share that errors are 1 minus of, instead of accuracy. Raises ValueError for any other word and for a missing column.

    >>> table = pd.DataFrame({"status": ["finished", "failed"], "best_test_accuracy": [0.75, 0.5]})
    >>> measure(table, "best", "test", "error").tolist()
    [0.25, nan]
    """
    for name, given, words in (("which", which, Which), ("split", split, Split), ("metric", metric, Metric)):
        _check_word(name, given, words)
    numbers = metric == "error" and are_numbers(results)
    share = str(results[ERROR_OF].iloc[0]) if ERROR_OF in results.columns and len(results) else "accuracy"
    column = f"{which}_{split}_{'rmse' if numbers else share if metric == 'error' else metric}"
    _check_columns(results, ["status", column])
    values = results[column].astype(np.float64).where(results["status"] == "finished")
    return (1 - values if metric == "error" and not numbers else values).rename(f"{which}_{split}_{metric}")


def are_numbers(results: pd.DataFrame) -> bool:
    """Whether a table of results is of runs that predict numbers."""
    return "best_test_rmse" in results.columns and "best_test_accuracy" not in results.columns


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
    is_share = metric != "loss" and not are_numbers(results)
    rows = [
        {name: group[name].iloc[0] for name in names}
        | asdict(interval_of(is_share, _by_seed(group).to_numpy(), overlap=overlap, is_size=True))
        for _, group in ordered.groupby(names, sort=False, dropna=False, observed=True)
    ]
    return pd.DataFrame(rows, columns=[*names, "mean", "low", "high", "n"])


def differences_by_depth(
    results: pd.DataFrame, first: Model, second: Model, which: str, split: str, metric: str, *, overlap: float = 0.0
) -> pd.DataFrame:
    """Compare two models of one cell over the same seeds, one row for each depth of `first`.

    A model whose depth is NaN is compared with every depth of the other. Columns depth, mean, low, high, n, p (of first minus
    second), p_holm over the depths at which the nets are not the same, shown (p_holm < 0.05). Raises ValueError as `by_depth`
    does.
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
    depth, mean, low, high, n, p (of first minus second), p_holm over all rows that do not compare a net with itself, shown
    (p_holm < 0.05). Data sets are in order of first appearance, then width and depth ascending. Raises ValueError for a
    repeated seed, and as `measure` does.
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


def best_depth(results: pd.DataFrame, model: str, *, variant: str = "", which: str = "best") -> int | None:
    """Choose a model's depth by its mean validation error over seeds, in one cell; None if no depth has a value.

    It is the depth of the lowest mean, the smallest if several are equal: the one rule of all pages, decks and claims. Raises
    ValueError as `by_depth` does.
    """
    rows = _of_model(results, (model, variant))
    rows = rows.assign(value=measure(rows, which, "validation", "error"))
    _check_one_cell(rows)
    depths = sorted(rows.loc[rows["value"].notna(), "depth"].dropna().unique())
    if not depths:
        return None
    by_seed = [_by_seed(rows[rows["depth"] == depth]).dropna() for depth in depths]
    means = [mean_and_error(np.asarray(values, np.float64), 0.0)[0] for values in by_seed]
    return int(depths[int(np.argmin(means))])


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


def is_same_net(differences: pd.DataFrame) -> "pd.Series[bool]":
    """Say of each row whether it compares a net with itself, so that nothing is tested: at depth 0, without a difference.

    At depth 0 every gated net is the dense net of its width.
    """
    return (differences[["depth", "mean", "low", "high"]] == 0).all(axis=1)


def _with_holm(differences: pd.DataFrame) -> pd.DataFrame:
    adjusted = holm(differences["p"].mask(is_same_net(differences)).to_numpy())
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
