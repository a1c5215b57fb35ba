"""Time the twelve commonest presses beside a button of a Streamlit app of one line: python -m tests.tools.presses.

From the press to the answer in Chromium, on the examples of a first visit; pages and app take turns. Prints the median and the
95th percentile of each.
"""

import argparse
import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from leafscope.app.navigation import PAGES
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.harness import App, end_app, start_app
from tests.tools.start import in_browser, one_line_app
from tests.tools.timings import _click, _timed

TIMES = 20

ONE_LINE = """import streamlit as st
st.session_state.n = st.session_state.get("n", 0) + st.button("Press")
st.write("pressed", st.session_state.n, "times")
"""

ANSWERED = {
    "Playground": ".scene-plane",
    "Leaves": ".leaves-tree",
    "Balance": ".js-plotly-plot .main-svg",
    "Overfitting": ".js-plotly-plot .main-svg",
    "Capacity": ".js-plotly-plot .main-svg",
    "Compare": "[data-testid=stDataFrame] canvas",
    "Present": "[data-testid=stMain] button",
    "Runs": "[data-testid=stDataFrame] canvas",
}
"""What shows that a page has its answer: its first figure or table."""


def main() -> None:
    """Time each press many times, after the pages were opened once."""
    parser = argparse.ArgumentParser(description="Times the twelve commonest presses.")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each is timed")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = start_app(folder, folder / "runs.db")
        try:
            in_browser(lambda page: _presses(app, page, times))
        finally:
            end_app(app)
        with one_line_app(folder, ONE_LINE) as (url, _):
            in_browser(lambda page: _one_line(url, page, times))


def _presses(app: App, page: Page, times: int) -> tuple[float, float]:
    headings = {}
    for one in PAGES:
        page.goto(app.url if one is PAGES[0] else f"{app.url}/{one.name}")
        page.locator(ANSWERED[one.title]).first.wait_for()
        headings[one.title] = page.locator("h1").first.inner_text()
    page.goto(f"{app.url}/leaves?run={EXAMPLE.run_id}")  # the run that all pages then show
    page.locator(ANSWERED["Leaves"]).first.wait_for()
    found: dict[str, list[float]] = {}

    def timed(what: str, press: Callable[[], object], answer: Callable[[], object]) -> None:
        with _timed(found.setdefault(what, [])):
            press()
            answer()

    def opens(title: str) -> None:
        timed(
            f"the page {title}",
            lambda: _click(page, title),
            lambda: (
                page.get_by_role("heading", name=headings[title]).wait_for(),
                page.locator(ANSWERED[title]).first.wait_for(),
            ),
        )

    for turn in range(times):
        for one in PAGES[1:]:
            opens(one.title)
            if one.title == "Leaves":
                _node(page, turn, timed)
        opens("Playground")
        plane = page.locator(".scene-plane").first
        box = plane.bounding_box()
        assert box is not None
        place = box["x"] + (0.3 + 0.02 * turn) * box["width"], box["y"] + 0.5 * box["height"]
        sentence = page.get_by_text(re.compile("this point (uses|passes)")).first
        timed("a hover on the plane", partial(page.mouse.move, *place), sentence.wait_for)
        page.mouse.move(0, 0)
        shuffle = page.locator(".scene-shuffle").first
        other = f"() => document.querySelector('.scene-shuffle')?.innerText !== {shuffle.inner_text()!r}"
        timed("shuffle the leaves", shuffle.click, partial(page.wait_for_function, other))
        shuffle.click()
        depth = page.get_by_label("Depth K (gating bits)", exact=True).first
        differs = page.get_by_text("press Train to apply your choices").first
        depth.fill("3")
        timed("another depth", partial(depth.press, "Enter"), differs.wait_for)
        page.get_by_role("button", name="Back to the run before").click()
        differs.wait_for(state="detached")
    for what, seconds in found.items():
        _print(what, seconds)
    return 0.0, 0.0


def _node(page: Page, turn: int, timed: Callable[..., None]) -> None:
    """Press one of two nodes of the tree, in turns."""
    place = page.locator(".scene").evaluate("(scene, node) => scene.leafscope.middle(node)", 1 + turn % 2)
    heading = page.get_by_role("heading", name=re.compile("^(Leaf|Prefix) ")).first
    before = heading.inner_text() if heading.count() else ""
    says = """before => [...document.querySelectorAll("h2")].some(
        one => /^(Leaf|Prefix) /.test(one.innerText) && one.innerText !== before)"""
    timed(
        "a node of the tree",
        lambda: page.locator(".leaves-tree").click(position=place),
        lambda: page.wait_for_function(says, arg=before),
    )


def _one_line(url: str, page: Page, times: int) -> tuple[float, float]:
    page.goto(url)
    found: list[float] = []
    for turn in range(times):
        button, answer = page.get_by_role("button", name="Press"), page.get_by_text(f"pressed {turn + 1} times")
        button.wait_for()
        with _timed(found):
            button.click()
            answer.wait_for()
    _print("a button of an app of one line", found)
    return 0.0, 0.0


def _print(what: str, seconds: list[float]) -> None:
    middle, high = np.quantile(seconds, (0.5, 0.95))
    print(f"{what:32s} median {middle:5.2f} s, 95th percentile {high:5.2f} s, n = {len(seconds)}", flush=True)


if __name__ == "__main__":
    main()
