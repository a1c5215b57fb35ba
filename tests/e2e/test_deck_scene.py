"""Scenes in a deck's file, opened from disk without a network: keys, mouse, touch, drawing, print, and the core's numbers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from leafscope.app.decks import scene_slide
from leafscope.app.decks.as_html import deck_html
from leafscope.app.scene import payload
from leafscope.app.theme import Look
from leafscope.core.config import DataConfig, RunConfig, changed
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES
from leafscope.core.datasets import load
from leafscope.core.inspection.snapshots import plane
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive.examples import load_examples
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance
from leafscope.core.worker.worker import Worker
from tests.e2e.harness import until
from tests.e2e.scene import CLOSE, answers
from tests.e2e.test_deck_file import Talk, opened

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> $\\href{javascript:alert(3)}{x}$"
HELD = [0.5, 0.25]
PLACE: dict[str, Any] = {"epoch": None, "level": None, "shuffled": False, "layer": None, "held": None}
SCENE = ".slide.current .scene"
STATE = "root => root.leafscope.inspect().state"
TOUCH = """([selector, from, to]) => {
  const target = document.querySelector(selector);
  const at = ([x, y]) => new Touch({ identifier: 1, target, clientX: x, clientY: y });
  const send = (name, point, touches) => target.dispatchEvent(new TouchEvent(name, {
    bubbles: true, cancelable: true, touches: touches ? [at(point)] : [], changedTouches: [at(point)] }));
  send("touchstart", from, true);
  send("touchend", to, false);
}"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('examples')}/examples.db")
    load_examples(made)
    yield made
    made.close()


def scene(store: Store, runs: list[RunConfig], place: dict[str, Any], **changes: Any) -> Slide:
    scenes = [payload.scene(store, store.run(run.run_id)) for run in runs]
    return scene_slide.slide(scenes, PLACE | place, runs, look=Look(), **changes)


@pytest.fixture(scope="module")
def table_slides(store: Store) -> list[Slide]:
    """Nets of a table on a plane through it: one and two on its principal components, one on two columns."""
    runs = [
        changed(RunConfig(data=DataConfig(name="wine")), {"net.depth": k, "net.width": 8, "train.epochs": 2}) for k in (4, 2)
    ]
    for run in runs:
        store.submit(run)
        assert Worker(store, "w").work_once()
    return [scene(store, runs[:n], {"section": on}) for n, on in ((1, "components"), (2, "components"), (1, "0,3"))]


@pytest.fixture(scope="module")
def slides(store: Store, table_slides: list[Slide]) -> list[Slide]:
    dense = payload.partners(EXAMPLE)["dense"]
    hostile = json.loads(json.dumps(scene(store, [EXAMPLE], {"epoch": 0}).figure))
    hostile["scenes"][0] |= {"title": HOSTILE, "note": HOSTILE, "classes": [HOSTILE, "b"], "features": [HOSTILE, HOSTILE]}
    texts = {"title": HOSTILE, "caption": HOSTILE, "notes": HOSTILE}
    steps = [{"held": HELD}, {"shuffled": True}]
    return [
        scene(store, [EXAMPLE], {"held": HELD, "level": 2}),
        scene(store, [EXAMPLE, dense], {"held": HELD}),
        scene(store, [EXAMPLE_OF_IMAGES], {}),
        scene(store, [EXAMPLE], {"epoch": 0}, steps=steps),
        Slide(kind="scene", figure=hostile, **texts),
        Slide(kind="scene", title="Broken", figure={"scenes": [{"id": 1}]}),
        scene(store, [EXAMPLE, payload.partners(EXAMPLE)["flat"], dense], {"held": HELD}),
        *table_slides,
    ]


@pytest.fixture(scope="module")
def talk(browser: Any, tmp_path_factory: pytest.TempPathFactory, slides: list[Slide]) -> Iterator[Talk]:
    file = tmp_path_factory.mktemp("deck") / "scenes.html"
    file.write_text(deck_html("Scenes", slides, made=1732467169.0), encoding="utf-8")
    yield from opened(browser, file)


