"""What a table of a sweep says: differences and choices against scipy and by hand, and how they are written."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leafscope.app import theme
from leafscope.app.sweeps.findings import (
    OPPONENTS,
    against_others,
    compare,
    data_fields,
    difference_words,
    findings,
    interval_words,
    model_at,
    own_depth,
    rates_words,
    splits_vary,
    stage_words,
    summary_table,
    with_replicates,
)
from leafscope.core.comparison.intervals import Difference, share_interval
from leafscope.core.comparison.overlap import overlap
from leafscope.core.config import DataConfig, RunConfig, SweepConfig
from leafscope.core.sweep.results import results

TREE = {0: [0.60, 0.62, 0.58, 0.61, 0.6], 1: [0.70, 0.74, 0.69, 0.725, 0.71], 2: [0.71, 0.72, 0.70, 0.73, 0.7]}
FLAT = {0: [0.60, 0.62, 0.58, 0.61, 0.6], 1: [0.66, 0.69, 0.67, 0.66], 2: [0.63, 0.62, 0.66, 0.64]}
DENSE = {None: [0.60, 0.62, 0.58, 0.61, 0.6]}
STUMP = {0: [0.50, 0.50, 0.50, 0.50], 1: [0.70, 0.74, 0.69, 0.72], 2: [0.65, 0.66, 0.62, 0.64]}
MODELS = {"tree": TREE, "flat": FLAT, "dense": DENSE, "decision_tree": STUMP}


def table(models: dict[str, dict[Any, list[float]]], data: str = "moons", seeds: int = 4, width: float = 8.0) -> pd.DataFrame:
    """Accuracies by model and depth, one for each seed; validation, test and train are shifted against one another."""
    rows = []
    for model, by_depth in models.items():
        for depth, values in by_depth.items():
            for seed, value in enumerate(values[:seeds]):
                rows.append(
                    {
                        "model": model, "variant": "", "depth": math.nan if depth is None else float(depth),
                        "width": math.nan if model == "decision_tree" else width, "data": data, "n_train": 500, "seed": seed,
                        "status": "finished", "best_validation_accuracy": value,
                        "best_test_accuracy": value - 0.1 + 0.01 * seed, "best_train_accuracy": value + 0.2,
                        "data.name": data, "data.n_train": math.nan, "error": None,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def errors(values: list[float], seeds: int = 4) -> np.ndarray:
    return np.array([1 - (value - 0.1 + 0.01 * seed) for seed, value in enumerate(values[:seeds])])


def test_differences_are_scipys() -> None:
    cell = table(MODELS)
    found = compare(cell, ("tree", 2), ("flat", 1))
    test = stats.ttest_rel(errors(TREE[2]), errors(FLAT[1]))
    low, high = test.confidence_interval()
    assert found.mean == pytest.approx((errors(TREE[2]) - errors(FLAT[1])).mean())
    assert (found.low, found.high, found.p, found.n) == (pytest.approx(low), pytest.approx(high), pytest.approx(test.pvalue), 4)


def test_pairs_are_those_of_the_same_seed() -> None:
    cell = table(MODELS).sample(frac=1, random_state=1)
    one_missing = cell[~((cell["model"] == "flat") & (cell["seed"] == 2))]
    found = compare(one_missing, ("tree", 1), ("flat", 1))
    kept = [0, 1, 3]
    assert found.n == 3
    assert found.mean == pytest.approx((errors(TREE[1]) - errors(FLAT[1]))[kept].mean())


def test_what_is_the_same_at_every_depth_stands_beside_each() -> None:
    cell = table(MODELS)
    assert model_at(cell, "dense", 2)["seed"].tolist() == [0, 1, 2, 3]
    assert compare(cell, ("tree", 0), ("dense", 0)) == Difference(0.0, 0.0, 0.0, 4, 1.0)
    assert model_at(cell, "tree", 2, "decay_growth=2").empty
    assert len(model_at(cell, "tree")) == 12


def test_a_row_gives_back_its_data() -> None:
    for data in (DataConfig(name="wine", n_train=40), DataConfig(name="digits"), DataConfig(name="tree_teacher", noise=0.0)):
        row = results(SweepConfig(base=RunConfig(data=data)), {}).iloc[0]
        assert DataConfig.model_validate(data_fields(row)) == data
        both = pd.concat([row.to_frame().T, results(SweepConfig(), {})]).infer_objects().iloc[0]  # whole numbers became floats
        assert DataConfig.model_validate(data_fields(both)) == data


def test_sentences_compare_at_depths_chosen_on_validation() -> None:
    said = findings(table(MODELS))
    # mean validation error at K = 2: 0.71375, at K = 1: 0.715
    assert said[0] == "Chosen on validation: tree K = 2, which has the lowest mean error there."
    flat = compare(table(MODELS), ("tree", 2), ("flat", 1))
    assert f"Test error of tree at K = 2 minus flat at its own K = 1: {difference_words(flat)}." in said
    dense = compare(table(MODELS), ("tree", 2), ("dense", None))
    assert f"Test error of tree at K = 2 minus dense, same multiply-adds: {difference_words(dense)}." in said
    assert any("decision tree at its own K = 1" in sentence for sentence in said)
    assert "Holm over these 3 differences" in said[4]
    assert said[5] == "Chosen and reported on the same seeds."
    assert len(said) == 6
    assert not any("gates" in sentence or "logistic" in sentence for sentence in said)


def test_each_variant_is_compared_with_the_same_of_others_and_both_are_named() -> None:
    models = {"tree": TREE, "random_gates": FLAT, "dense": MODELS["dense"]}
    with_credit = table(models)
    with_credit = with_credit[with_credit["model"] != "dense"].assign(variant="straight-through")
    said = findings(pd.concat([table(models), with_credit], ignore_index=True))
    frozen = compare(table(models), ("tree", 2), ("random_gates", 1))
    for words in ("", " (straight-through)"):
        wanted = (
            f"Test error of tree{words} at K = 2 minus tree, random gates{words} at its own K = 1: {difference_words(frozen)}."
        )
        assert wanted in said
        assert any(one.startswith(f"Test error of tree{words} at K = 2 minus dense, same multiply-adds:") for one in said)


def test_depths_are_chosen_from_the_rows_that_choose_and_the_others_reported() -> None:
    choices = table(MODELS).assign(stage="choosing")
    cell = choices.assign(stage="reporting", seed=choices["seed"] + 5, chosen_on="0, 1, 2, 3", best_validation_accuracy=0.5)
    said = findings(cell, choices)
    assert said[0] == findings(choices)[0]
    assert said[:5] == findings(table(MODELS))[:5]  # the same test scores, whatever the validation rows of those seeds say
    assert said[5] == "Chosen on seeds 0 to 3, reported on seeds 5 to 8."
    assert findings(cell)[0] != said[0]


def test_how_rates_were_chosen_is_said() -> None:
    rows = table(MODELS).assign(trials=8)
    assert rates_words(rows) == "Learning rate: the one of 8 with the lowest mean validation loss, for each model and depth."
    by_error = rows.assign(chosen_by="validation error", tuned="train.lr")
    assert rates_words(by_error).startswith("Learning rate: the one of 8 with the lowest mean validation error,")
    pairs = by_error.assign(tuned="train.lr, train.weight_decay")
    assert rates_words(pairs).startswith("Learning rate and weight decay: the pair of 8 with the lowest mean validation error,")
    assert rates_words(rows.assign(trials=1)) == "All nets have the same learning rate."


def test_without_results_nothing_is_said() -> None:
    cell = table(MODELS).assign(status="failed")
    assert findings(cell) == []
    assert findings(table({"decision_tree": STUMP})) == []


def test_the_own_depth_is_by_lowest_validation_error() -> None:
    cell = table(MODELS)
    assert own_depth(cell, "tree") == 2
    assert own_depth(cell, "decision_tree") == 1
    assert own_depth(cell, "dense") is None
    swapped = cell.assign(best_validation_accuracy=1 - cell["best_validation_accuracy"])
    assert own_depth(swapped, "tree") == 0  # the test scores are the same


def test_the_summary_holds_means_and_intervals() -> None:
    cell = table(MODELS, seeds=5)
    summary = summary_table(cell).set_index("test error (%)")
    assert summary.columns.tolist() == ["K=0", "K=1", "K=2"]
    values = errors(TREE[1], seeds=5)
    wanted = share_interval(values)
    assert summary.loc["tree", "K=1"] == f"{100 * values.mean():.1f} [{100 * wanted.low:.1f}, {100 * wanted.high:.1f}]"
    assert len(set(summary.loc["dense, same multiply-adds"])) == 1
    assert summary.loc["tree", "K=0"] == summary.loc["flat", "K=0"] == summary.loc["dense, same multiply-adds", "K=2"]


def test_one_seed_has_no_interval() -> None:
    cell = table(MODELS, seeds=1)
    summary = summary_table(cell).set_index("test error (%)")
    assert summary.loc["tree", "K=2"] == f"{100 * errors(TREE[2])[0]:.1f}"
    assert "nan" not in summary.to_string()
    assert any("-" in sentence and "one seed: no interval" in sentence for sentence in findings(cell))


def test_what_is_not_there_is_a_dash() -> None:
    cell = table(MODELS)
    holes = cell.assign(status=cell["status"].where(~((cell["model"] == "tree") & (cell["depth"] == 1)), "failed"))
    assert summary_table(holes).set_index("test error (%)").loc["tree", "K=1"] == theme.MISSING
    only = summary_table(table({"dense": DENSE})).set_index("test error (%)")
    assert only.columns.tolist() == ["all"]


def test_differences_of_a_cell_are_judged_together_and_of_no_other() -> None:
    cell = table(MODELS)
    found = against_others(cell, cell, "tree", 2)
    raw = {other: compare(cell, ("tree", 2), (other, own_depth(cell, other))).p for other in found}
    assert list(found) == [other for other in OPPONENTS if other in raw]
    running = 0.0
    for place, other in enumerate(sorted(raw, key=lambda one: raw[one])):
        running = max(running, min(1.0, (len(raw) - place) * raw[other]))
        assert found[other].shown == (running < 0.05)
        assert found[other].depth == own_depth(cell, other)


def test_the_dense_net_of_equal_capacity_is_at_the_depth_of_the_tree() -> None:
    cell = table(MODELS)
    capacity = cell[cell["model"] == "flat"].assign(model="dense_capacity")
    cell = pd.concat([cell, capacity], ignore_index=True)
    assert own_depth(cell, "dense_capacity") == 1
    assert against_others(cell, cell, "tree", 2)["dense_capacity"].depth == 2


def test_words_of_differences() -> None:
    assert difference_words(Difference(math.nan, math.nan, math.nan, 0, math.nan)) == "not trained"
    assert difference_words(Difference(0.01, math.nan, math.nan, 1, math.nan)) == "+1.0 points, one seed: no interval"
    assert difference_words(Difference(-1e-5, -0.01, 0.01, 5, 0.9)).startswith("no difference shown (0.0 points [-1.0")
    shown = Difference(-0.04, -0.06, -0.02, 5, 0.001)
    assert difference_words(shown, shown=False) == "no difference shown (-4.0 points [-6.0, -2.0], n = 5)"


def test_a_model_without_any_result_stands_beside_nothing() -> None:
    """All depths of the flat net failed: it has no depth of its own, and the tree has no difference from it."""
    cell = table(MODELS)
    cell.loc[cell["model"] == "flat", ["status", "best_validation_accuracy", "best_test_accuracy"]] = [
        "failed",
        math.nan,
        math.nan,
    ]
    assert compare(cell, ("tree", 2), ("flat", None)).n == 0
    assert any("minus flat: not trained" in sentence for sentence in findings(cell))
    assert not against_others(cell, cell, "tree", 2)["flat"].shown


def test_intervals_say_what_varies() -> None:
    cell = table(MODELS).assign(split_seed=math.nan)
    assert interval_words(cell, drawn="Bars").startswith("Bars: 95 % t intervals over 4 seeds, each with fresh data")
    assert "all with the same data" in interval_words(cell.assign(split_seed=0))
    assert "2 splits of this data set, with the Nadeau-Bengio factor" in interval_words(
        cell.assign(**{"data.name": "wine"}), n=2
    )
    assert interval_words(cell, n=1, drawn="Bars").startswith("One seed: no intervals")


@pytest.mark.parametrize(("axis", "is_split"), [("init_seed", False), ("split_seed", True), ("seed", True)])
def test_a_sweep_over_initializations_has_one_split(axis: str, is_split: bool) -> None:
    base = RunConfig(data=DataConfig(name="wine"))
    replicates = with_replicates(results(SweepConfig(base=base, axes={axis: [3, 4, 5]}), {}))
    assert replicates["seed"].nunique() == 3
    assert splits_vary(replicates) == is_split
    assert (overlap(replicates) > 0) == is_split
    assert ("all with the same data" in interval_words(replicates)) != is_split


def test_a_second_look_is_said_with_the_seeds() -> None:
    rows = pd.DataFrame({"chosen_on": "0, 1", "seed": [5, 6, 7, 5, 6, 7]})
    said = "Chosen on seeds 0 and 1, reported on seeds 5 to 7."
    assert stage_words(rows) == said
    looked = stage_words(rows.assign(second_look_after=2))
    assert looked == (
        f"{said} Second look: 1 seed was added after the answer from the first 2 was seen; intervals do not account for that."
    )
