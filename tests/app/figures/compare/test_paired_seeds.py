"""Two groups compared seed by seed."""

import math

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.compare.paired_seeds import PairedSeeds
from leafscope.app.figures.shared.group_style import group_styles
from leafscope.app.theme import Look
from leafscope.core.comparison.intervals import Difference, paired_difference

LOOKS = [Look(), Look(dark=True), Look(projector=True)]
WORDS = ("tree, K 4", "dense")
FIRST, SECOND = [0.90, 0.92, 0.91], [0.88, 0.89, 0.90]


def paired(
    first: list[float],
    second: list[float],
    metric: str = "accuracy",
    words: tuple[str, str] = WORDS,
    difference: Difference | None = None,
) -> PairedSeeds:
    """Two groups on validation."""
    one, other = group_styles(words)
    seeds = [str(seed) for seed in range(len(first))]
    found = paired_difference(first, second) if difference is None else difference
    return PairedSeeds(seeds, first, second, found, (one, other), metric=metric, split="validation")


def said(difference: Difference, metric: str = "accuracy") -> str:
    """The sentence of two groups on validation."""
    return paired([], [], metric, difference=difference).sentence()


def test_each_seed_is_a_line_and_a_difference() -> None:
    """In percent and points; the mean with its interval beside a line at zero."""
    figure = paired(FIRST, SECOND).figure()
    seeds = figure.data[0]
    assert np.asarray(seeds.y).reshape(3, 3)[:, :2] == pytest.approx(100 * np.array([FIRST, SECOND]).T)
    assert [trace.y[0] for trace in figure.data if trace.name == "mean"] == pytest.approx([91.0, 89.0])
    (differences,) = (trace for trace in figure.data if trace.name == "differences")
    assert list(differences.y) == pytest.approx([2.0, 3.0, 1.0])
    assert len(set(differences.x)) == 3
    (mean,) = (trace for trace in figure.data if trace.name == "mean difference")
    wanted = paired_difference(FIRST, SECOND)
    assert mean.y[0] == pytest.approx(2.0)
    assert mean.y[0] + mean.error_y.array[0] == pytest.approx(100 * wanted.high)
    assert figure.layout.yaxis2.zeroline
    assert figure.layout.yaxis2.range[0] < 0 < figure.layout.yaxis2.range[1]
    assert figure.layout.xaxis.ticktext == WORDS


@pytest.mark.parametrize(
    ("metric", "unit"),
    [("accuracy", " (percentage points)"), ("loss", " (nats)"), ("rmse", " (unit of the target)"), ("r2", "")],
)
def test_the_axis_of_differences_names_their_unit_where_they_have_one(metric: str, unit: str) -> None:
    title = paired(FIRST, SECOND, metric).figure().layout.yaxis2.title.text
    assert title.replace("<br>", " ") == f"first minus second{unit}"


@pytest.mark.parametrize(("metric", "side"), [("accuracy", "above"), ("loss", "below"), ("error", "below")])
def test_the_subtitle_says_which_side_is_better(metric: str, side: str) -> None:
    """Lower is better for loss and error."""
    assert f"{side} 0: tree, K 4 is better" in paired(FIRST, SECOND, metric).figure().layout.title.text.replace("<br>", " ")


def test_the_sentence_says_who_is_better_only_where_a_difference_is_shown() -> None:
    """The direction is the metric's; losses are in nats."""
    assert said(Difference(0.021, 0.004, 0.038, 5, 0.02), "error") == (
        "Validation error of tree, K 4 minus dense: +2.1 points [+0.4, +3.8], n = 5, p = 0.02: dense is better."
    )
    assert said(Difference(-0.021, -0.03, -0.01, 5, 0.00001), "loss") == (
        "Validation loss of tree, K 4 minus dense: -0.0210 nats [-0.0300, -0.0100], n = 5, p < 0.001: tree, K 4 is better."
    )
    assert said(Difference(0.004, -0.01, 0.018, 5, 0.6)) == (
        "Validation accuracy of tree, K 4 minus dense: no difference shown (+0.4 points [-1.0, +1.8], n = 5). "
        "With these 5 seeds, a difference of 1.9 points would be found in 4 of 5 cases."
    )
    assert "(0.0 points [-1.0, +1.0], n = 5)" in said(Difference(-0.0001, -0.01, 0.01, 5, 0.9))


def test_the_sentence_of_pairs_that_have_no_interval() -> None:
    """One seed, equal differences of few, diverged runs, none."""
    assert said(paired_difference([0.9], [0.88])) == (
        "Validation accuracy of tree, K 4 minus dense: +2.0 points, one seed: no interval."
    )
    assert said(paired_difference([0.75, 0.5], [0.5, 0.25])) == (
        "Validation accuracy of tree, K 4 minus dense: no difference shown (+25.0 points; all 2 seeds differ by the same "
        "amount, too few for an interval)."
    )
    assert "since a run diverged (n = 2)" in said(paired_difference([math.inf, 0.5], [0.5, 0.25]), "loss")
    assert said(paired_difference([math.nan], [0.5])) == "No seed has a value of both tree, K 4 and dense yet."


def test_seeds_without_a_finite_pair_are_left_out_and_counted() -> None:
    """They stay in the table."""
    first, second = [0.9, math.nan, math.inf, 0.8], [0.8, 0.7, 0.7, 0.7]
    pairs = paired(first, second, "loss")
    figure = pairs.figure()
    assert "2 seeds without a finite pair left out" in figure.layout.title.text.replace("<br>", " ")
    (differences,) = (trace for trace in figure.data if trace.name == "differences")
    assert list(differences.y) == pytest.approx([0.1, 0.1])
    table = pairs.table()
    assert table["seed"].tolist() == list("0123")
    assert table["difference"].tolist() == pytest.approx([0.1, math.nan, math.inf, 0.1], nan_ok=True)
    assert set(table["unit"]) == {"nats"}


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_to_pair_is_said(look: Look) -> None:
    """No seeds, or none with both."""
    for first, second in (([], []), ([math.nan], [0.5])):
        figure = paired(first, second).figure(look=look)
        assert len(figure.data) == 0
        assert "No seed has a value of both" in figure.layout.annotations[0].text
        assert figure.layout.height == theme.MAIN_HEIGHT[look.projector]


@pytest.mark.parametrize("look", LOOKS)
def test_words_are_escaped_and_cut(look: Look) -> None:
    """In title, labels, hover and sentence."""
    hostile = "<img src=x> %{x}\n\u202e" + "w" * 10_000
    pairs = paired(FIRST, SECOND, "loss", words=(hostile, hostile))
    figure = pairs.figure(subject="<b>", look=look)
    figure.layout.meta = None  # as written, for those who escape it themselves
    written = figure.to_json()
    assert "<img" not in written
    assert r"\u003cimg" not in written
    assert "w" * 100 not in written
    assert len(pairs.sentence()) < 400


def test_arrays_and_words_must_fit() -> None:
    """Errors say what must hold and what was given."""
    with pytest.raises(ValueError, match=r"one value for each of 2 seeds, got shapes \(2,\) and \(1,\)"):
        paired([0.5, 0.5], [0.5], difference=Difference(0.1, 0.0, 0.2, 2, 0.5))
    with pytest.raises(ValueError, match=r"metric must be one of loss, accuracy, .*, got 'auc'"):
        paired(FIRST, SECOND, "auc")
