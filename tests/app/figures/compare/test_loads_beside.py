"""Leaf loads and balance of several runs side by side."""

import math
from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.loads_beside import (
    balance_beside,
    balance_beside_sentence,
    balance_beside_table,
    loads_beside,
    loads_beside_sentence,
    loads_beside_table,
)
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.app.theme import Look
from leafscope.core.usage.evenness import balance

NAN = float("nan")
EVIL = "<b>x</b> ![i](http://e.example) \u202e" + "long " * 2000


def loads(*counts: Any) -> dict[str, Any]:
    return {
        "counts": counts,
        "depths": [int(math.log2(len(n))) for n in counts],
        "names": [f"run {run}" for run in range(len(counts))],
        "stats": [balance(n) for n in counts],
    }


def strips(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_strips_are_equally_wide_and_share_one_scale_from_zero() -> None:
    """Whatever the depth; colour is the share of the run's rows."""
    figure = loads_beside(**loads([3, 1], [0, 0, 0, 10]))
    first, second = strips(figure)
    assert (first.x[0], first.x[-1], second.x[0], second.x[-1]) == (0, 1, 0, 1)
    assert np.asarray(first.z).ravel() == pytest.approx([0.75, 0.25])
    assert np.asarray(second.z).ravel() == pytest.approx([NAN, NAN, NAN, 1.0], nan_ok=True)
    assert {first.coloraxis, second.coloraxis} == {"coloraxis"}
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    assert figure.layout.coloraxis.colorbar.title.side == "top"  # below the bar it stands between the ticks
    assert [list(cell) for cell in first.customdata[0]] == [[0, 0], [0, 1]]


def test_unused_leaves_are_hatched_where_they_are() -> None:
    """Neighbours in one stretch."""
    (bars,) = (trace for trace in loads_beside(**loads([0, 0, 5, 0])).data if trace.type == "bar")
    begin = np.asarray(bars.x) - np.asarray(bars.width) / 2
    assert list(zip(begin, bars.width)) == [(0, 0.5), (0.75, 0.25)]
    assert bars.marker.pattern.shape == "/"
    assert bars.hovertext[0] == "run 0<br>2 leaves, 0 0 to 0 1<br>no training row"


def test_many_leaves_are_summed_and_this_is_said() -> None:
    """Nothing is lost."""
    n = np.arange(2048)
    figure = loads_beside(**loads(n))
    shares = np.asarray(strips(figure)[0].z)[0]
    assert shares.shape == (512,)
    assert shares[1] == pytest.approx((4 + 5 + 6 + 7) / n.sum())
    assert np.nansum(shares) == pytest.approx(1)
    assert "of more than 512 leaves, neighbours are summed" in figure.layout.meta["subtitle"]
    assert len(loads_beside_table(**loads(n))) == 2048


def test_statistics_stand_beside_each_strip() -> None:
    """Effective leaves, Gini and the unused share, at the height of the strip."""
    notes = loads_beside(**loads([3, 1], [5, 0, 5, 0])).layout.annotations
    assert [note.text for note in notes if note.y == 1 and note.yref != "paper"] == ["2.00 of 4", "0.50", "50.0 %"]
    assert all(note.x <= 1 for note in notes)


def test_at_most_twelve_runs_are_drawn_and_this_is_said() -> None:
    """The table has all."""
    many = loads(*[[1, 2]] * 14)
    figure = loads_beside(**many)
    assert len(strips(figure)) == 12
    assert "the first 12 of 14 runs" in figure.layout.meta["subtitle"]
    assert len(loads_beside_table(**many)) == 28


def test_loads_sentence_and_table() -> None:
    """The run without rows is not ranked."""
    beside = loads([4, 4], [8, 0], [0, 0])
    assert loads_beside_sentence(**beside) == (
        "Of 2 runs, run 0 has the most effective leaves for the training rows (2.00 of 2, 0.0 % unused) and run 1 the fewest "
        "(1.00 of 2, 50.0 % unused)."
    )
    assert loads_beside_sentence(**loads([4, 4], [1, 1])).startswith("All 2 runs have the same effective leaves")
    table = loads_beside_table(**beside)
    assert table["share"].tolist() == pytest.approx([0.5, 0.5, 1, 0, NAN, NAN], nan_ok=True)
    assert table["pattern"].tolist() == ["0", "1"] * 3


@pytest.mark.parametrize("counts", [[], [[0, 0]]])
def test_no_rows_says_so(counts: list[list[int]]) -> None:
    """No exception."""
    assert len(loads_beside(**loads(*counts)).data) == 0
    assert loads_beside_sentence(**loads(*counts)).startswith("There are no")
    assert len(loads_beside_table(**loads(*counts))) == 2 * len(counts)


def test_names_that_are_cut_alike_keep_their_ends() -> None:
    """Else seeds could not be told apart."""
    beside = loads([1, 1], [1, 1]) | {"names": [f"a tree of a very long name, seed {seed}" for seed in (1, 2)]}
    labels = loads_beside(**beside, look=Look(projector=True)).layout.yaxis.ticktext
    assert [label[-1] for label in labels] == ["1", "2"]
    assert all(len(label) <= 14 for label in labels)


def test_hostile_names_are_shown_as_text_and_cut() -> None:
    """In labels and hover of both figures."""
    figure = loads_beside(**loads([1, 0]) | {"names": [EVIL]}, split=EVIL)
    said = [strips(figure)[0].hovertext[0][0], figure.layout.yaxis.ticktext[0], figure.layout.title.text]
    dots = balance_beside(names=[EVIL], values={EVIL: [1.0]}, styles=group_styles([EVIL]))
    said += [dots.data[0].hovertext[0], dots.layout.yaxis.ticktext[0], dots.layout.xaxis.title.text]
    assert all("<b>" not in text and "\u202e" not in text and len(text) < 700 for text in said)
    assert theme.escape("<b>x</b>") in said[0]


def test_loads_must_fit() -> None:
    """The message says which run."""
    with pytest.raises(ValueError, match=r"counts of run 0 must have 2\^depth = 4 entries, got shape \(2,\)"):
        loads_beside(**loads([1, 1]) | {"depths": [2]})
    with pytest.raises(ValueError, match=r"names must have one entry for each of the 1 runs, got 2"):
        loads_beside(**loads([1, 1]) | {"names": ["a", "b"]})


BESIDE: dict[str, Any] = {
    "names": ["a", "b", "c"],
    "values": {"effective leaves": [3.0, 5.0, NAN], "Gini": [0.5, 0.2, 0.3]},
    "chance": {"Gini": [(0.2, 0.1, 0.3)] * 3},
}


def test_each_statistic_is_a_panel_with_a_dot_a_run_and_bars_of_chance_behind() -> None:
    """In one order of runs, missing ones left out."""
    figure = balance_beside(**BESIDE)
    dots = [trace for trace in figure.data if trace.type == "scatter" and "random" not in trace.name]
    assert [list(zip(trace.x, trace.y)) for trace in dots] == [[(3, 0), (5, 1)], [(0.5, 0), (0.2, 1), (0.3, 2)]]
    (bars,) = (trace for trace in figure.data if trace.type == "bar")
    assert (bars.xaxis, list(bars.y), list(bars.base)) == ("x2", [0, 1, 2], [0.1] * 3)
    assert list(bars.x) == pytest.approx([0.2] * 3)
    assert list(figure.data).index(bars) < list(figure.data).index(dots[1])
    assert figure.layout.yaxis.range == (3.5, -0.5)


def test_groups_have_a_legend_only_where_they_differ() -> None:
    """Colour and marker, each group once."""
    styles = group_styles(["x", "y"])
    figure = balance_beside(**BESIDE, styles=[styles[0], styles[1], styles[0]])
    assert [trace.name for trace in figure.data if trace.showlegend] == ["x", "y"]
    assert figure.layout.showlegend
    assert not balance_beside(**BESIDE, styles=[styles[0]] * 3).layout.showlegend


def test_what_has_no_room_is_said() -> None:
    """Runs and panels."""
    many = balance_beside(names=[f"r{run}" for run in range(60)], values={f"s{one}": [1.0] * 60 for one in range(30)})
    panels = len(many.data)
    assert panels < 30
    drawn = len(many.data[0].x)
    assert drawn < 60
    assert f"the first {drawn} of 60 runs; the first {panels} of 30 statistics" in many.layout.meta["subtitle"]


def test_balance_sentence_and_table() -> None:
    """On the edge of the range is inside."""
    assert balance_beside_sentence(**BESIDE) == (
        "Effective leaves is from 3.00 (a) to 5.00 (b); Gini is from 0.200 (b) to 0.500 (a), outside the range under random "
        "routing in 1 of 3 runs."
    )
    table = balance_beside_table(**BESIDE)
    assert table["statistic"].tolist() == ["effective leaves"] * 3 + ["Gini"] * 3
    assert table["chance_high"].tolist() == pytest.approx([NAN] * 3 + [0.3] * 3, nan_ok=True)


def test_no_statistic_says_so() -> None:
    """No exception."""
    assert len(balance_beside(names=[], values={}).data) == 0
    assert len(balance_beside(names=["a"], values={"Gini": [NAN]}).data) == 0
    assert balance_beside_sentence(names=["a"], values={"Gini": [NAN]}) == "No statistic is known for these runs."


def test_values_must_fit() -> None:
    """The message says which statistic."""
    with pytest.raises(ValueError, match=r"values of 'Gini' must have one entry for each of the 1 runs, got 2"):
        balance_beside(names=["a"], values={"Gini": [0.1, 0.2]})
    with pytest.raises(ValueError, match=r"chance must be of statistics in values, got 'x'"):
        balance_beside(names=["a"], values={"Gini": [0.1]}, chance={"x": [(0, 0, 0)]})
