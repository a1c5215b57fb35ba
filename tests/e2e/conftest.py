"""The app as a person starts it, from another directory, and a real browser that notes every request and error."""

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from leafscope.app.navigation import PAGES
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.harness import HANGS, App, assert_all_gone, assert_no_traceback, end_app, start_app, until
from tests.e2e.scene import Scene

expect.set_options(timeout=1000 * HANGS)

BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PHONE = 600
"""CSS px below which a window is that of a phone, with a touch screen."""

# Opened at a page's own address, Streamlit looks for its server below that address before it looks at the root.
PROBE = re.compile(
    rf"http://127\.0\.0\.1:\d+/({'|'.join(page.name for page in PAGES)}|no-such-page)/_stcore/(health|host-config)"
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system; without it these tests skip, and with CI=true they fail."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        words = "a Chromium must be on the path for the browser tests: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_FLAGS))
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A browser window with its own storage, and what went wrong in it."""

    page: Any
    errors: list[str]
    foreign: list[str]

    def check(self) -> None:
        """Fail if the console had an error, or a request left this machine."""
        assert not self.errors, self.errors
        assert not self.foreign, self.foreign


@contextmanager
def _windows(browser: Any) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def open_window(width: int = 1440, height: int = 900, scheme: str = "light") -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, has_touch=width < PHONE
        )
        page = context.new_page()
        page.set_default_timeout(1000 * HANGS)
        new = Visit(page, [], [])

        def on_console(message: Any) -> None:
            where = message.location.get("url", "")
            if message.type == "error" and not (PROBE.fullmatch(where) and "404" in message.text):
                new.errors.append(f"{message.text} ({where})")

        page.on("console", on_console)
        page.on("pageerror", lambda error: new.errors.append(str(error)))
        local = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(local) else new.foreign.append(request.url))
        visits.append(new)
        return new

    yield open_window
    for new in visits:
        new.page.context.close()
    for new in visits:
        new.check()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Open windows that have loaded nothing yet; each is checked for errors and foreign requests at the end."""
    with _windows(browser) as open_window:
        yield open_window


@pytest.fixture(scope="session")
def only_window(browser: Any, app: App) -> Iterator[Visit]:
    """One window for all tests, where pages open sooner, since it keeps what it has loaded; it has seen a replay.

    It asks for the app in order to be closed before it, whose end it would take for an error.
    """
    with _windows(browser) as open_window:
        window = open_window()
        window.page.add_init_script("try { localStorage.setItem('leafscope.replayed', '1') } catch {}")
        yield window


@pytest.fixture
def window(only_window: Visit) -> Iterator[Visit]:
    """The window that tests share, checked after each."""
    yield only_window
    errors, foreign = list(only_window.errors), list(only_window.foreign)
    only_window.errors.clear()
    only_window.foreign.clear()
    assert (errors, foreign) == ([], [])


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One app for all tests, its example run finished; in the end Ctrl-C leaves no process and no traceback."""
    folder = tmp_path_factory.mktemp("somewhere else")
    running = start_app(folder, folder / "runs.db")
    try:
        until(lambda: any(run.status == "finished" for run in running.store.list_runs()), "the example run")
        yield running
        family = running.family()
        running.process.send_signal(signal.SIGINT)
        assert_all_gone(family)
        assert_no_traceback(folder)
    finally:
        end_app(running)


@pytest.fixture
def scene(app: App, window: Visit) -> Callable[[RunConfig], Scene]:
    """Show the scene of a run, trained if need be, in the shared window."""

    def show(run: RunConfig = EXAMPLE) -> Scene:
        app.train(run)
        return Scene(window.page, app).show(run)

    return show
