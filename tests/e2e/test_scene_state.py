"""Epoch, level and shuffled leaves of the Playground's scene, in a browser: each is what core says, and is in the address."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import shape
from leafscope.core.gating import path_nodes
from leafscope.core.inference.start import untrained as untrained_net
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.snapshots import leaf_shuffle, plane, shuffled, snapshot_epochs
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.scene import (
    CLOSE,
    SPOTS,
    Scene,
    accuracy,
    answers,
    app_epochs,
    assert_parts,
    assert_score_is_of,
    assert_within_a_row,
    assert_written,
    data_of,
    loads,
    net_at,
    net_of,
    recorded,
)
from tests.e2e.thread import WATCH, Watched


def test_shuffled_leaves_answer_as_core_says_and_back_again_as_before(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), net_of(shown.app, EXAMPLE)
    other = shuffled(net)
    assert accuracy(other, data, "test") < accuracy(net, data, "test") - 0.1
    raw = np.random.default_rng(2).uniform(*plane(data), (50, 2))
    shown.click_at(SPOTS[5])
    names = (".scene-score", ".scene-sentence", ".scene-table", ".scene-shuffle", ".scene-chart")
    before = [shown.inspect(), shown.at_points(raw), [shown.text(name) for name in names]]

    shown.page.locator(".scene-shuffle").click()
    seen = shown.at_rest()
    assert_score_is_of(shown, other, data, "leaves shuffled")
    expect(shown.page.locator(".scene-shuffle")).to_have_text("Undo shuffle")
    wanted, got = answers(other, data, raw), shown.at_points(raw)
    np.testing.assert_allclose(got["logits"], wanted["logits"], atol=CLOSE)
    assert got["leaf"] == wanted["leaves"][0].tolist()
    assert got["uses"] == path_nodes(torch.tensor(leaf_shuffle(4)[wanted["leaves"][0]]), 4).tolist()
    parts = seen["views"][0]["parts"]
    of_other = explain(other, data.standardize(seen["state"]["held"]))
    np.testing.assert_allclose(np.sum(parts["contributions"], 0), of_other.contributions[0], atol=CLOSE)
    np.testing.assert_allclose(parts["logits"], of_other.logits, atol=CLOSE)
    assert_written(shown.table()["Sum: logit"], of_other.logits)
    assert "shuffled" in shown.text(".scene-table caption")

    shown.press("s")
    assert [without_frames(shown.inspect()), shown.at_points(raw), [shown.text(name) for name in names]] == [
        without_frames(before[0]),
        *before[1:],
    ]


def without_frames(seen: Any) -> dict[str, Any]:
    return {name: value for name, value in seen.items() if name != "frames"}


def test_each_level_scores_what_core_says(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), net_of(shown.app, EXAMPLE)
    scores = scores_by_level(net, data)
    n_test = len(data.test.y)
    assert max(scores["test", "accuracy"]) - min(scores["test", "accuracy"]) > 0.1
    seen = shown.click_at(SPOTS[1])
    for split in ("test", "train"):
        for found, wanted in zip(seen["views"][0]["byLevel"][split], scores[split, "accuracy"], strict=True):
            assert_within_a_row(found, wanted, len(data.splits[split].y))
    chart = shown.page.locator(".scene-chart svg").get_attribute("aria-label")
    for level, wanted in enumerate(scores["test", "accuracy"]):
        said = re.search(rf"level {level} ([\d.]+) %", chart)
        assert said
        assert_within_a_row(float(said[1]) / 100, wanted, n_test)

    row = data.standardize(seen["state"]["held"])
    raw = np.random.default_rng(3).uniform(*plane(data), (50, 2))
    for level in (0, 1, 2, 3, 4):
        of_level = shown.slide(".scene-levels", level)
        cut = net.read_to_level(level)
        assert of_level["views"][0]["level"] == of_level["state"]["level"] == level
        assert_score_is_of(shown, cut, data, f"level {level}" if level < 4 else "")
        assert_within_a_row(of_level["views"][0]["scores"]["test"], scores["test", "accuracy"][level], n_test)
        np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(cut, data, raw)["logits"], atol=CLOSE)
        assert_parts(of_level["views"][0], explain(cut, row), level + 1)
        assert f"uses {level + 1} of 31 matrices" in shown.text(".scene-sentence")
        assert len(shown.table()) == level + 3
    for level in (3, 2, 1, 0, 0):
        assert shown.press("[")["state"]["level"] == level
        assert_within_a_row(shown.score()[0], scores["test", "accuracy"][level], n_test)
    assert shown.press("]", "]")["state"]["level"] == 2
    expect(shown.page.locator(".scene-levels")).to_have_value("2")
    shown.address_has("read_to=2")


def test_every_epoch_is_the_net_that_was_recorded(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data = data_of(EXAMPLE)
    size = shape(EXAMPLE.data)
    raw = np.random.default_rng(4).uniform(*plane(data), (50, 2))
    epochs = app_epochs(shown.app, EXAMPLE)

    seen = shown.slide(".scene-epochs", 0)
    untrained = untrained_net(EXAMPLE.net, size.n_features, size.n_classes, EXAMPLE.weight_seed)
    assert seen["state"]["epoch"] == 0
    assert shown.text(".scene-epoch") == "epoch 0 of 60"
    np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(untrained, data, raw)["logits"], atol=CLOSE)
    assert_score_is_of(shown, untrained, data, "")
    assert seen["views"][0]["scores"]["test"] == pytest.approx(recorded(shown.app, EXAMPLE, "test", 0), abs=1e-12)
    np.testing.assert_allclose(seen["views"][0]["loads"], loads(untrained, data, 0), atol=1e-9)
    shown.address_has("epoch_at=0")

    # keys step through what was recorded; the slider comes to rest on the nearest of it
    shown.page.locator(".scene-epochs").focus()
    assert shown.press(".")["state"]["epoch"] == epochs[1]
    assert shown.press(".", ".", ",")["state"]["epoch"] == epochs[2]
    between = next(epoch for epoch in range(10, 60) if epoch not in epochs)
    near = shown.slide(".scene-epochs", between)["state"]["epoch"]
    assert near in epochs
    assert abs(near - between) == min(abs(epoch - between) for epoch in epochs)
    net = net_at(shown.app, EXAMPLE, near)
    np.testing.assert_allclose(shown.at_points(raw)["logits"], answers(net, data, raw)["logits"], atol=CLOSE)
    assert_score_is_of(shown, net, data, "")
    assert_within_a_row(shown.score()[1], recorded(shown.app, EXAMPLE, "train", near), len(data.train.y))


def test_the_arrows_of_the_slider_go_from_one_recorded_epoch_to_the_next(scene: Callable[..., Scene]) -> None:
    shown = scene()
    epochs = snapshot_epochs(EXAMPLE)
    shown.page.locator(".scene-epochs").focus()
    seen = [shown.press(key)["state"]["epoch"] for key in ("ArrowLeft", "ArrowDown", "ArrowLeft", "ArrowRight")]
    assert seen == [epochs[place] for place in (-2, -3, -4, -3)]
    assert [shown.press(key)["state"]["epoch"] for key in ("Home", "ArrowLeft", "ArrowUp")] == [0, 0, epochs[1]]


def test_back_is_where_one_was_before(scene: Callable[..., Scene]) -> None:
    shown = scene()
    first = shown.click_at(SPOTS[0])["state"]["held"]
    shown.address_has("held=")
    before = shown.page.evaluate("location.href")
    shown.click_at(SPOTS[3])
    until(lambda: shown.page.evaluate("location.href") != before, "the second point in the address")
    shown.page.go_back()
    until(lambda: shown.inspect()["state"]["held"] == pytest.approx(first, rel=1e-5), "the first point")
    shown.at_rest()
    assert shown.page.evaluate("location.href") == before

    # a place that was there before Back is news again
    shown.click_at(SPOTS[3])
    until(lambda: shown.page.evaluate("location.href") != before, "the second point in the address, again")


LEAVE = """(scene, [place, link]) => {
  scene.leafscope.change(place);
  for (const one of document.querySelectorAll("[data-testid=stSidebarNavLink]")) {
    if (one.textContent.includes(link)) one.click();
  }
}"""
"""Change the place and follow a link at once, before the server can hear of the place."""


def test_another_page_at_once_and_back(scene: Callable[..., Scene]) -> None:
    shown = scene()
    held = shown.click_at(SPOTS[1])["state"]["held"]
    shown.page.locator(".scene").evaluate(LEAVE, [{"epoch": 30, "level": 2}, "Runs"])
    expect(shown.page.locator(".scene-epoch")).to_have_count(0)
    shown.page.get_by_role("link", name="Playground", exact=True).click()
    back = shown.at_rest()["state"]
    assert (back["epoch"], back["level"]) == (30, 2)
    assert back["held"] == pytest.approx(held, rel=1e-5)
    for part in ("epoch_at=30", "read_to=2", "held="):
        shown.address_has(part)


def test_another_page_and_back(scene: Callable[..., Scene]) -> None:
    shown = scene()
    shown.click_at(SPOTS[1])
    shown.slide(".scene-levels", 2)
    left = shown.slide(".scene-epochs", 30)["state"]
    shown.address_has("epoch_at=30")
    shown.page.get_by_role("link", name="Runs", exact=True).click()
    expect(shown.page.locator(".scene-epoch")).to_have_count(0)
    watched = Watched(shown.page)
    shown.page.evaluate(f"({WATCH})()")
    began = watched.now()
    # by script: shifts soon after a person's own click do not count
    shown.page.get_by_role("link", name="Playground", exact=True).evaluate("(link) => link.click()")
    back = shown.at_rest()["state"]
    watched.assert_still(began)
    assert (back["epoch"], back["level"]) == (left["epoch"], left["level"]) == (30, 2)
    assert back["held"] == pytest.approx(left["held"], rel=1e-5)


def test_an_address_restores_what_was_seen(scene: Callable[..., Scene]) -> None:
    shown = scene()
    shown.click_at(SPOTS[3])
    seen = shown.press(",", ",", ",", "[", "s")
    state = seen["state"]
    assert (state["level"], state["shuffled"]) == (3, True)
    assert state["epoch"] in app_epochs(shown.app, EXAMPLE)
    assert state["epoch"] < EXAMPLE.train.epochs
    for part in ("held=", f"epoch_at={state['epoch']}", "read_to=3", "shuffled=1"):
        shown.address_has(part)
    names = (".scene-score", ".scene-sentence", ".scene-epoch")
    words, table = [shown.text(name) for name in names], list(shown.table())

    again = shown.load(shown.page.url.removeprefix(f"{shown.app.url}/")).at_rest()
    assert {**again["state"], "held": None} == {**state, "held": None}
    np.testing.assert_allclose(again["state"]["held"], state["held"], rtol=1e-5)
    assert [shown.text(name) for name in names] == words
    (before,), (after,) = seen["views"], again["views"]
    np.testing.assert_allclose(after["point"]["logits"], before["point"]["logits"], atol=1e-3)
    assert after["point"]["nodes"] == before["point"]["nodes"]
    assert list(shown.table()) == table


def test_an_address_of_nonsense_is_said_and_left_out(app: App, window: Visit) -> None:
    shown = Scene(window.page, app).load("?epoch_at=61&read_to=x&shuffled=2&scene_layer=1&held=nan,1")
    shown.page.get_by_text("held in the address must be a point of this run's data, got 'nan,1'").wait_for()
    state = shown.at_rest()["state"]
    assert (state["epoch"], state["level"], state["shuffled"], state["layer"], state["held"]) == (60, 4, False, 0, None)
    for part in ("epoch_at", "read_to", "shuffled", "scene_layer", "held"):
        shown.address_has(f"{part}=", False)
    assert_score_is_of(shown, net_of(shown.app, EXAMPLE), data_of(EXAMPLE), "")
