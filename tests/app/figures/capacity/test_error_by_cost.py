import math

import numpy as np
import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.figures.capacity.error_by_cost import ErrorByCost
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.theme import Look
from tests.app.figures.capacity.tables import NAN, points
from tests.app.figures.drawn import finite, named, title
from tests.app.figures.test_contract import LOOKS

FRONT = "Pareto front on validation"


def test_points_are_the_table_and_no_further_than_a_marker_from_their_cost() -> None:
    shown = ErrorByCost(points(), cost="multiply_adds")
    figure, table = shown.figure(), shown.table()
    px = (1000 - 300) / (figure.layout.xaxis.range[1] - figure.layout.xaxis.range[0])
    for model in ("tree", "dense", "decision_tree"):
        rows = table[table["model"] == model]
        (trace,) = named(figure, model_words(model))
        assert finite(trace.y) == rows["mean"].tolist()
        assert finite(trace.customdata) == rows["cost"].tolist()
        assert finite(trace.error_y.array) == pytest.approx([2.0] * len(rows))
        assert finite(trace.error_y.arrayminus) == pytest.approx([2.0] * len(rows))
        for x, cost in zip(finite(trace.x), rows["cost"]):
            assert abs(math.log10(x) - math.log10(cost or 0.5)) * px <= theme.MARKER_SIZE[False]
    (tree,), (dense,) = named(figure, "tree"), named(figure, model_words("dense"))
    assert len(set(finite(tree.x)) & set(finite(dense.x))) == 0
    assert "equal costs side by side" in title(figure)
    assert table["unit"].unique().tolist() == ["percent"]
    assert table["validation_mean"].iloc[0] == pytest.approx(30.0)


@pytest.mark.parametrize("look", LOOKS)
def test_many_models_of_one_cost_are_within_a_marker_of_it(look: Look) -> None:
    one = points().query("model == 'tree' and depth == 2")
    crowd = pd.concat([one.assign(model=f"m{number}", on_front=False) for number in range(9)] + [one.assign(cost=6400.0)])
    figure = ErrorByCost(crowd, cost="parameters").figure(look=look)
    places = [math.log10(trace.x[0]) for trace in figure.data if str(trace.name).startswith("m")]
    # The legend takes more of a projector's width
    px = (616 if look.projector else 699) / (figure.layout.xaxis.range[1] - figure.layout.xaxis.range[0])
    assert places == sorted(set(places))
    assert max(abs(place - math.log10(64)) for place in places) * px <= 1.05 * theme.MARKER_SIZE[look.projector]


def test_points_that_cost_alike_nowhere_are_at_their_cost() -> None:
    figure = ErrorByCost(points().query("model == 'tree'"), cost="parameters").figure()
    assert finite(named(figure, "tree")[0].x) == pytest.approx([64, 64, 256])
    assert "side by side" not in title(figure)


def test_lines_join_depths_within_a_width_and_widths_where_there_is_no_depth() -> None:
    figure = ErrorByCost(points(), cost="multiply_adds").figure()
    (tree,), (dense,) = named(figure, "tree"), named(figure, model_words("dense"))
    assert [math.isnan(y) for y in tree.y] == [False, False, True, False]
    assert tree.hovertext[0].startswith("tree, K = 0, width 8<br>64 multiply-adds<br>test error 30.0 %")
    assert not any(math.isnan(y) for y in dense.y)
    mixed = points().query("model == 'dense'").assign(depth=[NAN, 3], width=NAN)
    (dense,) = named(ErrorByCost(mixed, cost="parameters").figure(), model_words("dense"))
    assert len(finite(dense.y)) == 2


def test_the_front_is_ringed_and_joined_by_steps_from_cheap_to_costly() -> None:
    figure = ErrorByCost(points(), cost="multiply_adds").figure()
    (front,) = named(figure, FRONT)
    assert list(front.customdata) == [0, 1, 64, 256]
    assert list(front.y) == pytest.approx([60, 50, 20, 15])
    assert front.line.shape == "hv"
    assert front.marker.symbol == "circle-open"
    assert list(front.x) == sorted(front.x)
    assert set(front.x) <= {x for trace in figure.data[:-1] for x in finite(trace.x)}
    assert not named(ErrorByCost(points().assign(on_front=False), cost="multiply_adds").figure(), FRONT)


