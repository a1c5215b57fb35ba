"""Leaf statistics: checked by hand, against their definitions, and at the edges."""

import math
import time
from dataclasses import asdict, astuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from leafscope.core.gating import path_nodes
from leafscope.core.usage.change import churn, divergence, settled
from leafscope.core.usage.classes import lift, purity
from leafscope.core.usage.counts import (
    class_counts,
    leaf_counts,
    leaf_counts_by_epoch,
    leaf_state,
    node_counts,
    possible_leaves,
    prefix_counts,
)
from leafscope.core.usage.evenness import (
    BALANCE_NAMES,
    balance,
    balance_by_epoch,
    carrying,
    carrying_by_row,
    lorenz,
    node_balance,
)
from leafscope.core.usage.information import information
from leafscope.core.usage.summary import summarize, why_undefined

some_counts = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)
some_tables = arrays(np.int64, st.tuples(st.integers(0, 6), st.integers(1, 20)), elements=st.integers(0, 30))
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

    @settings(deadline=None)
    @given(some_counts)
    def test_entropy_is_scipys(self, counts):
        assert balance(counts).entropy == pytest.approx(scipy_entropy(counts), abs=1e-12)

    @settings(deadline=None)
    @given(some_counts)
    def test_gini_is_half_the_relative_mean_difference(self, counts):
        n = np.array(counts, float)
        differences = abs(n[:, None] - n[None, :]).mean()
        assert balance(counts).gini == pytest.approx(differences / (2 * n.mean()), abs=1e-12)

    @settings(deadline=None)
    @given(some_counts)
    def test_the_other_definitions(self, counts):
        n = np.array(counts, float)
        got = balance(counts)
        assert got.cv2 == pytest.approx(n.var() / n.mean() ** 2)
        assert got.max_violation == pytest.approx((n.max() - n.mean()) / n.mean(), abs=1e-12)
        assert got.dead_fraction == pytest.approx(counts.count(0) / len(counts))
        assert got.effective_leaves == pytest.approx(math.exp(got.entropy))

    @settings(deadline=None)
    @given(some_counts)
    def test_ranges(self, counts):
        leaves = len(counts)
        lowest = (0, 1, 0, 0, 0, 0)
        highest = (math.log(leaves), leaves, leaves - 1, 1 - 1 / leaves, leaves - 1, 1 - 1 / leaves)
        for low, value, high in zip(lowest, astuple(balance(counts)), highest, strict=True):
            assert low <= value <= high + 1e-9

    @settings(deadline=None)
    @given(some_counts, st.randoms())
    def test_order_of_leaves_does_not_matter(self, counts, random):
        shuffled = random.sample(counts, len(counts))
        assert astuple(balance(shuffled)) == pytest.approx(astuple(balance(counts)), abs=1e-12)

    @settings(deadline=None)
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

    @settings(deadline=None)
    @given(leaves_of_rows())
    def test_counts_the_nodes_on_the_paths(self, given_leaves):
        depth, leaf = given_leaves
        nodes = path_nodes(torch.from_numpy(leaf), depth).flatten()
        expected = torch.bincount(nodes, minlength=2 ** (depth + 1) - 1).tolist()
        assert np.concatenate(node_counts(leaf_counts(leaf, depth))).tolist() == expected

    @pytest.mark.parametrize("counts", [[], [1, 1, 1]])
    def test_not_a_power_of_two(self, counts):
        with pytest.raises(ValueError, match=f"one entry for each leaf, a power of two, got {len(counts)}"):
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

    @settings(deadline=None)
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

    @settings(deadline=None)
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


