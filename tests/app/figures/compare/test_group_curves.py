"""Curves of groups: means, bands, gaps, panels, names."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from leafscope.app import theme
from leafscope.app.figures.compare.group_curves import GroupCurves
from leafscope.app.figures.compare.group_lines import GroupLines
from leafscope.app.figures.compare.scores import range_around
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.app.figures.shared.interval_lines import grey
from leafscope.app.theme import Look
from leafscope.core.comparison.intervals import mean_interval, share_interval

LOOKS = [Look(), Look(dark=True), Look(projector=True)]
HOSTILE = "<img src=x> %{x} [a](http://b)\n\u202e" + "w" * 10_000


def lines_of(words: Sequence[str], splits: Sequence[str] = ("validation",), runs: int = 3, epochs: int = 6) -> list[GroupLines]:
    """Falling losses: of group g, run j, at epoch e 1 / (1 + e) + g / 10 + j / 100."""
    e, j = np.arange(float(epochs)), np.arange(float(runs))[:, None]
    return [
        GroupLines(style, split, np.tile(e, (runs, 1)), 1 / (1 + e) + g / 10 + j / 100, [f"run {k}" for k in range(runs)])
        for g, style in enumerate(group_styles(words))
        for split in splits
    ]


def means(figure: object) -> list:
    """The traces of means."""
    return [trace for trace in figure.data if trace.hovertext is not None and trace.name != "run"]  # type: ignore[attr-defined]


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(0, 6), st.integers(1, 4)),
        elements=st.one_of(st.floats(0, 5), st.sampled_from([math.nan, math.inf, 0.5])),
    ),
    st.sampled_from([0.0, 0.25, 3.0]),
)
def test_each_epoch_has_the_interval_of_its_runs(y: np.ndarray, overlap: float) -> None:
    """All epochs at once agree with `mean_interval` one by one."""
    x = np.tile(np.arange(float(y.shape[1])), (len(y), 1))
    line = GroupLines(group_styles(["a"])[0], "test", x, y, [""] * len(y), overlap)
    table = GroupCurves([line], metric="loss").table().set_index("record")
    for epoch in range(y.shape[1]):
        wanted = mean_interval(y[:, epoch], overlap=overlap)
        if wanted.n == 0:
            assert epoch not in table.index
            continue
        row = table.loc[epoch]
        assert row[["mean", "low", "high", "n"]].tolist() == pytest.approx(
            [wanted.mean, wanted.low, wanted.high, wanted.n], rel=1e-9, abs=1e-12, nan_ok=True
        )


def test_a_mean_is_at_the_mean_place_of_the_runs_that_are_there() -> None:
    """A run without the epoch counts on neither axis."""
    line = GroupLines(
        group_styles(["a"])[0], "train", np.array([[0.0, 2.0], [0.0, 6.0]]), np.array([[0.5, 0.4], [0.7, math.nan]]), ["r", "s"]
    )
    table = GroupCurves([line], metric="error").table()
    assert table["x"].tolist() == [0.0, 2.0]
    assert table["mean"].tolist() == pytest.approx([60.0, 40.0])
    assert table["n"].tolist() == [2, 1]
    assert set(table["unit"]) == {"percent"}


def test_training_has_a_panel_of_its_own() -> None:
    """Two panels share the y axis where there is another split; the dash says which split."""
    figure = GroupCurves(lines_of(["a", "b"], ["train", "validation", "test"]), metric="loss").figure()
    by_panel = {(trace.xaxis or "x", trace.line.dash) for trace in means(figure)}
    assert by_panel == {("x", "dot"), ("x2", "dash"), ("x2", "solid")}
    assert figure.layout.yaxis2.matches == "y"
    assert figure.layout.title.text.startswith("Training, validation and test loss against epoch")
    alone = GroupCurves(lines_of(["a"], ["train"]), metric="loss").figure()
    assert {trace.xaxis for trace in alone.data} == {"x"}


def test_few_lines_are_named_at_their_ends_and_many_in_a_legend() -> None:
    """Names carry n; with more than 12 groups three are in colour and the rest is one entry."""
    few = GroupCurves(lines_of(["tree, K 4", "dense"], ["validation", "test"], runs=5), metric="loss").figure()
    texts = {note.text.replace("<br>", " ") for note in few.layout.annotations}
    assert {"tree, K 4, n = 5; test", "dense, n = 5; validation"} <= texts
    assert not few.layout.showlegend
    many = GroupCurves(lines_of([f"group {g}" for g in range(13)]), metric="loss").figure()
    named = [trace.name for trace in many.data if trace.showlegend is not False]
    assert named == ["group 0, n = 3", "group 1, n = 3", "group 2, n = 3", "other groups"]
    assert many.layout.showlegend


def test_lit_groups_are_in_colour_with_bands_and_runs() -> None:
    """Of more than 12 groups the first three; the others are grey means alone, below."""
    lines = lines_of([f"group {g}" for g in range(13)])
    figure = GroupCurves(lines, metric="loss").figure()
    colours = [line.style.colour for line in lines[:3]]
    assert [trace.line.color in colours for trace in means(figure)] == [False] * 10 + [True] * 3
    assert {trace.line.color for trace in figure.data if trace.name == "run"} == set(colours)
    assert sum(trace.fill == "toself" for trace in figure.data) == 3
    assert not {trace.line.color for trace in means(GroupCurves(lines[:12], metric="loss").figure())} & {grey(Look())}


def test_single_runs_are_thin_and_only_under_a_mean_of_several() -> None:
    """One run is its own line, without a band."""
    figure = GroupCurves(lines_of(["a"], runs=4), metric="loss").figure()
    assert [trace.opacity for trace in figure.data if trace.name == "run"] == [theme.SEED_OPACITY] * 4
    assert "run" not in {trace.name for trace in GroupCurves(lines_of(["a"]), metric="loss", singles=False).figure().data}
    alone = GroupCurves(lines_of(["a"], runs=1), metric="loss").figure()
    assert len(alone.data) == 1
    assert "no interval" in alone.layout.title.text


def test_a_log_axis_leaves_out_what_it_cannot_show_and_says_so() -> None:
    """Epoch 0, and a mean of 0."""
    line = GroupLines(group_styles(["a"])[0], "test", np.array([[0.0, 1.0, 10.0]]), np.array([[0.9, 0.0, 0.1]]), ["r"])
    figure = GroupCurves([line], metric="error", log_x=True, log_y=True).figure()
    assert "2 points at or below 0 left out (log axis)" in figure.layout.title.text.replace("<br>", " ")
    assert np.asarray(means(figure)[0].y) == pytest.approx([math.nan, math.nan, 10.0], nan_ok=True)
    linear = GroupCurves([line], metric="error").figure()
    assert "left out" not in linear.layout.title.text
    nothing = GroupLines(line.style, "test", np.zeros((1, 1)), np.ones((1, 1)), ["r"])
    assert len(GroupCurves([nothing], metric="error", log_x=True).figure().data) == 0


def test_a_diverged_run_leaves_a_gap_and_is_counted() -> None:
    """So is one that ends early, whose group goes on."""
    y = np.array([[0.9, math.inf, math.inf, 0.5], [0.7, 0.6, 0.5, math.nan], [0.8, 0.6, 0.5, 0.4]])
    line = GroupLines(group_styles(["a"])[0], "test", np.tile(np.arange(4.0), (3, 1)), y, ["r", "s", "t"])
    figure = GroupCurves([line], metric="loss").figure()
    assert np.isnan(means(figure)[0].y).tolist() == [False, True, True, True]
    assert (
        GroupCurves([line], metric="loss")
        .sentence()
        .endswith("1 run diverged, its group has no mean there. 1 run ends early: the mean of its group ends there.")
    )


def test_a_mean_is_never_of_survivors() -> None:
    """Mean, band, name and sentence end where the first run does; the others go on as thin lines."""
    y = np.array([[0.9, 0.8, 0.7, 0.1], [0.9, 0.7, math.nan, math.nan], [math.nan] * 4])
    styles = group_styles(["a", "b"])
    at = np.tile(np.arange(4.0), (3, 1))
    early = GroupLines(styles[0], "test", at, y, ["r", "s", "t"])
    other = GroupLines(styles[1], "test", at, np.array([[0.9, 0.8, 0.74, 0.74]] * 3), ["u", "v", "w"])
    figure = GroupCurves([early, other], metric="loss").figure()
    mean = np.asarray(means(figure)[0].y, dtype=float)
    assert mean == pytest.approx([0.9, 0.75, math.nan, math.nan], nan_ok=True)
    band = next(trace for trace in figure.data if trace.fill == "toself")
    assert max(band.x) == 1
    runs = [np.asarray(trace.y, dtype=float) for trace in figure.data if trace.name == "run"]
    assert runs[0] == pytest.approx([0.9, 0.8, 0.7, 0.1])
    assert "a mean ends with the first of its runs" in figure.layout.meta["subtitle"]
    assert GroupCurves([early, other], metric="loss").sentence() == (
        "Of 2 groups, b has the lowest mean test loss at the end (epoch 3): 0.740 nats [0.740, 0.740], n = 3. "
        "1 run ends early: the mean of its group ends there. 1 run has no value."
    )
    assert "(epoch 1): 0.750 nats [" in GroupCurves([early], metric="loss").sentence()
    assert GroupCurves([early], metric="loss").table()["n"].tolist() == [2, 2, 1, 1]


def test_runs_without_a_common_epoch_have_a_mean_until_the_first_ends() -> None:
    """Not after it."""
    y = np.array([[0.9, math.nan, 0.7, math.nan], [math.nan, 0.8, math.nan, 0.6]])
    line = GroupLines(group_styles(["a"])[0], "test", np.tile(np.arange(4.0), (2, 1)), y, ["r", "s"])
    assert np.isnan(means(GroupCurves([line], metric="loss").figure())[0].y).tolist() == [False, False, False, True]


def test_only_the_best_three_groups_have_bands_and_runs() -> None:
    """The others keep colour and mean, and do not stretch the axis."""
    lines = lines_of([f"group {g}" for g in range(5)], ["train", "validation"])
    figure = GroupCurves(lines, metric="loss").figure()
    best = [line.style.colour for line in lines[:6:2]]
    assert {trace.line.color for trace in figure.data if trace.name == "run"} == set(best)
    assert {trace.fillcolor for trace in figure.data if trace.fill} == {theme.faded(c, theme.BAND_OPACITY) for c in best}
    assert {trace.line.color for trace in means(figure)} == {line.style.colour for line in lines}
    assert "bands of the best 3 groups: 95 %" in figure.layout.meta["subtitle"]
    three = GroupCurves(lines[:6], metric="loss").figure()
    assert "bands: 95 %" in three.layout.meta["subtitle"]
    many = GroupCurves(lines_of([f"group {g}" for g in range(13)]), metric="loss").figure()
    assert "bands: 95 %" in many.layout.meta["subtitle"]


def test_shares_have_intervals_within_all_rows_from_five_runs_on() -> None:
    values = np.array([0.9, 0.99, 1.0, 1.0, 1.0])
    line = GroupLines(group_styles(["a"])[0], "test", np.zeros((5, 1)), values[:, np.newaxis], list("rstuv"))
    wanted = share_interval(values)
    words = f"97.8 % [{theme.percent(wanted.low)}, {theme.percent(wanted.high)}], n = 5"
    assert words in GroupCurves([line], metric="accuracy").sentence()
    assert words in means(GroupCurves([line], metric="accuracy").figure())[0].hovertext[0]
    mirrored = GroupLines(line.style, "test", line.x, 1 - line.y, line.names)
    table = GroupCurves([mirrored], metric="error").table()
    assert table[["low", "high"]].iloc[0].tolist() == pytest.approx([100 * (1 - wanted.high), 100 * (1 - wanted.low)])
    assert GroupCurves([mirrored], metric="loss").table()["low"][0] < 0
    few = GroupLines(line.style, "test", line.x[:4], line.y[:4], line.names[:4])
    assert "97.2 %, n = 4" in GroupCurves([few], metric="accuracy").sentence()
    assert "n = 4 runs; too few for an interval" in GroupCurves([few], metric="accuracy").figure().layout.meta["subtitle"]


@given(arrays.arrays(np.float64, st.tuples(st.integers(4, 7), st.just(1)), elements=st.sampled_from([0.0, 0.25, 0.9, 1.0])))
def test_each_epoch_has_the_interval_of_a_share(y: np.ndarray) -> None:
    """All epochs at once agree with `share_interval` one by one."""
    line = GroupLines(group_styles(["a"])[0], "test", np.zeros(y.shape), y, [""] * len(y), 0.25)
    row, wanted = line.means(are_shares=True).iloc[0], share_interval(y[:, 0], overlap=0.25)
    assert row[["mean", "low", "high"]].tolist() == pytest.approx([wanted.mean, wanted.low, wanted.high], nan_ok=True)


def test_the_sentence_ranks_at_the_end_by_validation() -> None:
    """Not by the last split given, where validation is there; the direction is the metric's."""
    lines = lines_of(["a", "b"], ["validation", "test"], epochs=4)
    assert GroupCurves(lines, metric="loss").sentence() == (
        "Of 2 groups, a has the lowest mean validation loss at the end (epoch 3): 0.260 nats [0.235, 0.285], n = 3."
    )
    assert GroupCurves(lines, metric="accuracy", x_title="seconds of training").sentence() == (
        "Of 2 groups, b has the highest mean validation accuracy at the end (3 seconds of training): "
        "36.0 %, n = 3; its highest: 111.0 % after 0 seconds of training."
    )
    assert "mean test loss" in GroupCurves([line for line in lines if line.split == "test"], metric="loss").sentence().lower()


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_to_show_is_said(look: Look) -> None:
    """No lines, no runs, no epochs, only NaN."""
    style = group_styles(["a"])[0]
    for lines in (
        [],
        [GroupLines(style, "test", np.empty((0, 3)), np.empty((0, 3)), [])],
        [GroupLines(style, "test", np.empty((2, 0)), np.empty((2, 0)), ["r", "s"])],
        [GroupLines(style, "test", np.zeros((1, 2)), np.full((1, 2), math.nan), ["r"])],
    ):
        figure = GroupCurves(lines, metric="loss").figure(look=look)
        assert len(figure.data) == 0
        assert figure.layout.annotations[0].text == "No loss is recorded yet."
        assert GroupCurves(lines, metric="loss").sentence() == "No loss is recorded yet."
        assert GroupCurves(lines, metric="loss").table().empty


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("count", [1, 12])
def test_what_people_wrote_is_escaped_and_cut(look: Look, count: int) -> None:
    """In labels, legend, hover and title; a run's title is never inside a template."""
    lines = [
        GroupLines(line.style, line.split, line.x, line.y, [HOSTILE] * len(line.y))
        for line in lines_of([f"{HOSTILE}{g}" for g in range(count)])
    ]
    figure = GroupCurves(lines, metric="loss").figure(subject="<b>", look=look)
    figure.layout.meta = None  # as written, for those who escape it themselves
    written = figure.to_json()
    assert "<img" not in written
    assert r"\u003cimg" not in written
    assert "w" * 100 not in written
    assert all("img" not in (trace.hovertemplate or "") for trace in figure.data)
    assert len(GroupCurves(lines, metric="loss").sentence()) < 300


