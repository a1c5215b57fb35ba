"""Time what a person waits for in the app, in a browser: python -m tests.tools.timings.

Prints the median, the fastest and the slowest of several times, in seconds. Pages are opened from another page of an app that
is open already: most of a first page is the browser reading its scripts.
"""

import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import End
from leafscope.core.training.events import EpochRecord
from tests.e2e.conftest import BROWSER_FLAGS
from tests.e2e.harness import App, end_app, start_app

TIMES = 10
"""How often each is timed."""

CHANGED = """before => [...document.querySelectorAll("h2")].some(
    one => /^(Leaf|Prefix) /.test(one.innerText) && one.innerText.trim() !== before.trim())"""
"""Whether the heading of the chosen leaf says something else."""


def main() -> None:
    """Fill a store, start the app on it, and time Compare, Leaves, and a run from Train to Stop."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("a Chromium must be on the path: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(Store(folder / "runs.db"), 1000)
        began = time.monotonic()
        app = start_app(folder, folder / "runs.db")
        _print("the app answers", [time.monotonic() - began])
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_FLAGS))
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(60_000)
                for measure in (compare, deep_run, train_and_stop):
                    measure(app, page)
                browser.close()
        finally:
            end_app(app)


def compare(app: App, page: Page) -> None:
    """From the click to the table of 1,000 runs, and from a filter to what it leaves."""
    every = page.get_by_text("1,000 runs in 50 groups", exact=False).first
    page.goto(f"{app.url}/compare")
    every.wait_for()
    opened, filtered = [], []
    for turn in range(TIMES):
        _go(page, "Present", "Show it to a room")
        with _timed(opened):
            _click(page, "Compare")
            every.wait_for()
            page.locator("[data-testid=stDataFrame]").nth(1).wait_for()
        field = page.get_by_label("Filter", exact=True)
        field.fill(f"depth={1 + turn % 5} kind=tree")
        with _timed(filtered):
            field.press("Enter")
            page.wait_for_function("() => document.body.innerText.includes('100 runs in 5 groups')")
        field.fill("")
        field.press("Enter")
        every.wait_for()
    _print("Compare opens with 1,000 runs", opened)
    _print("a filter of 1,000 runs answers", filtered)


def deep_run(app: App, page: Page) -> None:
    """K = 12 and 200 epochs: from the click on Leaves to its tree, and from a click on the tree to its answer."""
    run = changed(RunConfig(), {"net.depth": 12, "train.epochs": 200})
    app.store.submit(run)
    jobs.wait(run.run_id, 600, store=app.store)
    page.goto(f"{app.url}/leaves?run={run.run_id}")
    tree = page.locator(".leaves-tree")
    heading = page.get_by_role("heading", name=re.compile("^(Leaf|Prefix) "))
    tree.wait_for()
    opened, answered = [], []
    for _ in range(TIMES):
        _go(page, "Runs", "All runs")
        page.get_by_role("button", name="Export table as CSV").wait_for()
        with _timed(opened):
            _click(page, "Leaves")
            tree.wait_for()
            heading.wait_for()
    middles = [page.locator(".scene").evaluate("(scene, node) => scene.leafscope.middle(node)", node) for node in (1, 2)]
    for turn in range(TIMES):
        before = heading.inner_text()
        with _timed(answered):
            tree.click(position=middles[turn % 2])  # the prefixes 0 and 1
            page.wait_for_function(CHANGED, arg=before)  # looks at every frame
        page.wait_for_timeout(300)
    _print("Leaves opens, K = 12, 200 epochs", opened)
    _print("a click on its tree answers", answered)


def train_and_stop(app: App, page: Page) -> None:
    """From Train to the first epoch on the page, and from Stop to the run that has stopped."""
    begun, stopped = [], []
    for turn in range(TIMES):
        run = changed(EXAMPLE, {"train.epochs": 2000 + turn, "net.width": 128})
        page.goto(f"{app.url}/?epochs={run.train.epochs}&width=128")
        button = page.get_by_role("button", name="Train", exact=True)
        expect(button).to_be_enabled()
        with _timed(begun):
            button.click()
            page.get_by_text(re.compile(rf"epoch [\d,]+ of {run.train.epochs:,}, about")).first.wait_for()
        with _timed(stopped):
            page.get_by_role("button", name="Stop").click()
            jobs.wait(run.run_id, 60, store=app.store)
    _print("a run shows its first epoch after Train", begun)
    _print("a run has stopped after Stop", stopped)


def fill(store: Store, count: int) -> None:
    """Put in finished runs with curves of eleven epochs, as a worker would."""
    rng = np.random.default_rng(0)
    runs = [
        changed(RunConfig(), {"net.kind": kind, "net.depth": depth, "train.lr": rate, "train.epochs": 10, "seed": seed})
        for kind in ("tree", "flat")
        for depth in range(1, 6)
        for rate in (0.001, 0.002, 0.005, 0.01, 0.02)
        for seed in range(20)
    ][:count]
    ahead = Store(store.path, clock=lambda: time.time() + 3600)
    ahead.submit_many(runs)
    ends = []
    while (claim := ahead.claim("filler")) is not None:
        scores = rng.uniform(0.2, 0.9, (11, 3))
        records = [
            EpochRecord(
                epoch,
                {
                    (split, metric): float(score if metric == "accuracy" else 1 - score)
                    for split, score in zip(("train", "validation", "test"), row)
                    for metric in ("loss", "accuracy")
                },
                {},
                0.1 * epoch,
            )
            for epoch, row in enumerate(scores)
        ]
        ends.append(End(claim, "finished", None, records, {}, {}))
    ahead.end_many(ends)
    ahead.close()


def _click(page: Page, link: str) -> None:
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=link).click()


def _go(page: Page, link: str, heading: str) -> None:
    _click(page, link)
    page.get_by_role("heading", name=heading).wait_for()


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    """Time a block, and append how long it took."""
    began = time.monotonic()
    yield
    seconds.append(time.monotonic() - began)


def _print(what: str, times: list[float]) -> None:
    spread = f"{min(times):6.2f} to {max(times):.2f}, n = {len(times)}" if len(times) > 1 else ""
    print(f"{what:42s}{statistics.median(times):6.2f} s  {spread}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
