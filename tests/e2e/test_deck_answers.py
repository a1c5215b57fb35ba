"""Figures that answer, in a deck's file without a network: states with a control, and a curve that is guessed."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from leafscope.app.decks import figure_parts
from leafscope.app.decks.as_html import deck_html
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.figures.run.learning_curves import LearningCurves
from leafscope.app.theme import Look
from leafscope.core.config import RunConfig, changed
from leafscope.core.store.decks import Slide
from tests.e2e.harness import until
from tests.e2e.test_deck_file import Talk, depth_figure, opened

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> $\\href{javascript:alert(3)}{x}$"
DEPTHS = (0, 2, 4)
CURVE = ".slide.current .scatterlayer .trace .js-line"
DATA = "() => document.querySelector('.slide.current .plot')._fullData.map((trace) => Array.from(trace.y))"


def losses(depth: int, look: Look) -> Slide:
    epochs = np.arange(20)
    curves = {"train": (1 + depth) * np.exp(-epochs / 5), "validation": (1 + depth) * np.exp(-epochs / 5) + 0.1}
    figure = LearningCurves(epochs, curves, metric="loss").figure(look=look)
    return snapshot(figure, look=look, runs=[changed(RunConfig(), {"net.depth": depth})])


def joined(look: Look) -> Slide:
    first, *rest = (losses(depth, look) for depth in DEPTHS)
    for one in rest:
        first = figure_parts.join(first, one)
    return first


def hostile() -> Slide:
    slide = joined(Look())
    assert slide.figure is not None
    states = [state | {"name": HOSTILE} for state in slide.figure["states"]]
    texts = {"title": HOSTILE, "caption": HOSTILE, "figure": {"control": HOSTILE, "states": states}}
    return slide.model_copy(update=texts)


def beside(name: str = "") -> Slide:
    pair = figure_parts.join(losses(0, Look(projector=True)), losses(4, Look(projector=True)))
    assert pair.figure is not None
    states = [state | {"name": name or state["name"]} for state in pair.figure["states"]]
    return pair.model_copy(update={"figure": pair.figure | {"beside": True, "states": states}})


def of_depths(look: Look) -> Slide:
    """What the editor draws: a title and a caption for each state."""
    titled = {
        str(depth): losses(depth, look).model_copy(update={"title": f"K = {depth}", "caption": f"Of depth {depth}"})
        for depth in DEPTHS
    }
    return figure_parts.in_states(titled["0"], "depth", titled)


SLIDES = [
    of_depths(Look(projector=True)),
    depth_figure(Look(), guess="tree", projector=False),
    hostile(),
    depth_figure(Look(dark=True), guess=HOSTILE),
    Slide(kind="states", title="Broken", figure={"states": [{"figure": 7}]}),
    beside(),
    beside(HOSTILE),
]


@pytest.fixture(scope="module")
def talk(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    file = tmp_path_factory.mktemp("deck") / "answers.html"
    file.write_text(deck_html("Answers", SLIDES, made=1732467169.0), encoding="utf-8")
    yield from opened(browser, file)


def said(talk: Talk) -> str:
    words: str = talk.page.locator(".slide.current .states-bar output").inner_text()
    return words


def first_loss(talk: Talk) -> float:
    return max(line[0] for line in talk.page.evaluate(DATA))


def test_states_are_named_by_the_field_in_which_they_differ() -> None:
    figure = SLIDES[0].figure
    assert figure is not None
    assert figure["control"] == "depth"
    assert [state["name"] for state in figure["states"]] == ["0", "2", "4"]
    assert len(SLIDES[0].runs) == 3


def test_states_without_runs_are_named_by_the_address_or_numbered() -> None:
    bare = losses(0, Look()).model_copy(update={"runs": ()})
    pair = [bare.model_copy(update={"address": f"/balance?k=1&epoch={epoch}"}) for epoch in (3, 9)]
    made = figure_parts.join(*pair).figure
    assert made is not None
    assert (made["control"], [one["name"] for one in made["states"]]) == ("epoch", ["3", "9"])
    plain = figure_parts.join(bare, bare).figure
    assert plain is not None
    assert (plain["control"], [one["name"] for one in plain["states"]]) == ("state", ["1", "2"])


def test_what_cannot_be_joined_is_refused() -> None:
    light, dark = losses(0, Look()), losses(0, Look(dark=True))
    with pytest.raises(ValueError, match="same theme and size"):
        figure_parts.join(light, dark)
    with pytest.raises(ValueError, match="only figures"):
        figure_parts.join(Slide(kind="text"), light)
    full = light
    for _ in range(figure_parts.MOST_STATES - 1):
        full = figure_parts.join(full, light)
    with pytest.raises(ValueError, match="at most 24 states, got 25"):
        figure_parts.join(full, light)


def test_arrows_brackets_and_the_slider_go_through_the_states_and_no_axis_moves(talk: Talk) -> None:
    talk.go(1)
    axes = talk.page.locator(".slide.current .ytick text")
    texts = talk.page.locator(".slide.current :is(.heading, .caption) bdi")
    assert texts.all_inner_texts() == ["K = 0", "Of depth 0"]
    seen = [(said(talk), first_loss(talk))]
    before = axes.all_inner_texts()
    for depth in DEPTHS[1:]:
        talk.press("ArrowRight")
        until(lambda depth=depth: first_loss(talk) == pytest.approx(1.1 + depth), "the next state")
        seen.append((said(talk), first_loss(talk)))
    assert [name for name, _ in seen] == ["0", "2", "4"]
    assert texts.all_inner_texts() == ["K = 4", "Of depth 4"]
    assert axes.all_inner_texts() == before
    talk.press("[")
    assert said(talk) == "2"
    talk.page.locator(".slide.current .states-bar input").fill("0")
    assert said(talk) == "0"
    until(lambda: first_loss(talk) == pytest.approx(1.1), "the first state")
    talk.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert talk.number() == 2


def test_a_curve_is_guessed_and_then_shown_with_the_error(talk: Talk) -> None:
    talk.go(2)
    words = talk.page.locator(".slide.current .guess-words")
    assert words.inner_text() == "Draw what you expect of tree. The next step shows it."
    opacities = talk.opacities(".scatterlayer > .trace")
    assert 0 in opacities
    assert 1 in opacities
    pad = talk.page.locator(".slide.current .guess-pad").bounding_box()
    # test errors of the tree are 30, 26 and 22 %: a level line at 26 is 4 points too low, right, and 4 too high
    level = talk.page.evaluate(
        """() => { const plot = document.querySelector('.slide.current .plot'), axis = plot._fullLayout.yaxis;
            return axis.d2p(26) / axis._length; }"""
    )
    talk.page.mouse.move(pad["x"] + 1, pad["y"] + level * pad["height"])
    talk.page.mouse.down()
    talk.page.mouse.move(pad["x"] + pad["width"] - 1, pad["y"] + level * pad["height"], steps=8)
    talk.page.mouse.up()
    assert talk.number() == 2
    talk.press("ArrowRight")
    assert min(talk.opacities(".scatterlayer > .trace")) == 1
    mean, worst = map(float, re.findall(r"(\d+\.\d) points", words.inner_text()))
    assert mean == pytest.approx(8 / 3, abs=0.3)
    assert worst == pytest.approx(4, abs=0.3)
    assert "over 3 places" in words.inner_text()
    talk.press("ArrowLeft", "ArrowRight", "ArrowRight")
    assert talk.number() == 3


def test_hostile_names_are_text_and_what_cannot_be_drawn_says_so(talk: Talk) -> None:
    talk.go(3)
    bar = talk.page.locator(".slide.current .states-bar").inner_text()
    assert HOSTILE[: figure_parts.MAX_NAME - 1] in bar
    assert talk.page.locator("main img, main a[href], main script:not([type='application/json'])").count() == 0
    talk.go(4)
    # a series that the figure does not have is not asked for
    assert talk.page.locator(".slide.current .guess-words").count() == 0
    talk.go(5)
    assert "cannot be drawn" in talk.page.locator(".slide.current .error").inner_text()


def test_two_figures_stand_side_by_side_with_the_same_axes(talk: Talk) -> None:
    talk.go(6)
    left, right = (plot.bounding_box() for plot in talk.page.locator(".slide.current .plot").all())
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    assert right["x"] + right["width"] <= 1920
    ranges = talk.page.evaluate(
        "() => [...document.querySelectorAll('.slide.current .plot')].map((plot) => plot._fullLayout.yaxis.range)"
    )
    assert ranges[0] == ranges[1]
    assert talk.page.locator(".slide.current .beside-name").all_inner_texts() == ["depth 0", "depth 4"]
    talk.press("ArrowRight")
    assert talk.number() == 7
    assert talk.page.locator(".slide.current .beside-name").all_inner_texts() == [f"depth {HOSTILE}"] * 2


def test_print_shows_the_last_state_and_the_screen_what_it_showed(talk: Talk) -> None:
    talk.go(1)
    talk.press("[", "[", "[")
    until(lambda: first_loss(talk) == pytest.approx(1.1), "the first state")
    talk.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    until(lambda: first_loss(talk) == pytest.approx(5.1), "the last state")
    talk.page.evaluate("dispatchEvent(new Event('afterprint'))")
    until(lambda: first_loss(talk) == pytest.approx(1.1), "the state before")
    pdf = talk.page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == len(SLIDES) + 1
