"""Where the names of a figure of curves are: at the ends of the lines, or in a legend."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.compare.group_lines import Curve
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import (
    grey,
)
from leafscope.app.figures.shared.line_ends import label_width
from leafscope.app.theme import Look

MOST_LABELS = 8
"""More lines than this are named in a legend."""
SPACING = 0.04
"""Between two panels, as a share of the figure."""

_LABEL_LIMIT = 40
_LEGEND_LIMIT = {False: 34, True: 24}


@dataclass(frozen=True)
class Layout:
    """Where the names are, and what is left for a panel."""

    labels: list[tuple[Curve, str]]
    """At the lines of the last panel; none where there is a legend."""
    right: float
    """For names right of the last panel, in px."""
    width: float
    """Of a panel, in px."""

    @property
    def legend(self) -> bool:
        """Whether a legend names the lines."""
        return not self.labels

    @classmethod
    def of(cls, curves: Sequence[Curve], panels: Sequence[Sequence[str]], height: int, look: Look) -> "Layout":
        """Choose the place for the names of curves on panels of splits, in a figure of a height in px."""
        size = theme.FONT_SIZE[look.projector]
        last = [curve for curve in curves if curve.split in panels[-1]]
        several = len({curve.split for curve in last}) > 1
        labels = [(c, c.words(_LABEL_LIMIT, f"; {theme.SPLIT_WORDS[c.split]}" if several else "")) for c in last]
        tall = sum(math.ceil(len(text) / 16) for _, text in labels) * 1.3 * size
        named = {curve.style for curve in last} == {curve.style for curve in curves}
        if len(labels) > MOST_LABELS or tall > 0.6 * height or not named:
            labels = []
        texts = [text for _, text in labels]
        longest = max(len(curve.words(_LEGEND_LIMIT[look.projector])) for curve in curves)
        right = label_width(texts, look) if labels else longest * frame.CHARACTER_WIDTH * size + 70
        inside = look.width - 4.5 * size - right
        return cls(labels, right, max(60.0, inside * (1 - SPACING * (len(panels) - 1)) / len(panels)))


def add_legend(figure: go.Figure, curves: Sequence[Curve], look: Look) -> None:
    """Name each lit group once, and all others together."""
    first = {curve.style: curve for curve in reversed(curves)}
    width = theme.LINE_WIDTH[look.projector]
    for curve in sorted(first.values(), key=curves.index):
        if curve.lit:
            figure.add_scatter(
                x=[None],
                y=[None],
                mode="lines+markers",
                name=_legend_name(curve, len(first), look),
                line={"color": curve.style.colour, "width": width},
                marker={"symbol": curve.style.marker, "color": curve.style.colour},
            )
    if any(not curve.lit for curve in curves):
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name="other groups", line={"color": grey(look), "width": width / 2}
        )


def _legend_name(curve: Curve, count: int, look: Look) -> str:
    """Write a group on two lines where there is room for all."""
    limit, size = _LEGEND_LIMIT[look.projector], theme.FONT_SIZE[look.projector]
    if count > MOST_LABELS or look.projector:
        return theme.escape(curve.words(limit))
    # Lines break at words, so that two hold less than twice the characters
    return frame.lines(
        frame.wrapped(curve.words(round(1.7 * limit)), size, round((limit + 0.5) * frame.CHARACTER_WIDTH * size))
    )
