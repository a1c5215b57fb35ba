"""Figures of the capacity page and learning curves over seeds: capacity and cost, ratio, error by cost, and model styles."""

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app import theme
from leafscope.app.figures.capacity.capacity_by_depth import (
    capacity_by_depth,
    capacity_by_depth_sentence,
    capacity_by_depth_table,
    capacity_time_ratio,
    capacity_time_ratio_sentence,
    capacity_time_ratio_table,
    log_axis,
    log_ticks,
    tick_text,
    times_words,
)
from leafscope.app.figures.capacity.error_by_cost import error_by_cost, error_by_cost_sentence, error_by_cost_table
from leafscope.app.figures.overfitting.training_curves import seed_curves, seed_curves_sentence, seed_curves_table
from leafscope.app.figures.shared.interval_lines import panel_height
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import Look
from leafscope.core.models import lines

LOOKS = [Look(dark, projector) for dark, projector in itertools.product((False, True), (False, True))]
EVIL = "<i>run</i>"
NAN = float("nan")


def counts(*, gates: int = 0, seconds: bool = True, dense: bool = False) -> pd.DataFrame:
    """A tree layer of 10 parameters and 8 multiply-adds a node, whose step takes 1, 1.5, 2, ... ms."""
    rows: list[tuple[str, float, float, str]] = []
    for depth in (0, 1, 2, 12):
        rows += [
            ("stored", depth, 10 * (2 ** (depth + 1) - 1), "parameters"),
            ("multiply_adds", depth, 8 + gates * depth, "multiply-adds"),
            ("gate_multiply_adds", depth, gates * depth, "multiply-adds"),
            ("touched_bytes", depth, 1024 * (depth + 1), "bytes"),
        ]
        rows += [("training_seconds", depth, 0.001 * (1 + depth / 2), "seconds")] if seconds else []
    if dense:
        rows += [("stored", NAN, 5, "parameters"), ("training_seconds", NAN, 0.0005, "seconds")]
    return pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"])


def ratios() -> pd.DataFrame:
    rows = [("training", 256, k, 2.0**k) for k in (4, 0, 2)] + [("inference", 1, k, 0.5 * 2.0**k) for k in (0, 2, 4)]
    return pd.DataFrame(rows, columns=["phase", "rows", "depth", "ratio"])


def points(n: int = 5) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = [
        ("tree", "", 2, 8, 64, 0.2, 0.19, True),
        ("tree", "", 0, 8, 64, 0.3, 0.3, False),
        ("tree", "", 0, 16, 256, 0.25, 0.24, False),
        ("dense", "", NAN, 8, 64, 0.3, 0.31, False),
        ("dense", "", NAN, 16, 256, 0.15, 0.14, True),
        ("decision_tree", "", 0, NAN, 0, 0.6, 0.6, True),
        ("decision_tree", "", 1, NAN, 1, 0.5, 0.5, True),
        ("logistic", "", NAN, NAN, 30, NAN, NAN, False),
    ]
    half = 0.02 if n > 1 else NAN
    table = [(*row[:5], row[5], row[5] - half, row[5] + half, n, *row[6:]) for row in rows]
    columns = ["model", "variant", "depth", "width", "cost", "mean", "low", "high", "n", "validation_mean", "on_front"]
    return pd.DataFrame(table, columns=columns)


def curves(n: int = 5) -> pd.DataFrame:
    half = 0.05 if n > 1 else NAN
    rows = [
        (model, "", split, epoch, mean := start - 0.1 * epoch, mean - half, mean + half, n)
        for model, split, start in (("tree", "train", 0.5), ("tree", "test", 0.6), ("dense", "test", 0.7))
        for epoch in (2, 0, 1)
    ]
    return pd.DataFrame(rows, columns=["model", "variant", "split", "epoch", "mean", "low", "high", "n"])


def seeds() -> pd.DataFrame:
    rows = [("tree", "", "test", seed, epoch, 0.6 - 0.1 * epoch + 0.01 * seed) for seed in (0, 1) for epoch in (0, 1, 2)]
    return pd.DataFrame(rows, columns=["model", "variant", "split", "seed", "epoch", "value"])


