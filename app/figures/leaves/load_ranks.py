"""Load against rank: how unequal the leaves of two trees are, fullest first, on the same axes."""

from collections.abc import Mapping

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


def load_ranks(
    *,
    loads: Mapping[str, ArrayLike],
    kinds: Mapping[str, str],
    split: str = "training",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the share of the rows in each leaf against the leaf's rank: name -> (n,) counts, each name over its own leaves.

    `kinds`: name -> model, which says colour and marker. Raises ValueError for counts that are no list or are below 0, and
    for a name without a kind.
    """
    counts = _check(loads)
    without = [name for name in counts if name not in kinds]
    if without:
        raise ValueError(f"kinds must have every name of loads, but {theme.one_line(without[0])!r} is missing")
    height = theme.SIDE_HEIGHT[look.projector]
    title = f"Share of the {split} rows against rank of the leaf"
    ranked = _ranked(counts)
    if not ranked:
        why = f"There are no {split} rows, so no leaf has a rank."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    most = max(len(n) for n in ranked.values())
    logarithmic = most > MAX_LINEAR
    figure = go.Figure()
    for name, n in ranked.items():
        _add_line(figure, name, n, kinds[name], split, look)
    axis = "rank of the leaf, fullest first"
    if logarithmic:
        low, high = -0.05, float(np.log10(most)) + 0.05
        figure.update_xaxes(title_text=f"{axis} (log scale)", type="log", range=[low, high], dtick=1, tickformat=",d")
    else:
        interval_lines.integer_axis(figure, low=1, high=most, width=look.width - 100, title=axis, look=look)
    top = max(float(n[0] / n.sum()) for n in ranked.values())
    figure.update_yaxes(title_text="share of the rows", tickformat=".1~%", range=[-0.03 * top, 1.08 * top], zeroline=False)
    return frame.frame(
        figure, look=look, title=title, subject=subject, subtitle=_subtitle(ranked, split), height=height, legend="top"
    )


def load_ranks_sentence(
    *, loads: Mapping[str, ArrayLike], kinds: Mapping[str, str] | None = None, split: str = "training"
) -> str:
    """Say what the fullest leaf of each holds and how many leaves hold 90 % of the rows.

    `kinds` is taken so that one set of arguments serves the figure, the sentence and the table. Plain text: escape it before
    it reaches Markdown.

    >>> print(load_ranks_sentence(loads={"tree net": [4, 1, 3, 2], "decision tree": [1, 9]}))
    The tree net's fullest leaf holds 40.0 % of the training rows, the decision tree's 90.0 %; 90 % of the rows are in 3 \
of 4 and in 1 of 2 leaves.
    """
    del kinds
    ranked = _ranked(_check(loads))
    if not ranked:
        return f"There are no {split} rows."
    shares = [(theme.one_line(name), theme.percent(n[0] / n.sum())) for name, n in ranked.items()]
    first = f"The {shares[0][0]}'s fullest leaf holds {shares[0][1]} of the {split} rows"
    fullest = ", ".join([first, *(f"the {name}'s {share}" for name, share in shares[1:])])
    places = [f"in {theme.thousands(carrying(n))} of {theme.thousands(len(n))}" for n in ranked.values()]
    return f"{fullest}; 90 % of the rows are {theme.enumerate_words(places)} leaves."


def load_ranks_table(
    *, loads: Mapping[str, ArrayLike], kinds: Mapping[str, str] | None = None, split: str = "training"
) -> pd.DataFrame:
    """List every leaf, fullest first: model, rank (from 1), rows, share; nothing of a model without a row."""
    del kinds, split
    ranked = _ranked(_check(loads))
    return pd.DataFrame(
        {
            "model": [name for name, n in ranked.items() for _ in range(len(n))],
            "rank": np.concatenate([np.arange(1, len(n) + 1) for n in ranked.values()] or [np.zeros(0, np.int64)]),
            "rows": np.concatenate([*ranked.values()] or [np.zeros(0, np.int64)]),
            "share": np.concatenate([n / n.sum() for n in ranked.values()] or [np.zeros(0)]),
        }
    )


def _check(loads: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.int64]]:
    counts = {}
    for name, values in loads.items():
        n = np.asarray(values)
        if n.ndim != 1:
            raise ValueError(f"the counts of {theme.one_line(name)!r} must have shape (n,), got {n.shape}")
        if n.size and not n.min() >= 0:
            raise ValueError(f"the counts of {theme.one_line(name)!r} must be at least 0, got {n.min()}")
        counts[name] = n.astype(np.int64)
    return counts


def _ranked(counts: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Sort the leaves of each that has a row, fullest first."""
    return {name: np.sort(n)[::-1] for name, n in counts.items() if n.sum() > 0}


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


def _subtitle(ranked: Mapping[str, NDArray[np.int64]], split: str) -> str:
    totals = {int(n.sum()) for n in ranked.values()}
    if len(totals) == 1:
        return f"{frame.rows(totals.pop(), split)}; every leaf, unused ones at 0"
    each = [f"{theme.one_line(name)} n = {theme.thousands(n.sum())}" for name, n in ranked.items()]
    return f"{split} rows: {', '.join(each)}; every leaf, unused ones at 0"
