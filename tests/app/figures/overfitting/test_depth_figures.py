"""Figures of the overfitting page: error and gap by depth, differences, the help map, levels, training rows."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from leafscope.app import theme
from leafscope.app.figures.overfitting.accuracy_by_level import level_accuracy, level_accuracy_sentence, level_accuracy_table
from leafscope.app.figures.overfitting.differences_by_depth import (
    differences_by_depth,
    differences_by_depth_sentence,
    differences_by_depth_table,
)
from leafscope.app.figures.overfitting.error_by_depth import (
    error_by_depth,
    error_by_depth_sentence,
    error_by_depth_table,
    gap_by_depth,
    gap_by_depth_sentence,
    gap_by_depth_table,
)
from leafscope.app.figures.overfitting.error_by_rows import error_by_rows, error_by_rows_sentence, error_by_rows_table
from leafscope.app.figures.overfitting.help_map import help_map, help_map_sentence, help_map_table
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, spread
from leafscope.app.theme import Look

LOOKS = [Look(dark, projector) for dark, projector in itertools.product((False, True), (False, True))]
EVIL = "<i>run</i>"
NAN = float("nan")


def with_interval(rows: list[tuple[Any, ...]], columns: str, n: int) -> pd.DataFrame:
    """Put an interval of 2 points beside each row's last value, and n; none for one seed."""
    half = 0.02 if n > 1 else NAN
    return pd.DataFrame(
        [(*row, row[-1] - half, row[-1] + half, n) for row in rows], columns=[*columns.split(), "low", "high", "n"]
    )


def curves(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for shift, model in enumerate(("tree", "flat")):
        rows += [(model, "", "test", k, 0.3 - 0.05 * k + 0.1 * shift) for k in (0, 1, 2)]
        rows += [(model, "", "train", k, 0.2 - 0.08 * k + 0.1 * shift) for k in (0, 1, 2)]
    rows += [("dense", "", "test", NAN, 0.25), ("dense", "", "train", NAN, 0.15), ("logistic", "", "test", NAN, 0.45)]
    return with_interval(rows, "model variant split depth mean", n)


def seeds() -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        ("tree", "", split, seed, k, 0.3 - 0.05 * k + 0.01 * seed)
        for split in ("test", "train")
        for seed in (0, 1)
        for k in (0, 1)
    ]
    rows += [("dense", "", "test", 0, NAN, 0.24), ("logistic", "", "test", 0, NAN, 0.9)]
    return pd.DataFrame(rows, columns=["model", "variant", "split", "seed", "depth", "value"])


def gaps(n: int = 5) -> pd.DataFrame:
    rows = [("tree", "", 0, 0.01), ("tree", "", 2, 0.09), ("dense", "", NAN, 0.1)]
    return with_interval(rows, "model variant depth mean", n)


def differences(*means: float, n: int = 5) -> pd.DataFrame:
    table = with_interval([(k, mean) for k, mean in enumerate(means)], "depth mean", n)
    shown = ((table["low"] > 0) | (table["high"] < 0)) & (n > 1)
    p = np.where(shown, 0.01, 0.5) if n > 1 else NAN
    return table.assign(p_holm=p, shown=shown)


def cells(n: int = 5) -> pd.DataFrame:
    table = differences(-0.041, 0.0, 0.05, -0.06, 0.01, n=n).rename(columns={"depth": "cell"})
    return table.assign(width=[16, 8, 8, 16, 128], depth=[1, 0, 1, 3, 0])


def levels(n: int = 5) -> pd.DataFrame:
    rows = [
        (split, level, 0.5 + 0.1 * level + extra) for split, extra in (("train", 0.1), ("test", 0.0)) for level in (2, 0, 1)
    ]
    return with_interval(rows, "split level mean", n)


def by_rows(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        ("tree", "", k, size, 0.4 - 0.02 * k - size / 5000) for k in (4, 0, 2) for size in (1000, 100)
    ]
    rows += [("dense", "", NAN, size, 0.5 - size / 5000) for size in (100, 1000)]
    return with_interval(rows, "model variant depth n_train mean", n)


