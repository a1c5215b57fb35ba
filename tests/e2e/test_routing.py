"""Routing as a person sees it first: the log that comes along, in one domain, then another, and a figure for the deck."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn

EFFECTIVE = """() => {
  const plot = [...document.querySelectorAll('.js-plotly-plot')]
    .find(one => (one.layout?.title?.text ?? '').startsWith('Effective experts of each layer'));
  return plot ? Array.from(plot._fullData.find(one => one.mode?.includes('markers')).y) : [];
}"""


def test_the_log_that_comes_along_is_read_layer_by_layer(app: App, window: Visit) -> None:
    page = window.page
    page.goto(f"{app.url}/routing?domain=github")
    said = "Layer 7 uses its 64 experts like 34.5 equally used ones; chance gives 64.0."
    page.get_by_text(said).first.wait_for()
    until(lambda: [f"{value:.1f}" for value in page.evaluate(EFFECTIVE)] == ["54.4", "34.5", "34.7"], "the drawn layers")

    field = page.get_by_role("combobox", name=re.compile("^Domain"))
    field.click()
    page.get_by_role("option", name="wikipedia", exact=True).click()
    page.wait_for_url(re.compile("domain=wikipedia"))
    expect(page.get_by_text(said)).to_have_count(0)
    page.get_by_text(re.compile(r"Layer \d+ uses its 64 experts like [\d.]+ equally used ones")).first.wait_for()
    assert page.evaluate(EFFECTIVE)[1] != 34.5

    drawn(page)
    before = {slide for info in app.store.decks() for slide in app.store.slides(info.deck_id)}
    page.locator(".st-key-routing_layers_deck").get_by_role("button", name="Add to deck").click()

    def added() -> list[str]:
        slides = {key: slide for info in app.store.decks() for key, slide in app.store.slides(info.deck_id).items()}
        return [str(slide) for key, slide in slides.items() if key not in before]

    until(lambda: len(added()) == 1, "the slide")
    assert "wikipedia" in added()[0]
