"""Small pictures of slides for the editor's list: marks on a field of 160 x 90, which the browser draws."""

import base64
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.decks import figure_parts
from leafscope.core.store.decks import Slide

WIDTH, HEIGHT = 160, 90
"""The field of a picture, as wide as a slide is to its height."""

MOST_POINTS = 48
"""Most points of a line, or of a cloud, in a picture of so few px."""

MOST_TRACES = 24

MOST_LEVELS = 4
"""Most levels of a tree: a deeper one cannot be told apart."""

_COLOUR = re.compile(r"#[0-9A-Fa-f]{3,8}|rgba?\([\d., %]+\)")
"""What a browser takes as a colour and nothing else."""

_TYPES = {"f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1"}

Mark = tuple[str, str, list[float]]
"""What is drawn (`line`, `area`, `dots`, `boxes`), its colour (empty: that of text), and its numbers in px: x, y, x, y ...; a
box has x, y, width, height."""


def marks(slide: Slide) -> list[Mark]:
    """Draw a slide's figure or scene; what cannot be read is left out, and a slide of words has no marks."""
    try:
        if slide.kind == "scene":
            return list(_scene((slide.figure or {}).get("scenes") or []))
        states = figure_parts.states_of(slide) if slide.kind in ("figure", "states") else []
        return list(_figure(states[-1]["figure"])) if states else []
    except (ArithmeticError, AttributeError, KeyError, LookupError, TypeError, ValueError):
        return []


# A figure


def _figure(figure: Mapping[str, Any]) -> Iterator[Mark]:
    traces, layout = figure["data"][:MOST_TRACES], figure.get("layout") or {}
    panels: dict[tuple[str, str], list[tuple[Mapping[str, Any], NDArray[Any], NDArray[Any]]]] = {}
    for trace in traces:
        if trace.get("type", "scatter") not in ("scatter", "scattergl", "bar"):
            yield from _other(trace)
            continue
        x, y = _numbers(trace.get("x")), _numbers(trace.get("y"))
        n = min(len(x), len(y)) if len(x) and len(y) else max(len(x), len(y))
        x, y = (one[:n] if len(one) else np.arange(n, dtype=float) for one in (x, y))
        if trace.get("type") == "bar" and trace.get("orientation") != "h":
            y = np.append(y, 0.0)
            x = np.append(x, x[-1:])
        panels.setdefault((trace.get("xaxis", "x"), trace.get("yaxis", "y")), []).append((trace, x, y))
    for (across, up), members in panels.items():
        to_x = _axis(layout, "x" + across[1:], [x for _, x, _ in members], 8, WIDTH - 16)
        to_y = _axis(layout, "y" + up[1:], [y for _, _, y in members], HEIGHT - 8, 16 - HEIGHT)
        for trace, x, y in members:
            yield from _trace(trace, to_x(x), to_y(y))


