"""Statistics of a sweep: against naive definitions, and at the edges of what a sweep has finished."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.comparison.intervals import holm, mean_interval, paired_difference, share_interval
from leafscope.core.comparison.statistics import (
    best_depth,
    by_depth,
    differences_by_depth,
    gap,
    gap_differences_by_depth,
    measure,
    where_it_helps,
)

NAN = math.nan
SPLITS = ("train", "validation", "test")

overlaps = st.sampled_from([0.0, 0.25, 1.0])


def member(model, depth, seed, error, *, train=0.0, validation=None, width=8.0, data="moons", n_train=300, variant="", **more):
    """A row of a sweep's table whose test error is given; the validation error is the same if none is given."""
    errors = {"train": train, "validation": error if validation is None else validation, "test": error}
    row = {"model": model, "variant": variant, "depth": NAN if depth is None else float(depth), "width": width}
    row |= {"data": data, "n_train": n_train, "seed": seed, "status": "finished"}
    for which, by in (("best", 1.0), ("last", 2.0)):
        for split in SPLITS:
            row |= {f"{which}_{split}_accuracy": 1 - by * errors[split], f"{which}_{split}_loss": 10 * by * errors[split]}
    return row | more


def table(*rows):
    return pd.DataFrame(list(rows))


def of_seeds(model, depth, errors, **more):
    return [member(model, depth, seed, error, **more) for seed, error in enumerate(errors)]


TREE_1 = [0.25, 0.375, 0.25, 0.5]
TREE_0 = [0.375, 0.4375, 0.5, 0.5]
DENSE = [0.375, 0.5, 0.4375, 0.5625]


@pytest.fixture
def results():
    return table(*of_seeds("tree", 1, TREE_1), *of_seeds("dense", None, DENSE), *of_seeds("tree", 0, TREE_0))


def assert_row(row, expected, names=("mean", "low", "high", "n", "p")):
    assert [row[name] for name in names] == pytest.approx([getattr(expected, name) for name in names], nan_ok=True)


class TestMeasure:
    def test_which_split_and_metric(self):
        results = table(member("tree", 1, 0, 0.25, train=0.125, validation=0.5))
        assert measure(results, "best", "test", "error").tolist() == [0.25]
        assert measure(results, "best", "train", "accuracy").tolist() == [0.875]
        assert measure(results, "last", "validation", "error").tolist() == [1.0]
        assert measure(results, "last", "train", "loss").tolist() == [2.5]

    def test_keeps_the_index(self, results):
        shuffled = results.sample(frac=1, random_state=0)
        found = measure(shuffled, "best", "test", "loss")
        assert found.index.equals(shuffled.index)
        assert found[0] == pytest.approx(10 * TREE_1[0])

    @pytest.mark.parametrize("status", ["failed", "running", "stopped", "interrupted", "queued", "not trained"])
    def test_only_finished_runs_count(self, status):
        results = table(member("tree", 1, 0, 0.25), member("tree", 1, 1, 0.5, status=status))
        assert measure(results, "best", "test", "error").isna().tolist() == [False, True]

    def test_objects_are_read_as_numbers(self):
        results = table(member("tree", 1, 0, 0.25, best_test_loss=None)).astype({"best_test_loss": object})
        assert measure(results, "best", "test", "loss").isna().all()

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("first", "test", "loss"), "which must be one of best, last, got 'first'"),
            (("best", "dev", "loss"), "split must be one of train, validation, test, got 'dev'"),
            (("best", "test", "f1"), "metric must be one of loss, accuracy, error, got 'f1'"),
        ],
    )
    def test_words(self, results, words, message):
        with pytest.raises(ValueError, match=message):
            measure(results, *words)

    def test_missing_column(self, results):
        with pytest.raises(ValueError, match="got none called best_test_accuracy"):
            measure(results.drop(columns="best_test_accuracy"), "best", "test", "error")


class TestGap:
    @pytest.mark.parametrize(("metric", "expected"), [("error", 0.25), ("accuracy", 0.25), ("loss", 2.5)])
    def test_positive_is_worse_on_test(self, metric, expected):
        results = table(member("tree", 1, 0, 0.375, train=0.125, validation=0.9))
        assert gap(results, "best", metric).tolist() == [expected]
        assert gap(results, "last", metric).tolist() == [2 * expected]

    def test_needs_both_splits(self):
        results = table(member("tree", 1, 0, 0.375, best_train_accuracy=NAN))
        assert gap(results, "best", "error").isna().all()