Make = Callable[..., go.Figure]
FIGURES: dict[str, Make] = {
    "error": lambda n=5, **kw: error_by_depth(curves=curves(n), seeds=seeds(), chosen=1, **kw),
    "gap": lambda n=5, **kw: gap_by_depth(curves=gaps(n), chosen=2, **kw),
    "differences": lambda n=5, **kw: differences_by_depth(
        differences=differences(0.0, -0.05, n=n), first="tree", second="flat", **kw
    ),
    "help": lambda n=5, **kw: help_map(cells=cells(n), **kw),
    "levels": lambda n=5, **kw: level_accuracy(curves=levels(n), depth=2, **kw),
    "rows": lambda n=5, **kw: error_by_rows(curves=by_rows(n), **kw),
}


def named(figure: go.Figure, name: str) -> list[Any]:
    return [trace for trace in figure.data if trace.name == name]


def bands(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "scatter" and trace.fill == "toself"]


# What holds for all


@pytest.mark.parametrize(("name", "look"), list(itertools.product(FIGURES, LOOKS)))
def test_a_figure_has_n_fixed_height_titles_and_is_json(name: str, look: Look) -> None:
    figure = FIGURES[name](look=look)
    assert "n = 5" in figure.layout.title.text
    heights = {h[look.projector] for h in (theme.MAIN_HEIGHT, theme.SIDE_HEIGHT)}
    rows_decide = name == "help" and figure.layout.height < max(heights)  # its height is that of its rows of cells
    assert figure.layout.height in heights or rows_decide
    assert figure.layout.template.layout.font.size == theme.FONT_SIZE[look.projector]
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        assert axis.title.text or (axis.matches and axis.showticklabels is False)
    assert json.loads(figure.to_json())["data"]


@pytest.mark.parametrize("name", FIGURES)
def test_one_seed_has_no_interval_and_says_so(name: str) -> None:
    figure = FIGURES[name](n=1)
    assert "one seed: no interval" in figure.layout.title.text
    assert not bands(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_a_subject_never_becomes_a_tag(name: str) -> None:
    text = json.dumps(FIGURES[name](subject=EVIL).to_plotly_json(), default=str)
    assert "<i>" not in text
    assert "&lt;i&gt;run&lt;/i&gt;" in text


def test_variants_and_notes_never_become_tags() -> None:
    evil = curves().assign(variant=EVIL)
    text = json.dumps(error_by_depth(curves=evil, note=EVIL, subject="s").to_plotly_json(), default=str)
    text += json.dumps(error_by_rows(curves=by_rows().assign(variant=EVIL)).to_plotly_json(), default=str)
    text += json.dumps(
        differences_by_depth(differences=differences(0.1), first=EVIL, second="<b>").to_plotly_json(), default=str
    )
    text += json.dumps(help_map(cells=cells(), first=EVIL, second="<b>").to_plotly_json(), default=str)
    assert "<i>" not in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    "figure",
    [
        error_by_depth(curves=curves().iloc[:0]),
        error_by_depth(curves=curves().assign(mean=NAN, low=NAN, high=NAN, n=0)),
        gap_by_depth(curves=gaps().assign(mean=NAN)),
        differences_by_depth(differences=differences(), first="tree", second="flat"),
        help_map(cells=cells().assign(mean=NAN)),
        level_accuracy(curves=levels().iloc[:0], depth=2),
        error_by_rows(curves=by_rows().iloc[:0]),
    ],
)
def test_nothing_gives_a_figure_that_says_so(figure: go.Figure) -> None:
    assert not figure.data
    assert figure.layout.title.text
    assert "yet." in figure.layout.annotations[0].text


def test_nothing_gives_a_sentence_that_says_so() -> None:
    assert error_by_depth_sentence(curves=curves().iloc[:0]) == "No test error is recorded yet."
    assert error_by_depth_sentence(curves=curves().iloc[:6], chosen=9) == "No test error is recorded yet at K = 9."
    assert gap_by_depth_sentence(curves=gaps().iloc[:0]).endswith("yet.")
    assert differences_by_depth_sentence(differences=differences(), first="tree", second="flat").endswith("yet.")
    assert help_map_sentence(cells=cells().iloc[:0]).endswith("yet.")
    assert level_accuracy_sentence(curves=levels().iloc[:0], depth=2).endswith("yet.")
    assert error_by_rows_sentence(curves=by_rows().iloc[:0]) == "No test error is recorded yet."


