"""A point of the Playground's scene, in a browser: what is said of it, held and explained, by mouse and by keyboard."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from leafscope.app import theme
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import Dataset
from leafscope.core.gating import path_nodes
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.snapshots import plane
from leafscope.core.inspection.trained import trained_net
from tests.e2e.harness import until
from tests.e2e.scene import (
    CLOSE,
    SPOTS,
    Scene,
    answers,
    app_epochs,
    assert_answer,
    assert_parts,
    assert_score_is_of,
    assert_written,
    data_of,
    net_at,
    net_of,
    spaced,
)


def test_what_is_said_of_the_point_under_the_mouse(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data = data_of(EXAMPLE)
    found = trained_net(shown.app.store, EXAMPLE.run_id)
    assert found is not None
    assert "Point at the plane" in shown.text(".scene-sentence")
    places, raws = [], []
    for spot in SPOTS:
        place = shown.place(spot)
        seen = shown.point_at(spot)["views"][0]
        places.append([place["x"], place["y"]])
        raws.append(seen["raw"])
        np.testing.assert_allclose(seen["pixels"], places[-1], atol=1)
        x = data.standardize([seen["raw"]])
        _, ((leaf,),) = found.predict(x)
        point = seen["point"]
        bits = format(leaf, "04b")
        assert (point["leaf"], point["bits"]) == (leaf, bits)
        assert point["nodes"] == point["uses"] == path_nodes(torch.tensor(leaf), 4).tolist()
        np.testing.assert_allclose(point["logits"], found.net(x)[0], atol=CLOSE)
        sentence = shown.text(".scene-sentence")
        assert sentence.startswith(
            f"Sign pattern {spaced(bits)}: this point uses 5 of 31 matrices; their sum is stored, "
            "one matrix for each leaf, so prediction costs one multiplication."
        )
        assert_answer(sentence, data, answers(found.net, data, [seen["raw"]])["shares"][0])
    assert_is_map(shown, np.array(places), np.array(raws), data)
    shown.page.get_by_role("heading", level=1).hover()
    assert shown.at_rest()["views"][0]["point"] is None


def assert_is_map(scene: Scene, places: NDArray[np.float64], raws: NDArray[np.float64], data: Dataset) -> None:
    """Pixels go to features in straight lines, and the drawn part of the plane fills the canvas but for its axes."""
    box = scene.page.locator(".scene-plane").bounding_box()
    low, high = plane(data)
    for axis, size in enumerate((box["width"], box["height"])):
        slope, start = np.polyfit(places[:, axis], raws[:, axis], 1)
        np.testing.assert_array_less(np.abs((raws[:, axis] - start) / slope - places[:, axis]), 1)
        ends = sorted([(low[axis] - start) / slope, (high[axis] - start) / slope])
        assert (slope > 0) == (axis == 0)  # y grows upwards
        axis_room = (0.02 * size, 0.15 * size)
        room = (ends[0], size - ends[1]) if axis == 0 else (size - ends[1], ends[0])
        assert axis_room[0] < room[0] < axis_room[1]
        assert 0 <= room[1] < 5


def test_the_colours_are_those_of_the_classes_that_the_net_says(scene: Callable[..., Scene]) -> None:
    """Pixels far from points, lines, words and doubt."""
    shown = scene()
    run, data = EXAMPLE, data_of(EXAMPLE)
    low, high = plane(data)
    raw = np.random.default_rng(1).uniform(low, high, (3000, 2))
    unit = (high - low) / 400
    rows = data.raw[data.train.index]
    far = (np.hypot(*((raw[:, None] - rows) / unit).transpose(2, 0, 1)) > 8).all(1)
    around = np.array([[0, 0], [6, 0], [-6, 0], [0, 6], [0, -6]]) * unit
    said = answers(net_of(shown.app, run), data, (raw[:, None] + around).reshape(-1, 2))
    sure = (said["shares"].max(1) > 0.95).reshape(-1, 5).all(1)
    leaf = said["leaves"][0].reshape(-1, 5)
    chosen = np.flatnonzero(far & sure & (leaf == leaf[:, :1]).all(1))
    wanted = said["logits"].argmax(1).reshape(-1, 5)[chosen, 0]
    assert min(np.bincount(wanted, minlength=2)) > 20
    colours = shown.page.locator(".scene").evaluate(
        """(scene, points) => {
          const { plane } = scene.leafscope.views[0];
          const ratio = plane.canvas.width / plane.canvas.clientWidth;
          return points.map((raw) => {
            const [x, y] = plane.toPixels(raw);
            return [...plane.context.getImageData(Math.round(ratio * x), Math.round(ratio * y), 1, 1).data].slice(0, 3);
          });
        }""",
        raw[chosen].tolist(),
    )
    hues = np.array([[int(hue[at : at + 2], 16) for at in (1, 3, 5)] for hue in theme.CLASS_COLOURS[:2]])
    nearest = np.linalg.norm(np.array(colours)[:, None] - hues, axis=2).argmin(1)
    agrees = np.mean(nearest == wanted)
    assert agrees > 0.9  # words and outlines cover a few


def test_a_click_holds_a_point_and_explains_its_logits(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data, net = data_of(EXAMPLE), net_of(shown.app, EXAMPLE)
    assert not shown.page.locator(".scene-table").is_visible()
    seen = shown.click_at(SPOTS[0])
    held = seen["state"]["held"]
    panel = shown.page.locator(".scene-table")
    for spot, opacity in ((SPOTS[0], "1"), (SPOTS[3], "0.45")):  # faint while the mouse asks of another point
        shown.point_at(spot)
        expect(panel).to_have_css("opacity", opacity)
    shown.page.get_by_role("heading", level=1).hover()
    expect(panel).to_have_css("opacity", "1")
    wanted = explain(net, data.standardize(held))
    assert_parts(seen["views"][0], wanted)
    bits = format(wanted.leaf, "04b")
    sentence = shown.text(".scene-sentence")
    assert sentence.startswith(f"Sign pattern {spaced(bits)}:")

    table = shown.table()
    assert next(iter(table)) == "root"
    assert list(table)[5:] == ["later biases", "Sum: logit"]
    for level in range(1, 5):
        assert list(table)[level] == spaced(bits[:level]) + " ·" * (4 - level)
    for words, values in zip(table.values(), [*wanted.contributions, wanted.rest, wanted.logits], strict=True):
        assert_written(words, values)
    parts = seen["views"][0]["parts"]
    np.testing.assert_allclose(np.sum(parts["contributions"], 0) + parts["rest"], parts["logits"], atol=1e-9)
    assert shown.page.locator(".scene-table thead th").all_inner_texts() == ["Matrix", *data.class_names]

    # another point under the mouse does not move the table
    hovered = shown.point_at(SPOTS[4])
    assert hovered["state"]["held"] == held
    assert hovered["views"][0]["raw"] != held
    assert shown.table() == table
    shown.page.get_by_role("heading", level=1).hover()
    shown.at_rest()
    assert shown.text(".scene-sentence") == sentence

    shown.address_has("held=")
    released = shown.press("Escape")
    assert released["state"]["held"] is None
    assert released["views"][0]["point"] is None
    assert not shown.page.locator(".scene-table").is_visible()
    shown.address_has("held=", False)

    # a click on the held point releases it too
    shown.click_at(SPOTS[0])
    assert shown.click_at(SPOTS[0])["state"]["held"] is None


def test_the_keyboard_alone_does_it_all(scene: Callable[..., Scene]) -> None:
    shown = scene()
    data, page = data_of(EXAMPLE), shown.page
    page.locator(".scene-shuffle").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".scene-plane")).to_be_focused()
    low, high = plane(data)
    middle, unit = (low + high) / 2, 0.02 * (high - low)
    for keys, moved in (
        (["ArrowRight"], [1, 0]),
        (["ArrowUp", "ArrowUp"], [1, 2]),
        (["Shift+ArrowLeft"], [-4, 2]),
        (["ArrowDown"], [-4, 1]),
    ):
        seen = shown.press(*keys)["views"][0]
        np.testing.assert_allclose(seen["raw"], middle + np.array(moved) * unit, rtol=1e-6)
    said = answers(net_of(shown.app, EXAMPLE), data, [seen["raw"]])
    assert f"Sign pattern {spaced(format(said['leaves'][0, 0], '04b'))}:" in shown.text(".scene-sentence")

    held = shown.press("Enter")
    assert held["state"]["held"] == seen["raw"]
    assert_parts(held["views"][0], explain(net_of(shown.app, EXAMPLE), data.standardize(seen["raw"])))

    page.get_by_label("Speed").select_option("0.25")  # 24 seconds, time enough to pause it
    page.locator(".scene-plane").focus()
    page.keyboard.press("k")
    button = page.locator(".scene-play")
    expect(button).to_have_text("❚❚ Pause")
    until(lambda: 3 < shown.inspect()["state"]["epoch"] < 50, "epochs go by")
    page.keyboard.press("k")
    expect(button).to_have_text("▶ Play")
    page.get_by_label("Speed").select_option("1")
    paused = shown.at_rest()["state"]["epoch"]
    assert paused in app_epochs(shown.app, EXAMPLE)
    assert 3 <= paused < EXAMPLE.train.epochs
    assert_score_is_of(shown, net_at(shown.app, EXAMPLE, paused), data, "")
    assert shown.press("Escape")["state"]["held"] is None
    assert not page.locator(".scene-table").is_visible()


def test_keys_are_heard_wherever_a_person_clicked(scene: Callable[..., Scene]) -> None:
    shown = scene()
    shown.page.get_by_role("heading", level=1).click()
    assert shown.press("s")["state"]["shuffled"]
    assert not shown.press("s")["state"]["shuffled"]
    shown.page.locator(".st-key-width input").focus()
    assert not shown.press("s")["state"]["shuffled"]


def test_the_scene_turns_with_the_theme(scene: Callable[..., Scene]) -> None:
    shown = scene()
    colour = "(scene) => getComputedStyle(scene.querySelector('.scene-score')).color"
    for scheme, dark in (("dark", True), ("light", False)):
        shown.page.emulate_media(color_scheme=scheme)
        ink = "rgb({}, {}, {})".format(*(int(theme.TEXT[dark][place : place + 2], 16) for place in (1, 3, 5)))
        until(lambda ink=ink: shown.page.locator(".scene").evaluate(colour) == ink, f"the ink of {scheme}")
        assert shown.page.locator(".scene").evaluate("(scene) => scene.leafscope.views[0].look.dark") == dark
