"""What chance alone gives, as figures show it: a grey mean with its 95 % range, dashed or dotted by the level."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import Look
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

Band: TypeAlias = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Mean, low and high under chance, one value of each for every place on the axis; NaN where unknown."""

RANDOM = ["random_mean", "random_low", "random_high"]
"""Columns of what has one chance level only."""

DASHES = {INDEPENDENT_BITS: "dot", HYPERPLANES: "dash"}
"""How the mean of a level is drawn, where not dashed."""

_DASH_WORDS = {"dot": "dotted", "dash": "dashed"}

_LEGEND_KEY = 45
"""What a line and the gaps take of an entry of the legend, in px."""


def columns_of(level: Level) -> list[str]:
    """Name the columns of a level in tables.

    >>> columns_of(INDEPENDENT_BITS)
    ['bits_mean', 'bits_low', 'bits_high']
    """
    return [f"{level.key}_{end}" for end in interval_lines.INTERVAL]


def names_of(level: Level) -> dict[str, str]:
    """Name the columns mean, low and high as `columns_of` does."""
    return dict(zip(interval_lines.INTERVAL, columns_of(level), strict=True))


def compared(levels: Iterable[Level]) -> Level | None:
    """Choose the level that sentences compare with: random hyperplanes where they are known, else the first.

    >>> compared([INDEPENDENT_BITS, HYPERPLANES]).short
    'random hyperplanes'
    """
    known = list(levels)
    return HYPERPLANES if HYPERPLANES in known else next(iter(known), None)


def drawn_words(levels: Iterable[Level]) -> str:
    """Say how the levels of a figure are drawn, in plain text; empty without any.

    >>> drawn_words([INDEPENDENT_BITS])
    'dotted: mean under independent bits; grey band: its 95 % range'
    """
    known = list(levels)
    means = [f"{_DASH_WORDS[DASHES.get(level, 'dash')]}: mean under {level.name}" for level in known]
    return (
        "; ".join([*means, "grey bands: their 95 % ranges" if len(known) > 1 else "grey band: its 95 % range"]) if known else ""
    )


def beside_levels(own: pd.DataFrame, bands: Mapping[Level, Band], of: str) -> pd.DataFrame:
    """Put chance levels beside a table, in the columns of `columns_of`; raises ValueError for another length."""
    for level, one in bands.items():
        own = beside_chance(own, one, of, columns_of(level))
    return own


def beside_chance(own: pd.DataFrame, band: Band, of: str, names: Sequence[str] = RANDOM) -> pd.DataFrame:
    """Put chance beside a table, in columns of these names: mean, low, high; raises ValueError for another length."""
    columns: dict[str, NDArray[np.float64]] = {}
    for column, values in zip(names, band, strict=True):
        array = np.asarray(values, dtype=np.float64)
        if array.shape != (len(own),):
            raise ValueError(f"{column} must have one value for each of {len(own):,} {of}, got shape {array.shape}")
        columns[column] = array
    return own.assign(**columns)


def add_level(
    figure: go.Figure, x: ArrayLike, table: pd.DataFrame, level: Level, *, said: list[str], look: Look, **place: Any
) -> None:
    """Draw a level of a table with the columns of `columns_of`, as `add_chance` does."""
    band = table[columns_of(level)].set_axis(RANDOM, axis=1)
    add_chance(figure, x, band, name=level.name, said=said, look=look, dash=DASHES.get(level, "dash"), **place)


def add_chance(
    figure: go.Figure,
    x: ArrayLike,
    band: pd.DataFrame,
    *,
    name: str,
    said: list[str],
    look: Look,
    dash: str = "dash",
    **place: Any,
) -> None:
    """Draw the band of a table at places of the x axis, or nothing where no mean is known; `said` is shown on hover."""
    mean, low, high = (band[column] for column in RANDOM)
    if not np.isfinite(mean).any():
        return
    colour = theme.MUTED[look.dark]
    interval_lines.add_band(figure, x=x, low=low, high=high, colour=colour, look=look, **place)
    figure.add_scatter(
        x=x,
        y=mean,
        mode="lines",
        name=theme.escape(name),
        line={"color": colour, "dash": dash},
        hovertext=said,
        hoverinfo="text",
        **place,
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