def state(talk: Talk) -> dict[str, Any]:
    found: dict[str, Any] = talk.page.locator(SCENE).evaluate(STATE)
    return found


def spot(talk: Talk, across: float, down: float, of: str = "canvas.scene-plane") -> tuple[float, float]:
    box = talk.page.locator(f"{SCENE} {of}").first.bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_a_scene_is_below_three_megabytes_and_has_a_title_that_can_be_read_aloud(slides: list[Slide]) -> None:
    for slide in slides[:4]:
        assert len(json.dumps(slide.figure)) < 3_000_000
        assert len(slide.title.split()) <= 12


def test_keys_replay_shuffle_and_read_to_a_level(talk: Talk) -> None:
    talk.go(1)
    assert (state(talk)["level"], state(talk)["held"]) == (2, HELD)
    talk.press("]", "]")
    assert state(talk)["level"] == 4
    talk.press("s")
    assert state(talk)["shuffled"]
    talk.press("s", "<")
    assert not state(talk)["shuffled"]
    until(lambda: not state(talk)["isMoving"], "rest")
    assert state(talk)["epoch"] < EXAMPLE.epochs
    talk.press(">", "k")
    until(lambda: 0 < state(talk)["epoch"] < EXAMPLE.epochs, "a replay from the first epoch")
    talk.press("ArrowRight")
    assert talk.number() == 2
    talk.press("ArrowLeft")
    assert not state(talk)["isPlaying"]
    talk.press("b")
    assert talk.page.locator("#black").is_visible()
    talk.press("b", "Escape")
    assert state(talk)["held"] is None


def test_the_mouse_lights_and_holds_a_point_and_arrows_still_turn_slides(talk: Talk) -> None:
    talk.go(2)
    words = talk.page.locator(f"{SCENE} .scene-sentence").first
    before = words.inner_text()
    talk.page.mouse.move(*spot(talk, 0.3, 0.3))
    until(lambda: words.inner_text() != before, "the sentence of the point")
    talk.page.mouse.click(*spot(talk, 0.4, 0.6))
    until(lambda: state(talk)["held"] != HELD, "another held point")
    talk.page.locator(f"{SCENE} .scene-shuffle").click()
    assert state(talk)["shuffled"]
    talk.press("ArrowRight")
    assert talk.number() == 3


def test_a_digit_is_drawn(talk: Talk) -> None:
    talk.go(3)
    talk.page.get_by_role("button", name="Clear").click()
    for across, down in ((0.5, 0.1), (0.5, 0.9)):
        talk.page.mouse.move(*spot(talk, across, down, "canvas.pad-canvas"))
        talk.page.mouse.down() if down < 0.5 else talk.page.mouse.up()
    drawn = talk.page.locator(SCENE).evaluate("root => root.leafscope.inspect().views[0].raw")
    assert max(drawn) > 8
    assert "Prediction: class" in talk.page.locator(f"{SCENE} .scene-sentence").inner_text()


def test_steps_of_a_scene_are_places(talk: Talk) -> None:
    talk.go(4)
    seen = [(state(talk)["epoch"], state(talk)["held"], state(talk)["shuffled"])]
    for _ in range(2):
        talk.press("ArrowRight")
        seen.append((state(talk)["epoch"], state(talk)["held"], state(talk)["shuffled"]))
    assert seen == [(0, None, False), (0, HELD, False), (0, HELD, True)]
    talk.press("ArrowRight")
    assert talk.number() == 5
    talk.press("ArrowLeft", "ArrowLeft")
    assert (talk.number(), state(talk)["shuffled"]) == (4, False)


def test_a_finger_on_the_plane_turns_no_slide_and_beside_it_does(talk: Talk) -> None:
    talk.go(1)
    swipe = [[500, 400], [200, 400]]
    talk.page.evaluate(TOUCH, [".slide.current canvas.scene-plane", *swipe])
    assert talk.number() == 1
    talk.page.evaluate(TOUCH, [".slide.current .heading", *swipe])
    assert talk.number() == 2
    talk.page.evaluate(TOUCH, [".slide.current .heading", *swipe[::-1]])
    assert talk.number() == 1