def test_a_missing_column_is_named() -> None:
    for call in (
        lambda: error_by_depth(curves=curves().drop(columns="low")),
        lambda: gap_by_depth(curves=gaps().drop(columns="low")),
        lambda: differences_by_depth(differences=differences(0.1).drop(columns="low"), first="tree", second="flat"),
        lambda: help_map(cells=cells().drop(columns="low")),
        lambda: level_accuracy(curves=levels().drop(columns="low"), depth=2),
        lambda: error_by_rows(curves=by_rows().drop(columns="low")),
    ):
        with pytest.raises(ValueError, match=r"must have the columns .* but low is missing"):
            call()


# Error and gap by depth


def test_lines_are_the_table_in_percent_and_panels_share_the_scale() -> None:
    figure = error_by_depth(curves=curves())
    table = error_by_depth_table(curves=curves())
    assert (table["unit"] == "percent").all()
    for split, line in zip(("test", "train"), named(figure, "tree")):
        rows = table[(table["model"] == "tree") & (table["split"] == split)]
        assert list(line.x) == rows["depth"].tolist() == [0, 1, 2]
        assert list(line.y) == rows["mean"].tolist()
        assert line.line.dash == theme.SPLIT_DASHES[split]
        assert line.line.color == theme.model_colour("tree")
    assert list(named(figure, "tree")[0].y) == pytest.approx([30.0, 25.0, 20.0])
    assert figure.layout.yaxis2.matches == "y"
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert figure.layout.xaxis.dtick == 1


def test_bands_run_from_low_to_high_at_the_opacity_of_bands() -> None:
    band = bands(error_by_depth(curves=curves(), lit=["tree"]))[0]
    assert list(band.x) == [0, 1, 2, 2, 1, 0]
    assert list(band.y) == pytest.approx([32, 27, 22, 18, 23, 28])
    assert band.fillcolor == theme.faded(theme.model_colour("tree"), theme.BAND_OPACITY)


def test_a_missing_interval_parts_the_band_and_one_alone_is_a_stroke() -> None:
    table = curves()
    table.loc[(table["model"] == "tree") & (table["depth"] == 1), ["low", "high"]] = NAN
    parts = bands(error_by_depth(curves=table, lit=["tree"]))
    assert [list(part.x) for part in parts[:2]] == [[0, 0], [2, 2]]
    assert all(part.line.width > 0 for part in parts)


def test_a_missing_mean_leaves_a_gap() -> None:
    table = curves()
    table.loc[(table["model"] == "tree") & (table["depth"] == 1), ["mean", "low", "high"]] = NAN
    line = named(error_by_depth(curves=table), "tree")[0]
    assert np.isnan(line.y[1])
    assert not line.connectgaps


def test_a_model_without_depth_is_a_level_line_from_edge_to_edge() -> None:
    figure = error_by_depth(curves=curves())
    line = named(figure, "dense, same multiply-adds")[0]
    assert (line.x[0], line.x[-1]) == figure.layout.xaxis.range
    assert list(line.y) == pytest.approx([25.0] * len(line.x))
    assert "every depth" in line.hovertext[0]
    alone = error_by_depth(curves=curves().query("model == 'dense'"))
    assert alone.layout.xaxis.range[0] < alone.layout.xaxis.range[1]


def test_at_most_three_models_are_lit_and_the_rest_is_grey() -> None:
    figure = error_by_depth(curves=curves(), lit=["flat"])
    assert named(figure, "flat")[0].line.color == theme.model_colour("flat")
    assert named(figure, "tree")[0].line.color == interval_lines.grey(theme.SCREEN)
    assert figure.data[-1].name == "flat"
    assert "grey: other models" in figure.layout.title.text
    fallback = error_by_depth(curves=curves())
    assert named(fallback, "logistic regression")[0].line.color == interval_lines.grey(theme.SCREEN)
    with pytest.raises(ValueError, match=r"lit must name at most 3 models, got 4"):
        error_by_depth(curves=curves(), lit=["tree", "flat", "dense", "logistic"])


def test_lit_lines_are_labelled_in_both_panels_and_grey_ones_in_the_last() -> None:
    labels = [(a.text, a.xref) for a in error_by_depth(curves=curves(), lit=["tree"]).layout.annotations if a.showarrow]
    assert ("tree", "x") in labels
    assert ("tree", "x2") in labels
    assert ("flat", "x2") in labels
    assert ("flat", "x") not in labels