class TestBalanceByEpoch:
    @settings(deadline=None)
    @given(some_tables)
    def test_is_the_balance_of_each_row(self, counts):
        got = balance_by_epoch(counts)
        assert tuple(got) == BALANCE_NAMES
        for name, values in got.items():
            expected = [asdict(balance(row))[name] for row in counts]
            np.testing.assert_allclose(values, np.array(expected, float), rtol=1e-12, atol=1e-12)

    def test_many_leaves_in_several_blocks(self):
        counts = np.random.default_rng(0).poisson(0.3, (9, 65536))
        counts[4] = 0
        got = balance_by_epoch(counts)
        assert np.isnan(np.stack(list(got.values()))[:, 4]).all()
        for row in (0, 3, 8):
            expected = asdict(balance(counts[row]))
            assert {name: values[row] for name, values in got.items()} == pytest.approx(expected, rel=1e-11)

    def test_counts_beyond_32_bits(self):
        assert balance_by_epoch([[2**33, 0]])["gini"].tolist() == [0.5]
        assert balance_by_epoch(np.array([[200, 200]], np.uint8))["entropy"] == pytest.approx([math.log(2)])

    @pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
    def test_nothing(self, shape):
        assert all(
            np.isnan(values).all() and values.shape == shape[:1] for values in balance_by_epoch(np.zeros(shape, int)).values()
        )

    def test_raises(self):
        with pytest.raises(ValueError, match=r"counts must have 2 dimensions, got shape \(2,\)"):
            balance_by_epoch([1, 2])
        with pytest.raises(ValueError, match="counts must not be negative, got -1"):
            balance_by_epoch([[1, -1]])


class TestCarrying:
    @pytest.mark.parametrize(("share", "leaves"), [(0.5, 1), (0.5001, 2), (0.9, 2), (0.95, 3), (1, 3)])
    def test_by_hand(self, share, leaves):
        assert carrying([5, 1, 0, 4], share) == leaves

    def test_rounding_does_not_ask_for_another_leaf(self):
        assert 0.55 * 100 > 55
        assert carrying([55, 45], 0.55) == 1

    def test_no_rows(self):
        assert carrying([0, 0]) == 0
        assert carrying([]) == 0
        assert carrying_by_row(np.zeros((2, 0), int)).tolist() == [0, 0]

    @settings(deadline=None)
    @given(some_tables, st.integers(1, 10))
    def test_against_a_loop(self, counts, tenths):
        for row, got in zip(counts, carrying_by_row(counts, tenths / 10), strict=True):
            held, leaves = 0, 0
            for n in sorted(row.tolist(), reverse=True):
                if 10 * held >= tenths * int(row.sum()):
                    break
                held, leaves = held + n, leaves + 1
            assert got == leaves == carrying(row, tenths / 10)

    @pytest.mark.parametrize("share", [0, -0.1, 1.1, math.nan])
    def test_share_out_of_range(self, share):
        with pytest.raises(ValueError, match="share must be above 0 and at most 1, got"):
            carrying([1], share)


class TestLorenz:
    def test_by_hand(self):
        assert lorenz([3, 0, 0, 1]).tolist() == [0, 0, 0, 0.25, 1]
        assert lorenz([2, 2]).tolist() == [0, 0.5, 1]
        assert lorenz([9]).tolist() == [0, 1]

    def test_rows(self):
        got = lorenz(np.array([[3, 1], [0, 0]], np.uint8))
        assert got[0].tolist() == [0, 0.25, 1]
        assert np.isnan(got[1]).all()

    @settings(deadline=None)
    @given(some_counts)
    def test_gini_is_twice_the_area_to_the_diagonal(self, counts):
        curve = lorenz(counts)
        area = ((curve[1:] + curve[:-1]) / 2).mean()
        assert 1 - 2 * area == pytest.approx(balance(counts).gini, abs=1e-12)

    @settings(deadline=None)
    @given(some_tables)
    def test_convex_from_0_to_1(self, counts):
        for row, curve in zip(counts, lorenz(counts), strict=True):
            if row.any():
                assert (curve[0], curve[-1]) == (0, 1)
                assert (np.diff(curve, n=2) >= -1e-12).all()

    def test_wrong_dimensions(self):
        with pytest.raises(ValueError, match=r"counts must have 1 or 2 dimensions, got shape \(\)"):
            lorenz(3)


