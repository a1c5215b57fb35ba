"""Every page as it opens: read by axe in both themes, still one second after its first frame, and as wide as a phone."""

import re
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect

from leafscope.app.navigation import PAGES
from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn
from tests.e2e.scene import Scene
from tests.e2e.thread import FIRST_FRAME, FIRST_PADDING, Watched

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

STREAMLITS = {"presentation-role-conflict": "section[data-testid=stFileUploaderDropzone]"}
"""What axe finds in elements of Streamlit 1.67 itself, none of it serious: rule -> selector."""

WITH_FOLDS = ("playground", "runs")
"""Pages whose folds are opened: that of the view is on every page."""

OPEN = "document.querySelectorAll('.stApp summary').forEach((fold) => fold.click())"

OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that look at colours; all others find the same in both themes."""

FAULTS = """async ([theirs, rules]) => (await axe.run(document, { resultTypes: ["violations"], ...rules })).violations.flatMap(
  ({ id, impact, nodes }) => nodes
    .filter(({ target }) => !(theirs[id] && document.querySelector(target.join(" "))?.matches(theirs[id])))
    .map(({ target, html }) => `${impact} ${id}: ${target} ${html.slice(0, 200)}`))"""
"""What else axe finds, of any impact, in all elements."""

SCHEME = "getComputedStyle(document.querySelector('.stApp')).colorScheme"
SETTLED = "!document.getAnimations().some((one) => one instanceof CSSTransition)"
"""Whether colours have changed to those of a theme, to which some go over slowly."""

FIRST = "[data-testid=stMain] :is(.js-plotly-plot, .scene-plane, [data-testid=stDataFrame], [data-testid=stTextInput])"
"""What a page shows first."""

CUT = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap((plot) =>
  [...plot.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect().right])
    .filter(([words, right]) => words && right > plot.getBoundingClientRect().right + 2))"""
"""Words of figures that the edge cuts."""

WIDTH = "document.querySelector('[data-testid=stMain]').scrollWidth"


@pytest.mark.timeout(900)  # all pages in both themes, which a busy machine is slow to draw
def test_every_page_is_accessible_still_and_as_narrow_as_a_phone(app: App, visit: Any) -> None:
    window: Visit = visit()
    page = window.page
    watched = Watched(page)
    page.add_init_script("try { localStorage.setItem('leafscope.replayed', '1') } catch {}")
    for place, one in enumerate(PAGES):
        first, then = ("light", "dark") if place % 2 == 0 else ("dark", "light")  # each page is drawn once in each
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme=first)
        page.goto(f"{app.url}/{one.name}" if one is not PAGES[0] else app.url)
        page.locator(FIRST).first.wait_for()
        drawn(page)
        assert page.evaluate(FIRST_PADDING) == "56px", one.name  # our style is there from the first frame on
        watched.assert_still(page.evaluate(FIRST_FRAME) + 1000)
        if one.name in WITH_FOLDS:
            page.evaluate(OPEN)
            drawn(page)
        page.evaluate(AXE)
        for scheme, rules in ((first, {}), (then, {"runOnly": {"type": "rule", "values": OF_COLOURS}})):
            page.emulate_media(color_scheme=scheme)
            until(lambda scheme=scheme: page.evaluate(SCHEME) == scheme, scheme)  # type: ignore[misc]
            drawn(page)
            until(lambda: page.evaluate(SETTLED), "settled colours")
            assert page.evaluate(FAULTS, [STREAMLITS, rules]) == [], f"{one.name}, {scheme}"
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
        page.get_by_text("The worker is").first.wait_for()
        page.set_viewport_size({"width": 390, "height": 844})
        until(lambda: page.evaluate(WIDTH) <= 390, f"{one.name} as wide as a phone")
        if one.name == "balance":  # which has the longest titles
            until(lambda: page.evaluate(CUT) == [], f"whole words in the figures of {one.name}")


def test_keys_of_one_letter_can_be_turned_off(app: App, window: Visit) -> None:
    for letters in ("off", "on"):
        shown = Scene(window.page, app).load(f"?letters={letters}")
        shown.at_rest()
        window.page.keyboard.press("s")
        assert shown.inspect()["state"]["shuffled"] is (letters == "on")


FOCUSED = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  return one;
}"""


def tab_to(page: Any, selector: str, key: str = "Tab") -> None:
    """Press Tab until an element has the focus."""
    for _ in range(120):
        page.keyboard.press(key)
        if page.evaluate(f"(selector) => ({FOCUSED})()?.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {key}")


def test_a_deeper_net_and_a_dead_leaf_by_keyboard_alone(app: App, window: Visit) -> None:
    page = window.page
    shown = Scene(page, app).load(f"?run={EXAMPLE.run_id}")
    shown.at_rest()
    tab_to(page, ".st-key-depth input")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_text("press Train to apply").first.wait_for()
    tab_to(page, ".st-key-_train button")
    page.keyboard.press("Enter")
    deeper = changed(EXAMPLE, {"net.depth": EXAMPLE.net.depth + 1})
    until(lambda: shown.shown() == [deeper.run_id], "the deeper net")
    until(lambda: app.store.statuses([deeper.run_id]) == {deeper.run_id: "finished"}, "its end")
    shown.at_rest()
    assert "6 of 63 matrices" in shown.text(".scene-sentence")  # why it is cheap

    tab_to(page, "[data-testid=stSidebarNavLink][href$=leaves]", "Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    drawn(page)
    tab_to(page, ".st-key-part button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"\d+ leaves hold no training row")).first.wait_for()