Make = Callable[..., go.Figure]
FIGURES: dict[str, Make] = {
    "capacity": lambda **kw: capacity_by_depth(lines=counts(), **kw),
    "ratio": lambda **kw: capacity_time_ratio(rows=ratios(), **kw),
    "cost": lambda **kw: error_by_cost(points=points(), cost="multiply_adds", **kw),
    "curves": lambda **kw: seed_curves(curves=curves(), seeds=seeds(), metric="loss", chosen=1, **kw),
}


def named(figure: go.Figure, name: str) -> Any:
    (trace,) = [trace for trace in figure.data if trace.name == name]
    return trace


def finite(values: Any) -> list[float]:
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).replace("<br>", " ")


def labels(figure: go.Figure) -> list[str]:
    return [str(a.text).replace("<br>", " ") for a in figure.layout.annotations]


# What holds for all


@pytest.mark.parametrize(("name", "look"), list(itertools.product(FIGURES, LOOKS)))
def test_a_figure_has_a_fixed_height_titles_and_is_json(name: str, look: Look) -> None:
    figure = FIGURES[name](look=look, subject="digits")
    assert "digits" in figure.layout.title.text
    height = theme.MAIN_HEIGHT if name in ("capacity", "cost") else theme.SIDE_HEIGHT
    assert figure.layout.height == height[look.projector]
    assert figure.layout.template.layout.font.size == theme.FONT_SIZE[look.projector]
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    assert json.loads(figure.to_json())["data"]


@pytest.mark.parametrize("name", FIGURES)
def test_a_subject_never_becomes_a_tag(name: str) -> None:
    figure = FIGURES[name](subject=EVIL)
    figure.layout.meta = None  # as written, for those who escape it themselves
    text = json.dumps(figure.to_plotly_json(), default=str)
    assert "<i>" not in text
    assert "&lt;i&gt;run&lt;/i&gt;" in text


def test_variants_units_and_phases_never_become_tags() -> None:
    figures = [
        error_by_cost(points=points().assign(variant=EVIL), cost="parameters"),
        seed_curves(curves=curves().assign(variant=EVIL), metric="error"),
        capacity_by_depth(lines=counts().assign(unit=EVIL)),
        capacity_time_ratio(rows=ratios().assign(phase=EVIL, rows=[1, 1, 1, 2, 2, 2])),
    ]
    for figure in figures:
        text = json.dumps(figure.to_plotly_json(), default=str)
        assert "<i>" not in text
        assert "&lt;i&gt;" in text


def test_n_is_in_the_title_and_one_seed_has_no_interval() -> None:
    assert "n = 5 seeds" in title(error_by_cost(points=points(), cost="parameters"))
    assert "n = 5 seeds" in title(seed_curves(curves=curves()))
    for figure in (error_by_cost(points=points(1), cost="parameters"), seed_curves(curves=curves(1))):
        assert "n = 1, one seed: no interval" in title(figure)
        assert not [trace for trace in figure.data if trace.fill == "toself"]
        assert not [bar for trace in figure.data for bar in finite([] if trace.error_y.array is None else trace.error_y.array)]
    assert "20.0 %, one seed" in error_by_cost_sentence(points=points(1), cost="parameters")
    assert "one seed" in seed_curves_sentence(curves=curves(1))


def test_nothing_gives_a_figure_and_a_sentence_that_say_so() -> None:
    figures = [
        capacity_by_depth(lines=counts().iloc[:0]),
        capacity_by_depth(lines=counts().assign(value=NAN)),
        capacity_time_ratio(rows=ratios().assign(ratio=NAN)),
        error_by_cost(points=points().assign(mean=NAN), cost="parameters"),
        error_by_cost(points=points().assign(cost=NAN), cost="parameters"),
        seed_curves(curves=curves().iloc[:0]),
    ]
    for figure in figures:
        assert not figure.data
        assert figure.layout.annotations[0].text.endswith("yet.")
    assert capacity_by_depth_sentence(lines=counts().query("depth == 0")) == "No depth above 0 is counted yet."
    assert capacity_time_ratio_sentence(rows=ratios().iloc[:0]) == "No time is measured yet."
    assert error_by_cost_sentence(points=points().iloc[:0], cost="parameters").endswith("yet.")
    assert seed_curves_sentence(curves=curves().iloc[:0], metric="error") == "No error is recorded yet."