def test_seeds_are_thin_lines_of_lit_models_only() -> None:
    figure = error_by_depth(curves=curves(), seeds=seeds(), lit=["tree", "dense"])
    thin = named(figure, "seeds")
    assert [trace.opacity for trace in thin] == [theme.SEED_OPACITY] * 3
    first = next(trace for trace in thin if trace.line.color == theme.model_colour("tree"))
    assert list(first.x) == [0, 1, None, 0, 1, None]
    assert [y for y in first.y if y is not None] == pytest.approx([30, 25, 31, 26])
    assert figure.layout.yaxis.range[1] < 90


def test_the_chosen_depth_is_marked_in_both_panels() -> None:
    figure = error_by_depth(curves=curves(), chosen=1)
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(1, 1), (1, 1)]
    texts = [a.text.replace("<br>", " ") for a in figure.layout.annotations]
    assert "chosen on validation: K = 1" in texts
    projector = error_by_depth(curves=curves(), chosen=1, look=Look(projector=True))
    assert "K = 1 chosen on validation" in projector.layout.title.text.replace("<br>", " ")


def test_loss_stays_in_nats() -> None:
    figure = error_by_depth(curves=curves(), metric="loss")
    assert list(named(figure, "tree")[0].y) == pytest.approx([0.3, 0.25, 0.2])
    assert "nats" in figure.layout.yaxis.title.text
    assert "0.300 nats [0.280, 0.320], n = 5 (training 0.200)" in error_by_depth_sentence(curves=curves(), metric="loss")


def test_sentence_of_errors_at_the_chosen_depth() -> None:
    assert error_by_depth_sentence(curves=curves(), chosen=1, lit=["tree", "dense"]) == (
        "Test error at K = 1, chosen on validation: tree 25.0 % [23.0 %, 27.0 %], n = 5 (training 12.0 %); "
        "dense, same multiply-adds 25.0 % [23.0 %, 27.0 %], n = 5 (training 15.0 %)."
    )


def test_sentence_of_errors_without_a_choice() -> None:
    assert error_by_depth_sentence(curves=curves(1), lit=["tree", "logistic"]) == (
        "Test error from K = 0 to 2: tree from 30.0 %, one seed (training 20.0 %) to 20.0 %, one seed (training 4.0 %); "
        "logistic regression 45.0 %, one seed, the same at every depth."
    )


def test_gaps_are_points_and_the_sentence_says_where_none_is_shown() -> None:
    figure = gap_by_depth(curves=gaps())
    table = gap_by_depth_table(curves=gaps())
    assert list(named(figure, "tree")[0].y) == table.query("model == 'tree'")["mean"].tolist() == pytest.approx([1.0, 9.0])
    assert "percentage points" in figure.layout.yaxis.title.text
    assert figure.layout.yaxis.range[0] < 0 < figure.layout.yaxis.range[1]
    assert gap_by_depth_sentence(curves=gaps(), chosen=0, lit=["tree"]) == (
        "Generalization gap (test error minus training error) at K = 0, chosen on validation: "
        "tree 1.0 points [-1.0, 3.0], n = 5 (no difference shown)."
    )
    assert "no difference shown" not in gap_by_depth_sentence(curves=gaps(), chosen=2)
    negative = gaps().assign(mean=-0.09, low=-0.11, high=-0.07)
    assert "no difference shown" not in gap_by_depth_sentence(curves=negative, chosen=0)
    assert "no difference shown" not in gap_by_depth_sentence(curves=gaps(1), chosen=0)


# Differences


def test_differences_are_points_with_bars_filled_where_shown() -> None:
    given_rows = differences(0.0, -0.05, 0.03, NAN)
    figure = differences_by_depth(differences=given_rows, first="tree", second="flat")
    table = differences_by_depth_table(differences=given_rows)
    points = named(figure, "difference")[0]
    assert list(points.x) == [0, 1, 2]
    assert list(points.y) == table["mean"].tolist()[:3] == pytest.approx([0.0, -5.0, 3.0])
    assert list(points.error_y.array) == pytest.approx([2, 2, 2])
    assert list(points.error_y.arrayminus) == pytest.approx([2, 2, 2])
    blue = theme.model_colour("tree")
    assert list(points.marker.color) == [theme.BACKGROUND[False], blue, blue]
    assert "below 0: tree is better" in figure.layout.yaxis.title.text.replace("<br>", " ")
    assert "at the same epochs" in figure.layout.title.text
    assert "p = 0.0100 (Holm)" in points.hovertext[1]


