"""The centre of a target of numbers, by which it is standardized."""

import numpy as np
import pytest

from leafscope.core.datasets.dataset import centre_of


@pytest.mark.parametrize("unit", [1e-30, 3e-13, 1.0, 1e12])
def test_a_target_is_standardized_in_every_unit(unit: float) -> None:
    mean, deviation = centre_of(unit * np.array([1.0, 2.0, 3.0]))
    assert mean == pytest.approx(2 * unit)
    assert deviation == pytest.approx(unit * np.sqrt(2 / 3))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-30, 1e12])
def test_equal_numbers_have_the_deviation_1(value: float) -> None:
    assert centre_of(np.full(7, value))[1] == 1.0
