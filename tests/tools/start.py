"""Time the start of the app beside a Streamlit app of one line: python -m tests.tools.start.

From the start of the process to the first answer in a fresh Chromium: the app's is the sentence about a point of the scene to
which the mouse moves, the other's is its line. Both take turns; prints medians, the fastest and the slowest, and their ratio.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import BROWSER_FLAGS
from tests.e2e.harness import answers, end_app, start_app, until

TIMES = 5

IN_PLANE = (0.4, 0.5)
"""Where the mouse moves, as shares of the scene's plane."""


def main() -> None:
    """Time both, in turns."""
    parser = argparse.ArgumentParser(description="Times the start of the app beside a Streamlit app of one line.")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each is started")
    parser.add_argument("--database", type=Path, help="a database to start on, copied each time (default: a new one)")
    options = parser.parse_args()
    found: dict[str, list[float]] = {"a line": [], "leafscope": []}
    memory: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(options.times):
        for name, measure in (("a line", one_line), ("leafscope", lambda page: leafscope(page, options.database))):
            seconds, bytes_used = in_browser(measure)
            found[name].append(seconds)
            memory[name].append(bytes_used / 1e6)
            print(f"{name}: {seconds:.2f} s, {bytes_used / 1e6:.0f} MB", flush=True)
    for name in found:
        low, middle, high = min(found[name]), statistics.median(found[name]), max(found[name])
        print(f"{name}: median {middle:.2f} s, {low:.2f} to {high:.2f} s, {statistics.median(memory[name]):.0f} MB")
    print(f"ratio {statistics.median(found['leafscope']) / statistics.median(found['a line']):.2f}")


def in_browser(measure: Callable[[Page], tuple[float, float]]) -> tuple[float, float]:
    """Give a measurement a browser that has never run."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("a Chromium must be on the path: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        try:
            return measure(page)
        finally:
            browser.close()


def leafscope(page: Page, database: Path | None) -> tuple[float, float]:
    """Seconds from the start of the process to the sentence about a point, and the server's resident bytes then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database is not None:
            shutil.copy(database, folder / "runs.db")
        began = time.monotonic()
        app = start_app(folder, folder / "runs.db")
        try:
            page.goto(app.url)
            plane = page.locator(".scene-plane").first
            plane.wait_for()
            box = plane.bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + IN_PLANE[0] * box["width"], box["y"] + IN_PLANE[1] * box["height"])
            page.get_by_text(re.compile("this point (uses|passes)")).first.wait_for()
            return time.monotonic() - began, psutil.Process(app.process.pid).memory_info().rss
        finally:
            end_app(app)


def one_line(page: Page) -> tuple[float, float]:
    """The same for an app that shows a line."""
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        with one_line_app(Path(name), 'import streamlit as st\nst.write("here it is")\n') as (url, process):
            page.goto(url)
            page.get_by_text("here it is").wait_for()
            return time.monotonic() - began, psutil.Process(process).memory_info().rss


@contextlib.contextmanager
def one_line_app(folder: Path, code: str) -> Iterator[tuple[str, int]]:
    """Run a Streamlit app of this code with our options: its address, once it answers, and its process id."""
    script = folder / "app.py"
    script.write_text(code)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    options += ["--browser.gatherUsageStats=false", "--server.fileWatcherType=none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        until(lambda: answers(url), "an answer")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
