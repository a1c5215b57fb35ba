"""Error against computation: a line for each capacity, dense nets of all names as one, and points that name their rows."""

import json

import numpy as np
import pandas as pd
import pytest

from leafscope.app.figures.overfitting.error_by_computation import ErrorByComputation
from leafscope.app.figures.shared.errors import of_target
from leafscope.app.theme import Look
from tests.app.figures.overfitting.tables import NAN, computation, with_interval


def lines(figure: ErrorByComputation, look: Look | None = None) -> dict[str, dict[str, np.ndarray]]:
    """Each line's name, places in the table and places on the axes."""
    drawn = figure.figure(look=look or Look())
    return {
        trace.name: {"at": np.asarray(trace.customdata), "x": np.asarray(trace.x), "y": np.asarray(trace.y)}
        for trace in drawn.data
        if trace.mode == "lines+markers"
    }


def test_of_one_width_a_model_is_a_line_over_its_depths_and_dense_nets_are_one_line_over_their_widths() -> None:
    figure = ErrorByComputation(computation(), chosen=1)
    found = lines(figure)
    assert set(found) == {"tree, K 0–2", "flat, K 0–2", "dense, width 8–32", "decision tree, K 0–2"}
    table = figure.table()
    for name, line in found.items():
        rows = table.loc[line["at"]]
        assert rows["mean"].tolist() == line["y"].tolist(), name
        assert set(rows["n_train"]) == {500}
    dense = table.loc[found["dense, width 8–32"]["at"]]
    assert dense["width"].tolist() == [8, 16, 32]
    assert found["dense, width 8–32"]["x"] == pytest.approx(dense["cost"])
    trees = found["tree, K 0–2"]
    assert table.loc[trees["at"], "depth"].tolist() == [0, 1, 2]
    assert (np.diff(trees["x"]) > 0).all()  # side by side, in order of K
    assert trees["x"][1] == pytest.approx(80)


def test_of_several_widths_each_depth_in_colour_is_a_line_and_what_is_set_back_has_the_chosen_depth() -> None:
    figure = ErrorByComputation(computation((8, 16)), chosen=1, lit=["tree", "dense", "decision_tree"])
    found = lines(figure)
    assert {"K = 0", "K = 1", "tree, K = 2", "flat, K = 1"} <= set(found)
    assert "flat, K = 0" not in found
    table = figure.table()
    rows = table.loc[found["K = 1"]["at"]]
    assert (rows["depth"] == 1).all()
    assert rows["width"].tolist() == [8, 16]
    assert found["K = 1"]["x"] == pytest.approx(rows["cost"])
    assert table.loc[found["dense, width 8–64"]["at"], "width"].tolist() == [8, 16, 32, 64]  # 16 and 32 once


def test_of_several_nets_with_a_depth_in_colour_each_is_a_line_at_the_chosen_depth() -> None:
    figure = ErrorByComputation(computation((8, 16)), chosen=1, lit=["tree", "flat", "dense"])
    found = lines(figure)
    assert {name for name in found if "K = " in name} == {"tree, K = 1", "flat, K = 1"}
    assert (figure.table().loc[found["flat, K = 1"]["at"], "depth"] == 1).all()


def test_other_sizes_move_the_points_but_not_the_axes() -> None:
    few, many = (ErrorByComputation(computation(), n_train=size) for size in (100, 500))
    one, other = (figure.figure().layout for figure in (few, many))
    assert one.xaxis.range == other.xaxis.range
    assert one.yaxis.range == other.yaxis.range
    assert few.table().equals(many.table())
    assert lines(few)["tree, K 0–2"]["y"] == pytest.approx(lines(many)["tree, K 0–2"]["y"] + 10)


def test_labels_do_not_touch_each_other() -> None:
    for look in (Look(), Look(projector=True)):
        figure = ErrorByComputation(computation((8, 16)), chosen=1, lit=["tree", "dense", "decision_tree"]).figure(look=look)
        notes = figure.layout.annotations
        assert {note.text for note in notes} >= {"K = 0", "tree, K = 2", "dense, width 8–64"}
        size = figure.layout.template.layout.font.size
        up = (figure.layout.height - figure.layout.margin.t - figure.layout.margin.b - 3.4 * size) / np.diff(
            figure.layout.yaxis.range
        )
        of_depths = sorted(
            float(note.y * up[0] - note.ay) for note in notes if "K = " in note.text and "decision" not in note.text
        )
        assert (np.diff(of_depths) >= size).all()


def test_the_sentence_sets_the_tree_beside_the_dense_net_of_its_computation_and_the_widest() -> None:
    assert ErrorByComputation(computation(), chosen=1).sentence() == (
        "With 80 multiply-adds, the tree (K = 1, chosen on validation, width 8) has a test error of 25.0 % [23.0 %, 27.0 %], "
        "n = 5; a dense net of width 8 with as many has 30.0 % [28.0 %, 32.0 %], n = 5; one of width 32 with 13.6 times as "
        "many has 10.0 % [8.0 %, 12.0 %], n = 5."
    )
    assert (
        "; at K = 0 it is the dense net of this width; one of width 32"
        in ErrorByComputation(computation(), chosen=0).sentence()
    )
    alone = computation().query("model == 'decision_tree' and n_train == 500")
    assert ErrorByComputation(alone).sentence() == (
        "The lowest test error is that of decision tree, 30.0 % [28.0 %, 32.0 %], n = 5, with 2 comparisons."
    )


