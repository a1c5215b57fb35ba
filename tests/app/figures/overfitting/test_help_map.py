import numpy as np
import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.figures.overfitting.help_map import HelpMap
from leafscope.app.figures.shared import frame
from leafscope.app.theme import Look
from tests.app.figures.drawn import named, title
from tests.app.figures.overfitting.tables import NAN, cells


def test_only_shown_cells_are_coloured_and_each_state_looks_different() -> None:
    figure = HelpMap(cells()).figure()
    heat = figure.data[0]
    z = np.asarray(heat.z, dtype=float)
    expected = np.full((3, 4), NAN)
    expected[1, 1], expected[0, 1], expected[1, 3] = -4.1, 5.0, -6.0
    np.testing.assert_allclose(z, expected)
    assert heat.zmin == -heat.zmax == -6.0
    assert list(figure.layout.yaxis.ticktext) == ["8", "16", "128"]
    outlined = [x for x in named(figure, "no difference shown")[0].x if x is not None]
    assert len(outlined) == 2 * 5
    missing = named(figure, "not trained")[0]
    assert len(missing.x) == 3 * 4 - 5
    assert missing.marker.pattern.shape == "/"
    assert "outlined: no difference shown" in title(figure)
    assert "hatched: not trained" in title(figure)
    assert "Holm over 5 cells" in title(figure)


def test_one_row_has_no_room_for_a_bar_of_colours() -> None:
    assert HelpMap(cells()).figure().data[0].showscale
    assert not HelpMap(cells().query("width == 8")).figure().data[0].showscale


def test_a_map_without_gaps_is_not_hatched() -> None:
    figure = HelpMap(cells().query("width == 8")).figure()
    assert not named(figure, "not trained")
    assert "hatched" not in title(figure)


def test_squares_carry_width_and_depth() -> None:
    shown = HelpMap(cells())
    targets = named(shown.figure(), "cells")[0]
    assert [list(pair) for pair in targets.customdata] == shown.table()[["width", "depth"]].to_numpy().tolist()
    assert targets.marker.opacity == frame.CLICK_TARGET["marker_opacity"]
    assert targets.hovertext[2] == (
        "width 16, K = 1<br>-4.1 points [-6.1, -2.1], n = 5<br>p = 0.0100 (Holm)<br>a difference is shown"
    )
    assert targets.hovertext[0].endswith("no difference shown")


def test_numbers_are_in_all_cells_where_they_fit() -> None:
    texts = {(a.x, a.y): a.text for a in HelpMap(cells()).figure().layout.annotations}
    shown = {"-4.1<br>[-6.1, -2.1]", "+5.0<br>[+3.0, +7.0]", "-6.0<br>[-8.0, -4.0]"}
    assert {texts.pop(cell) for cell in ((1, 1), (1, 0), (3, 1))} == shown
    assert texts == {(0, 0): "+0.0<br>[-2.0, +2.0]", (0, 2): "+1.0<br>[-1.0, +3.0]"}
    many = pd.concat([cells().assign(width=width) for width in range(4, 44)]).drop_duplicates(["width", "depth"])
    assert not HelpMap(many).figure().layout.annotations


def test_where_both_are_one_net_the_cell_says_so() -> None:
    row = {"width": 8, "depth": 0, "mean": 0.0, "low": 0.0, "high": 0.0, "n": 5, "p_holm": 1.0, "shown": False}
    table = pd.DataFrame([row, row | {"depth": 1}])
    assert {a.text for a in HelpMap(table).figure().layout.annotations} == {"same net", "+0.0<br>[+0.0, +0.0]"}


@pytest.mark.parametrize("dark", [False, True])
def test_cells_that_show_no_difference_have_a_grey_number(dark: bool) -> None:
    figure = HelpMap(cells().assign(shown=False)).figure(look=Look(dark))
    assert [a.text.split("<br>")[0] for a in figure.layout.annotations] == ["+0.0", "+5.0", "-4.1", "-6.0", "+1.0"]
    assert {a.font.color for a in figure.layout.annotations} == {theme.MUTED[dark]}
    assert [a.text for a in figure.layout.annotations][1] == "+5.0<br>[+3.0, +7.0]"
    # one seed has no interval; narrow cells have it in two lines, narrower ones have no room for it
    assert {a.text for a in HelpMap(cells(1)).figure().layout.annotations} == {"+0.0", "+5.0", "-4.1", "-6.0", "+1.0"}
    narrow = pd.concat([cells().assign(depth=depth) for depth in range(13)]).drop_duplicates(["width", "depth"])
    assert HelpMap(narrow.assign(shown=False)).figure().layout.annotations[0].text.count("<br>") == 2
    narrower = pd.concat([narrow, narrow.assign(depth=narrow["depth"] + 13)])
    assert all("[" not in a.text for a in HelpMap(narrower.assign(shown=False)).figure().layout.annotations)


@pytest.mark.parametrize("dark", [False, True])
def test_blue_means_that_the_first_is_better_and_numbers_are_legible(dark: bool) -> None:
    steps = np.linspace(-0.05, 0.05, 21)
    table = pd.DataFrame({"width": 8, "depth": range(21), "mean": steps, "low": steps, "high": steps, "n": 5})
    figure = HelpMap(table.assign(p_holm=0.01, shown=True)).figure(look=Look(dark))
    heat = figure.data[0]
    colours = [colour for _, colour in heat.colorscale]
    low, middle, high = ([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert max(middle) - min(middle) < 16
    assert len(figure.layout.annotations) == 21
    for place, annotation in zip(np.linspace(0, 1, 21), figure.layout.annotations):
        colour = theme.scale_colour([(at, c) for at, c in heat.colorscale], place)
        assert theme.contrast(annotation.font.color, colour) >= 4.5


def test_sentence_counts_cells_either_way_and_names_the_largest_difference() -> None:
    said = HelpMap(cells()).sentence()
    assert "The tree has a lower test error than the dense net of equal computation in 2 of 5 cells" in said
    assert "most at width 16, K = 3: -6.0 points [-8.0, -4.0], n = 5" in said
    assert "a higher one in 1 (width 8, K = 1: 5.0 points [3.0, 7.0], n = 5)" in said
    assert "the other 2 no difference" in said
    one = HelpMap(cells().query("depth == 1 and width == 8")).sentence()
    assert "in none of 1 cell and a higher one in 1 (width 8, K = 1" in one
    assert "other" not in one


def test_sentence_says_that_no_difference_is_shown() -> None:
    none = HelpMap(cells().assign(shown=False)).sentence()
    assert none.startswith("No difference in test error between the tree and the dense net of equal computation")
    assert "5 cells (n = 5)" in none
    assert "one seed has no interval" in HelpMap(cells(1)).sentence()


def test_a_cell_may_be_there_only_once() -> None:
    with pytest.raises(ValueError, match=r"one row for each width and depth, got two for width 8, depth 0"):
        HelpMap(pd.concat([cells(), cells().query("width == 8 and depth == 0")]))
