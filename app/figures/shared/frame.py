"""What all figures share: title with n, fixed height, legend outside the data, labels that fit, and the empty figure.

L = 2^K leaves · widths are estimates for the expected width of the look.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.theme import Look
from leafscope.core.limits import check_depth

CHARACTER_WIDTH = 0.5
"""Width of an average character of the font, in units of its size."""

_PHONE, _HEADED = 450, 2
"""Px below which a figure is higher by the lines of its title and subtitle that are more than these."""

_BUTTONS = 60
"""Px of the buttons that a phone shows right of a title all the time."""

EMPTY_WHY = "There are no rows to show."

UNUSED = "rgba(0,0,0,0)"
"""Fill of what is unused: hollow, under a hatch."""

CLICK_TARGET: dict[str, Any] = {
    "marker_opacity": 0.01,
    "selected": {"marker": {"opacity": 0.4}},
    "unselected": {"marker": {"opacity": 0.01}},
}
"""Style of nearly transparent markers over heatmaps and lines, where Streamlit reports no clicks; a chosen one is visible."""

Legend = Literal["top", "right", "none"]


def frame(
    figure: go.Figure, *, look: Look, title: str, subject: str = "", subtitle: str = "", height: int, legend: Legend = "none"
) -> go.Figure:
    """Dress a figure: template, title (`title, subject`) and subtitle, both escaped here, height in px, legend outside."""
    size = theme.FONT_SIZE[look.projector]
    room = look.width - 30 - (_BUTTONS if look.width < _PHONE else 0)
    heading = wrapped(f"{title}, {subject}" if subject else title, theme.TITLE_SIZE[look.projector], room)
    small = wrapped(subtitle, size, look.width - 30) if subtitle else []
    line = theme.TITLE_SIZE[look.projector]
    count = len(heading) + len(small)
    top = 14 + 1.3 * line * count
    if look.width < _PHONE:
        height += round(1.3 * line * max(0, count - _HEADED))
    text = lines(heading)
    if small:
        # Plotly's own subtitle stands a line too low
        text += f'<br><span style="font-size:{size}px;color:{theme.MUTED[look.dark]}">{lines(small)}</span>'
    figure.update_layout(
        overwrite=True,  # there is nothing yet to be kept, and looking for it takes Plotly as long again
        template=theme.template(look.dark, look.projector),
        title={
            "text": text,
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            # Plotly lifts a text of several lines by 0.7 em
            "pad": {"t": 10 + (0.7 * line if count > 1 else 0), "l": 4},
        },
        height=height,
        margin={"l": 8, "r": 16, "t": round(top + (1.9 * size if legend == "top" else 0)), "b": 8},
        showlegend=legend != "none",
        # what a slide takes out of the drawing, to write it in its own place
        meta={
            "title": theme.escape(f"{title}, {subject}" if subject else title),
            "subtitle": theme.escape(subtitle),
            "title_room": round(top - 14),
        },
    )
    if legend == "top":
        figure.update_layout(legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom"})
    if legend == "right":
        figure.update_layout(legend={"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"})
    return figure


def annotate(figure: go.Figure, notes: Iterable[Mapping[str, Any]]) -> None:
    """Add annotations all at once; `add_annotation` checks all that are there for each anew."""
    figure.layout.annotations = (*figure.layout.annotations, *notes)


def empty_figure(*, look: Look, title: str, subject: str = "", why: str = EMPTY_WHY, height: int) -> go.Figure:
    """Say in a figure of the usual height that nothing can be shown, and why."""
    figure = go.Figure()
    figure.add_annotation(
        text=lines(wrapped(why, theme.FONT_SIZE[look.projector], look.width - 30)),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
    )
    figure.update_xaxes(visible=False, range=[0, 1])
    figure.update_yaxes(visible=False, range=[0, 1])
    return frame(figure, look=look, title=title, subject=subject, height=height)


def wrapped(text: str, size: int, width: int) -> list[str]:
    """Break text into lines that fit a width in px at a font size in px, as written, not yet escaped."""
    text = theme.unbroken(theme.one_line(text))
    return [line.replace("\xa0", " ") for line in textwrap.wrap(text, max(10, int(width / (CHARACTER_WIDTH * size))))] or [""]


def lines(parts: Sequence[str]) -> str:
    """Join lines for Plotly, each escaped."""
    return "<br>".join(theme.escape(part) for part in parts)


def fits(text: str, width: float, look: Look) -> bool:
    """Tell whether a text in the figure's font fits a width in px, with some air."""
    return (len(text) * CHARACTER_WIDTH + 0.4) * theme.FONT_SIZE[look.projector] <= width


