"""Independent bits: closed forms by hand, draws against them, and the edges."""

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chisquare

from leafscope.core.usage.chance import (
    bit_frequencies,
    draw,
    expected_agreement,
    expected_balance,
    expected_by_epoch,
    expected_classes,
    expected_divergence,
    lorenz_band,
    random_load,
)
from leafscope.core.usage.change import divergence
from leafscope.core.usage.classes import purity
from leafscope.core.usage.counts import class_counts
from leafscope.core.usage.evenness import balance, carrying, lorenz, names_of_counts

EXACT = ("dead_fraction", "used_leaves", "cv2")

some_counts = st.integers(0, 5).flatmap(lambda depth: arrays(np.int64, 1 << depth, elements=st.integers(0, 9)))


def fair(depth: int, rows: int) -> np.ndarray:
    """Counts whose bits are all fair: half of the rows in the first leaf, half in the last."""
    counts = np.zeros(1 << depth, int)
    counts[[0, -1]] = rows // 2
    return counts


class TestLoad:
    def test_by_hand(self):
        # bits 00 01 10 11 hold 1, 2, 3, 4 of 10 rows: the first is 1 in 7, the second in 6
        assert bit_frequencies([1, 2, 3, 4]) == pytest.approx(np.array([0.7, 0.6]))
        assert random_load([1, 2, 3, 4]) == pytest.approx(np.array([0.12, 0.18, 0.28, 0.42]))

    def test_depth_0(self):
        assert bit_frequencies([3]).tolist() == []
        assert random_load([3]).tolist() == [1.0]

    def test_no_rows(self):
        assert np.isnan(bit_frequencies([0, 0, 0, 0])).tolist() == [True] * 2
        assert np.isnan(random_load([0, 0, 0, 0])).tolist() == [True] * 4
        assert np.isnan(random_load([0])).tolist() == [True]

    @settings(deadline=None)
    @given(some_counts)
    def test_against_a_loop(self, counts):
        if not counts.any():
            return
        depth = len(counts).bit_length() - 1
        leaf = np.repeat(np.arange(len(counts)), counts)
        frequency = [((leaf >> (depth - 1 - bit)) & 1).mean() for bit in range(depth)]
        assert bit_frequencies(counts) == pytest.approx(np.array(frequency))
        load = [
            math.prod(f if (leaf >> (depth - 1 - bit)) & 1 else 1 - f for bit, f in enumerate(frequency))
            for leaf in range(len(counts))
        ]
        assert random_load(torch.from_numpy(counts)) == pytest.approx(np.array(load), abs=1e-15)
        assert random_load(counts).sum() == pytest.approx(1)

    def test_raises(self):
        with pytest.raises(ValueError, match="one entry for each leaf, a power of two, got 3"):
            random_load([1, 1, 1])
        with pytest.raises(ValueError, match="counts must not be negative, got -1"):
            bit_frequencies([1, -1])


class TestDraw:
    @settings(deadline=None)
    @given(some_counts, st.integers(1, 4))
    def test_every_replicate_has_all_rows_where_they_can_be(self, counts, replicates):
        got = draw(counts, replicates)
        assert got.shape == (replicates, len(counts))
        assert got.dtype == np.int64
        assert (got.sum(1) == counts.sum()).all()
        assert not counts.any() or (got[:, random_load(counts) == 0] == 0).all()

    @pytest.mark.parametrize("rows", [8, 4000])
    def test_both_ways_of_drawing_follow_the_load(self, rows):
        """8 rows in 64 leaves are drawn bit by bit, 4000 by leaf."""
        counts = np.zeros(64, int)
        counts[[0, 63, 21, 62]] = rows // 4
        replicates = 40_000 // rows
        got, load = draw(counts, replicates).sum(0), random_load(counts)
        assert (load == 0).sum() == 0
        assert chisquare(got, load / load.sum() * got.sum()).pvalue > 1e-3

    def test_variance_is_binomial(self):
        for rows in (8, 400):
            counts = fair(6, rows)
            variance = draw(counts, 4000).var(0).mean()
            assert variance == pytest.approx(rows * (1 / 64) * (63 / 64), rel=0.05)

    def test_seeds(self):
        counts = fair(4, 20)
        assert draw(counts, 3, seed=1).tolist() == draw(counts, 3, seed=1).tolist() != draw(counts, 3, seed=2).tolist()

    def test_no_rows_and_depth_0(self):
        assert draw([0, 0], 2).tolist() == [[0, 0]] * 2
        assert draw([7], 2).tolist() == [[7], [7]]

    def test_replicates_out_of_range(self):
        for counts in ([1, 1], [0, 0]):
            with pytest.raises(ValueError, match="replicates must be at least 1, got 0"):
                draw(counts, 0)


