"""Leaf statistics: checked by hand, against their definitions, and at the edges."""

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy as scipy_entropy

from core.gating import path_nodes
from core.usage import (
    balance,
    churn,
    class_counts,
    leaf_counts,
    leaf_counts_by_epoch,
    leaf_state,
    lift,
    node_counts,
    possible_leaves,
    settled,
)

some_counts = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)
NUMPY_TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
TORCH_TYPES = [torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int32, torch.int64]


@st.composite
def leaves_of_rows(draw):
    depth = draw(st.integers(0, 6))
    return depth, draw(arrays(np.int64, st.integers(0, 50), elements=st.integers(0, 2**depth - 1)))


class TestLeafCounts:
    def test_by_hand(self):
        counts = leaf_counts(np.array([3, 0, 3, 2, 3]), depth=2)
        assert counts.tolist() == [1, 0, 1, 3]
        assert counts.dtype == np.int64

    @pytest.mark.parametrize("dtype", NUMPY_TYPES)
    def test_numpy_types(self, dtype):
        assert leaf_counts(np.array([1, 1, 0], dtype), depth=2).tolist() == [1, 2, 0, 0]

    @pytest.mark.parametrize("dtype", TORCH_TYPES)
    def test_torch_types(self, dtype):
        assert leaf_counts(torch.tensor([1, 1, 0]).to(dtype), depth=2).tolist() == [1, 2, 0, 0]

    def test_largest_leaf_of_16_bits(self):
        counts = leaf_counts(np.array([65535, 255], np.uint16), depth=16)
        assert counts.shape == (65536,)
        assert np.flatnonzero(counts).tolist() == [255, 65535]

    def test_depth_0_has_one_leaf(self):
        assert leaf_counts([0, 0], depth=0).tolist() == [2]

    @pytest.mark.parametrize("empty", [[], np.zeros(0), torch.zeros(0, dtype=torch.int64)])
    def test_no_rows(self, empty):
        assert leaf_counts(empty, depth=1).tolist() == [0, 0]

    @pytest.mark.parametrize(("leaf", "got"), [([0, 4], 4), ([-1, 0], -1), (np.array([2**64 - 1], np.uint64), 2**64 - 1)])
    def test_leaf_out_of_range(self, leaf, got):
        with pytest.raises(IndexError, match=f"a leaf must be from 0 to 3 at depth 2, got {got}$"):
            leaf_counts(leaf, depth=2)

    def test_depth_out_of_range(self):
        with pytest.raises(ValueError, match="depth must be from 0 to 16, got 17"):
            leaf_counts([0], depth=17)

    def test_wrong_dimensions(self):
        with pytest.raises(ValueError, match=r"leaf must have 1 dimension, got shape \(1, 2\)"):
            leaf_counts([[0, 1]], depth=1)
        with pytest.raises(ValueError, match=r"leaf must have 1 dimension, got shape \(\)"):
            leaf_counts(torch.tensor(1), depth=1)

    @pytest.mark.parametrize("values", [[0.0, 1.0], [True, False], torch.ones(2)])
    def test_not_whole_numbers(self, values):
        with pytest.raises(TypeError, match="leaf must hold whole numbers"):
            leaf_counts(values, depth=1)


