"""The main job as a person does it: train on spirals, watch, leave, come back, see the end, tidy up."""

import re
from typing import Any

from playwright.sync_api import expect

from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.usage.counts import leaf_counts
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import saved_file
from tests.e2e.scene import Scene, app_epochs, assert_score_is_of, data_of, net_at, net_of

EPOCHS = 6000
STORY = changed(EXAMPLE, {"train.epochs": EPOCHS})
"""Some seconds, so that there is time to watch it."""


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
        "the loads": (page.locator(".scene-bars-words"), r"Epoch ([\d,]+):\W+\d+ of 16 leaves hold"),
        "the scene": (page.locator(".scene-epoch").last, rf"^epoch ([\d,]+) of {EPOCHS:,}$"),
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

    # leave, and open the address again once it has ended: the run is there, whole
    address = page.url
    assert STORY.run_id in address
    page.goto("about:blank")
    app.train(STORY)
    assert app.store.recorded_epochs(STORY.run_id).tolist() == list(range(EPOCHS + 1))
    page.goto(address)
    page.get_by_text(f"{EPOCHS:,} of {EPOCHS:,} epochs").first.wait_for()
    scene = Scene(page, app)
    until(lambda: scene.at_rest()["state"]["epoch"] == EPOCHS, "the last epoch")
    assert_score_is_of(scene, net_of(app, STORY), data_of(STORY), "")
    middle = EPOCHS // 2
    assert middle in app_epochs(app, STORY)
    until(lambda: scene.slide(".scene-epochs", middle)["state"]["epoch"] == middle, "an epoch of the middle")
    assert_score_is_of(scene, net_at(app, STORY, middle), data_of(STORY), "")


def test_a_run_is_stopped_and_resumed(app: App, window: Visit) -> None:
    page, store = window.page, app.store
    endless = changed(
        EXAMPLE, {"train.epochs": 10_000, "net.width": 64, "net.depth": 8}
    )  # minutes, so that it is stopped before its end
    store.submit(endless)
    page.goto(f"{app.url}/?run={endless.run_id}")
    try:
        page.get_by_role("button", name="Stop", exact=True).click()
        until(lambda: store.run(endless.run_id).status == "stopped", "stopped")
        stopped = store.run(endless.run_id).epochs_done
        assert stopped < 10_000
        page.get_by_role("button", name="Resume", exact=True).click()
        until(lambda: store.run(endless.run_id).epochs_done > stopped, "more epochs")
        assert store.run(endless.run_id).status == "running"
    finally:
        store.stop(endless.run_id)
        until(lambda: store.run(endless.run_id).status == "stopped", "stopped again")
        store.delete(endless.run_id)


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
    page.get_by_text("7 of 7 epochs").first.wait_for()
    page.locator("[data-testid=stMain] svg path[stroke-dasharray], [data-testid=stMain] svg polyline").first.wait_for()
    page.get_by_text("Leaf load at epoch 7").first.wait_for()
    counts = leaf_counts(app.store.leaves(run.run_id, 0, "train", 7), 4)
    page.get_by_text(f"{(counts > 0).sum()} of 16 leaves hold").first.wait_for()


def test_an_address_without_a_page_says_so_and_shows_the_first(app: App, window: Visit) -> None:
    page = window.page
    page.goto(f"{app.url}/no-such-page")
    page.get_by_text(re.compile("[Pp]age not found")).first.wait_for()
    # Streamlit writes the same sentence to the console
    window.errors[:] = [error for error in window.errors if "does not seem to exist" not in error]

    def is_closed() -> bool:
        page.keyboard.press("Escape")  # which the dialog may not hear yet
        return not page.get_by_role("dialog").count()

    until(is_closed, "the dialog's end")
    heading = page.get_by_role("heading", level=1).first
    expect(heading).to_have_text("Train a net that chooses its weights by sign pattern")


def test_runs_can_be_found_exported_and_deleted(app: App, window: Visit) -> None:
    page = window.page
    run = RunConfig(data={"name": "iris"}, train={"epochs": 2})
    app.train(run)
    page.goto(f"{app.url}/runs")
    page.get_by_role("heading", name="All runs").first.wait_for()
    table = saved_file(page, "Export table as CSV").read_text()
    assert "net.depth" in table.splitlines()[0]
    assert run.run_id in table

    other = RunConfig(net={"width": 128}, train={"epochs": 2000})  # trains meanwhile, and must not close the dialog
    app.store.submit(other)
    until(lambda: app.store.run(other.run_id).epochs_done > 0, "training")
    page.get_by_label("Find", exact=True).fill("iris finished")
    page.get_by_label("Find", exact=True).press("Enter")
    page.get_by_text("1 shown").first.wait_for()
    page.get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 52})
    page.get_by_text("1 chosen").first.wait_for()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("This cannot be undone").first.wait_for()
    moved = app.store.run(other.run_id).epochs_done + 6
    until(lambda: app.store.run(other.run_id).epochs_done > moved, "six more epochs")
    assert page.get_by_text("This cannot be undone").is_visible()
    page.get_by_role("button", name="Delete 1").click()
    until(lambda: run.run_id not in [summary.run_id for summary in app.store.list_runs()], "deleted")
    page.get_by_text("The filter holds of no run").first.wait_for()
    app.store.stop(other.run_id)
    until(lambda: app.store.run(other.run_id).status == "stopped", "stopped")
