"""How each gate splits its rows: the tree of prefixes as a heatmap, the share of a node's rows that go right by colour.

K = depth, the number of gating bits · level l has 2^l nodes · right is bit 1 · inner nodes are those of levels 0..K-1.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look, Scale

MAX_LEVELS = 8
"""Nodes of deeper levels are thinner than a few px."""

ONE_SIDED = 0.9
"""A node that sends this share of its rows to one side, or more, is counted as one-sided."""

_SCALE_COLOURS = {False: ("#8C510A", "#E4E0EE", "#01665E"), True: ("#E6A856", "#3D3852", "#5FCFC2")}
"""Brown and teal, apart with red-green blindness too; the even split is lilac and recedes."""

_BAR_WIDTH = 11
"""What the vertical axis and the colour bar take of the figure's width, in units of the font size."""


def split_scale(*, dark: bool = False) -> Scale:
    """Give the scale of a share that goes right: brown is all to bit 0, lilac an even split, teal all to bit 1."""
    left, even, right = _SCALE_COLOURS[dark]
    return [(0.0, left), (0.5, even), (1.0, right)]


def node_balance_heatmap(
    *,
    balance: Sequence[ArrayLike],
    counts: Sequence[ArrayLike],
    split: str = "training",
    max_levels: int = MAX_LEVELS,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show what share of each node's rows goes right: K arrays of 2^l shares and K + 1 arrays of 2^l rows.

    Row l is the gate of bit l + 1, the first on top; node (l, p) is as wide as its leaves together. At most `max_levels`
    rows are drawn; nodes without a row are hatched. Raises ValueError for arrays that do not fit.
    """
    table = node_balance_heatmap_table(balance=balance, counts=counts)
    height = theme.MAIN_HEIGHT[look.projector]
    title = f"Share of {split} rows that each gate sends to bit 1"
    if (why := _nothing(counts, split)) is not None:
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    depth = len(balance)
    drawn = min(depth, max(1, max_levels))
    table = table[table["level"] < drawn]
    table = table.assign(right=table["right"].where(table["rows"] > 0))
    scale = split_scale(dark=look.dark)
    figure = go.Figure(
        go.Heatmap(
            x=np.arange(1 << drawn) + 0.5,
            y=np.arange(drawn),
            z=_spread(table, "right", drawn),
            zmin=0,
            zmax=1,
            colorscale=scale,
            ygap=2,
            colorbar={"title": {"text": "to bit 1", "side": "right"}, "tickformat": ".0%", "dtick": 0.25},
            hovertext=_spread(table.assign(said=[_hover(row, split) for row in table.to_dict("records")]), "said", drawn),
            hoverinfo="text",
        )
    )
    _add_borders(figure, drawn, look)
    _add_hatches(figure, table[table["rows"] == 0], drawn, split, look)
    # The font's size bounds the labels of bits on the left and the colour bar on the right
    width = look.width - _BAR_WIDTH * theme.FONT_SIZE[look.projector] - 40
    _write_shares(figure, table, drawn, width, scale, look)
    figure.update_xaxes(
        title_text=interval_lines.axis_title("prefix: 0 on the left, 1 on the right", width, look),
        range=[0, 1 << drawn],
        showticklabels=False,
        ticks="",
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=np.arange(drawn),
        ticktext=[f"bit {level + 1}" for level in range(drawn)],
        range=[drawn - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(barmode="overlay")
    total = int(np.sum(counts[0]))
    levels = f"all {depth} bits" if drawn == depth else f"the first {drawn} of {depth} bits"
    subtitle = f"{frame.rows(total, split)}; {levels if depth > 1 else 'one bit'}, the first on top"
    if (table["rows"] == 0).any():
        subtitle += "; hatched: no row"
    return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)


def _spread(table: pd.DataFrame, column: str, levels: int) -> NDArray[Any]:
    """Repeat the value of each node over its leaves -> (levels, 2^levels)."""
    rows = [table.loc[table["level"] == level, column].to_numpy() for level in range(levels)]
    return np.stack([np.repeat(row, 1 << (levels - level)) for level, row in enumerate(rows)])


def _span(table: pd.DataFrame, levels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where nodes begin and how wide they are, in leaves of the drawn tree."""
    width = np.exp2(levels - table["level"].to_numpy())
    prefix = table["node"].to_numpy() + 1 - np.exp2(table["level"].to_numpy())
    return prefix * width, width


def _add_borders(figure: go.Figure, levels: int, look: Look) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for level in range(1, levels):
        for border in range(1, 1 << level):
            x += [border << (levels - level)] * 2 + [None]
            y += [level - 0.5, level + 0.5, None]
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"width": 1, "color": theme.BACKGROUND[look.dark]}, hoverinfo="skip", name="borders"
    )


