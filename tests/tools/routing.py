"""Time a large routing log in the browser, and what `record` costs: python -m tests.tools.routing.

Prints the median, the fastest and the slowest of several times, in seconds, and the load of the machine.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from tests.e2e.conftest import BROWSER_FLAGS
from tests.e2e.harness import end_app, start_app

STEPS, LAYERS, EXPERTS, TOP_K, TOKENS = 1000, 32, 256, 8, 4096
NAMED = "name => (document.querySelector('.js-plotly-plot')?.layout?.title?.text ?? '').includes(name)"


def main() -> None:
    """Time the log, then the recording."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how often each is timed in the browser")
    parser.add_argument("--recorded", type=int, default=20, help="forward passes with and without recording")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    if asked.times:
        in_browser(asked.times)
    if asked.recorded:
        recorded(asked.recorded)
    print(f"load {os.getloadavg()[0]:.1f}")


def drawn_counts() -> np.ndarray:
    """Counts of experts that are uneven, and change over the steps: (S, A, E), each layer with as many assignments."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(EXPERTS, 2.0), size=LAYERS)
    return np.stack([rng.multinomial(TOKENS * TOP_K, shares) for _ in range(STEPS)]).astype(np.int32)


def in_browser(times: int) -> None:
    """Open the log anew each time, then show another step each time."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        app = start_app(folder, folder / "runs.db")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(BROWSER_FLAGS))
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(120_000)
            counts, opened, kept = drawn_counts(), [], []
            page.goto(f"{app.url}/routing")
            page.get_by_text("Open a file").first.wait_for()  # the worker puts the log that comes along into the store first
            for turn in range(times):
                file = folder / f"log{turn}.npy"
                np.save(file, np.roll(counts, turn, axis=2))
                page.goto(f"{app.url}/routing")
                page.get_by_text("Open a file").first.click()
                page.locator("input[type=file]").first.wait_for(state="attached")
                began = time.monotonic()
                page.locator("input[type=file]").first.set_input_files(file)
                page.get_by_role("button", name="Keep and show it").wait_for()
                opened.append(time.monotonic() - began)
                page.get_by_role("spinbutton", name="Top-k").fill(str(TOP_K))
                page.get_by_role("spinbutton", name="Top-k").press("Enter")
                settle(page)
                began = time.monotonic()
                page.get_by_role("button", name="Keep and show it").click()
                page.wait_for_function(NAMED, arg=f"log{turn}")
                kept.append(time.monotonic() - began)
                settle(page)
                file.unlink()
            say("opened, until what was understood is shown", opened)
            say("kept, until its first figure is drawn", kept)
            slider = page.get_by_role("slider").first
            redrawn = []
            for _ in range(times + 1):
                before = title(page)
                slider.focus()
                began = time.monotonic()
                page.keyboard.press("ArrowLeft")
                page.wait_for_function(
                    "before => (document.querySelector('.js-plotly-plot')?.layout?.title?.text) !== before", arg=before
                )
                redrawn.append(time.monotonic() - began)
                settle(page)
            print(f"first {redrawn[0]:.3f}")
            say("redrawn at another step", redrawn[1:])
        finally:
            browser.close()
            end_app(app)


def title(page: object) -> str:
    """The title of the first figure, which names the step."""
    return str(page.evaluate("document.querySelector('.js-plotly-plot')?.layout?.title?.text"))  # type: ignore[attr-defined]


def settle(page: object) -> None:
    """Wait until the page's script has run."""
    page.wait_for_function("document.querySelector('.stApp')?.dataset?.testScriptState === 'notRunning'")  # type: ignore[attr-defined]


def recorded(times: int) -> None:
    """Alternate forward passes with and without recording, of 8 layers of 64 experts, hidden 1,024, on 512 tokens."""
    import torch
    from torch import nn

    from leafscope.core.routing import record

    torch.manual_seed(0)

    class Layer(nn.Module):
        """A mixture of 64 experts, top 2, without attention, so that recording weighs most."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Linear(1024, 64, bias=False)
            self.experts = nn.ModuleList(nn.Linear(1024, 1024) for _ in range(64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores, chosen = torch.softmax(self.gate(x), -1).topk(2, -1)
            out = torch.zeros_like(x)
            for one, expert in enumerate(self.experts):
                rows, place = (chosen == one).nonzero(as_tuple=True)
                out.index_add_(0, rows, scores[rows, place, None] * expert(x[rows]))
            return x + out

    model, x = nn.Sequential(*(Layer() for _ in range(8))), torch.randn(512, 1024)
    modules = {f"{layer}.gate": 2 for layer in range(8)}

    def seconds(run: Callable[[], object]) -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        run()
        return time.perf_counter() - began[0], time.process_time() - began[1]

    plain, beside = [], []
    with torch.no_grad():
        model(x)
        for _ in range(times):
            plain.append(seconds(lambda: model(x)))
            with record(model, modules=modules):
                beside.append(seconds(lambda: model(x)))
    for clock, ones, others in zip(("wall", "CPU"), zip(*beside, strict=True), zip(*plain, strict=True), strict=True):
        say(f"a forward pass, {clock}", list(others))
        say(f"the same, recorded, {clock}", list(ones))
        pairs = statistics.median(one / other - 1 for one, other in zip(ones, others, strict=True))
        medians = statistics.median(ones) / statistics.median(others) - 1
        print(f"recording, {clock}: {medians:+.1%} of medians, {pairs:+.1%} median of pairs")


def say(what: str, seconds: list[float]) -> None:
    """Print a median with its range."""
    print(f"{what}: {statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f}), n = {len(seconds)}")


if __name__ == "__main__":
    main()
