"""Small pictures of slides: marks inside their field, nothing but numbers and colours, whatever a figure holds."""

import json
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from leafscope.app.decks.editing.thumbnail import HEIGHT, MOST_POINTS, WIDTH, marks
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.scene.nets import as_base64
from leafscope.app.theme import CLASS_COLOURS, SCREEN
from leafscope.core.store.decks import Slide

HOSTILE = "url(http://evil.example/x)"


def slide_of(*traces: Any, **layout: Any) -> Slide:
    return snapshot(go.Figure(traces, layout), look=SCREEN)


def test_a_line_runs_from_corner_to_corner_and_keeps_its_colour() -> None:
    steps = np.linspace(0.0, 1.0, 500)
    ((kind, colour, numbers),) = marks(slide_of(go.Scatter(x=steps, y=steps, mode="lines", line={"color": "#0072B2"})))
    assert (kind, colour, len(numbers)) == ("line", "#0072B2", 2 * MOST_POINTS)
    assert numbers[:2] == [8.0, HEIGHT - 8.0]
    assert numbers[-2:] == [WIDTH - 8.0, 8.0]


def test_a_logarithmic_axis_is_straight() -> None:
    x = [1.0, 10.0, 100.0]
    ((_, _, numbers),) = marks(slide_of(go.Scatter(x=x, y=[0.0, 1.0, 2.0]), xaxis_type="log"))
    assert numbers[::2] == [8.0, WIDTH / 2, WIDTH - 8.0]


def test_bars_stand_on_the_axis() -> None:
    ((kind, _, numbers),) = marks(slide_of(go.Bar(x=["a", "b"], y=[1.0, 2.0])))
    boxes = [numbers[:4], numbers[4:]]
    assert kind == "boxes"
    assert {round(y + height, 1) for _, y, _, height in boxes} == {HEIGHT - 8.0}
    assert [height for *_, height in boxes] == [37.0, 74.0]


def test_panels_share_the_field() -> None:
    figure = go.Figure([go.Scatter(y=[0, 1]), go.Scatter(y=[0, 1], xaxis="x2")])
    figure.update_layout(xaxis={"domain": [0, 0.4]}, xaxis2={"domain": [0.6, 1.0]})
    left, right = (numbers[::2] for _, _, numbers in marks(snapshot(figure, look=SCREEN)))
    assert max(left) < min(right)


def test_what_a_browser_would_load_is_no_colour_and_damage_draws_nothing() -> None:
    slide = slide_of(go.Scatter(y=[1.0, math.nan, 3.0]))
    assert slide.figure is not None
    slide.figure["data"][0]["line"] = {"color": HOSTILE}
    ((_, colour, numbers),) = marks(slide)
    assert colour == ""
    assert len(numbers) == 4
    for damaged in ({}, {"data": 3}, {"data": [{"x": {"dtype": "O", "bdata": "x"}}]}, {"data": [{"y": ["a", None, {}]}]}):
        for kind in ("figure", "scene", "states"):
            drawn = marks(Slide(kind=kind, figure=damaged))
            assert HOSTILE not in json.dumps(drawn)


@pytest.mark.parametrize(("depth", "boxes"), [(0, 1), (2, 7), (9, 31)])
def test_a_scene_shows_its_rows_and_its_tree(depth: int, boxes: int) -> None:
    rows = {
        "train": {"x": as_base64(np.array([[0.0, 0.0], [1.0, 1.0]]), "<f4"), "y": as_base64(np.array([0, 1]), "<u2"), "n": 2}
    }
    scene = {"mode": "plane", "depth": depth, "rows": rows, "low": [0.0, 0.0], "high": [1.0, 1.0]}
    *points, (kind, _, numbers) = marks(Slide(kind="scene", figure={"scenes": [scene]}))
    assert [(one, colour) for one, colour, _ in points] == [("dots", CLASS_COLOURS[0]), ("dots", CLASS_COLOURS[1])]
    assert (kind, len(numbers)) == ("boxes", 4 * boxes)
    both = marks(Slide(kind="scene", figure={"scenes": [scene, scene | {"rows": None}]}))
    assert len(both) == 4
    assert all(0 <= value <= WIDTH for _, _, drawn in both for value in drawn)
