"""Every page as it opens: read by axe in both themes, still one second after its first frame, and as wide as a phone."""

from importlib.resources import files
from typing import Any

from leafscope.app.navigation import PAGES
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

FAULTS = """async (theirs) => (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap(
  ({ id, impact, nodes }) => nodes
    .filter(({ target }) => !(theirs[id] && document.querySelector(target.join(" "))?.matches(theirs[id])))
    .map(({ target, html }) => `${impact} ${id}: ${target} ${html.slice(0, 200)}`))"""
"""What else axe finds, of any impact, in all elements."""

SCHEME = "getComputedStyle(document.querySelector('.stApp')).colorScheme"
FIRST = "[data-testid=stMain] :is(.js-plotly-plot, .scene-plane, [data-testid=stDataFrame], [data-testid=stTextInput])"
"""What a page shows first."""

CUT = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap((plot) =>
  [...plot.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect().right])
    .filter(([words, right]) => words && right > plot.getBoundingClientRect().right + 2))"""
"""Words of figures that the edge cuts."""

WIDTH = "document.querySelector('[data-testid=stMain]').scrollWidth"


def test_every_page_is_accessible_still_and_as_narrow_as_a_phone(app: App, visit: Any) -> None:
    window: Visit = visit()
    page = window.page
    watched = Watched(page)
    page.add_init_script("try { localStorage.setItem('leafscope.replayed', '1') } catch {}")
    for one in PAGES:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(f"{app.url}/{one.name}" if one is not PAGES[0] else app.url)
        page.locator(FIRST).first.wait_for()
        drawn(page)
        assert page.evaluate(FIRST_PADDING) == "56px", one.name  # our style is there from the first frame on
        watched.assert_still(page.evaluate(FIRST_FRAME) + 1000)
        if one.name in WITH_FOLDS:
            page.evaluate(OPEN)
            drawn(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            until(lambda scheme=scheme: page.evaluate(SCHEME) == scheme, scheme)  # type: ignore[misc]
            drawn(page)
            page.evaluate(AXE)
            assert page.evaluate(FAULTS, STREAMLITS) == [], f"{one.name}, {scheme}"
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
