"""A snapshot is the figure without what the slide writes itself, and with all that the figure depends on."""

import json
import math
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from leafscope.app.decks import snapshot as decks_snapshot
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.store import Store
from tests.pages.harness import decoded

LOOKS = (SCREEN, Look(dark=True), Look(projector=True), Look(dark=True, projector=True))


def dressed(look: Look = SCREEN, title: str = "Loss", subtitle: str = "n = 3") -> go.Figure:
    drawn = go.Figure()
    drawn.add_scatter(x=np.arange(3), y=np.array([1.0, math.nan, 3.0]), name="a <b>")
    return frame.frame(drawn, look=look, title=title, subject="digits", subtitle=subtitle, height=400)


def layout(figure: dict[str, Any] | None) -> dict[str, Any]:
    assert figure is not None
    found: dict[str, Any] = figure["layout"]
    return found


@pytest.mark.parametrize("look", LOOKS)
def test_title_leaves_the_drawing(look: Look) -> None:
    figure = dressed(look)
    slide = snapshot(figure, look=look, caption="What it shows.")
    assert slide.kind == "figure"
    assert slide.title == "Loss, digits"
    assert slide.caption == "n = 3. What it shows."
    assert (slide.dark, slide.projector) == (look.dark, look.projector)
    kept = layout(slide.figure)
    assert not {"title", "height", "meta"} & kept.keys()
    # the room of the title goes with it
    room = figure.layout.margin.t - kept["margin"]["t"]
    assert room == pytest.approx(min(figure.layout.meta["title_room"], figure.layout.margin.t - 14))
    assert room > 0
    assert {name: value for name, value in kept["margin"].items() if name != "t"} == {
        name: figure.layout.margin[name] for name in ("l", "r", "b")
    }


def test_the_figure_itself_stays_as_it_is() -> None:
    figure = dressed()
    before = figure.to_json()
    snapshot(figure, look=SCREEN)
    assert figure.to_json() == before


def test_numbers_are_the_figures() -> None:
    figure = dressed()
    slide = snapshot(figure, look=SCREEN)
    again = go.Figure(slide.figure)
    assert again.data[0].name == "a <b>"
    np.testing.assert_array_equal(decoded(again.data[0].x), [0, 1, 2])
    np.testing.assert_array_equal(decoded(again.data[0].y), [1, math.nan, 3])
    json.dumps(slide.figure, allow_nan=False)


def test_words_that_are_given() -> None:
    slide = snapshot(dressed(subtitle=""), look=SCREEN, title="Mine", notes="Say it.", address="/leaves?run=1")
    assert (slide.title, slide.caption, slide.notes, slide.address) == ("Mine", "", "Say it.", "/leaves?run=1")
    assert snapshot(dressed(), look=SCREEN, title="").title == ""


def test_figure_that_nobody_dressed() -> None:
    slide = snapshot(go.Figure(), look=SCREEN, caption="c")
    assert (slide.title, slide.caption) == ("", "c")
    assert layout(slide.figure)["margin"]["t"] == 14


def test_configurations_once_each_and_no_more_than_a_slide_keeps() -> None:
    runs = [RunConfig(seed=seed) for seed in range(decks_snapshot.MOST_RUNS + 5)]
    slide = snapshot(dressed(), look=SCREEN, runs=[runs[0], *runs[:2], runs[0]])
    assert [RunConfig.model_validate_json(text) for text in slide.runs] == runs[:2]
    many = snapshot(dressed(), look=SCREEN, runs=runs)
    assert [RunConfig.model_validate_json(text) for text in many.runs] == runs[: decks_snapshot.MOST_RUNS]
    assert snapshot(dressed(), look=SCREEN).runs == ()


def test_sweep() -> None:
    sweep = SweepConfig(name="<b>", axes={"seed": [0, 1]})
    assert SweepConfig.model_validate_json(snapshot(dressed(), look=SCREEN, sweep=sweep).sweep) == sweep
    assert snapshot(dressed(), look=SCREEN).sweep == ""


def test_versions_and_time() -> None:
    before = time.time()
    slide = snapshot(dressed(), look=SCREEN)
    assert before <= slide.taken <= time.time()
    assert slide.versions["python"] == platform.python_version()
    assert slide.versions["torch"] == version("torch")
    assert set(slide.versions) == {"python", *decks_snapshot.PROGRAMS}
    decks_snapshot.versions()["torch"] = "changed"
    assert decks_snapshot.versions()["torch"] == version("torch")


def test_it_can_be_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "decks.db")
    slide = snapshot(dressed(), look=SCREEN, runs=[RunConfig(seed=2)], notes="n")
    deck_id = store.make_deck("Talk", [slide])
    (kept,) = store.slides(deck_id).values()
    assert kept == slide
    store.close()
