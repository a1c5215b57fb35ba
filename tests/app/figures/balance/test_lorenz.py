import math

import numpy as np
import pytest

from leafscope.app.figures.balance.lorenz import LorenzCurve
from leafscope.app.theme import MAIN_HEIGHT
from leafscope.core.usage.evenness import lorenz
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS

SHARES = lorenz([1, 1, 2, 4])
BAND = ([0.0, 0.2, 0.45, 0.7, 1.0], [0.0, 0.1, 0.4, 0.65, 1.0], [0.0, 0.25, 0.5, 0.75, 1.0])


def test_curve_is_that_of_the_counts() -> None:
    figure = LorenzCurve(SHARES, {INDEPENDENT_BITS: BAND}).figure()
    own = next(trace for trace in figure.data if trace.name == "tree")
    np.testing.assert_allclose(own.x, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(own.y, np.array([0, 1, 2, 4, 8]) / 8)
    assert figure.layout.height == MAIN_HEIGHT[False]
    table = LorenzCurve(SHARES, {INDEPENDENT_BITS: BAND}).table()
    np.testing.assert_allclose(table["share_of_rows"], SHARES)
    np.testing.assert_allclose(table["bits_low"], BAND[1])


def test_sentence_reads_the_curve_at_half_of_the_leaves() -> None:
    assert LorenzCurve(SHARES, {INDEPENDENT_BITS: BAND}, split="test").sentence() == (
        "The emptier half of the leaves holds 25.0 % of the test rows; independent bits would give 45.0 % [40.0 %, 50.0 %]."
    )
    assert LorenzCurve([0, 1], {INDEPENDENT_BITS: ([0, 1],) * 3}).sentence() == "One leaf holds all training rows."


def test_both_levels_are_drawn_and_the_sentence_uses_hyperplanes() -> None:
    other = ([0.0, 0.0, 0.1, 0.4, 1.0], [0.0, 0.0, 0.05, 0.3, 1.0], [0.0, 0.1, 0.15, 0.5, 1.0])
    shown = LorenzCurve(SHARES, {INDEPENDENT_BITS: BAND, HYPERPLANES: other})
    assert "random hyperplanes on the same rows would give 10.0 % [5.0 %, 15.0 %]" in shown.sentence()
    drawn = {trace.name: list(trace.y) for trace in shown.figure().data}
    assert drawn["independent bits"] == BAND[0]
    assert drawn["random hyperplanes on the same rows"] == other[0]


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    shares = lorenz(np.arange(1 << 12))
    own = LorenzCurve(shares, {HYPERPLANES: (shares,) * 3}).figure().data[0]
    assert len(own.x) <= 600
    assert (own.y[0], own.y[-1]) == (0, 1)


def test_no_row_and_wrong_shapes() -> None:
    nothing = [math.nan] * 5
    assert LorenzCurve(nothing, {INDEPENDENT_BITS: (nothing,) * 3}).figure().layout.annotations[0].text
    assert LorenzCurve(nothing, {INDEPENDENT_BITS: (nothing,) * 3}, split="test").sentence() == "There are no test rows."
    with pytest.raises(ValueError, match=r"bits_low must have one value for each of 5 shares"):
        LorenzCurve(SHARES, {INDEPENDENT_BITS: (BAND[0], [0, 1], BAND[2])})
    with pytest.raises(ValueError, match=r"shares must have L \+ 1 entries"):
        LorenzCurve([1], {})
