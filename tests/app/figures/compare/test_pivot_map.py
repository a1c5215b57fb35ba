"""Pivot of runs by two fields."""

from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.pivot_cells import PivotCells
from leafscope.app.figures.compare.pivot_map import PivotMap
from leafscope.app.figures.compare.scores import Score
from leafscope.app.figures.shared import frame
from leafscope.app.theme import Look

NAN = float("nan")
EVIL = "<b>x</b> ![i](http://e.example) \u202e" + "long " * 2000
CELLS: dict[str, Any] = {
    "rows": ["8", "16"],
    "columns": ["0", "3", "5"],
    "mean": [[0.8, 0.82, 0.819], [0.7, NAN, 0.9]],
    "low": [[0.78, 0.81, NAN], [0.6, NAN, 0.85]],
    "high": [[0.82, 0.83, NAN], [0.8, NAN, 0.95]],
    "n": [[5, 5, 1], [3, 0, 2]],
}
ACCURACY = Score("accuracy", percent=True, higher_is_better=True)


def pivot(cells: dict[str, Any] = CELLS, score: Score = ACCURACY, chosen: Any = None) -> PivotMap:
    return PivotMap(PivotCells(**cells), row_title="width", column_title="depth", score=score, chosen=chosen)


def of(figure: Any, name: str) -> list[Any]:
    return [trace for trace in figure.data if trace.name == name]


def test_cells_carry_their_place_and_the_empty_one_is_hatched() -> None:
    """A click on either tells the row and the column."""
    figure = pivot().figure()
    assert np.asarray(figure.data[0].z) == pytest.approx(np.array(CELLS["mean"]), nan_ok=True)
    (targets,) = of(figure, "cells")
    assert [list(cell) for cell in targets.customdata] == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 2]]
    assert targets.marker.opacity == frame.CLICK_TARGET["marker_opacity"]
    assert list(zip(targets.x, targets.y))[-1] == (2, 1)
    (empty,) = of(figure, "no run")
    assert [list(cell) for cell in empty.customdata] == [[1, 1]]
    assert empty.marker.pattern.shape == "/"
    assert "hatched: no run (1 of 6 cells)" in figure.layout.meta["subtitle"]


@pytest.mark.parametrize(("higher", "cell"), [(True, (1, 2)), (False, (1, 0))])
def test_the_best_mean_is_outlined(higher: bool, cell: tuple[int, int]) -> None:
    """By either direction."""
    outline = of(pivot(score=Score("accuracy", True, higher)).figure(), "best mean")[-1]
    assert (round(np.mean(outline.y[:4])), round(np.mean(outline.x[:4]))) == cell


def test_the_chosen_cell_has_a_dashed_outline() -> None:
    """Drawn only where it is asked for."""
    outline = of(pivot(chosen=(0, 1)).figure(), "chosen")[-1]
    assert outline.line.dash == "dash"
    assert (np.mean(outline.y[:4]), np.mean(outline.x[:4])) == (pytest.approx(0), pytest.approx(1))
    assert not of(pivot().figure(), "chosen")


def test_numbers_are_in_cells_as_far_as_they_fit() -> None:
    """Mean, interval and n in few cells; nothing in many."""
    texts = [note.text for note in pivot().figure().layout.annotations]
    assert texts[0].startswith("80.0<br>")
    assert "[78.0, 82.0]" in texts[0]
    assert "n = 5" in texts[0]
    assert "[" not in texts[2]
    many = np.full((40, 40), 0.5)
    labels = [str(place) for place in range(40)]
    figure = pivot({"rows": labels, "columns": labels, "mean": many, "low": many, "high": many, "n": many * 4}).figure()
    assert len(figure.layout.annotations) == 0
    assert "brackets" not in figure.layout.meta["subtitle"]


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_read_on_every_cell(dark: bool) -> None:
    """AA asks for 4.5."""
    values = np.linspace(0, 1, 20).reshape(4, 5)
    rows, columns = [str(place) for place in range(4)], [str(place) for place in range(5)]
    cells = {"rows": rows, "columns": columns, "mean": values, "low": values, "high": values, "n": values * 0 + 3}
    figure = pivot(cells).figure(look=Look(dark=dark))
    scale = [(place, colour) for place, colour in figure.data[0].colorscale]
    for note, value in zip(figure.layout.annotations, values.ravel()):
        assert theme.contrast(note.font.color, theme.scale_colour(scale, float(value))) >= 4.5


