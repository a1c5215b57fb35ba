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
from typing import Any

import pandas as pd
import pytest

import leafscope.app.figures
from leafscope.app import theme
from leafscope.app.theme import Look

CASES = ("usual", "empty", "one", "many", "hostile")
"""What each figure is made of: ordinary numbers, none, a single one, thousands (as many as it may get), and HOSTILE names."""

FOLDERS = ("run", "leaves", "balance", "overfitting", "capacity", "compare")
LOOKS = [Look(dark=dark, projector=projector) for dark in (False, True) for projector in (False, True)]
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
MADE = [pytest.param(cases[case], id=f"{one.__name__}-{case}") for one, cases in EXAMPLES.items() for case in CASES]
DRAWN = [
    pytest.param(cases[case], id=f"{one.__name__}-{case}")
    for one, cases in EXAMPLES.items()
    for case in CASES
    if case != "empty"
]
EMPTY = [pytest.param(cases["empty"], cases["usual"], id=one.__name__) for one, cases in EXAMPLES.items()]
HOSTILE = [pytest.param(cases["hostile"], id=one.__name__) for one, cases in EXAMPLES.items()]


def test_every_figure_has_every_example() -> None:
    assert {one.__name__: set(cases) for one, cases in EXAMPLES.items()} == {
        one.__name__: set(CASES) for one in figure_classes()
    }


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{'dark' if look.dark else 'light'}{'-projector' * look.projector}")
@pytest.mark.parametrize("make", MADE)
def test_drawing_has_a_title_a_height_and_the_look(make: Callable[[], Any], look: Look) -> None:
    figure = make().figure(subject=SUBJECT, look=look)
    layout = figure.layout
    assert layout.title.text
    assert layout.height
    assert layout.template.layout.font.size == theme.FONT_SIZE[look.projector]
    assert layout.template.layout.font.color == theme.TEXT[look.dark]
    assert layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert layout.paper_bgcolor is layout.plot_bgcolor is None
    assert isinstance(json.loads(figure.to_json()), dict)


@pytest.mark.parametrize("make", DRAWN)
def test_drawing_names_its_subject_and_its_axes(make: Callable[[], Any]) -> None:
    figure = make().figure(subject=SUBJECT)
    assert figure.data
    assert "&lt;i&gt;run&lt;/i&gt;" in figure.layout.title.text
    has_axes = any("xaxis" in trace for trace in figure.data)  # parallel coordinates draw their own
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()) if has_axes else ():
        if axis.visible is not False and not (axis.matches and axis.showticklabels is False):
            assert axis.title.text or axis.ticktext, axis


@pytest.mark.parametrize(("make", "make_usual"), EMPTY)
def test_nothing_says_why_and_keeps_its_height(make: Callable[[], Any], make_usual: Callable[[], Any]) -> None:
    shown = make()
    figure = shown.figure()
    assert not figure.data
    assert figure.layout.annotations[0].text
    assert figure.layout.height == make_usual().figure().layout.height
    assert shown.sentence()


@pytest.mark.parametrize("make", MADE)
def test_sentence_and_table(make: Callable[[], Any]) -> None:
    shown = make()
    sentence = shown.sentence()
    assert sentence
    assert "\n" not in sentence
    assert not re.search(r"\b(nan|None|inf)\b", sentence)
    table = shown.table()
    assert isinstance(table, pd.DataFrame)
    assert table.columns.is_unique


@pytest.mark.parametrize("make", HOSTILE)
def test_names_of_people_never_become_tags(make: Callable[[], Any]) -> None:
    shown = make()
    for look in LOOKS:
        text = json.dumps(shown.figure(subject=SUBJECT, look=look).to_plotly_json(), default=str)
        for tag in ("<i>", "<img", "<a "):
            assert tag not in text
