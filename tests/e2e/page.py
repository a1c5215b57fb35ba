"""What tests do with any page of the app, however slow the machine is: watch it, wait for it, save its files."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from tests.e2e.harness import until

WATCH = """([name, pattern]) => {
  const seen = (window[name] = []);
  const look = () => {
    for (const [, found] of document.body.textContent.matchAll(new RegExp(pattern, "g"))) {
      if (found !== seen.at(-1)) seen.push(found);
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


class Watch:
    """Notes in the page each text that appears from now on, even for a moment: the one group of a pattern, in order."""

    def __init__(self, page: Any, pattern: str) -> None:
        self._page, self._name, self._pattern = page, f"leafscopeWatch{id(self)}", pattern
        page.evaluate(WATCH, [self._name, pattern])

    def seen(self) -> list[str]:
        """All that has appeared."""
        return list(self._page.evaluate("(name) => window[name]", self._name))

    def until(self, text: str) -> None:
        """Wait until a text has appeared."""
        until(lambda: text in self.seen(), f"{text!r} of {self._pattern}")


COUNT = """() => {
  if (window.leafscopeEntries === undefined) {
    navigation.addEventListener("navigate", (event) => { window.leafscopeEntries += event.navigationType === "push"; });
  }
  window.leafscopeEntries = 0;
}"""


def entries(page: Any) -> Callable[[], int]:
    """Count the entries that the browser's history gets from now on; its length stays at 50 once there are as many."""
    page.evaluate(COUNT)
    return lambda: int(page.evaluate("window.leafscopeEntries"))


def drawn(page: Any) -> None:
    """Wait until the page's script has run and the page shows what it sent, so that nothing moves under the mouse."""
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def saved_file(page: Any, button: str) -> Path:
    """Press a button that saves a file; once more if the page was just being redrawn, which drops or cancels the download."""
    for _ in range(2):
        with suppress(PlaywrightError):
            return _saved_file(page, button, 10_000)
    return _saved_file(page, button, None)


def _saved_file(page: Any, button: str, timeout: float | None) -> Path:
    drawn(page)
    with page.expect_download(timeout=timeout) as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())
