"""Load of chosen leaves over the epochs: one panel a leaf, beside its load before training and the dense net's.

M chosen leaves or prefixes · E recorded epochs, 0 is before training · shares of the rows of a split.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look

MAX_PANELS = 4
"""More panels than this are too narrow to read."""

_MARKED = 12
"""Up to so many epochs each has a marker; a line of more has a few."""
_MARKERS_SHOWN = 8
_SPACING = 0.025
"""The gap between panels, as a share of the width of all."""


def leaf_lines(
    *,
    epochs: ArrayLike,
    loads: ArrayLike,
    names: Sequence[str],
    uniform: Sequence[float],
    dense: Sequence[float] | None = None,
    shown_epoch: int | None = None,
    split: str = "training",
    n: int | None = None,
    model: str = "tree",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show whether the load of a leaf is learned or inherited: (E,) epochs and (M, E) shares, M from 1 to 4.

    `names`: (M,) patterns, "1 0 1 1". `uniform`: (M,) shares 1/2^level. `dense`: (M,) shares that the same sign bits of
    the dense net give, NaN where unknown. `n`: rows of the split. The recorded epoch nearest to `shown_epoch` is marked.
    Raises ValueError for shapes that do not fit and more than 4 leaves.
    """
    at, share, equal, same = _check(epochs, loads, names, uniform, dense)
    height = theme.SIDE_HEIGHT[look.projector]
    nodes = "leaves" if len(set(equal.tolist())) < 2 else "prefixes"
    title = "Load of a leaf against epoch" if len(names) == 1 else f"Load of the chosen {nodes} against epoch"
    if not np.isfinite(share).any():
        return frame.empty_figure(look=look, title=title, subject=subject, why=_nothing(names, split), height=height)
    size = theme.FONT_SIZE[look.projector]
    inside = look.width - 5 * size
    width = inside * (1 - (len(names) - 1) * _SPACING) / len(names)
    figure = make_subplots(rows=1, cols=len(names), shared_yaxes=True, horizontal_spacing=_SPACING)
    x_range = epoch_axis(figure, at, width, look)
    marked = nearest_epoch(at, shown_epoch)
    named: set[str] = set()
    for panel in range(len(names)):
        name = theme.escape(names[panel])
        references = [("uniform", equal[panel], "solid", theme.TEXT[look.dark], 0.5)]
        references += [(f"epoch {at[0]}", share[panel, 0], "dot", theme.MUTED[look.dark], 1.0)]
        references += [("dense net", same[panel], "dashdot", theme.model_colour("dense", dark=look.dark), 1.0)]
        for word, value, dash, colour, thickness in references:
            if not np.isfinite(value):
                continue
            figure.add_scatter(
                x=list(x_range),
                y=[value, value],
                mode="lines",
                name=word,
                legendgroup=word,
                legendrank={"uniform": 4, "dense net": 3}.get(word, 2),
                showlegend=word not in named,
                line={"color": colour, "dash": dash, "width": thickness * theme.LINE_WIDTH[look.projector]},
                hovertext=f"{name}, {word}<br>{theme.percent(value)}",
                hoverinfo="text",
                row=1,
                col=panel + 1,
            )
            named.add(word)
        figure.add_scatter(
            x=at,
            y=share[panel],
            mode="lines+markers",
            name=model,
            legendgroup=model,
            legendrank=1,
            showlegend=panel == 0,
            line={"color": theme.model_colour(model, dark=look.dark)},
            marker={
                "symbol": theme.model_marker(model),
                "color": theme.model_colour(model, dark=look.dark),
                "maxdisplayed": 0 if len(at) <= _MARKED else _MARKERS_SHOWN,
            },
            hovertext=[
                f"{name}, epoch {theme.thousands(epoch)}<br>{theme.percent(value)} of the {theme.escape(split)} rows"
                for epoch, value in zip(at.tolist(), share[panel].tolist())
            ],
            hoverinfo="text",
            row=1,
            col=panel + 1,
        )
        if marked is not None:
            frame.mark_line(figure, marked, panel + 1, look)
    subtitle = [frame.rows(n, split)] if n is not None else [f"{split} rows"]
    if marked is not None:
        subtitle.append(f"vertical line: epoch {theme.thousands(marked)}")
    if dense is not None and not np.isfinite(same).all():
        subtitle.append(f"dense net: {'not known' if not np.isfinite(same).any() else 'not known for every leaf'}")
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height, legend="top")
    _head(figure, names, width, look)
    length = interval_lines.panel_height(figure, look)
    figure.update_yaxes(tickformat=".1~%", range=[0, _top(share, equal, same)], zeroline=False, nticks=max(3, int(length / 40)))
    figure.update_yaxes(title_text=interval_lines.axis_title("share of rows", length, look), col=1)
    return figure


