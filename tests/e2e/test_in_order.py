"""Pages that are opened in quick succession: the browser is told of the page that is open, and keeps it."""

from typing import Any

from playwright.sync_api import expect

from tests.e2e.harness import HANGS, App
from tests.e2e.session import opened


def test_a_timer_of_the_page_before_leaves_the_page_that_is_open(app: App) -> None:
    with opened(app, "runs") as window:
        window.go("present")
        for timer in sorted(window.timers):  # the foot of the sidebar is the same part on both pages
            window.tick(timer, "runs")
            assert window.open == window.pages["present"]


def test_nothing_asks_for_a_run_before_the_browser_knows_its_page(app: App) -> None:
    """What asks before opens the first page instead."""
    with opened(app, "routing") as window:
        assert "bidi_component" not in window.early


def test_a_page_that_goes_blank_is_loaded_anew(app: App, browser: Any) -> None:
    page = browser.new_page()
    page.set_default_timeout(1000 * HANGS)
    page.goto(f"{app.url}/runs")
    page.wait_for_function("window.leafscopeBlank")  # the page's own script watches it from now on
    with page.expect_event("load"):
        page.evaluate("document.getElementById('root').replaceChildren()")  # what React leaves after an error of its own
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.close()
