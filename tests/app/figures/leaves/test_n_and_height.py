"""Figures of leaves say n, and are as high with nothing to show as with many rows."""

import pytest

from leafscope.app.figures.leaves.split_icicles import SplitIcicles
from leafscope.app.theme import Look
from tests.app.figures.leaves.examples import EXAMPLES


@pytest.mark.parametrize("one", [one for one in EXAMPLES if one is not SplitIcicles])
def test_n_is_said(one: type) -> None:
    assert "n = " in EXAMPLES[one]["usual"]().figure().layout.title.text


@pytest.mark.parametrize("projector", [False, True])
@pytest.mark.parametrize("one", EXAMPLES)
def test_height_is_that_of_the_empty_figure(one: type, projector: bool) -> None:
    heights = {EXAMPLES[one][case]().figure(look=Look(projector=projector)).layout.height for case in ("usual", "empty")}
    assert len(heights) == 1
