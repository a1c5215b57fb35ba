"""What the figures of Routing say and draw."""

import numpy as np
import pandas as pd
import pytest

from leafscope.app.figures.routing.expert_lorenz import ExpertLorenz
from leafscope.app.figures.routing.layers_against_chance import LayersAgainstChance
from leafscope.app.figures.routing.layers_by_experts import LayersByExperts
from leafscope.app.figures.routing.over_steps import LayersOverSteps
from tests.app.figures.drawn import bands, labels, named
from tests.app.figures.routing.examples import COUNTS, EXAMPLES, layers


def test_the_one_sentence_names_the_worst_layer_against_chance() -> None:
    table = pd.DataFrame({"layer": [0, 7, 15], "value": [54.42, 34.49, 34.72], "mean": 63.999, "low": 63.998, "high": 64})
    said = LayersAgainstChance({"github": table}, {"github": 64}).sentence()
    assert said == (
        "Layer 7 uses its 64 experts like 34.5 equally used ones; chance gives 64.0. Over 3 layers the median is 34.7 (10th to "
        "90th percentile 34.5 to 50.5)."
    )
    unknown = LayersAgainstChance({"x": layers([0.5, 0.1], np.nan)}, {"x": 4}, "Gini", more_is_even=False, is_effective=False)
    assert unknown.sentence() == "Layer 0 is used least evenly: gini 0.500."


def test_each_series_has_a_line_and_equal_chance_one_band() -> None:
    drawn = EXAMPLES[LayersAgainstChance]["usual"]().figure()
    assert [len(named(drawn, name)) for name in ("github", "book", "uniform top-k")] == [1, 1, 1]
    assert len(bands(drawn)) == 1
    assert EXAMPLES[LayersAgainstChance]["usual"]().table()["series"].tolist() == ["github"] * 3 + ["book"] * 3
    with pytest.raises(ValueError, match="experts must have a number for each"):
        LayersAgainstChance({"x": layers([1.0])}, {})


def test_the_heatmap_has_one_scale_and_writes_its_numbers() -> None:
    shown = LayersByExperts(COUNTS, ["0", "7", "15"], chance=(0.8, 1.2))
    drawn = shown.figure()
    assert (drawn.data[0].zmin, drawn.data[0].zmax) == (0, 4)
    assert np.isnan(drawn.data[0].z[2][1])
    assert labels(drawn)[:4] == ["1.9", "1.3", "0", "0.8"]
    assert shown.sentence() == (
        "The fullest expert is expert 0 in layer 15, chosen 4.00 times as often as the mean; 4 of 12 experts are never chosen; "
        "chance gives 0.800 to 1.20 times, and 58.3 % of the cells are outside."
    )
    with pytest.raises(ValueError, match="a row for each of 2 layers"):
        LayersByExperts(COUNTS, ["0", "1"])


def test_steps_light_the_least_and_the_most_even_layer() -> None:
    shown = EXAMPLES[LayersOverSteps]["many"]()
    names = [trace.name for trace in shown.figure().data]
    assert names == ["other layers", "layer 0 (least even)", "layer 31 (most even)", "layer 16 (median)"]
    assert len(shown.figure().data[1].x) == 250
    assert shown.sentence() == "Layer 0 is least even at step 999: effective experts 31,968.0, 0 at step 0."
    assert len(shown.table()) == 32_000
    with pytest.raises(ValueError, match="values must have the shape"):
        LayersOverSteps([0, 1], [[1.0]], [0])


def test_lorenz_says_what_the_emptier_half_gets() -> None:
    said = EXAMPLES[ExpertLorenz]["usual"]().sentence()
    assert said == (
        "The emptier half of the experts gets 20.0 % of the assignments in layer 0, 50.0 % of the assignments in layer 1 and "
        "0.0 % of the assignments in layer 2; chance gives 45.0 %."
    )
    assert set(EXAMPLES[ExpertLorenz]["usual"]().table()["curve"]) == {"layer 0", "layer 1", "layer 2", "uniform top-k"}