def leaf_lines_sentence(
    *,
    epochs: ArrayLike,
    loads: ArrayLike,
    names: Sequence[str],
    uniform: Sequence[float],
    dense: Sequence[float] | None = None,
    shown_epoch: int | None = None,
    split: str = "training",
) -> str:
    """Compare the load of the first leaf at the first epoch, at the one shown (else the last), and in the dense net.

    Plain text: escape it before it reaches Markdown.

    >>> leaf_lines_sentence(epochs=[0, 60], loads=[[0.031, 0.12]], names=["1 0 1 1"], uniform=[1 / 16], dense=[0.04])
    "Leaf 1 0 1 1 held 3.1 % of the training rows before training and holds 12.0 % at epoch 60; the dense net's same bits \
give 4.0 %."
    """
    at, share, equal, same = _check(epochs, loads, names, uniform, dense)
    if not np.isfinite(share).any():
        return _nothing(names, split)
    last = nearest_epoch(at, shown_epoch)
    last = int(at[-1]) if last is None else last
    value = share[0, int(np.flatnonzero(at == last)[0])]
    leaf = _node(names[0], equal)
    first = "before training" if at[0] == 0 else f"at epoch {theme.thousands(at[0])}"
    if last == at[0]:
        sentence = f"{leaf} holds {theme.percent(value)} of the {split} rows {first}"
    else:
        sentence = (
            f"{leaf} held {theme.percent(share[0, 0])} of the {split} rows {first} and holds {theme.percent(value)} "
            f"at epoch {theme.thousands(last)}"
        )
    return sentence + (f"; the dense net's same bits give {theme.percent(same[0])}." if np.isfinite(same[0]) else ".")


def leaf_lines_table(
    *,
    epochs: ArrayLike,
    loads: ArrayLike,
    names: Sequence[str],
    uniform: Sequence[float],
    dense: Sequence[float] | None = None,
) -> pd.DataFrame:
    """List the loads, leaf by leaf: pattern, epoch, share, and uniform_share and dense_share, the same at every epoch."""
    at, share, equal, same = _check(epochs, loads, names, uniform, dense)
    return pd.DataFrame(
        {
            "pattern": np.repeat(np.array([str(name) for name in names], dtype=object), len(at)),
            "epoch": np.tile(at, len(names)),
            "share": share.ravel(),
            "uniform_share": np.repeat(equal, len(at)),
            "dense_share": np.repeat(same, len(at)),
        }
    )


def check_epochs(epochs: ArrayLike) -> NDArray[np.int64]:
    """Check recorded epochs: whole numbers that rise -> (E,) int64; raises ValueError where they do not."""
    at = np.asarray(epochs)
    if at.ndim != 1:
        raise ValueError(f"epochs must be a list of numbers, got shape {at.shape}")
    at = at.astype(np.int64)
    if (np.diff(at) <= 0).any():
        raise ValueError(f"epochs must rise, got {at.tolist()}")
    return at


