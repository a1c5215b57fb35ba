"""Information about the class: against scikit-learn, by hand, and at the edges."""

import math
import time
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score

from leafscope.core.usage.classes import purity
from leafscope.core.usage.counts import class_counts
from leafscope.core.usage.information import class_statistics, information, information_by_level

some_tables = arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.integers(0, 12))


def labels_of(table):
    """Give the leaf and the class of each row."""
    cells = np.repeat(np.arange(table.size), table.ravel())
    return np.divmod(cells, table.shape[1])


class TestInformation:
    def test_by_hand(self):
        got = information([[2, 0], [0, 2], [0, 0]])
        assert (got.mutual, got.adjusted) == (pytest.approx(math.log(2)), pytest.approx(1))
        assert information([[4, 4], [4, 4]]).mutual == pytest.approx(0, abs=1e-15)

    def test_average_over_all_pairings_is_subtracted(self):
        # leaves of 2 and 1 rows, classes of 2 and 1: one pairing in three tells everything, H = log 3 - (2/3) log 2;
        # two in three have cells of one row each, so I = 2 H - log 3
        entropy = math.log(3) - 2 / 3 * math.log(2)
        mutual = 2 * entropy - math.log(3)
        expected = (entropy + 2 * mutual) / 3
        got = information([[1, 1], [1, 0]])
        assert got.mutual == pytest.approx(mutual)
        assert got.adjusted == pytest.approx((mutual - expected) / (entropy - expected)) == pytest.approx(-0.5)

    @settings(deadline=None)
    @given(some_tables)
    def test_is_scikit_learns(self, table):
        leaf, y = labels_of(table)
        got = information(table)
        if len(leaf) == 0:
            assert math.isnan(got.mutual)
            assert math.isnan(got.adjusted)
            return
        assert got.mutual == pytest.approx(mutual_info_score(None, None, contingency=table[table.sum(1) > 0]), abs=1e-9)
        if math.isnan(got.adjusted):
            own = max(np.bincount(leaf).max(), np.bincount(y).max()) == 1
            assert own or min(len(np.unique(leaf)), len(np.unique(y))) == 1
        else:
            assert got.adjusted == pytest.approx(adjusted_mutual_info_score(y, leaf), abs=1e-9)

    @pytest.mark.parametrize(("rows", "leaves", "classes"), [(1000, 4096, 10), (3000, 8, 2), (2000, 64, 100)])
    def test_is_scikit_learns_with_many_rows(self, rows, leaves, classes):
        rng = np.random.default_rng(rows)
        y = rng.integers(0, classes, rows)
        leaf = np.where(rng.random(rows) < 0.3, y % leaves, (rng.random(rows) ** 3 * leaves).astype(int))
        table = class_counts(leaf, y, int(math.log2(leaves)), classes)
        assert information(table).mutual == pytest.approx(mutual_info_score(y, leaf), abs=1e-9)
        assert information(table).adjusted == pytest.approx(adjusted_mutual_info_score(y, leaf), abs=1e-9)

    @pytest.mark.parametrize("table", [[[3, 0], [2, 0]], [[3, 2], [0, 0]], [[5]], [[3], [2]]])
    def test_one_class_or_one_leaf(self, table):
        got = information(table)
        assert got.mutual == 0
        assert math.isnan(got.adjusted)

    def test_each_row_on_its_own(self):
        got = information(np.eye(4, dtype=int))
        assert got.mutual == pytest.approx(math.log(4))
        assert math.isnan(got.adjusted)

    def test_small_types_do_not_overflow(self):
        assert information(np.array([[200, 100], [100, 200]], np.uint8)) == information([[200, 100], [100, 200]])

    def test_needs_a_table(self):
        with pytest.raises(ValueError, match=r"class_counts must have 2 dimensions, got shape \(2,\)"):
            information([1, 2])
        with pytest.raises(ValueError, match="class_counts must not be negative, got -1"):
            information([[1, -1]])