class TestByDepth:
    def test_each_row_is_the_interval_of_its_seeds(self):
        errors = [[*values, 0.125] for values in (TREE_0, TREE_1, DENSE)]  # five seeds, the fewest with an interval
        models = zip(("tree", "tree", "dense"), (0, 1, None), errors, strict=True)
        results = table(*(row for model, depth, values in models for row in of_seeds(model, depth, values)))
        found = by_depth(results, "best", "test", "error", overlap=0.25)
        assert found.columns.tolist() == ["model", "variant", "depth", "mean", "low", "high", "n"]
        assert found["model"].tolist() == ["tree", "tree", "dense"]
        assert found["depth"].fillna(-1).tolist() == [0, 1, -1]
        for (_, row), values in zip(found.iterrows(), errors, strict=True):
            assert_row(row, share_interval(values, overlap=0.25), ("mean", "low", "high", "n"))

    def test_order_of_models_variants_and_depths(self):
        places = [("b", "x", 2), ("a", "", 1), ("b", "", None), ("b", "x", 0), ("a", "", 0), ("b", "", 1)]
        results = table(*[member(model, depth, 0, 0.5, variant=variant) for model, variant, depth in places])
        found = by_depth(results, "best", "test", "error")
        rows = list(zip(found["model"], found["variant"], found["depth"].fillna(-1)))
        assert rows == [("b", "x", 0), ("b", "x", 2), ("b", "", 1), ("b", "", -1), ("a", "", 0), ("a", "", 1)]

    def test_missing_seeds(self):
        results = table(
            *of_seeds("tree", 0, [0.5, NAN, 0.25, 0.5, 0.5, 0.25]),
            member("tree", 1, 0, 0.5),
            member("tree", 2, 0, 0.5, status="failed"),
        )
        found = by_depth(results, "best", "test", "error")
        assert found["n"].tolist() == [5, 1, 0]
        assert found["mean"].isna().tolist() == [False, False, True]
        assert found["low"].isna().tolist() == [False, True, True]

    def test_models_that_are_the_same_at_every_width_stand_in_the_cell(self):
        results = table(*of_seeds("tree", 0, TREE_0), *of_seeds("logistic", None, DENSE, width=NAN))
        assert by_depth(results, "best", "test", "error")["n"].tolist() == [4, 4]

    def test_no_rows(self, results):
        found = by_depth(results.iloc[:0], "best", "test", "error")
        assert found.empty
        assert found.columns.tolist() == ["model", "variant", "depth", "mean", "low", "high", "n"]

    @pytest.mark.parametrize(
        ("other", "message"),
        [
            ({"data": "spirals"}, "results must be of one data set, got 2: moons, spirals"),
            ({"width": 4.0}, r"results must be of one width, got 2: 8\.0, 4\.0"),
            ({"n_train": 50}, "results must be of one number of training rows, got 2: 300, 50"),
        ],
    )
    def test_one_cell(self, other, message):
        results = table(member("tree", 0, 0, 0.5), member("tree", 1, 0, 0.5, **other))
        with pytest.raises(ValueError, match=message):
            by_depth(results, "best", "test", "error")

    def test_seed_that_stands_twice(self):
        results = table(member("tree", 2, 7, 0.5), member("tree", 2, 7, 0.25))
        message = "one row for each seed, got several of tree at depth 2 with seed 7"
        with pytest.raises(ValueError, match=message):
            by_depth(results, "best", "test", "error")

    def test_missing_column(self, results):
        with pytest.raises(ValueError, match="got none called variant, seed"):
            by_depth(results.drop(columns=["variant", "seed"]), "best", "test", "error")

    def test_results_are_left_as_they_are(self, results):
        before = results.copy()
        by_depth(results, "best", "test", "error")
        differences_by_depth(results, "tree", "dense", "best", "test", "error")
        best_depth(results, "tree")
        where_it_helps(results)
        pd.testing.assert_frame_equal(results, before)