def test_more_than_forty_are_cut_and_said() -> None:
    """The sentence covers all of them."""
    mean = np.zeros((1, 45))
    mean[0, 44] = 1.0
    cells: dict[str, Any] = {"rows": ["r"], "columns": [f"c{place}" for place in range(45)], "mean": mean}
    cells |= {"low": mean, "high": mean, "n": np.ones((1, 45))}
    figure = pivot(cells).figure()
    assert np.asarray(figure.data[0].z).shape == (1, 40)
    assert "the first 40 of 45 columns; the best cell is not among them" in figure.layout.meta["subtitle"]
    assert "depth c44" in pivot(cells).sentence()


def test_sentence_and_table() -> None:
    """A single run has no interval."""
    assert pivot().sentence() == (
        "The highest mean accuracy is at width 16, depth 5: 90.0 % [85.0 %, 95.0 %], n = 2; 1 of 6 cells has no run."
    )
    one: dict[str, Any] = {"rows": ["a"], "columns": ["b"], "mean": [[2.0]], "low": [[NAN]], "high": [[NAN]], "n": [[1]]}
    assert (
        pivot(one, Score("accuracy", False, True))
        .sentence()
        .endswith("width a, depth b: 2.00, one run; the only cell has a run.")
    )
    table = pivot().table()
    assert table["row"].tolist() == ["8"] * 3 + ["16"] * 3
    assert table["column"].tolist() == ["0", "3", "5"] * 2
    assert table["n"].tolist() == [5, 5, 1, 3, 0, 2]
    assert table["mean"].tolist() == pytest.approx([0.8, 0.82, 0.819, 0.7, NAN, 0.9], nan_ok=True)


def test_words_show_no_share_beyond_all_rows() -> None:
    """The table keeps what was computed, and so does a loss."""
    one: dict[str, Any] = {"rows": ["a"], "columns": ["b"], "mean": [[0.98]], "low": [[-0.01]], "high": [[1.003]], "n": [[3]]}
    assert "98.0 % [0.0 %, 100.0 %], n = 3" in pivot(one).sentence()
    assert "[0.0 %, 100.0 %]" in of(pivot(one).figure(), "cells")[0].hovertext[0]
    assert pivot(one).table()[["low", "high"]].to_numpy().tolist() == [[-0.01, 1.003]]
    assert "[-0.0100, 1.00]" in pivot(one, Score("accuracy", False, True)).sentence()


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (2, 1)])
def test_nothing_to_show_says_so(shape: tuple[int, int]) -> None:
    """No exception."""
    nothing = np.full(shape, NAN)
    cells: dict[str, Any] = {"rows": ["r"] * shape[0], "columns": ["c"] * shape[1], "mean": nothing}
    cells |= {"low": nothing, "high": nothing, "n": np.zeros(shape, int)}
    assert len(pivot(cells).figure().data) == 0
    assert pivot(cells).sentence() == "No run has a value of accuracy yet."
    assert len(pivot(cells).table()) == shape[0] * shape[1]


def test_hostile_text_is_shown_as_text_and_cut() -> None:
    """In the title, the ticks and the hover."""
    hostile = CELLS | {"rows": [EVIL, "b"], "columns": [EVIL, "b", "c"]}
    figure = PivotMap(PivotCells(**hostile), EVIL, EVIL, Score(EVIL, True, True)).figure()
    ticks = [*figure.layout.xaxis.ticktext, *figure.layout.yaxis.ticktext]
    shown = [figure.layout.title.text, *ticks, *of(figure, "cells")[0].hovertext]
    assert all("<b>" not in text and "\u202e" not in text and len(text) < 700 for text in shown)


def test_shapes_and_cells_must_fit() -> None:
    """The message says what was given."""
    with pytest.raises(ValueError, match=r"low must have shape \(R, C\) = \(2, 3\), got \(3, 2\)"):
        PivotCells(**CELLS | {"low": np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"chosen must be a cell of 2 rows and 3 columns, got \(2, 0\)"):
        pivot(chosen=(2, 0))
    with pytest.raises(ValueError, match=r"n must be at least 0, got -1"):
        PivotCells(**CELLS | {"n": np.full((2, 3), -1)})
