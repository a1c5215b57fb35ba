"""The main job as a person does it: train on spirals, watch, stop, come back, resume, see the end, tidy up."""

import re
from typing import Any

from playwright.sync_api import expect

from leafscope.app.navigation import PAGES
from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.usage.counts import leaf_counts
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.scene import Scene, app_epochs, assert_score_is_of, data_of, net_at, net_of

EPOCHS = 6000
STORY = changed(EXAMPLE, {"train.epochs": EPOCHS})
"""Some seconds, so that there is time to watch it and to stop it."""


def number_field(page: Any, label: str, value: str) -> None:
    """Type a number into a field of the sidebar and leave it."""
    box = page.get_by_label(label, exact=True)
    box.fill(value)
    box.press("Enter")


def open_fold(page: Any, label: str) -> None:
    page.locator("summary", has_text=label).click()


def test_the_story(app: App, window: Visit) -> None:
    page = window.page
    page.goto(app.url)

    # something real at once: the example run, labelled as such
    page.get_by_role("heading", name="Train a net that chooses its weights by sign pattern").first.wait_for()
    page.get_by_text("shipped example").first.wait_for()
    page.get_by_text(re.compile(r"of 16 leaves hold the 550 training rows")).first.wait_for()

    # spirals, depth 4 are chosen already; a value that cannot be is said, and cannot be trained
    sidebar = page.locator("[data-testid=stSidebar]")
    expect(sidebar.get_by_label("Depth K (gating bits)", exact=True)).to_have_value("4")
    sidebar.get_by_text("8,514").wait_for()
    number_field(page, "Width (units)", "3")
    page.get_by_text("depth must be at most the width (3) with hidden gates").first.wait_for()
    train = page.get_by_role("button", name="Train", exact=True)
    expect(train).to_be_disabled()
    number_field(page, "Width (units)", "16")
    open_fold(page, "Net and training")
    number_field(page, "Epochs", str(EPOCHS))
    page.get_by_text("press Train to apply").first.wait_for()
    train.click()
    page.get_by_text(STORY.label).first.wait_for()

    # it moves: epochs, time left, curves, loads, and the scene
    page.get_by_text(re.compile(rf"epoch [\d,]+ of {EPOCHS:,}, about .+ left")).first.wait_for()
    page.locator("[data-testid=stMain] svg path[stroke-dasharray], [data-testid=stMain] svg polyline").first.wait_for()
    texts = {
        "the loads": (page.locator("[data-testid=stMain]"), r"Epoch ([\d,]+):\W+\d+ of 16 leaves hold"),
        "the scene": (page.locator(".scene-epoch").last, rf"^epoch (\d+) of {EPOCHS}$"),
    }
    seen: dict[str, list[str]] = {name: [] for name in texts}

    def moved() -> bool:
        for name, (place, pattern) in texts.items():
            found = re.search(pattern, place.inner_text())
            if found and found.group(1) not in seen[name]:
                seen[name].append(found.group(1))
        return min(map(len, seen.values())) >= 3

    until(moved, "three different epochs in the loads and in the scene")
    for epochs in seen.values():
        numbers = [int(epoch.replace(",", "")) for epoch in epochs]
        assert numbers == sorted(numbers)

    # stop, keeping what was learned
    page.get_by_role("button", name="Stop").click()
    until(lambda: app.store.run(STORY.run_id).status == "stopped", "stopped")
    page.get_by_text("stopped").first.wait_for()
    stopped_at = app.store.run(STORY.run_id).epochs_done
    assert 0 < stopped_at < EPOCHS
    assert app.store.recorded_epochs(STORY.run_id).tolist() == list(range(stopped_at + 1))

    # leave, and open the address again: the run is there
    address = page.url
    assert STORY.run_id in address
    page.goto("about:blank")
    page.goto(address)
    page.get_by_text(f"epoch {stopped_at:,} of {EPOCHS:,}").first.wait_for()

    # resume, and see its end without loading the page again
    page.evaluate("window.stays = true")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(rf"epoch [\d,]+ of {EPOCHS:,}, about")).first.wait_for()
    app.train(STORY)
    assert app.store.run(STORY.run_id).resumed_from == stopped_at
    assert app.store.recorded_epochs(STORY.run_id).tolist() == list(range(EPOCHS + 1))
    scene = Scene(page, app)
    until(lambda: scene.text(".scene-epoch") == f"epoch {EPOCHS} of {EPOCHS}", "the last epoch")
    expect(page.locator(".scene-play")).to_have_text("▶ Replay")
    page.get_by_role("button", name="Train again").wait_for()
    assert scene.at_rest()["frames"]["frames"] == 0
    assert_score_is_of(scene, net_of(app, STORY), data_of(STORY), "")
    middle = EPOCHS // 2
    assert middle in app_epochs(app, STORY)
    until(lambda: scene.slide(".scene-epochs", middle)["state"]["epoch"] == middle, "an epoch of the middle")
    assert_score_is_of(scene, net_at(app, STORY, middle), data_of(STORY), "")
    assert page.evaluate("window.stays")


