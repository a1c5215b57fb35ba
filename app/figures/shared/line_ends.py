"""Labels at the ends of lines: right of the panel, as near to their line as they can be without touching each other."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def label_width(texts: Sequence[str], look: Look) -> float:
    """Give the px that labels need right of their panel."""
    longest = max((len(line) for parts in _broken(texts, look) for line in parts), default=0)
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
        {
            "x": label.x,
            "y": label.y,
            "xref": f"x{axis}",
            "yref": f"y{axis}",
            "text": frame.lines(parts),
            "ax": _LEADER + (x_range[1] - label.x) * width / (x_range[1] - x_range[0]),
            "ay": want - place,
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


def _isotonic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rising sequence nearest by squares, by its max-min formula; O(A^3) for a handful of labels."""
    count = range(len(values))
    return np.array([max(min(values[j : k + 1].mean() for k in count if k >= i) for j in count if j <= i) for i in count])


def _broken(texts: Sequence[str], look: Look) -> list[list[str]]:
    size = theme.FONT_SIZE[look.projector]
    characters = _CHARACTERS[len(texts) > _FEW and not look.projector]
    width = round(characters * frame.CHARACTER_WIDTH * size)
    return [frame.wrapped(theme.one_line(text, _LIMIT), size, width) for text in texts]