class TestDifferencesByDepth:
    def test_dense_stands_beside_every_depth(self, results):
        found = differences_by_depth(results, "tree", "dense", "best", "test", "error", overlap=0.25)
        assert found.columns.tolist() == ["depth", "mean", "low", "high", "n", "p", "p_holm", "shown"]
        assert found["depth"].tolist() == [0, 1]
        for (_, row), values in zip(found.iterrows(), (TREE_0, TREE_1), strict=True):
            assert_row(row, paired_difference(values, DENSE, overlap=0.25))
        assert found["p_holm"].tolist() == holm(found["p"]).tolist()
        assert found["shown"].tolist() == (found["p_holm"] < 0.05).tolist()

    def test_both_with_depths_meet_at_the_same_one(self):
        results = table(*of_seeds("tree", 0, TREE_0), *of_seeds("tree", 1, TREE_1), *of_seeds("flat", 1, DENSE))
        found = differences_by_depth(results, "tree", "flat", "best", "test", "error")
        assert found["depth"].tolist() == [0, 1]
        assert found["n"].tolist() == [0, 4]
        assert np.isnan(found.loc[0, ["mean", "low", "high", "p", "p_holm"]].astype(float)).all()
        assert not found.loc[0, "shown"]
        assert found.loc[1, "p_holm"] == found.loc[1, "p"]  # an empty depth is not counted

    def test_first_that_is_the_same_at_every_depth(self, results):
        found = differences_by_depth(results, "dense", "tree", "best", "test", "error")
        turned = differences_by_depth(results, "tree", "dense", "best", "test", "error")
        assert found["depth"].tolist() == [0, 1]
        assert found["mean"].tolist() == (-turned["mean"]).tolist()

    def test_both_the_same_at_every_depth(self):
        results = table(*of_seeds("dense", None, DENSE), *of_seeds("logistic", None, TREE_0, width=NAN))
        found = differences_by_depth(results, "dense", "logistic", "best", "test", "error")
        assert found["depth"].isna().tolist() == [True]
        assert_row(found.iloc[0], paired_difference(DENSE, TREE_0))

    def test_pairs_by_seed_whatever_the_order(self, results):
        expected = differences_by_depth(results, "tree", "dense", "best", "test", "error")
        for state in range(3):
            shuffled = results.sample(frac=1, random_state=state)
            pd.testing.assert_frame_equal(differences_by_depth(shuffled, "tree", "dense", "best", "test", "error"), expected)

    def test_index_may_repeat(self, results):
        expected = differences_by_depth(results, "tree", "dense", "best", "test", "error")
        repeated = results.set_axis([0] * len(results))
        pd.testing.assert_frame_equal(differences_by_depth(repeated, "tree", "dense", "best", "test", "error"), expected)

    def test_seeds_missing_on_one_side(self):
        results = table(
            *of_seeds("tree", 1, [0.5, 0.25, 0.75]),
            member("dense", None, 2, 0.5),
            member("dense", None, 0, 0.25),
            member("dense", None, 1, 0.125, status="running"),
            member("dense", None, 9, 0.9),
        )
        found = differences_by_depth(results, "tree", "dense", "best", "test", "error")
        assert_row(found.iloc[0], paired_difference([0.5, 0.75], [0.25, 0.5]))

    def test_identical_models(self, results):
        found = differences_by_depth(results, "tree", "tree", "best", "test", "error")
        assert found[["mean", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]] * 2
        assert found["p"].tolist() == [1, 1]
        same = found["depth"] == 0  # every gated net without gates is the dense net: nothing is tested
        assert found["p_holm"].isna().tolist() == same.tolist()
        assert not found["shown"].any()

    def test_what_is_the_same_net_is_not_counted(self):
        rows = [
            row
            for depth in (0, 2)
            for row in of_seeds("tree", depth, [0.5] * 5 if depth == 0 else [0.49, 0.48, 0.46, 0.485, 0.47])
        ]
        dense = of_seeds("dense", None, [0.5] * 5)
        found = differences_by_depth(table(*rows, *dense), "tree", "dense", "best", "test", "error")
        assert found["p_holm"].isna().tolist() == [True, False]
        assert found["p_holm"][1] == found["p"][1]

    def test_holm_over_the_depths(self):
        dense = of_seeds("dense", None, [0.5] * 5)
        rows = [row for depth in range(8) for row in of_seeds("tree", depth, [0.49, 0.48, 0.46, 0.485, 0.47])]
        alone, among = (
            differences_by_depth(table(*trees, *dense), "tree", "dense", "best", "test", "error") for trees in (rows[:5], rows)
        )
        assert 0.05 / 8 < alone["p"][0] < 0.05
        assert alone["p_holm"][0] == alone["p"][0]
        assert alone["shown"].tolist() == [True]
        assert among["p_holm"].tolist() == pytest.approx([8 * alone["p"][0]] * 8)
        assert among["shown"].tolist() == [False] * 8

    def test_variants(self):
        results = table(
            *of_seeds("tree", 1, TREE_1), *of_seeds("tree", 1, TREE_0, variant="growth=2"), *of_seeds("dense", None, DENSE)
        )
        found = differences_by_depth(results, ("tree", "growth=2"), "tree", "best", "test", "error")
        assert_row(found.iloc[0], paired_difference(TREE_0, TREE_1))

    @pytest.mark.parametrize(("first", "rows"), [("flat", 0), ("tree", 2)])
    def test_model_that_is_not_there(self, results, first, rows):
        found = differences_by_depth(results, first, "nothing", "best", "test", "error")
        assert found["n"].tolist() == [0] * rows
        assert found["shown"].dtype == bool
        assert found.columns.tolist() == ["depth", "mean", "low", "high", "n", "p", "p_holm", "shown"]

    def test_cells_of_other_models_do_not_matter(self, results):
        more = pd.concat([results, table(member("flat", 1, 0, 0.5, width=4.0))], ignore_index=True)
        pd.testing.assert_frame_equal(
            differences_by_depth(more, "tree", "dense", "best", "test", "error"),
            differences_by_depth(results, "tree", "dense", "best", "test", "error"),
        )

    def test_one_width_on_both_sides(self):
        results = table(member("tree", 1, 0, 0.5, width=4.0), member("dense", None, 0, 0.5, width=8.0))
        with pytest.raises(ValueError, match="results must be of one width, got 2"):
            differences_by_depth(results, "tree", "dense", "best", "test", "error")

    @pytest.mark.parametrize("model", ["tree", "dense"])
    def test_seed_that_stands_twice(self, results, model):
        twice = pd.concat([results, results[results["model"] == model].tail(1)], ignore_index=True)
        with pytest.raises(ValueError, match=f"one row for each seed, got several of {model}.* with seed 3"):
            differences_by_depth(twice, "tree", "dense", "best", "test", "error")

    def test_gaps(self):
        results = table(
            *of_seeds("tree", 1, TREE_1, train=0.125), *of_seeds("tree", 2, TREE_0), *of_seeds("dense", None, DENSE, train=0.25)
        )
        found = gap_differences_by_depth(results, "tree", "dense", "last", "error", overlap=0.5)
        assert found.columns.tolist() == ["depth", "mean", "low", "high", "n", "p", "p_holm", "shown"]
        of_dense = 2 * (np.array(DENSE) - 0.25)
        assert_row(found.iloc[0], paired_difference(2 * (np.array(TREE_1) - 0.125), of_dense, overlap=0.5))
        assert_row(found.iloc[1], paired_difference(2 * np.array(TREE_0), of_dense, overlap=0.5))
        assert found["p_holm"].tolist() == holm(found["p"]).tolist()


