"""Pages that are opened in quick succession: the browser is told of the page that is open, and keeps it."""

from tests.e2e.harness import App
from tests.e2e.session import opened


def test_a_timer_of_the_page_before_leaves_the_page_that_is_open(app: App) -> None:
    with opened(app, "runs") as window:
        window.go("present")
        for timer in sorted(window.timers):  # the foot of the sidebar is the same part on both pages
            window.tick(timer, "runs")
            assert window.open == window.pages["present"]