def test_the_file_computes_what_core_computes(talk: Talk, store: Store) -> None:
    talk.go(2)
    talk.page.locator(SCENE).evaluate("root => root.leafscope.showPlace({})")
    data, trained = load(EXAMPLE.data, EXAMPLE.data_seed), trained_net(store, EXAMPLE.run_id)
    assert trained is not None
    low, high = plane(data)
    raw = np.random.default_rng(0).uniform(low, high, (50, 2))
    found = talk.page.locator(SCENE).evaluate(
        "(root, points) => points.map((raw) => root.leafscope.inspect(raw).views[0].point)", raw.tolist()
    )
    wanted = answers(trained.net, data, raw)
    np.testing.assert_allclose([one["logits"] for one in found], wanted["logits"], atol=CLOSE)
    np.testing.assert_array_equal([one["leaf"] for one in found], wanted["leaves"][0])


def test_hostile_texts_are_text_and_a_broken_scene_says_so(talk: Talk) -> None:
    talk.go(5)
    slide = talk.page.locator(".slide.current")
    assert HOSTILE in slide.locator(".scene-legend").inner_text()
    assert HOSTILE in slide.locator(".scene-note").inner_text()
    assert talk.page.locator("main img, main a, main script:not([type='application/json'])").count() == 0
    talk.go(6)
    assert talk.page.locator(".slide.current .error").inner_text().startswith("This scene cannot be drawn: ")


def test_many_nets_stand_in_a_row_with_one_point_and_their_numbers_below(talk: Talk, store: Store) -> None:
    talk.go(7)
    below = talk.page.locator(f"{SCENE} .scene-score").all_inner_texts()
    counts = leaf_counts(store.leaves(EXAMPLE.run_id, 0, "train", EXAMPLE.epochs), EXAMPLE.net.depth)
    assert below[0].split("\n") == ["0.3 % test error", f"{balance(counts).effective_leaves:.3g} effective leaves"]
    assert below[2] == "2.7 % test error"
    talk.page.mouse.move(*spot(talk, 0.3, 0.3))
    bits = "root => { const app = root.leafscope; return app.hover && app.views.map((view) => view.found.leaf); }"
    until(lambda: talk.page.locator(SCENE).evaluate(bits), "one point in all nets")
    boxes = [box.bounding_box() for box in talk.page.locator(f"{SCENE} .scene-view").all()]
    assert len({round(box["y"]) for box in boxes}) == 1
    assert len({round(box["x"]) for box in boxes}) == 3


@pytest.mark.parametrize("number", [8, 9, 10])
def test_the_note_of_a_plane_through_a_table_covers_nothing_and_its_choice_is_inside(talk: Talk, number: int) -> None:
    talk.go(number)
    slide = talk.page.locator(".slide.current")
    room, caption = (slide.locator(name).bounding_box() for name in (".scene-room", ".caption"))
    planes, notes, choices = (
        [one.bounding_box() for one in slide.locator(f"{name}:visible").all()]
        for name in ("canvas.scene-plane", ".scene-plane-note", ".scene-bar > *")
    )
    assert len(planes) == len(notes) == (2 if number == 9 else 1)
    for drawn, note in zip(planes, notes, strict=True):
        assert drawn["y"] + drawn["height"] <= note["y"] + 1
        assert note["y"] + note["height"] <= caption["y"]
        assert drawn["height"] > 0.15 * room["height"]
    assert max(one["x"] + one["width"] for one in choices) <= room["x"] + room["width"] + 1


def test_no_text_of_a_scene_is_smaller_than_24_px(talk: Talk) -> None:
    small = talk.page.evaluate(
        """() => [...document.querySelectorAll(".scene-room .scene *")].filter((node) =>
            node.textContent.trim() && node.getBoundingClientRect().width && !["STYLE", "SCRIPT"].includes(node.tagName))
            .map((node) => {
                const svg = node.closest("svg");
                const by = svg ? svg.clientWidth / 258 : 1;
                return [by * parseFloat(getComputedStyle(node).fontSize), node.textContent.slice(0, 40)];
            }).filter(([size]) => size < 24)"""
    )
    assert small == []


