"""Leaf loads of several runs side by side."""

from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.loads_beside import LoadsBeside
from leafscope.app.theme import Look

NAN = float("nan")
EVIL = "<b>x</b> ![i](http://e.example) \u202e" + "long " * 2000


def loads(*counts: Any) -> LoadsBeside:
    return LoadsBeside([f"run {run}" for run in range(len(counts))], counts)


def strips(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_strips_are_equally_wide_and_share_one_scale_from_zero() -> None:
    """Whatever the depth; colour is the share of the run's rows."""
    figure = loads([3, 1], [0, 0, 0, 10]).figure()
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
    (bars,) = (trace for trace in loads([0, 0, 5, 0]).figure().data if trace.type == "bar")
    begin = np.asarray(bars.x) - np.asarray(bars.width) / 2
    assert list(zip(begin, bars.width)) == [(0, 0.5), (0.75, 0.25)]
    assert bars.marker.pattern.shape == "/"
    assert bars.hovertext[0] == "run 0<br>2 leaves, 0 0 to 0 1<br>no training row"


def test_many_leaves_are_summed_and_this_is_said() -> None:
    """Nothing is lost."""
    n = np.arange(2048)
    figure = loads(n).figure()
    shares = np.asarray(strips(figure)[0].z)[0]
    assert shares.shape == (512,)
    assert shares[1] == pytest.approx((4 + 5 + 6 + 7) / n.sum())
    assert np.nansum(shares) == pytest.approx(1)
    assert "of more than 512 leaves, neighbours are summed" in figure.layout.meta["subtitle"]
    assert len(loads(n).table()) == 2048


def test_statistics_are_beside_each_strip() -> None:
    """Effective leaves, Gini and the unused share, at the height of the strip."""
    notes = loads([3, 1], [5, 0, 5, 0]).figure().layout.annotations
    assert [note.text for note in notes if note.y == 1 and note.yref != "paper"] == ["2.00 of 4", "0.50", "50.0 %"]
    assert all(note.x <= 1 for note in notes)


def test_at_most_twelve_runs_are_drawn_and_this_is_said() -> None:
    """The table has all."""
    many = loads(*[[1, 2]] * 14)
    figure = many.figure()
    assert len(strips(figure)) == 12
    assert "the first 12 of 14 runs" in figure.layout.meta["subtitle"]
    assert len(many.table()) == 28


def test_loads_sentence_and_table() -> None:
    """The run without rows is not ranked."""
    beside = loads([4, 4], [8, 0], [0, 0])
    assert beside.sentence() == (
        "Of 2 runs, run 0 has the most effective leaves for the training rows (2.00 of 2, 0.0 % unused) and run 1 the fewest "
        "(1.00 of 2, 50.0 % unused)."
    )
    assert loads([4, 4], [1, 1]).sentence().startswith("All 2 runs have the same effective leaves")
    table = beside.table()
    assert table["share"].tolist() == pytest.approx([0.5, 0.5, 1, 0, NAN, NAN], nan_ok=True)
    assert table["pattern"].tolist() == ["0", "1"] * 3


@pytest.mark.parametrize("counts", [[], [[0, 0]]])
def test_no_rows_says_so(counts: list[list[int]]) -> None:
    """No exception."""
    assert len(loads(*counts).figure().data) == 0
    assert loads(*counts).sentence().startswith("There are no")
    assert len(loads(*counts).table()) == 2 * len(counts)


def test_names_that_are_cut_alike_keep_their_ends() -> None:
    """Else seeds could not be told apart."""
    beside = LoadsBeside([f"a tree of a very long name, seed {seed}" for seed in (1, 2)], [[1, 1], [1, 1]])
    labels = beside.figure(look=Look(projector=True)).layout.yaxis.ticktext
    assert [label[-1] for label in labels] == ["1", "2"]
    assert all(len(label) <= 14 for label in labels)


def test_hostile_names_are_shown_as_text_and_cut() -> None:
    """In labels and hover."""
    figure = LoadsBeside([EVIL], [[1, 0]], split=EVIL).figure()
    said = [strips(figure)[0].hovertext[0][0], figure.layout.yaxis.ticktext[0], figure.layout.title.text]
    assert all("<b>" not in text and "\u202e" not in text and len(text) < 700 for text in said)
    assert theme.escape("<b>x</b>") in said[0]


def test_loads_must_fit() -> None:
    """The message says which run."""
    with pytest.raises(ValueError, match=r"counts of run 1 must have 2\^depth = 4 entries, got shape \(3,\)"):
        loads([1, 1], [1, 1, 1])
    with pytest.raises(ValueError, match=r"names must have one entry for each of the 1 runs, got 2"):
        LoadsBeside(["a", "b"], [[1, 1]])
