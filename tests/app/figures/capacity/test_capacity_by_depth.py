import itertools
import math
from typing import Any

import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.shared.interval_lines import panel_height
from leafscope.app.theme import Look
from tests.app.figures.capacity.tables import NAN, counts
from tests.app.figures.drawn import finite, labels, named, title
from tests.app.figures.test_contract import LOOKS


def test_lines_are_multiples_of_depth_0_and_hover_gives_the_value() -> None:
    shown = CapacityByDepth(counts())
    figure, table = shown.figure(), shown.table()
    assert figure.layout.yaxis.type == "log"
    for quantity, words in (("stored", "parameters stored"), ("training_seconds", "time of a training step")):
        rows = table[table["quantity"] == quantity]
        (line,) = named(figure, words)
        assert list(line.x) == rows["depth"].tolist() == [0, 1, 2, 12]
        assert list(line.y) == rows["times"].tolist()
    stored = named(figure, "parameters stored")[0]
    assert list(stored.y) == [1, 3, 7, 8191]
    assert stored.hovertext[3] == "parameters stored, K = 12<br>81,910 parameters<br>8,191 times depth 0"
    assert "<br>2.00 KiB<br>" in named(figure, "bytes touched by a step")[0].hovertext[1]
    assert "<br>1.50 ms<br>" in named(figure, "time of a training step")[0].hovertext[1]
    assert figure.layout.yaxis.title.text.replace("<br>", " ") == "times depth 0 (log scale)"


def test_every_line_is_labelled_and_has_its_own_marker_and_dash_within_a_colour() -> None:
    names = ["stored", "distinct", "trained", "multiply_adds", "gate_multiply_adds", "touched_bytes"]
    names += ["training_seconds", "inference_seconds"]
    rows = [(name, depth, 1.0 + depth, "") for name in names for depth in (0, 1)]
    figure = CapacityByDepth(pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"])).figure()
    assert {trace.name for trace in figure.data} == set(labels(figure))
    assert len({trace.marker.symbol for trace in figure.data}) == len(names)
    assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == len(names)
    assert not {trace.line.dash for trace in figure.data} & {"dash", "dot"}


@pytest.mark.parametrize("look", LOOKS)
def test_wrapped_labels_of_lines_that_end_together_are_apart(look: Look) -> None:
    """What is stored, distinct and trained is nearly the same."""
    rows = [
        (quantity, depth, factor * 2.0**depth if depth else 1.0, "parameters")
        for quantity, factor in (("stored", 1.0), ("distinct", 0.93), ("trained", 0.8))
        for depth in (0, 6)
    ]
    figure = CapacityByDepth(pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"])).figure(look=look)
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
    figure = CapacityByDepth(counts()).figure()
    assert not named(figure, "of these, gates")
    assert "gates reuse hidden units and cost nothing" in title(figure)


def test_gates_are_a_part_of_all_multiply_adds() -> None:
    figure = CapacityByDepth(counts(gates=2)).figure()
    (gates,) = named(figure, "of these, gates")
    assert math.isnan(gates.y[0])
    assert finite(gates.y) == pytest.approx([2 / 8, 4 / 8, 24 / 8])
    assert "cost nothing" not in title(figure)


def test_the_dense_layer_is_the_reference_where_it_has_a_value() -> None:
    lines = counts(dense=True)
    shown = CapacityByDepth(lines, reference="dense")
    figure, table = shown.figure(), shown.table()
    assert list(named(figure, "parameters stored")[0].y) == pytest.approx([2, 6, 14, 16382])
    assert list(named(figure, "time of a training step")[0].y) == pytest.approx([2, 3, 4, 14])
    assert list(named(figure, "multiply-adds")[0].y) == [1, 1, 1, 1]
    assert table[table["depth"].isna()]["times"].tolist() == [1, 1]
    assert figure.layout.yaxis.title.text.replace("<br>", " ") == "times the dense layer (log scale)"
    at_depth_0 = CapacityByDepth(lines)
    assert at_depth_0.table()["depth"].notna().all()
    assert named(at_depth_0.figure(), "parameters stored")[0].y[0] == 1


def test_a_quantity_without_a_reference_is_not_drawn_and_it_is_said() -> None:
    shown = CapacityByDepth(counts().query("not (quantity == 'training_seconds' and depth == 0)"))
    assert not named(shown.figure(), "time of a training step")
    assert "not drawn, since depth 0 has no value: time of a training step" in title(shown.figure())
    assert shown.table().query("quantity == 'training_seconds'")["times"].isna().all()


def test_a_missing_value_leaves_a_gap() -> None:
    lines = counts()
    lines.loc[(lines["quantity"] == "training_seconds") & (lines["depth"] == 12), "value"] = NAN
    shown = CapacityByDepth(lines)
    assert math.isnan(named(shown.figure(), "time of a training step")[0].y[3])
    assert "to 2 the stored parameters grow by a factor of 7.00" in shown.sentence()
    assert "takes 2.00 times as long" in shown.sentence()


def test_wrong_quantities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"quantity must be one of stored, .*, got 'watts'"):
        CapacityByDepth(counts().assign(quantity="watts"))
    with pytest.raises(ValueError, match=r"one value at a depth, got two of stored at depth 0"):
        CapacityByDepth(pd.concat([counts(), counts()]))


@pytest.mark.parametrize(
    ("lines", "reference", "said"),
    [
        (
            counts(),
            None,
            [
                "From depth 0 to 12",
                "stored parameters grow by a factor of 8,191",
                "training step takes 7.00 times as long",
                "capacity-time ratio of 1,170",
            ],
        ),
        (
            counts(dense=True),
            "dense",
            [
                "From the dense layer to depth 12",
                "factor of 16,382",
                "takes 14.0 times as long",
                "capacity-time ratio of 1,170",
            ],
        ),
        (
            counts(seconds=False),
            None,
            ["factor of 8,191", "multiply-adds of one example stay the same", "capacity-computation ratio of 8,191"],
        ),
        (
            counts(seconds=False, gates=2),
            None,
            ["multiply-adds of one example grow by a factor of 4.00", "capacity-computation ratio of 2,050"],
        ),
        (
            counts().replace("training_seconds", "inference_seconds"),
            None,
            ["inference takes 7.00 times as long", "capacity-time ratio of 1,170"],
        ),
    ],
)
def test_sentence_sets_capacity_beside_time_or_computation(lines: pd.DataFrame, reference: Any, said: list[str]) -> None:
    sentence = CapacityByDepth(lines, reference).sentence()
    assert all(words in sentence for words in said)


def test_sentence_without_a_cost_or_a_depth_above_0() -> None:
    alone = CapacityByDepth(counts().query("quantity == 'stored'")).sentence()
    assert "factor of 8,191" in alone
    assert "ratio" not in alone
    assert CapacityByDepth(counts().query("depth == 0")).sentence() == "No depth above 0 is counted yet."


def test_unstable_times_are_hollow_and_never_in_the_sentence() -> None:
    rows = counts(dense=True)
    deepest = (rows["quantity"] == "training_seconds") & (rows["depth"] == 12)
    shown = CapacityByDepth(rows.assign(unstable=deepest), reference="dense")
    (step,) = named(shown.figure(), "time of a training step")
    assert [symbol.endswith("-open") for symbol in step.marker.symbol] == [False, False, False, True]
    assert step.hovertext[3].endswith("unstable")
    assert "hollow: unstable" in title(shown.figure())
    assert "From the dense layer to depth 2 " in shown.sentence()
    assert shown.table()["unstable"].sum() == 1
    assert "unstable" not in CapacityByDepth(rows).table()