def test_a_missing_column_is_named() -> None:
    for call in (
        lambda: capacity_by_depth(lines=counts().drop(columns="unit")),
        lambda: capacity_time_ratio(rows=ratios().drop(columns="ratio")),
        lambda: error_by_cost(points=points().drop(columns="n"), cost="parameters"),
        lambda: seed_curves(curves=curves().drop(columns="n")),
        lambda: seed_curves(curves=curves(), seeds=seeds().drop(columns="seed")),
    ):
        with pytest.raises(ValueError, match=r"must have the columns .* but (unit|ratio|n|seed) is missing"):
            call()


# Capacity and cost by depth


def test_lines_are_multiples_of_depth_0_and_hover_gives_the_value() -> None:
    figure, table = capacity_by_depth(lines=counts()), capacity_by_depth_table(lines=counts())
    assert figure.layout.yaxis.type == "log"
    for quantity, words in (("stored", "parameters stored"), ("training_seconds", "time of a training step")):
        rows = table[table["quantity"] == quantity]
        assert list(named(figure, words).x) == rows["depth"].tolist() == [0, 1, 2, 12]
        assert list(named(figure, words).y) == rows["times"].tolist()
    assert list(named(figure, "parameters stored").y) == [1, 3, 7, 8191]
    assert named(figure, "parameters stored").hovertext[3] == (
        "parameters stored, K = 12<br>81,910 parameters<br>8,191 times depth 0"
    )
    assert "<br>2.00 KiB<br>" in named(figure, "bytes touched by a step").hovertext[1]
    assert "<br>1.50 ms<br>" in named(figure, "time of a training step").hovertext[1]
    assert figure.layout.yaxis.title.text.replace("<br>", " ") == "times depth 0 (log scale)"


