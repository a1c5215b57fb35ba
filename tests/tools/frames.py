"""Measure the frame times of the Playground's replay, as its page does: python -m tests.tools.frames."""

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import BROWSER_FLAGS
from tests.e2e.harness import App, end_app, start_app

WIDTH, HEIGHT = 1920, 1080
"""The window, in px."""

REPLAYS = 3
"""Of each net; medians are printed."""

NETS = [(depth, width, gates) for depth in (4, 6) for width in (8, 16) for gates in ("hidden", "units")]


def main() -> None:
    """Train the nets on spirals, replay each, and print medians and 95th percentiles in ms."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("a Chromium must be on the path: apt-get install chromium")
    runs = [
        changed(EXAMPLE, {"net.depth": depth, "net.width": width, "net.gates": gates, "train.epochs": 40})
        for depth, width, gates in NETS
    ]
    with tempfile.TemporaryDirectory() as name:
        app = start_app(Path(name), Path(name) / "runs.db")
        try:
            app.store.submit_many(runs)
            for run in runs:
                jobs.wait(run.run_id, timeout=120, store=app.store)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_FLAGS))
                print("K  width  gates   frame median  95th   work median  95th   grid   frames a second")
                for run in runs:
                    _print(run, _measured(browser, app, run))
                browser.close()
        finally:
            end_app(app)


def _measured(browser: Browser, app: App, run: RunConfig) -> list[dict[str, Any]]:
    """What the page says of each of its replays."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.add_init_script('localStorage.setItem("leafscope.replayed", "1")')
    page.goto(f"{app.url}/?run={run.run_id}")
    scene = page.locator(".scene")
    scene.wait_for()
    element = scene.element_handle()
    settled = "el => el.leafscope?.views[0]?.model && el.leafscope.isMoving === false"
    found = []
    for _ in range(REPLAYS):
        page.wait_for_function(settled, arg=element)
        page.keyboard.press("k")
        page.wait_for_function("el => el.leafscope.isPlaying", arg=element)
        page.wait_for_function("el => !el.leafscope.isPlaying", arg=element)
        found.append(scene.evaluate("el => el.leafscope.frameTimes()"))
    page.close()
    return found


def _print(run: RunConfig, found: list[dict[str, Any]]) -> None:
    of = {name: statistics.median(times[name] for times in found) for name in ("median", "p95", "work", "work95")}
    grid = found[-1]["moving"]
    print(
        f"{run.net.depth}  {run.net.width:5d}  {run.net.gates:6s}  {of['median']:12.1f}  {of['p95']:4.1f}  {of['work']:12.1f}"
        f"  {of['work95']:4.1f}   {grid['cols']} x {grid['rows']}   {1000 / of['median']:.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
