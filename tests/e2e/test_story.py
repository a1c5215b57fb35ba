"""The main job as a person does it: train on spirals, watch, stop, resume, come back, look at the leaves, tidy up."""

import re
import time
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from leafscope.core.config import RunConfig, changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import load
from leafscope.core.training.trainer import Trainer
from leafscope.core.usage.counts import leaf_counts
from tests.e2e.harness import App, until


def number_field(page: Any, label: str, value: str) -> None:
    """Type a number into a field of the sidebar and leave it."""
    box = page.get_by_label(label, exact=True)
    box.fill(value)
    box.press("Enter")


def open_fold(page: Any, label: str) -> None:
    page.locator("summary", has_text=label).click()


def main_text(page: Any) -> str:
    return str(page.locator("[data-testid=stMain]").inner_text())


def test_the_story(app: App, visit: Any) -> None:
    window = visit()
    page = window.page
    page.goto(app.url)

    # something real at once: the example run, labelled as such
    page.get_by_role("heading", name="Train a net that chooses its weights by sign pattern").first.wait_for()
    page.get_by_text("example, trained at the first start").first.wait_for()
    page.get_by_text(re.compile(r"of 16 leaves hold the 550 training rows")).first.wait_for()

    # spirals, depth 4 are chosen already; a longer run, so that there is time to stop it
    sidebar = page.locator("[data-testid=stSidebar]")
    expect(sidebar.get_by_label("Depth K (gating bits)", exact=True)).to_have_value("4")
    sidebar.get_by_text("8,514").wait_for()
    open_fold(page, "Net and training")
    number_field(page, "Epochs", "2000")
    number_field(page, "Width (units)", "128")
    page.get_by_text("press Train to apply").first.wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    clicked = time.monotonic()
    page.get_by_text("spirals tree K4 w128 e2000 s0").first.wait_for()
    page.get_by_text(re.compile(r"Epoch [1-6]?\d?\d:\W+\d+ of 16 leaves hold")).first.wait_for()
    page.locator("[data-testid=stMain] svg path[stroke-dasharray], [data-testid=stMain] svg polyline").first.wait_for()
    first_point = time.monotonic() - clicked
    print(f"\nfirst point of the loss curve after {first_point:.2f} s")

    # it moves: epochs, time left, curves, loads
    page.get_by_text(re.compile(r"epoch [\d,]+ of 2,000, about .+ left")).first.wait_for()
    seen = set()

    def moved() -> bool:
        found = re.search(r"Epoch ([\d,]+):\W+\d+ of 16 leaves", main_text(page))
        if found:
            seen.add(found.group(1))
        return len(seen) >= 3

    until(moved, 20, "three different epochs on the screen")

    # stop, within a second, keeping what was learned
    page.get_by_role("button", name="Stop").click()
    asked = time.monotonic()
    run = changed(EXAMPLE, {"train.epochs": 2000, "net.width": 128})
    until(lambda: app.store.run(run.run_id).stopping or app.store.run(run.run_id).status == "stopped", 5, "asked to stop")
    print(f"wish written after {time.monotonic() - asked:.2f} s")
    until(lambda: app.store.run(run.run_id).status == "stopped", 5, "stopped")
    print(f"stopped after {time.monotonic() - asked:.2f} s")
    assert time.monotonic() - asked < 1.0
    page.get_by_text("stopped").first.wait_for()
    stopped_at = app.store.run(run.run_id).epochs_done
    assert 0 < stopped_at < 2000
    assert len(app.store.recorded_epochs(run.run_id)) == stopped_at + 1

    # close the tab, open the URL again: the run is there
    address = page.url
    assert run.run_id in address
    page.close()
    page = visit().page
    page.goto(address)
    page.get_by_text(f"epoch {stopped_at:,} of 2,000").first.wait_for()

    # resume: the same history as an uninterrupted run
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(r"epoch [\d,]+ of 2,000, about")).first.wait_for()
    until(lambda: app.store.run(run.run_id).epochs_done > stopped_at + 1, 20, "resumed")
    page.get_by_role("button", name="Stop").click()
    until(lambda: app.store.run(run.run_id).status == "stopped", 5, "stopped again")
    history = app.store.history(run.run_id)
    last = int(history.epoch.max())
    expected = {}
    for record in Trainer(run).epochs():
        expected |= {(record.epoch, split, metric): value for (split, metric), value in record.metrics.items()}
        if record.epoch == last:
            break
    got = {(row.epoch, row.split, row.metric): row.value for row in history.itertuples()}
    assert got == expected


def test_a_run_that_ends_before_it_is_looked_at_is_shown_whole(app: App, visit: Any) -> None:
    page = visit().page
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


