import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafscope.app import theme
from leafscope.app.figures.shared.log_axis import log_axis, log_ticks, tick_text
from leafscope.app.theme import Look
from tests.app.figures.test_contract import LOOKS


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
        log_axis([0.0, math.nan], axis="y", length=100, look=Look())
