"""How each gate splits its rows: the tree of prefixes as a heatmap, the share of a node's rows that go right by colour.

K = depth, the number of gating bits · level l has 2^l nodes · right is bit 1 · inner nodes are those of levels 0..K-1.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look, Scale
from leafscope.core.usage.counts import node_counts
from leafscope.core.usage.evenness import node_balance

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


@dataclass(frozen=True, eq=False)
class NodeBalance:
    """The rows of each inner node and the share of them that go right.

    Raises ValueError for counts that are below 0 or do not fill a tree, and TypeError for counts that are not whole numbers.
    """

    counts: ArrayLike
    """(L,) rows in each leaf, L = 2^K."""
    split: str = "training"
    """Whose rows these are."""

    _nodes: pd.DataFrame = field(init=False, repr=False)
    _depth: int = field(init=False, repr=False)
    _total: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts)
        rows, right = node_counts(counts)[:-1], node_balance(counts)
        depth = len(right)
        level = np.repeat(np.arange(depth), [1 << at for at in range(depth)])
        node = np.arange((1 << depth) - 1)
        nodes = pd.DataFrame(
            {
                "node": node,
                "prefix": [theme.bit_pattern(n + 1 - (1 << at), at) for n, at in zip(node.tolist(), level.tolist())],
                "level": level,
                "rows": np.concatenate([*rows, np.empty(0, np.int64)]),
                "right": np.concatenate([*right, np.empty(0)]),
            }
        )
        for name, value in (("_nodes", nodes), ("_depth", depth), ("_total", int(counts.sum()))):
            object.__setattr__(self, name, value)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the first levels, at most 8: row l is the gate of bit l + 1, the first on top.

        A node is as wide as its leaves together; a node without a row is hatched.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"Share of {self.split} rows with sign 1 at each gate"
        if (why := self._nothing()) is not None:
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        drawn = min(self._depth, MAX_LEVELS)
        table = self._nodes[self._nodes["level"] < drawn]
        scale = split_scale(dark=look.dark)
        said = table.assign(said=[_hover(row, self.split) for row in table.to_dict("records")])
        figure = go.Figure(
            go.Heatmap(
                x=np.arange(1 << drawn) + 0.5,
                y=np.arange(drawn),
                z=_spread(table, "right", drawn),
                zmin=0,
                zmax=1,
                colorscale=scale,
                ygap=2,
                colorbar={"title": {"text": "share with sign 1", "side": "right"}, "tickformat": ".0%", "dtick": 0.25},
                hovertext=_spread(said, "said", drawn),
                hoverinfo="text",
            )
        )
        _add_borders(figure, drawn, look)
        _add_hatches(figure, table[table["rows"] == 0], drawn, self.split, look)
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
        subtitle = self._subtitle(table, drawn)
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Say how many inner nodes send at least 90 % of their rows to one side, and how the first bit splits them.

        A node with a single row cannot do otherwise, so such nodes are counted beside. Plain text.

        >>> print(NodeBalance([9, 1, 0, 10]).sentence())
        Of 3 inner nodes with training rows, 2 send at least 90 % of theirs to one side; the first bit sends 50.0 % to 1.
        """
        if (why := self._nothing()) is not None:
            return why
        used = self._nodes[self._nodes["rows"] > 0]
        # 1 - 0.1 is a little below 0.9
        one_sided = used[np.maximum(used["right"], 1 - used["right"]) >= ONE_SIDED - 1e-12]
        single = int((one_sided["rows"] == 1).sum())
        alone = f" ({theme.thousands(single)} of them with a single row)" if single else ""
        return (
            f"Of {theme.thousands(len(used))} inner node{'' if len(used) == 1 else 's'} with {self.split} rows, "
            f"{theme.thousands(len(one_sided))} send{'s' if len(one_sided) == 1 else ''} at least {100 * ONE_SIDED:.0f} % of "
            f"{'its rows' if len(one_sided) == 1 else 'theirs'} to one side{alone}; "
            f"the first bit sends {theme.percent(used['right'].iloc[0])} to 1."
        )

    def table(self) -> pd.DataFrame:
        """List the inner nodes of all levels, breadth-first: node, prefix, level, rows, right (share that goes to bit 1)."""
        return self._nodes

    def _subtitle(self, drawn: pd.DataFrame, levels: int) -> str:
        some = f"all {self._depth} bits" if levels == self._depth else f"the first {levels} of {self._depth} bits"
        words = f"{frame.rows(self._total, self.split)}; {some if self._depth > 1 else 'one bit'}, the first on top"
        return f"{words}; hatched: no row" if (drawn["rows"] == 0).any() else words

    def _nothing(self) -> str | None:
        """Why there is nothing to show, or None."""
        if self._depth == 0:
            return "At depth 0 there is no gate."
        if self._total == 0:
            return f"There are no {self.split} rows, so no gate splits any."
        return None


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
        notes = []
        for x, share in zip((begin + wide / 2).tolist(), nodes["right"].tolist()):
            ink = theme.ink_on(theme.scale_colour(scale, share))
            notes.append({"x": x, "y": level, "text": written(share), "showarrow": False, "font": {"color": ink}})
        frame.annotate(figure, notes)


def _whole_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _hover(row: dict[Hashable, Any], split: str) -> str:
    if row["rows"] == 0:
        return f"{row['prefix']}<br>no {theme.escape(split)} row"
    return (
        f"{row['prefix']}<br>{theme.thousands(row['rows'])} {theme.escape(split)} rows<br>"
        f"{theme.percent(row['right'])} to 1, {theme.percent(1 - row['right'])} to 0"
    )