def test_leaves_of_digits(app: App, visit: Any) -> None:
    page = visit().page
    run = RunConfig()
    app.store.submit(run)
    until(lambda: app.store.run(run.run_id).status == "finished", 60, "finished")
    page.goto(f"{app.url}/?run={run.run_id}")
    page.get_by_role("link", name="See the rows in each leaf").click()
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    labels = page.locator("g.icicle text")
    labels.first.wait_for()
    assert run.run_id in page.url

    # the counts on the screen are those of the store
    data = load(run.data, run.seed)
    leaf = app.store.leaves(run.run_id, 0, "train", run.train.epochs)
    counts = leaf_counts(leaf, 4)
    text = " ".join(labels.all_text_contents())
    assert f"n = {len(leaf)}" in text
    assert f"n = {(leaf >> 3 == 1).sum()}" in text

    # click a leaf: its digits, its class mix, its mean image
    chosen = int(np.argsort(counts)[len(counts) // 2])
    slices = page.locator("g.icicle g.slice")
    until(lambda: slices.count() == 31, 10, "31 nodes")
    box_of = sorted((slices.nth(i).bounding_box() for i in range(31)), key=lambda box: (round(box["y"]), box["x"]))
    box = box_of[15 + chosen]
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    pattern = " ".join(format(chosen, "04b"))
    page.get_by_role("heading", name=f"Leaf {pattern}: {counts[chosen]} training rows").first.wait_for()
    assert f"node={15 + chosen}" in page.url
    members = np.flatnonzero(leaf == chosen)
    mix = np.bincount(data.train.y[members], minlength=10)
    page.get_by_text(f"{mix.max()} of the {len(members)} training rows in this leaf").first.wait_for()
    page.get_by_role("heading", name=f"Rows in leaf {pattern}").first.wait_for()
    page.get_by_text(f"The mean of all {len(members)} rows").first.wait_for()
    page.get_by_text(f"n = {len(members)} rows", exact=True).first.wait_for()

    # the test split and the first epoch, by what the URL then says
    page.get_by_text("test", exact=True).first.click()
    test = app.store.leaves(run.run_id, 0, "test", run.train.epochs)
    page.get_by_role("heading", name=re.compile(rf"{pattern}: {(test == chosen).sum()} test rows")).first.wait_for()
    until(lambda: "split=test" in page.url, 5, "the split in the URL")
    address = page.url
    other = visit().page
    other.goto(address)
    other.get_by_role("heading", name=re.compile(rf"{pattern}: {(test == chosen).sum()} test rows")).first.wait_for()


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_at_all_sizes_show_no_error(app: App, visit: Any, size: tuple[int, int], scheme: str) -> None:
    window = visit(*size, scheme)
    page = window.page
    page.goto(app.url)
    for link, heading in (
        ("Playground", "Train a net that chooses its weights by sign pattern"),
        ("Leaves", "Which sign patterns the data reach"),
        ("Runs", "All runs"),
    ):
        page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=link).click()
        page.get_by_role("heading", name=heading).first.wait_for()
        page.get_by_text("The worker is").first.wait_for()
        assert page.locator("[data-testid=stException]").count() == 0


def test_runs_can_be_found_exported_and_deleted(app: App, visit: Any) -> None:
    window = visit()
    page = window.page
    run = RunConfig(data={"name": "iris"}, train={"epochs": 2})
    app.store.submit(run)
    until(lambda: app.store.run(run.run_id).status == "finished", 30, "finished")
    page.goto(f"{app.url}/runs")
    page.get_by_role("heading", name="All runs").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export table as CSV").click()
    table = download.value.path().read_text()
    assert "net.depth" in table.splitlines()[0]
    assert run.run_id in table

    other = RunConfig(net={"width": 128}, train={"epochs": 2000})  # trains meanwhile, and must not close the dialog
    app.store.submit(other)
    until(lambda: app.store.run(other.run_id).epochs_done > 0, 30, "training")
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
    until(lambda: app.store.run(other.run_id).epochs_done > moved, 30, "six more epochs")
    assert page.get_by_text("This cannot be undone").is_visible()
    page.get_by_role("button", name="Delete 1").click()
    until(lambda: run.run_id not in [summary.run_id for summary in app.store.list_runs()], 5, "deleted")
    page.get_by_text("No run has all of these words").first.wait_for()
    app.store.stop(other.run_id)
    until(lambda: app.store.run(other.run_id).status == "stopped", 5, "stopped")


def test_a_bad_value_is_said_by_its_field_and_nothing_is_trained(app: App, visit: Any) -> None:
    page = visit().page
    page.goto(app.url)
    number_field(page, "Width (units)", "3")
    page.get_by_text("depth must be at most the width (3) with hidden gates").first.wait_for()
    assert page.get_by_role("button", name="Train", exact=True).is_disabled()
    number_field(page, "Width (units)", "4096")
    number_field(page, "Depth K (gating bits)", "16")
    page.get_by_text(
        re.compile(r"needs [\d,.]+ GB but only [\d,.]+ GB are free on cpu; the largest depth that fits is \d+")
    ).first.wait_for()
    assert page.get_by_role("button", name="Train", exact=True).is_disabled()


def test_an_unknown_run_or_page_is_said_with_the_way_back(app: App, visit: Any) -> None:
    window = visit()
    page = window.page
    page.goto(f"{app.url}/?run=0123456789abcdef")
    page.get_by_text("There is no run").first.wait_for()
    page.get_by_role("button", name="Show the newest run").click()
    page.get_by_text(re.compile(r"epoch \d+ of \d+")).first.wait_for()
    page.goto(f"{app.url}/leaves?run=0123456789abcdef")
    page.get_by_text("There is no run").first.wait_for()
    page.get_by_role("button", name="Show the newest run").click()
    page.get_by_text("leaves hold training rows").first.wait_for()
    page.goto(f"{app.url}/no-such-page")
    page.get_by_text(re.compile("[Pp]age not found")).first.wait_for()
    page.get_by_role("heading", name="Train a net that chooses its weights by sign pattern").first.wait_for()
    # Streamlit writes the same sentence to the console
    window.errors[:] = [error for error in window.errors if "does not seem to exist" not in error]