class TestDivergence:
    def test_by_hand(self):
        assert divergence([1, 3], [10, 30]) == 0
        assert divergence([1, 0, 1], [0, 5, 0]) == math.log(2)
        # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4)
        assert divergence([2, 0], [1, 1]) == pytest.approx((math.log(4 / 3) + math.log(2 / 3) / 2 + math.log(2) / 2) / 2)

    @pytest.mark.parametrize(("a", "b"), [([0, 0], [1, 0]), ([1, 0], [0, 0]), ([], [])])
    def test_no_rows(self, a, b):
        assert math.isnan(divergence(a, b))

    @settings(deadline=None)
    @given(arrays(np.int64, (2, 8), elements=st.integers(0, 20)))
    def test_is_scipys_distance_squared(self, counts):
        a, b = counts
        if a.any() and b.any():
            assert divergence(a, b) == pytest.approx(jensenshannon(a, b) ** 2, abs=1e-12)
            assert 0 <= divergence(a, b) <= math.log(2)
            assert divergence(a, b) == pytest.approx(divergence(b, a), abs=1e-15)

    def test_leaves_must_pair_up(self):
        with pytest.raises(ValueError, match="one entry for each leaf, got 1 and 2"):
            divergence([1], [1, 1])


class TestPrefixes:
    def test_counts_by_hand(self):
        assert prefix_counts([1, 2, 0, 4, 0, 0, 8, 0], 2).tolist() == [3, 4, 0, 8]
        assert prefix_counts([[1, 2, 3, 4], [0, 0, 0, 5]], 1).tolist() == [[3, 7], [0, 5]]
        assert prefix_counts(np.array([200, 200], np.uint8), 0).tolist() == [400]
        assert prefix_counts(np.zeros((0, 4), int), 1).shape == (0, 2)

    @settings(deadline=None)
    @given(leaves_of_rows(), st.data())
    def test_counts_the_prefixes(self, given_leaves, data):
        depth, leaf = given_leaves
        level = data.draw(st.integers(0, depth))
        expected = leaf_counts(leaf >> (depth - level), level)
        assert prefix_counts(leaf_counts(leaf, depth), level).tolist() == expected.tolist()

    @pytest.mark.parametrize("level", [-1, 3])
    def test_level_out_of_range(self, level):
        with pytest.raises(ValueError, match=rf"level must be from 0 to the depth \(2\), got {level}"):
            prefix_counts([1, 1, 1, 1], level)

    def test_not_a_power_of_two(self):
        with pytest.raises(ValueError, match="one entry for each leaf, a power of two, got 3"):
            prefix_counts([[1, 1, 1]], 0)

    def test_node_balance_by_hand(self):
        first, second = node_balance([1, 3, 0, 0])
        assert first.tolist() == [0.0]
        assert second[0] == 0.75
        assert math.isnan(second[1])
        assert np.isnan(np.concatenate(node_balance([0, 0, 0, 0]))).tolist() == [True] * 3

    def test_node_balance_at_depth_0(self):
        assert node_balance([4]) == []

    @settings(deadline=None)
    @given(leaves_of_rows())
    def test_node_balance_is_the_mean_bit(self, given_leaves):
        depth, leaf = given_leaves
        got = node_balance(leaf_counts(leaf, depth))
        assert [len(level) for level in got] == [1 << level for level in range(depth)]
        for level, shares in enumerate(got):
            for prefix, share in enumerate(shares):
                bits = [(row >> (depth - level - 1)) & 1 for row in leaf.tolist() if row >> (depth - level) == prefix]
                assert share == pytest.approx(np.mean(bits) if bits else math.nan, nan_ok=True)


class TestPurity:
    def test_by_hand(self):
        assert purity([[3, 1], [0, 0], [2, 2]]) == 5 / 8
        assert purity([[7, 2, 1]]) == 0.7
        assert purity(np.array([[200, 0], [0, 200]], np.uint8)) == 1

    def test_no_rows(self):
        assert math.isnan(purity(np.zeros((4, 2), int)))

    def test_needs_a_table(self):
        with pytest.raises(ValueError, match=r"class_counts must have 2 dimensions, got shape \(2,\)"):
            purity([1, 2])


