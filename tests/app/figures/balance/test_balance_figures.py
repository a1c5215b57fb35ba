"""Figures of the page Balance: what is drawn is what was given, sentences say it, and what cannot be drawn says why."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leafscope.app.figures.balance.information_by_level import (
    information_levels,
    information_levels_sentence,
    information_levels_table,
)
from leafscope.app.figures.balance.lorenz import lorenz_curve, lorenz_curve_sentence, lorenz_curve_table
from leafscope.app.figures.balance.node_balance import (
    node_balance_heatmap,
    node_balance_heatmap_sentence,
    node_balance_heatmap_table,
)
from leafscope.app.figures.balance.statistic_epochs import (
    statistic_over_epochs,
    statistic_over_epochs_sentence,
    statistic_over_epochs_table,
)
from leafscope.app.figures.balance.variants import variant_effects, variant_effects_sentence, variant_effects_table
from leafscope.app.theme import MAIN_HEIGHT, Look
from leafscope.core.usage.counts import node_counts
from leafscope.core.usage.evenness import lorenz, node_balance

PROJECTOR = Look(dark=True, projector=True)


def words(figure: Any) -> str:
    """All text of a figure outside its traces."""
    return " ".join([figure.layout.title.text, *(note.text for note in figure.layout.annotations)])


def drawn(figure: Any, name: str) -> Any:
    """The trace of this name that has markers or a line."""
    return next(trace for trace in figure.data if trace.name == name)


# Lorenz curve

COUNTS = [1, 1, 2, 4]
SHARES = lorenz(COUNTS)
BAND = {"mean": [0.0, 0.2, 0.45, 0.7, 1.0], "low": [0.0, 0.1, 0.4, 0.65, 1.0], "high": [0.0, 0.25, 0.5, 0.75, 1.0]}


def test_lorenz_curve_is_that_of_the_counts() -> None:
    figure = lorenz_curve(shares=SHARES, **BAND)
    own = drawn(figure, "tree")
    np.testing.assert_allclose(own.x, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(own.y, np.array([0, 1, 2, 4, 8]) / 8)
    assert figure.layout.height == MAIN_HEIGHT[False]
    table = lorenz_curve_table(shares=SHARES, **BAND)
    np.testing.assert_allclose(table["share_of_rows"], SHARES)
    np.testing.assert_allclose(table["random_low"], BAND["low"])


def test_lorenz_sentence_reads_the_curve_at_half_of_the_leaves() -> None:
    assert lorenz_curve_sentence(shares=SHARES, **BAND, split="test") == (
        "The emptier half of the leaves holds 25.0 % of the test rows; random routing would give 45.0 % [40.0 %, 50.0 %]."
    )


def test_a_long_lorenz_curve_is_thinned_and_keeps_its_ends() -> None:
    shares = lorenz(np.arange(1 << 12))
    own = drawn(lorenz_curve(shares=shares, mean=shares, low=shares, high=shares), "tree")
    assert len(own.x) <= 600
    assert (own.y[0], own.y[-1]) == (0, 1)


def test_lorenz_curve_of_no_row_and_of_wrong_shapes() -> None:
    nothing = [math.nan] * 5
    assert lorenz_curve(shares=nothing, mean=nothing, low=nothing, high=nothing).layout.annotations[0].text
    with pytest.raises(ValueError, match=r"low must have one value for each of 5 shares"):
        lorenz_curve(shares=SHARES, mean=BAND["mean"], low=[0, 1], high=BAND["high"])


# Node balance

LEAVES = np.array([1, 3, 0, 0, 2, 2, 0, 8])


def test_node_balance_fills_each_level_with_its_nodes() -> None:
    figure = node_balance_heatmap(balance=node_balance(LEAVES), counts=node_counts(LEAVES))
    (heatmap,) = (trace for trace in figure.data if trace.type == "heatmap")
    values = np.array(heatmap.z, dtype=float)
    right = values / (100 if np.nanmax(values) > 1 else 1)
    np.testing.assert_allclose(right[0], 12 / 16)
    np.testing.assert_allclose(right[1], np.repeat([0.0, 8 / 12], right.shape[1] // 2))
    quarter = right.shape[1] // 4
    np.testing.assert_allclose(right[2], np.repeat([0.75, math.nan, 0.5, 1.0], quarter))
    table = node_balance_heatmap_table(balance=node_balance(LEAVES), counts=node_counts(LEAVES))
    assert table["node"].tolist() == list(range(7))
    assert table["rows"].tolist() == [16, 4, 12, 4, 0, 4, 8]
    np.testing.assert_allclose(table["right"], [0.75, 0.0, 8 / 12, 0.75, math.nan, 0.5, 1.0])


def test_node_balance_sentence_counts_nodes_that_hardly_split() -> None:
    sentence = node_balance_heatmap_sentence(balance=node_balance(LEAVES), counts=node_counts(LEAVES))
    assert sentence.startswith("Of 6 inner nodes with training rows, 2 send at least 90 %")
    assert "the first bit sends 75.0 % to 1" in sentence


def test_node_balance_of_deep_trees_and_of_none() -> None:
    counts = np.ones(1 << 10, dtype=int)
    figure = node_balance_heatmap(balance=node_balance(counts), counts=node_counts(counts), look=PROJECTOR)
    assert "8 of 10" in figure.layout.title.text
    nothing = node_balance_heatmap(balance=[], counts=[np.array([5])])
    assert "depth 0" in words(nothing)
    assert "depth 0" in node_balance_heatmap_sentence(balance=[], counts=[np.array([5])])


# Information by level

LEVELS: dict[str, Any] = {
    "level": [0, 1, 2, 3],
    "adjusted": [0.0, 0.2, 0.31, 0.412],
    "mean": [0.0, 0.15, 0.22, 0.412],
    "low": [0.0, 0.1, 0.1, 0.412],
    "high": [0.0, 0.2, 0.33, 0.412],
}


def test_information_is_drawn_against_the_length_of_the_prefix() -> None:
    figure = information_levels(**LEVELS, orders=20)
    own = drawn(figure, "order of this net")
    assert list(own.x) == LEVELS["level"]
    np.testing.assert_allclose(own.y, LEVELS["adjusted"])
    assert "20 random orders" in figure.layout.title.text
    table = information_levels_table(**LEVELS)
    np.testing.assert_allclose(table["adjusted"], LEVELS["adjusted"])


def test_information_sentence_takes_the_level_that_differs_most_from_random_orders() -> None:
    sentence = information_levels_sentence(**LEVELS, split="test")
    assert "says 0.412 about the class of the test rows" in sentence
    assert "its first 2 bits, where orders differ most, say 0.310, a random order of the bits 0.220 [0.100, 0.330]" in sentence


def test_information_without_rows_or_with_wrong_levels() -> None:
    nothing = {name: [math.nan] * 2 for name in ("adjusted", "mean", "low", "high")}
    assert information_levels(level=[0, 1], **nothing, orders=1).layout.annotations
    with pytest.raises(ValueError, match=r"level must be 0, 1, ..., K, got \[1, 2\]"):
        information_levels_table(level=[1, 2], **nothing)


# Statistic over epochs

COURSE: dict[str, Any] = {
    "epochs": [0, 30, 60],
    "values": [0.2, 0.3, 0.42],
    "name": "Gini",
    "random_epochs": [0, 60],
    "random_mean": [0.1, 0.12],
    "random_low": [0.08, 0.1],
    "random_high": [0.12, 0.15],
}
NO_CHANCE: dict[str, Any] = {f"random_{part}": [] for part in ("epochs", "mean", "low", "high")}


def test_statistic_is_drawn_over_epochs_with_its_marks() -> None:
    figure = statistic_over_epochs(**COURSE, best_epoch=30, shown_epoch=60)
    own = drawn(figure, "tree")
    assert list(own.x) == [0, 30, 60]
    np.testing.assert_allclose(own.y, COURSE["values"])
    assert {shape.x0 for shape in figure.layout.shapes} >= {30, 60}
    assert "best: 30" in words(figure)
    table = statistic_over_epochs_table(**{name: value for name, value in COURSE.items() if name != "name"})
    assert table.set_index("epoch")["value"].to_dict() == {0: 0.2, 30: 0.3, 60: 0.42}


def test_statistic_sentence_compares_with_chance_and_with_the_start() -> None:
    assert statistic_over_epochs_sentence(**COURSE) == (
        "Gini is 0.420 at epoch 60 against 0.120 [0.100, 0.150] under random routing; it was 0.200 before training."
    )
    alone = statistic_over_epochs_sentence(**{**COURSE, **NO_CHANCE}, shown_epoch=30)
    assert alone == "Gini is 0.300 at epoch 30; it was 0.200 before training."


def test_statistic_without_chance_in_percent_and_undefined() -> None:
    shares = statistic_over_epochs(**{**COURSE, **NO_CHANCE}, unit="share", look=PROJECTOR)
    assert "%" in shares.layout.yaxis.tickformat
    assert "42.0 %" in statistic_over_epochs_sentence(**{**COURSE, **NO_CHANCE}, unit="share")
    undefined = {**COURSE, **NO_CHANCE, "values": [math.nan] * 3}
    assert statistic_over_epochs(**undefined).layout.annotations
    with pytest.raises(ValueError, match=r"values must have one value for each of the epochs"):
        statistic_over_epochs(**{**COURSE, "values": [1.0]})


# Variants


def runs(*rows: tuple[str, int, float, float, str]) -> pd.DataFrame:
    """Runs of variants: words, seed, value, validation error, status."""
    table = pd.DataFrame(rows, columns=["variant", "seed", "value", "validation_error", "status"])
    return table.assign(random_mean=0.1, random_low=0.09, random_high=0.12, test_error=table["validation_error"])


def test_variants_have_the_means_of_their_seeds() -> None:
    table = runs(
        ("as it is", 0, 0.4, 0.03, "finished"),
        ("as it is", 1, 0.44, 0.05, "finished"),
        ("penalty 0.1", 0, 0.18, 0.04, "finished"),
        ("penalty 0.1", 1, math.nan, math.nan, "training"),
        ("noise <b>", 0, math.nan, math.nan, "not trained"),
    )
    means = variant_effects_table(table=table).set_index("variant")
    assert means.loc["as it is", "value"] == pytest.approx(0.42)
    assert means.loc["as it is", "validation_error"] == pytest.approx(0.04)
    assert means["n"].tolist() == [2, 1, 0]
    figure = variant_effects(table=table, name="Gini")
    assert "<b>" not in str(figure.layout.yaxis.ticktext)
    assert any(0.42 in np.round(np.array(trace.x, dtype=float), 6) for trace in figure.data if trace.x is not None)
    assert any(4.0 in np.round(np.array(trace.x, dtype=float), 6) for trace in figure.data if trace.x is not None)


def test_variants_are_compared_over_the_seeds_that_both_have() -> None:
    base = [("as it is", seed, 0.42 + 0.01 * seed, 0.03, "finished") for seed in range(5)]
    even = [("penalty 0.1", seed, 0.18 + 0.012 * seed, 0.03 + 0.001 * seed, "finished") for seed in range(5)]
    sentence = variant_effects_sentence(table=runs(*base, *even), name="Gini")
    assert "from 0.440 to 0.204 with penalty 0.1" in sentence
    assert "no difference shown" not in sentence.split(";")[0]
    only = variant_effects_sentence(table=runs(*base), name="Gini")
    assert "Only the base run has finished" in only


def test_variants_of_which_none_has_finished() -> None:
    waiting = runs(("as it is", 0, math.nan, math.nan, "queued"))
    assert "No run has finished yet" in words(variant_effects(table=waiting, name="Gini", look=PROJECTOR))
    assert variant_effects_sentence(table=waiting, name="Gini") == "No run has finished yet."
    with pytest.raises(ValueError, match=r"table must have the columns .* but status is missing"):
        variant_effects(table=waiting.drop(columns="status"), name="Gini")


# All of them


@pytest.mark.parametrize("width", [480, 1000])
def test_text_for_a_projector_is_large(width: int) -> None:
    look = Look(projector=True, width=width)
    for figure in (
        lorenz_curve(shares=SHARES, **BAND, look=look),
        node_balance_heatmap(balance=node_balance(LEAVES), counts=node_counts(LEAVES), look=look),
        information_levels(**LEVELS, orders=3, look=look),
        statistic_over_epochs(**COURSE, best_epoch=30, shown_epoch=30, look=look),
        variant_effects(table=runs(("as it is", 0, 0.4, 0.03, "finished")), name="Gini", look=look),
    ):
        assert figure.layout.template.layout.font.size >= 24
        assert all(note.font.size is None or note.font.size >= 24 for note in figure.layout.annotations)
