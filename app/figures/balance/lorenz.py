"""Lorenz curve of the leaf loads beside those by chance: the share of the rows that the emptier leaves hold.

L = 2^K leaves · shares are cumulative, from 0 to 1, over the leaves in order of rising load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import (
    Band,
    add_level,
    beside_levels,
    columns_of,
    compared,
    drawn_words,
    interval,
    make_legend_room,
)
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.levels import Level

MOST_POINTS = 600
"""Points of a drawn curve; more cannot be told apart."""

_NAME_LIMIT = 30


@dataclass(frozen=True, eq=False)
class LorenzCurve:
    """The share of the rows in the i emptiest leaves, for every i from 0 to L.

    Raises ValueError for shapes that do not fit.
    """

    shares: ArrayLike
    """(L + 1,) from 0 to 1; NaN without rows."""
    chance: Mapping[Level, Band]
    """Chance level -> mean, low and high, each (L + 1,)."""
    split: str = "training"
    """Whose rows these are."""
    model: str = "tree"
    """Sets the name, colour and marker of the curve."""

    _curve: pd.DataFrame = field(init=False, repr=False)
    """share_of_leaves, share_of_rows and those by chance, L + 1 rows."""

    def __post_init__(self) -> None:
        shares = np.asarray(self.shares, dtype=np.float64)
        if shares.ndim != 1 or len(shares) < 2:
            raise ValueError(f"shares must have L + 1 entries for L >= 1 leaves, got shape {shares.shape}")
        own = pd.DataFrame({"share_of_leaves": np.arange(len(shares)) / (len(shares) - 1), "share_of_rows": shares})
        object.__setattr__(self, "_curve", beside_levels(own, self.chance, "shares"))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the share of rows against the share of leaves, between chance and an even load."""
        table = self.table()
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"Share of {self.split} rows in the emptier leaves"
        if table["share_of_rows"].isna().any():
            why = f"There are no {self.split} rows, so no leaf has a load."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        self._add_own(figure, table, look)
        for level in self._known():
            said = [
                f"{level.name}<br>emptiest {theme.percent(x)} of the leaves<br>{_of_rows(*ends)} of the rows"
                for x, *ends in table[["share_of_leaves", *columns_of(level)]].to_numpy().tolist()
            ]
            add_level(figure, table["share_of_leaves"], table, level, said=said, look=look)
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            name="even",
            line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
            hoverinfo="skip",
        )
        subtitle = self._subtitle()
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
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

    def sentence(self) -> str:
        """Say what share of the rows the emptier half of the leaves holds, and what chance would give; plain text.

        >>> from leafscope.core.usage.levels import INDEPENDENT_BITS
        >>> random = {INDEPENDENT_BITS: ([0, 0.301, 1], [0, 0.25, 1], [0, 0.352, 1])}
        >>> print(LorenzCurve([0, 0.12, 1], random).sentence())
        The emptier half of the leaves holds 12.0 % of the training rows; independent bits would give 30.1 % [25.0 %, 35.2 %].
        """
        if self._curve["share_of_rows"].isna().any():
            return f"There are no {self.split} rows."
        if len(self._curve) == 2:
            return f"One leaf holds all {self.split} rows."
        level = compared(self._known())
        against = ""
        if level is not None:
            against = f"; {level.name} would give {_of_rows(*(self._half(column) for column in columns_of(level)))}"
        own = theme.percent(self._half("share_of_rows"))
        return f"The emptier half of the leaves holds {own} of the {self.split} rows{against}."

    def table(self) -> pd.DataFrame:
        """List at most 600 points: share_of_leaves, share_of_rows, and of each chance level mean, low, high."""
        return self._curve.iloc[thinned(self._curve["share_of_rows"].to_numpy())].reset_index(drop=True)

    def _known(self) -> list[Level]:
        """The levels with a mean."""
        return [level for level in self.chance if self._curve[columns_of(level)[0]].notna().any()]

    def _half(self, column: str) -> float:
        return float(np.interp(0.5, self._curve["share_of_leaves"], self._curve[column]))

    def _subtitle(self) -> str:
        leaves = len(self._curve) - 1
        words = f"{theme.thousands(leaves)} {'leaf' if leaves == 1 else 'leaves'}"
        return "; ".join(filter(None, [words, drawn_words(self._known())]))

    def _add_own(self, figure: go.Figure, table: pd.DataFrame, look: Look) -> None:
        style = model_style(self.model, "", look)
        word = theme.escape(model_words(self.model), _NAME_LIMIT)
        figure.add_scatter(
            x=table["share_of_leaves"],
            y=table["share_of_rows"],
            mode="lines+markers",
            name=word,
            line={"color": style["colour"], "width": style["width"]},
            marker={"symbol": style["marker"], "color": style["colour"], "maxdisplayed": 8},
            hovertext=[
                f"{word}<br>emptiest {theme.percent(leaves)} of the leaves<br>{theme.percent(rows)} of the rows"
                for leaves, rows in zip(table["share_of_leaves"], table["share_of_rows"])
            ],
            hoverinfo="text",
        )


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


def _of_rows(mean: float, low: float, high: float) -> str:
    return interval(mean, low, high, is_share=True)
