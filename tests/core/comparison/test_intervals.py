"""Intervals and tests over seeds: against scipy, and against naive definitions."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leafscope.core.comparison.intervals import (
    LEVEL,
    Difference,
    Interval,
    detectable_difference,
    holm,
    mean_interval,
    paired_difference,
    share_interval,
)

NAN = math.nan

scores = st.floats(-100, 100).map(lambda value: round(value, 3))
some_scores = st.lists(scores, min_size=2, max_size=12)
pairs = st.lists(st.tuples(scores, scores), min_size=2, max_size=12)
p_values = st.lists(st.one_of(st.floats(0, 1), st.just(NAN), st.sampled_from([0.01, 0.02])), max_size=12)
overlaps = st.sampled_from([0.0, 0.25, 1.0])


class TestShareInterval:
    @given(st.lists(st.floats(0, 1), min_size=5, max_size=9), overlaps)
    def test_it_stays_within_0_and_1_and_holds_the_mean(self, values, overlap):
        found = share_interval(values, overlap=overlap)
        assert 0 <= found.low <= found.mean <= found.high <= 1
        assert found.mean == mean_interval(values).mean
        mirrored = share_interval([1 - value for value in values], overlap=overlap)
        assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((found.low, found.high), abs=1e-9)

    def test_by_hand_at_one_half(self):
        values = [0.4, 0.45, 0.5, 0.55, 0.6]
        error = np.std(values, ddof=1) / math.sqrt(5)
        odds = math.exp(stats.t.ppf(0.975, 4) * error / 0.25)
        assert (share_interval(values).low, share_interval(values).high) == pytest.approx((1 / (1 + odds), odds / (1 + odds)))

    def test_a_small_spread_gives_students_interval(self):
        values = 0.9 + 1e-5 * np.arange(6)
        plain, found = mean_interval(values), share_interval(values)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-8)

    def test_it_holds_the_true_share_about_as_often_as_it_says(self):
        rng = np.random.default_rng(0)
        draws = rng.binomial(100, 0.97, (1000, 8)) / 100
        held = [found.low <= 0.97 <= found.high for found in map(share_interval, draws)]
        assert 0.92 < np.mean(held) < 0.99

    def test_fewer_than_five_seeds_have_none(self):
        found = share_interval([0.5, 0.625, NAN, 0.5, 0.375])
        assert (found.mean, found.n) == (0.5, 4)
        assert np.isnan([found.low, found.high]).all()

    @pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
    def test_equal_values_are_a_point(self, value):
        assert share_interval([value] * 5) == Interval(value, value, value, 5)

    @pytest.mark.parametrize("value", [-0.1, 1.1, math.inf])
    def test_what_is_no_share(self, value):
        with pytest.raises(ValueError, match=r"values must be shares from 0 to 1, got"):
            share_interval([0.5, value, 0.5, 0.5, 0.5])


class TestMeanInterval:
    def test_by_hand(self):
        found = mean_interval([1.0, 2.0, 3.0])
        half = 0.95 / math.sqrt(2 * 0.975 * 0.025) / math.sqrt(3)  # with 2 degrees of freedom t has a closed form
        assert (found.mean, found.n) == (2.0, 3)
        assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-9)

    @given(some_scores, overlaps, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
    def test_as_scipy(self, values, overlap, confidence):
        found = mean_interval(values, overlap=overlap, confidence=confidence)
        n, s = len(values), np.std(values, ddof=1)
        assert found.n == n
        assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
        if s > 0:
            scale = s * math.sqrt(1 / n + overlap)
            expected = stats.t.interval(confidence, n - 1, loc=np.mean(values), scale=scale)
            assert (found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)

    @given(some_scores)
    def test_as_scipy_ttest_1samp(self, values):
        if len(set(values)) > 1:
            expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
            found = mean_interval(values)
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9)

    def test_overlap_widens_by_its_factor(self):
        plain, wide = mean_interval([1, 2, 4, 8]), mean_interval([1, 2, 4, 8], overlap=0.75)
        assert wide.mean == plain.mean
        assert wide.high - wide.low == pytest.approx(2 * (plain.high - plain.low))  # sqrt((1/4 + 3/4) / (1/4)) = 2

    def test_nan_is_left_out(self):
        assert mean_interval([NAN, 1.0, NAN, 3.0]) == mean_interval([1.0, 3.0])

    @pytest.mark.parametrize("values", [[], [NAN], [NAN, NAN]])
    def test_no_seed(self, values):
        found = mean_interval(values)
        assert found.n == 0
        assert np.isnan([found.mean, found.low, found.high]).all()

    def test_one_seed_has_no_interval(self):
        found = mean_interval([0.25, NAN])
        assert (found.mean, found.n) == (0.25, 1)
        assert np.isnan([found.low, found.high]).all()

    def test_equal_values_are_a_point(self):
        assert mean_interval([0.1] * 3) == Interval(0.1, 0.1, 0.1, 3)  # whose computed mean is not 0.1

    @given(st.permutations([0.1, 0.2, 0.3, 0.7, 0.9]))
    def test_order_of_the_seeds_changes_no_bit(self, values):
        assert mean_interval(values) == mean_interval(sorted(values))

    def test_infinite_value_leaves_no_interval(self):
        found = mean_interval([1.0, math.inf])
        assert (found.mean, found.n) == (math.inf, 2)
        assert np.isnan([found.low, found.high]).all()

    @pytest.mark.parametrize("overlap", [-0.1, math.inf, NAN])
    def test_overlap_must_be_finite(self, overlap):
        with pytest.raises(ValueError, match="overlap must be finite and at least 0, got"):
            mean_interval([1.0, 2.0], overlap=overlap)

    @pytest.mark.parametrize("confidence", [0, 1, 95, NAN])
    def test_confidence_must_be_a_share(self, confidence):
        with pytest.raises(ValueError, match="confidence must be above 0 and below 1, got"):
            mean_interval([1.0, 2.0], confidence=confidence)

    def test_dimensions(self):
        with pytest.raises(ValueError, match=r"values must have 1 dimension, got shape \(1, 2\)"):
            mean_interval([[1.0, 2.0]])


class TestPairedDifference:
    @given(pairs)
    def test_as_scipy_ttest_rel(self, pairs):
        first, second = np.array(pairs).T
        if np.std(first - second) > 1e-9:
            expected = stats.ttest_rel(first, second)
            ends = expected.confidence_interval(0.95)
            found = paired_difference(first, second)
            assert found.n == len(pairs)
            assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
            assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-9, abs=1e-9)

    def test_overlap_as_nadeau_and_bengio(self):
        first, second = np.array([3.0, 5.0, 4.0, 8.0, 6.0]), np.array([1.0, 4.0, 4.0, 5.0, 2.0])
        d = first - second
        t = d.mean() / math.sqrt((1 / 5 + 0.25) * d.var(ddof=1))
        found = paired_difference(first, second, overlap=0.25)
        assert found.p == pytest.approx(2 * stats.t.sf(t, 4))
        assert found.p > paired_difference(first, second).p

    @given(pairs, overlaps)
    def test_shown_just_where_the_interval_excludes_0(self, pairs, overlap):
        found = paired_difference(*np.array(pairs).T, overlap=overlap)
        if abs(found.p - 0.05) > 1e-9:
            assert found.shown() == (not found.low <= 0 <= found.high)

    @given(pairs)
    def test_exchanged_sides_turn_the_sign(self, pairs):
        first, second = np.array(pairs).T
        one, other = paired_difference(first, second), paired_difference(second, first)
        assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low), nan_ok=True)
        assert one.p == pytest.approx(other.p, nan_ok=True)

    def test_pairing_removes_what_seeds_share(self):
        first = np.array([0.1, 0.4, 0.7, 0.9])
        assert paired_difference(first, first + np.array([0.01, 0.011, 0.009, 0.01])).shown()

    def test_pairs_with_a_nan_are_left_out(self):
        found = paired_difference([1.0, NAN, 2.0, 9.0], [0.0, 5.0, 0.5, NAN])
        assert found == paired_difference([1.0, 2.0], [0.0, 0.5])
        assert found.n == 2

    @pytest.mark.parametrize(("n", "mean"), [(0, NAN), (1, 0.5)])
    def test_below_two_pairs_nothing_is_shown(self, n, mean):
        found = paired_difference([*[0.75] * n, NAN], [0.25] * (n + 1))
        assert found.n == n
        assert found.mean == pytest.approx(mean, nan_ok=True)
        assert np.isnan([found.low, found.high, found.p]).all()
        assert found.shown() is False

    def test_identical_models(self):
        found = paired_difference([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
        assert found == Difference(0.0, 0.0, 0.0, 3, 1.0)
        assert found.shown() is False

    def test_same_difference_at_every_seed(self):
        found = paired_difference([0.5, 0.75] * 3, [0.25, 0.5] * 3, overlap=1.0)
        assert found == Difference(0.25, 0.25, 0.25, 6, 0.0)
        assert found.shown() is True

    def test_same_difference_at_few_seeds_says_nothing_of_the_spread(self):
        found = paired_difference([0.5, 0.75], [0.25, 0.5])
        assert (found.mean, found.n) == (0.25, 2)
        assert np.isnan([found.low, found.high, found.p]).all()
        assert found.shown() is False

    def test_diverged_pairs_count_and_show_nothing(self):
        found = paired_difference([math.inf, 1.0, 2.0], [math.inf, 0.0, 0.0])
        assert found.n == 3
        assert np.isnan([found.mean, found.low, found.high, found.p]).all()
        assert not found.shown()

    def test_level(self):
        found = Difference(1.0, 0.1, 1.9, 5, 0.03)
        assert found.shown()
        assert not found.shown(level=0.03)  # p must be lower

    def test_sides_must_pair_up(self):
        with pytest.raises(ValueError, match="first and second must have one value for each seed, got 2 and 1"):
            paired_difference([1, 2], [1])


def naive_holm(p):
    """Holm's definition: the k-th smallest of m times m - k + 1, no smaller than those before, at most 1."""
    ranked = sorted(value for value in p if not math.isnan(value))
    return [
        value if math.isnan(value) else max(min(1.0, (len(ranked) - k) * ranked[k]) for k in range(ranked.index(value) + 1))
        for value in p
    ]


