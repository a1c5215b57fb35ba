"""Make the pictures of README and guide from the running app: python -m tests.tools.pictures."""

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from leafscope.app import navigation
from leafscope.app.navigation import PAGES
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import load
from tests.e2e.conftest import BROWSER_FLAGS
from tests.e2e.harness import end_app, start_app, until
from tests.e2e.page import drawn

FOLDER = Path(__file__).parents[2] / "data" / "pictures"
WIDTH, HEIGHT = 1440, 900
"""The window, in px."""

OTHERS = tuple(page for page in PAGES if page.name in ("leaves", "balance", "overfitting", "compare", "present"))
"""Pages whose first screen is a picture too."""

WIDEST = 960
"""The most px that the replay is wide."""

LIMIT = 2_000_000
"""Bytes that no picture reaches."""

FRAME, LAST = 140, 2000
"""How long a frame of the replay is shown, and how long its last one, in ms."""

PALETTE_FRAMES = 10
"""Frames, spread over the replay, that its colours are chosen from."""

COLOURS = 128
"""In the replay's palette: half of what a GIF can have takes half the bytes, and looks alike."""

MARGIN = 8
"""Room around the scene in the replay, in px."""

ORANGE = 1
"""The class whose arm the held point is on."""

ARM = 0.62
"""How far from the centre the held point is, of an arm that ends at 1."""


def main() -> int:
    """Make all pictures and print path, bytes and frames of each; returns 1 if one is too large, else 0."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("a Chromium must be on the path: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        app = start_app(Path(name), Path(name) / "runs.db")
        try:
            until(lambda: app.store.list_runs() and app.store.run(EXAMPLE.run_id).status == "finished", "the example run")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_FLAGS))
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
                page.add_init_script('localStorage.setItem("leafscope.replayed", "1")')
                page.goto(app.url)
                scene = ScenePage(page)
                paths = [*scene.moments(), scene.replay(), *(save_page(page, one) for one in OTHERS)]
                browser.close()
        finally:
            end_app(app)
    for path in paths:
        with Image.open(path) as image:
            print(path, path.stat().st_size, getattr(image, "n_frames", 1))
    return int(any(path.stat().st_size >= LIMIT for path in paths))


def save_page(page: Page, entry: navigation.Page) -> Path:
    """Save the first screen of a page as a first visit shows it, once its first figure is drawn."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=entry.title, exact=True).click()
    page.wait_for_url(f"**/{entry.name}**")
    page.locator("[data-testid=stMain]").locator(".main-svg, iframe, canvas, svg[role=img]").first.wait_for()
    drawn(page)
    page.wait_for_load_state("networkidle")
    page.mouse.move(WIDTH - 2, HEIGHT // 2)
    path = FOLDER / f"{entry.name}.png"
    page.screenshot(path=path)
    return path


class ScenePage:
    """A page that has come to show the scene of a trained net, at rest."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.scene = page.locator(".scene")
        self.scene.wait_for()
        self.element = self.scene.element_handle()
        self.holds("(el.leafscope?.views[0]?.model?.computes ?? false) && el.leafscope.isMoving === false")

    def holds(self, expression: str) -> None:
        """Wait until something holds of the scene's element, `el`."""
        self.page.wait_for_function(f"el => {expression}", arg=self.element, timeout=30_000)

    def does(self, expression: str) -> Any:
        """Evaluate something of the scene's element, `el`."""
        return self.element.evaluate(f"el => {expression}")

    def rest_at(self, epoch: int) -> None:
        """Scrub to a recorded epoch, and wait until it is drawn in full."""
        self.does(f"el.leafscope.scrub({epoch})")
        self.holds(f"el.leafscope.inspect().views[0].epoch === {epoch} && el.leafscope.inspect().state.isMoving === false")

    def epochs(self) -> list[int]:
        """The recorded epochs, in order."""
        return [int(epoch) for epoch in self.does("el.leafscope.leading.scene.epochs")]

    def moments(self) -> list[Path]:
        """Save the page untrained, with a held point at the last epoch, and with the leaves shuffled; then undo both."""
        first, *_, last = self.epochs()
        self.rest_at(first)
        paths = [self.save("untrained", f"epoch_at={first}")]
        self.rest_at(last)
        self.page.wait_for_url(lambda url: "epoch_at=" not in url)
        x, y = self.does(f"el.leafscope.views[0].plane.toPixels({point()})")
        self.scene.locator(".scene-plane").click(position={"x": x, "y": y})
        paths.append(self.save("held", "held="))
        self.scene.locator(".scene-shuffle").click()
        paths.append(self.save("shuffled", "shuffled=1"))
        self.scene.locator(".scene-shuffle").click()
        self.page.keyboard.press("Escape")
        self.page.wait_for_url(lambda url: "held=" not in url and "shuffled=" not in url)
        return paths

    def leave(self) -> None:
        """Take mouse and focus off all that would show them."""
        self.page.mouse.move(WIDTH - 2, HEIGHT // 2)
        self.does("el.getRootNode().activeElement?.blur()")

    def save(self, moment: str, place: str) -> Path:
        """Save the window once the address says where the scene is, and Streamlit has answered."""
        self.leave()
        self.page.wait_for_url(lambda url: place in url)
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        self.holds("el.leafscope.inspect().state.isMoving === false")
        path = FOLDER / f"scene-{moment}.png"
        self.page.screenshot(path=path)
        return path

    def replay(self) -> Path:
        """Save one frame for each recorded epoch, from the bar to the bottom of the plane."""
        self.leave()
        frames = []
        for epoch in self.epochs():
            self.rest_at(epoch)
            frames.append(self.frame())
        path = FOLDER / "replay.gif"
        save_gif(frames, path)
        return path

    def frame(self) -> Image.Image:
        """The scene without its guide and its foot."""
        bar, pair = (self.scene.locator(f".scene-{part}").bounding_box() for part in ("bar", "pair"))
        if bar is None or pair is None:
            raise SystemExit("the scene must be on the screen")
        clip: FloatRect = {
            "x": bar["x"] - MARGIN,
            "y": bar["y"] - MARGIN,
            "width": bar["width"] + 2 * MARGIN,
            "height": pair["y"] + pair["height"] - bar["y"] + 2 * MARGIN,
        }
        image = Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")
        share = min(1, WIDEST / image.width)
        return image.resize((round(share * image.width), round(share * image.height)), Image.Resampling.LANCZOS)


def point() -> list[float]:
    """A training row of the example, amid the arm of one class."""
    data = load(EXAMPLE.data, EXAMPLE.data_seed)
    rows = data.raw[data.train.index[data.train.y == ORANGE]]
    nearest = np.abs(np.linalg.norm(rows, axis=1) - ARM).argmin()
    return [float(value) for value in rows[nearest]]


def save_gif(frames: list[Image.Image], path: Path) -> None:
    """Save frames of equal size as a GIF that loops for ever, with one palette, so that no colour flickers."""
    chosen = [frames[round(at)] for at in np.linspace(0, len(frames) - 1, min(PALETTE_FRAMES, len(frames)))]
    width, height = frames[0].size
    together = Image.new("RGB", (width, height * len(chosen)))
    for i, frame in enumerate(chosen):
        together.paste(frame, (0, i * height))
    palette = together.quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    colours = np.array(palette.getpalette()).reshape(-1, 3)
    colours[colours.min(1).argmax()] = 255  # the page around the picture is white, the mean of nearly white is not
    palette.putpalette(colours.ravel().tolist())
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [FRAME] * len(others) + [LAST]
    first.save(path, save_all=True, append_images=others, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
