"""The thread of a first visit: one run on all pages, Train in sight, one epoch everywhere, and a page that does not jump."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import PHONE, Visit
from tests.e2e.harness import App, until
from tests.e2e.page import entries
from tests.e2e.scene import Scene
from tests.e2e.thread import FAINT, FIRST_FRAME, Watched, until_one_epoch

RESIZED: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {(1440, 900): ((1920, 1080), (1024, 768)), (390, 844): ()}
"""Windows in which the page is loaded -> sizes that they are given afterwards."""

OWN = changed(EXAMPLE, {"net.depth": 3, "train.epochs": 12})
"""A run that is neither the example nor the newest."""

DENSE = changed(EXAMPLE, {"net.kind": "dense", "train.epochs": 4})
"""A newer run, without leaves."""


MAIN = "document.querySelector('[data-testid=stMain]')"


def link(page: Any, title: str) -> None:
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=title, exact=True).click()
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def run_of(page: Any) -> str:
    found = re.search(r"[?&]run=(\w+)", page.evaluate("location.href"))
    return found.group(1) if found else ""


def test_one_run_from_page_to_page_and_back(app: App, window: Visit) -> None:
    page = window.page
    watched = Watched(page)
    app.train(OWN, DENSE)
    shown = Scene(page, app).load(f"?run={OWN.run_id}")
    shown.at_rest()
    depth = page.locator("[data-testid=stSidebar]").get_by_label("Depth K (gating bits)", exact=True)
    expect(depth).to_have_value("3")
    page.evaluate(f"{MAIN}.scrollTop = 300")
    until(lambda: page.evaluate("history.state?.scrolled") == 300, "the place on the page in the history")
    for title, heading in (("Leaves", "Which sign patterns the data reach"), ("Balance", "How evenly the leaves are used")):
        link(page, title)
        page.get_by_role("heading", name=heading).first.wait_for()
        since = watched.now() + 1000
        until(lambda: run_of(page) == OWN.run_id, f"{title} with the run")
        expect(page.get_by_role("combobox", name=re.compile("^Run"))).to_have_value(OWN.label)
        page.locator("[data-testid=stMain] .js-plotly-plot").first.wait_for()
        watched.assert_still(since)

    # a run chosen on Leaves has its settings in the sidebar, and nothing waits for Train
    link(page, "Leaves")
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    run = page.get_by_role("combobox", name=re.compile("^Run"))
    run.click()
    run.fill(EXAMPLE.label)
    page.get_by_role("option", name=re.compile(rf"^{EXAMPLE.label}( \(|$)")).first.click()
    until(lambda: run_of(page) == EXAMPLE.run_id, "the example")
    link(page, "Playground")
    until(lambda: shown.shown() == [EXAMPLE.run_id], "the example's scene")
    expect(depth).to_have_value("4")
    expect(page.get_by_text("press Train to apply")).to_have_count(0)

    # Back, entry by entry: the run chosen, the page, the run before, with the settings of each
    page.go_back()
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    assert run_of(page) == EXAMPLE.run_id
    page.go_back()
    until(lambda: run_of(page) == OWN.run_id, "the run before")
    expect(run).to_have_value(OWN.label)
    page.go_back()
    page.get_by_role("heading", name="How evenly the leaves are used").first.wait_for()
    page.go_back()
    page.get_by_role("heading", name="Which sign patterns the data reach").first.wait_for()
    page.go_back()
    until(lambda: shown.shown() == [OWN.run_id], "the scene of the first run")
    expect(depth).to_have_value("3")
    until(lambda: page.evaluate(f"{MAIN}.scrollTop") == 300, "the place on the page")


def test_leaves_passes_over_a_model_without_leaves(app: App, window: Visit) -> None:
    page = window.page
    app.train(OWN, DENSE)
    Scene(page, app).load(f"?run={OWN.run_id}").at_rest()
    Scene(page, app).show(DENSE)
    link(page, "Leaves")
    page.locator(".leaves-tree").wait_for()
    assert run_of(page) == OWN.run_id


def test_a_point_is_an_entry_of_the_history_and_an_epoch_is_none(app: App, window: Visit) -> None:
    page = window.page
    app.train(OWN)
    shown = Scene(page, app).load(f"?run={OWN.run_id}")
    shown.at_rest()
    added = entries(page)
    shown.slide(".scene-epochs", 6)
    until_one_epoch(page, 6)
    shown.address_has("epoch_at=6")
    assert added() == 0
    shown.click_at((0.3, 0.6))
    shown.address_has("held=")
    assert added() == 1
    page.go_back()
    shown.address_has("held=", False)
    until_one_epoch(page, 6)


@pytest.mark.parametrize("size", RESIZED)
def test_train_is_in_sight_and_nothing_jumps(app: App, visit: Any, size: tuple[int, int]) -> None:
    page = visit(*size).page
    watched = Watched(page)
    page.goto(app.url)
    page.locator(".scene-epoch").wait_for()
    Scene(page, app).at_rest()
    watched.assert_still(page.evaluate(FIRST_FRAME) + 1000)
    for width, height in (size, *RESIZED[size]):
        page.set_viewport_size({"width": width, "height": height})
        for name in ("Train", "New seed"):
            expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
        expect(page.locator(".scene-epoch")).to_be_in_viewport(ratio=1)
        if width > PHONE:
            expect(page.locator(".scene-plane")).to_be_in_viewport(ratio=1)
        page.wait_for_function("(width) => document.querySelector('[data-testid=stMain]').scrollWidth <= width", arg=width)
    if width > PHONE:  # the smallest projector
        places = watched.places()
        page.locator(".scene-plane").click(position={"x": 150, "y": 150})
        page.wait_for_url(re.compile("held="))
        watched.assert_in_place(places)  # a held point's table has its place
        known = {one.run_id for one in app.store.list_runs()}
        page.get_by_role("button", name="New seed", exact=True).click()

        def ended() -> bool:
            watched.assert_in_place(places)  # also while Stop stands beside three other buttons
            return any(one.status == "finished" for one in app.store.list_runs() if one.run_id not in known)

        until(ended, "the end")
        Scene(page, app).at_rest()
        watched.assert_in_place(places)
    if width < PHONE:
        box = page.locator(".scene-plane").bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        page.wait_for_url(re.compile("held="))


def test_training_neither_fades_nor_moves_the_page_and_is_one_entry(app: App, window: Visit) -> None:
    page = window.page
    watched = Watched(page)
    run = changed(OWN, {"train.epochs": 4000})
    app.train(OWN)
    shown = Scene(page, app).load(f"?run={OWN.run_id}&depth=3&epochs=4000")
    shown.at_rest()
    page.get_by_text("press Train to apply").first.wait_for()
    added, places, began = entries(page), watched.places(), watched.now()
    page.get_by_role("button", name="Train", exact=True).click()
    faint: list[int] = []

    def ended() -> bool:
        faint.append(page.evaluate(FAINT))
        watched.assert_in_place(places)
        return app.store.run(run.run_id).status == "finished"

    until(lambda: any(one.run_id == run.run_id for one in app.store.list_runs()), "submitted")
    until(ended, "the end")
    assert max(faint) == 0
    until_one_epoch(page, 4000)
    watched.assert_in_place(places)
    watched.assert_still(began)
    assert added() == 1


def test_new_seed_trains_the_settings_once_more(app: App, window: Visit) -> None:
    page = window.page
    app.train(OWN)
    shown = Scene(page, app).load(f"?run={OWN.run_id}")
    shown.at_rest()
    page.get_by_role("button", name="New seed", exact=True).click()
    other = changed(OWN, {"seed": 1})
    until(lambda: shown.shown() == [other.run_id], "the scene of the next seed")
    expect(page.get_by_text("press Train to apply")).to_have_count(0)
    page.go_back()
    until(lambda: shown.shown() == [OWN.run_id], "the scene of the first seed")
