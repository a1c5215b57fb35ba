"""Exchange rates against curves whose answer is known, and the falling curve against scikit-learn's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.isotonic import IsotonicRegression

from leafscope.core.comparison.exchange import exchange_rate, falling

COSTS = np.array([32.0, 64.0, 128.0, 256.0, 512.0])


def errors_at(costs: np.ndarray, slope: float = 0.05) -> np.ndarray:
    """Errors that fall by `slope` with each doubling from 0.5 at cost 32."""
    return 0.5 - slope * np.log2(np.asarray(costs) / 32)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12))
def test_the_falling_curve_is_the_isotonic_one(values: list[float]) -> None:
    array = np.array(values)
    oracle = IsotonicRegression(increasing=False).fit_transform(np.arange(len(array)), array)
    assert_allclose(falling(array), oracle, atol=1e-9)


@given(st.floats(0.1, 100), st.floats(33, 511), st.integers(2, 9))
def test_known_answers(model_cost: float, equal: float, seeds: int) -> None:
    of_seed = np.linspace(-0.03, 0.03, seeds)  # the same for ladder and model: seeds differ, the answer does not
    found = exchange_rate(
        COSTS, errors_at(COSTS)[:, None] + of_seed, model_cost, np.full(seeds, errors_at(equal)) + of_seed, draws=50
    )
    for value in (found.factor, found.low, found.high):
        assert value == pytest.approx(equal / model_cost, rel=1e-6)
    assert (found.narrowest, found.widest) == pytest.approx((32 / model_cost, 512 / model_cost))
    assert found.n == seeds


def test_order_of_the_ladder_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    errors = errors_at(COSTS)[:, None] + 0.01 * rng.normal(size=(5, 8))
    own = errors_at(100.0) + 0.01 * rng.normal(size=8)
    shuffled = rng.permutation(5)
    assert exchange_rate(COSTS, errors, 40, own) == exchange_rate(COSTS[shuffled], errors[shuffled], 40, own)


def test_beyond_the_ladder_nothing_is_extrapolated() -> None:
    ladder = np.repeat(errors_at(COSTS)[:, None], 4, axis=1)
    better, worse = exchange_rate(COSTS, ladder, 64, [0.1] * 4), exchange_rate(COSTS, ladder, 64, [0.6] * 4)
    assert (better.factor, better.low, better.high, better.widest) == (math.inf, math.inf, math.inf, 8)
    assert (worse.factor, worse.low, worse.high, worse.narrowest) == (0, 0, 0, 0.5)
    near_the_end = exchange_rate(COSTS, ladder, 64, [0.29, 0.29, 0.33, 0.31])
    assert 0 < near_the_end.low < near_the_end.factor < near_the_end.high == math.inf


def test_on_a_plateau_the_cheapest_width_counts() -> None:
    found = exchange_rate([1, 2, 4, 8], [[0.4], [0.3], [0.3], [0.2]], 1, [0.3])
    assert found.factor == pytest.approx(2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_intervals_cover() -> None:
    """Of 200 repetitions with 20 seeds, about 190 intervals hold the true factor."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        shared = 0.02 * rng.normal(size=20)
        ladder = errors_at(COSTS)[:, None] + shared + 0.02 * rng.normal(size=(5, 20))
        found = exchange_rate(COSTS, ladder, 64, errors_at(128.0) + shared + 0.02 * rng.normal(size=20), draws=200)
        held += found.low <= 2 <= found.high
    assert 175 <= held <= 199


def test_missing_seeds_are_left_out_and_bad_input_is_refused() -> None:
    ladder = np.repeat(errors_at(COSTS)[:, None], 3, axis=1)
    assert exchange_rate(COSTS, ladder, 64, [0.4, math.nan, 0.4]).n == 2
    nothing = exchange_rate(COSTS, ladder, 64, [math.nan] * 3)
    assert (math.isnan(nothing.factor), nothing.n) == (True, 0)
    for costs, errors, own_cost, own in (
        ([1], [[0.1]], 1, [0.1]),
        ([1, 1], [[0.1], [0.2]], 1, [0.1]),
        ([1, -2], [[0.1], [0.2]], 1, [0.1]),
        ([1, 2], [[0.1], [0.2]], 0, [0.1]),
        ([1, 2], [[0.1, 0.1], [0.2, 0.2]], 1, [0.1]),
    ):
        with pytest.raises(ValueError, match="must"):
            exchange_rate(costs, errors, own_cost, own)
