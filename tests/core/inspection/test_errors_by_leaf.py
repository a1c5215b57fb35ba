"""Errors by leaf and by visits: by hand, by scikit-learn, and intervals by a bootstrap-free formula written out."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import accuracy_score, log_loss

from leafscope.core.comparison.intervals import mean_interval
from leafscope.core.inspection.errors_by_leaf import BINS, SeedErrors, bin_words, errors_by_leaf, rare_rows, visits
from leafscope.core.usage.counts import leaf_counts


class TestErrorsByLeaf:
    def test_by_hand(self) -> None:
        logits = np.log([[0.75, 0.25], [0.75, 0.25], [0.5, 0.5], [0.2, 0.8]])
        table = errors_by_leaf(np.array([3, 3, 0, 3], np.uint8), [0, 1, 1, 1], logits, depth=2)
        assert table.columns.tolist() == ["leaf", "rows", "wrong", "error", "loss"]
        assert table[["leaf", "rows", "wrong"]].to_numpy().tolist() == [[0, 1, 1], [3, 3, 1]]
        assert table["error"].tolist() == pytest.approx([1, 1 / 3])
        assert table["loss"].tolist() == pytest.approx([math.log(2), -(math.log(0.75) + math.log(0.25) + math.log(0.8)) / 3])

    @settings(deadline=None)
    @given(st.integers(0, 4), st.integers(0, 40), st.integers(2, 5), st.integers(0, 99))
    def test_is_scikit_learn_s_in_each_leaf(self, depth: int, n: int, n_classes: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        leaf, y = rng.integers(0, 1 << depth, n), rng.integers(0, n_classes, n)
        logits = rng.standard_normal((n, n_classes)) * 3
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        table = errors_by_leaf(leaf, y, logits, depth)
        assert table["leaf"].tolist() == np.flatnonzero(leaf_counts(leaf, depth)).tolist()
        assert table["rows"].sum() == n
        for one, rows, wrong, error, loss in table.itertuples(index=False):
            inside = leaf == one
            assert rows == inside.sum()
            assert error == pytest.approx(1 - accuracy_score(y[inside], logits[inside].argmax(1)))
            assert wrong == round(error * rows)
            assert loss == pytest.approx(log_loss(y[inside], shares[inside], labels=range(n_classes)))

    def test_large_logits_do_not_overflow(self) -> None:
        assert errors_by_leaf([0], [0], [[-2000.0, 2000.0]], depth=0)["loss"].tolist() == [4000.0]

    def test_what_does_not_pair_up(self) -> None:
        with pytest.raises(ValueError, match=r"logits must have shape \(N, C\), one row for each of y, got \(1, 2\)"):
            errors_by_leaf([0, 0], [0, 0], [[0.0, 0.0]], depth=0)
        with pytest.raises(ValueError, match="one entry for each row, got 1 and 2"):
            errors_by_leaf([0], [0, 0], np.zeros((2, 2)), depth=0)

    def test_out_of_range(self) -> None:
        with pytest.raises(IndexError, match="a leaf must be from 0 to 1 at depth 1, got 2"):
            errors_by_leaf([2], [0], [[0.0, 0.0]], depth=1)
        with pytest.raises(IndexError, match="a class must be from 0 to 1, got 2"):
            errors_by_leaf([0], [2], [[0.0, 0.0]], depth=1)


class TestBinsAndVisits:
    @pytest.mark.parametrize("n", [*range(60), 10_000])
    def test_each_number_of_visits_has_one_bin(self, n: int) -> None:
        assert sum(least <= n and (most is None or n <= most) for least, most in BINS) == 1

    def test_words(self) -> None:
        assert [bin_words(of_bin) for of_bin in ((0, 0), (1, 2), (51, None))] == ["0", "1-2", "51 or more"]

    @settings(deadline=None)
    @given(st.integers(0, 4), st.integers(0, 30), st.integers(0, 30), st.integers(0, 99))
    def test_visits_by_brute_force(self, depth: int, n_train: int, n_test: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        train, test = rng.integers(0, 1 << depth, n_train), rng.integers(0, 1 << depth, n_test)
        assert visits(train, test, depth).tolist() == [sum(one == other for other in train) for one in test]

    def test_small_types(self) -> None:
        assert visits(np.full(300, 200, np.uint8), np.array([200, 0], np.uint8), 8).tolist() == [300, 0]

    @pytest.mark.parametrize(("train", "test"), [([0], [-1]), ([0], [2]), ([2], [0])])
    def test_out_of_range(self, train: list[int], test: list[int]) -> None:
        with pytest.raises(IndexError, match="a leaf must be from 0 to 1 at depth 1"):
            visits(train, test, 1)


def seed_errors(seed: int, of_visits: list[int], wrong: list[int], dense_wrong: list[int]) -> SeedErrors:
    return SeedErrors(seed, np.array(of_visits, np.int64), np.array(wrong, bool), np.array(dense_wrong, bool))


class TestRareRows:
    def test_by_hand(self) -> None:
        errors = [seed_errors(0, [0, 0, 2, 60], [1, 1, 0, 0], [0, 1, 0, 0]), seed_errors(1, [0, 60], [1, 0], [0, 1])]
        table = rare_rows({"tree": errors, "flat": errors[:1]})
        assert table.columns.tolist() == [
            *("model", "bin", "least", "most", "seeds", "rows", "wrong_share", "dense_share", "difference", "low", "high")
        ]
        assert table[["model", "bin", "least", "seeds", "rows"]].to_numpy().tolist() == [
            ["tree", "0", 0, 2, 3],
            ["tree", "1-2", 1, 1, 1],
            ["tree", "51 or more", 51, 2, 2],
            ["flat", "0", 0, 1, 2],
            ["flat", "1-2", 1, 1, 1],
            ["flat", "51 or more", 51, 1, 1],
        ]
        assert [None if pd.isna(most) else most for most in table["most"]] == [0, 2, None] * 2
        assert table["wrong_share"].tolist() == pytest.approx([1, 0, 0, 1, 0, 0])
        assert table["dense_share"].tolist() == pytest.approx([1 / 3, 0, 0.5, 0.5, 0, 0])
        assert table["difference"].tolist() == pytest.approx([2 / 3, 0, -0.5, 0.5, 0, 0])
        assert table["low"].isna().tolist() == table["high"].isna().tolist() == [False, True, False, True, True, True]

    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.integers(1, 30), st.integers(0, 999)), min_size=2, max_size=8),
        st.sampled_from([0.0, 0.4]),
    )
    def test_the_interval_is_that_of_the_ratio(self, seeds: list[tuple[int, int]], overlap: float) -> None:
        errors = []
        for seed, (n, draw) in enumerate(seeds):
            rng = np.random.default_rng(draw)
            errors.append(seed_errors(seed, [4] * n, *(rng.random((2, n)) < [[0.5], [0.3]]).tolist()))
        (row,) = rare_rows({"tree": errors}, overlap).to_dict("records")
        d = np.array([of_seed.wrong.sum() - of_seed.dense_wrong.sum() for of_seed in errors])
        n = np.array([len(of_seed.visits) for of_seed in errors])
        ratio = d.sum() / n.sum()
        assert row["difference"] == pytest.approx(ratio)
        assert row["difference"] == pytest.approx(row["wrong_share"] - row["dense_share"])
        count = len(seeds)
        variance = ((d - ratio * n) ** 2).sum() / (count - 1) / n.mean() ** 2 * (1 / count + overlap)
        if variance < 1e-20 and ratio != 0 and count < 5:
            assert math.isnan(row["low"])
            assert math.isnan(row["high"])
        else:
            half = t.ppf(0.975, count - 1) * math.sqrt(variance)
            assert (row["low"], row["high"]) == pytest.approx((ratio - half, ratio + half), abs=1e-9)

    def test_with_as_many_rows_in_each_seed_it_is_the_mean_over_seeds(self) -> None:
        rng = np.random.default_rng(0)
        wrong, dense_wrong = rng.random((2, 6, 25)) < 0.4
        errors = [seed_errors(seed, [0] * 25, wrong[seed], dense_wrong[seed]) for seed in range(6)]
        (row,) = rare_rows({"tree": errors}, overlap=0.3).to_dict("records")
        expected = mean_interval(wrong.mean(1) - dense_wrong.mean(1), overlap=0.3)
        assert (row["difference"], row["low"], row["high"]) == pytest.approx((expected.mean, expected.low, expected.high))

    def test_a_seed_with_one_row_does_not_weigh_as_much_as_one_with_many(self) -> None:
        errors = [seed_errors(0, [0], [1], [0]), seed_errors(1, [0] * 99, [0] * 99, [0] * 99)]
        assert rare_rows({"tree": errors})["difference"].tolist() == pytest.approx([0.01])

    @pytest.mark.parametrize(("count", "shown"), [(4, False), (5, True)])
    def test_few_seeds_that_agree_say_nothing(self, count: int, shown: bool) -> None:
        errors = [seed_errors(seed, [0] * 3, [1, 0, 0], [0, 0, 0]) for seed in range(count)]
        (row,) = rare_rows({"tree": errors}).to_dict("records")
        assert row["difference"] == pytest.approx(1 / 3)
        assert (row["low"] == row["high"] == pytest.approx(1 / 3)) == shown

    def test_no_difference_is_a_point(self) -> None:
        errors = [seed_errors(seed, [0], [1], [1]) for seed in range(2)]
        assert rare_rows({"tree": errors})[["difference", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]]

    @pytest.mark.parametrize("by_model", [{}, {"tree": []}, {"tree": [seed_errors(0, [], [], [])]}])
    def test_nothing_to_compare(self, by_model: dict[str, list[SeedErrors]]) -> None:
        table = rare_rows(by_model)
        assert len(table) == 0
        assert table.columns[-1] == "high"

    def test_a_seed_twice(self) -> None:
        errors = [seed_errors(7, [0], [1], [0])] * 2
        with pytest.raises(ValueError, match="a model must have each seed once, got seed 7 of tree several times"):
            rare_rows({"tree": errors})

    @pytest.mark.parametrize("overlap", [-0.1, math.inf, math.nan])
    def test_overlap(self, overlap: float) -> None:
        with pytest.raises(ValueError, match="overlap must be finite and at least 0"):
            rare_rows({}, overlap)

    def test_what_does_not_pair_up(self) -> None:
        with pytest.raises(ValueError, match=r"one entry for each row of seed 3, got \(2,\), \(1,\), \(2,\)"):
            seed_errors(3, [0, 0], [1], [0, 0])
        with pytest.raises(ValueError, match="visits must not be negative, got -1 for seed 3"):
            seed_errors(3, [-1], [1], [0])
