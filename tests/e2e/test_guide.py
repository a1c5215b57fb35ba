"""The guided minute and the presets: each step is a link that sets the scene and says a number computed from the run."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from leafscope.app.playground.presets import PRESETS
from leafscope.app.scene.payload import partners
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.inspection.snapshots import shuffled
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn, entries
from tests.e2e.scene import Scene, accuracy, data_of, net_at, net_of

DEPTH, LAST = EXAMPLE.net.depth, EXAMPLE.train.epochs


def current(page: Any) -> str:
    return str(page.locator(".scene-guide [aria-current]").inner_text())


def number(page: Any) -> float:
    return float(page.locator(".scene-guide-words b").inner_text().removesuffix(" %"))


@pytest.fixture
def shown(app: App, window: Visit) -> Iterator[Scene]:
    scene = Scene(window.page, app).load(f"?run={EXAMPLE.run_id}")
    scene.at_rest()
    yield scene
    window.page.evaluate("localStorage.removeItem('leafscope.guide')")


def test_each_step_sets_the_scene_and_says_a_number_of_the_run(app: App, shown: Scene) -> None:
    page, data, net = shown.page, data_of(EXAMPLE), net_of(app, EXAMPLE)
    dense = partners(EXAMPLE)["dense"]
    steps = [("1 Untrained", 0, DEPTH, False, net_at(app, EXAMPLE, 0)), ("2 Trained", LAST, DEPTH, False, net)]
    steps += [("3 Shuffle leaves", LAST, DEPTH, True, shuffled(net))]
    steps += [(str(level), LAST, level, False, net.read_to_level(level)) for level in range(DEPTH + 1)]
    steps += [("5 Against a dense net", LAST, DEPTH, False, net_of(app, dense))]
    held = set()
    for place, (name, epoch, level, is_shuffled, answers) in enumerate(steps):
        added = entries(page)
        if place % 2:
            page.keyboard.press("ArrowRight")
        else:
            links = page.locator(".scene-guide").get_by_role("link")
            links.nth(place).click()
        until(lambda: current(page) == name, name)  # noqa: B023 -- called at once
        if answers.config.kind == "dense":
            until(lambda: shown.shown() == [EXAMPLE.run_id, dense.run_id], "the dense net")
        state = shown.at_rest()["state"]
        assert (state["epoch"], state["level"], state["shuffled"]) == (epoch, level, is_shuffled)
        assert number(page) == pytest.approx(100 * accuracy(answers, data, "test"), abs=0.0501 + 100 / len(data.test.y))
        step = 4 if name.isdigit() else int(name[0])
        assert f"step={step}" in page.evaluate("location.href")
        assert added() == 1
        held.add(tuple(state["held"]))

    # one point throughout: a training row, which the trained net answers correctly
    (point,) = held
    rows = data.raw[data.train.index]
    row = int(np.abs(rows - np.array(point)).sum(1).argmin())
    np.testing.assert_allclose(rows[row], point, atol=1e-4)
    assert net.routed(data.train.x[row : row + 1]).logits[0].argmax() == data.train.y[row]

    # Back goes through the steps, and left and right go on from there
    drawn(page)
    page.go_back()
    until(lambda: current(page) == str(DEPTH), "the last level")
    until(lambda: shown.shown() == [EXAMPLE.run_id], "the tree alone")
    page.keyboard.press("ArrowLeft")
    until(lambda: current(page) == str(DEPTH - 1), "the level before")
    shown.slide(".scene-epochs", 30)  # something else than a step shows
    expect(page.locator(".scene-guide [aria-current]")).to_have_count(0)
    expect(page.locator(".scene-guide-words b")).to_have_count(0)
    shown.address_has("step=", False)


def test_a_step_can_be_linked_to_by_its_number_alone(app: App, shown: Scene) -> None:
    shown.load(f"?run={EXAMPLE.run_id}&step=3")
    state = shown.at_rest()["state"]
    assert (state["shuffled"], state["step"]) == (True, 3)
    assert state["held"]
    shown.address_has("shuffled=1")
    shown.load(f"?run={EXAMPLE.run_id}&step=1")
    assert shown.at_rest()["state"]["epoch"] == 0
    shown.address_has("epoch_at=0")


def test_the_steps_can_be_put_away_and_brought_back(shown: Scene) -> None:
    page = shown.page
    guide = page.locator(".scene-guide")
    page.get_by_role("button", name="Hide the guided minute").click()
    expect(guide).to_be_hidden()
    page.reload()
    shown.at_rest()
    expect(guide).to_be_hidden()
    page.keyboard.press("ArrowRight")
    assert shown.at_rest()["state"]["step"] is None
    page.get_by_text("Keys, and how this is computed").click()
    page.get_by_role("button", name="Show the guided minute").click()
    expect(guide).to_be_visible()


def test_a_preset_opens_its_run_beside_another_and_trains_what_is_missing(app: App, shown: Scene) -> None:
    page, preset = shown.page, PRESETS["noise"]
    added = entries(page)
    page.get_by_role("button", name="Presets").click()
    page.get_by_text(re.compile("^Where it fails")).click()
    runs = [preset.run.run_id, partners(preset.run)[str(preset.beside)].run_id]
    until(lambda: shown.shown() == runs, "both runs")
    until(lambda: list(app.store.statuses(runs).values()) == ["finished"] * 2, "trained")
    expect(page.locator("[data-testid=stSidebar]").get_by_label("Depth K (gating bits)", exact=True)).to_have_value("6")
    expect(page.get_by_text("press Train to apply")).to_have_count(0)
    assert added() == 1


def test_the_steps_wait_while_an_untrained_net_is_shown(app: App, shown: Scene) -> None:
    page = shown.page
    depth = page.locator("[data-testid=stSidebar]").get_by_label("Depth K (gating bits)", exact=True)
    depth.fill("6")
    depth.press("Enter")
    until(lambda: shown.shown() not in ([], [EXAMPLE.run_id]), "the untrained net")
    before = [shown.shown(), page.evaluate("location.href")]
    expect(page.locator(".scene-guide-words")).to_contain_text("Train this net first")
    links = page.locator(".scene-guide").get_by_role("link")
    assert links.count() >= 5
    for place in range(links.count()):
        expect(links.nth(place)).to_be_disabled()
        links.nth(place).click(force=True)
    page.keyboard.press("ArrowRight")
    assert shown.at_rest()["state"]["step"] is None
    drawn(page)
    assert [shown.shown(), page.evaluate("location.href")] == before
    page.get_by_role("button", name="Back to the run before").click()
    until(lambda: shown.shown() == [EXAMPLE.run_id], "the run before")
    expect(page.locator(".scene-guide-words")).to_contain_text("choose one")
