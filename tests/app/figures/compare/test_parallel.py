"""Parallel coordinates of runs."""

import math
from typing import Any

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.parallel import MISSING_TICK, ParallelCoordinates
from leafscope.app.figures.compare.scores import Score
from leafscope.app.theme import Look

EVIL = "<b>x</b> ![i](http://e.example) \u202e" + "long " * 2000
RUNS: dict[str, Any] = {
    "columns": {"depth": [2, 5, None, 3], "model": ["tree", "flat", "tree", None], "rate": [0.001, 1.0, 0.1, 0.01]},
    "score": [0.3, 0.2, 0.1, math.nan],
    "score_title": "validation loss",
    "names": ["a", "b", "c", "d"],
}


def parallel(
    *,
    columns: Any,
    score: Any,
    names: Any,
    score_title: str = "s",
    higher_is_better: bool = False,
    percent: bool = False,
) -> ParallelCoordinates:
    return ParallelCoordinates(columns, score, Score(score_title, percent, higher_is_better), names)


def test_lines_go_from_worst_to_best_and_leave_out_runs_without_a_score() -> None:
    """The best is drawn last, so on top."""
    lower, higher = parallel(**RUNS).figure(), parallel(**RUNS, higher_is_better=True).figure()
    assert list(lower.data[0].dimensions[-1]["values"]) == [0.3, 0.2, 0.1]
    assert list(higher.data[0].dimensions[-1]["values"]) == [0.1, 0.2, 0.3]
    assert list(lower.data[0].line.color) == [0.3, 0.2, 0.1]
    assert "1 without validation loss left out" in lower.layout.meta["subtitle"]


def test_missing_values_have_a_tick_below_all_others() -> None:
    """And within the axis."""
    depth = parallel(**RUNS).figure().data[0].dimensions[0]
    assert depth.ticktext[0] == MISSING_TICK
    assert depth["values"][2] == depth.tickvals[0] == depth.range[0]
    assert depth.tickvals[0] < min(depth["values"][:2])
    assert list(depth.ticktext[1:]) == ["2", "5"]


def test_words_are_ticks_and_wide_spans_logarithmic() -> None:
    """Plotly puts a line at a number."""
    _, model, rate, _ = parallel(**RUNS).figure().data[0].dimensions
    assert [model.ticktext[int(at)] for at in model["values"]] == ["tree", "flat", "tree"]
    assert rate.label == "rate (log)"
    assert list(rate["values"]) == pytest.approx([-3, 0, -1])
    assert list(rate.ticktext) == ["0.00100", "0.100", "1"]


def test_whole_numbers_have_whole_ticks() -> None:
    """A depth of 3.5 does not exist."""
    columns = {"depth": list(range(12))}
    depth = parallel(columns=columns, score=[1.0] * 12, score_title="s", names=["n"] * 12).figure().data[0].dimensions[0]
    assert all(float(text).is_integer() for text in depth.ticktext)


def test_tick_labels_that_are_cut_alike_stay_apart() -> None:
    """Plotly would put equal ones at one place."""
    words = [f"{'long ' * 10}{number}" for number in range(3)]
    ticks = (
        parallel(columns={"w": words}, score=[1, 2, 3], score_title="s", names=words).figure().data[0].dimensions[0].ticktext
    )
    assert len(set(ticks)) == 3


@pytest.mark.parametrize("look", [Look(), Look(dark=True, projector=True)])
def test_as_many_fields_as_have_room(look: Look) -> None:
    """The rest is said, and the score is always there."""
    columns = {f"field {number}": [1.0, 2.0] for number in range(30)}
    figure = parallel(columns=columns, score=[1.0, 2.0], names=["a", "b"]).figure(look=look)
    count = len(figure.data[0].dimensions) - 1
    assert 1 <= count < 30
    assert figure.data[0].dimensions[-1].label.split("<br>")[-1] == "s"
    assert f"the first {count} of 30 fields" in figure.layout.meta["subtitle"]


def test_sentence_names_the_best_run_and_its_values() -> None:
    """By either direction."""
    assert parallel(**RUNS).sentence() == (
        "Of 3 runs, c has the best validation loss, 0.100: depth none, model tree, rate 0.100."
    )
    assert parallel(**RUNS, higher_is_better=True).sentence().startswith("Of 3 runs, a has the best validation loss, 0.300")
    assert parallel(columns={}, score=[2.0], names=["a"]).sentence() == "The only run, a, has the s, 2."


