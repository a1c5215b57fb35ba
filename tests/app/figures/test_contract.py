"""What holds for every figure: drawing, sentence and table, in every look, of nothing, one, many, and of hostile names.

Each folder of figures has `examples.py` here: figure class -> case -> what makes it.
"""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

import leafscope.app.figures
from leafscope.app import theme
from leafscope.app.theme import Look

CASES = ("usual", "empty", "one", "many", "hostile")
"""What each figure is made of: ordinary numbers, none, a single one, thousands (as many as it may get), and HOSTILE names."""

FOLDERS = ("run", "leaves", "balance", "overfitting", "capacity", "compare", "data", "routing")
LOOKS = [Look(dark=dark, projector=projector) for dark in (False, True) for projector in (False, True)]
SCREEN, STAGE = LOOKS[0], LOOKS[-1]
LOOKS_OF = {"usual": [SCREEN, STAGE], "empty": [SCREEN], "one": [SCREEN], "many": [STAGE], "hostile": [SCREEN]}
"""In which looks a case is drawn: each figure light and dark, and small and large; labels have most room on a screen."""
SUBJECT = "<i>run</i> & co"


def figure_classes() -> list[type]:
    """Every class of the package that draws, says and lists."""
    found = []
    for module in pkgutil.walk_packages(leafscope.app.figures.__path__, "leafscope.app.figures."):
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            public = not one.__name__.startswith("_") and one.__module__ == module.name
            if public and is_dataclass(one) and all(hasattr(one, name) for name in ("figure", "sentence", "table")):
                found.append(one)
    return found


EXAMPLES: dict[type, dict[str, Callable[[], Any]]] = {}
for folder in FOLDERS:
    EXAMPLES |= importlib.import_module(f"tests.app.figures.{folder}.examples").EXAMPLES
CASE = [pytest.param(one, case, id=f"{one.__name__}-{case}") for one in EXAMPLES for case in CASES]
DRAWN = [
    pytest.param(one, case, look, id=f"{one.__name__}-{case}-{'dark' if look.dark else 'light'}{'-projector' * look.projector}")
    for one in EXAMPLES
    for case in CASES
    for look in LOOKS_OF[case]
]


@cache
def made(one: type, case: str) -> Any:
    """An example, made once for all tests that look at it."""
    return EXAMPLES[one][case]()


@cache
def drawn(one: type, case: str, look: Look) -> go.Figure:
    """An example's drawing, made once for all tests that look at it."""
    return made(one, case).figure(subject=SUBJECT, look=look)


def test_every_figure_has_every_example() -> None:
    assert {one.__name__: set(cases) for one, cases in EXAMPLES.items()} == {
        one.__name__: set(CASES) for one in figure_classes()
    }


@pytest.mark.parametrize(("one", "case", "look"), DRAWN)
def test_drawing_has_a_title_a_height_and_the_look(one: type, case: str, look: Look) -> None:
    figure = drawn(one, case, look)
    layout = figure.layout
    assert layout.title.text
    assert layout.height
    assert layout.template.layout.font.size == theme.FONT_SIZE[look.projector]
    assert layout.template.layout.font.color == theme.TEXT[look.dark]
    assert layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert layout.paper_bgcolor is layout.plot_bgcolor is None
    assert isinstance(json.loads(figure.to_json()), dict)


@pytest.mark.parametrize(("one", "case"), [param for param in CASE if param.values[1] != "empty"])
def test_drawing_names_its_subject_and_its_axes(one: type, case: str) -> None:
    figure = drawn(one, case, LOOKS_OF[case][0])
    assert figure.data
    assert "&lt;i&gt;run&lt;/i&gt;" in figure.layout.title.text
    has_axes = any("xaxis" in trace for trace in figure.data)  # parallel coordinates draw their own
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()) if has_axes else ():
        if axis.visible is not False and not (axis.matches and axis.showticklabels is False):
            assert axis.title.text or axis.ticktext, axis


@pytest.mark.parametrize("one", EXAMPLES)
def test_nothing_says_why_and_keeps_its_height(one: type) -> None:
    figure = drawn(one, "empty", SCREEN)
    assert not figure.data
    assert figure.layout.annotations[0].text
    assert figure.layout.height == drawn(one, "usual", SCREEN).layout.height


@pytest.mark.parametrize(("one", "case"), CASE)
def test_sentence_and_table(one: type, case: str) -> None:
    shown = made(one, case)
    sentence = shown.sentence()
    assert sentence
    assert "\n" not in sentence
    assert not re.search(r"\b(nan|None|inf)\b", sentence)
    table = shown.table()
    assert isinstance(table, pd.DataFrame)
    assert table.columns.is_unique


@pytest.mark.parametrize("one", EXAMPLES)
def test_names_of_people_never_become_tags(one: type) -> None:
    for look in LOOKS_OF["hostile"]:
        text = json.dumps(drawn(one, "hostile", look).to_plotly_json(), default=str)
        for tag in ("<i>", "<img", "<a "):
            assert tag not in text