def pattern_axis(
    figure: go.Figure, *, axis: Literal["x", "y"], leaves: ArrayLike, depth: int, length: float, look: Look
) -> None:
    """Label positions 0, 1, ... of an axis of `length` px with the patterns of the leaves there, or not where they collide."""
    patterns = [theme.bit_pattern(int(leaf), depth) for leaf in np.asarray(leaves).tolist()]
    pitch = length / max(1, len(patterns))
    size = theme.FONT_SIZE[look.projector]
    widest = max(patterns, key=len, default="")
    update = figure.update_xaxes if axis == "x" else figure.update_yaxes
    upright = axis == "y" or fits(widest, pitch, look)
    if pitch < 1.05 * size and (axis == "y" or not upright):
        update(showticklabels=False, ticks="")
        return
    update(tickmode="array", tickvals=list(range(len(patterns))), ticktext=patterns, tickangle=0 if upright else -90)


def panel_heads(figure: go.Figure, words: Sequence[str], look: Look) -> None:
    """Write whose rows stand in each panel above it, words as written, and make room; no words: no room either."""
    for number, word in enumerate(words, start=1):
        axis = "" if number == 1 else str(number)
        figure.add_annotation(
            x=0,
            y=1,
            xref=f"x{axis} domain",
            yref=f"y{axis} domain",
            text=f"{theme.escape(word)} rows",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            font={"color": theme.MUTED[look.dark]},
        )
    if words:
        figure.update_layout(margin_t=figure.layout.margin.t + round(1.6 * theme.FONT_SIZE[look.projector]))


def mark_line(figure: go.Figure, x: float, panel: int, look: Look) -> None:
    """Draw a thin vertical line at a place of the x axis, below the data of panel 1, 2, ..."""
    axis = "" if panel == 1 else str(panel)
    figure.add_shape(
        type="line",
        x0=x,
        x1=x,
        y0=0,
        y1=1,
        xref=f"x{axis}",
        yref=f"y{axis} domain",
        line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        layer="below",
    )


def leaf_array(counts: ArrayLike, depth: int, name: str = "counts") -> NDArray[np.int64]:
    """Check the counts of leaves: (L,) whole numbers -> (L,) int64; raises ValueError for another length or below 0."""
    check_depth(depth)
    n = np.asarray(counts)
    if n.shape != (1 << depth,):
        raise ValueError(f"{name} must have 2^depth = {1 << depth:,} entries, got shape {n.shape}")
    if n.size and n.min() < 0:
        raise ValueError(f"{name} must be at least 0, got {n.min()}")
    return n.astype(np.int64)


def leaf_states(states: Sequence[str] | NDArray[np.str_] | None, counts: NDArray[np.int64]) -> list[str]:
    """Name the state of each leaf: as given, or "used" and "unseen" by its count; raises ValueError for another length."""
    if states is None:
        return ["used" if n else "unseen" for n in counts.tolist()]
    if len(states) != len(counts):
        raise ValueError(f"states must have one entry for each of {len(counts):,} leaves, got {len(states):,}")
    return [str(state) for state in states]


def rows(n: float, split: str) -> str:
    """Write n: "n = 1,234 training rows"."""
    return f"n = {theme.thousands(n)} {split} rows"