def _add_hatches(figure: go.Figure, empty: pd.DataFrame, levels: int, split: str, look: Look) -> None:
    begin, width = _span(empty, levels)
    figure.add_bar(
        x=begin + width / 2,
        y=np.full(len(empty), 0.94),
        base=empty["level"].to_numpy() - 0.47,
        width=width,
        marker={
            "color": frame.UNUSED,
            "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.6), "size": 8, "solidity": 0.12},
        },
        hovertext=[f"{prefix}<br>no {theme.escape(split)} row" for prefix in empty["prefix"]],
        hoverinfo="text",
        name="no row",
    )


def _write_shares(figure: go.Figure, table: pd.DataFrame, levels: int, width: float, scale: Scale, look: Look) -> None:
    for level in range(levels):
        nodes = table[(table["level"] == level) & table["right"].notna()]
        room = width / (1 << level)
        written = next((form for form in (theme.percent, _whole_percent) if frame.fits(form(1.0), room, look)), None)
        if written is None:
            return
        begin, wide = _span(nodes, levels)
        for x, share in zip((begin + wide / 2).tolist(), nodes["right"].tolist()):
            ink = theme.ink_on(theme.scale_colour(scale, share))
            figure.add_annotation(x=x, y=level, text=written(share), showarrow=False, font={"color": ink})


def _whole_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _hover(row: dict[Hashable, Any], split: str) -> str:
    if row["rows"] == 0:
        return f"{row['prefix']}<br>no {theme.escape(split)} row"
    return (
        f"{row['prefix']}<br>{theme.thousands(row['rows'])} {theme.escape(split)} rows<br>"
        f"{theme.percent(row['right'])} to 1, {theme.percent(1 - row['right'])} to 0"
    )


def node_balance_heatmap_sentence(*, balance: Sequence[ArrayLike], counts: Sequence[ArrayLike], split: str = "training") -> str:
    """Say how many inner nodes send at least 90 % of their rows to one side, and how the first bit splits them.

    A node with a single row cannot do otherwise, so such nodes are counted beside.

    >>> print(node_balance_heatmap_sentence(balance=[[0.5], [0.1, 1.0]], counts=[[20], [10, 10], [9, 1, 0, 10]]))
    Of 3 inner nodes with training rows, 2 send at least 90 % of theirs to one side; the first bit sends 50.0 % to 1.
    """
    table = node_balance_heatmap_table(balance=balance, counts=counts)
    if (why := _nothing(counts, split)) is not None:
        return why
    used = table[table["rows"] > 0]
    # 1 - 0.1 is a little below 0.9
    one_sided = used[np.maximum(used["right"], 1 - used["right"]) >= ONE_SIDED - 1e-12]
    single = int((one_sided["rows"] == 1).sum())
    alone = f" ({theme.thousands(single)} of them with a single row)" if single else ""
    return (
        f"Of {theme.thousands(len(used))} inner node{'' if len(used) == 1 else 's'} with {split} rows, "
        f"{theme.thousands(len(one_sided))} send{'s' if len(one_sided) == 1 else ''} at least {100 * ONE_SIDED:.0f} % of "
        f"{'its rows' if len(one_sided) == 1 else 'theirs'} to one side{alone}; "
        f"the first bit sends {theme.percent(used['right'].iloc[0])} to 1."
    )


def node_balance_heatmap_table(*, balance: Sequence[ArrayLike], counts: Sequence[ArrayLike]) -> pd.DataFrame:
    """List the inner nodes of all levels, breadth-first: node, prefix, level, rows, right (share that goes to bit 1)."""
    depth = len(balance)
    if len(counts) != depth + 1:
        raise ValueError(f"counts must have one array for each of {depth + 1} levels, got {len(counts)}")
    shares = [_level(values, level, "balance") for level, values in enumerate(balance)]
    rows = [_level(values, level, "counts") for level, values in enumerate(counts)][:depth]
    level = np.repeat(np.arange(depth), [1 << at for at in range(depth)])
    node = np.arange((1 << depth) - 1)
    return pd.DataFrame(
        {
            "node": node,
            "prefix": [theme.bit_pattern(n + 1 - (1 << at), at) for n, at in zip(node.tolist(), level.tolist())],
            "level": level,
            "rows": np.concatenate([*rows, np.empty(0)]).astype(np.int64),
            "right": np.concatenate([*shares, np.empty(0)]),
        }
    )


def _level(values: ArrayLike, level: int, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (1 << level,):
        raise ValueError(f"{name} of level {level} must have 2^{level} = {1 << level} entries, got shape {array.shape}")
    return array


def _nothing(counts: Sequence[ArrayLike], split: str) -> str | None:
    """Why there is nothing to show, or None."""
    if len(counts) == 1:
        return "At depth 0 there is no gate."
    if np.sum(counts[0]) == 0:
        return f"There are no {split} rows, so no gate splits any."
    return None
