"""Load against rank: how unequal the leaves of two trees are, fullest first, on the same axes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.evenness import carrying

MAX_POINTS = 400
"""Points of a line; of more leaves, ranks are thinned evenly on a logarithmic axis."""

MAX_LINEAR = 64
"""With more leaves than this, the axis of ranks is logarithmic."""

_MARKED = 40
"""Of more leaves, so many markers tell the lines apart."""


@dataclass(frozen=True, eq=False)
class LoadRanks:
    """The loads of the leaves of several models, each over its own leaves, fullest first.

    Raises ValueError for counts that are no list or are below 0, and for a name without a kind.
    """

    loads: Mapping[str, ArrayLike]
    """Name -> (n,) rows in each leaf."""
    kinds: Mapping[str, str]
    """Name -> model, which says colour and marker."""
    split: str = "training"
    """Whose rows these are."""

    _ranked: dict[str, NDArray[np.int64]] = field(init=False, repr=False)
    """The models that have a row, the leaves of each in falling order of load."""

    def __post_init__(self) -> None:
        counts = _checked(self.loads)
        without = [name for name in counts if name not in self.kinds]
        if without:
            raise ValueError(f"kinds must have every name of loads, but {theme.one_line(without[0])!r} is missing")
        object.__setattr__(self, "_ranked", {name: np.sort(n)[::-1] for name, n in counts.items() if n.sum() > 0})

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the share of the rows in each leaf against the leaf's rank."""
        height = theme.SIDE_HEIGHT[look.projector]
        title = f"Share of the {self.split} rows against rank of the leaf"
        if not self._ranked:
            why = f"There are no {self.split} rows, so no leaf has a rank."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        most = max(len(n) for n in self._ranked.values())
        figure = go.Figure()
        for name, n in self._ranked.items():
            _add_line(figure, name, n, self.kinds[name], self.split, look)
        axis = "rank of the leaf, fullest first"
        if most > MAX_LINEAR:
            low, high = -0.05, float(np.log10(most)) + 0.05
            figure.update_xaxes(title_text=f"{axis} (log scale)", type="log", range=[low, high], dtick=1, tickformat=",d")
        else:
            interval_lines.integer_axis(figure, low=1, high=most, width=look.width - 100, title=axis, look=look)
        top = max(float(n[0] / n.sum()) for n in self._ranked.values())
        figure.update_yaxes(title_text="share of the rows", tickformat=".1~%", range=[-0.03 * top, 1.08 * top], zeroline=False)
        subtitle = self._subtitle()
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")

    def sentence(self) -> str:
        """Say what the fullest leaf of each holds and how many leaves hold 90 % of the rows; plain text.

        >>> loads = {"tree net": [4, 1, 3, 2], "decision tree": [1, 9]}
        >>> print(LoadRanks(loads, kinds={"tree net": "tree", "decision tree": "decision_tree"}).sentence())
        The tree net's fullest leaf holds 40.0 % of the training rows, the decision tree's 90.0 %; 90 % of the rows are in 3 \
of 4 and in 1 of 2 leaves.
        """
        if not self._ranked:
            return f"There are no {self.split} rows."
        shares = [(theme.one_line(name), theme.percent(n[0] / n.sum())) for name, n in self._ranked.items()]
        first = f"The {shares[0][0]}'s fullest leaf holds {shares[0][1]} of the {self.split} rows"
        fullest = ", ".join([first, *(f"the {name}'s {share}" for name, share in shares[1:])])
        places = [f"in {theme.thousands(carrying(n))} of {theme.thousands(len(n))}" for n in self._ranked.values()]
        return f"{fullest}; 90 % of the rows are {theme.enumerate_words(places)} leaves."

    def table(self) -> pd.DataFrame:
        """List every leaf, fullest first: model, rank (from 1), rows, share; nothing of a model without a row."""
        ranked = self._ranked
        return pd.DataFrame(
            {
                "model": [name for name, n in ranked.items() for _ in range(len(n))],
                "rank": np.concatenate([np.arange(1, len(n) + 1) for n in ranked.values()] or [np.zeros(0, np.int64)]),
                "rows": np.concatenate([*ranked.values()] or [np.zeros(0, np.int64)]),
                "share": np.concatenate([n / n.sum() for n in ranked.values()] or [np.zeros(0)]),
            }
        )

    def _subtitle(self) -> str:
        totals = {int(n.sum()) for n in self._ranked.values()}
        if len(totals) == 1:
            return f"{frame.rows(totals.pop(), self.split)}; every leaf, unused ones at 0"
        each = [f"{theme.one_line(name)} n = {theme.thousands(n.sum())}" for name, n in self._ranked.items()]
        return f"{self.split} rows: {', '.join(each)}; every leaf, unused ones at 0"


def _checked(loads: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.int64]]:
    counts = {}
    for name, values in loads.items():
        n = np.asarray(values)
        if n.ndim != 1:
            raise ValueError(f"the counts of {theme.one_line(name)!r} must have shape (n,), got {n.shape}")
        if n.size and not n.min() >= 0:
            raise ValueError(f"the counts of {theme.one_line(name)!r} must be at least 0, got {n.min()}")
        counts[name] = n.astype(np.int64)
    return counts


def _ranks(count: int) -> NDArray[np.int64]:
    """Choose at most 400 ranks from 1 to `count`, both among them."""
    if count <= MAX_POINTS:
        return np.arange(1, count + 1)
    return np.unique(np.geomspace(1, count, MAX_POINTS).round().astype(np.int64))


def _add_line(figure: go.Figure, name: str, n: NDArray[np.int64], kind: str, split: str, look: Look) -> None:
    style = model_style(kind, "", look)
    ranks = _ranks(len(n))
    shares = n[ranks - 1] / n.sum()
    written = theme.escape(name)
    figure.add_scatter(
        x=ranks,
        y=shares,
        mode="lines+markers",
        name=f"{written}, {theme.thousands(len(n))} {'leaf' if len(n) == 1 else 'leaves'}",
        line={"color": style["colour"], "width": style["width"], "shape": "hvh"},
        marker={
            "symbol": style["marker"],
            "color": style["colour"],
            "maxdisplayed": _MARKED if len(ranks) > MAX_LINEAR else 0,
        },
        hovertext=[
            f"{written}, rank {theme.thousands(rank)} of {theme.thousands(len(n))}<br>"
            f"{theme.thousands(n[rank - 1])} {theme.escape(split)} rows, {theme.percent(share)}"
            for rank, share in zip(ranks.tolist(), shares.tolist())
        ],
        hoverinfo="text",
    )