def test_a_run_that_ends_before_it_is_looked_at_is_shown_whole(app: App, window: Visit) -> None:
    page = window.page
    run = changed(EXAMPLE, {"train.epochs": 7})
    page.goto(app.url)
    page.get_by_text(re.compile(r"of 16 leaves hold the 550 training rows")).first.wait_for()
    open_fold(page, "Net and training")
    number_field(page, "Epochs", "7")
    page.get_by_text("press Train to apply").first.wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("spirals tree K4 w16 e7 s0").first.wait_for()
    page.get_by_text(re.compile(r"Epoch 7:\W+\d+ of 16 leaves hold the 550 training rows")).first.wait_for()
    page.get_by_text("epoch 7 of 7").first.wait_for()
    page.get_by_role("button", name="Train again").wait_for()
    page.locator("[data-testid=stMain] svg path[stroke-dasharray], [data-testid=stMain] svg polyline").first.wait_for()
    page.get_by_text("Leaf load at epoch 7").first.wait_for()
    counts = leaf_counts(app.store.leaves(run.run_id, 0, "train", 7), 4)
    page.get_by_text(f"{(counts > 0).sum()} of 16 leaves hold").first.wait_for()


def test_pages_at_all_sizes_show_no_error(app: App, window: Visit) -> None:
    """Every page, one after another, in two sizes, light and dark."""
    page = window.page
    page.goto(f"{app.url}/no-such-page")
    page.get_by_text(re.compile("[Pp]age not found")).first.wait_for()
    # Streamlit writes the same sentence to the console
    window.errors[:] = [error for error in window.errors if "does not seem to exist" not in error]
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    heading = page.get_by_role("heading", level=1).first
    expect(heading).to_have_text("Train a net that chooses its weights by sign pattern")
    try:
        for place, one in enumerate([*PAGES[1:], PAGES[0]]):
            before = heading.inner_text()
            size = ((1440, 900), (1920, 1080))[place % 2]
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=one.title, exact=True).click()
            expect(heading).not_to_have_text(before)
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                expect(page.locator(".stApp")).to_have_css("color-scheme", scheme)
                page.get_by_text("The worker is").first.wait_for()
                expect(page.locator("[data-testid=stException]")).to_have_count(0)
    finally:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})


def test_runs_can_be_found_exported_and_deleted(app: App, window: Visit) -> None:
    page = window.page
    run = RunConfig(data={"name": "iris"}, train={"epochs": 2})
    app.train(run)
    page.goto(f"{app.url}/runs")
    page.get_by_role("heading", name="All runs").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export table as CSV").click()
    table = download.value.path().read_text()
    assert "net.depth" in table.splitlines()[0]
    assert run.run_id in table

    other = RunConfig(net={"width": 128}, train={"epochs": 2000})  # trains meanwhile, and must not close the dialog
    app.store.submit(other)
    until(lambda: app.store.run(other.run_id).epochs_done > 0, "training")
    page.get_by_label("Find", exact=True).fill("iris finished")
    page.get_by_label("Find", exact=True).press("Enter")
    page.get_by_text("1 shown").first.wait_for()
    grid = page.locator("[data-testid=stDataFrame] canvas").first
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 52)
    page.get_by_text("1 chosen").first.wait_for()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("This cannot be undone").first.wait_for()
    moved = app.store.run(other.run_id).epochs_done + 6
    until(lambda: app.store.run(other.run_id).epochs_done > moved, "six more epochs")
    assert page.get_by_text("This cannot be undone").is_visible()
    page.get_by_role("button", name="Delete 1").click()
    until(lambda: run.run_id not in [summary.run_id for summary in app.store.list_runs()], "deleted")
    page.get_by_text("No run has all of these words").first.wait_for()
    app.store.stop(other.run_id)
    until(lambda: app.store.run(other.run_id).status == "stopped", "stopped")
