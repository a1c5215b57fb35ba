import pytest

from leafscope.app import theme
from leafscope.app.figures.overfitting.differences_by_depth import DifferencesByDepth
from tests.app.figures.drawn import named, title
from tests.app.figures.overfitting.tables import NAN, differences


def sentence(*means: float, n: int = 5) -> str:
    return DifferencesByDepth(differences(*means, n=n), "tree", "flat").sentence()


def test_differences_are_points_with_bars_filled_where_shown() -> None:
    shown = DifferencesByDepth(differences(0.0, -0.05, 0.03, NAN), "tree", "flat")
    figure, table = shown.figure(), shown.table()
    points = named(figure, "difference")[0]
    assert list(points.x) == [0, 1, 2]
    assert list(points.y) == table["mean"].tolist()[:3] == pytest.approx([0.0, -5.0, 3.0])
    assert list(points.error_y.array) == pytest.approx([2, 2, 2])
    assert list(points.error_y.arrayminus) == pytest.approx([2, 2, 2])
    blue = theme.model_colour("tree")
    assert list(points.marker.color) == [theme.BACKGROUND[False], blue, blue]
    assert "below 0: tree is better" in figure.layout.yaxis.title.text.replace("<br>", " ")
    assert "at the same epochs" in title(figure)
    assert "p = 0.0100 (Holm)" in points.hovertext[1]


def test_the_basis_is_named() -> None:
    shown = DifferencesByDepth(differences(-0.05), "tree", "flat", basis="at the same train loss")
    assert "at the same train loss" in title(shown.figure())
    assert "at the same train loss" in shown.sentence()


def test_a_difference_without_a_mean_is_not_shown() -> None:
    table = DifferencesByDepth(differences(NAN, 0.1).assign(shown=True), "tree", "flat").table()
    assert table["shown"].tolist() == [False, True]


def test_sentence_names_the_depths_either_way() -> None:
    said = sentence(0.0, -0.05, -0.06, 0.03, 0.01)
    assert "The tree has a lower test error than the flat net at K = 1 (-5.0 points [-7.0, -3.0], n = 5) and K = 2" in said
    assert "a higher one at K = 3 (3.0 points [1.0, 5.0], n = 5)" in said
    assert "the other 2 depths no difference" in said
    assert "Holm over 5 depths" in said
    higher = sentence(0.03)
    assert "higher test error than the flat net at K = 0" in higher
    assert "Holm over 1 depth)" in higher
    assert "other" not in higher


def test_sentence_says_that_no_difference_is_shown() -> None:
    none = sentence(0.0, 0.01)
    assert none.startswith("No difference in test error between the tree and the flat net")
    assert "n = 5" in none
    assert "Holm over 2 depths" in none
    assert "one seed has no interval" in sentence(-0.5, n=1)