def _axis(layout: Mapping[str, Any], name: str, values: Sequence[NDArray[Any]], start: float, length: float) -> Any:
    """A function from values to px."""
    axis = layout.get(f"{name[0]}axis{name[1:]}") or {}
    low, high = axis.get("domain") or (0.0, 1.0)
    start, length = start + length * low, length * (high - low)
    is_log = axis.get("type") == "log"

    def place(one: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return np.log10(np.where(one > 0, one, math.nan)) if is_log else one

    found = np.concatenate([place(one) for one in values] or [np.zeros(1)])
    found = found[np.isfinite(found)]
    asked = axis.get("range")
    least, most = asked if asked and all(isinstance(one, (int, float)) for one in asked) else _ends(found)
    size = (most - least) or 1.0
    return lambda one: start + length * np.clip((place(one) - least) / size, 0, 1)


def _ends(found: NDArray[Any]) -> tuple[float, float]:
    return (float(found.min()), float(found.max())) if len(found) else (0.0, 1.0)


def _trace(trace: Mapping[str, Any], x: NDArray[Any], y: NDArray[Any]) -> Iterator[Mark]:
    line, marker = trace.get("line") or {}, trace.get("marker") or {}
    colour = _colour(line.get("color")) or _colour(marker.get("color"))
    good = np.isfinite(x) & np.isfinite(y)
    if trace.get("type") == "bar":
        if trace.get("orientation") == "h" or good.sum() < 2:
            return
        *tops, floor = y
        width = max(1.0, (x.max() - x.min()) / max(1, len(x) - 1) * 0.7)
        boxes = [
            (at - width / 2, min(top, floor), width, abs(top - floor)) for at, top in zip(x, tops) if math.isfinite(at + top)
        ]
        yield "boxes", colour, _rounded(np.array(_few(boxes)).ravel())
        return
    points = np.stack([x, y], axis=1)[good]
    if not len(points):
        return
    few = np.array(_few(points))
    is_area = trace.get("fill") == "toself"
    mode = str(trace.get("mode", "lines"))
    if is_area or "lines" in mode:
        yield "area" if is_area else "line", colour or _colour(trace.get("fillcolor")), _rounded(few.ravel())
    elif "markers" in mode:
        yield "dots", colour, _rounded(few.ravel())


def _other(trace: Mapping[str, Any]) -> Iterator[Mark]:
    """A sign for what is neither a line nor bars: rows that split, or a grid."""
    if trace.get("type") in ("icicle", "treemap", "sunburst"):
        yield from _tree(3, 8, WIDTH - 16)
    else:
        cells = [(12 + 24 * i, 12 + 17 * j, 20, 13) for i in range(6) for j in range(4) if (i * 7 + j * 5) % 3]
        yield "boxes", "", _rounded(np.array(cells).ravel())


# A scene


def _scene(scenes: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
    shown = scenes[:7]
    if len(shown) == 1 and shown[0]["mode"] == "plane":
        yield from _rows(shown[0], 8, 70)
        yield from _tree(int(shown[0]["depth"]), 84, 68)
        return
    width = (WIDTH - 8) / max(1, len(shown))
    for number, scene in enumerate(shown):
        left = 6 + width * number
        if scene["mode"] == "plane":
            yield from _rows(scene if scene["rows"] else {**scene, "rows": shown[0]["rows"]}, left, width - 4)
        else:
            yield from _tree(int(scene["depth"]), left, width - 4)


def _rows(scene: Mapping[str, Any], left: float, width: float) -> Iterator[Mark]:
    """The training rows in the plane, by class."""
    rows = scene["rows"]["train"]
    x = np.frombuffer(base64.b64decode(rows["x"]), "<f4").reshape(-1, 2).astype(float)
    y = np.frombuffer(base64.b64decode(rows["y"]), "<u2")
    low, high = np.array(scene["low"]), np.array(scene["high"])
    size = min(width, HEIGHT - 16)
    places = (x - low) / np.where(high > low, high - low, 1.0)
    at = np.stack([left + size * places[:, 0], HEIGHT / 2 + size * (0.5 - places[:, 1])], axis=1)
    for label in range(min(4, int(y.max(initial=0)) + 1)):
        yield "dots", theme.CLASS_COLOURS[label], _rounded(np.array(_few(at[y == label])).ravel())


def _tree(depth: int, left: float, width: float) -> Iterator[Mark]:
    """The levels of a tree of prefixes."""
    levels = min(depth, MOST_LEVELS) + 1
    height = min(14.0, (HEIGHT - 16) / levels)
    boxes = [
        (left + width * node / 2**level, HEIGHT / 2 + height * (level - levels / 2), width / 2**level - 1.5, height - 3)
        for level in range(levels)
        for node in range(2**level)
    ]
    yield "boxes", theme.model_colour("tree", dark=False), _rounded(np.array(boxes).ravel())


# Values


def _numbers(values: Any) -> NDArray[Any]:
    """Numbers of a trace: a list, or Plotly's bytes; names become their places."""
    if isinstance(values, dict):
        kind = values["dtype"]
        if kind not in _TYPES:
            raise ValueError(f"the type of numbers must be one of {sorted(_TYPES)}, got {kind!r:.20}")
        return np.frombuffer(base64.b64decode(values["bdata"]), f"<{kind}").astype(float)
    if not isinstance(values, list):
        return np.zeros(0)
    if any(isinstance(one, str) for one in values):
        order = {name: place for place, name in enumerate(dict.fromkeys(map(str, values)))}
        return np.array([order[str(one)] for one in values], dtype=float)
    return np.array([math.nan if one is None else one for one in values], dtype=float)


def _few(points: Sequence[Any] | NDArray[Any]) -> list[Any]:
    n = len(points)
    return list(points) if n <= MOST_POINTS else [points[i * (n - 1) // (MOST_POINTS - 1)] for i in range(MOST_POINTS)]


def _rounded(values: NDArray[Any]) -> list[float]:
    return [round(float(value), 1) for value in values]


def _colour(value: Any) -> str:
    return value if isinstance(value, str) and _COLOUR.fullmatch(value) else ""
