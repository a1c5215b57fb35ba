import pytest

from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.overfitting.leaf_use_by_depth import LeafUseByDepth
from leafscope.core.usage.leaf_use import MEASURES
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from tests.app.figures.drawn import named
from tests.app.figures.overfitting.tables import errors, leaf_chance, leaf_use

LIT = ["tree", "flat", "dense"]


def test_lines_and_chance_levels_are_those_of_the_tables() -> None:
    chance = leaf_chance()
    shown = LeafUseByDepth(leaf_use(), chance=chance, lit=LIT)
    figure, table = shown.figure(), shown.table()
    assert list(named(figure, "tree")[0].y) == [1.0, 2.5, 4.0]
    for level, dash in ((INDEPENDENT_BITS, "dot"), (HYPERPLANES, "dash")):
        (line,) = named(figure, level.name)
        assert list(line.x) == [0, 1, 2]
        assert list(line.y) == chance[level].sort_values("depth")["mean"].tolist()
        assert line.line.dash == dash
        assert table[table["model"] == level.name]["mean"].tolist() == list(line.y)
    low, high = figure.layout.yaxis.range
    assert low <= min(table["low"])
    assert high >= 4.2
    labels = [note.text for note in figure.layout.annotations]
    assert any("random hyperplanes" in text.replace("<br>", " ") for text in labels)
    assert "dotted: mean under independent bits" in figure.layout.meta["subtitle"]


def test_the_axis_of_depths_is_that_of_the_error_curve() -> None:
    axis, other = (
        one.figure().layout.xaxis for one in (LeafUseByDepth(leaf_use(), chance=leaf_chance()), ErrorByDepth(errors()))
    )
    assert (axis.range, axis.title.text) == (other.range, other.title.text)


def test_the_range_of_chance_is_within_the_axis() -> None:
    wide = {level: table.assign(high=40.0) for level, table in leaf_chance().items()}
    assert LeafUseByDepth(leaf_use(), chance=wide).figure().layout.yaxis.range[1] >= 40


def test_sentence_compares_with_hyperplanes_where_they_are_known() -> None:
    chance = leaf_chance()
    said = LeafUseByDepth(leaf_use(), chosen=1, lit=["tree"], chance=chance).sentence()
    assert said == (
        "Effective leaves at K = 1, chosen on validation: tree 2.50 leaves [2.30, 2.70], n = 5. Random hyperplanes on the same "
        "rows would give 1.56 leaves [0.950, 1.80]."
    )
    bits = {INDEPENDENT_BITS: chance[INDEPENDENT_BITS], HYPERPLANES: chance[HYPERPLANES].query("depth == 0")}
    said = LeafUseByDepth(leaf_use(), lit=["tree"], chance=bits).sentence()
    assert said.endswith("Independent bits would give 3.90 leaves [3.80, 4.00] at K = 2.")
    assert "would give" not in LeafUseByDepth(leaf_use(), chosen=9, chance=chance).sentence()
    assert LeafUseByDepth(leaf_use().iloc[:0], chance=chance).sentence() == "No leaves of these models are counted yet."


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_has_its_unit(measure: str) -> None:
    shown = LeafUseByDepth(leaf_use(), measure=measure, lit=LIT, chance=leaf_chance())
    factor = 100 if MEASURES[measure].unit == "percent" else 1
    assert list(named(shown.figure(), "tree")[0].y) == pytest.approx([factor * 1.0, factor * 2.5, factor * 4.0])
    assert named(shown.figure(), "independent bits")[0].y[2] == pytest.approx(factor * 3.9)
    assert set(shown.table()["unit"]) == {MEASURES[measure].unit}
    assert MEASURES[measure].title in shown.figure().layout.title.text


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(ValueError, match=r"measure must be one of effective_leaves, .*, got 'gini'"):
        LeafUseByDepth(leaf_use(), measure="gini")
    with pytest.raises(ValueError, match=r"independent bits must have the columns .* but low is missing"):
        LeafUseByDepth(leaf_use(), chance={INDEPENDENT_BITS: leaf_chance()[INDEPENDENT_BITS].drop(columns="low")})