class TestExpectedBalance:
    def test_300_rows_in_1024_leaves_are_uneven_by_arithmetic_alone(self):
        got = expected_balance(fair(10, 300))
        assert got["dead_fraction"].mean == pytest.approx((1 - 1 / 1024) ** 300) == pytest.approx(0.746, abs=0.001)
        assert got["gini"].mean == pytest.approx(0.78, abs=0.01)
        assert got["gini"].low < got["gini"].mean < got["gini"].high

    def test_closed_forms_by_hand(self):
        # two rows in two fair leaves: both in one with probability 1/2
        got = expected_balance([1, 1], replicates=4000)
        assert got["dead_fraction"].mean == 0.25
        assert got["used_leaves"].mean == 1.5
        assert got["cv2"].mean == pytest.approx(0.5)
        assert got["max_violation"].mean == pytest.approx(0.5, abs=0.05)
        assert got["entropy"].mean == pytest.approx(math.log(2) / 2, abs=0.03)
        assert (got["used_leaves"].low, got["used_leaves"].high) == (1, 2)

    @pytest.mark.parametrize("counts", [[3, 1, 0, 2], [9, 0, 1, 0, 0, 2, 0, 1]])
    def test_closed_forms_are_the_means_of_replicates(self, counts):
        got = expected_balance(counts)
        drawn = [balance(row) for row in draw(counts, 4000, seed=1)]
        for name in ("dead_fraction", "cv2"):
            samples = np.array([getattr(of, name) for of in drawn])
            assert got[name].mean == pytest.approx(samples.mean(), abs=5 * samples.std() / math.sqrt(4000))
        assert got["used_leaves"].mean == pytest.approx(len(counts) * (1 - got["dead_fraction"].mean))

    def test_other_means_and_ranges_are_those_of_the_draws(self):
        counts = [5, 0, 2, 9]
        drawn = draw(counts, 50, seed=3)
        got = expected_balance(counts, replicates=50, seed=3)
        samples = {"gini": [balance(row).gini for row in drawn], "carrying_90": [carrying(row) for row in drawn]}
        for name, values in samples.items():
            expected = (np.mean(values), *np.quantile(values, [0.025, 0.975]))
            assert astuple(got[name]) == pytest.approx(expected)

    @pytest.mark.parametrize("counts", [[5], [0, 5, 0, 0]])
    def test_certain(self, counts):
        """At depth 0, and when every bit is constant, a random row has no choice."""
        certain = vars(balance(counts)) | {"used_leaves": 1, "carrying_90": 1}
        got = expected_balance(counts)
        assert tuple(got) == names_of_counts()
        for name, value in certain.items():
            assert astuple(got[name]) == pytest.approx((value,) * 3)

    @pytest.mark.parametrize("counts", [[0], [0, 0, 0, 0]])
    def test_no_rows(self, counts):
        got = expected_balance(counts)
        assert tuple(got) == names_of_counts()
        assert np.isnan([astuple(expected) for expected in got.values()]).all()


class TestLorenzBand:
    def test_is_that_of_the_draws(self):
        counts = fair(4, 12)
        curves = lorenz(draw(counts, 30, seed=2))
        mean, low, high = lorenz_band(counts, replicates=30, seed=2)
        assert mean.shape == (17,)
        np.testing.assert_allclose(mean, curves.mean(0))
        np.testing.assert_allclose([low, high], np.quantile(curves, [0.025, 0.975], axis=0))
        assert (low <= high).all()
        assert mean[6] < mean[15] < mean[16] == 1

    def test_no_rows(self):
        assert all(np.isnan(curve).all() and curve.shape == (5,) for curve in lorenz_band([0, 0, 0, 0]))


class TestByEpoch:
    counts = np.random.default_rng(0).poisson(1, (50, 16))

    def test_is_the_expectation_of_each_epoch(self):
        got = expected_by_epoch(self.counts, ["gini", "used_leaves"], replicates=20, seed=4, most=5)
        assert got["epoch_index"].unique().tolist() == [0, 12, 24, 37, 49]
        assert len(got) == 10
        for row in got.itertuples():
            expected = expected_balance(self.counts[row.epoch_index], replicates=20, seed=4)[row.name]
            assert (row.mean, row.low, row.high) == astuple(expected)

    def test_few_epochs_and_none(self):
        assert expected_by_epoch(self.counts[:3], ["cv2"])["epoch_index"].tolist() == [0, 1, 2]
        assert expected_by_epoch(self.counts[:1], ["cv2"])["epoch_index"].tolist() == [0]
        nothing = expected_by_epoch(self.counts[:0], ["cv2"])
        assert list(nothing.columns) == ["epoch_index", "name", "mean", "low", "high"]
        assert nothing.empty

    def test_most_is_the_most(self):
        assert expected_by_epoch(self.counts, ["cv2"], replicates=2)["epoch_index"].nunique() == 24

    def test_an_epoch_without_rows(self):
        got = expected_by_epoch([[0, 0], [1, 1]], ["dead_fraction"])
        assert got["mean"].tolist() == pytest.approx([math.nan, 0.25], nan_ok=True)

    def test_raises(self):
        with pytest.raises(ValueError, match=r"names must be among entropy, .*carrying_90.*, got 'churn'"):
            expected_by_epoch(self.counts, ["gini", "churn"])
        with pytest.raises(ValueError, match="most must be at least 2, got 1"):
            expected_by_epoch(self.counts, ["gini"], most=1)


