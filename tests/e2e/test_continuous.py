"""Continuous training in the browser: one row of buttons, and a page that stays where it is."""

from playwright.sync_api import expect

from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.scene import Scene
from tests.e2e.thread import Watched, until_one_epoch

OWN = changed(EXAMPLE, {"net.depth": 3, "train.epochs": 12})
ENDLESS = changed(OWN, {"train.schedule": "constant", "train.epochs": 10_000})
"""A run that does not end while a test lasts."""


def test_play_pause_one_epoch_and_reset(app: App, window: Visit) -> None:
    page = window.page
    watched = Watched(page)
    app.train(OWN)
    shown = Scene(page, app).load(f"?run={OWN.run_id}&depth=3&epochs=10000&schedule=constant")
    page.get_by_text("press Play to apply").first.wait_for()
    shown.at_rest()
    places = watched.places()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    press("Play")
    until(lambda: app.store.runs([ENDLESS.run_id]) and app.store.run(ENDLESS.run_id).epochs_done >= 5, "some epochs")
    watched.assert_in_place(places)
    expect(page.locator(".scene-guide-words")).to_contain_text("This run still trains")
    expect(page.locator(".scene-guide").get_by_role("link").first).to_be_disabled()  # it would lead to another run
    press("Pause")
    until(lambda: app.store.run(ENDLESS.run_id).status == "stopped", "a pause")
    done = app.store.run(ENDLESS.run_id).epochs_done
    press("One epoch")
    until(lambda: app.store.run(ENDLESS.run_id).epochs_done == done + 1, "one more epoch")
    until_one_epoch(page, done + 1)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_enabled()
    assert app.store.run(ENDLESS.run_id).status == "stopped"
    press("Reset")
    page.get_by_text("press Play to train from the beginning").first.wait_for()
    until_one_epoch(page, 0)
    watched.assert_in_place(places)
