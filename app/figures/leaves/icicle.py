"""Icicle of prefixes: the tree of sign bits from the root down, equal widths, load by colour."""

from collections.abc import Hashable, Sequence
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


def prefix_icicle(
    *,
    counts: ArrayLike,
    depth: int,
    root: int = 0,
    max_levels: int = 6,
    states: Sequence[str] | NDArray[np.str_] | None = None,
    split: str = "training",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show how rows descend the tree: (L,) counts -> prefixes from node `root` down, at most `max_levels` levels below it.

    `root` is a breadth-first node id, for drilling down. Widths are equal, colour is the relative load share * 2^level
    (1 = uniform), prefixes without a row are hatched. Each piece has the id "n<node id>", which selections carry.
    Raises ValueError for counts that do not fit the depth and for a root that is no node of the tree.
    """
    table = prefix_icicle_table(counts=counts, depth=depth, root=root, max_levels=max_levels, states=states)
    total = int(np.sum(counts))
    title = f"{split.capitalize()} rows at each prefix of the sign pattern"
    height = theme.MAIN_HEIGHT[look.projector]
    if total == 0:
        why = f"There are no {split} rows, so no prefix is reached."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)

    level = table["level"].to_numpy()
    first = int(level[0])
    deepest = int(level[-1])
    relative = table["relative_load"].to_numpy()
    most = max(1.0, float(relative.max()))
    used = table["rows"].to_numpy() > 0
    width = [(look.width - 130) / 2 ** int(at - first) for at in level]
    ink = [
        theme.ink_on(theme.load_colour(value, most)) if is_used else theme.TEXT[look.dark]
        for value, is_used in zip(relative, used)
    ]
    figure = go.Figure(
        go.Icicle(
            ids=[f"n{node}" for node in table["node"]],
            parents=["" if node == root else f"n{(node - 1) // 2}" for node in table["node"]],
            labels=table["prefix"],
            text=[_label(str(prefix), int(n), room, look) for prefix, n, room in zip(table["prefix"], table["rows"], width)],
            textinfo="text",
            values=[2 ** (deepest - int(at)) for at in level],
            branchvalues="total",
            level=f"n{root}",  # said, so that what Plotly zoomed into at a click does not outlive the figure that was clicked
            customdata=table["node"],
            hovertext=[_hover(row, split, depth) for row in table.to_dict("records")],
            hoverinfo="text",
            textfont={"size": theme.FONT_SIZE[look.projector], "color": ink},
            textposition="middle center",
            sort=False,
            tiling={"orientation": "v", "pad": 1},
            pathbar={"visible": False},
            leaf={"opacity": 1},
            marker={
                "colors": [theme.load_colour(value, most) for value in relative],
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
        )
    )
    # an icicle with patterns takes no numbers for colours, so the colour bar needs a trace of its own
    figure.add_scatter(x=[None], y=[None], marker={"color": [0], "coloraxis": "coloraxis"}, hoverinfo="skip")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(
        uirevision=f"n{root}",
        coloraxis={
            "cmin": 0,
            "cmax": most,
            "colorscale": theme.LOAD_SCALE,
            "colorbar": {"title": {"text": "relative load<br>(1 = uniform)"}},
        },
    )
    reading = f"{frame.rows(total, split)}; levels {first} to {deepest} of {depth}, the first bit on top"
    if not used.all():
        reading += "; hatched: no row"
    if root:
        reading += f"; below the prefix {table['prefix'].iloc[0]}, n = {theme.thousands(table['rows'].iloc[0])}"
    return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height)


def _label(prefix: str, n: int, room: float, look: Look) -> str:
    text = prefix if frame.fits(prefix, room, look) else prefix[-1]
    count = f"n = {theme.thousands(n)}"
    for written in (count, theme.thousands(n)):
        if room >= _COUNT_WIDTH and frame.fits(written, room, look):
            return f"{text}<br>{written}"
    return text


def _hover(row: dict[Hashable, Any], split: str, depth: int) -> str:
    kind = "leaf" if row["level"] == depth else "prefix"
    return (
        f"{kind} {row['prefix']}<br>{theme.thousands(row['rows'])} {theme.escape(split)} rows, "
        f"{theme.percent(row['share'])}<br>"
        f"relative load {theme.three_significant(row['relative_load'])}<br>{theme.escape(row['state'])}"
    )


def prefix_icicle_sentence(*, counts: ArrayLike, depth: int, split: str = "training") -> str:
    """Say how many leaves carry 90 % of the rows and which is the fullest."""
    return leaf_loads_sentence(counts_train=counts, depth=depth, split=split)


def prefix_icicle_table(
    *,
    counts: ArrayLike,
    depth: int,
    root: int = 0,
    max_levels: int = 6,
    states: Sequence[str] | NDArray[np.str_] | None = None,
) -> pd.DataFrame:
    """List the prefixes shown, breadth-first: node, prefix, level, rows, share, relative_load, state."""
    n = frame.leaf_array(counts, depth)
    if not 0 <= root < 2 ** (depth + 1) - 1:
        raise ValueError(f"root must be a node from 0 to {2 ** (depth + 1) - 2} at depth {depth}, got {root}")
    total = n.sum()
    rank = np.array([_STATE_ORDER.index(s) if s in _STATE_ORDER else 0 for s in frame.leaf_states(states, n)])
    by_level = node_counts(n)
    first = (root + 1).bit_length() - 1
    root_prefix = root + 1 - (1 << first)
    records = []
    for level in range(first, min(depth, first + max_levels) + 1):
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