class TestBalance:
    def test_by_hand(self):
        # p = 1/4, 1/4, 1/2, 0; mean n = 1, var n = (0 + 0 + 1 + 1) / 4
        got = balance([1, 1, 2, 0])
        assert got.entropy == pytest.approx(1.5 * math.log(2))
        assert got.effective_leaves == pytest.approx(2**1.5)
        assert got.cv2 == pytest.approx(0.5)
        # ascending 0 1 1 2: 2 * (0 + 2 + 3 + 8) / (4 * 4) - 5/4
        assert got.gini == pytest.approx(0.375)
        assert got.max_violation == pytest.approx(1.0)
        assert got.dead_fraction == pytest.approx(0.25)

    def test_uniform(self):
        assert astuple(balance([7] * 8)) == pytest.approx((math.log(8), 8.0, 0.0, 0.0, 0.0, 0.0))

    def test_all_in_one_of_eight(self):
        assert astuple(balance([0, 0, 5, 0, 0, 0, 0, 0])) == pytest.approx((0.0, 1.0, 7.0, 7 / 8, 7.0, 7 / 8))

    def test_one_leaf(self):
        assert astuple(balance([9])) == (0.0, 1.0, 0.0, 0.0, 0.0, 0.0)

    @pytest.mark.parametrize("counts", [[0], [0, 0, 0, 0], []])
    def test_no_rows_is_nan(self, counts):
        assert all(math.isnan(value) for value in astuple(balance(counts)))

    @pytest.mark.parametrize("dtype", NUMPY_TYPES)
    def test_numpy_types_do_not_overflow(self, dtype):
        assert balance(np.array([100, 100, 100, 100], dtype)).effective_leaves == pytest.approx(4.0)

    @pytest.mark.parametrize("dtype", TORCH_TYPES)
    def test_torch_types(self, dtype):
        assert balance(torch.tensor([3, 0]).to(dtype)) == balance([3, 0])

    def test_fields_are_floats(self):
        assert {type(value) for value in astuple(balance([1, 2]))} == {float}

    def test_negative(self):
        with pytest.raises(ValueError, match="counts must not be negative, got -2"):
            balance([3, -2])

    def test_wrong_dimensions(self):
        with pytest.raises(ValueError, match=r"counts must have 1 dimension, got shape \(2, 1\)"):
            balance(np.ones((2, 1), int))

    def test_not_whole_numbers(self):
        with pytest.raises(TypeError, match="counts must hold whole numbers"):
            balance([0.5, 0.5])

    @given(some_counts)
    def test_entropy_is_scipys(self, counts):
        assert balance(counts).entropy == pytest.approx(scipy_entropy(counts), abs=1e-12)

    @given(some_counts)
    def test_gini_is_half_the_relative_mean_difference(self, counts):
        n = np.array(counts, float)
        differences = abs(n[:, None] - n[None, :]).mean()
        assert balance(counts).gini == pytest.approx(differences / (2 * n.mean()), abs=1e-12)

    @given(some_counts)
    def test_the_other_definitions(self, counts):
        n = np.array(counts, float)
        got = balance(counts)
        assert got.cv2 == pytest.approx(n.var() / n.mean() ** 2)
        assert got.max_violation == pytest.approx((n.max() - n.mean()) / n.mean(), abs=1e-12)
        assert got.dead_fraction == pytest.approx(counts.count(0) / len(counts))
        assert got.effective_leaves == pytest.approx(math.exp(got.entropy))

    @given(some_counts)
    def test_ranges(self, counts):
        leaves = len(counts)
        lowest = (0, 1, 0, 0, 0, 0)
        highest = (math.log(leaves), leaves, leaves - 1, 1 - 1 / leaves, leaves - 1, 1 - 1 / leaves)
        for low, value, high in zip(lowest, astuple(balance(counts)), highest, strict=True):
            assert low <= value <= high + 1e-9

    @given(some_counts, st.randoms())
    def test_order_of_leaves_does_not_matter(self, counts, random):
        shuffled = random.sample(counts, len(counts))
        assert astuple(balance(shuffled)) == pytest.approx(astuple(balance(counts)), abs=1e-12)

    @given(some_counts, st.integers(2, 9))
    def test_only_shares_matter(self, counts, times):
        assert astuple(balance([times * n for n in counts])) == pytest.approx(astuple(balance(counts)), abs=1e-12)


