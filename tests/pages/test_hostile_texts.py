"""Whatever a person types into a field, a page shows it as text or says in a sentence why not, and no exception."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app import navigation
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.decks import Slide
from tests.pages.harness import Lab, open_page, run_app, small, words

TEXTS = {
    "NUL": "a\x00b",
    "long": "x" * 5_000,
    "mixed": "\u202eevil\u2066\u200b \x01\x1b[31m\x7f\x85 <script>alert(1)</script> ![x](http://a.b/c.png) **b** $x^2$ "
    ":material/home: \\ \U0001f469\u200d\U0001f4bb\U0001f1e6 \ufffe\U0010ffff a\r\nb\u2028c ,,,=,",
}
REFUSED = "cannot be stored; remove it"


@pytest.fixture
def filled(lab: Lab) -> Lab:
    lab.finish(small())
    lab.store.make_deck("Talk", [Slide(kind=kind, text="x") for kind in ("title", "text", "formula")])
    return lab


def fields(at: AppTest) -> list[Any]:
    return [field for field in (*at.text_input, *at.text_area) if not field.disabled]


def check(at: AppTest) -> None:
    """Nothing that a person typed is markup, and no control character is shown."""
    for kind in ("title", "header", "markdown", "caption", "info", "warning", "error", "toast"):
        for element in getattr(at, kind):
            text = str(element.value)
            assert not re.search(r"(?<!\\)!\[x|(?<!\\)<script|[\x00\x1b\u202e]", text), text[:200]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("place", [*(page.name for page in navigation.PAGES), "formula", "one run"])
def test_every_field_of_every_page(filled: Lab, place: str, text: str, choose_rows: Callable[..., None]) -> None:
    page, address = {"formula": ("present", {"slide": 3}), "one run": ("runs", {})}.get(place, (place, {}))
    if place == "one run":
        choose_rows([0])
    at = open_page(page, **address)
    keys = [field.key for field in fields(at)]
    if place in ("overfitting", "compare", "present", "runs", "formula", "one run"):
        assert keys
    for key in keys:
        if key not in [field.key for field in fields(at)]:  # what was typed before left nothing to show
            at = open_page(page, **address)
        field = next(field for field in fields(at) if field.key == key)
        before = field.value
        field.set_value(text[: field.proto.max_chars or None])
        for button in at.button:
            if button.label == "Save":
                button.click()
        check(run_app(at))
        for field in fields(at):
            if field.key == key:
                field.set_value(before)
    for summary in filled.store.list_runs():
        assert "\x00" not in "".join([summary.name, summary.comment, *summary.tags])


def test_what_is_refused_is_said(filled: Lab, choose_rows: Callable[..., None]) -> None:
    choose_rows([0])
    for label in ("Name", "Comment", "Tags, separated by commas"):
        at = open_page("runs")
        next(field for field in fields(at) if field.label == label).set_value("a\x00b")
        next(button for button in at.button if button.label == "Save").click()
        assert REFUSED in words(run_app(at))
    at = open_page("present")
    next(field for field in fields(at) if field.label == "Name of the deck").set_value("a\x00b")
    assert REFUSED in words(run_app(at))
    assert filled.store.decks()[0].name == "Talk"


@pytest.mark.parametrize("name", ["long", "mixed"])
def test_every_page_shows_what_was_given(filled: Lab, name: str) -> None:
    text = TEXTS[name]
    run = small()
    filled.store.annotate(run.run_id, name=text, comment=text, tags=[text.replace(",", ";").strip()[:60]])
    filled.store.rename_deck(filled.store.decks()[0].deck_id, text)
    filled.store.submit_sweep(SweepConfig(name=text[:200], base=RunConfig(), axes={"seed": [0, 1]}), [small(seed=5)])
    for page in navigation.PAGES:
        check(open_page(page.name))
        if page.name in ("playground", "leaves", "balance"):  # whose address names a run
            check(open_page(page.name, run=run.run_id))
