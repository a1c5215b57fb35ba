"""What a large map says: the best depth and its gain against the number of rows, and what the controls take away from it.

K depth · J reporting seeds · B bootstrap draws. Rate, decay and K are chosen on the choosing seeds by the mean validation
error; every difference is of test errors on the reporting seeds, paired by seed. Errors are shares of rows, from 0 to 1.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.comparison.exchange import ExchangeRate, exchange_rate
from leafscope.core.comparison.intervals import Difference, holm, paired_difference
from leafscope.core.large.protocol import DENSE
from leafscope.core.large.table import chosen

DRAWS = 2000
"""Bootstrap draws over reporting seeds."""


@dataclass(frozen=True)
class Growth:
    """How much deeper the best net is for ten times the rows."""

    slope: float
    """Bits of K for each factor of 10, by least squares over the numbers of rows."""
    low: float
    high: float
    """95 % of the bootstrap draws over reporting seeds."""

    @property
    def shown(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the numbers of rows at which not all teachers and reporting seeds of the table have been trained yet."""
    reported = table[table["stage"] == "reporting"][["teacher", "rows", "seed"]].drop_duplicates()
    wanted = reported["teacher"].nunique() * reported["seed"].nunique()
    counts = reported.groupby("rows").size()
    return table[table["rows"].isin(counts.index[counts == wanted])]


def best_depths(table: pd.DataFrame) -> pd.DataFrame:
    """Choose each model's depth on each teacher and number of rows, and report it on other seeds.

    Columns: teacher, rows, model, depth (the chosen K; 0 is the dense net of the same width), depth_low and depth_high (95 % of
    bootstrap draws over reporting seeds of the K with the lowest mean test error), gain, low, high, n, p (test error minus that
    of the dense net of the same width, below 0 is better; at K = 0 it is the same net: 0 and no p), error (mean test error).
    """
    found = []
    for (teacher, rows), part in table.groupby(["teacher", "rows"], sort=False):
        for model in _gated(part):
            errors, depths = _errors(part, model)
            depth = _chosen_depth(part, model)
            own, plain = errors[depths.index(depth)], errors[0]
            low, high = np.quantile(_argmins(errors, depths), [0.025, 0.975], method="inverted_cdf")
            gain = paired_difference(own, plain)
            found.append(
                {
                    **{"teacher": teacher, "rows": rows, "model": model, "depth": depth, "depth_low": low, "depth_high": high},
                    **{"gain": gain.mean, "low": gain.low, "high": gain.high, "n": gain.n},
                    **{"p": gain.p if depth else math.nan, "error": float(np.mean(own))},
                }
            )
    return pd.DataFrame(found)


def growth(table: pd.DataFrame, teacher: str, model: str) -> Growth:
    """Measure how the K with the lowest mean test error grows with the number of rows; NaN for a single number of rows."""
    part = table[table["teacher"] == teacher]
    sizes = sorted(part["rows"].unique())
    if len(sizes) < 2:
        return Growth(math.nan, math.nan, math.nan)
    log_rows = np.log10(np.array(sizes, np.float64))
    centred = log_rows - log_rows.mean()
    draws, means = [], []
    for rows in sizes:
        errors, depths = _errors(part[part["rows"] == rows], model)
        draws.append(_argmins(errors, depths))
        means.append(depths[int(errors.mean(1).argmin())])
    slopes = centred @ np.array(draws, np.float64) / (centred @ centred)
    low, high = np.quantile(slopes, [0.025, 0.975], method="inverted_cdf")
    return Growth(float(centred @ np.array(means) / (centred @ centred)), float(low), float(high))


def at_same_depth(table: pd.DataFrame, model: str, other: str) -> pd.DataFrame:
    """Compare two gated models at each K: test error of the first minus the second, p adjusted over the K (Holm).

    Columns: teacher, rows, depth, mean, low, high, n, p.
    """
    found = []
    for (teacher, rows), part in table.groupby(["teacher", "rows"], sort=False):
        (first, depths), (second, others) = _errors(part, model), _errors(part, other)
        if depths != others:
            raise ValueError(f"{model} and {other} must have the same depths, got {depths} and {others}")
        differences: list[Difference] = [paired_difference(*pair) for pair in zip(first[1:], second[1:], strict=True)]
        adjusted = holm([one.p for one in differences])
        for depth, one, p in zip(depths[1:], differences, adjusted, strict=True):
            row = {"teacher": teacher, "rows": rows, "depth": depth, "mean": one.mean, "low": one.low, "high": one.high}
            found.append(row | {"n": one.n, "p": float(p)})
    return pd.DataFrame(found)


def as_good_as(table: pd.DataFrame, teacher: str, rows: int, model: str) -> ExchangeRate:
    """Find how many multiply-adds a dense net needs to be as good as the model at its chosen K, as a multiple of its own."""
    part = table[(table["teacher"] == teacher) & (table["rows"] == rows)]
    ladder = part[(part["model"] == DENSE) & (part["stage"] == "reporting")]
    widths = ladder.pivot(index="width", columns="seed", values="test_error").sort_index()  # noqa: PD010
    costs = ladder.groupby("width")["multiply_adds"].first().sort_index()
    errors, depths = _errors(part, model)
    depth = _chosen_depth(part, model)
    own_cost = (
        costs.iloc[0] if depth == 0 else part[(part["model"] == model) & (part["depth"] == depth)]["multiply_adds"].iloc[0]
    )
    return exchange_rate(costs.to_numpy(), widths.to_numpy(), float(own_cost), errors[depths.index(depth)])


def _gated(table: pd.DataFrame) -> list[str]:
    return [str(model) for model in table["model"].unique() if model != DENSE]


def _of_model(table: pd.DataFrame, model: str) -> pd.DataFrame:
    """The rows of a model at all its depths; K = 0 is the dense net of the same width."""
    own = table[table["model"] == model]
    width = own["width"].iloc[0] if len(own) else math.nan
    return table[(table["model"] == model) | ((table["model"] == DENSE) & (table["width"] == width))]


def _errors(table: pd.DataFrame, model: str) -> tuple[NDArray[np.float64], list[int]]:
    """Test errors on the reporting seeds that all depths have: (depths, J), and the depths, 0 first."""
    rows = _of_model(table[table["stage"] == "reporting"], model)
    wide = rows.pivot(index="depth", columns="seed", values="test_error").sort_index().dropna(axis=1)  # noqa: PD010
    return wide.to_numpy(np.float64), [int(depth) for depth in wide.index]


def _chosen_depth(table: pd.DataFrame, model: str) -> int:
    """The depth with the lowest mean validation error on the choosing seeds; of equal ones the smallest."""
    best = _of_model(chosen(table), model).sort_values("depth", kind="stable")
    return int(best["depth"].to_numpy()[best["validation_error"].to_numpy().argmin()])


def _argmins(errors: NDArray[np.float64], depths: list[int]) -> NDArray[np.int64]:
    """The depth with the lowest mean error in each bootstrap draw over seeds, the same seeds for all depths: (B,)."""
    seeds = errors.shape[1]
    picked = np.random.default_rng(0).integers(seeds, size=(DRAWS, seeds))
    return np.array(depths)[errors[:, picked].mean(2).argmin(0)]