def test_the_basis_and_the_measure_are_named() -> None:
    figure = differences_by_depth(
        differences=differences(-0.05),
        first="tree",
        second="flat",
        basis="at the same train loss",
        measure="generalization gap",
    )
    assert "at the same train loss" in figure.layout.title.text.replace("<br>", " ")
    assert "tree overfits less" in figure.layout.yaxis.title.text.replace("<br>", " ")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            differences(0.0, -0.05, -0.06, 0.03, 0.01),
            "The tree has a lower test error than the flat net at K = 1 (-5.0 points [-7.0, -3.0], n = 5) and K = 2 "
            "(-6.0 points [-8.0, -4.0], n = 5) and a higher one at K = 3 (3.0 points [1.0, 5.0], n = 5); at the other 2 depths "
            "no difference is shown (paired over seeds at the same epochs, Holm over 5 depths).",
        ),
        (
            differences(0.03),
            "The tree has a higher test error than the flat net at K = 0 (3.0 points [1.0, 5.0], n = 5) "
            "(paired over seeds at the same epochs, Holm over 1 depth).",
        ),
        (
            differences(0.0, 0.01),
            "No difference shown at any depth between the tree and the flat net in test error "
            "(n = 5, paired over seeds at the same epochs, Holm over 2 depths).",
        ),
        (
            differences(-0.5, n=1),
            "No difference shown at any depth between the tree and the flat net in test error: one seed has no interval.",
        ),
    ],
)
def test_sentence_of_differences(table: pd.DataFrame, expected: str) -> None:
    assert differences_by_depth_sentence(differences=table, first="tree", second="flat") == expected


# Help map


def test_only_shown_cells_are_coloured_and_each_state_looks_different() -> None:
    figure = help_map(cells=cells())
    heat = figure.data[0]
    z = np.asarray(heat.z, dtype=float)
    expected = np.full((3, 4), NAN)
    expected[1, 1], expected[0, 1], expected[1, 3] = -4.1, 5.0, -6.0
    np.testing.assert_allclose(z, expected)
    assert heat.zmin == -heat.zmax == -6.0
    assert list(figure.layout.yaxis.ticktext) == ["8", "16", "128"]
    outlined = [x for x in named(figure, "no difference shown")[0].x if x is not None]
    assert len(outlined) == 2 * 5
    missing = named(figure, "not trained")[0]
    assert len(missing.x) == 3 * 4 - 5
    assert missing.marker.pattern.shape == "/"
    subtitle = figure.layout.title.text.replace("<br>", " ")
    assert "outlined: no difference shown" in subtitle
    assert "hatched: not trained" in subtitle
    assert "Holm over 5 cells" in subtitle


def test_a_map_without_gaps_is_not_hatched() -> None:
    figure = help_map(cells=cells().query("width == 8"))
    assert not named(figure, "not trained")
    assert "hatched" not in figure.layout.title.text


def test_squares_carry_width_and_depth() -> None:
    targets = named(help_map(cells=cells()), "cells")[0]
    table = help_map_table(cells=cells())
    assert [list(pair) for pair in targets.customdata] == table[["width", "depth"]].to_numpy().tolist()
    assert targets.marker.opacity == frame.CLICK_TARGET["marker_opacity"]
    assert targets.hovertext[2] == (
        "width 16, K = 1<br>-4.1 points [-6.1, -2.1], n = 5<br>p = 0.0100 (Holm)<br>a difference is shown"
    )
    assert targets.hovertext[0].endswith("no difference shown")


def test_numbers_stand_in_shown_cells_where_they_fit() -> None:
    texts = {a.text for a in help_map(cells=cells()).layout.annotations}
    assert texts == {"-4.1", "+5.0", "-6.0"}
    many = pd.concat([cells().assign(width=width) for width in range(4, 44)]).drop_duplicates(["width", "depth"])
    assert not help_map(cells=many).layout.annotations


