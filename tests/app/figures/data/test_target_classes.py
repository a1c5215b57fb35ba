import numpy as np
import pytest

from leafscope.app.figures.data.target_classes import TargetClasses
from leafscope.app.theme import Look
from tests.app.figures.drawn import title


@pytest.mark.parametrize("width", [330, 490, 1000])
def test_numbers_stand_right_of_their_bars_and_fit(width: int) -> None:
    figure = TargetClasses([983, 17], ["no", "yes"], "fraud").figure(look=Look(width=width))
    (bars,) = figure.data
    assert bars.textposition == "outside"
    free = 1 - np.max(bars.x) / figure.layout.xaxis.range[1]
    assert free * (width - 100) > 0.5 * 14 * len(bars.text[0])
    assert free < 0.6


def test_a_target_that_is_called_class_is_not_named_twice() -> None:
    assert "Rows of each class of fraud" in title(TargetClasses([1], ["no"], "fraud").figure())
    assert "Rows of each class" in title(drawn := TargetClasses([1], ["no"], "class").figure())
    assert "class of class" not in title(drawn)
