"""A deck's file in a real browser, opened from disk without a network: drawing, keys, revealing, hover, speaker, print."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from leafscope.app.decks.as_html import deck_html
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.run.learning_curves import LearningCurves
from leafscope.app.theme import Look
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.decks import Slide
from tests.e2e.harness import HANGS, until

NAN = float("nan")
SCREEN, DARK, PROJECTOR = Look(), Look(dark=True), Look(projector=True)


def depth_figure(look: Look, **changes: Any) -> Slide:
    rows = [
        (model, "", split, depth, 0.3 - 0.04 * depth + shift)
        for model, shift in (("tree", 0.0), ("flat", 0.1))
        for split in ("test", "train")
        for depth in (0, 1, 2)
    ]
    rows.append(("dense", "", "test", NAN, 0.25))
    curves = pd.DataFrame(rows, columns=["model", "variant", "split", "depth", "mean"])
    curves = curves.assign(low=curves["mean"] - 0.02, high=curves["mean"] + 0.02, n=5)
    figure = ErrorByDepth(curves).figure(subject="digits, 300 training rows", look=look)
    sweep = SweepConfig(axes={"net.depth": [0, 1, 2]}, baselines=["dense"])
    slide = snapshot(figure, look=look, runs=[RunConfig()], sweep=sweep, caption="Means over seeds 0 to 4. " * 20)
    return slide.model_copy(update=changes)


def loss_figure(look: Look) -> Slide:
    epochs = np.arange(20)
    curves = {"train": 2 * np.exp(-epochs / 5), "test": 2 * np.exp(-epochs / 5) + 0.1}
    return snapshot(LearningCurves(epochs, curves, metric="loss").figure(look=look), look=look, runs=[RunConfig()])


MARKUP = "<img src=x onerror='document.title=1'>"
ORIGIN = "http://127.0.0.1:8501"
LONG = "\n".join(f"- Point {number}: {'more words than a line of the stage can hold ' * 4}" for number in range(40))
SLIDES = [
    Slide(kind="title", title="Trees of sign bits", text="A talk", notes="Welcome\n<b>all</b>"),
    Slide(kind="text", title="Points " * 60, text="First\n- one\n- two", reveal=True),
    depth_figure(SCREEN, reveal=True, notes="Axes first"),
    loss_figure(DARK),
    depth_figure(PROJECTOR, title=MARKUP, address=f"/overfitting?sweep=1{MARKUP}", digest="0123456789abcdef"),
    Slide(kind="formula", title="Layer", text=r"W(b)=\sum_{l=0}^K W_l \qquad" * 12, dark=True),
    Slide(kind="text", title="Long", text=LONG),
    Slide(kind="figure", title="Broken", figure={"data": [{"type": "scatter", "y": [1]}], "layout": {"xaxis": 7}}),
]
TOTAL = len(SLIDES) + 1


@dataclass
class Talk:
    """A deck that is open, with what was asked of the network and what the console said."""

    page: Any
    asked: list[str]
    errors: list[str]

    def go(self, number: int) -> None:
        self.page.keyboard.type(str(number))
        self.page.keyboard.press("Enter")
        until(lambda: self.number() == number, f"slide {number}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def number(self) -> int:
        return int(self.page.locator(".slide.current .number").inner_text().split(" / ")[0])

    def opacities(self, selector: str) -> list[float]:
        found: list[float] = self.page.locator(f".slide.current {selector}").evaluate_all(
            "nodes => nodes.map(node => Number(getComputedStyle(node).opacity))"
        )
        return found


@pytest.fixture(scope="module")
def talk(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    file = tmp_path_factory.mktemp("deck") / "a talk.html"
    file.write_text(deck_html("A talk", SLIDES, made=1732467169.0, origin=ORIGIN), encoding="utf-8")
    yield from opened(browser, file)


def opened(browser: Any, file: Path) -> Iterator[Talk]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    asked: list[str] = []
    errors: list[str] = []

    def refuse(route: Any) -> None:
        asked.append(route.request.url)
        route.abort()

    context.route(re.compile(r"^(https?|wss?):"), refuse)
    page = context.new_page()
    page.set_default_timeout(1000 * HANGS)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready=true]")
    yield Talk(page, asked, errors)
    context.close()
    assert not asked
    assert not errors


def test_every_figure_is_drawn_and_a_broken_one_says_so(talk: Talk) -> None:
    assert talk.number() == 1
    assert talk.page.locator(".slide").count() == TOTAL
    assert talk.page.locator(".figure .main-svg .scatterlayer .trace").count() >= 10
    drawn = talk.page.locator(".figure.room").evaluate_all(
        "boxes => boxes.map(b => b.querySelectorAll('.main-svg .trace').length > 0)"
    )
    assert drawn == [True, True, True, False]
    assert "This figure cannot be drawn: " in talk.page.locator("#slide-8 .error").text_content()
    assert talk.page.evaluate("window.deckReady.then(() => 'ready')") == "ready"
    assert talk.page.locator(".modebar").count() == 0


def test_every_text_is_large_enough_and_inside_its_slide(talk: Talk) -> None:
    small = talk.page.evaluate(
        """() => [...document.querySelectorAll(".slide")].flatMap((slide) => {
            const scale = Number(slide.querySelector(".figure")?.dataset.scale ?? 1);
            const plain = [...slide.querySelectorAll("bdi, p, li, h1, h2")].map((node) => [node, 1]);
            const drawn = [...slide.querySelectorAll("svg text, svg tspan")].map((node) => [node, scale]);
            return [...plain, ...drawn].filter(([node]) => node.textContent.trim())
                .map(([node, by]) => [by * parseFloat(getComputedStyle(node).fontSize), node.textContent]);
        }).filter(([size]) => size < 24)"""
    )
    assert small == []
    outside = talk.page.evaluate(
        """() => [...document.querySelectorAll(".slide")].flatMap((slide) => {
            const all = slide.getBoundingClientRect();
            return [...slide.querySelectorAll("bdi, svg text, math")]
                .map((node) => [node.getBoundingClientRect(), node.textContent])
                .filter(([box]) => box.width && (box.left < all.left - 1 || box.right > all.right + 1))
                .map(([box, words]) => [slide.id, words.slice(0, 60)]);
        })"""
    )
    assert outside == []
    long = talk.page.locator("#slide-7 .room")
    assert long.evaluate("room => room.scrollHeight <= room.clientHeight")
    assert long.evaluate("room => getComputedStyle(room).fontSize") == "28px"
    assert long.locator("p").last.text_content() == "…"


def test_the_stage_fits_the_window(talk: Talk) -> None:
    box = talk.page.locator("#stage").bounding_box()
    assert box["width"] == pytest.approx(1280)
    assert box["height"] == pytest.approx(720)
    assert box["y"] == pytest.approx(40)


def test_keys_turn_the_slides(talk: Talk) -> None:
    talk.press("Home", "ArrowRight")
    assert talk.number() == 2
    talk.press("End")
    assert talk.number() == TOTAL
    talk.press("PageDown", " ")
    assert talk.number() == TOTAL
    talk.press("PageUp", "Backspace")
    assert talk.number() == TOTAL - 2
    talk.press("1", "2", "Enter")
    assert talk.number() == TOTAL
    talk.go(4)
    assert talk.page.evaluate("location.hash") == "#4"
    talk.press("b")
    assert talk.page.locator("#black").is_visible()
    talk.press("ArrowRight")
    assert talk.page.locator("#black").is_hidden()
    assert talk.number() == 4
    assert talk.page.locator("#said").text_content() == f"4 of {TOTAL}: Loss against epoch"
    assert talk.page.locator(".slide:visible .heading").count() == 1


def test_lines_of_a_text_come_one_by_one(talk: Talk) -> None:
    lines = ".slide.current .step:visible"
    talk.press("Home", "ArrowRight")
    counts = []
    for _ in range(3):
        counts.append(talk.page.locator(lines).count())
        talk.press("ArrowDown")
    assert counts == [0, 1, 2]
    assert talk.page.locator(lines).count() == 3
    talk.press("ArrowLeft")
    assert talk.page.locator(lines).count() == 2
    talk.press(" ", "Enter")
    assert talk.number() == 3
    talk.press("ArrowLeft")
    assert talk.number() == 2
    assert talk.page.locator(lines).count() == 3


def test_models_of_a_figure_come_one_by_one_and_nothing_moves(talk: Talk) -> None:
    talk.go(3)
    before = talk.page.locator(".slide.current .xtick text").evaluate_all(
        "nodes => nodes.map(n => n.getBoundingClientRect().x)"
    )
    shown = [sum(talk.opacities(".scatterlayer > .trace"))]
    labels = [sum(talk.opacities("g.annotation"))]
    for _ in range(3):
        talk.press("ArrowRight")
        shown.append(sum(talk.opacities(".scatterlayer > .trace")))
        labels.append(sum(talk.opacities("g.annotation")))
    # tree, flat: a line and its band in both panels; dense: in one
    steps = np.diff(shown).tolist()
    assert shown[0] == 0
    assert sorted(steps) == [2, 4, 4]
    # each brings the label at the end of its line; the panels' headings are there from the start
    assert sorted(np.diff(labels).tolist()) == [1, 2, 2]
    assert labels[0] == 2
    after = talk.page.locator(".slide.current .xtick text").evaluate_all("nodes => nodes.map(n => n.getBoundingClientRect().x)")
    assert after == before
    talk.press("ArrowRight")
    assert talk.number() == 4


@pytest.mark.parametrize("number", [3, 4, 5])
def test_hover_works_on_the_scaled_figure(talk: Talk, number: int) -> None:
    talk.go(number)
    if number == 3:
        talk.press("ArrowRight", "ArrowRight", "ArrowRight")
    point = talk.page.locator(".slide.current .scatterlayer .point").nth(1).bounding_box()
    label = talk.page.locator(".slide.current .hovertext")
    talk.page.mouse.move(5, 5)
    talk.page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2, steps=2)
    middle = point["y"] + point["height"] / 2

    def off(box: Any) -> float:
        return abs(box["y"] + box["height"] / 2 - middle) if box else 1e9

    def boxes() -> list[Any]:
        return label.evaluate_all("nodes => nodes.map(node => node.getBoundingClientRect().toJSON())")

    until(lambda: any(off(box) < 60 for box in boxes()), "a label beside the point")  # Plotly moves it there
    assert re.search(r"K = \d|epoch \d", label.first.text_content())


def test_what_is_not_revealed_does_not_answer_the_mouse(talk: Talk) -> None:
    talk.go(4)
    talk.go(3)
    point = talk.page.locator(".slide.current .scatterlayer .point").nth(1).bounding_box()
    talk.page.mouse.move(5, 5)
    talk.page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2, steps=2)
    talk.page.wait_for_timeout(200)
    assert talk.page.locator(".slide.current .hovertext").count() == 0


def test_the_speaker_window_works_from_a_file_and_keeps_in_step(talk: Talk) -> None:
    talk.press("Home")
    with talk.page.expect_popup() as waiting:
        talk.press("s")
    speaker = waiting.value
    expect(speaker.locator("#notes")).to_have_text(re.compile(r"^Welcome\n<b>all</b>$"))
    expect(speaker.locator("#then")).to_contain_text("Next: Points Points")
    speaker.locator("#next").click()
    until(lambda: talk.number() == 2, "slide 2")
    speaker.keyboard.press("End")
    until(lambda: talk.number() == TOTAL, "the last slide")
    expect(speaker.locator("#then")).to_have_text("This is the last slide.")
    talk.go(3)
    expect(speaker.locator("#notes")).to_have_text("Axes first")
    expect(speaker.locator("#place")).to_have_text(f"3 / {TOTAL}, step 0 of 3")
    speaker.locator("#run").click()
    expect(speaker.locator("#run")).to_have_text("Pause timer")
    speaker.locator("#planned").fill("16")
    expect(speaker.locator("#elapsed")).to_have_text(re.compile(r"^\d\d:\d\d of 16:00$"))
    expect(speaker.locator("#pace")).to_have_text(re.compile(r"^0[34]:\d\d ahead$"))  # two minutes a slide, two slides done
    for picture, number in (("#picture", 3), ("#following", 4)):
        copied = f"node => node.shadowRoot.querySelector('#slide-{number}').getBoundingClientRect().width"
        until(lambda p=picture, c=copied: speaker.locator(p).evaluate(c) > 200, "a picture of a slide")  # type: ignore[misc]
    speaker.locator("#blank").click()
    expect(talk.page.locator("#black")).to_be_visible()
    speaker.locator("#blank").click()
    speaker.close()


def test_the_lecturer_points_from_the_other_window(talk: Talk) -> None:
    talk.go(3)
    with talk.page.expect_popup() as waiting:
        talk.press("s")
    speaker = waiting.value
    speaker.locator("#point").click()
    speaker.locator("#picture").hover()
    expect(talk.page.locator("#pointer")).to_be_visible()
    dot, stage = (talk.page.locator(one).bounding_box() for one in ("#pointer", "#stage"))
    assert abs(dot["x"] + dot["width"] / 2 - stage["x"] - stage["width"] / 2) < 4
    assert abs(dot["y"] + dot["height"] / 2 - stage["y"] - stage["height"] / 2) < 4
    speaker.locator("#point").click()
    expect(talk.page.locator("#pointer")).to_be_hidden()
    speaker.close()


def test_questions_and_the_address_of_a_figure_fill_the_window_until_it_turns(talk: Talk) -> None:
    talk.go(5)
    talk.press("q")
    sheet = talk.page.locator("#sheet")
    expect(sheet).to_contain_text("Tried: 4 configurations on 1 choosing seed: 4 runs.")
    expect(sheet).to_contain_text("leafscope reproduce 0123456789abcdef")
    talk.press("a")
    expect(sheet.locator(".address")).to_have_text(f"{ORIGIN}/overfitting?sweep=1{MARKUP}")
    expect(sheet.locator("h2")).to_have_text(MARKUP)
    expect(sheet.locator(".code path")).to_have_attribute("d", re.compile(r"^M0,0h1v1h-1z"))
    talk.press("ArrowRight")
    expect(sheet).to_be_hidden()
    assert talk.number() == 5, "the first key only takes the sheet away"
    talk.press("q", "Escape")
    expect(sheet).to_be_hidden()
    assert talk.page.locator("#sheet img, .slide img").count() == 0


def test_figures_are_saved_as_drawing_and_image(talk: Talk, tmp_path: Path) -> None:
    talk.go(1)
    talk.page.mouse.move(200, 200)
    assert talk.page.locator("#svg").is_disabled()
    talk.go(4)
    for format, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        talk.page.mouse.move(210, 210)
        with talk.page.expect_download() as waiting:
            talk.page.locator(f"#{format}").click()
        assert waiting.value.suggested_filename == f"4-loss-against-epoch.{format}"
        waiting.value.save_as(tmp_path / format)
        assert (tmp_path / format).read_bytes().startswith(start)
    talk.press(" ")
    assert talk.number() == 5


def test_print_is_one_page_a_slide_with_everything_shown(talk: Talk) -> None:
    talk.go(3)
    pdf = talk.page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == TOTAL
    assert {tuple(map(float, box)) for box in re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)} == {(1440, 810)}
    talk.page.emulate_media(media="print")
    try:
        assert min(talk.opacities(".scatterlayer > .trace")) == 1
        assert talk.page.locator("#slide-2 .step:visible").count() == 3
        assert talk.page.locator("#toolbar").is_hidden()
    finally:
        talk.page.emulate_media(media="screen")


HOSTILE = "</script><img src=http://evil.example/x onerror=alert(1)><a href=http://evil.example>![x](http://evil.example/y)"
HOSTILE_FIGURE = {
    "data": [{"type": "scatter", "y": [1, 2], "name": HOSTILE, "text": HOSTILE, "mode": "text"}],
    "layout": {
        "annotations": [{"text": HOSTILE, "x": 0, "y": 1}],
        "images": [{"source": "http://evil.example/z.png", "x": 0, "y": 1, "sizex": 1, "sizey": 1}],
        "xaxis": {"title": {"text": HOSTILE}},
    },
}


def test_in_a_frame_it_takes_the_keyboard_and_hostile_slides_ask_for_nothing(browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    asked: list[str] = []
    broken: list[str] = []

    def refuse(route: Any) -> None:
        asked.append(route.request.url)
        route.abort()

    context.route(re.compile(r"^(https?|wss?):"), refuse)
    page = context.new_page()
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("dialog", lambda dialog: broken.append(dialog.message))
    texts = {"title": HOSTILE, "text": HOSTILE, "caption": HOSTILE, "notes": HOSTILE}
    kinds: tuple[Any, ...] = ("title", "text", "formula", "figure")
    slides = [Slide(kind=kind, figure=HOSTILE_FIGURE if kind == "figure" else None, reveal=True, **texts) for kind in kinds]
    text = deck_html(HOSTILE, slides, made=0.0, embedded=True)
    outer = tmp_path / "page.html"
    sandbox = "sandbox='allow-scripts allow-same-origin' style='width:1200px;height:700px'"
    outer.write_text(f'<!DOCTYPE html><iframe id=deck {sandbox} srcdoc="{html.escape(text)}"></iframe>', encoding="utf-8")
    page.goto(outer.as_uri())
    frame = page.frame_locator("#deck")
    frame.locator("html[data-ready=true]").wait_for()
    assert frame.locator("main img, main a[href*=evil], main script:not([type='application/json'])").count() == 0
    frame.locator(".slide.current").click()
    page.keyboard.press("ArrowRight")
    expect(frame.locator(".slide.current .number")).to_have_text("2 / 5")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    expect(frame.locator(".slide.current .number")).to_have_text("4 / 5")
    assert page.url == outer.as_uri()
    context.close()
    assert not asked
    assert not broken