class TestHolm:
    def test_by_hand(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    @given(p_values)
    def test_as_defined(self, p):
        assert holm(p) == pytest.approx(naive_holm(p), nan_ok=True)

    @given(p_values)
    def test_rejects_as_the_step_down_procedure(self, p):
        known = sorted(value for value in p if not math.isnan(value))
        rejected = 0
        while rejected < len(known) and known[rejected] * (len(known) - rejected) < 0.05:
            rejected += 1
        assert np.count_nonzero(holm(p) < 0.05) == rejected

    def test_nan_is_not_counted(self):
        assert holm([NAN, 0.02, NAN, 0.5])[[1, 3]] == pytest.approx([0.04, 0.5])
        assert np.isnan(holm([NAN, 0.02, NAN, 0.5])[[0, 2]]).all()

    def test_none(self):
        assert holm([]).shape == (0,)
        assert np.isnan(holm([NAN])).all()

    @pytest.mark.parametrize("p", [-0.1, 1.1, math.inf])
    def test_range(self, p):
        with pytest.raises(ValueError, match=f"p_values must be from 0 to 1, got {p}"):
            holm([0.5, p])


def test_import_takes_no_scipy():
    code = "import sys, leafscope.core.comparison.statistics; sys.exit(any(name.startswith('scipy') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_detectable_difference_is_shown_four_times_in_five() -> None:
    """In simulations with a true difference of that size, 80 % of the tests show it, within the formula's slight caution."""
    rng = np.random.default_rng(3)
    n, tests = 20, 7
    size = detectable_difference(rng.normal(size=100_000), np.zeros(100_000)) * math.sqrt(100_000 / n)
    exact = (stats.t.ppf(1 - LEVEL / 2, n - 1) + stats.t.ppf(0.8, n - 1)) / math.sqrt(n)
    assert size == pytest.approx((1.96 + 0.8416) / math.sqrt(n), rel=0.01)
    shown = [paired_difference(exact + rng.normal(size=n), np.zeros(n)).shown() for _ in range(2000)]
    assert 0.77 < np.mean(shown) < 0.86
    sample = rng.normal(size=n)
    ratio = detectable_difference(sample, np.zeros(n), tests=tests) / detectable_difference(sample, np.zeros(n))
    strict = stats.t.ppf(1 - LEVEL / 2 / tests, n - 1) + stats.t.ppf(0.8, n - 1)
    assert ratio == pytest.approx(strict / (stats.t.ppf(1 - LEVEL / 2, n - 1) + stats.t.ppf(0.8, n - 1)))
    assert math.isnan(detectable_difference([0.1], [0.2]))
    with pytest.raises(ValueError, match="tests must be at least 1, got 0"):
        detectable_difference(sample, sample, tests=0)
    with pytest.raises(ValueError, match="power must be"):
        detectable_difference(sample, sample, power=1)
