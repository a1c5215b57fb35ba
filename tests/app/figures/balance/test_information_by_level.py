import math

import numpy as np
import pytest

from leafscope.app.figures.balance.information_by_level import InformationLevels

ADJUSTED = [0.0, 0.2, 0.31, 0.412]
RANDOM = ([0.0, 0.15, 0.22, 0.412], [0.0, 0.1, 0.1, 0.412], [0.0, 0.2, 0.33, 0.412])


def test_information_is_drawn_against_the_length_of_the_prefix() -> None:
    shown = InformationLevels(ADJUSTED, RANDOM, orders=20)
    figure = shown.figure()
    own = next(trace for trace in figure.data if trace.name == "order of this net")
    assert list(own.x) == [0, 1, 2, 3]
    np.testing.assert_allclose(own.y, ADJUSTED)
    assert "20 random orders" in figure.layout.title.text
    np.testing.assert_allclose(shown.table()["adjusted"], ADJUSTED)


def test_sentence_takes_the_level_that_differs_most_from_random_orders() -> None:
    sentence = InformationLevels(ADJUSTED, RANDOM, orders=20, split="test").sentence()
    assert "carries 0.412 of the information about the class of the test rows" in sentence
    assert "its first 2 bits, where orders differ most, carry 0.310" in sentence
    assert "those of a random order 0.220 [0.100, 0.330]" in sentence


def test_no_rows_depth_0_and_wrong_shapes() -> None:
    nothing = [math.nan] * 2
    assert InformationLevels(nothing, (nothing,) * 3, orders=1).figure().layout.annotations
    assert "depth 0" in InformationLevels([0], ([0],) * 3, orders=0).sentence()
    with pytest.raises(ValueError, match="random_high must have one value for each of 4 levels"):
        InformationLevels(ADJUSTED, (*RANDOM[:2], [0.0]), orders=1)
    with pytest.raises(ValueError, match=r"adjusted must have K \+ 1 entries, got shape \(0,\)"):
        InformationLevels([], ([],) * 3, orders=1)