def test_print_shows_each_scene_at_its_moment_and_the_screen_what_it_showed(talk: Talk) -> None:
    talk.go(1)
    talk.press("]", "s", "Escape")
    was = (state(talk)["level"], state(talk)["held"], state(talk)["shuffled"])
    assert was != (2, HELD, False)
    talk.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (state(talk)["level"], state(talk)["held"], state(talk)["shuffled"]) == (2, HELD, False)
    talk.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert (state(talk)["level"], state(talk)["held"], state(talk)["shuffled"]) == was
    pdf = talk.page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 11


@pytest.mark.parametrize(("most", "keep"), [(2, None), (3, 1), (11, 40), (41, None)])
def test_a_thinned_scene_keeps_the_first_the_last_and_the_chosen_epoch(store: Store, most: int, keep: int | None) -> None:
    made = payload.scene(store, store.run(EXAMPLE.run_id))
    keep = None if keep is None else made["epochs"][keep]
    kept = scene_slide.thinned(made, most, keep)
    assert len(kept["epochs"]) <= most
    assert {made["epochs"][0], made["epochs"][-1]} <= set(kept["epochs"])
    assert keep is None or keep in kept["epochs"]
    for at, epoch in enumerate(kept["epochs"]):
        whole = made["epochs"].index(epoch)
        assert kept["weights"][at] == made["weights"][whole]
        assert kept["counts"][0][at] == made["counts"][0][whole]
        assert kept["scores"]["test"][at] == made["scores"]["test"][whole]


def test_a_scene_that_is_too_large_keeps_fewer_epochs_or_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_slide, "MAX_BYTES", 600_000)
    figure = scene(store, [EXAMPLE], {}).figure
    assert figure is not None
    assert 2 <= len(figure["scenes"][0]["epochs"]) < 41
    monkeypatch.setattr(scene_slide, "MAX_BYTES", 1_000)
    with pytest.raises(scene_slide.LimitError, match=r"at most .* got .* with 2 epochs"):
        scene(store, [EXAMPLE], {})


def test_the_file_has_the_scene_once_and_only_if_a_slide_needs_it(slides: list[Slide]) -> None:
    plain = deck_html("Plain", [Slide(kind="text", title="No scene", text="a")], made=0.0)
    assert "mountScene" not in plain
    assert deck_html("Scenes", slides, made=0.0).count("function mountScene") == 1


def test_a_row_of_nets_shows_icicles_and_lorenz_curves_with_one_hover(talk: Talk, store: Store) -> None:
    talk.go(7)
    for shows, canvas in (("icicle", "canvas.scene-tree"), ("lorenz", "canvas.scene-lorenz")):
        talk.page.locator(f"{SCENE} select.scene-shows").select_option(shows)
        assert state(talk)["shows"] == shows
        talk.page.locator(f"{SCENE} {canvas}").first.wait_for()  # seen
        assert not talk.page.locator(f"{SCENE} canvas.scene-plane").first.is_visible()
    talk.page.mouse.move(*spot(talk, 0.6, 0.5, "canvas.scene-lorenz"))
    labels = talk.page.locator(f"{SCENE} canvas.scene-lorenz")
    until(lambda: "emptiest" in (labels.nth(1).get_attribute("aria-label") or ""), "the same place in the second net")
    first, second = (labels.nth(place).get_attribute("aria-label") for place in (0, 1))
    for label, run in ((first, EXAMPLE), (second, payload.partners(EXAMPLE)["flat"])):
        leaves, rows = (float(share) / 100 for share in re.findall(r"(\d+\.\d) %", label))
        counts = leaf_counts(store.last_leaves([run.run_id], 0, "train")[run.run_id], run.net.depth)
        at = round(leaves * len(counts))
        assert rows == pytest.approx(np.sort(counts)[:at].sum() / counts.sum(), abs=6e-4)
    assert first.partition(" of the leaves")[0] == second.partition(" of the leaves")[0]
