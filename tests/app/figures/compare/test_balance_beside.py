"""Statistics of balance of several runs side by side."""

from typing import Any

import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.balance_beside import BalanceBeside
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS

NAN = float("nan")
EVIL = "<b>x</b> ![i](http://e.example) \u202e" + "long " * 2000
STYLE = group_styles(["x"])


BESIDE: dict[str, Any] = {
    "names": ["a", "b", "c"],
    "styles": STYLE * 3,
    "values": {"effective leaves": [3.0, 5.0, NAN], "Gini": [0.5, 0.2, 0.3]},
    "chance": {INDEPENDENT_BITS: {"Gini": [(0.2, 0.1, 0.3)] * 3}},
}


def test_each_statistic_is_a_panel_with_a_dot_a_run_and_bars_of_chance_behind() -> None:
    """In one order of runs, missing ones left out."""
    figure = BalanceBeside(**BESIDE).figure()
    dots = [trace for trace in figure.data if trace.type == "scatter" and "under" not in trace.name]
    assert [list(zip(trace.x, trace.y)) for trace in dots] == [[(3, 0), (5, 1)], [(0.5, 0), (0.2, 1), (0.3, 2)]]
    (bars,) = (trace for trace in figure.data if trace.type == "bar")
    assert (bars.xaxis, list(bars.y), list(bars.base)) == ("x2", [0, 1, 2], [0.1] * 3)
    assert list(bars.x) == pytest.approx([0.2] * 3)
    assert list(figure.data).index(bars) < list(figure.data).index(dots[1])
    assert figure.layout.yaxis.range == (3.5, -0.5)


def test_both_levels_have_bars_and_the_sentence_counts_by_hyperplanes_where_they_are_known() -> None:
    """The wide bar lies below the thin one."""
    unknown = (NAN, NAN, NAN)
    levels = BESIDE["chance"] | {HYPERPLANES: {"Gini": [(0.45, 0.4, 0.6), unknown, (0.45, 0.4, 0.6)]}}
    shown = BalanceBeside(**BESIDE | {"chance": levels})
    bars = [trace for trace in shown.figure().data if trace.type == "bar"]
    assert [(list(bar.y), bar.name) for bar in bars] == [
        ([0, 2], "range under random hyperplanes on the same rows"),
        ([0, 1, 2], "range under independent bits"),
    ]
    assert bars[0].width > bars[1].width
    assert shown.sentence().endswith("outside the range under random hyperplanes on the same rows in 1 of 2 runs.")


def test_groups_have_a_legend_only_where_they_differ() -> None:
    """Colour and marker, each group once."""
    styles = group_styles(["x", "y"])
    figure = BalanceBeside(**BESIDE | {"styles": [styles[0], styles[1], styles[0]]}).figure()
    assert [trace.name for trace in figure.data if trace.showlegend] == ["x", "y"]
    assert figure.layout.showlegend
    assert not BalanceBeside(**BESIDE).figure().layout.showlegend


def test_what_has_no_room_is_said() -> None:
    """Runs and panels."""
    names, values = [f"r{run}" for run in range(60)], {f"s{one}": [1.0] * 60 for one in range(30)}
    many = BalanceBeside(names, STYLE * 60, values).figure()
    panels = len(many.data)
    assert panels < 30
    drawn = len(many.data[0].x)
    assert drawn < 60
    assert f"the first {drawn} of 60 runs; the first {panels} of 30 statistics" in many.layout.meta["subtitle"]


def test_balance_sentence_and_table() -> None:
    """On the edge of the range is inside."""
    assert BalanceBeside(**BESIDE).sentence() == (
        "Effective leaves is from 3.00 (a) to 5.00 (b); Gini is from 0.200 (b) to 0.500 (a), outside the range under "
        "independent bits in 1 of 3 runs."
    )
    table = BalanceBeside(**BESIDE).table()
    assert table["statistic"].tolist() == ["effective leaves"] * 3 + ["Gini"] * 3
    assert table["bits_high"].tolist() == pytest.approx([NAN] * 3 + [0.3] * 3, nan_ok=True)


def test_no_statistic_says_so() -> None:
    """No exception."""
    assert len(BalanceBeside([], [], {}).figure().data) == 0
    assert BalanceBeside([], [], {}).sentence() == "There are no runs to show."
    unknown = BalanceBeside(["a"], STYLE, {"Gini": [NAN]})
    assert len(unknown.figure().data) == 0
    assert unknown.sentence() == "No statistic is known for these runs."


def test_values_must_fit() -> None:
    """The message says which statistic."""
    with pytest.raises(ValueError, match=r"values of 'Gini' must have one entry for each of the 1 runs, got 2"):
        BalanceBeside(["a"], STYLE, {"Gini": [0.1, 0.2]})
    with pytest.raises(ValueError, match=r"chance must be of statistics in values, got 'x'"):
        BalanceBeside(["a"], STYLE, {"Gini": [0.1]}, {INDEPENDENT_BITS: {"x": [(0, 0, 0)]}})
    with pytest.raises(ValueError, match=r"styles must have one entry for each of the 1 runs, got 2"):
        BalanceBeside(["a"], STYLE * 2, {"Gini": [0.1]})


def test_hostile_names_are_shown_as_text_and_cut() -> None:
    """In labels and hover."""
    dots = BalanceBeside([EVIL], group_styles([EVIL]), {EVIL: [1.0]}).figure()
    said = [dots.data[0].hovertext[0], dots.layout.yaxis.ticktext[0], dots.layout.xaxis.title.text]
    assert all("<b>" not in text and "\u202e" not in text and len(text) < 700 for text in said)
    assert theme.escape("<b>x</b>") in said[0]