@pytest.mark.parametrize("dark", [False, True])
def test_blue_means_that_the_first_is_better_and_numbers_are_legible(dark: bool) -> None:
    steps = np.linspace(-0.05, 0.05, 21)
    table = pd.DataFrame({"width": 8, "depth": range(21), "mean": steps, "low": steps, "high": steps, "n": 5})
    figure = help_map(cells=table.assign(p_holm=0.01, shown=True), look=Look(dark))
    heat = figure.data[0]
    colours = [colour for _, colour in heat.colorscale]
    low, middle, high = ([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert max(middle) - min(middle) < 16
    assert len(figure.layout.annotations) == 21
    for place, annotation in zip(np.linspace(0, 1, 21), figure.layout.annotations):
        colour = theme.scale_colour([(at, c) for at, c in heat.colorscale], place)
        assert theme.contrast(annotation.font.color, colour) >= 4.5


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            cells(),
            "The tree has a lower test error than the dense net of equal computation in 2 of 5 cells (most at width 16, K = 3: "
            "-6.0 points [-8.0, -4.0], n = 5) and a higher one in 1 (width 8, K = 1: 5.0 points [3.0, 7.0], n = 5); "
            "in the other 2 no difference is shown.",
        ),
        (
            cells().query("depth == 1 and width == 8"),
            "The tree has a lower test error than the dense net of equal computation in none of 1 cell and a higher one in 1 "
            "(width 8, K = 1: 5.0 points [3.0, 7.0], n = 5).",
        ),
        (
            cells().assign(shown=False),
            "No difference of test error between the tree and the dense net of equal computation is shown in any of 5 cells "
            "(n = 5).",
        ),
        (
            cells(1),
            "No difference of test error between the tree and the dense net of equal computation is shown in any of 5 cells "
            "(one seed has no interval).",
        ),
    ],
)
def test_sentence_of_the_map(table: pd.DataFrame, expected: str) -> None:
    assert help_map_sentence(cells=table) == expected


def test_a_cell_may_stand_only_once() -> None:
    with pytest.raises(ValueError, match=r"one row for each width and depth, got two for width 8, depth 0"):
        help_map(cells=pd.concat([cells(), cells().query("width == 8 and depth == 0")]))


# Levels and training rows


def test_levels_are_the_table_with_test_solid_and_training_dotted() -> None:
    figure = level_accuracy(curves=levels(), depth=2)
    table = level_accuracy_table(curves=levels(), depth=2)
    for split in ("test", "train"):
        line = named(figure, theme.SPLIT_WORDS[split])[0]
        assert list(line.x) == [0, 1, 2]
        assert list(line.y) == table.loc[table["split"] == split, "mean"].tolist()
        assert line.line.dash == theme.SPLIT_DASHES[split]
    assert list(named(figure, "test")[0].y) == pytest.approx([50, 60, 70])
    assert level_accuracy_sentence(curves=levels(), depth=2) == (
        "Test accuracy read to level 0 is 50.0 % [48.0 %, 52.0 %], n = 5, and to the full depth, K = 2, 70.0 % "
        "[68.0 %, 72.0 %], n = 5."
    )
    alone = levels(1).query("level == 0")
    assert level_accuracy_sentence(curves=alone, depth=0) == "Test accuracy read to the full depth, K = 0, is 50.0 %, one seed."


def test_levels_must_lie_within_the_depth() -> None:
    with pytest.raises(ValueError, match=r"levels must be from 0 to depth = 1, got 2"):
        level_accuracy(curves=levels(), depth=1)


@pytest.mark.parametrize("look", LOOKS)
def test_error_by_rows_has_a_line_a_depth_on_an_ordered_ramp(look: Look) -> None:
    figure = error_by_rows(curves=by_rows(), look=look)
    table = error_by_rows_table(curves=by_rows())
    depth_lines = [named(figure, f"K = {k}")[0] for k in (0, 2, 4)]
    for k, line in zip((0, 2, 4), depth_lines):
        rows = table[table["depth"] == k]
        assert list(line.x) == rows["n_train"].tolist() == [100, 1000]
        assert list(line.y) == rows["mean"].tolist()
    against = [theme.contrast(line.line.color, theme.BACKGROUND[look.dark]) for line in depth_lines]
    assert 3 <= against[0] < against[1] < against[2]
    assert named(figure, "dense, same multiply-adds")[0].line.color == interval_lines.grey(look)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.ticktext) == ["100", "1,000"]


def test_ticks_that_would_touch_are_left_out() -> None:
    table = pd.concat([by_rows().query("n_train == 100").assign(n_train=size) for size in (100, 980, 988, 10_000)])
    assert list(error_by_rows(curves=table).layout.xaxis.tickvals) == [100, 980, 10_000]


def test_sentence_of_training_rows() -> None:
    assert error_by_rows_sentence(curves=by_rows().query("depth != 2")) == (
        "From 100 to 1,000 training rows, the test error goes from 38.0 % [36.0 %, 40.0 %], n = 5 to 20.0 % [18.0 %, 22.0 %], "
        "n = 5 with tree, K = 0; from 30.0 % [28.0 %, 32.0 %], n = 5 to 12.0 % [10.0 %, 14.0 %], n = 5 with tree, K = 4; "
        "from 48.0 % [46.0 %, 50.0 %], n = 5 to 30.0 % [28.0 %, 32.0 %], n = 5 with dense, same multiply-adds."
    )


