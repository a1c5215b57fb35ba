"""Scores of groups as a dot plot."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.group_scores import MOST_GROUPS, GroupScore, GroupScores
from leafscope.app.figures.shared.group_style import GroupStyle, group_styles
from leafscope.app.theme import Look
from leafscope.core.comparison.intervals import Interval, mean_interval, share_interval

LOOKS = [Look(), Look(dark=True), Look(projector=True)]
HOSTILE = "<img src=x> %{x}\n\u202e" + "w" * 10_000


def scores_of(words: Sequence[str], runs: int = 3) -> list[GroupScore]:
    """Group g: 0.9 - g / 100 at the best epoch, give or take, and 0.05 lower at the last."""
    found = []
    for g, style in enumerate(group_styles(words)):
        best = 0.9 - g / 100 + 0.002 * (np.arange(float(runs)) - (runs - 1) / 2)
        found.append(GroupScore(style, best, best - 0.05, mean_interval(best)))
    return found


def traces(figure: go.Figure, name: str) -> list[go.Scatter]:
    """The traces of a name."""
    return [trace for trace in figure.data if trace.name == name]


def test_best_is_filled_with_its_interval_and_last_is_hollow() -> None:
    """In percent, one line a group, the first on top."""
    scores = scores_of(["a", "b"])
    figure = GroupScores(scores, metric="accuracy", split="validation").figure()
    best, (last,) = traces(figure, "best epoch"), traces(figure, "last epoch")
    assert [trace.x[0] for trace in best] == pytest.approx([90.0, 89.0])
    assert last.x.tolist() == pytest.approx([85.0, 84.0])
    assert not any(trace.marker.symbol.endswith("-open") for trace in best)
    assert all(symbol.endswith("-open") for symbol in last.marker.symbol)
    low, high = scores[0].interval.low, scores[0].interval.high
    assert best[0].x[0] + best[0].error_x.array[0] == pytest.approx(100 * high)
    assert best[0].x[0] - best[0].error_x.arrayminus[0] == pytest.approx(100 * low)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.layout.yaxis.ticktext == ("a", "b")
    assert [note.text for note in figure.layout.annotations] == ["n = 3", "n = 3"]


def test_few_runs_stand_for_themselves() -> None:
    best = np.array([0.97, 0.99])
    figure = GroupScores(
        [GroupScore(group_styles(["a"])[0], best, best, share_interval(best))], metric="accuracy", split="test"
    )
    assert "98.0 %, n = 2" in figure.sentence()
    assert "n = 2 runs; too few for an interval" in figure.figure().layout.meta["subtitle"]


def test_single_runs_are_pale_dots_where_there_are_several() -> None:
    """One run is its own mean."""
    dots = traces(GroupScores(scores_of(["a"]), metric="error", split="test").figure(), "runs")
    assert dots[0].opacity == theme.SEED_OPACITY
    assert dots[0].x.tolist() == pytest.approx([89.8, 90.0, 90.2])
    assert not traces(GroupScores(scores_of(["a"], runs=1), metric="error", split="test").figure(), "runs")


@pytest.mark.parametrize("marker", ["hexagon", "hexagon-open", "x-thin-open", "circle-dot"])
def test_every_marker_has_a_filled_and_a_hollow_form(marker: str) -> None:
    """A hollow style does not make best and last look alike."""
    style = GroupStyle("a", "#0072B2", marker)
    score = GroupScore(style, np.array([0.9]), np.array([0.8]), mean_interval([0.9]))
    figure = GroupScores([score], metric="accuracy", split="test").figure()
    filled, hollow = traces(figure, "best epoch")[0].marker.symbol, traces(figure, "last epoch")[0].marker.symbol[0]
    assert hollow == f"{filled}-open"
    assert not {"open", "dot", "thin"} & set(filled.split("-"))


def test_the_baseline_is_a_line_with_a_band() -> None:
    scores = scores_of(["a", "b"])
    figure = GroupScores(scores, metric="accuracy", split="test", baseline=1).figure()
    band, line = figure.layout.shapes
    assert (band.x0, band.x1) == pytest.approx((100 * scores[1].interval.low, 100 * scores[1].interval.high))
    assert line.x0 == line.x1 == pytest.approx(89.0)
    assert not GroupScores(scores, metric="accuracy", split="test").figure().layout.shapes


@pytest.mark.parametrize("look", LOOKS)
def test_many_groups_grow_the_figure_up_to_a_limit(look: Look) -> None:
    """What is not drawn is said and stands in the table."""
    most = MOST_GROUPS[look.projector]
    heights = []
    for count in (1, 3, most, most + 20):
        scores = scores_of([f"g {g}" for g in range(count)])
        figure = GroupScores(scores, metric="accuracy", split="test").figure(look=look)
        heights.append(figure.layout.height)
        assert len(traces(figure, "best epoch")) == min(count, most)
        said = f"the first {most} of {count} groups, the rest in the table" in figure.layout.title.text.replace("<br>", " ")
        assert said == (count > most)
        assert len(GroupScores(scores, metric="accuracy", split="test").table()) == count
    assert heights[0] == heights[1] == theme.SIDE_HEIGHT[look.projector] < heights[2]
    # One line more of the subtitle at most
    assert heights[3] - heights[2] <= 2 * theme.TITLE_SIZE[look.projector]


def test_the_sentence_names_the_best_by_its_mean_whatever_the_order() -> None:
    """With interval, last value, baseline and the number of configurations."""
    scores = scores_of(["a", "b"])[::-1]
    assert GroupScores(scores, metric="accuracy", split="validation", baseline=0, configurations=42).sentence() == (
        "Of 2 groups, a has the highest mean validation accuracy: 90.0 % [89.5 %, 90.5 %], n = 3 at the best epoch and "
        "85.0 % at the last (chosen among 42 configurations); the baseline, b: 89.0 % [88.5 %, 89.5 %], n = 3."
    )
    assert "b has the lowest mean test loss: 0.890 nats" in GroupScores(scores, metric="loss", split="test").sentence()
    assert "baseline" not in GroupScores(scores, metric="accuracy", split="test", baseline=1).sentence()


def test_missing_scores_are_left_out() -> None:
    """A group without a value keeps its line; none at all is said."""
    style = group_styles(["c"])[0]
    empty = GroupScore(style, np.array([math.nan]), np.array([math.nan]), Interval(math.nan, math.nan, math.nan, 0))
    figure = GroupScores([*scores_of(["a"]), empty], metric="loss", split="test").figure()
    assert figure.layout.annotations[1].text == "n = 0"
    for scores in ([], [empty]):
        assert len(GroupScores(scores, metric="loss", split="test").figure().data) == 0
        assert GroupScores(scores, metric="loss", split="test").sentence() == "No loss is recorded yet."
    diverged = GroupScore(style, np.array([0.5, 0.5]), np.array([math.inf, 0.5]), mean_interval([0.5, 0.5]))
    assert math.isnan(traces(GroupScores([diverged], metric="loss", split="test").figure(), "last epoch")[0].x[0])
    assert "at the last" not in GroupScores([diverged], metric="loss", split="test").sentence()


@pytest.mark.parametrize("look", LOOKS)
def test_words_are_escaped_and_cut(look: Look) -> None:
    """In labels, hover and subtitle."""
    scores = scores_of([HOSTILE, HOSTILE])
    figure = GroupScores(scores, metric="loss", split="test", baseline=1).figure(subject="<b>", look=look)
    figure.layout.meta = None  # as written, for those who escape it themselves
    written = figure.to_json()
    assert "<img" not in written
    assert r"\u003cimg" not in written
    assert "w" * 100 not in written
    assert len(GroupScores(scores, metric="loss", split="test", baseline=0).sentence()) < 400


def test_arrays_and_words_must_fit() -> None:
    """Errors say what must hold and what was given."""
    with pytest.raises(ValueError, match=r"best and last must have the same shape \(J,\), got \(1,\) and \(2,\)"):
        GroupScore(group_styles(["a"])[0], np.zeros(1), np.zeros(2), mean_interval([0.5]))
    with pytest.raises(ValueError, match=r"baseline must be a place from 0 to 0, got 1"):
        GroupScores(scores_of(["a"]), metric="loss", split="test", baseline=1)
    with pytest.raises(ValueError, match=r"split must be one of train, validation, test, got 'dev'"):
        GroupScores([], metric="loss", split="dev")
