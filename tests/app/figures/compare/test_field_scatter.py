"""Scatter of two fields of runs."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from leafscope.app import theme
from leafscope.app.figures.compare.columns import read_column
from leafscope.app.figures.compare.field_scatter import Field, FieldScatter, rank_correlation
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.app.theme import Look

EVIL = "<b>x</b> ![i](http://e.example) \u202e" + "long " * 2000


def scatter(x: Any, y: Any, groups: int = 1, *, log_x: bool = False, log_y: bool = False, **other: Any) -> FieldScatter:
    n = len(x)
    runs: dict[str, Any] = {
        "group": [run % groups for run in range(n)],
        "styles": group_styles([f"group {place}" for place in range(groups)]),
        "names": [f"run {run}" for run in range(n)],
        "run_ids": [f"id{run}" for run in range(n)],
    }
    return FieldScatter(Field("depth", x, log_x), Field("error", y, log_y), **runs | other)


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=30))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    """SciPy is the oracle, ties included."""
    x, y = np.array(pairs, dtype=np.float64).T
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(rank_correlation(x, y))
    else:
        assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_every_run_is_a_marker_of_its_group_and_carries_its_id() -> None:
    """A click tells the run."""
    figure = scatter([1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0], groups=2).figure()
    assert [list(trace.customdata) for trace in figure.data] == [["id0", "id2"], ["id1", "id3"]]
    assert [list(trace.x) for trace in figure.data] == [[1, 3], [2, 4]]
    assert len({(trace.marker.color, trace.marker.symbol) for trace in figure.data}) == 2
    assert figure.layout.showlegend


def test_missing_values_and_those_a_log_axis_cannot_show_are_left_out_and_said() -> None:
    """NaN, None, infinity and an empty text are no value; 0 has no logarithm."""
    runs: Any = ([1.0, math.nan, 0.0, 10.0, None], [1.0, 2.0, 3.0, 4.0, math.inf])
    figure = scatter(*runs, log_x=True).figure()
    assert list(figure.data[0].customdata) == ["id0", "id3"]
    assert figure.layout.xaxis.type == "log"
    assert "2 runs without a value left out" in figure.layout.meta["subtitle"]
    assert "1 run at 0 or below left out of a log axis" in figure.layout.meta["subtitle"]
    assert list(scatter(*runs).figure().data[0].customdata) == ["id0", "id2", "id3"]


def test_words_are_spread_so_that_no_marker_hides_another() -> None:
    """All stay near their word, the first on it, in the same place each time."""
    runs = scatter(["b"] * 30 + ["a"], [1.0] * 31)
    trace = runs.figure().data[0]
    x = np.asarray(trace.x)
    assert len(set(x)) == 31
    assert np.abs(x[:30] - 1).max() < 0.5
    assert x[0] == 1
    assert x[30] == 0
    assert np.array_equal(x, runs.figure().data[0].x)
    assert list(trace.y) == [1.0] * 31


def test_words_with_numbers_are_in_the_order_of_the_numbers() -> None:
    """Of equal numbers and of huge ones too."""
    assert read_column(["K = 16", "K = 8", "K = 08", "K = 8"]).categories == ("K = 08", "K = 8", "K = 16")
    assert read_column(["9" * 9000, "1" + "0" * 9000, True]).categories == ("9" * 9000, "1" + "0" * 9000, "True")


def test_sentence() -> None:
    """A correlation only where ranks have one."""
    assert scatter([1, 2, 3], [1, 2, 3]).sentence() == "Error against depth: rank correlation 1.00 over 3 runs."
    assert "2 runs, too few for a rank correlation" in scatter([1, 2, math.nan], [1, 2, 3]).sentence()
    assert "no rank correlation, since error is the same in all 3 runs" in scatter([1, 2, 3], [5, 5, 5]).sentence()
    assert "3 runs with 2 different values of depth" in scatter(["a", "b", "a"], [1, 2, 3]).sentence()
    assert scatter([0, -1], [1, 2], log_x=True).sentence() == "No run has a value above 0, which a log axis needs."


def test_table_lists_all_runs() -> None:
    """Also those without a value."""
    table = scatter([1, None], ["w", None]).table()
    assert table.columns.tolist() == ["name", "run_id", "group", "x", "y"]
    assert table["y"].tolist() == ["w", None]
    assert table["run_id"].tolist() == ["id0", "id1"]
    assert math.isnan(table["x"][1])


@pytest.mark.parametrize("x", [[], [math.nan, None]])
def test_nothing_to_show_says_so(x: list[Any]) -> None:
    """No exception."""
    shown = scatter(x, [1.0] * len(x), log_y=True)
    assert len(shown.figure().data) == 0
    why = "There are no runs to show." if not x else "No run has a value in both fields."
    assert shown.figure().layout.annotations[0].text == shown.sentence() == why


def test_hostile_text_is_shown_as_text_and_cut() -> None:
    """In the title, the legend, the ticks and the hover."""
    x, y = Field(EVIL, [EVIL, "b"]), Field(EVIL, [1.0, 2.0])
    shown_runs = FieldScatter(x, y, [0, 1], group_styles([EVIL, "other"]), names=[EVIL, EVIL], run_ids=["a", "b"])
    figure = shown_runs.figure(subject="<i>", look=Look(projector=True))
    shown = [figure.layout.title.text, *figure.layout.xaxis.ticktext, figure.data[0].name, *figure.data[0].hovertext]
    assert all("<b>" not in text and "\u202e" not in text and len(text) < 600 for text in shown)
    assert theme.escape("<b>x</b>") in figure.data[0].hovertext[0]


def test_lists_must_fit() -> None:
    """The message says what was given."""
    with pytest.raises(ValueError, match=r"y must have one entry for each of the 2 runs of x, got 1"):
        scatter([1, 2], [1])
    with pytest.raises(ValueError, match=r"group must be from 0 to 0, a place in styles, got 1"):
        scatter([1, 2], [1, 2], group=[0, 1])