@pytest.mark.parametrize("look", [Look(), Look(projector=True)])
def test_headings_are_whole_on_two_lines(look: Look) -> None:
    """The score's above all."""
    figure = parallel(**RUNS | {"score_title": "validation accuracy"}).figure(look=look)
    words = figure.data[0].dimensions[-1].label.replace("<br>", " ").replace("\u00a0", "").strip()
    assert words == "validation accuracy"
    lines = figure.data[0].dimensions[-1].label.count("<br>") + 1
    # Plotly has 28 px above an axis, in which only lines of the screen's size fit
    assert figure.data[0].labelside == ("bottom" if look.projector else "top")
    if look.projector:
        assert figure.layout.margin.b >= 28 + (lines - 1) * 1.3 * theme.FONT_SIZE[True]


def test_words_of_the_first_axis_have_room_left_of_it() -> None:
    """A name of 20 characters is whole on a screen."""
    words = ["decision tree pruned", "decision tree"]
    figure = parallel(columns={"model": words, "again": words}, score=[1, 2], names=words).figure()
    first, second, _ = figure.data[0].dimensions
    assert set(first.ticktext) == set(words)
    assert set(second.ticktext) == {"decision tree…", "decision tree"}
    assert figure.layout.margin.l >= 20 * 0.5 * theme.FONT_SIZE[False]


def test_shares_are_written_in_percent() -> None:
    """On the axis of the score and in the sentence; the lines stay where they are, on a linear axis."""
    runs = RUNS | {"score": [0.002, 0.9, 1.0, math.nan]}
    axis = parallel(**runs, percent=True).figure().data[0].dimensions[-1]
    assert list(axis.ticktext) == ["0.2 %", "90.0 %", "100.0 %"]
    assert sorted(axis["values"]) == [0.002, 0.9, 1.0]
    ones = parallel(columns={}, score=[0.0, 1.0] * 4, names=["n"] * 8, percent=True).figure()
    assert list(ones.data[0].dimensions[-1].ticktext) == ["0.0 %", "100.0 %"]
    assert (
        parallel(**runs, higher_is_better=True, percent=True)
        .sentence()
        .startswith("Of 3 runs, c has the best validation loss, 100.0 %: ")
    )


def test_table_keeps_every_value_and_titles_apart() -> None:
    """Also of runs without a score, and where two columns would have one title."""
    table = parallel(**RUNS).table()
    assert table.columns.tolist() == ["name", "depth", "model", "rate", "validation loss"]
    assert table["model"].tolist() == ["tree", "flat", "tree", None]
    assert np.isnan(table["validation loss"][3])
    clash = parallel(columns={"name": ["x"], "s": [1]}, score=[2.0], names=["a"]).table()
    assert clash.columns.tolist() == ["name", "name (2)", "s", "s (2)"]


@pytest.mark.parametrize("score", [[], [math.nan]])
def test_nothing_to_show_says_so(score: list[float]) -> None:
    """No exception."""
    runs: dict[str, Any] = {"columns": {"a": [1] * len(score)}, "score": score, "score_title": "s", "names": ["n"] * len(score)}
    assert len(parallel(**runs).figure().data) == 0
    assert parallel(**runs).sentence() == ("No run has a value of s yet." if score else "There are no runs to show.")


def test_one_run_and_fields_without_any_value() -> None:
    """An axis needs a span."""
    figure = parallel(columns={"a": [None], "b": [3]}, score=[0.5], names=["n"]).figure()
    assert all(axis.range[0] < axis.range[1] for axis in figure.data[0].dimensions)


def test_hostile_text_is_shown_as_text_and_cut() -> None:
    """Plotly renders tags in labels, not in ticks."""
    figure = parallel(columns={EVIL: [EVIL, "b"]}, score=[1, 2], score_title=EVIL, names=[EVIL, "n"]).figure()
    axis = figure.data[0].dimensions[0]
    assert theme.escape("<b>x</b>") in axis.label
    assert len(axis.label) < 120
    assert all(len(text) <= 21 for text in axis.ticktext)
    assert len(parallel(columns={EVIL: [EVIL]}, score=[1], score_title=EVIL, names=[EVIL]).sentence()) < 300


def test_lists_must_fit() -> None:
    """The message says which."""
    with pytest.raises(ValueError, match=r"depth must have one entry for each of the 2 runs, got 1"):
        parallel(columns={"depth": [1]}, score=[1, 2], score_title="s", names=["a", "b"])