class TestWhereItHelps:
    def test_each_cell_is_its_own_difference(self):
        rng = np.random.default_rng(0)
        cells = [("moons", 8.0, 1), ("moons", 4.0, 2), ("digits", 4.0, 0), ("moons", 4.0, 0)]
        values = {cell: rng.random((2, 5)) for cell in cells}
        rows = []
        for (data, width, depth), (first, second) in values.items():
            rows += of_seeds("tree", depth, first, data=data, width=width)
            rows += of_seeds("flat", depth, second, data=data, width=width)
        found = where_it_helps(table(*rows), "tree", "flat", overlap=0.25)
        names = ["data", "n_train", "width", "depth", "mean", "low", "high", "n", "p", "p_holm", "shown"]
        assert found.columns.tolist() == names
        order = [("moons", 4, 0), ("moons", 4, 2), ("moons", 8, 1), ("digits", 4, 0)]
        assert list(zip(found["data"], found["width"], found["depth"])) == order
        for (_, row), cell in zip(found.iterrows(), order, strict=True):
            assert_row(row, paired_difference(*values[cell], overlap=0.25))
        assert found["p_holm"].tolist() == holm(found["p"]).tolist()
        assert found["shown"].tolist() == (found["p_holm"] < 0.05).tolist()

    def test_dense_is_of_the_same_width(self):
        rows = [row for width in (4.0, 8.0) for row in of_seeds("dense", None, np.array(DENSE) * width / 8, width=width)]
        rows += [row for width in (4.0, 8.0) for depth in (0, 1) for row in of_seeds("tree", depth, TREE_1, width=width)]
        found = where_it_helps(table(*rows))
        assert list(zip(found["width"], found["depth"])) == [(4, 0), (4, 1), (8, 0), (8, 1)]
        for place, width in enumerate((4, 4, 8, 8)):
            assert_row(found.iloc[place], paired_difference(TREE_1, np.array(DENSE) * width / 8))

    def test_a_model_without_widths_stands_beside_every_one(self):
        rows = of_seeds("logistic", None, DENSE, width=NAN)
        rows += [row for width in (4.0, 8.0) for row in of_seeds("tree", 1, TREE_1, width=width)]
        found = where_it_helps(table(*rows), "tree", "logistic")
        assert found["n"].tolist() == [4, 4]
        turned = where_it_helps(table(*rows), "logistic", "tree")
        assert turned["width"].tolist() == [4, 8]
        assert turned["mean"].tolist() == (-found["mean"]).tolist()

    def test_numbers_of_training_rows_are_kept_apart(self):
        rows = [
            row for n in (300, 50) for row in of_seeds("tree", 1, TREE_1, n_train=n) + of_seeds("dense", None, DENSE, n_train=n)
        ]
        found = where_it_helps(table(*rows))
        assert found["n_train"].tolist() == [300, 50]
        assert found["n"].tolist() == [4, 4]

    def test_measure_is_the_one_named(self, results):
        found = where_it_helps(results, which="last", split="validation", metric="loss")
        expected = differences_by_depth(results, "tree", "dense", "last", "validation", "loss")
        pd.testing.assert_frame_equal(found[expected.columns], expected)

    def test_cells_without_a_pair(self):
        results = table(*of_seeds("tree", 1, TREE_1), *of_seeds("dense", None, DENSE, status="queued"))
        found = where_it_helps(results)
        assert found["n"].tolist() == [0]
        assert found["shown"].tolist() == [False]

    @pytest.mark.parametrize("first", ["tree", "flat"])
    def test_nothing_to_compare(self, results, first):
        rows = results.iloc[:0] if first == "tree" else results
        found = where_it_helps(rows, first)
        assert found.empty
        assert found["shown"].dtype == bool

    def test_seed_that_stands_twice(self, results):
        with pytest.raises(ValueError, match="one row for each seed, got several of tree at depth 0"):
            where_it_helps(pd.concat([results, results.tail(1)]))


