import math
from typing import Any

import numpy as np
import pytest

from leafscope.app.figures.balance.statistic_epochs import StatisticOverEpochs
from leafscope.app.theme import Look
from tests.app.figures.balance.examples import RANDOM

EPOCHS = [0, 30, 60]
VALUES = [0.2, 0.3, 0.42]


def gini(values: Any = VALUES, **given: Any) -> StatisticOverEpochs:
    return StatisticOverEpochs("Gini", EPOCHS, values, **given)


def test_statistic_is_drawn_over_epochs_with_its_marks() -> None:
    shown = gini(random=RANDOM, best_epoch=30, shown_epoch=60)
    figure = shown.figure()
    own = next(trace for trace in figure.data if trace.name == "tree")
    assert list(own.x) == EPOCHS
    np.testing.assert_allclose(own.y, VALUES)
    assert {shape.x0 for shape in figure.layout.shapes} >= {30, 60}
    assert "best: 30" in [note.text for note in figure.layout.annotations]
    table = shown.table().set_index("epoch")
    assert table["value"].to_dict() == {0: 0.2, 30: 0.3, 60: 0.42}
    np.testing.assert_allclose(table["random_mean"], [0.1, math.nan, 0.12])


def test_sentence_compares_with_chance_and_with_the_start() -> None:
    assert gini(random=RANDOM).sentence() == (
        "Gini is 0.420 at epoch 60 against 0.120 [0.100, 0.150] under random routing; it was 0.200 before training."
    )
    assert "under random splits" in gini(random=RANDOM, chance="random splits").sentence()
    assert gini(shown_epoch=30).sentence() == "Gini is 0.300 at epoch 30; it was 0.200 before training."
    assert "at epoch 30 against 0.110 [" in gini(random=RANDOM, shown_epoch=31).sentence()


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
    with pytest.raises(ValueError, match=r"random must have the columns .* but low is missing"):
        gini(random=RANDOM.drop(columns="low"))
