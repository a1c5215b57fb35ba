"""What a page does to the eye, as the browser measures it: what moves, and of which epoch and run the page is."""

import re
from typing import Any

from tests.e2e.harness import until

JUMP = 0.01
"""The largest layout shift, summed over what no person asked for."""

MOVE = 8.0
"""CSS px by which a part of the main column may move."""

WATCH = """() => {
  if (window.leafscopeShifts) return;
  const look = () => {
    const block = document.querySelector("[data-testid=stMainBlockContainer]");
    if (!block?.querySelector("h1")) return requestAnimationFrame(look);
    window.leafscopeFirstPadding = getComputedStyle(block).paddingTop;
    window.leafscopeFirstFrame = performance.now();
  };
  look();
  const shifts = (window.leafscopeShifts = []);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      const from = entry.sources.map(({ node, previousRect, currentRect }) => {
        const name = node?.closest?.("[class*=st-key-]")?.className.match(/st-key-\\S+/)?.[0] ?? node?.nodeName;
        return `${name} ${Math.round(previousRect.y)} -> ${Math.round(currentRect.y)}`;
      });
      shifts.push({ at: entry.startTime, value: entry.value, from });
    }
  }).observe({ type: "layout-shift", buffered: true });
}"""

PLACES = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  const places = {};
  const parts = "h1, .st-key-actions, .st-key-state, .scene, .scene-plane, .scene-tree, .st-key-curves, .st-key-loads";
  for (const part of main?.querySelectorAll(parts) ?? []) {
    const name = part.tagName === "H1" ? "h1" : part.className.match(/st-key-\\S+|scene\\S*/)[0];
    places[name] = part.getBoundingClientRect().y + main.scrollTop;
  }
  return places;
}"""

FAINT = """() => [...document.querySelectorAll("[data-testid=stMain] [data-testid=stElementContainer]")]
  .filter((part) => part.querySelector(".scene, canvas, svg, p") && Number(getComputedStyle(part).opacity) < 1).length"""

FIRST_FRAME = "window.leafscopeFirstFrame"
"""The time of the first frame with the page's heading, in ms."""

FIRST_PADDING = "window.leafscopeFirstPadding"
"""The room above the page in that frame, which our style says."""


class Watched:
    """A page whose jumps are watched from its first frame on."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.add_init_script(f"({WATCH})()")

    def jumps(self, after: float = 0.0) -> list[dict[str, Any]]:
        """The layout shifts since a time, in ms since the page was loaded."""
        return [shift for shift in self.page.evaluate("window.leafscopeShifts") if shift["at"] > after]

    def assert_still(self, after: float) -> None:
        """Fail if the page has jumped since a time."""
        jumps = self.jumps(after)
        assert sum(shift["value"] for shift in jumps) <= JUMP, jumps

    def now(self) -> float:
        """The page's own time."""
        return float(self.page.evaluate("performance.now()"))

    def places(self) -> dict[str, float]:
        """Where the parts of the main column begin, from the top of the page."""
        return dict(self.page.evaluate(PLACES))

    def assert_in_place(self, before: dict[str, float]) -> None:
        """Fail if a part of the main column is not where it was."""
        after = self.places()
        moved = {name: (y, after[name]) for name, y in before.items() if name in after and abs(after[name] - y) > MOVE}
        assert not moved, moved


def epochs_on(page: Any) -> set[int]:
    """The epochs that the Playground names: those of the scene, of the sentence above the numbers, and of the bars."""
    words = page.locator("[data-testid=stMain]").inner_text()
    scene, bars = (page.locator(part).inner_text() for part in (".scene-epoch", ".scene-bars"))
    named = re.findall(r"epoch ([\d,]+) of [\d,]+", f"{scene}\n{words}")
    named += re.findall(r"Leaf load at epoch ([\d,]+)", bars) + re.findall(r"^Epoch ([\d,]+):", bars, re.MULTILINE)
    return {int(epoch.replace(",", "")) for epoch in named}


def until_one_epoch(page: Any, epoch: int) -> None:
    """Wait until all that names an epoch names this one."""
    until(lambda: epochs_on(page) == {epoch}, f"epoch {epoch} everywhere")
