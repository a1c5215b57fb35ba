"""Figures of Balance on a projector, in the full width and side by side."""

from collections.abc import Callable
from typing import Any

import pytest

from leafscope.app.theme import Look
from tests.app.figures.balance.examples import EXAMPLES


@pytest.mark.parametrize("width", [480, 1000])
@pytest.mark.parametrize("cases", EXAMPLES.values(), ids=[one.__name__ for one in EXAMPLES])
def test_text_is_large(cases: dict[str, Callable[[], Any]], width: int) -> None:
    figure = cases["usual"]().figure(look=Look(projector=True, width=width))
    assert figure.layout.template.layout.font.size >= 24
    assert all(note.font.size is None or note.font.size >= 24 for note in figure.layout.annotations)