class TestNodeCounts:
    def test_by_hand(self):
        assert [level.tolist() for level in node_counts([1, 2, 0, 4, 0, 0, 8, 0])] == [
            [15],
            [7, 8],
            [3, 4, 0, 8],
            [1, 2, 0, 4, 0, 0, 8, 0],
        ]

    def test_depth_0(self):
        assert [level.tolist() for level in node_counts([5])] == [[5]]

    def test_small_types_do_not_overflow(self):
        assert node_counts(np.array([200, 200], np.uint8))[0].tolist() == [400]

    @given(leaves_of_rows())
    def test_counts_the_nodes_on_the_paths(self, given_leaves):
        depth, leaf = given_leaves
        nodes = path_nodes(torch.from_numpy(leaf), depth).flatten()
        expected = torch.bincount(nodes, minlength=2 ** (depth + 1) - 1).tolist()
        assert np.concatenate(node_counts(leaf_counts(leaf, depth))).tolist() == expected

    @pytest.mark.parametrize("counts", [[], [1, 1, 1]])
    def test_not_a_power_of_two(self, counts):
        with pytest.raises(ValueError, match=f"counts must have a power of two entries, one for each leaf, got {len(counts)}"):
            node_counts(counts)

    def test_negative(self):
        with pytest.raises(ValueError, match="counts must not be negative, got -1"):
            node_counts([-1, 1])


class TestClasses:
    def test_counts_by_hand(self):
        counts = class_counts(torch.tensor([2, 2, 2, 0], dtype=torch.uint8), [0, 1, 1, 2], depth=2, n_classes=3)
        assert counts.tolist() == [[0, 0, 1], [0, 0, 0], [1, 2, 0], [0, 0, 0]]
        assert counts.dtype == np.int64

    def test_many_classes_in_small_types(self):
        counts = class_counts(np.array([200], np.uint8), np.array([99], np.uint8), depth=8, n_classes=100)
        assert np.argwhere(counts).tolist() == [[200, 99]]

    @given(leaves_of_rows(), st.integers(1, 5))
    def test_sums_are_the_leaf_counts(self, given_leaves, n_classes):
        depth, leaf = given_leaves
        y = np.arange(len(leaf)) % n_classes
        counts = class_counts(leaf, y, depth, n_classes)
        assert counts.sum(1).tolist() == leaf_counts(leaf, depth).tolist()
        assert counts.sum(0).tolist() == np.bincount(y, minlength=n_classes).tolist()

    def test_rows_must_pair_up(self):
        with pytest.raises(ValueError, match="one entry for each row, got 2 and 1"):
            class_counts([0, 0], [0], depth=1, n_classes=2)

    @pytest.mark.parametrize("wrong", [-1, 2])
    def test_class_out_of_range(self, wrong):
        with pytest.raises(IndexError, match=f"a class must be from 0 to 1, got {wrong}"):
            class_counts([0], [wrong], depth=1, n_classes=2)

    def test_leaf_out_of_range(self):
        with pytest.raises(IndexError, match="a leaf must be from 0 to 1 at depth 1, got 2"):
            class_counts([2], [0], depth=1, n_classes=2)

    def test_lift_by_hand(self):
        # 10 rows; class 0 has 4, three of them in leaf 0, which has 5: (3/4) / (5/10)
        got = lift([[3, 2], [1, 4]])
        assert got == pytest.approx(np.array([[1.5, 2 / 3], [0.5, 4 / 3]]))

    def test_lift_is_nan_without_rows(self):
        got = lift(np.array([[3, 0], [0, 0]], np.uint8))
        assert np.isnan(got).tolist() == [[False, True], [True, True]]
        assert got[0, 0] == 1.0

    def test_lift_of_nothing(self):
        assert np.isnan(lift(np.zeros((4, 2), int))).all()

    @given(arrays(np.int64, (4, 3), elements=st.integers(0, 9)))
    def test_mean_lift_is_1(self, counts):
        """Over classes, weighted by their shares, a leaf's lift is 1."""
        share = counts.sum(0) / max(counts.sum(), 1)
        for n, row in zip(counts, lift(counts), strict=True):
            if n.any():
                assert np.nansum(share * row) == pytest.approx(1)

    def test_lift_needs_a_table(self):
        with pytest.raises(ValueError, match=r"class_counts must have 2 dimensions, got shape \(2,\)"):
            lift([1, 2])


