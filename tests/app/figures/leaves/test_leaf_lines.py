from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from leafscope.app.figures.leaves.leaf_lines import LeafLines, epoch_axis, nearest_epoch
from leafscope.app.theme import Look

EPOCHS = [0, 10, 60]
LOADS = np.array([[0.031, 0.05, 0.12], [0.2, 0.1, 0.0]])
LEAVES: dict[str, Any] = {"names": ["1 0 1 1", "0 0 0 1"], "uniform": [1 / 16, 1 / 16], "dense": [0.04, np.nan]}


def traces(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def test_each_leaf_has_a_panel_with_its_load_in_the_colour_of_the_tree() -> None:
    figure = LeafLines(EPOCHS, LOADS, **LEAVES).figure()
    own = traces(figure, "tree")
    assert [trace.xaxis for trace in own] == ["x", "x2"]
    assert np.array([trace.y for trace in own]) == pytest.approx(LOADS)
    assert {trace.line.color for trace in own} == {"#0072B2"}
    assert [note.text for note in figure.layout.annotations] == ["1 0 1 1", "0 0 0 1"]


def test_references_are_level_and_the_unknown_dense_share_is_left_out() -> None:
    figure = LeafLines(EPOCHS, LOADS, **LEAVES).figure()
    assert [trace.y for trace in traces(figure, "epoch 0")] == [(0.031, 0.031), (0.2, 0.2)]
    assert [trace.y for trace in traces(figure, "uniform")] == [(1 / 16, 1 / 16)] * 2
    assert [(trace.y, trace.xaxis, trace.line.dash) for trace in traces(figure, "dense net")] == [
        ((0.04, 0.04), "x", "dashdot")
    ]
    assert "dense net: not known for every leaf" in figure.layout.title.text


def test_each_line_has_one_legend_entry_even_where_the_first_leaf_lacks_it() -> None:
    figure = LeafLines(EPOCHS, LOADS, **(LEAVES | {"dense": [np.nan, 0.04]})).figure()
    entries = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert sorted(entries) == ["dense net", "epoch 0", "tree", "uniform"]


def test_panels_share_an_axis_from_zero_that_holds_every_value() -> None:
    figure = LeafLines(EPOCHS, LOADS, **(LEAVES | {"dense": [0.5, np.nan]})).figure()
    low, high = figure.layout.yaxis.range
    assert low == 0
    assert 0.5 < high < 0.6
    assert figure.layout.yaxis2.range == figure.layout.yaxis.range
    assert figure.layout.yaxis2.matches == "y"


def test_the_nearest_recorded_epoch_is_marked_in_every_panel() -> None:
    figure = LeafLines(EPOCHS, LOADS, **LEAVES, shown_epoch=12).figure()
    assert [(shape.x0, shape.xref) for shape in figure.layout.shapes] == [(10, "x"), (10, "x2")]
    assert "vertical line: epoch 10" in figure.layout.title.text
    assert nearest_epoch(np.array([0, 10, 20]), 15) == 10
    assert nearest_epoch(np.array([0]), None) is None


def test_two_epochs_have_markers_and_many_only_some() -> None:
    two = LeafLines(epochs=[0, 60], loads=[[0.1, 0.2]], names=["1"], uniform=[0.5]).figure()
    assert traces(two, "tree")[0].mode == "lines+markers"
    assert traces(two, "tree")[0].marker.maxdisplayed == 0
    many = LeafLines(epochs=range(61), loads=np.full((1, 61), 0.1), names=["1"], uniform=[0.5]).figure()
    assert 0 < traces(many, "tree")[0].marker.maxdisplayed < 61


@pytest.mark.parametrize("last", [1, 4, 7, 60, 999, 20_000])
@pytest.mark.parametrize("width", [60.0, 900.0])
def test_ticks_of_epochs_are_whole_and_do_not_touch(last: int, width: float) -> None:
    figure = go.Figure(go.Scatter(x=[0, last], y=[0, 1]))
    low, high = epoch_axis(figure, np.array([0, last]), width, Look())
    assert low < 0 < last < high
    step = figure.layout.xaxis.dtick
    assert step == int(step) >= 1
    assert step * width / last > 7 * len(f"{last:,}")


def test_sentence_compares_the_first_epoch_with_the_one_shown() -> None:
    sentence = LeafLines(EPOCHS, LOADS, **LEAVES).sentence()
    assert sentence.startswith("Leaf 1 0 1 1 held 3.1 % of the training rows before training and holds 12.0 % at epoch 60")
    assert sentence.endswith("of the dense net give 4.0 %.")
    shown = LeafLines(EPOCHS, LOADS, **(LEAVES | {"dense": None}), shown_epoch=10, split="test").sentence()
    assert shown == "Leaf 1 0 1 1 held 3.1 % of the test rows before training and holds 5.0 % at epoch 10."


def test_sentence_of_one_epoch_and_of_a_late_start() -> None:
    one: dict[str, Any] = {"names": ["1"], "uniform": [0.5]}
    assert LeafLines(epochs=[0], loads=[[0.3]], **one).sentence() == "Leaf 1 holds 30.0 % of the training rows before training."
    assert LeafLines(epochs=[5, 9], loads=[[0.3, 0.4]], **one).sentence() == (
        "Leaf 1 held 30.0 % of the training rows at epoch 5 and holds 40.0 % at epoch 9."
    )


def test_a_node_above_a_leaf_is_called_a_prefix() -> None:
    prefix: dict[str, Any] = {"names": ["1 0", "1 0 1 1"], "uniform": [1 / 4, 1 / 16]}
    assert LeafLines(EPOCHS, LOADS, **prefix).sentence().startswith("Prefix 1 0 held 3.1 %")
    assert "chosen prefixes" in LeafLines(EPOCHS, LOADS, **prefix).figure().layout.title.text
    assert "chosen leaves" in LeafLines(EPOCHS, LOADS, **LEAVES).figure().layout.title.text
    root = LeafLines(EPOCHS, LOADS, names=["root", "1"], uniform=[1, 0.5]).sentence()
    assert root.startswith("The root held 3.1 %")


def test_table_lists_leaf_by_leaf() -> None:
    table = LeafLines(EPOCHS, LOADS, **LEAVES).table()
    assert table["pattern"].tolist() == ["1 0 1 1"] * 3 + ["0 0 0 1"] * 3
    assert table["epoch"].tolist() == EPOCHS * 2
    assert table["share"].tolist() == LOADS.ravel().tolist()
    assert table["dense_share"].tolist()[:3] == [0.04] * 3
    assert table["dense_share"].isna().tolist()[3:] == [True] * 3


@pytest.mark.parametrize(
    ("epochs", "loads", "names", "why"),
    [
        ([], np.empty((1, 0)), ["1"], "No load of the training rows is recorded yet."),
        ([0, 1], np.empty((0, 2)), [], "No leaf is chosen."),
        ([0, 1], [[np.nan, np.nan]], ["1"], "No load of the training rows is recorded yet."),
    ],
)
def test_nothing_to_show_says_why(epochs: list[int], loads: np.ndarray, names: list[str], why: str) -> None:
    leaf: dict[str, Any] = {"epochs": epochs, "loads": loads, "names": names, "uniform": [0.5] * len(names)}
    assert LeafLines(**leaf).figure().layout.annotations[0].text == why
    assert LeafLines(**leaf).sentence() == why
    assert len(LeafLines(**leaf).table()) == len(names) * len(epochs)


def test_names_and_subjects_are_shown_as_written() -> None:
    figure = LeafLines(EPOCHS, LOADS[:1], names=["<b>1"], uniform=[0.5]).figure(subject="<i>x")
    assert figure.layout.annotations[0].text == "&lt;b&gt;1"
    assert "&lt;i&gt;x" in figure.layout.title.text
    assert all("<b>" not in text for trace in figure.data for text in np.atleast_1d(trace.hovertext))


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"loads must have shape \(M, E\) = \(2, 2\), got \(2, 3\)"):
        LeafLines(epochs=[0, 1], loads=LOADS, **LEAVES)
    with pytest.raises(ValueError, match=r"dense must have one share for each of 2 leaves, got shape \(1,\)"):
        LeafLines(EPOCHS, LOADS, **(LEAVES | {"dense": [0.1]}))
    with pytest.raises(ValueError, match="at most 4 leaves, got 5"):
        LeafLines(epochs=[0], loads=np.ones((5, 1)), names=["1"] * 5, uniform=[0.5] * 5)
    with pytest.raises(ValueError, match=r"epochs must rise, got \[0, 0\]"):
        LeafLines(epochs=[0, 0], loads=np.ones((1, 2)), names=["1"], uniform=[0.5])