def test_arrays_and_words_must_fit() -> None:
    """Errors say what must hold and what was given."""
    style, one, two = group_styles(["a"])[0], np.zeros((1, 1)), np.zeros((1, 2))
    with pytest.raises(ValueError, match=r"x and y must have the same shape \(J, E\), got \(1, 1\) and \(1, 2\)"):
        GroupLines(style, "test", one, two, ["r"])
    with pytest.raises(ValueError, match=r"names must have one entry for each of 1 runs, got 2"):
        GroupLines(style, "test", two, two, ["r", "s"])
    with pytest.raises(ValueError, match=r"split must be one of train, validation, test, got 'dev'"):
        GroupLines(style, "dev", one, one, ["r"])
    with pytest.raises(ValueError, match=r"overlap must be finite and at least 0, got -0.1"):
        GroupLines(style, "test", one, one, ["r"], overlap=-0.1)
    with pytest.raises(ValueError, match=r"metric must be one of loss, accuracy, .*, got 'auc'"):
        GroupCurves(lines_of(["a"]), metric="auc")


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=5), st.lists(st.integers(-50, 50), max_size=4))
def test_a_range_holds_all_values_and_says_what_it_cuts(values: list[int], ends: list[int]) -> None:
    """Ends of intervals are cut exactly where it says so, and reach no further than the values do once more."""
    (low, high), cut = range_around(values, ends)
    span = max(values) - min(values)
    assert low < min(values) <= max(values) < high
    assert cut == (bool(span) and any(not min(values) - span <= end <= max(values) + span for end in ends)) or not span
    assert cut or all(low < end < high for end in ends)
    assert not span or high - low <= 3 * 1.08 * span + 1e-9


@pytest.mark.parametrize("look", LOOKS)
def test_the_height_is_fixed(look: Look) -> None:
    """Whatever is drawn."""
    for count in (1, 5, 20):
        figure = GroupCurves(lines_of([f"g {g}" for g in range(count)], ["train", "test"]), metric="loss").figure(look=look)
        assert figure.layout.height == theme.MAIN_HEIGHT[look.projector]
