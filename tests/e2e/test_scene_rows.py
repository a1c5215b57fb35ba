"""Data that are no plane in the Playground's scene: a digit that is drawn, and a row of a table."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.datasets import Dataset
from leafscope.core.inference.net import Net
from leafscope.core.inspection.contributions import explain
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.page import drawn
from tests.e2e.scene import (
    CLOSE,
    Scene,
    answers,
    assert_pad,
    assert_parts,
    assert_score_is_of,
    data_of,
    net_of,
    spaced,
)


def test_a_digit_drawn_with_the_mouse(scene: Callable[..., Scene]) -> None:
    run = changed(RunConfig(), {"net.width": 16, "train.epochs": 5})
    data = data_of(run)
    shown = scene(run)
    page, net = shown.page, net_of(shown.app, run)
    first = shown.inspect()["views"][0]
    np.testing.assert_array_equal(first["raw"], data.raw[data.test.index[0]])
    assert_digit(shown, net, data, first["raw"])
    page.get_by_text(f"Test row 1 of {len(data.test.y)}, class {data.class_names[data.test.y[0]]}").wait_for()

    page.get_by_role("button", name="Clear").click()
    assert not any(shown.at_rest()["views"][0]["raw"])
    assert shown.text(".scene-sentence").startswith("The pad is empty")
    assert page.locator(".pad-best").count() == 0  # nothing is no digit
    box = page.locator(".pad-canvas").bounding_box()
    cell = box["width"] / 8
    x = box["x"] + 3.5 * cell  # down the middle of the fourth column
    page.mouse.move(x, box["y"] + 1.5 * cell)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 6.5 * cell, steps=8)
    page.mouse.up()
    seen = shown.at_rest()
    cells = np.reshape(seen["views"][0]["raw"], (8, 8))
    np.testing.assert_array_equal(cells[1:7, 3], 16)
    assert not cells[:, [0, 1, 5, 6, 7]].any()
    assert cells.min() >= 0
    assert cells.max() == 16
    page.get_by_text("Your drawing").wait_for()
    drawn = assert_digit(shown, net, data, cells.flatten())
    assert drawn != first["point"]["logits"]

    # shift erases
    page.keyboard.down("Shift")
    page.mouse.move(x, box["y"] + 1.5 * cell)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 3.5 * cell, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    erased = np.reshape(shown.at_rest()["views"][0]["raw"], (8, 8))
    assert not erased[1:4, 3].any()
    assert erased[5:7, 3].all()
    left = assert_digit(shown, net, data, erased.flatten())
    shown.address_has("held=" + "".join(np.base_repr(int(cell), 17).lower() for cell in erased.flatten()))
    page.reload()
    again = shown.at_rest()["views"][0]
    np.testing.assert_array_equal(again["raw"], erased.flatten())
    assert again["point"]["logits"] == pytest.approx(left, abs=1e-9)

    page.get_by_role("button", name="Next test digit").click()
    shown.at_rest()
    assert_digit(shown, net, data, data.raw[data.test.index[1]])


def assert_digit(scene: Scene, net: Net, data: Dataset, raw: ArrayLike) -> list[float]:
    """Scores, pattern and parts of a digit are core's; gives its logits."""
    seen = scene.inspect()["views"][0]
    assert_pad(scene, net, data, raw)
    wanted = explain(net, data.standardize(raw))
    assert_parts(seen, wanted)
    sentence = scene.text(".scene-sentence")
    assert sentence.startswith(f"Sign pattern {spaced(format(wanted.leaf, '04b'))}: this digit uses 5 of 31 matrices;")
    return list(seen["point"]["logits"])


def test_a_row_of_a_table(scene: Callable[..., Scene]) -> None:
    run = changed(RunConfig(data=DataConfig(name="wine")), {"net.depth": 3, "net.width": 8, "train.epochs": 5})
    data = data_of(run)
    shown = scene(run)
    net = net_of(shown.app, run)
    raw = data.raw[data.test.index]
    np.testing.assert_allclose(shown.inspect()["views"][0]["raw"], raw[0], rtol=1e-6)
    assert_pad(shown, net, data, raw[0])
    shown.page.get_by_role("button", name="Next test row").click()
    shown.at_rest()
    assert_pad(shown, net, data, raw[1])
    field = shown.page.get_by_label("Test row", exact=True)
    for nonsense in ("0", "999", "", "1.5"):  # no row: the last one stays
        field.fill(nonsense)
        shown.at_rest()
        assert_pad(shown, net, data, raw[1])
    field.fill(str(len(raw)))
    shown.at_rest()
    assert_pad(shown, net, data, raw[-1])
    assert "this row uses 4 of 15 matrices" in shown.text(".scene-sentence")
    assert_score_is_of(shown, net, data, "")
    assert_planes(shown, net, data)


