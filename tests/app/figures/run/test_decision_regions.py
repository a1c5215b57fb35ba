from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.run.decision_regions import DecisionRegions

GRID: dict[str, Any] = {"xx": [0.0, 1.0, 2.0], "yy": [0.0, 1.0], "region": [[0, 0, 1], [0, 1, 1]]}
ROWS: dict[str, Any] = {"x": [[0.5, 0.2], [1.5, 0.8]], "y": [1, 0], "class_names": ["a", "b"]}


def test_outlines_stand_between_unequal_leaves() -> None:
    figure = DecisionRegions(**GRID, leaf=[[0, 0, 1], [0, 0, 1]], depth=1, **ROWS).figure()
    line = next(trace for trace in figure.data if trace.name == "sign pattern changes")
    assert list(line.x) == [1.5, 1.5, None]
    assert list(line.y) == [-0.5, 1.5, None]
    assert "n = 2 training rows" in figure.layout.title.text
    assert figure.layout.height == theme.MAIN_HEIGHT[False]


def test_corners_give_one_piece_a_side() -> None:
    line = DecisionRegions(**GRID, leaf=[[0, 0, 0], [0, 1, 1]], **ROWS).figure().data[1]
    pieces = {tuple(line.x[i : i + 2]) + tuple(line.y[i : i + 2]) for i in range(0, len(line.x), 3)}
    assert pieces == {(0.5, 0.5, 0.5, 1.5), (0.5, 2.5, 0.5, 0.5)}


def test_points_have_the_colour_and_marker_of_their_class() -> None:
    figure = DecisionRegions(**GRID, **ROWS).figure()
    assert [trace.name for trace in figure.data[1:]] == ["a", "b"]
    for c, trace in enumerate(figure.data[1:]):
        assert (trace.marker.color, trace.marker.symbol) == (theme.class_colour(c), theme.class_marker(c))
        assert list(trace.customdata) == [1 - c]
    assert figure.data[1].x == pytest.approx([1.5])


def test_fills_are_the_predicted_classes_and_meshes_are_taken_too() -> None:
    xx, yy = np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0])
    figure = DecisionRegions(xx=xx, yy=yy, region=GRID["region"], **ROWS).figure()
    assert np.asarray(figure.data[0].z).tolist() == GRID["region"]
    assert list(figure.data[0].x) == GRID["xx"]
    assert figure.data[0].hovertext[1][2] == "predicted b"


def test_large_cells_carry_their_pattern() -> None:
    figure = DecisionRegions(**GRID, leaf=[[2, 2, 3], [2, 2, 3]], depth=2, **ROWS).figure()
    assert [note.text for note in figure.layout.annotations] == ["1 0", "1 1"]


def test_sentence_and_table() -> None:
    assert DecisionRegions(xx=[0], yy=[0], region=[[1]], leaf=[[0]], **ROWS).sentence() == (
        "The picture shows 1 sign pattern; b is predicted on 100.0 % of its area."
    )
    table = DecisionRegions(**GRID, **ROWS, leaf=np.arange(6).reshape(2, 3)).table()
    assert table["predicted"].tolist() == ["a", "a", "b", "a", "b", "b"]
    assert table["leaf"].tolist() == list(range(6))


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"region must have shape \(ny, nx\) = \(2, 3\)"):
        DecisionRegions(xx=GRID["xx"], yy=GRID["yy"], region=[[0]], **ROWS)
    with pytest.raises(ValueError, match=r"x must have shape \(n, 2\)"):
        DecisionRegions(**GRID, x=[[1.0, 2.0]], y=[0, 1], class_names=["a", "b"])
    with pytest.raises(ValueError, match="region must hold classes from 0 to 1, got 0 to 2"):
        DecisionRegions(**GRID | {"region": [[0, 0, 2], [0, 1, 1]]}, **ROWS)
