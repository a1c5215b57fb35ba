"""What is written of the claims: both directions in the same words, bold by its own family, and an SVG of all that is shown."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from leafscope.app.claims.figure import results_figure
from leafscope.app.claims.page import END, START, Cell, between_marks, results_page
from leafscope.app.claims.words import counts_words, difference_cell, short_sentences, three_sentences
from leafscope.core.claims.judging import Judged
from leafscope.core.comparison.intervals import Difference
from tests.core.claims.tables import Errors, table

KEY = ("tree", "")


def one(mean: float, *, shown: bool = False, same: bool = False) -> Judged:
    return Judged(KEY, ("dense", ""), 2, None, Difference(mean, mean - 0.02, mean + 0.02, 20, 0.01), same, shown)


def errors(tree: float, dense: float) -> Errors:
    def spread(mean: float, phase: int) -> list[float]:
        return [mean + 0.002 * ((place * phase) % 5) for place in range(6)]

    return {
        ("tree", "", 0): spread(dense, 1), ("tree", "", 2): spread(tree, 2), ("flat", "", 2): spread(0.3, 3),
        ("dense", "", None): spread(dense, 1), ("dense_ladder", "w16", None): spread(0.1, 2),
        ("dense_capacity", "", 0): spread(dense, 1), ("dense_capacity", "", 2): spread(0.15, 3),
    }  # fmt: skip


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    found = []
    for name, tree in (("wins", 0.2), ("a|b <loses>", 0.4)):
        results = table(errors(tree, 0.3), first_seed=5).assign(chosen_on="0, 1")
        choices = table({key: [0.0] * 6 if key == ("tree", "", 2) else values for key, values in errors(tree, 0.3).items()})
        found.append(Cell.of(name, 8, results, choices))
    return found


def test_a_cell_is_bold_if_shown_and_says_when_both_are_the_same_net() -> None:
    assert difference_cell(one(-0.05, shown=True)) == "**-5.0 [-7.0, -3.0]**"
    assert difference_cell(one(0.05, shown=True)) == "**+5.0 [+3.0, +7.0]**"
    assert difference_cell(one(0.01)) == "+1.0 [-1.0, +3.0]"
    assert difference_cell(one(0.0, same=True)) == "the same net (K = 2)"
    assert difference_cell(Judged(KEY, KEY, 2, None, Difference(*[float("nan")] * 3, 0, float("nan")))) == "not trained"


def test_both_directions_and_none_have_the_same_words() -> None:
    found = [("a", one(-0.1, shown=True)), ("b", one(0.1, shown=True)), ("c", one(0.1)), ("d", one(0.0, same=True))]
    assert counts_words(found) == "lower on 1 (a), higher on 1 (b), the same net on 1, no difference shown on 1"
    assert counts_words(found[2:3]) == "lower on 0, higher on 0, no difference shown on 1"


def test_sentences_say_wins_and_losses(cells: list[Cell]) -> None:
    said = three_sentences([(cell.name, cell.models) for cell in cells])
    assert len(said) == 3
    assert "the tree is lower on 1 (wins), higher on 1 (a|b <loses>), no difference shown on 0." in said[0]
    assert "equal capacity, both at the tree's own K, over 2 data sets: the tree is lower on 0, higher on 2" in said[1]
    assert "beside the flat net lower on 1 (wins), higher on 1" in said[2]


def test_the_short_sentences_count_both_signs_in_at_most_25_words(cells: list[Cell]) -> None:
    said = short_sentences([(cell.name, cell.models) for cell in cells])
    assert said == [
        "Beside the dense net of equal computation, the tree has a lower test error on 1 of 2 data sets, a higher one on 1.",
        "Beside the dense net of equal capacity, the tree has a lower test error on none of 2 data sets, a higher one on 2.",
        "In 2 comparisons with 1 control, such as the flat net, the tree has a lower test error in 1, a higher one in 1.",
    ]
    straight = ("tree", "straight_through")
    names = [(f"data set {number}", cells[number % 2].models) for number in range(8)]
    both = []
    for name, models in names:
        second = [replace(own, minus=own.minus | {straight: next(iter(own.minus.values()))}) for own in models if own.minus]
        both.append((name, [*second, *(own for own in models if not own.minus), replace(models[0], key=straight, minus={})]))
    said = short_sentences(both)
    assert said[0].endswith("The tree with straight-through gates has a lower one on 4, a higher one on 4.")
    assert max(len(sentence.split()) for one in said for sentence in re.split(r"(?<=\.) ", one)) <= 25


def test_what_is_bold_on_one_data_set_depends_on_no_other(cells: list[Cell]) -> None:
    alone, both = (results_page(some, "x.svg", []) for some in (cells[:1], cells))
    section = alone[alone.index("## wins, width 8") :].strip()
    assert section in both


def test_the_figure_is_an_svg_with_a_mark_for_each_difference(cells: list[Cell]) -> None:
    root = ElementTree.fromstring(results_figure([(cell.name, cell.models) for cell in cells]))
    marks = [element for element in root.iter() if element.tag.endswith("circle") and element.get("stroke-width")]
    assert len(marks) == 2 * 3 + 1  # two data sets, three models that have a panel, and the legend
    words = "".join(root.itertext())
    assert "a|b <loses>" in words
    assert re.search(r"-9\.\d points|-10\.\d points", words)


def test_only_what_is_between_the_marks_changes() -> None:
    text = f"a\n{START}\nold\n{END}\nb"
    new = between_marks(text, ["One.", "Two."], "x.svg", "x.md")
    assert new.startswith(f"a\n{START}\n\nOne.\n\nTwo.\n\n![")
    assert new.endswith(f"\n\n{END}\nb")
    assert between_marks(new, ["One.", "Two."], "x.svg", "x.md") == new
    with pytest.raises(ValueError, match="must have the lines"):
        between_marks(f"{END} {START}", [], "", "")
