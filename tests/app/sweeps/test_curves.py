"""From a table of results to curves and points: means by hand, intervals by scipy, the front by brute force."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leafscope.app.sweeps.curves import cost_points, error_curves, gap_curves, intervals
from tests.app.sweeps.test_findings import MODELS, table


def cell() -> pd.DataFrame:
    return table(MODELS).assign(split_seed=math.nan)


def test_means_and_intervals_are_scipys_and_groups_without_a_depth_are_kept() -> None:
    rows = pd.DataFrame({"model": ["a", "a", "a", "b", "b"], "depth": [1, 1, 1, math.nan, math.nan], "x": [1.0, 2, 4, 5, 7]})
    found = intervals(rows, ["model", "depth"], "x", 0.0)
    assert found[["model", "n"]].to_numpy().tolist() == [["a", 3], ["b", 2]]
    for line, values in zip(found.to_dict("records"), ([1, 2, 4], [5, 7]), strict=True):
        low, high = stats.ttest_1samp(values, 0).confidence_interval()
        assert (line["mean"], line["low"], line["high"]) == pytest.approx((np.mean(values), low, high))
    wider = intervals(rows, ["model", "depth"], "x", 0.5)
    assert (wider["high"] - wider["low"] > found["high"] - found["low"]).all()


def test_gaps_are_the_difference_of_the_errors() -> None:
    errors, gaps = error_curves(cell(), "best"), gap_curves(cell(), "best")
    keys = ["model", "variant", "depth"]
    sides = errors.pivot_table(index=["model", "depth"], columns="split", values="mean")
    assert set(errors["split"]) == {"test", "train"}
    for line in gaps.dropna(subset=["depth"]).to_dict("records"):
        side = sides.loc[(line["model"], line["depth"])]
        assert line["mean"] == pytest.approx(side["test"] - side["train"])
    assert len(gaps) == len(errors[keys].drop_duplicates())


def test_points_have_the_width_that_a_dense_net_has_and_the_front_is_that_of_validation() -> None:
    rows = cell()
    steps = rows[rows["model"] == "dense"].assign(model="dense_ladder", variant="w12", best_validation_accuracy=0.1)
    rows = pd.concat([rows.assign(**{"net.width": 8}), steps.assign(**{"net.width": 12})], ignore_index=True)
    points = cost_points(
        rows.assign(multiply_adds=100.0 + rows.index // 4, run_id=[f"r{place}" for place in rows.index]), "multiply_adds"
    )
    ladder = points[points["model"] == "dense_ladder"].iloc[0]
    assert (ladder["variant"], ladder["width"]) == ("", 12)
    assert math.isnan(ladder["depth"])
    assert ladder["run_ids"] == tuple(f"r{place}" for place in rows.index[rows["model"] == "dense_ladder"])
    for point in points.to_dict("records"):
        beaten = (points["cost"] < point["cost"]) & (points["validation_mean"] <= point["validation_mean"])
        beaten |= (points["cost"] <= point["cost"]) & (points["validation_mean"] < point["validation_mean"])
        assert point["on_front"] == (not beaten.any())


def test_the_front_is_chosen_on_the_rows_that_choose_and_errors_are_of_the_others() -> None:
    rows = cell().assign(**{"net.width": 8}, multiply_adds=100.0, run_id="r")
    choosing = rows.assign(best_test_accuracy=0.0)
    best = choosing["depth"].eq(2) & choosing["model"].eq("tree")
    choosing = choosing.assign(best_validation_accuracy=choosing["best_validation_accuracy"].where(~best, 1.0))
    points = cost_points(rows, "multiply_adds", choosing)
    (front,) = points[points["on_front"]].to_dict("records")
    assert (front["model"], front["depth"], front["validation_mean"]) == ("tree", 2, 0.0)
    assert points.drop(columns=["validation_mean", "on_front"]).equals(
        cost_points(rows, "multiply_adds").drop(columns=["validation_mean", "on_front"])
    )