def test_depths_of_two_models_and_no_rows_are_refused() -> None:
    two = pd.concat([by_rows(), by_rows().query("depth == 0").assign(model="flat")])
    with pytest.raises(ValueError, match=r"curves must hold the depths of one model, got tree, flat"):
        error_by_rows(curves=two)
    with pytest.raises(ValueError, match=r"n_train must be at least 1, got 0"):
        error_by_rows(curves=by_rows().assign(n_train=0))


# Labels at the ends of lines, and words


@given(st.lists(st.tuples(st.integers(-50, 450), st.integers(10, 40)), min_size=1, max_size=10))
def test_labels_never_touch_and_move_as_little_as_possible(labels: list[tuple[int, int]]) -> None:
    wanted, sizes = (np.array(part, dtype=float) for part in zip(*labels))
    places = spread(wanted, sizes, height=400)
    order = np.argsort(wanted, kind="stable")
    tall, at = sizes[order], places[order]
    assert (np.diff(at) >= (tall[1:] + tall[:-1]) / 2 - 1e-9).all()
    assert at[0] - tall[0] / 2 >= -1e-9
    assert at[-1] + tall[-1] / 2 <= 400 + 1e-9
    offset = np.cumsum(tall) - tall / 2
    best = isotonic_regression(wanted[order] - offset, y_min=0, y_max=400 - tall.sum()) + offset
    np.testing.assert_allclose(at, best, atol=1e-8)


def test_labels_of_lit_lines_come_first_where_not_all_fit() -> None:
    figure = go.Figure()
    labels = [EndLabel(1, at, f"line {at}", "#000000", lit=at == 9) for at in range(10)]
    label_ends(figure, labels, x_range=(0, 1), y_range=(0, 10), width=100, height=60, look=theme.SCREEN)
    assert [a.text for a in figure.layout.annotations] == ["line 9", "line 0", "line 1"]


@pytest.mark.parametrize("look", LOOKS)
def test_labels_of_a_crowded_figure_do_not_overlap(look: Look) -> None:
    models = ["tree", "tree_units", "flat", "random_gates", "dense_capacity", "decision_tree", "decision_tree_pruned"]
    rows = [(m, "", split, k, 0.1 + 0.001 * i) for i, m in enumerate(models) for split in ("test", "train") for k in (0, 1)]
    figure = error_by_depth(curves=with_interval(rows, "model variant split depth mean", 5), look=look)
    height = interval_lines.panel_height(figure, look)
    low, high = figure.layout.yaxis.range
    size = theme.FONT_SIZE[look.projector]
    boxes = sorted(
        ((a.y - low) / (high - low) * height - a.ay, (a.text.count("<br>") + 1) * size)
        for a in figure.layout.annotations
        if a.showarrow and a.xref == "x2"
    )
    assert len(boxes) == len(models)
    for (first, tall), (second, next_tall) in itertools.pairwise(boxes):
        assert second - first >= (tall + next_tall) / 2


@pytest.mark.parametrize("depth", [0, 3, 16])
def test_ticks_of_depth_are_whole_numbers_that_do_not_touch(depth: int) -> None:
    figure = go.Figure()
    low, high = interval_lines.integer_axis(figure, low=0, high=depth, width=250, title="depth", look=Look(projector=True))
    assert low < 0 < depth + 1 > high
    assert isinstance(figure.layout.xaxis.dtick, int)
    assert figure.layout.xaxis.dtick * 250 / (high - low) > theme.FONT_SIZE[True]


def test_words_of_seeds() -> None:
    assert interval_lines.seeds_words(pd.Series([0, 0]), "bands") == "no seed has finished"
    assert interval_lines.seeds_words(pd.Series([1, 3]), "bands").endswith("; one seed: no interval")
    assert interval_lines.interval_words(NAN, NAN, NAN, 0, "percent") == theme.MISSING
    assert interval_lines.interval_words(-0.04, -1.0, 1.0, 5, "percentage points") == "0.0 points [-1.0, 1.0], n = 5"
    assert interval_lines.interval_words(12.0, NAN, NAN, 3, "percent") == "12.0 %, n = 3"