DIFFERENT = """(scene) => {
  const { plane, model } = scene.leafscope.views[0];
  const { cols, rows } = plane.grid;
  const { low, high } = model.section;
  const C = model.nClasses;
  let [seen, different] = [0, 0];
  for (let at = 0; at < cols * rows; at += 97, seen++) {
    const u = low[0] + ((high[0] - low[0]) * (at % cols)) / (cols - 1);
    const v = high[1] - ((high[1] - low[1]) * Math.floor(at / cols)) / (rows - 1);
    const { shares } = model.point(model.section.expand([u, v]));
    if (shares.some((share, c) => Math.abs(share - plane.out.shares[at * C + c]) > 1e-4)) different++;
  }
  return [seen, different];
}"""
"""How many points of the grid were compared with the net's answer there, and how many differ."""


def assert_planes(shown: Scene, net: Net, data: Dataset) -> None:
    """The net on a plane of two columns, and on one of principal components, which the address keeps."""
    page = shown.page
    page.locator(".scene-section").select_option("columns")
    page.locator(".scene-column").nth(1).select_option(label=data.feature_names[6])
    shown.at_rest()
    seen = shown.click_at((0.6, 0.4))["views"][0]
    others = [place for place in range(len(data.feature_names)) if place not in (0, 6)]
    medians = np.median(data.raw[data.train.index], 0)
    np.testing.assert_allclose(np.array(seen["raw"])[others], medians[others])
    assert abs(seen["raw"][6] - medians[6]) > 1e-3
    assert_on_plane(shown, net, data)
    assert "this point uses 4 of 15 matrices" in shown.text(".scene-sentence")
    assert "The other 11 columns stand at the median" in shown.text(".scene-plane-note")
    shown.address_has("section=0%2C6")
    shown.address_has(f"held={seen['raw'][0]:.6g}")
    page.reload()
    assert shown.at_rest()["state"]["section"] == "0,6"
    np.testing.assert_allclose(shown.inspect()["views"][0]["raw"], seen["raw"], rtol=1e-5)

    page.locator(".scene-section").select_option("components")
    shown.at_rest()
    raw = shown.click_at((0.3, 0.7))["views"][0]["raw"]
    axes = PCA(2).fit(data.train.x).components_
    x = data.standardize(raw)
    np.testing.assert_allclose(axes.T @ (axes @ x), x, atol=1e-4)
    assert_on_plane(shown, net, data)
    page.locator(".scene-section").select_option("")
    shown.at_rest()
    assert not page.locator(".scene-plane").is_visible()
    shown.address_has("section=", False)


def test_a_point_held_on_a_plane_of_many_columns(scene: Callable[..., Scene], visit: Callable[..., Visit]) -> None:
    """30 columns are too many for an address, the two numbers of a place on the plane are not: link and slide restore it."""
    run = changed(RunConfig(data=DataConfig(name="breast_cancer")), {"net.depth": 2, "net.width": 8, "train.epochs": 3})
    shown = scene(run)
    page = shown.page
    for kind in ("components", "columns"):
        page.locator(".scene-section").select_option(kind)
        shown.at_rest()
        raw = shown.click_at((0.3, 0.7))["views"][0]["raw"]
        shown.address_has("held_at=")
        assert "held=" not in page.url
        page.reload()
        np.testing.assert_allclose(shown.at_rest()["views"][0]["raw"], raw, rtol=1e-4)
    other = visit().page
    other.goto(page.url)
    linked = Scene(other, shown.app)
    np.testing.assert_allclose(linked.at_rest()["views"][0]["raw"], raw, rtol=1e-4)
    drawn(page)
    page.locator(".st-key-scene_deck").get_by_role("button").click()
    page.get_by_text("See it on the page Present").wait_for()
    store = shown.app.store
    (where,) = (
        f"deck={info.deck_id}&slide={number}"
        for info in store.decks()
        for number, slide in enumerate(store.slides(info.deck_id).values(), 1)
        if "held_at=" in slide.address
    )
    page.goto(f"{shown.app.url}/present?{where}")
    np.testing.assert_allclose(Scene(page, shown.app).at_rest()["views"][0]["raw"], raw, rtol=1e-4)
    shown.load(f"?run={run.run_id}&section=components&held_at=1,x")
    assert shown.at_rest()["state"]["held"] is None


def assert_on_plane(shown: Scene, net: Net, data: Dataset) -> None:
    seen = shown.inspect()["views"][0]
    wanted = answers(net, data, [seen["raw"]])
    np.testing.assert_allclose(seen["point"]["logits"], wanted["logits"][0], atol=CLOSE)
    assert seen["point"]["leaf"] == wanted["leaves"][0][0]
    compared, different = shown.page.locator(".scene").evaluate(DIFFERENT)
    assert compared > 100
    assert different <= compared // 100  # on a border, rounding decides


def test_a_net_that_is_not_drawn_says_so_and_leaves_the_page_at_rest(app: App, window: Visit) -> None:
    run = RunConfig(data=DataConfig(name="wine"), net=NetConfig(kind="moe", width=4), train=TrainConfig(epochs=1))
    app.train(run)
    window.page.goto(f"{app.url}/?run={run.run_id}")
    window.page.get_by_text("is drawn for data with two features only").first.wait_for()
    until(lambda: window.page.locator(".scene").evaluate("scene => scene.leafscope.isMoving === false"), "rest")
