"""Groups, means over seeds, paired comparisons and pivots, beside brute force and scipy."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from leafscope.core.comparison.groups import (
    Group,
    by_seed,
    chosen_among,
    compare,
    group_fields,
    groups,
    pivot,
    rank,
    score_interval,
)
from leafscope.core.comparison.intervals import share_interval
from leafscope.core.comparison.table import CONFIG_FIELDS, SEED_FIELDS, run_table
from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import shape
from leafscope.core.store.values.summaries import RunSummary

ACCURACY = "best_test_accuracy"

DIGITS = shape(RunConfig().data)


def run(changes: dict[str, Any], accuracy: float = math.nan, **other: Any) -> RunSummary:
    config = changed(RunConfig(), changes)
    values: dict[str, Any] = {
        **{"run_id": config.run_id, "label": config.label, "note": "", "config_json": config.model_dump_json()},
        **{"status": "finished", "attempt": 1, "first_attempt": 1, "created": 1e9, "started": 1e9, "finished": 1e9},
        **{"stopping": False, "error": None, "device": "cpu", "resumed_from": 0, "epochs_done": 60, "epochs_total": 60},
        **{
            "attempt_seconds": 2.0,
            "seconds": 3.0,
            "best_epoch": 7,
            "best": {"test_accuracy": accuracy},
            "last": {},
            "facts": {},
        },
    }
    return RunSummary(**(values | other))


def seeds(changes: dict[str, Any], accuracies: Iterable[float], first: int = 0) -> list[RunSummary]:
    return [run({**changes, "seed": first + place}, value) for place, value in enumerate(accuracies)]


def group(runs: list[RunSummary]) -> Group:
    return groups(run_table(runs), [])[0]


TREE, FLAT, DENSE = ({"net.kind": kind} for kind in ("tree", "flat", "dense"))
SPIRALS = {"data.name": "spirals"}


# Groups


def test_group_fields_are_what_differs_but_the_seeds() -> None:
    table = run_table([*seeds({"net.depth": 2}, [0.5, 0.5]), *seeds({"net.depth": 4, "init_seed": 7}, [0.5, 0.5])])
    assert group_fields(table) == ["net.depth"]
    assert group_fields(table, ignore=()) == ["net.depth", "seed", "init_seed"]
    assert group_fields(table, ignore=("net.depth", *SEED_FIELDS)) == []


def test_groups_are_sorted_numbers_up_text_as_it_appears_missing_last() -> None:
    table = run_table([run({"net.kind": kind, "net.depth": depth}) for kind in ("tree", "dense", "flat") for depth in (10, 2)])
    assert [one.key for one in groups(table, ["net.depth", "net.kind"])] == [
        (2, "tree"),
        (2, "flat"),
        (10, "tree"),
        (10, "flat"),
        (None, "dense"),
    ]
    assert [(one.key, one.n) for one in groups(table, ["model"])] == [(("tree",), 2), (("dense",), 2), (("flat",), 2)]


@given(
    st.lists(st.tuples(st.sampled_from(["tree", "dense", "decision_tree"]), st.sampled_from([1, 2]), st.sampled_from([0, 1])))
)
@settings(max_examples=25)
def test_groups_cut_the_rows_without_loss(cells: list[tuple[str, int, int]]) -> None:
    table = run_table([run({"net.kind": kind, "net.depth": depth, "seed": seed}) for kind, depth, seed in cells])
    fields = ["model", "net.depth", "net.gates"]
    found = groups(table, fields)
    assert sorted(place for one in found for place in one.rows.index) == list(table.index)
    for one in found:
        values = {tuple(None if pd.isna(row[field]) else row[field] for field in fields) for _, row in one.rows.iterrows()}
        assert values == {one.key}
    assert len({one.key for one in found}) == len(found)
    assert len({one.words for one in found}) == len(found)


def test_words_of_groups() -> None:
    table = run_table([run({"net.kind": kind, "net.depth": 4}) for kind in ("tree", "dense", "decision_tree")])
    assert [one.words for one in groups(table, ["model", "net.depth"])] == [
        "tree, depth K 4",
        "dense",
        "decision tree, depth K 4",
    ]
    assert [one.words for one in groups(table, ["net.depth"])] == ["depth K 4", "without depth K"]
    gradients = ["gate gradient none", "without gate gradient"]  # that of a gated net, and of one that has no gates
    assert [one.words for one in groups(table, ["train.gate_gradient"])] == gradients
    same = run_table([run({**TREE, "net.depth": 4}), run({**DENSE, "train.epochs": 4})]).assign(model="tree")
    assert [one.words for one in groups(same, ["model", "train.decay_growth", "train.balance"])] == [
        "tree, decay growth 1, balance strength 0",
        "tree",
    ]
    assert [one.words for one in groups(table, [])] == ["all runs"]
    assert groups(table, [])[0].n == 3
    assert groups(table.iloc[:0], []) == []


def test_short_names_leave_out_what_only_the_net_without_a_tree_lacks() -> None:
    table = run_table([run({"net.depth": depth, "train.lr": lr}) for depth, lr in ((0, 0.01), (2, 0.01), (3, 0.02))])
    fields = group_fields(table)
    assert "net.gates" in fields
    assert [one.words for one in groups(table, fields, short=True)] == [
        "depth K 0, learning rate 0.01",
        "depth K 2, learning rate 0.01",
        "depth K 3, learning rate 0.02",
    ]
    assert "hidden" in groups(table, fields)[1].words


def test_short_names_are_longer_where_only_a_missing_value_tells_groups_apart() -> None:
    table = run_table([run({"net.depth": depth}) for depth in (0, 2)]).drop(columns="net.depth")
    words = [one.words for one in groups(table, ["net.gates"], short=True)]
    assert len(set(words)) == 2


def test_tags_are_taken_together_and_empty_text_is_missing() -> None:
    tags = [("b", "a"), (), ("a", "b"), ("a",)]
    table = run_table([run({"seed": place}, tags=one, comment=one[0] if one else "") for place, one in enumerate(tags)])
    found = groups(table, ["tags"])
    assert [one.key for one in found] == [("a, b",), ("a",), (None,)]
    assert [one.words for one in found] == ["a, b", "a", "without tags"]
    assert [one.rows["seed"].tolist() for one in found] == [[0, 2], [3], [1]]
    assert [one.key for one in groups(table, ["comment"])] == [("b",), ("a",), (None,)]


# Means over seeds


def test_each_seed_counts_once_and_only_finished_runs_with_a_score_count() -> None:
    runs = [
        run({"seed": 0, "train.lr": 0.1}, 0.5),
        run({"seed": 0, "train.lr": 0.2}, 0.75),
        run({"seed": 1, "train.lr": 0.1}, 0.25),
        run({"seed": 1, "train.lr": 0.2}, math.nan),
        run({"seed": 2}, 0.125, status="running"),
        run({"seed": 3}),
    ]
    table = run_table(runs)
    assert by_seed(table, ACCURACY).to_dict() == {(0, 0): 0.625, (1, 1): 0.25}
    assert by_seed(table, "seconds").to_dict() == {(seed, seed): 3.0 for seed in range(4)}
    assert by_seed(table.iloc[:0], ACCURACY).empty


def test_seeds_are_pairs_of_split_and_initialization() -> None:
    runs = [run({"seed": 9, "split_seed": split, "init_seed": init}, split + init / 8) for split in (0, 1) for init in (0, 1)]
    assert by_seed(run_table(runs), ACCURACY).to_dict() == {(s, i): s + i / 8 for s in (0, 1) for i in (0, 1)}


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
@settings(max_examples=20)
def test_the_interval_is_that_of_a_share_where_data_are_fresh(values: list[float]) -> None:
    found = score_interval(run_table(seeds(SPIRALS, values)), ACCURACY)
    wanted = share_interval(values)
    assert found.n == len(values)
    assert [found.mean, found.low, found.high] == pytest.approx([wanted.mean, wanted.low, wanted.high], nan_ok=True)


def test_the_interval_is_wider_where_splits_overlap() -> None:
    values = [0.5, 0.75, 0.625, 0.25, 0.375]
    found = score_interval(run_table(seeds(TREE, values)), ACCURACY)
    error = math.sqrt(np.var(values, ddof=1) * (1 / 5 + DIGITS.n_test / DIGITS.n_train))
    reach = stats.t.ppf(0.975, 4) * error / (0.5 * 0.5)  # the mean is 1/2, whose logit is 0
    assert (found.low, found.high) == (pytest.approx(expit(-reach)), pytest.approx(expit(reach)))


def test_no_seeds_have_no_mean() -> None:
    found = score_interval(run_table([run({}, 0.5, status="failed")]), ACCURACY)
    assert found.n == 0
    assert math.isnan(found.mean)


# Paired comparisons


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=7))
@settings(max_examples=20)
def test_two_models_are_compared_as_a_paired_t_test(values: list[tuple[float, float]]) -> None:
    ones, others = zip(*values, strict=True)
    found = compare(group(seeds(SPIRALS | TREE, ones)), group(seeds(SPIRALS | DENSE, others)), ACCURACY)
    differences = np.subtract(ones, others)
    assert found.why is None
    assert found.pairs["seed"].tolist() == list(range(len(values)))
    assert found.pairs["first"].tolist() == list(ones)
    assert found.pairs["second"].tolist() == list(others)
    assert found.difference.mean == pytest.approx(differences.mean(), abs=1e-12)
    if np.ptp(differences) > 1e-6:
        assert found.difference.p == pytest.approx(stats.ttest_rel(ones, others).pvalue)


def test_splits_that_overlap_widen_a_difference() -> None:
    ones, others = [0.5, 0.75, 0.625, 0.25], [0.25, 0.5, 0.5, 0.375]
    found = compare(group(seeds(TREE, ones)), group(seeds(DENSE, others)), ACCURACY).difference
    error = math.sqrt(np.var(np.subtract(ones, others), ddof=1) * (1 / 4 + DIGITS.n_test / DIGITS.n_train))
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 3) * error)


def test_runs_without_a_partner_are_left_out_and_counted() -> None:
    first = group([*seeds(TREE, [0.5, 0.75, 0.25]), run({**TREE, "seed": 3}, 0.5, status="failed")])
    second = group(seeds(DENSE, [0.25, math.nan, 0.125, 0.5, 0.75], first=1))
    found = compare(first, second, ACCURACY)
    assert found.pairs.to_dict("list") == {"seed": [1], "first": [0.75], "second": [0.25]}
    assert (found.left_out_first, found.left_out_second) == (3, 4)
    assert found.difference.mean == 0.5
    assert math.isnan(found.difference.low)
    assert found.why is None


GRID = st.lists(
    st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from([0.1, 0.2]), st.sampled_from([0, 1, 2]), st.integers(0, 64)),
    min_size=1,
    max_size=12,
)


@given(GRID, GRID)
@settings(max_examples=25)
def test_pairs_agree_in_what_varies_within_both_groups(ones: list[Any], others: list[Any]) -> None:
    def side(kind: str, cells: list[Any]) -> Group:
        changes = ({"net.kind": kind, "net.depth": depth, "train.lr": lr, "seed": seed} for depth, lr, seed, _ in cells)
        return group([run({**SPIRALS, **one}, cell[3] / 64) for one, cell in zip(changes, cells, strict=True)])

    found = compare(side("tree", ones), side("flat", others), ACCURACY)

    # by hand: which of depth and rate to match, then every key's means
    matched = []
    for place in (0, 1):
        sets = [{cell[place] for cell in cells} for cells in (ones, others)]
        if min(map(len, sets)) > 1 and sets[0] & sets[1]:
            matched.append(place)
    tables: list[dict[Any, list[float]]] = [{}, {}]
    for table, cells in zip(tables, (ones, others), strict=True):
        for cell in cells:
            table.setdefault((cell[2], *(cell[place] for place in matched)), []).append(cell[3] / 64)
    by: dict[int, list[float]] = {}
    for key in tables[0].keys() & tables[1].keys():
        by.setdefault(key[0], []).append(float(np.mean(tables[0][key]) - np.mean(tables[1][key])))
    expected = {seed: np.mean(values) for seed, values in by.items()}
    pairs = found.pairs
    assert dict(zip(pairs["seed"], pairs["first"] - pairs["second"], strict=True)) == pytest.approx(expected, abs=1e-12)
    for table, other, left_out in zip(tables, tables[::-1], (found.left_out_first, found.left_out_second), strict=True):
        assert left_out == sum(len(values) for key, values in table.items() if key not in other)
    assert (found.why is None) == bool(expected)
    assert found.difference.n == len(expected)
    if expected:
        assert found.difference.mean == pytest.approx(np.mean(list(expected.values())), abs=1e-12)


def test_a_field_in_which_groups_differ_as_a_whole_is_not_matched() -> None:
    shallow = group([*seeds({"net.depth": 1}, [0.5, 0.75]), *seeds({"net.depth": 2}, [0.25, 0.25])])
    deep = group([*seeds({"net.depth": 3}, [0.5, 0.5]), *seeds({"net.depth": 4}, [0.25, 0.25])])
    found = compare(shallow, deep, ACCURACY)
    assert found.pairs["first"].tolist() == [0.375, 0.5]
    assert found.pairs["second"].tolist() == [0.375, 0.375]


def test_a_field_that_varies_within_one_group_alone_is_averaged_over() -> None:
    many = group([*seeds({"net.depth": 1}, [0.5, 0.75]), *seeds({"net.depth": 2}, [0.25, 0.25])])
    one = group(seeds({**FLAT, "net.depth": 1}, [0.5, 0.5]))
    found = compare(many, one, ACCURACY)
    assert found.pairs["first"].tolist() == [0.375, 0.5]
    assert (found.left_out_first, found.left_out_second) == (0, 0)


def test_data_sets_pair_each_with_itself() -> None:
    first = group([*seeds(TREE, [0.5, 0.5]), *seeds(TREE | SPIRALS, [0.75, 0.75])])
    second = group([*seeds(DENSE | SPIRALS, [0.5, 0.25])])
    found = compare(first, second, ACCURACY)
    assert found.pairs["first"].tolist() == [0.75, 0.75]
    assert found.left_out_first == 2
    both = compare(first, group([*seeds(DENSE, [0.25, 0.5]), *seeds(DENSE | SPIRALS, [0.5, 0.25])]), ACCURACY)
    assert (both.pairs["first"] - both.pairs["second"]).tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (
            seeds(TREE, [0.5, 0.5]),
            seeds(SPIRALS, [0.5, 0.5]),
            "the groups have different data sets, so their seeds cannot",
        ),
        (seeds({"data.n_train": 100}, [0.5]), seeds({"data.n_train": 200}, [0.5]), "have different data (training rows), so"),
        (seeds(TREE, [0.5]), seeds(DENSE, [0.5], first=1), "no seed is in both groups"),
        (seeds({"init_seed": 5}, [0.5]), seeds({"init_seed": 6}, [0.5]), "no seed is in both groups"),
        ([run({}, 0.5, status="running")], seeds(DENSE, [0.5]), "no run of the first group has a value yet"),
        (seeds(TREE, [0.5]), [run(DENSE)], "no run of the second group has a value yet"),
        (
            [run({"seed": 0, "train.lr": 0.1}, 0.5), run({"seed": 1, "train.lr": 0.2}, 0.5)],
            [run({**DENSE, "seed": 1, "train.lr": 0.1}, 0.5), run({**DENSE, "seed": 0, "train.lr": 0.2}, 0.5)],
            "no run of one group has the same seed and learning rate as one of the other",
        ),
    ],
)
def test_why_nothing_pairs(first: list[RunSummary], second: list[RunSummary], why: str) -> None:
    found = compare(group(first), group(second), ACCURACY)
    assert found.why is not None
    assert why in found.why
    assert found.difference.n == 0
    assert math.isnan(found.difference.mean)
    assert list(found.pairs.columns) == ["seed", "first", "second"]
    assert found.pairs.empty
    assert (found.left_out_first, found.left_out_second) == (len(first), len(second))


def test_a_seed_of_two_parts_is_named_by_both() -> None:
    crossed = {"split_seed": 1, "init_seed": 2}
    found = compare(group(seeds(TREE | crossed, [0.5])), group(seeds(DENSE | crossed, [0.5])), ACCURACY)
    assert found.pairs["seed"].tolist() == ["split 1, initialization 2"]


def test_a_diverged_pair_is_a_pair_without_an_interval() -> None:
    ones, others = (group(seeds(changes, [math.inf, 0.5, 0.25])) for changes in (TREE, DENSE))
    found = compare(ones, others, ACCURACY).difference
    assert found.n == 3
    assert math.isnan(found.p)


# Pivots, ranks, choices


def test_a_pivot_summarizes_each_cell() -> None:
    runs = [
        *seeds({**TREE, "net.depth": 10}, [0.5, 0.25]),
        *seeds({**TREE, "net.depth": 2}, [0.75, 0.25, 0.5]),
        *seeds({**TREE, "net.depth": 2, "train.lr": 0.1}, [0.25, 0.75, 0.5]),
        *seeds({**FLAT, "net.depth": 2}, [math.nan]),
        *seeds(DENSE, [0.125]),
    ]
    table = run_table(runs)
    found = pivot(table, "model", "net.depth", ACCURACY)
    assert list(zip(found["row"], found["column"], strict=True)) == [("tree", 2), ("tree", 10), ("flat", 2), ("dense", None)]
    assert found["n"].tolist() == [3, 2, 0, 1]
    assert found["runs"].tolist() == [6, 2, 1, 1]
    assert found["varies"].tolist() == [("train.lr",), (), (), ()]
    assert found["run_ids"].map(len).tolist() == [6, 2, 1, 1]
    for line, cell in zip(found.to_dict("records"), groups(table, ["model", "net.depth"]), strict=True):
        interval = score_interval(cell.rows, ACCURACY)
        assert line["run_ids"] == tuple(cell.rows["run_id"])
        np.testing.assert_equal([line[name] for name in ("mean", "low", "high")], [interval.mean, interval.low, interval.high])
    assert found["mean"].tolist()[:2] == [0.5, 0.375]


def test_a_pivot_of_no_runs_has_no_cells() -> None:
    found = pivot(run_table([]), "model", "net.depth", ACCURACY)
    assert list(found.columns) == ["row", "column", "mean", "low", "high", "n", "runs", "run_ids", "varies"]
    assert found.empty
    assert found["mean"].dtype == "float64"


def test_ranks_put_what_has_no_value_last() -> None:
    means = [0.5, math.nan, 0.75, 0.25, 0.5]
    found = [group(seeds({"net.depth": depth}, [mean, mean])) for depth, mean in enumerate(means)]
    assert rank(found, ACCURACY, lowest=True) == [3, 0, 4, 2, 1]
    assert rank(found, ACCURACY, lowest=False) == [2, 0, 4, 3, 1]
    assert rank([], ACCURACY, lowest=True) == []


def test_choices_are_counted_but_for_the_seeds() -> None:
    runs = [
        run({"net.kind": kind, "net.depth": depth, "seed": seed})
        for kind in ("tree", "dense")
        for depth in (2, 4)
        for seed in (0, 1)
    ]
    assert chosen_among(run_table(runs)) == 3  # a dense net has no depth
    assert chosen_among(run_table([])) == 0
    mixed = run_table(runs[-2:]).assign(**{"net.gates": pd.Series([None, math.nan], dtype=object)})
    assert chosen_among(mixed) == 1
    assert "seed" in CONFIG_FIELDS
