import pytest

from leafscope.app.figures.overfitting.gap_by_depth import GapByDepth
from tests.app.figures.drawn import named
from tests.app.figures.overfitting.tables import error_seeds, gaps


def test_gaps_are_the_table_in_points_around_zero() -> None:
    shown = GapByDepth(gaps())
    figure, table = shown.figure(), shown.table()
    assert list(named(figure, "tree")[0].y) == table.query("model == 'tree'")["mean"].tolist() == pytest.approx([1.0, 9.0])
    assert "percentage points" in figure.layout.yaxis.title.text
    assert figure.layout.yaxis.range[0] < 0 < figure.layout.yaxis.range[1]


def test_seeds_are_thin_lines() -> None:
    seeds = error_seeds().query("split == 'test'").drop(columns="split")
    assert len(named(GapByDepth(gaps(), seeds, lit=["tree"]).figure(), "seeds")) == 1


def test_sentence_says_where_no_gap_is_shown() -> None:
    sentence = GapByDepth(gaps(), chosen=0, lit=["tree"]).sentence()
    assert "K = 0, chosen on validation" in sentence
    assert "tree 1.0 points [-1.0, 3.0], n = 5 (no difference shown)" in sentence
    assert "no difference shown" not in GapByDepth(gaps(), chosen=2).sentence()
    negative = gaps().assign(mean=-0.09, low=-0.11, high=-0.07)
    assert "no difference shown" not in GapByDepth(negative, chosen=0).sentence()
    assert "no difference shown" not in GapByDepth(gaps(1), chosen=0).sentence()
