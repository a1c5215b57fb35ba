"""A lecture: on every page the smallest text of the main column is 24 px at 1920x1080, and the sidebar has stepped back."""

from collections.abc import Callable
from typing import Any

from leafscope.app.navigation import DEFAULT, PAGES
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn

SMALLEST = 23.9
"""Px; a slide in the editor keeps the size that it was taken in."""

SMALL_TEXTS = """least => {
  const found = {};
  const look = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.nodeType === 1) {
        if (node.shadowRoot && !node.closest('[class*=st-key-slide_]')) look(node.shadowRoot);
        continue;
      }
      const element = node.parentElement, words = node.textContent.trim();
      if (!words || !element || element.closest('script, style, [aria-hidden=true], .unseen, [class*=st-key-slide_]')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const { width, height } = range.getBoundingClientRect();
      if (width < 2 || height < 2 || getComputedStyle(element).visibility === 'hidden') continue;
      const matrix = element instanceof SVGElement ? element.getScreenCTM?.() : null;
      const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
      const px = scale * parseFloat(getComputedStyle(element).fontSize);
      if (px < least) found[words.slice(0, 40)] = px;
    }
  };
  look(document.querySelector('[data-testid=stMain]'));
  return found;
}"""


def test_every_page_can_be_read_from_the_last_row(app: App, visit: Callable[..., Visit]) -> None:
    page: Any = visit(1920, 1080).page
    page.add_init_script("try { localStorage.setItem('leafscope.replayed', '1') } catch {}")
    for one in PAGES:
        name = "" if one is DEFAULT else one.name
        page.goto(f"{app.url}/{name}?size=projector&run={EXAMPLE.run_id}")
        page.locator("h1").first.wait_for()
        drawn(page)
        until(lambda: page.evaluate(SMALL_TEXTS, SMALLEST) == {}, f"no small text on {one.name}")
        assert page.evaluate("document.documentElement.dataset.size") == "projector"
        assert not page.locator("[data-testid=stSidebar][aria-expanded=true]").count(), "the sidebar is in front of the room"


def test_the_size_is_taken_back_where_it_was_chosen(app: App, visit: Callable[..., Visit]) -> None:
    page = visit(1920, 1080).page
    page.goto(f"{app.url}/runs?size=projector")
    page.locator("h1").first.wait_for()
    drawn(page)
    large = page.locator("h1").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.locator(".st-key-_view summary").click()
    page.locator(".st-key-size label", has_text="Screen").first.click()
    until(lambda: page.evaluate("document.documentElement.dataset.size") == "screen", "the size of a screen")
    small = page.locator("h1").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert large > 1.6 * small
