import math

import numpy as np
import pytest

from leafscope.app.figures.balance.variants import VariantEffects
from leafscope.app.theme import Look
from leafscope.core.usage.levels import HYPERPLANES
from tests.app.figures.balance.examples import variant_runs

BASE = [("as it is", seed, 0.42 + 0.01 * seed, 0.03, "finished") for seed in range(5)]
EVEN = [("penalty 0.1", seed, 0.18 + 0.012 * seed, 0.03 + 0.001 * seed, "finished") for seed in range(5)]


def test_variants_have_the_means_of_their_seeds() -> None:
    runs = variant_runs(
        ("as it is", 0, 0.4, 0.03, "finished"),
        ("as it is", 1, 0.44, 0.05, "finished"),
        ("penalty 0.1", 0, 0.18, 0.04, "finished"),
        ("penalty 0.1", 1, math.nan, math.nan, "training"),
        ("noise <b>", 0, math.nan, math.nan, "not trained"),
    ).assign(run="id")
    shown = VariantEffects(runs, name="Gini")
    means = shown.means.set_index("variant")
    assert means.loc["as it is", "value"] == pytest.approx(0.42)
    assert means.loc["as it is", "validation_error"] == pytest.approx(0.04)
    assert means["n"].tolist() == [2, 1, 0]
    assert means["status"].tolist() == ["", "training", "not trained"]
    assert shown.table()["run"].tolist() == ["id"] * 5
    figure = shown.figure()
    assert "<b>" not in str(figure.layout.yaxis.ticktext)
    assert any(0.42 in np.round(np.array(trace.x, dtype=float), 6) for trace in figure.data if trace.x is not None)
    assert any(4.0 in np.round(np.array(trace.x, dtype=float), 6) for trace in figure.data if trace.x is not None)


def test_variants_are_compared_over_the_seeds_that_both_have() -> None:
    sentence = VariantEffects(variant_runs(*BASE, *EVEN), name="Gini").sentence()
    assert "from 0.440 to 0.204 with penalty 0.1" in sentence
    assert "no difference shown" not in sentence.split(";")[0]
    assert "Only the base run has finished" in VariantEffects(variant_runs(*BASE), name="Gini").sentence()


def test_the_best_of_several_is_the_lowest_or_the_highest() -> None:
    runs = variant_runs(*BASE, *EVEN, ("penalty 1", 0, 0.9, 0.1, "finished"))
    assert "with penalty 0.1, the lowest of 2 variants" in VariantEffects(runs, name="Gini").sentence()
    assert "with penalty 1, the highest of 2 variants" in VariantEffects(runs, name="Gini", best="highest").sentence()


def test_none_has_finished() -> None:
    waiting = variant_runs(("as it is", 0, math.nan, math.nan, "queued"))
    shown = VariantEffects(waiting, name="Gini")
    said = shown.figure(look=Look(dark=True, projector=True)).layout.annotations[0].text
    assert "No run has finished yet: queued." in said
    assert shown.sentence() == "No run has finished yet."
    with pytest.raises(ValueError, match=r"runs must have the columns .* but status is missing"):
        VariantEffects(waiting.drop(columns="status"), name="Gini")


def test_both_chance_levels_are_drawn_where_they_are_known() -> None:
    runs = variant_runs(*BASE, *EVEN)
    figure = VariantEffects(runs, name="Gini").figure()
    drawn = {trace.name: trace for trace in figure.data if trace.name in ("independent bits", HYPERPLANES.name)}
    assert list(drawn["independent bits"].x) == pytest.approx([0.1, 0.1])
    assert list(drawn[HYPERPLANES.name].x) == pytest.approx([0.2, 0.2])
    assert "hollow diamond: independent bits; hollow square: random hyperplanes" in figure.layout.meta["subtitle"]
    unknown = runs.assign(hyperplanes_mean=math.nan, hyperplanes_low=math.nan, hyperplanes_high=math.nan)
    figure = VariantEffects(unknown, name="Gini").figure()
    assert HYPERPLANES.name not in {trace.name for trace in figure.data}
    assert HYPERPLANES.name not in figure.layout.meta["subtitle"]
