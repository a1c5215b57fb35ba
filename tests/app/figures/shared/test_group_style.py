"""How groups of runs are drawn."""

import pytest

from leafscope.app import theme
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.app.theme import Look


@pytest.mark.parametrize("dark", [False, True])
def test_groups_are_told_apart_and_read_against_the_background(dark: bool) -> None:
    """No two look the same, and each colour stands out, by palette and by ramp."""
    words = [f"group {number}" for number in range(24)]
    look = Look(dark=dark)
    for styles in (group_styles(words, look=look), group_styles(words, numbers=list(range(24)), look=look)):
        assert len({(style.colour, style.marker) for style in styles}) == 24
        assert all(theme.contrast(style.colour, theme.BACKGROUND[dark]) >= 2.9 for style in styles)
        assert [style.words for style in styles] == words


def test_a_slot_keeps_its_colour_while_others_come_and_go() -> None:
    """The style depends on the slot alone."""
    assert group_styles(["b"], slots=[1]) == group_styles(["a", "b", "c"])[1:2]


def test_a_number_is_a_place_on_a_ramp_whatever_the_order() -> None:
    """The order of the groups does not change the colour of a number."""
    colours = {style.words: style.colour for style in group_styles(["2", "0", "8"], numbers=[2, 0, 8])}
    again = {style.words: style.colour for style in group_styles(["0", "2", "8"], numbers=[0, 2, 8])}
    assert colours == again
    assert len(set(colours.values())) == 3


def test_models_keep_their_colours_only_where_each_group_is_one() -> None:
    """Two groups of one model cannot share its colour."""
    assert group_styles(["a", "b"], models=["tree", "dense"])[1].colour == theme.NEUTRAL[False]
    assert group_styles(["a", "b"], models=["tree", "tree"]) == group_styles(["a", "b"])
    with pytest.raises(ValueError, match=r"models must have one entry for each of the 2 groups, got 1"):
        group_styles(["a", "b"], models=["tree"])