class TestByLevel:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    leaf = np.where(rng.random(120) < 0.5, 21 * y, rng.integers(0, 64, 120))

    def test_own_order_is_scikit_learns_on_prefixes(self):
        got = information_by_level(torch.from_numpy(self.leaf), self.y, 6, 3)
        expected = [adjusted_mutual_info_score(self.y, self.leaf >> (6 - level)) for level in range(7)]
        assert got.level.tolist() == list(range(7))
        assert got.adjusted[0] == 0
        assert got.adjusted == pytest.approx(np.array(expected), abs=1e-9)
        assert got.orders == 20

    @pytest.mark.parametrize("depth", [2, 3])
    def test_all_orders_when_they_are_few(self, depth):
        leaf = self.leaf >> (6 - depth)
        courses = []
        for order in permutations(range(depth)):
            cells = [
                sum(((leaf >> (depth - 1 - bit)) & 1) << place for place, bit in enumerate(order[:n])) for n in range(depth + 1)
            ]
            courses.append([adjusted_mutual_info_score(self.y, np.broadcast_to(cell, leaf.shape)) for cell in cells])
        got = information_by_level(leaf, self.y, depth, 3)
        low, high = np.quantile(courses, [0.025, 0.975], axis=0)
        assert got.orders == math.factorial(depth)
        assert got.mean == pytest.approx(np.mean(courses, axis=0), abs=1e-9)
        assert got.low == pytest.approx(low, abs=1e-9)
        assert got.high == pytest.approx(high, abs=1e-9)

    def test_last_level_is_the_same_in_any_order(self):
        got = information_by_level(self.leaf, self.y, 6, 3)
        assert got.low[-1] == got.high[-1] == got.adjusted[-1] != 0
        assert got.mean[-1] == pytest.approx(got.adjusted[-1])
        assert (got.high[1:-1] > got.low[1:-1]).all()

    def test_seeds(self):
        first, again, other = (information_by_level(self.leaf, self.y, 6, 3, orders=5, seed=seed) for seed in (1, 1, 2))
        assert first.mean.tolist() == again.mean.tolist() != other.mean.tolist()
        assert first.orders == 5

    def test_one_telling_bit(self):
        """The last of four bits is the class, the others are constant: only an order that asks it early says so early."""
        y = np.array([0, 1] * 10)
        got = information_by_level(y, y, 4, 2, orders=24)
        assert got.adjusted == pytest.approx(np.array([0, 0, 0, 0, 1]))
        assert got.mean == pytest.approx(np.array([0, 0.25, 0.5, 0.75, 1]))

    def test_depth_0(self):
        got = information_by_level([0, 0], [0, 1], 0, 2)
        assert [values.tolist() for values in (got.level, got.adjusted, got.mean, got.low, got.high)] == [[0]] * 5
        assert got.orders == 1

    @pytest.mark.parametrize(("leaf", "y"), [([], []), ([0, 1, 3], [1, 1, 1])])
    def test_nothing_to_tell(self, leaf, y):
        got = information_by_level(leaf, y, 2, 2)
        assert np.isnan([got.adjusted, got.mean, got.low, got.high]).all()
        assert got.adjusted.shape == (3,)

    def test_raises(self):
        with pytest.raises(ValueError, match="orders must be at least 1, got 0"):
            information_by_level([0], [0], 1, 1, orders=0)
        with pytest.raises(ValueError, match="one entry for each row, got 1 and 2"):
            information_by_level([0], [0, 0], 1, 1)
        with pytest.raises(IndexError, match="a leaf must be from 0 to 1 at depth 1, got 2"):
            information_by_level([2], [0], 1, 1)
        with pytest.raises(IndexError, match="a class must be from 0 to 1, got 2"):
            information_by_level([0], [2], 1, 2)

    def test_is_quick(self):
        rng = np.random.default_rng(0)
        leaf, y = rng.integers(0, 4096, 1000), rng.integers(0, 10, 1000)
        seconds = []
        for _ in range(2):
            start = time.process_time()
            information_by_level(leaf, y, 12, 10)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 1.5


class TestClassStatistics:
    @settings(deadline=None)
    @given(st.integers(1, 4), st.integers(0, 30), st.integers(1, 4), st.integers(0, 99))
    def test_is_that_of_each_epoch(self, epochs, rows, classes, seed):
        rng = np.random.default_rng(seed)
        leaves, y = rng.integers(0, 8, (epochs, rows)), rng.integers(0, classes, rows)
        got = class_statistics(leaves, y, classes)
        tables = [class_counts(leaf, y, 3, classes) for leaf in leaves]
        assert got["purity"] == pytest.approx(np.array([purity(table) for table in tables]), nan_ok=True)
        expected = np.array([information(table).mutual for table in tables])
        assert got["mutual_information"] == pytest.approx(expected, abs=1e-12, nan_ok=True)

    def test_small_types_do_not_overflow(self):
        leaves, y = np.array([[65535, 65535, 0]], np.uint16), np.array([99, 98, 97], np.uint8)
        assert class_statistics(leaves, y, 100)["purity"] == pytest.approx([2 / 3])

    def test_several_blocks(self):
        leaves, y = np.random.default_rng(0).integers(0, 4, (3, 600_000)), np.arange(600_000) % 2
        got = class_statistics(leaves, y, 2)
        assert got["purity"].tolist() == [purity(class_counts(leaf, y, 2, 2)) for leaf in leaves]

    def test_no_epochs(self):
        assert class_statistics(np.zeros((0, 3), int), [0, 1, 1], 2)["purity"].shape == (0,)

    def test_raises(self):
        with pytest.raises(ValueError, match="one entry for each row, got 2 and 1"):
            class_statistics([[0, 0]], [0], 1)
        with pytest.raises(IndexError, match="a class must be from 0 to 1, got 2"):
            class_statistics([[0]], [2], 2)