class TestClasses:
    def test_two_rows_by_hand(self):
        # two rows of two classes: apart with probability 1/2 (purity 1, I = log 2), else together (1/2 and 0)
        got = expected_classes([1, 1], [1, 1], replicates=4000)
        assert got["purity"].mean == pytest.approx(0.75, abs=0.03)
        assert got["mutual_information"].mean == pytest.approx(math.log(2) / 2, abs=0.03)
        assert astuple(got["purity"])[1:] == (0.5, 1)

    def test_many_leaves_are_pure_by_arithmetic_alone(self):
        got = expected_classes(fair(10, 300), [100, 100, 100])
        assert 0.85 < got["purity"].low < got["purity"].high < 1

    def test_against_shuffled_leaves(self):
        """Where leaves are as full as fair bits make them, shuffling the classes over them gives the same mean."""
        rng = np.random.default_rng(0)
        y = np.repeat([0, 1], [30, 10])
        shuffled = [purity(class_counts(rng.integers(0, 8, 40), y, 3, 2)) for _ in range(1000)]
        got = expected_classes(fair(3, 40), [30, 10], replicates=1000)
        assert got["purity"].mean == pytest.approx(np.mean(shuffled), abs=0.005)

    @pytest.mark.parametrize("counts", [[4], [0, 0, 4, 0]])
    def test_certain(self, counts):
        got = expected_classes(counts, [3, 1])
        assert astuple(got["purity"]) == (0.75,) * 3
        assert astuple(got["mutual_information"]) == pytest.approx((0,) * 3, abs=1e-15)

    def test_no_rows(self):
        assert np.isnan([astuple(of) for of in expected_classes([0, 0], [0, 0]).values()]).all()

    def test_several_blocks(self):
        got = expected_classes(fair(1, 400_000), [200_000, 200_000], replicates=5)
        assert 0.5 < got["purity"].mean < 0.51

    def test_raises(self):
        with pytest.raises(ValueError, match="counts and class_totals must sum to the same, got 2 and 3"):
            expected_classes([1, 1], [1, 2])
        with pytest.raises(ValueError, match="replicates must be at least 1, got 0"):
            expected_classes([1, 1], [1, 1], replicates=0)


def test_agreement_of_two_random_epochs_is_that_of_draws() -> None:
    a, b = np.array([5, 1, 2, 12]), np.array([3, 9, 4, 4])
    rng = np.random.default_rng(0)
    draws = [rng.choice(4, (4000, 20), p=random_load(counts)) for counts in (a, b)]
    same = (draws[0] == draws[1]).mean(1)
    found = expected_agreement(a, b)
    assert found.mean == pytest.approx(same.mean(), abs=0.01)
    assert [found.low, found.high] == pytest.approx(np.quantile(same, [0.025, 0.975]), abs=0.051)
    assert math.isnan(expected_agreement([0, 0], [0, 0]).mean)
    with pytest.raises(ValueError, match=r"counts must have equal shapes and sums, got shapes"):
        expected_agreement([1, 1], [1, 0])


def test_divergence_of_splits_that_differ_by_chance_alone() -> None:
    rng = np.random.default_rng(1)
    uniform = [np.bincount(rng.integers(0, 4096, rows), minlength=4096) for rows in (988, 540)]
    chance = expected_divergence(*uniform)
    assert chance.low <= divergence(*uniform) <= chance.high
    assert 0.5 < chance.mean < math.log(2)  # few rows in many leaves differ by arithmetic alone
    apart = [50, 0], [0, 50]
    assert expected_divergence(*apart).high < 0.1 < divergence(*apart)
    assert math.isnan(expected_divergence([0, 0], [1, 0]).mean)
    with pytest.raises(ValueError, match=r"counts must have equal shapes, got \(2,\) and \(4,\)"):
        expected_divergence([1, 1], [1, 1, 1, 1])
