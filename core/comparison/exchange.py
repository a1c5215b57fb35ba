"""The exchange rate: what a dense net must cost to be as good as another model.

W widths of the dense ladder · J seeds · B bootstrap draws. Costs are in any one currency: multiply-adds at inference or in
training, seconds, parameters. Errors of ladder and model are of the same seeds, so that both are drawn together.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
"""Bootstrap draws."""


@dataclass(frozen=True)
class ExchangeRate:
    """The cost of an equally good dense net as a multiple of the model's cost, with an interval over seeds."""

    factor: float
    """infinite: worse than the model at every width of the ladder; 0: as good even at the narrowest; NaN without seeds."""
    low: float
    high: float
    """Bounds of the interval, with the same meaning of infinite and 0; NaN below two seeds."""
    narrowest: float
    """The narrowest width's cost as a multiple of the model's: what is below it is not known."""
    widest: float
    """The widest width's cost as a multiple of the model's: what is above it is not known."""
    n: int
    """Seeds with an error of the model and of every width."""


def exchange_rate(
    costs: ArrayLike,
    errors: ArrayLike,
    model_cost: float,
    model_errors: ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> ExchangeRate:
    """Find the cost at which the ladder's error equals the model's: (W,), (W, J) and (J,) -> ExchangeRate.

    The ladder's mean error is made to fall with cost (isotonic regression, each width with the same weight) and interpolated in
    the logarithm of the cost; beyond its ends nothing is extrapolated. The interval is a percentile bootstrap over seeds, drawn
    jointly for ladder and model. Seeds with a missing error are left out. Raises ValueError for fewer than two different
    costs, costs that are not positive, and other shapes.

    >>> exchange_rate([1, 4], [[0.5, 0.5], [0.25, 0.25]], 1, [0.375, 0.375]).factor
    2.0
    """
    cost, error = np.asarray(costs, np.float64), np.asarray(errors, np.float64)
    own = np.asarray(model_errors, np.float64)
    if cost.ndim != 1 or len(np.unique(cost)) < max(2, len(cost)):
        raise ValueError(f"costs must be at least two different numbers, got {costs!r}")
    if not (np.isfinite(cost).all() and (cost > 0).all() and 0 < model_cost < math.inf):
        raise ValueError(f"costs must be positive and finite, got {costs!r} and {model_cost}")
    if error.shape != (len(cost), len(own)) or own.ndim != 1:
        raise ValueError(f"errors must have shape {(len(cost), len(own))}, got {error.shape}")
    order = np.argsort(cost)
    known = np.isfinite(error).all(0) & np.isfinite(own)
    log_cost, error, own = np.log(cost[order]), error[order][:, known], own[known]
    ends = float(cost.min()) / model_cost, float(cost.max()) / model_cost
    n = len(own)
    if n == 0:
        return ExchangeRate(math.nan, math.nan, math.nan, *ends, 0)
    factor = float(_equal_costs(log_cost, error.mean(1)[None], own.mean()[None])[0]) / model_cost
    if n < 2:
        return ExchangeRate(factor, math.nan, math.nan, *ends, n)
    chosen = np.random.default_rng(seed).integers(n, size=(draws, n))
    found = _equal_costs(log_cost, error[:, chosen].mean(2).T, own[chosen].mean(1))
    sides = (1 - confidence) / 2
    # of sorted draws, never between two: half way to infinity is nowhere
    low, high = (float(np.quantile(found, side, method="inverted_cdf")) for side in (sides, 1 - sides))
    return ExchangeRate(factor, low / model_cost, high / model_cost, *ends, n)


def falling(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the closest values that never rise along the last axis, by least squares: (..., W) -> (..., W).

    Isotonic regression by its minimax formula: the lowest, over starts, of the highest mean that ends at or after each place.

    >>> falling(np.array([0.5, 0.2, 0.4, 0.1])).round(6).tolist()
    [0.5, 0.3, 0.3, 0.1]
    """
    width = values.shape[-1]
    lowest = np.full(values.shape, math.inf)
    for start in range(width):
        means = np.cumsum(values[..., start:], -1) / np.arange(1, width - start + 1)
        highest = np.maximum.accumulate(means[..., ::-1], -1)[..., ::-1]
        lowest[..., start:] = np.minimum(lowest[..., start:], highest)
    return lowest


def _equal_costs(
    log_cost: NDArray[np.float64], errors: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The lowest cost at which each falling curve reaches an error: (W,), (B, W) and (B,) -> (B,).

    0 where it is there at its start, infinite where it never is.
    """
    curves = falling(errors)
    after = np.clip(np.argmax(curves <= wanted[:, None], 1), 1, None)
    draw = np.arange(len(wanted))
    above, below = curves[draw, after - 1], curves[draw, after]
    with np.errstate(all="ignore"):  # a part that is flat, or nearly, is reached at its start, or never
        share = (above - wanted) / (above - below)
        cost = np.exp(log_cost[after - 1] + share * (log_cost[after] - log_cost[after - 1]))
    return np.where(wanted >= curves[:, 0], 0.0, np.where(wanted < curves[:, -1], math.inf, cost))
