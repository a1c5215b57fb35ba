"""Labels at the ends of lines: right of the panel, as near to their line as they can be without touching each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.packing import spread, spread_off
from leafscope.app.theme import Look

_CHARACTERS = (18, 26)
"""Characters on a line of a label where labels are few, and where they are many, so that one line each is better."""
_FEW = 6
_LIMIT = 40
_LEADER = 18
"""From the panel's edge to the text, in px."""
_LINE_HEIGHT = 1.3
"""Plotly's own, in units of the font's size."""
_BEHIND = 0.75
"""Opacity of the background behind a label inside a panel."""
_GAP = 0.4
"""Between two labels where there is room, so that their lines are told apart, in units of the font's size."""


@dataclass(frozen=True)
class EndLabel:
    """The label of a line and where the line ends."""

    x: float
    """On the axis; the logarithm to base 10 where the axis is logarithmic."""
    y: float
    text: str
    """As written, not yet escaped."""
    colour: str
    lit: bool = True


def label_width(texts: Sequence[str], look: Look, *, whole: bool = False) -> float:
    """Give the px that labels need right of their panel, or, where they are kept on one line if they can be, of their line."""
    longest = max((len(line) for parts in _broken(texts, look, whole) for line in parts), default=0)
    return 1.08 * longest * frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector] + _LEADER + 8


def label_ends(
    figure: go.Figure,
    labels: Sequence[EndLabel],
    *,
    panel: int = 1,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    width: float,
    height: float,
    look: Look,
) -> None:
    """Write labels right of panel 1, 2, ... of `width` x `height` px, each with a leader to the end of its line.

    Where they do not all fit, labels of lit lines come first, then those that come first.
    """
    broken = dict(zip(labels, _broken([label.text for label in labels], look)))
    chosen, tall = _fitting(labels, broken, height, look)
    scale = height / (y_range[1] - y_range[0])
    wanted = [(label.y - y_range[0]) * scale for label in chosen]
    places = spread(wanted, tall, height)
    axis = "" if panel == 1 else str(panel)
    notes = [
        _note(label, look, axis)
        | {
            "text": frame.lines(broken[label]),
            "ax": _LEADER + (x_range[1] - label.x) * width / (x_range[1] - x_range[0]),
            "ay": want - place,
        }
        for label, want, place in zip(chosen, wanted, places.tolist())
    ]
    frame.annotate(figure, notes)


def _fitting(
    labels: Sequence[EndLabel], broken: Mapping[EndLabel, Sequence[str]], height: float, look: Look, gap: float = _GAP
) -> tuple[list[EndLabel], list[float]]:
    """Choose the labels that fit in a height, lit ones first; each is as many px tall, with a gap where there is room."""
    size = theme.FONT_SIZE[look.projector]
    room, chosen = height, []
    for label in sorted(labels, key=lambda label: not label.lit):
        tall = len(broken[label]) * _LINE_HEIGHT * size
        if np.isfinite(label.y) and tall <= room:
            room -= tall
            chosen.append(label)
    gap = min(gap * size, room / max(1, len(chosen)))
    return chosen, [len(broken[label]) * _LINE_HEIGHT * size + gap for label in chosen]


def _note(label: EndLabel, look: Look, axis: str = "") -> dict[str, Any]:
    """The annotation of a label, without its text and its place."""
    return {
        "x": label.x,
        "y": label.y,
        "xref": f"x{axis}",
        "yref": f"y{axis}",
        "xanchor": "left",
        "yanchor": "middle",
        "align": "left",
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 1,
        "arrowcolor": label.colour,
        "standoff": theme.MARKER_SIZE[look.projector] / 2,
        "borderpad": 0,
        "font": {"color": (theme.TEXT if label.lit else theme.MUTED)[look.dark]},
    }


