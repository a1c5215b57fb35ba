"""Labels at the ends of lines: right of the panel, as near to their line as they can be without touching each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
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
    size = theme.FONT_SIZE[look.projector]
    chosen: list[tuple[EndLabel, list[str]]] = []
    room = height
    broken = dict(zip(labels, _broken([label.text for label in labels], look)))
    for label in sorted(labels, key=lambda label: not label.lit):
        parts = broken[label]
        if np.isfinite(label.y) and len(parts) * _LINE_HEIGHT * size <= room:
            room -= len(parts) * _LINE_HEIGHT * size
            chosen.append((label, parts))
    scale = height / (y_range[1] - y_range[0])
    wanted = [(label.y - y_range[0]) * scale for label, _ in chosen]
    gap = min(_GAP * size, room / max(1, len(chosen)))
    places = spread(wanted, [len(parts) * _LINE_HEIGHT * size + gap for _, parts in chosen], height)
    axis = "" if panel == 1 else str(panel)
    notes = [
        _note(label, look, axis)
        | {
            "text": frame.lines(parts),
            "ax": _LEADER + (x_range[1] - label.x) * width / (x_range[1] - x_range[0]),
            "ay": want - place,
        }
        for (label, parts), want, place in zip(chosen, wanted, places.tolist())
    ]
    frame.annotate(figure, notes)


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
        room, chosen = height, []
        for label in sorted(stack, key=lambda label: not label.lit):
            if len(broken[label]) * _LINE_HEIGHT * size <= room:
                room -= len(broken[label]) * _LINE_HEIGHT * size
                chosen.append(label)
        wanted = [(label.y - y_range[0]) * up for label in chosen]
        gap = min(_GAP * size, room / max(1, len(chosen)))
        sizes = [len(broken[label]) * _LINE_HEIGHT * size + gap for label in chosen]
        taken = []
        for label in chosen:
            left = (label.x - x_range[0]) * across + _LEADER
            right = left + max(len(line) for line in broken[label]) * frame.CHARACTER_WIDTH * size
            spans = [_span(x, y, left, right) for x, y in in_px]
            taken.append([(low - air, high + air) for low, high in filter(None, spans)])
        places = spread_off(wanted, sizes, height, taken)
        for label, want, place in zip(chosen, wanted, places.tolist()):
            text = {"text": frame.lines(broken[label]), "ax": _LEADER, "ay": want - place}
            notes.append(_note(label, look, axis) | text | {"bgcolor": theme.faded(theme.BACKGROUND[look.dark], _BEHIND)})
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
    room, chosen = height, []
    for label in sorted(labels, key=lambda label: not label.lit):
        parts = frame.wrapped(theme.one_line(label.text, 2 * _LIMIT), size, round(0.75 * width))  # a screen may be smaller
        if np.isfinite(label.y) and len(parts) * _LINE_HEIGHT * size <= room:
            room -= len(parts) * _LINE_HEIGHT * size
            chosen.append((label, parts))
    wanted = [(label.y - y_range[0]) * up for label, _ in chosen]
    tall = [len(parts) * _LINE_HEIGHT * size for _, parts in chosen]
    places = spread_off(wanted, tall, height, [taken] * len(chosen))
    axis = "" if panel == 1 else str(panel)
    middle = sum(x_range) / 2
    notes = [
        _note(label, look, axis)
        | {"text": frame.lines(parts), "xanchor": "center", "align": "center"}
        | {"bgcolor": theme.faded(theme.BACKGROUND[look.dark], _BEHIND)}
        | {"ax": (middle - label.x) * across, "ay": want - place}
        for (label, parts), want, place in zip(chosen, wanted, places.tolist())
    ]
    frame.annotate(figure, notes)


def spread(wanted: ArrayLike, sizes: ArrayLike, height: float) -> NDArray[np.float64]:
    """Move (A,) centres of labels of (A,) sizes as little as possible, by squares, so that none overlap in 0..height.

    The order of the centres is kept. Where the sizes exceed the height, labels reach above it.

    >>> spread([10, 10, 90], [20, 20, 20], height=100).tolist()
    [10.0, 30.0, 90.0]
    """
    centres, tall = np.asarray(wanted, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if len(centres) == 0:
        return centres
    order = np.argsort(centres, kind="stable")
    tall = tall[order]
    # Side by side, centres are offset + a value that must not fall from one to the next: isotonic regression
    offset = np.cumsum(tall) - tall / 2
    values = _isotonic(centres[order] - offset)
    values = np.clip(values, 0.0, max(0.0, height - tall.sum()))
    places = np.empty(len(centres))
    places[order] = values + offset
    return places


def spread_off(
    wanted: ArrayLike, sizes: ArrayLike, height: float, taken: Sequence[Sequence[tuple[float, float]]]
) -> NDArray[np.float64]:
    """Move centres as `spread` does, to whole px, and each label off the intervals of px that are `taken` for it.

    Where that leaves no room, the labels are placed as by `spread`.

    >>> spread_off([50], [20], height=100, taken=[[(45, 70)]]).tolist()
    [35.0]
    """
    centres, tall = np.asarray(wanted, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    order = np.argsort(centres, kind="stable")
    grid = np.arange(0.0, height + 1)
    # best[p]: the least sum of squares of the labels so far, the last of them centred at px p or below; `at` says where
    best, steps = np.zeros(len(grid)), []
    for number, place in enumerate(order):
        half = tall[place] / 2
        cost = (grid - centres[place]) ** 2
        cost[(grid < half) | (grid > height - half)] = np.inf
        for low, high in taken[place]:
            cost[(grid > low - half) & (grid < high + half)] = np.inf
        if number:
            apart = int(np.ceil(half + tall[order[number - 1]] / 2))
            cost[apart:] += best[: len(grid) - apart]
            cost[:apart] = np.inf
        best = np.minimum.accumulate(cost)
        steps.append(cost)
    if not len(order) or not np.isfinite(best[-1]):
        return spread(wanted, sizes, height)
    places, end = np.empty(len(order)), len(grid)
    for number in range(len(order) - 1, -1, -1):
        at = int(np.argmin(steps[number][:end]))
        places[order[number]] = grid[at]
        end = at + 1
        if number:
            end = at - int(np.ceil((tall[order[number]] + tall[order[number - 1]]) / 2)) + 1
    return places


def _span(x: NDArray[np.float64], y: NDArray[np.float64], left: float, right: float) -> tuple[float, float] | None:
    """The lowest and the highest px of a line between two px along x; None where it has none there."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    if not len(x) or x[-1] < left or x[0] > right:
        return None
    ends = np.interp([max(left, x[0]), min(right, x[-1])], x, y)
    inside = np.concatenate([ends, y[(x >= left) & (x <= right)]])
    return float(inside.min()), float(inside.max())


def _isotonic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rising sequence nearest by squares, by its max-min formula; O(A^3) for a handful of labels."""
    count = range(len(values))
    return np.array([max(min(values[j : k + 1].mean() for k in count if k >= i) for j in count if j <= i) for i in count])


def _broken(texts: Sequence[str], look: Look, whole: bool = False) -> list[list[str]]:
    size = theme.FONT_SIZE[look.projector]
    characters = _CHARACTERS[whole or (len(texts) > _FEW and not look.projector)]
    width = round(characters * frame.CHARACTER_WIDTH * size)
    return [frame.wrapped(theme.one_line(text, _LIMIT), size, width) for text in texts]
