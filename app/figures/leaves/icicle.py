"""Icicle of prefixes: the tree of sign bits from the root down, equal widths, load by colour."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.run.leaf_loads import leaf_loads_sentence
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.counts import node_counts

_STATE_ORDER = ("used", "test only", "unseen", "impossible")
"""A prefix is in the first of these states that one of its leaves is in."""

_COUNT_WIDTH = 28
"""Pieces narrower than this, in px, show no count."""


@dataclass(frozen=True, eq=False)
class PrefixIcicle:
    """How rows descend the tree of prefixes, from one node down.

    Raises ValueError for counts that do not fit the depth and for a root that is no node of the tree.
    """

    counts: ArrayLike
    """(L,) rows in each leaf."""
    depth: int
    split: str = "training"
    """Whose rows these are."""
    states: Sequence[str] | NDArray[np.str_] | None = None
    """(L,) "used", "test only", "unseen" or "impossible"; None: used or unseen, by the counts."""
    root: int = 0
    """The node on top, numbered breadth-first."""
    max_levels: int = 6
    """The most levels shown below it; Plotly draws an icicle of thousands of pieces slowly."""

    _counts: NDArray[np.int64] = field(init=False, repr=False)
    _states: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        counts = frame.leaf_array(self.counts, self.depth)
        last = 2 ** (self.depth + 1) - 2
        if not 0 <= self.root <= last:
            raise ValueError(f"root must be a node from 0 to {last} at depth {self.depth}, got {self.root}")
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_states", frame.leaf_states(self.states, counts))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the prefixes: equal widths, colour the share of the rows on the scale of all trees, without a row hatched.

        Each piece has the id "n<node>".
        """
        title = f"{self.split.capitalize()} rows at each prefix of the sign pattern"
        height = theme.MAIN_HEIGHT[look.projector]
        total = int(self._counts.sum())
        if total == 0:
            why = f"There are no {self.split} rows, so no prefix is reached."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        table = self.table()
        first, deepest = int(table["level"].iloc[0]), int(table["level"].iloc[-1])
        width = [(look.width - 130) / 2 ** (at - first) for at in table["level"].tolist()]
        trace = pieces(
            table,
            look,
            text=[_label(str(prefix), int(n), room, look) for prefix, n, room in zip(table["prefix"], table["rows"], width)],
            hovertext=[self._hover(row) for row in table.to_dict("records")],
        )
        figure = go.Figure(trace)
        add_load_bar(figure, self.split)
        reading = f"{frame.rows(total, self.split)}; levels {first} to {deepest} of {self.depth}, the first bit on top"
        if (table["rows"] == 0).any():
            reading += "; hatched: no row"
        if self.root:
            reading += f"; below the prefix {table['prefix'].iloc[0]}, n = {theme.thousands(table['rows'].iloc[0])}"
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height)

    def sentence(self) -> str:
        """Say how many leaves hold 90 % of the rows and which is the fullest; plain text."""
        return leaf_loads_sentence(self._counts, self.depth, split=self.split)

    def table(self) -> pd.DataFrame:
        """List the prefixes shown, breadth-first: node, prefix, level, rows, share, relative_load, state."""
        total = self._counts.sum()
        rank = np.array([_STATE_ORDER.index(state) if state in _STATE_ORDER else 0 for state in self._states])
        by_level = node_counts(self._counts)
        first = (self.root + 1).bit_length() - 1
        root_prefix = self.root + 1 - (1 << first)
        records = []
        for level in range(first, min(self.depth, first + self.max_levels) + 1):
            best = rank.reshape(1 << level, -1).min(1)
            below = level - first
            for prefix in range(root_prefix << below, (root_prefix + 1) << below):
                share = by_level[level][prefix] / total if total else np.nan
                records.append(
                    {
                        "node": (1 << level) - 1 + prefix,
                        "prefix": theme.bit_pattern(prefix, level),
                        "level": level,
                        "rows": int(by_level[level][prefix]),
                        "share": share,
                        "relative_load": share * 2**level,
                        "state": _STATE_ORDER[int(best[prefix])],
                    }
                )
        return pd.DataFrame(records)

    def _hover(self, row: dict[Hashable, Any]) -> str:
        return f"{hover_lines(row, theme.escape(self.split), self.depth)}<br>{theme.escape(row['state'])}"


def pieces(table: pd.DataFrame, look: Look, **own: Any) -> go.Icicle:
    """Make the icicle of a table of prefixes, coloured by their shares of the rows; `own` is what else it has."""
    nodes, levels = table["node"].tolist(), table["level"].tolist()
    used = table["rows"].to_numpy() > 0
    colours = [theme.share_colour(share) for share in table["share"].fillna(0.0)]
    return go.Icicle(
        ids=[f"n{node}" for node in nodes],
        parents=["" if node == nodes[0] else f"n{(node - 1) // 2}" for node in nodes],
        labels=table["prefix"],
        textinfo="text",
        values=[2 ** (levels[-1] - level) for level in levels],
        branchvalues="total",
        customdata=table["node"],
        hoverinfo="text",
        textfont={
            "size": theme.FONT_SIZE[look.projector],
            "color": [theme.ink_on(c) if is_used else theme.TEXT[look.dark] for c, is_used in zip(colours, used)],
        },
        textposition="middle center",
        sort=False,
        tiling={"orientation": "v", "pad": 1},
        pathbar={"visible": False},
        leaf={"opacity": 1},
        marker={
            "colors": colours,
            "line": {"width": 1, "color": theme.MUTED[look.dark]},
            "pattern": {
                "shape": ["" if is_used else "/" for is_used in used],
                "bgcolor": theme.BACKGROUND[look.dark],
                "fgcolor": theme.MUTED[look.dark],
                "fgopacity": 0.6,
                "solidity": 0.12,
                "size": 9,
            },
        },
        **own,
    )


def add_load_bar(figure: go.Figure, split: str = "") -> None:
    """Add the colour bar of shares of the rows, of a split if it is named."""
    # an icicle with patterns takes no numbers for colours, so the colour bar needs a trace of its own
    figure.add_scatter(x=[None], y=[None], marker={"color": [0], "coloraxis": "coloraxis"}, hoverinfo="skip")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(
        coloraxis={
            "cmin": 0,
            "cmax": 1,
            "colorscale": theme.LOAD_SCALE,
            "colorbar": {
                "title": {"text": f"share of the<br>{theme.escape(split)} rows" if split else "share of<br>the rows"},
                "tickvals": [theme.share_place(share) for share in theme.SHARE_TICKS],
                "ticktext": [f"{100 * share:g} %" for share in theme.SHARE_TICKS],
            },
        }
    )


def hover_lines(row: dict[Hashable, Any], split: str, depth: int) -> str:
    """Say on hover what a prefix holds; `split` is escaped already."""
    return (
        f"{'leaf' if row['level'] == depth else 'prefix'} {row['prefix']}<br>"
        f"{theme.thousands(row['rows'])} {split} rows, {theme.percent(row['share'])}<br>"
        f"relative load {theme.three_significant(row['relative_load'])}"
    )


def _label(prefix: str, n: int, room: float, look: Look) -> str:
    text = prefix if frame.fits(prefix, room, look) else prefix[-1]
    count = f"n = {theme.thousands(n)}"
    for written in (count, theme.thousands(n)):
        if room >= _COUNT_WIDTH and frame.fits(written, room, look):
            return f"{text}<br>{written}"
    return text