def label_beside(
    figure: go.Figure,
    labels: Sequence[EndLabel],
    *,
    panel: int = 1,
    lines: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    width: float,
    height: float,
    look: Look,
) -> None:
    """Write each label right of the end of its line, wherever in panel 1, 2, ... of `width` x `height` px that is.

    Labels whose places along x overlap are moved apart, and off the `lines` (x and y, as those of the labels) where there is
    room, each with a leader to its line; where they do not all fit, labels of lit lines come first, then those that come first.
    """
    size = theme.FONT_SIZE[look.projector]
    across, up = width / (x_range[1] - x_range[0]), height / (y_range[1] - y_range[0])
    broken = dict(zip(labels, _broken([label.text for label in labels], look, whole=True)))
    known = sorted((label for label in labels if np.isfinite(label.y)), key=lambda label: label.x)
    stacks: list[list[EndLabel]] = []
    end = -np.inf
    for label in known:
        start = (label.x - x_range[0]) * across
        if start > end:
            stacks.append([])
        stacks[-1].append(label)
        longest = max(len(line) for line in broken[label])
        end = max(end, start + _LEADER + longest * frame.CHARACTER_WIDTH * size)
    notes = []
    in_px = [((np.asarray(x) - x_range[0]) * across, (np.asarray(y) - y_range[0]) * up) for x, y in lines]
    air = theme.MARKER_SIZE[look.projector] / 2
    axis = "" if panel == 1 else str(panel)
    for stack in stacks:
        chosen, tall = _fitting(stack, broken, height, look)
        wanted = [(label.y - y_range[0]) * up for label in chosen]
        taken = []
        for label in chosen:
            left = (label.x - x_range[0]) * across + _LEADER
            right = left + max(len(line) for line in broken[label]) * frame.CHARACTER_WIDTH * size
            spans = [_span(x, y, left, right) for x, y in in_px]
            taken.append([(low - air, high + air) for low, high in filter(None, spans)])
        places = spread_off(wanted, tall, height, taken)
        for label, want, place, high, lines_there in zip(chosen, wanted, places.tolist(), tall, taken):
            text = {"text": frame.lines(broken[label]), "ax": _LEADER, "ay": want - place}
            is_crossed = any(low < place + high / 2 and place - high / 2 < top for low, top in lines_there)
            behind = {"bgcolor": theme.faded(theme.BACKGROUND[look.dark], _BEHIND)} if is_crossed else {}  # it notches bands
            notes.append(_note(label, look, axis) | text | behind)
    frame.annotate(figure, notes)


def label_inside(
    figure: go.Figure,
    labels: Sequence[EndLabel],
    *,
    panel: int = 1,
    lines: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    width: float,
    height: float,
    look: Look,
) -> None:
    """Write labels as wide as a narrow panel, near the height of the end of their line and off all lines, with leaders.

    Where they do not all fit, labels of lit lines come first, then those that come first.
    """
    size = theme.FONT_SIZE[look.projector]
    across, up = width / (x_range[1] - x_range[0]), height / (y_range[1] - y_range[0])
    air = 0.3 * size
    taken = [
        ((np.min(y) - y_range[0]) * up - air - theme.MARKER_SIZE[look.projector], (np.max(y) - y_range[0]) * up + air)
        for _, y in lines
    ]
    across_panel = round(0.75 * width)  # a screen may be smaller
    broken = {label: frame.wrapped(theme.one_line(label.text, 2 * _LIMIT), size, across_panel) for label in labels}
    chosen, tall = _fitting(labels, broken, height, look, gap=0)
    wanted = [(label.y - y_range[0]) * up for label in chosen]
    places = spread_off(wanted, tall, height, [taken] * len(chosen))
    axis = "" if panel == 1 else str(panel)
    middle = sum(x_range) / 2
    notes = [
        _note(label, look, axis)
        | {"text": frame.lines(broken[label]), "xanchor": "center", "align": "center"}
        | {"bgcolor": theme.faded(theme.BACKGROUND[look.dark], _BEHIND)}
        | {"ax": (middle - label.x) * across, "ay": want - place}
        for label, want, place in zip(chosen, wanted, places.tolist())
    ]
    frame.annotate(figure, notes)


def _span(x: NDArray[np.float64], y: NDArray[np.float64], left: float, right: float) -> tuple[float, float] | None:
    """The lowest and the highest px of a line between two px along x; None where it has none there."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    if not len(x) or x[-1] < left or x[0] > right:
        return None
    ends = np.interp([max(left, x[0]), min(right, x[-1])], x, y)
    inside = np.concatenate([ends, y[(x >= left) & (x <= right)]])
    return float(inside.min()), float(inside.max())


def _broken(texts: Sequence[str], look: Look, whole: bool = False) -> list[list[str]]:
    size = theme.FONT_SIZE[look.projector]
    characters = _CHARACTERS[whole or (len(texts) > _FEW and not look.projector)]
    width = round(characters * frame.CHARACTER_WIDTH * size)
    return [frame.wrapped(theme.one_line(text, _LIMIT), size, width) for text in texts]