class TestSummarize:
    columns = (*BALANCE_NAMES, "used_leaves", "carrying_90", "churn", "settled")

    @pytest.mark.parametrize("level", [None, 0, 2, 4])
    def test_is_each_statistic_of_each_epoch(self, level):
        rng = np.random.default_rng(1)
        leaves, y = rng.integers(0, 16, (5, 40)).astype(np.uint8), rng.integers(0, 3, 40)
        length = 4 if level is None else level
        prefixes = leaves >> (4 - length)
        got = summarize(torch.from_numpy(leaves), 4, level=level, y=y, n_classes=3)
        columns = (*self.columns, "purity", "mutual_information")
        assert tuple(name for name in got.columns if name in columns) == columns
        for epoch, row in got.iterrows():
            counts, table = leaf_counts(prefixes[epoch], length), class_counts(prefixes[epoch], y, length, 3)
            expected = asdict(balance(counts)) | {
                "used_leaves": np.count_nonzero(counts),
                "carrying_90": carrying(counts),
                "churn": (prefixes[epoch] != prefixes[epoch - 1]).mean() if epoch else math.nan,
                "settled": (prefixes[epoch] == prefixes[-1]).mean(),
                "purity": purity(table),
                "mutual_information": information(table).mutual,
            }
            assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-12, nan_ok=True)

    def test_without_labels(self):
        names = summarize([[0, 1]], 1).columns
        assert tuple(name for name in names if name in self.columns) == self.columns
        assert {"purity", "mutual_information"}.isdisjoint(names)

    def test_nothing(self):
        no_rows = summarize(np.zeros((2, 0), np.uint8), 3, y=[], n_classes=2)
        assert no_rows.drop(columns=["used_leaves", "carrying_90"]).isna().all(axis=None)
        assert no_rows["used_leaves"].tolist() == no_rows["carrying_90"].tolist() == [0, 0]
        assert summarize(np.zeros((0, 3), np.uint8), 3).shape == (0, len(summarize([[0]], 3).columns))

    def test_raises(self):
        with pytest.raises(ValueError, match=r"level must be from 0 to the depth \(2\), got 3"):
            summarize([[0]], 2, level=3)
        with pytest.raises(ValueError, match="n_classes must be given with y, got None"):
            summarize([[0]], 2, y=[0])
        with pytest.raises(IndexError, match="a leaf must be from 0 to 3 at depth 2, got 4"):
            summarize([[4]], 2, level=1)

    def test_is_quick(self):
        """A page follows 200 epochs of 1000 rows in 4096 leaves while a reader waits."""
        rng = np.random.default_rng(0)
        leaves, y = rng.integers(0, 4096, (200, 1000)).astype(np.uint16), rng.integers(0, 10, 1000)
        seconds = []
        for _ in range(3):
            start = time.process_time()
            summarize(leaves, 12, y=y, n_classes=10)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.4


class TestWhyUndefined:
    names = (
        *BALANCE_NAMES,
        *("used_leaves", "carrying_90", "node_balance", "divergence", "churn", "settled"),
        *("purity", "mutual_information", "adjusted_mutual_information", "lift"),
    )

    @pytest.mark.parametrize("name", names)
    def test_every_statistic(self, name):
        assert why_undefined(name, [0, 0]) == "there are no rows"
        assert why_undefined(name, [[0, 0], [0, 0]]) == "there are no rows"
        assert why_undefined(name, [2, 1]) is None
        assert why_undefined(name, [[2, 1], [1, 0]]) is None

    @pytest.mark.parametrize("name", names)
    def test_one_leaf(self, name):
        expected = None if name == "purity" else "at depth 0 there is one leaf and no gate"
        assert why_undefined(name, [5]) == why_undefined(name, [[3, 2]]) == expected

    def test_classes(self):
        by_class = self.names[-4:]
        for name in self.names:
            expected = "all rows are of one class" if name in by_class else None
            assert why_undefined(name, [[2, 0], [1, 0]]) == expected
        assert why_undefined("adjusted_mutual_information", [[2, 1], [0, 0]]) == "all rows are in one leaf"
        assert why_undefined("mutual_information", [[2, 1], [0, 0]]) is None
        assert why_undefined("adjusted_mutual_information", [[1, 0], [0, 1]]) == "each row has a leaf and a class of its own"

    @settings(deadline=None)
    @given(arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 3)), elements=st.integers(0, 2)))
    def test_a_statistic_that_is_nan_has_a_reason(self, table):
        measured = asdict(balance(table.sum(1))) | {"purity": purity(table), "mutual_information": information(table).mutual}
        measured["adjusted_mutual_information"] = information(table).adjusted
        for name, value in measured.items():
            assert why_undefined(name, table) is not None or math.isfinite(value)

    def test_unknown_name(self):
        with pytest.raises(ValueError, match=r"name must be one of effective_leaves, .*, got 'loss'"):
            why_undefined("loss", [1])
