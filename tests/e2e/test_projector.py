"""A lecture: the size of a projector is chosen for the whole app, and taken back."""

from collections.abc import Callable

from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn


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
