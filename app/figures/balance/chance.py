"""What chance alone gives, as the figures of Balance show it: a grey dashed mean with its 95 % range."""

import math
from typing import TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import Look

Band: TypeAlias = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Mean, low and high under chance, one value of each for every place on the axis; NaN where unknown."""

RANDOM = ["random_mean", "random_low", "random_high"]

_LEGEND_KEY = 45
"""What a line and the gaps take of an entry of the legend, in px."""


def beside_chance(own: pd.DataFrame, band: Band, of: str) -> pd.DataFrame:
    """Put chance beside a table: columns random_mean, random_low, random_high; raises ValueError for another length."""
    columns: dict[str, NDArray[np.float64]] = {}
    for column, values in zip(RANDOM, band, strict=True):
        array = np.asarray(values, dtype=np.float64)
        if array.shape != (len(own),):
            raise ValueError(f"{column} must have one value for each of {len(own):,} {of}, got shape {array.shape}")
        columns[column] = array
    return own.assign(**columns)


def add_chance(figure: go.Figure, x: ArrayLike, band: pd.DataFrame, *, name: str, said: list[str], look: Look) -> None:
    """Draw the band of a table at places of the x axis, or nothing where no mean is known; `said` is shown on hover."""
    mean, low, high = (band[column] for column in RANDOM)
    if not np.isfinite(mean).any():
        return
    colour = theme.MUTED[look.dark]
    interval_lines.add_band(figure, x=x, low=low, high=high, colour=colour, look=look)
    figure.add_scatter(
        x=x,
        y=mean,
        mode="lines",
        name=theme.escape(name),
        line={"color": colour, "dash": "dash"},
        hovertext=said,
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


def written(value: float, *, is_share: bool) -> str:
    """Write a value: a share in percent, another number with three significant digits.

    >>> written(0.25, is_share=True), written(0.25, is_share=False)
    ('25.0 %', '0.250')
    """
    return theme.percent(value) if is_share else theme.three_significant(value)


def interval(mean: float, low: float, high: float, *, is_share: bool) -> str:
    """Write a value with its interval, or without it where an end is unknown.

    >>> interval(0.301, 0.25, 0.352, is_share=True), interval(0.12, 0.1, 0.15, is_share=False)
    ('30.1 % [25.0 %, 35.2 %]', '0.120 [0.100, 0.150]')
    """
    centre, *ends = (written(value, is_share=is_share) for value in (mean, low, high))
    return f"{centre} [{', '.join(ends)}]" if np.isfinite(low) and np.isfinite(high) else centre
