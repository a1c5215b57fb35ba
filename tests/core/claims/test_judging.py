"""Differences of the claims against scipy and Holm by hand: families, the same net, own depths, and what is counted."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leafscope.core.claims.judging import at_same_depth, compared, keys, merged, own_depth, questions
from leafscope.core.claims.own_depth import at_own_depths
from leafscope.core.claims.remarks import remarks
from tests.core.claims.tables import Errors, table

RNG = np.random.default_rng(0)
TREE, FLAT, DENSE = ("tree", ""), ("flat", ""), ("dense", "")
TREE_ST, RANDOM_ST = ("tree", "straight_through"), ("random_gates", "straight_through")


def around(mean: float, n: int = 8) -> list[float]:
    return list(mean + RNG.normal(0, 0.01, n))


ZERO = around(0.3)
ERRORS: Errors = {
    ("tree", "", 0): ZERO, ("tree", "", 1): around(0.29), ("tree", "", 2): around(0.20), ("tree", "", 3): around(0.24),
    ("tree", "straight_through", 0): ZERO, ("tree", "straight_through", 1): around(0.15),
    ("tree", "straight_through", 2): around(0.2), ("tree", "straight_through", 3): around(0.2),
    ("flat", "", 0): ZERO, ("flat", "", 1): around(0.29), ("flat", "", 2): around(0.27), ("flat", "", 3): around(0.26),
    ("random_gates", "", 1): around(0.3), ("random_gates", "", 2): around(0.3), ("random_gates", "", 3): around(0.3),
    ("random_gates", "straight_through", 1): around(0.3), ("random_gates", "straight_through", 2): around(0.3),
    ("dense", "", None): ZERO, ("dense_ladder", "w16", None): around(0.22),
    ("dense_capacity", "", 0): ZERO, ("dense_capacity", "", 1): around(0.22), ("dense_capacity", "", 2): around(0.1),
    ("dense_capacity", "", 3): around(0.05), ("logistic", "", None): around(0.4),
}  # fmt: skip
RESULTS = table(ERRORS, first_seed=100)


def by_hand(first: tuple[str, str, int], second: tuple[str, str, int | None]) -> float:
    return float(stats.ttest_rel(ERRORS[first], ERRORS[second]).pvalue)


def test_one_question_is_one_family_without_the_depths_at_which_both_are_the_same_net() -> None:
    found = at_same_depth(RESULTS, TREE, FLAT)
    assert [one.depth for one in found] == [0, 1, 2, 3]
    assert [one.same for one in found] == [True, False, False, False]
    p = np.array([by_hand(("tree", "", depth), ("flat", "", depth)) for depth in (1, 2, 3)])
    adjusted, running = np.empty(3), 0.0
    for place, at in enumerate(np.argsort(p)):
        running = max(running, min(1.0, (3 - place) * p[at]))
        adjusted[at] = running
    assert [one.shown for one in found] == [False, *(adjusted < 0.05)]
    error = np.std(np.subtract(ERRORS["tree", "", 2], ERRORS["flat", "", 2]), ddof=1) / math.sqrt(8)
    factor = stats.t.ppf(1 - 0.05 / 6, 7) + stats.t.ppf(0.8, 7)
    assert found[2].detectable == pytest.approx(factor * error)
    assert found[2].difference.mean == pytest.approx(np.mean(ERRORS["tree", "", 2]) - np.mean(ERRORS["flat", "", 2]))


def test_what_is_shown_depends_on_no_other_model_or_data() -> None:
    alone = RESULTS[RESULTS["model"].isin(["tree", "flat"])]
    for one, other in zip(at_same_depth(RESULTS, TREE, FLAT), at_same_depth(alone, TREE, FLAT), strict=True):
        assert (one.difference, one.shown, one.detectable) == pytest.approx(
            (other.difference, other.shown, other.detectable), nan_ok=True
        )


def test_equal_errors_of_different_nets_are_a_test() -> None:
    other = RESULTS.copy()
    other.loc[(other["model"] == "flat") & (other["depth"] == 0), "best_test_loss"] += 1e-9
    first = at_same_depth(other, TREE, FLAT)[0]
    assert (first.same, first.shown, first.difference.mean) == (False, False, 0)


def test_questions_have_the_same_credit_on_both_sides_and_name_every_variant() -> None:
    asked = questions(RESULTS)
    assert (TREE, FLAT) in asked
    assert (TREE, ("random_gates", "")) in asked
    assert (TREE_ST, RANDOM_ST) in asked
    assert (TREE_ST, TREE) in asked
    assert {(TREE, DENSE), (TREE_ST, DENSE), (TREE, ("dense_capacity", "")), (TREE_ST, ("dense_capacity", ""))} <= set(asked)
    assert not {(TREE_ST, FLAT), (TREE, RANDOM_ST), (TREE, TREE_ST)} & set(asked)
    assert len(asked) == len(set(asked))


def test_capacity_is_compared_at_the_same_depth() -> None:
    found = at_same_depth(RESULTS, TREE, ("dense_capacity", ""))
    assert [one.difference.mean for one in found] == pytest.approx(
        [np.mean(ERRORS["tree", "", k]) - np.mean(ERRORS["dense_capacity", "", k]) for k in range(4)]
    )
    assert found[0].same
    assert found[3].shown
    assert found[3].difference.mean > 0  # the tree is worse, and that is shown as the other way round is


def test_own_depths_are_chosen_on_the_choosing_seeds_alone() -> None:
    choices = table({key: ERRORS[key] for key in ERRORS} | {("tree", "", 1): [0.01] * 8}, first_seed=0)
    assert own_depth(RESULTS, TREE) == 2
    assert own_depth(choices, TREE) == 1
    models = {own.key: own for own in at_own_depths(RESULTS, choices)}
    assert models[TREE].depth == 1
    assert models[TREE].error.mean == pytest.approx(np.mean(ERRORS["tree", "", 1]))
    assert models[FLAT].depth == 3
    assert models[FLAT].minus[TREE].difference.mean == pytest.approx(
        np.mean(ERRORS["tree", "", 1]) - np.mean(ERRORS["flat", "", 3])
    )
    # the dense net of equal capacity: at the tree's own K in the difference, though K = 3 would be its best
    assert models["dense_capacity", ""].depth == 3
    assert models["dense_capacity", ""].minus[TREE].second_depth == 1
    assert TREE not in models[RANDOM_ST].minus
    assert TREE_ST in models[TREE].minus
    assert models["dense_ladder", "w16"].minus == {}
    assert models[DENSE].depth is None


def test_a_tree_at_k_0_is_the_dense_net() -> None:
    choices = table({key: [0.0] * 8 if key == ("tree", "", 0) else values for key, values in ERRORS.items()})
    found = {own.key: own for own in at_own_depths(RESULTS, choices)}
    assert found[DENSE].minus[TREE].same
    assert not found[DENSE].minus[TREE].shown


def test_the_exchange_rate_is_between_the_widths_that_are_worse_and_better() -> None:
    """The tree has 0.20, dense nets of width 20 have 0.22, and of width 32 have 0.10; the tree costs as much as width 8."""
    rates = {own.key: own.rate for own in at_own_depths(RESULTS, RESULTS)}
    rate = rates[TREE]
    assert rate is not None
    assert 20 / 8 < rate.low < rate.factor < rate.high < 32 / 8
    assert (rate.narrowest, rate.widest, rate.n) == (1, 44 / 8, 8)
    assert rates[DENSE] is None
    assert rates["dense_capacity", ""] is None


def test_a_model_without_results_is_left_out() -> None:
    failed = RESULTS.copy()
    failed.loc[failed["model"] == "flat", "status"] = "failed"
    assert FLAT not in {own.key for own in at_own_depths(failed, RESULTS)}
    assert compared(failed, (TREE, 1), (FLAT, 1)).difference.n == 0
    assert not any(one.shown for one in at_same_depth(failed, TREE, FLAT))


def test_merging_names_the_gate_gradient_of_gated_models_only() -> None:
    parts = table({("tree", "", 1): [0.1, 0.2], ("dense", "", None): [0.3, 0.3]})
    joined = merged([("none", parts), ("straight_through", parts)])
    assert keys(joined) == [TREE, TREE_ST, DENSE]
    assert len(joined) == 6


def test_remarks_count_each_run_once() -> None:
    rows = table({("tree", "", 1): [0.1, 0.2, 0.6], ("dense", "", None): [0.5]})
    rows.loc[0, "best_epoch"] = 9  # of 10: one of the last two
    rows.loc[1, "last_validation_accuracy"] = 0.9
    twice = pd.concat([rows, rows[:1].assign(model="flat"), rows[:1].assign(run_id="x", status="failed")], ignore_index=True)
    found = remarks(twice)
    assert (found.nets, found.late, found.disagree, found.collapsed, found.without) == (4, 1, 1, 2, 1)