class TestStates:
    def test_by_hand(self):
        assert leaf_state([1, 5, 0, 0], [0, 1, 2, 0]).tolist() == ["used", "used", "test only", "unseen"]

    def test_leaves_must_pair_up(self):
        with pytest.raises(ValueError, match="one entry for each leaf, got 2 and 4"):
            leaf_state([1, 1], [1, 1, 1, 1])

    def test_negative(self):
        with pytest.raises(ValueError, match="counts_test must not be negative"):
            leaf_state([1], [-1])

    @pytest.mark.parametrize(
        ("depth", "dimensions", "cells"),
        [(0, 0, 1), (0, 5, 1), (4, 0, 1), (4, 1, 5), (4, 2, 11), (4, 3, 15), (4, 4, 16), (4, 99, 16), (16, 2, 137)],
    )
    def test_possible_leaves(self, depth, dimensions, cells):
        assert possible_leaves(depth, dimensions) == cells

    def test_possible_leaves_bounds_what_random_lines_reach(self):
        rng = np.random.default_rng(0)
        points, normals, offsets = rng.uniform(-3, 3, (200_000, 2)), rng.standard_normal((2, 5)), rng.standard_normal(5)
        reached = len(np.unique(points @ normals > offsets, axis=0))
        assert 2 * 5 < reached <= possible_leaves(5, 2) == 16

    def test_possible_leaves_out_of_range(self):
        with pytest.raises(ValueError, match="dimensions must be at least 0, got -1"):
            possible_leaves(3, -1)
        with pytest.raises(ValueError, match="depth must be from 0 to 16, got -1"):
            possible_leaves(-1, 3)


class TestEpochs:
    recorded = np.array([[0, 0, 1, 3], [0, 2, 1, 3], [2, 0, 1, 3], [2, 0, 1, 1]], np.uint8)

    def test_counts(self):
        assert leaf_counts_by_epoch(self.recorded, depth=2).tolist() == [[2, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 2, 1, 0]]

    def test_counts_are_those_of_each_epoch(self):
        leaves = np.random.default_rng(0).integers(0, 8, (5, 30))
        expected = [leaf_counts(leaf, 3).tolist() for leaf in leaves]
        assert leaf_counts_by_epoch(torch.from_numpy(leaves), 3).tolist() == expected

    def test_counts_out_of_range(self):
        with pytest.raises(IndexError, match="a leaf must be from 0 to 1 at depth 1, got 3"):
            leaf_counts_by_epoch(self.recorded, depth=1)

    def test_churn(self):
        assert churn(self.recorded).tolist() == [0.25, 0.5, 0.25]

    def test_settled(self):
        assert settled(self.recorded).tolist() == [0.5, 0.25, 0.75, 1.0]

    def test_one_epoch(self):
        assert churn([[0, 1]]).tolist() == []
        assert settled([[0, 1]]).tolist() == [1.0]
        assert leaf_counts_by_epoch([[0, 1]], depth=1).tolist() == [[1, 1]]

    def test_no_rows_is_nan(self):
        nothing = np.zeros((3, 0), np.uint8)
        assert np.isnan(churn(nothing)).tolist() == [True] * 2
        assert np.isnan(settled(nothing)).tolist() == [True] * 3
        assert leaf_counts_by_epoch(nothing, depth=1).tolist() == [[0, 0]] * 3

    def test_no_epochs(self):
        nothing = np.zeros((0, 3), np.uint8)
        assert churn(nothing).shape == (0,)
        assert settled(nothing).shape == (0,)
        assert leaf_counts_by_epoch(nothing, depth=1).shape == (0, 2)

    @pytest.mark.parametrize("statistic", [churn, settled, lambda leaves: leaf_counts_by_epoch(leaves, 2)])
    def test_wrong_dimensions(self, statistic):
        with pytest.raises(ValueError, match=r"leaves must have 2 dimensions, got shape \(4,\)"):
            statistic(self.recorded[0])