def narrow(tree: float = 0.7) -> pd.DataFrame:
    """Nets with errors of 44 to 53 %, and decision trees, the first of them with another error."""
    rows = [("tree", "", k, 8, 500, 80.0, 0.53 - 0.02 * k) for k in (0, 1, 2)]
    rows += [("dense", "", NAN, width, 500, 10.0 * width, 0.53 - width / 400) for width in (8, 16, 32)]
    rows += [("decision_tree", "", k, NAN, 500, float(k), error) for k, error in enumerate((tree, 0.6, 0.5))]
    return with_interval(rows, "model variant depth width n_train cost mean")


def test_nets_decide_the_range_of_errors_and_what_is_beyond_it_stands_at_its_edge() -> None:
    drawn = ErrorByComputation(narrow(), lit=["tree", "dense", "decision_tree"]).figure()
    low, high = drawn.layout.yaxis.range
    assert 40 < low < 43
    assert 55 < high < 58
    assert drawn.layout.yaxis.title.text == f"test error (percent of rows; axis from {low:.0f} %)"
    (edge,) = [trace for trace in drawn.data if "beyond the axis" in str(trace.name)]
    assert list(edge.marker.symbol) == ["arrow-up", "arrow-up"]
    assert all(low < y < high for y in edge.y)
    assert "test error 70.0 % [68.0 %, 72.0 %]" in edge.hovertext[0]
    assert any("50.0 to 70.0 %" in note.text.replace("<br>", " ") for note in drawn.layout.annotations)
    numbers = ErrorByComputation(narrow(), lit=["tree", "dense", "decision_tree"], errors=of_target("price")).figure()
    assert any(note.text.replace("<br>", " ").endswith(": 0.500 to 0.700") for note in numbers.layout.annotations)
    far = ErrorByComputation(narrow(0.9), lit=["tree", "dense", "decision_tree"]).figure()
    assert far.layout.yaxis.range == drawn.layout.yaxis.range


def test_an_axis_of_errors_near_0_begins_there() -> None:
    drawn = ErrorByComputation(computation(), lit=["tree", "dense", "decision_tree"]).figure()
    assert drawn.layout.yaxis.range[0] <= 0
    assert drawn.layout.yaxis.title.text == "test error (percent of rows)"


def test_decision_trees_have_a_narrow_panel_of_their_own_and_the_only_one_without_nets() -> None:
    drawn = ErrorByComputation(computation()).figure()
    left, right = drawn.layout.xaxis.domain, drawn.layout.xaxis2.domain
    assert left[1] - left[0] < 0.25 < right[1] - right[0]
    assert "comparisons" in drawn.layout.xaxis.title.text
    assert "comparisons" not in drawn.layout.xaxis2.title.text
    for model, words in (("decision_tree", "comparisons"), ("tree", "multiply-adds")):
        points = computation()
        alone = ErrorByComputation(points[points["model"] == model]).figure()
        assert alone.layout.xaxis.domain == (0, 1)
        assert words in alone.layout.xaxis.title.text


def test_no_label_of_a_line_lies_on_another_line() -> None:
    for look in (Look(), Look(projector=True)):
        drawn = ErrorByComputation(narrow(), lit=["tree", "dense", "decision_tree"]).figure(look=look)
        size = drawn.layout.template.layout.font.size
        height = drawn.layout.height - drawn.layout.margin.t - drawn.layout.margin.b - 3.4 * size
        per_point = height / np.diff(drawn.layout.yaxis.range)[0]
        (label,) = [note for note in drawn.layout.annotations if note.text.startswith("tree, K 0")]
        (dense,) = [trace for trace in drawn.data if str(trace.name).startswith("dense")]
        per_px = np.diff(drawn.layout.xaxis2.range)[0] / (700 if not look.projector else 500)
        start = label.x + 18 * per_px
        reach = np.linspace(start, start + 12 * 0.6 * size * per_px, 20)
        line = np.interp(reach, np.log10(dense.x), dense.y)
        assert (abs(line - (label.y - label.ay / per_point)) * per_point > 0.6 * size).all()
        assert label.bgcolor is None  # it would notch the bands


def test_a_cost_of_0_has_a_place_left_of_all_others() -> None:
    drawn = ErrorByComputation(computation()).figure()
    assert drawn.layout.xaxis.ticktext[0] == "0"
    assert lines(ErrorByComputation(computation()))["decision tree, K 0–2"]["x"].tolist() == [0.5, 1, 2]


def test_the_few_costs_of_decision_trees_are_all_numbered() -> None:
    def numbered(costs: list[float]) -> tuple[str, ...]:
        trees = [("decision_tree", "", k, NAN, 500, cost, 0.5) for k, cost in enumerate(costs)]
        nets = narrow()[narrow()["model"] != "decision_tree"]
        points = pd.concat([nets, with_interval(trees, "model variant depth width n_train cost mean")])
        return tuple(ErrorByComputation(points).figure().layout.xaxis.ticktext)

    assert numbered([0.0, 2.0, 4.0]) == ("0", "2", "4")
    assert numbered([0.0, 1.98, 3.96]) == ("0", "1.98", "3.96")
    assert len(numbered([3 + k / 100 for k in range(20)])) < 6


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="cost must be at least 0, got -1"):
        ErrorByComputation(computation().assign(cost=-1))
    with pytest.raises(ValueError, match="cost is missing"):
        ErrorByComputation(computation().drop(columns="cost"))
    nothing = with_interval([("tree", "", 0, 8, 500, NAN, 0.5)], "model variant depth width n_train cost mean")
    assert "No test error with a known cost" in json.dumps(ErrorByComputation(pd.DataFrame(nothing)).figure().to_plotly_json())