def test_every_line_is_labelled_and_has_its_own_marker_and_dash_within_a_colour() -> None:
    names = ["stored", "distinct", "trained", "multiply_adds", "gate_multiply_adds", "touched_bytes"]
    names += ["training_seconds", "inference_seconds"]
    rows = [(name, depth, 1.0 + depth, "") for name in names for depth in (0, 1)]
    figure = capacity_by_depth(lines=pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"]))
    assert {trace.name for trace in figure.data} == set(labels(figure))
    assert len({trace.marker.symbol for trace in figure.data}) == len(names)
    assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == len(names)
    assert not {trace.line.dash for trace in figure.data} & {"dash", "dot"}


@pytest.mark.parametrize("look", LOOKS)
def test_wrapped_labels_of_lines_that_end_together_stand_apart(look: Look) -> None:
    """What is stored, distinct and trained is nearly the same."""
    rows = [
        (quantity, depth, factor * 2.0**depth if depth else 1.0, "parameters")
        for quantity, factor in (("stored", 1.0), ("distinct", 0.93), ("trained", 0.8))
        for depth in (0, 6)
    ]
    figure = capacity_by_depth(lines=pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"]), look=look)
    low, high = figure.layout.yaxis.range
    height = panel_height(figure, look)
    boxes = sorted(
        (a.ay - (a.y - low) / (high - low) * height, 1.3 * (a.text.count("<br>") + 1)) for a in figure.layout.annotations
    )
    assert sum(lines for _, lines in boxes) > 3 * 1.3  # some are wrapped
    size = theme.FONT_SIZE[look.projector]
    for (above, tall), (below, taller) in itertools.pairwise(boxes):
        assert below - above >= (tall + taller) / 2 * size + 0.3 * size


def test_gates_that_cost_nothing_are_left_out_and_it_is_said() -> None:
    figure = capacity_by_depth(lines=counts())
    assert "of these, gates" not in [trace.name for trace in figure.data]
    assert "gates reuse hidden units and cost nothing" in title(figure)


def test_gates_are_a_part_of_all_multiply_adds() -> None:
    figure = capacity_by_depth(lines=counts(gates=2))
    gates = named(figure, "of these, gates")
    assert math.isnan(gates.y[0])
    assert finite(gates.y) == pytest.approx([2 / 8, 4 / 8, 24 / 8])
    assert "cost nothing" not in title(figure)


def test_the_dense_layer_is_the_reference_where_it_has_a_value() -> None:
    lines = counts(dense=True)
    figure, table = (f(lines=lines, reference="dense") for f in (capacity_by_depth, capacity_by_depth_table))
    assert list(named(figure, "parameters stored").y) == pytest.approx([2, 6, 14, 16382])
    assert list(named(figure, "time of a training step").y) == pytest.approx([2, 3, 4, 14])
    assert list(named(figure, "multiply-adds").y) == [1, 1, 1, 1]
    assert table[table["depth"].isna()]["times"].tolist() == [1, 1]
    assert capacity_by_depth_table(lines=lines)["depth"].notna().all()
    assert figure.layout.yaxis.title.text.replace("<br>", " ") == "times the dense layer (log scale)"
    assert named(capacity_by_depth(lines=lines), "parameters stored").y[0] == 1


def test_a_quantity_without_a_reference_is_not_drawn_and_it_is_said() -> None:
    lines = counts().query("not (quantity == 'training_seconds' and depth == 0)")
    figure = capacity_by_depth(lines=lines)
    assert "time of a training step" not in [trace.name for trace in figure.data]
    assert "not drawn, since depth 0 has no value: time of a training step" in title(figure)
    assert capacity_by_depth_table(lines=lines).query("quantity == 'training_seconds'")["times"].isna().all()


def test_a_missing_value_leaves_a_gap() -> None:
    lines = counts()
    lines.loc[(lines["quantity"] == "training_seconds") & (lines["depth"] == 12), "value"] = NAN
    line = named(capacity_by_depth(lines=lines), "time of a training step")
    assert math.isnan(line.y[3])
    assert "to 2 the stored parameters grow 7.00 times while a training step takes 2.00" in capacity_by_depth_sentence(
        lines=lines
    )


def test_wrong_quantities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"quantity must be one of stored, .*, got 'watts'"):
        capacity_by_depth(lines=counts().assign(quantity="watts"))
    with pytest.raises(ValueError, match=r"one value at a depth, got two of stored at depth 0"):
        capacity_by_depth(lines=pd.concat([counts(), counts()]))


@pytest.mark.parametrize(
    ("lines", "reference", "expected"),
    [
        (
            counts(),
            None,
            "From depth 0 to 12 the stored parameters grow 8,191 times while a training step takes 7.00 times as long: "
            "a capacity-time ratio of 1,170.",
        ),
        (
            counts(dense=True),
            "dense",
            "From the dense layer to depth 12 the stored parameters grow 16,382 times while a training step takes 14.0 times "
            "as long: a capacity-time ratio of 1,170.",
        ),
        (
            counts(seconds=False),
            None,
            "From depth 0 to 12 the stored parameters grow 8,191 times while the multiply-adds of one example stay the same: "
            "a capacity-computation ratio of 8,191.",
        ),
        (
            counts(seconds=False, gates=2),
            None,
            "From depth 0 to 12 the stored parameters grow 8,191 times while the multiply-adds of one example grow 4.00 times: "
            "a capacity-computation ratio of 2,050.",
        ),
        (counts().query("quantity == 'stored'"), None, "From depth 0 to 12 the stored parameters grow 8,191 times."),
        (
            counts().replace("training_seconds", "inference_seconds"),
            None,
            "From depth 0 to 12 the stored parameters grow 8,191 times while inference takes 7.00 times as long: "
            "a capacity-time ratio of 1,170.",
        ),
    ],
)
def test_sentence_of_capacity(lines: pd.DataFrame, reference: Any, expected: str) -> None:
    assert capacity_by_depth_sentence(lines=lines, reference=reference) == expected


# Capacity-time ratio


def test_ratios_are_the_table_a_line_for_each_phase_and_batch() -> None:
    figure, table = capacity_time_ratio(rows=ratios()), capacity_time_ratio_table(rows=ratios())
    for phase, name in (("training", "training, 256 rows"), ("inference", "inference, 1 row")):
        rows = table[table["phase"] == phase]
        assert list(named(figure, name).x) == rows["depth"].tolist() == [0, 2, 4]
        assert list(named(figure, name).y) == rows["ratio"].tolist()
    assert named(figure, "training, 256 rows").line.color != named(figure, "inference, 1 row").line.color
    assert named(figure, "training, 256 rows").marker.symbol != named(figure, "inference, 1 row").marker.symbol
    assert figure.layout.yaxis.type == "log"
    (one,) = figure.layout.shapes
    assert (one.y0, one.y1) == (1, 1)
    assert "dense layer" in labels(figure)


def test_a_ratio_that_is_missing_leaves_a_gap_and_the_line_at_1_stays_in_sight() -> None:
    rows = ratios().assign(ratio=[16.0, 100.0, NAN, 50.0, 60.0, 70.0])
    figure = capacity_time_ratio(rows=rows)
    assert math.isnan(named(figure, "training, 256 rows").y[1])
    low, high = figure.layout.yaxis.range
    assert low < 0 < high


def test_sentence_of_ratios() -> None:
    assert capacity_time_ratio_sentence(rows=ratios()) == (
        "At depth 4 the capacity-time ratio is 16.0 for a training step of 256 rows and 8.00 for inference of 1 row "
        "(dense layer: 1)."
    )
    slow = ratios().assign(ratio=[16.0, 0.8, 0.9, 0.5, 0.7, NAN])
    assert capacity_time_ratio_sentence(rows=slow) == (
        "At depth 4 the capacity-time ratio is 16.0 for a training step of 256 rows and 0.700 for inference of 1 row (depth 2) "
        "(dense layer: 1). Above depth 0 it is below that of the dense layer for a training step of 256 rows (depth 2) and "
        "inference of 1 row (depth 2)."
    )


# Error by cost


def test_points_are_the_table_and_no_further_than_a_marker_from_their_cost() -> None:
    figure, table = error_by_cost(points=points(), cost="multiply_adds"), error_by_cost_table(points=points())
    px = (1000 - 300) / (figure.layout.xaxis.range[1] - figure.layout.xaxis.range[0])
    for model in ("tree", "dense", "decision_tree"):
        rows = table[table["model"] == model]
        trace = named(figure, model_words(model))
        assert finite(trace.y) == rows["mean"].tolist()
        assert finite(trace.customdata) == rows["cost"].tolist()
        assert finite(trace.error_y.array) == pytest.approx([2.0] * len(rows))
        assert finite(trace.error_y.arrayminus) == pytest.approx([2.0] * len(rows))
        for x, cost in zip(finite(trace.x), rows["cost"]):
            assert abs(math.log10(x) - math.log10(cost or 0.5)) * px <= theme.MARKER_SIZE[False]
    assert len(set(finite(named(figure, "tree").x)) & set(finite(named(figure, model_words("dense")).x))) == 0
    assert "equal costs side by side" in title(figure)
    assert table["unit"].unique().tolist() == ["percent"]
    assert table["validation_mean"].iloc[0] == pytest.approx(30.0)


@pytest.mark.parametrize("look", LOOKS)
def test_many_models_of_one_cost_stand_within_a_marker_of_it(look: Look) -> None:
    one = points().query("model == 'tree' and depth == 2")
    crowd = pd.concat([one.assign(model=f"m{number}", on_front=False) for number in range(9)] + [one.assign(cost=6400.0)])
    figure = error_by_cost(points=crowd, cost="parameters", look=look)
    places = [math.log10(trace.x[0]) for trace in figure.data if str(trace.name).startswith("m")]
    # The legend takes more of a projector's width
    px = (616 if look.projector else 699) / (figure.layout.xaxis.range[1] - figure.layout.xaxis.range[0])
    assert places == sorted(set(places))
    assert max(abs(place - math.log10(64)) for place in places) * px <= 1.05 * theme.MARKER_SIZE[look.projector]


def test_points_that_cost_alike_nowhere_stand_at_their_cost() -> None:
    alone = points().query("model == 'tree'")
    figure = error_by_cost(points=alone, cost="parameters")
    assert finite(named(figure, "tree").x) == pytest.approx([64, 64, 256])
    assert "side by side" not in title(figure)


def test_lines_join_depths_within_a_width_and_widths_where_there_is_no_depth() -> None:
    figure = error_by_cost(points=points(), cost="multiply_adds")
    assert [math.isnan(y) for y in named(figure, "tree").y] == [False, False, True, False]
    assert named(figure, "tree").hovertext[0].startswith("tree, K = 0, width 8<br>64 multiply-adds<br>test error 30.0 %")
    assert not any(math.isnan(y) for y in named(figure, model_words("dense")).y)
    mixed = points().query("model == 'dense'").assign(depth=[NAN, 3], width=NAN)
    assert len(finite(named(error_by_cost(points=mixed, cost="parameters"), model_words("dense")).y)) == 2


def test_the_front_is_ringed_and_joined_by_steps_from_cheap_to_costly() -> None:
    figure = error_by_cost(points=points(), cost="multiply_adds")
    front = named(figure, "Pareto front on validation")
    assert list(front.customdata) == [0, 1, 64, 256]
    assert list(front.y) == pytest.approx([60, 50, 20, 15])
    assert front.line.shape == "hv"
    assert front.marker.symbol == "circle-open"
    assert list(front.x) == sorted(front.x)
    assert set(front.x) <= {x for trace in figure.data[:-1] for x in finite(trace.x)}
    none = error_by_cost(points=points().assign(on_front=False), cost="multiply_adds")
    assert "Pareto front on validation" not in [trace.name for trace in none.data]


def test_a_cost_of_0_stands_at_the_left_with_its_own_tick() -> None:
    figure = error_by_cost(points=points(), cost="multiply_adds")
    assert named(figure, "decision tree").x[0] == pytest.approx(0.5)
    assert figure.layout.xaxis.ticktext[0] == "0"
    assert figure.layout.xaxis.tickvals[0] == 0.5
    only = error_by_cost(points=points().query("cost == 0"), cost="multiply_adds")
    assert only.layout.xaxis.ticktext[0] == "0"
    without = error_by_cost(points=points().query("cost > 0"), cost="multiply_adds")
    assert "0" not in without.layout.xaxis.ticktext


def test_trees_of_scikit_learn_cost_comparisons_and_it_is_said() -> None:
    figure = error_by_cost(points=points(), cost="multiply_adds")
    assert "comparisons for decision trees" in title(figure)
    assert "<br>1 comparison<br>" in named(figure, "decision tree").hovertext[1]
    assert "comparison" not in error_by_cost(points=points(), cost="parameters").to_json()
    nets = points().query("model != 'decision_tree'")
    assert "comparisons" not in title(error_by_cost(points=nets, cost="multiply_adds"))


def test_the_ladder_is_smaller_than_the_dense_net_of_its_colour() -> None:
    both = pd.concat([points(), points().query("model == 'dense'").assign(model="dense_ladder")])
    figure = error_by_cost(points=both, cost="multiply_adds")
    ladder, dense = (named(figure, model_words(model)) for model in ("dense_ladder", "dense"))
    assert ladder.marker.size < dense.marker.size
    assert ladder.marker.color == dense.marker.color


def test_models_without_an_error_or_a_cost_are_not_drawn() -> None:
    figure = error_by_cost(points=points(), cost="multiply_adds")
    assert "logistic regression" not in [trace.name for trace in figure.data]
    some = points()
    some.loc[some["model"] == "dense", "cost"] = NAN
    assert model_words("dense") not in [trace.name for trace in error_by_cost(points=some, cost="parameters").data]
    with pytest.raises(ValueError, match=r"cost must be at least 0, got -1"):
        error_by_cost(points=points().assign(cost=-1.0), cost="parameters")


def test_sentence_of_the_front() -> None:
    assert error_by_cost_sentence(points=points(), cost="multiply_adds") == (
        "3 models are on the Pareto front of validation error and multiply-adds, from cheap to costly: decision tree (K = 0 to "
        "1; test error 60.0 % [58.0 %, 62.0 %], n = 5 to 50.0 % [48.0 %, 52.0 %], n = 5); tree (K = 2, width 8; test error "
        "20.0 % [18.0 %, 22.0 %], n = 5); dense, same multiply-adds (width 16; test error 15.0 % [13.0 %, 17.0 %], n = 5)."
    )
    only = points().query("model == 'tree'")
    assert error_by_cost_sentence(points=only, cost="parameters").startswith("One model is on the Pareto front")
    assert error_by_cost_sentence(points=only.assign(on_front=False), cost="parameters") == (
        "No model is on the Pareto front: no validation error is recorded yet."
    )


# Learning curves


def test_curves_are_the_table_with_a_dash_for_each_split() -> None:
    figure, table = seed_curves(curves=curves()), seed_curves_table(curves=curves())
    for split, word in (("test", "test"), ("train", "training")):
        rows = table[(table["model"] == "tree") & (table["split"] == split)]
        line = named(figure, f"tree, {word}")
        assert list(line.x) == rows["epoch"].tolist() == [0, 1, 2]
        assert list(line.y) == rows["mean"].tolist()
        assert line.line.dash == theme.SPLIT_DASHES[split]
        assert line.line.color == theme.model_colour("tree")
    assert "solid: test, dotted: training" in title(figure)
    assert title(figure).startswith("Test and training loss against epoch")
    assert sorted(labels(figure)) == ["dense, same multiply-adds, test", "tree, test", "tree, training"]


def test_bands_and_seeds_lie_below_the_means() -> None:
    figure = seed_curves(curves=curves(), seeds=seeds())
    kinds = ["band" if trace.fill else "seeds" if trace.name == "seeds" else "mean" for trace in figure.data]
    assert kinds == ["band", "seeds", "band", "band", "mean", "mean", "mean"]
    band, thin = figure.data[0], figure.data[1]
    assert list(band.y) == pytest.approx([0.65, 0.55, 0.45, 0.35, 0.45, 0.55])
    assert band.fillcolor == theme.faded(theme.model_colour("tree"), theme.BAND_OPACITY)
    assert list(thin.x) == [0, 1, 2, None, 0, 1, 2, None]
    assert finite(thin.y) == pytest.approx([0.6, 0.5, 0.4, 0.61, 0.51, 0.41])
    assert thin.opacity == theme.SEED_OPACITY


def test_errors_are_in_percent_and_losses_in_nats() -> None:
    error, loss = (seed_curves(curves=curves(), metric=metric) for metric in ("error", "loss"))
    assert list(named(error, "tree, test").y) == pytest.approx([60, 50, 40])
    assert list(named(loss, "tree, test").y) == pytest.approx([0.6, 0.5, 0.4])
    assert "percent" in error.layout.yaxis.title.text
    assert "nats" in loss.layout.yaxis.title.text
    assert error.layout.yaxis.range[0] < 0 < error.layout.yaxis.range[1] < 100


def test_a_missing_mean_leaves_a_gap_and_a_model_without_any_is_left_out() -> None:
    table = curves()
    table.loc[(table["model"] == "tree") & (table["epoch"] == 1), ["mean", "low", "high"]] = NAN
    table.loc[table["model"] == "dense", "mean"] = NAN
    figure = seed_curves(curves=table)
    assert math.isnan(named(figure, "tree, test").y[1])
    assert not [trace for trace in figure.data if str(trace.name).startswith("dense")]


def test_the_chosen_epoch_is_marked_and_in_sight() -> None:
    figure = seed_curves(curves=curves(), chosen=4)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (4, 4)
    assert figure.layout.xaxis.range[1] > 4
    assert "vertical line: epoch 4, chosen on validation" in title(figure)
    assert not seed_curves(curves=curves()).layout.shapes


def test_a_single_epoch_has_an_axis() -> None:
    low, high = seed_curves(curves=curves().query("epoch == 1")).layout.xaxis.range
    assert low < 1 < high


def test_sentence_of_curves() -> None:
    assert seed_curves_sentence(curves=curves(), metric="error") == (
        "At the last epoch, 2: tree, test error 40.0 % [35.0 %, 45.0 %], n = 5, training error 30.0 % [25.0 %, 35.0 %], n = 5; "
        "dense, same multiply-adds, test error 50.0 % [45.0 %, 55.0 %], n = 5."
    )
    early = curves().query("not (model == 'dense' and epoch > 1)")
    assert seed_curves_sentence(curves=early).endswith(
        "dense, same multiply-adds (ended at epoch 1), test loss 0.600 nats [0.550, 0.650], n = 5."
    )


# Logarithmic axes


@given(
    st.lists(st.floats(1e-4, 1e9), min_size=1, max_size=6),
    st.floats(120, 1000),
    st.sampled_from(["x", "y"]),
    st.sampled_from(LOOKS),
)
def test_a_log_axis_holds_its_values_with_ticks_that_do_not_touch(
    values: list[float], length: float, axis: Any, look: Look
) -> None:
    (low, high), options = log_axis(values, axis=axis, length=length, look=look)
    assert low < math.log10(min(values)) <= math.log10(max(values)) < high
    places = [(math.log10(tick) - low) / (high - low) * length for tick in options["tickvals"]]
    assert all(0 <= place <= length for place in places)
    size = theme.FONT_SIZE[look.projector]
    for (a, b), (first, second) in zip(itertools.pairwise(places), itertools.pairwise(options["ticktext"])):
        assert b - a >= (1.2 * size if axis == "y" else (len(first) + len(second)) / 4 * size)


@given(st.floats(1e-3, 1e12))
def test_a_tick_reads_as_its_value(value: float) -> None:
    tick = float(f"{value:.0e}")
    assert float(tick_text(tick).replace(",", "")) == pytest.approx(tick)


def test_ticks_fall_back_to_powers_of_ten() -> None:
    assert log_ticks((0.0, 2.0), axis="y", length=400, look=Look()) == [1, 2, 5, 10, 20, 50, 100]
    assert log_ticks((0.0, 2.0), axis="y", length=60, look=Look()) == [1, 10, 100]
    with pytest.raises(ValueError, match=r"must have a value above 0, got none"):
        log_axis([0.0, NAN], axis="y", length=100, look=Look())


def test_multiples_are_whole_where_they_are_large() -> None:
    assert [times_words(x) for x in (1.0, 7.0, 128.0, 8191.0, 1170.14)] == ["1.00", "7.00", "128", "8,191", "1,170"]


# Models


def test_models_look_apart_and_are_named_apart() -> None:
    assert len({model_words(model) for model in lines()}) == len(lines())
    assert model_words("flat", "x") == "flat (x)"
    assert model_words("new") == "new"
    for look in LOOKS:
        styles = [model_style(model, "", look) for model in lines()]
        assert len({(style["colour"], style["marker"]) for style in styles}) == len(lines())


def test_a_model_that_stands_for_another_has_its_colour_and_a_hollow_marker() -> None:
    look = Look()
    for model, of in (("random_gates", "tree"), ("decision_tree_pruned", "decision_tree"), ("dense_capacity", "dense")):
        style, other = model_style(model, "", look), model_style(of, "", look)
        assert style["colour"] == other["colour"]
        assert style["marker"] == f"{other['marker']}-open"
        assert style["width"] < other["width"]
    assert model_style("random_forest", "", look)["colour"] == theme.model_colour("ensemble")
    assert model_style("logistic", "", look)["width"] < model_style("dense", "", look)["width"]


def test_numbers_of_a_table_survive_any_order_of_rows() -> None:
    shuffled = points().sample(frac=1, random_state=0)
    first, second = error_by_cost_table(points=points()), error_by_cost_table(points=shuffled)
    key = ["model", "width", "depth", "cost"]
    pd.testing.assert_frame_equal(
        first.sort_values(key, ignore_index=True), second.sort_values(key, ignore_index=True), check_dtype=False
    )
    assert np.isfinite(first["mean"]).sum() == 7
