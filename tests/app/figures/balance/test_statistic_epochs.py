import math
from typing import Any

import numpy as np
import pytest

from leafscope.app.figures.balance.statistic_epochs import StatisticOverEpochs
from leafscope.app.theme import Look
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, RANDOM_SPLITS
from tests.app.figures.balance.examples import RANDOM

EPOCHS = [0, 30, 60]
VALUES = [0.2, 0.3, 0.42]
BITS = {INDEPENDENT_BITS: RANDOM}


def gini(values: Any = VALUES, **given: Any) -> StatisticOverEpochs:
    return StatisticOverEpochs("Gini", EPOCHS, values, **given)


def test_statistic_is_drawn_over_epochs_with_its_marks() -> None:
    shown = gini(chance=BITS, best_epoch=30, shown_epoch=60)
    figure = shown.figure()
    own = next(trace for trace in figure.data if trace.name == "tree")
    assert list(own.x) == EPOCHS
    np.testing.assert_allclose(own.y, VALUES)
    assert {shape.x0 for shape in figure.layout.shapes} >= {30, 60}
    assert "best: 30" in [note.text for note in figure.layout.annotations]
    table = shown.table().set_index("epoch")
    assert table["value"].to_dict() == {0: 0.2, 30: 0.3, 60: 0.42}
    np.testing.assert_allclose(table["bits_mean"], [0.1, math.nan, 0.12])


def test_sentence_compares_with_chance_and_with_the_start() -> None:
    assert gini(chance=BITS).sentence() == (
        "Gini is 0.420 at epoch 60 against 0.120 [0.100, 0.150] under independent bits; it was 0.200 before training."
    )
    assert "under random splits" in gini(chance={RANDOM_SPLITS: RANDOM}).sentence()
    assert gini(shown_epoch=30).sentence() == "Gini is 0.300 at epoch 30; it was 0.200 before training."
    assert "at epoch 30 against 0.110 [" in gini(chance=BITS, shown_epoch=31).sentence()


def test_both_levels_are_drawn_and_the_sentence_uses_hyperplanes_where_they_are_known() -> None:
    at_the_end = RANDOM[RANDOM["epoch"] == 60].assign(mean=0.3, low=0.2, high=0.4)
    shown = gini(chance=BITS | {HYPERPLANES: at_the_end})
    assert "against 0.300 [0.200, 0.400] under random hyperplanes on the same rows" in shown.sentence()
    assert "under independent bits" in gini(chance=BITS | {HYPERPLANES: at_the_end}, shown_epoch=30).sentence()
    dashes = {trace.name: trace.line.dash for trace in shown.figure().data if trace.name}
    assert (dashes["independent bits"], dashes["random hyperplanes on the same rows"]) == ("dot", "dash")
    assert shown.table().set_index("epoch")["hyperplanes_mean"].dropna().to_dict() == {60: 0.3}


def test_shares_are_in_percent_and_undefined_values_say_so() -> None:
    shares = gini(is_share=True)
    assert "%" in shares.figure(look=Look(dark=True, projector=True)).layout.yaxis.tickformat
    assert "42.0 %" in shares.sentence()
    undefined = gini([math.nan] * 3)
    assert undefined.figure().layout.annotations
    assert undefined.sentence() == "Gini is not defined at any recorded epoch."


def test_values_must_fit_the_epochs_and_chance_have_its_columns() -> None:
    with pytest.raises(ValueError, match=r"values must have one value for each epoch of shape \(3,\)"):
        gini([1.0])
    with pytest.raises(ValueError, match=r"independent bits must have the columns .* but low is missing"):
        gini(chance={INDEPENDENT_BITS: RANDOM.drop(columns="low")})