def nearest_epoch(epochs: NDArray[np.int64], wanted: int | None) -> int | None:
    """Choose the recorded epoch nearest to the one wanted, of two the earlier; None for none.

    >>> nearest_epoch(np.array([0, 10, 20]), 14)
    10
    """
    return None if wanted is None or not len(epochs) else int(epochs[np.abs(epochs - wanted).argmin()])


def epoch_axis(figure: go.Figure, epochs: NDArray[np.int64], width: float, look: Look) -> tuple[float, float]:
    """Let every x axis, `width` px long, run over the epochs, with air for markers -> range."""
    low, high = int(epochs[0]), int(epochs[-1])
    air = 1.2 * theme.MARKER_SIZE[look.projector] / width * (high - low) or 0.5
    label = (len(theme.thousands(high)) + 2) * frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]
    pitch = width / max(1, high - low)
    steps = (digit * 10**power for power in range(9) for digit in (1, 2, 5))
    figure.update_xaxes(
        title_text="epoch",
        range=[low - air, high + air],
        tick0=0,
        dtick=next(step for step in steps if step * pitch > max(label, 1.6 * theme.FONT_SIZE[look.projector])),
        tickformat=",d",
        showgrid=False,
        zeroline=False,
    )
    return low - air, high + air


def _head(figure: go.Figure, names: Sequence[str], width: float, look: Look) -> None:
    """Write the pattern above each panel and move the legend above that."""
    size = theme.FONT_SIZE[look.projector]
    broken = [frame.wrapped(theme.one_line(name, 2 * MAX_PANELS * 10), size, round(width)) for name in names]
    for panel, parts in enumerate(broken, start=1):
        axis = "" if panel == 1 else str(panel)
        figure.add_annotation(
            x=0.5,
            y=1,
            xref=f"x{axis} domain",
            yref=f"y{axis} domain",
            text=frame.lines(parts),
            showarrow=False,
            xanchor="center",
            yanchor="bottom",
        )
    room = (1.3 * max(len(parts) for parts in broken) + 0.3) * size
    figure.update_layout(margin_t=figure.layout.margin.t + round(room))
    figure.update_layout(legend_y=1 + room / interval_lines.panel_height(figure, look))


def _node(name: str, uniform: NDArray[np.float64]) -> str:
    """Name the first node: what is expected to hold more than another is no leaf but a prefix, and all is the root."""
    if uniform[0] == 1:
        return "The root"
    return f"{'Prefix' if uniform[0] > uniform.min() else 'Leaf'} {theme.one_line(name)}"


def _top(*values: NDArray[np.float64]) -> float:
    finite = np.concatenate([part.ravel() for part in values])
    return 1.08 * max(float(finite[np.isfinite(finite)].max()), 0.001)


def _nothing(names: Sequence[str], split: str) -> str:
    if not len(names):
        return "No leaf is chosen."
    return f"No load of the {split} rows is recorded yet."


def _check(
    epochs: ArrayLike, loads: ArrayLike, names: Sequence[str], uniform: Sequence[float], dense: Sequence[float] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    at = check_epochs(epochs)
    if len(names) > MAX_PANELS:
        raise ValueError(f"names must hold at most {MAX_PANELS} leaves, got {len(names)}")
    expected = (len(names), len(at))
    share = np.asarray(loads, dtype=np.float64)
    if share.size == 0 and 0 in expected:
        share = share.reshape(expected)
    if share.shape != expected:
        raise ValueError(f"loads must have shape (M, E) = {expected}, got {share.shape}")
    equal = np.asarray(uniform, dtype=np.float64)
    same = np.full(len(names), np.nan) if dense is None else np.asarray(dense, dtype=np.float64)
    for word, values in (("uniform", equal), ("dense", same)):
        if values.shape != (len(names),):
            raise ValueError(f"{word} must have one share for each of {len(names)} leaves, got shape {values.shape}")
    return at, share, equal, same