def test_a_cost_of_0_is_at_the_left_with_its_own_tick() -> None:
    figure = ErrorByCost(points(), cost="multiply_adds").figure()
    assert named(figure, "decision tree")[0].x[0] == pytest.approx(0.5)
    assert figure.layout.xaxis.ticktext[0] == "0"
    assert figure.layout.xaxis.tickvals[0] == 0.5
    only = ErrorByCost(points().query("cost == 0"), cost="multiply_adds").figure()
    assert only.layout.xaxis.ticktext[0] == "0"
    without = ErrorByCost(points().query("cost > 0"), cost="multiply_adds").figure()
    assert "0" not in without.layout.xaxis.ticktext


def test_trees_of_scikit_learn_cost_comparisons_and_it_is_said() -> None:
    figure = ErrorByCost(points(), cost="multiply_adds").figure()
    assert "comparisons for decision trees" in title(figure)
    assert "<br>1 comparison<br>" in named(figure, "decision tree")[0].hovertext[1]
    assert "comparison" not in ErrorByCost(points(), cost="parameters").figure().to_json()
    nets = points().query("model != 'decision_tree'")
    assert "comparisons" not in title(ErrorByCost(nets, cost="multiply_adds").figure())


def test_the_ladder_is_smaller_than_the_dense_net_of_its_colour() -> None:
    both = pd.concat([points(), points().query("model == 'dense'").assign(model="dense_ladder")])
    figure = ErrorByCost(both, cost="multiply_adds").figure()
    (ladder,), (dense,) = (named(figure, model_words(model)) for model in ("dense_ladder", "dense"))
    assert ladder.marker.size < dense.marker.size
    assert ladder.marker.color == dense.marker.color


def test_models_without_an_error_or_a_cost_are_not_drawn() -> None:
    assert not named(ErrorByCost(points(), cost="multiply_adds").figure(), "logistic regression")
    some = points()
    some.loc[some["model"] == "dense", "cost"] = NAN
    assert not named(ErrorByCost(some, cost="parameters").figure(), model_words("dense"))
    assert not ErrorByCost(points().assign(mean=NAN), cost="parameters").figure().data
    with pytest.raises(ValueError, match=r"cost must be at least 0, got -1"):
        ErrorByCost(points().assign(cost=-1.0), cost="parameters")


def test_sentence_names_the_front_from_cheap_to_costly() -> None:
    said = ErrorByCost(points(), cost="multiply_adds").sentence()
    assert said.startswith("3 models are on the Pareto front of validation error and multiply-adds")
    assert "decision tree (K = 0 to 1), tree (K = 2, width 8) and dense, same multiply-adds (width 16)." in said
    assert said.endswith("from 60.0 % [58.0 %, 62.0 %], n = 5, to 15.0 % [13.0 %, 17.0 %], n = 5.")
    only = points().query("model == 'tree'")
    assert ErrorByCost(only, cost="parameters").sentence().startswith("One model is on the Pareto front")
    assert ErrorByCost(only.assign(on_front=False), cost="parameters").sentence().startswith("No model is on the Pareto front")
    assert "15.0 %, one seed" in ErrorByCost(points(1), cost="parameters").sentence()


def test_numbers_of_a_table_survive_any_order_of_rows() -> None:
    shuffled = points().sample(frac=1, random_state=0)
    first, second = (ErrorByCost(table, cost="parameters").table() for table in (points(), shuffled))
    key = ["model", "width", "depth", "cost"]
    pd.testing.assert_frame_equal(
        first.sort_values(key, ignore_index=True), second.sort_values(key, ignore_index=True), check_dtype=False
    )
    assert np.isfinite(first["mean"]).sum() == 7