class TestBestDepth:
    def test_rules(self):
        results = table(
            *of_seeds("tree", 4, [0.20, 0.26, 0.23]),
            *of_seeds("tree", 0, [0.50, 0.51, 0.49]),
            *of_seeds("tree", 2, [0.20, 0.26, 0.20]),
            *of_seeds("tree", 1, [0.22, 0.26, 0.23]),
        )
        # the lowest mean is 0.22 at depth 2; at depth 1, within its standard error of 0.02, it is 0.2367, at depth 0 0.5
        assert best_depth(results, "tree") == 2
        assert type(best_depth(results, "tree")) is int

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=4))
    def test_as_defined(self, errors):
        results = table(*[row for depth, of_depth in enumerate(errors) for row in of_seeds("tree", depth, of_depth)])
        known = measure(results, "best", "validation", "error").to_numpy().reshape(-1, 4)
        assert best_depth(results, "tree") == np.argmin([mean_interval(values).mean for values in known])

    def test_validation_decides(self):
        results = table(*of_seeds("tree", 0, [0.1, 0.11], validation=0.5), *of_seeds("tree", 1, [0.4, 0.41], validation=0.25))
        assert best_depth(results, "tree") == 1

    def test_the_last_epoch(self):
        results = table(*of_seeds("tree", 0, [0.25, 0.25], last_validation_accuracy=0.9), *of_seeds("tree", 1, [0.125, 0.125]))
        assert best_depth(results, "tree") == 1
        assert best_depth(results, "tree", which="last") == 0

    def test_one_seed_chooses_the_lowest(self):
        results = table(member("tree", 0, 0, 0.5), member("tree", 1, 0, 0.25), member("tree", 2, 0, 0.25))
        assert best_depth(results, "tree") == 1

    def test_variant(self):
        results = table(
            member("tree", 0, 0, 0.25), member("tree", 1, 0, 0.5), member("tree", 1, 0, 0.25, variant="v", width=4.0)
        )
        assert best_depth(results, "tree") == 0
        assert best_depth(results, "tree", variant="v") == 1

    def test_depths_without_a_value_are_passed_over(self):
        results = table(member("tree", 0, 0, 0.25, status="failed"), member("tree", 1, 0, 0.5))
        assert best_depth(results, "tree") == 1

    @pytest.mark.parametrize("model", ["flat", "dense", "nothing"])
    def test_no_depth(self, model):
        results = table(member("flat", 0, 0, 0.25, status="failed"), member("dense", None, 0, 0.5))
        assert best_depth(results, model) is None

    def test_faults(self, results):
        with pytest.raises(ValueError, match="results must be of one data set, got 2"):
            best_depth(pd.concat([results, table(member("tree", 0, 9, 0.5, data="digits"))]), "tree")
        with pytest.raises(ValueError, match="one row for each seed, got several of tree at depth 0"):
            best_depth(pd.concat([results, results.tail(1)]), "tree")
