"""Lorenz curve of the leaf loads beside that of random routing: how much of the rows the emptier leaves hold.

L = 2^K leaves · M leaves of a second model · shares are cumulative, from 0 to 1, over leaves in order of rising load.
"""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

MOST_POINTS = 600
"""Points of a drawn curve; more cannot be told apart."""

_NAME_LIMIT = 30
_LEGEND_KEY = 45
"""What a line and the gaps take of an entry of the legend, in px."""
_COLUMNS = ["share_of_leaves", "share_of_rows", "random_mean", "random_low", "random_high"]


def lorenz_curve(
    *,
    shares: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    other: tuple[str, ArrayLike] | None = None,
    split: str = "training",
    model: str = "tree",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the cumulative share of rows against the share of leaves, rising load: (L + 1,) shares, from 0 to 1.

    `mean`, `low`, `high` (L + 1,) are those of random routing, NaN where unknown. `other` is the name of a decision tree
    and its (M + 1,) shares over its own leaves. Raises ValueError for shapes that do not fit.
    """
    table = lorenz_curve_table(shares=shares, mean=mean, low=low, high=high)
    second = _second(other)
    height = theme.MAIN_HEIGHT[look.projector]
    title = f"Share of {split} rows in the emptier leaves"
    if table["share_of_rows"].isna().any():
        why = f"There are no {split} rows, so no leaf has a load."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    figure = go.Figure()
    at = table["share_of_leaves"]
    _add_curve(figure, at, table["share_of_rows"], model_words(model), model, look)
    if other is not None and np.isfinite(second).all():
        drawn = thinned(second)
        _add_curve(figure, drawn / (len(second) - 1), second[drawn], other[0], "decision_tree", look)
    add_random(
        figure,
        x=at,
        mean=table["random_mean"],
        low=table["random_low"],
        high=table["random_high"],
        name="random routing",
        hovertext=[
            f"random routing<br>emptiest {theme.percent(x)} of the leaves<br>{share_interval(*ends)} of the rows"
            for x, *ends in table[["share_of_leaves", *_COLUMNS[2:]]].to_numpy().tolist()
        ],
        look=look,
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="even",
        line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        hoverinfo="skip",
    )
    leaves = np.asarray(shares).shape[0] - 1
    subtitle = [f"{theme.thousands(leaves)} {'leaf' if leaves == 1 else 'leaves'}"]
    if table["random_mean"].notna().any():
        subtitle.append("dashed: mean under random routing, band: its 95 % range")
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height, legend="top")
    make_legend_room(figure, look)
    # The last label is as wide on both sides of its tick
    figure.update_layout(margin_r=round(1.6 * theme.FONT_SIZE[look.projector]))
    inside = interval_lines.panel_height(figure, look)
    figure.update_xaxes(
        title_text=interval_lines.axis_title("share of leaves, emptiest first (percent)", look.width - 90, look),
        range=[-0.01, 1.01],
        tickformat=".0%",
        dtick=0.25,
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        title_text=interval_lines.axis_title("share of rows (percent)", inside, look),
        range=[-0.02, 1.02],
        tickformat=".0%",
        dtick=0.25,
        zeroline=False,
    )
    return figure


def _add_curve(figure: go.Figure, x: ArrayLike, y: ArrayLike, name: str, model: str, look: Look) -> None:
    style = model_style(model, "", look)
    word = theme.escape(name, _NAME_LIMIT)
    at, share = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    figure.add_scatter(
        x=at,
        y=share,
        mode="lines+markers",
        name=word,
        line={"color": style["colour"], "width": style["width"]},
        marker={"symbol": style["marker"], "color": style["colour"], "maxdisplayed": 8},
        hovertext=[
            f"{word}<br>emptiest {theme.percent(leaves)} of the leaves<br>{theme.percent(rows)} of the rows"
            for leaves, rows in zip(at.tolist(), share.tolist())
        ],
        hoverinfo="text",
    )


def add_random(
    figure: go.Figure,
    *,
    x: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    name: str,
    hovertext: list[str],
    look: Look,
) -> None:
    """Draw what chance alone gives: a grey dashed mean with its band, or nothing where no mean is known."""
    if not np.isfinite(np.asarray(mean, dtype=np.float64)).any():
        return
    colour = theme.MUTED[look.dark]
    interval_lines.add_band(figure, x=x, low=low, high=high, colour=colour, look=look)
    figure.add_scatter(
        x=x,
        y=mean,
        mode="lines",
        name=name,
        line={"color": colour, "dash": "dash"},
        hovertext=hovertext,
        hoverinfo="text",
    )


def make_legend_room(figure: go.Figure, look: Look) -> None:
    """Widen the top margin of a framed figure where its legend needs more than one row at the expected width."""
    size = theme.FONT_SIZE[look.projector]
    names = [trace.name for trace in figure.data if trace.showlegend is not False]
    widths = [len(name) * frame.CHARACTER_WIDTH * size + _LEGEND_KEY for name in names]
    inside = look.width - 6.5 * size
    if sum(widths) > inside:
        # Plotly then lines the entries up in columns as wide as the widest
        rows = math.ceil(len(names) / max(1, int(inside / max(widths))))
        figure.layout.margin.t += round(1.45 * size * (rows - 1))


def share_interval(mean: float, low: float, high: float) -> str:
    """Write a share with its interval in percent, without the interval where an end is unknown.

    >>> share_interval(0.301, 0.25, 0.352)
    '30.1 % [25.0 %, 35.2 %]'
    """
    between = f" [{theme.percent(low)}, {theme.percent(high)}]" if np.isfinite(low) and np.isfinite(high) else ""
    return f"{theme.percent(mean)}{between}"


def lorenz_curve_sentence(
    *,
    shares: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    other: tuple[str, ArrayLike] | None = None,
    split: str = "training",
) -> str:
    """Say what share of the rows the emptier half of the leaves holds, and what random routing would give.

    Plain text: escape it before it reaches Markdown.

    >>> print(lorenz_curve_sentence(shares=[0, 0.12, 1], mean=[0, 0.301, 1], low=[0, 0.25, 1], high=[0, 0.352, 1]))
    The emptier half of the leaves holds 12.0 % of the training rows; random routing would give 30.1 % [25.0 %, 35.2 %].
    """
    own, *random = _check(shares, mean, low, high)
    second = _second(other)
    if np.isnan(own).any():
        return f"There are no {split} rows."
    if len(own) == 2:
        return f"One leaf holds all {split} rows."
    expected, *ends = (_half(curve) for curve in random)
    against = f"; random routing would give {share_interval(expected, *ends)}" if np.isfinite(expected) else ""
    sentence = f"The emptier half of the leaves holds {theme.percent(_half(own))} of the {split} rows{against}."
    if other is not None and np.isfinite(second).all():
        sentence += f" {interval_lines.sentence_case(theme.one_line(other[0]))}, the same half: {theme.percent(_half(second))}."
    return sentence


def lorenz_curve_table(*, shares: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike) -> pd.DataFrame:
    """List the curve as drawn, at most 600 points: share_of_leaves, share_of_rows, random_mean, random_low, random_high."""
    own, *random = _check(shares, mean, low, high)
    at = thinned(own)
    values = [at / (len(own) - 1), *(curve[at] for curve in (own, *random))]
    return pd.DataFrame(dict(zip(_COLUMNS, values)))


def thinned(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose at most 600 points of a rising curve, evenly by leaves and evenly by rows, so that its steep end stays.

    >>> thinned(np.array([0.0, 0.2, 1.0])).tolist()
    [0, 1, 2]
    """
    last = len(shares) - 1
    if last < MOST_POINTS:
        return np.arange(last + 1)
    half = MOST_POINTS // 2
    by_leaves = np.linspace(0, last, half).round().astype(np.int64)
    by_rows = np.searchsorted(shares, np.linspace(0, 1, half)).clip(0, last)
    return np.unique(np.concatenate([by_leaves, by_rows]))


def _half(shares: NDArray[np.float64]) -> float:
    return float(np.interp(0.5, np.linspace(0, 1, len(shares)), shares))


def _check(shares: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike) -> list[NDArray[np.float64]]:
    own = _curve(shares, "shares")
    curves = [own]
    for name, values in (("mean", mean), ("low", low), ("high", high)):
        curve = np.asarray(values, dtype=np.float64)
        if curve.shape != own.shape:
            raise ValueError(f"{name} must have one value for each of {len(own):,} shares, got shape {curve.shape}")
        curves.append(curve)
    return curves


def _second(other: tuple[str, ArrayLike] | None) -> NDArray[np.float64]:
    return np.empty(0) if other is None else _curve(other[1], "the shares of other")


def _curve(values: ArrayLike, name: str) -> NDArray[np.float64]:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or len(curve) < 2:
        raise ValueError(f"{name} must have L + 1 entries for L >= 1 leaves, got shape {curve.shape}")
    return curve
