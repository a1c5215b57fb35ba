import math

from leafscope.app.figures.capacity.capacity_time_ratio import CapacityTimeRatio
from tests.app.figures.capacity.tables import NAN, ratios
from tests.app.figures.drawn import labels, named


def test_ratios_are_the_table_a_line_for_each_phase_and_batch() -> None:
    shown = CapacityTimeRatio(ratios())
    figure, table = shown.figure(), shown.table()
    (training,), (inference,) = named(figure, "training, 256 rows"), named(figure, "inference, 1 row")
    for phase, line in (("training", training), ("inference", inference)):
        rows = table[table["phase"] == phase]
        assert list(line.x) == rows["depth"].tolist() == [0, 2, 4]
        assert list(line.y) == rows["ratio"].tolist()
    assert training.line.color != inference.line.color
    assert training.marker.symbol != inference.marker.symbol
    assert figure.layout.yaxis.type == "log"
    (one,) = figure.layout.shapes
    assert (one.y0, one.y1) == (1, 1)
    assert "dense layer" in labels(figure)


def test_a_ratio_that_is_missing_leaves_a_gap_and_the_line_at_1_stays_in_sight() -> None:
    figure = CapacityTimeRatio(ratios().assign(ratio=[16.0, 100.0, NAN, 50.0, 60.0, 70.0])).figure()
    assert math.isnan(named(figure, "training, 256 rows")[0].y[1])
    low, high = figure.layout.yaxis.range
    assert low < 0 < high


def test_sentence_has_every_ratio_at_its_largest_depth() -> None:
    said = CapacityTimeRatio(ratios()).sentence()
    assert "At depth 4" in said
    assert "16.0 for a training step of 256 rows and 8.00 for inference of 1 row" in said
    assert "below" not in said


def test_sentence_says_where_the_dense_layer_is_better() -> None:
    said = CapacityTimeRatio(ratios().assign(ratio=[16.0, 0.8, 0.9, 0.5, 0.7, NAN])).sentence()
    assert "0.700 for inference of 1 row (depth 2)" in said
    assert said.endswith("for a training step of 256 rows (depth 2) and inference of 1 row (depth 2).")
    assert "below that of the dense layer" in said


def test_unstable_ratios_are_hollow_listed_and_never_in_the_sentence() -> None:
    rows = ratios()
    shown = CapacityTimeRatio(rows.assign(unstable=(rows["phase"] == "training") & (rows["depth"] == 4)))
    figure = shown.figure()
    assert list(named(figure, "training, 256 rows")[0].marker.symbol)[2].endswith("-open")
    assert "-open" not in str(named(figure, "inference, 1 row")[0].marker.symbol)
    assert named(figure, "training, 256 rows")[0].hovertext[2].endswith("unstable")
    assert shown.table()["unstable"].sum() == 1
    assert "4.00 for a training step of 256 rows (depth 2)" in shown.sentence()
    assert "16.0" not in shown.sentence()
    assert shown.sentence().endswith("Unstable ratios are left out here.")
    assert "Every capacity-time ratio is unstable" in CapacityTimeRatio(rows.assign(unstable=True)).sentence()
    assert "unstable" not in CapacityTimeRatio(rows).table()
