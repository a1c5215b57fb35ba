"""Icicles of prefixes for the splits, side by side on one colour scale: whether new rows take the same ways."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.leaves.icicle import prefix_icicle_table
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_GAP = 0.02
"""Between icicles, as a share of the width of all."""
_BAR_WIDTH = 130
"""What the colour bar takes, in px, with text of 14 px."""
_TITLE = "Rows at each prefix of the sign pattern, by split"


def split_icicles(
    *,
    counts: Mapping[str, ArrayLike],
    depth: int,
    max_levels: int = 5,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show how the rows of each split descend the tree: (L,) counts by split, train, validation and test, in their order.

    Levels from the root down to at most `max_levels`. Widths are equal, colour is the relative load share * 2^level
    (1 = uniform) on one scale, prefixes without a row of the split are hatched. Pieces have the id "n<node id>".
    Raises ValueError for a split of another name and counts that do not fit the depth.
    """
    tables = _tables(counts, depth, max_levels)
    height = theme.MAIN_HEIGHT[look.projector]
    if not any(table["rows"].iloc[0] for table in tables.values()):
        why = "No split has a row, so no prefix is reached."
        return frame.empty_figure(look=look, title=_TITLE, subject=subject, why=why, height=height)
    size = theme.FONT_SIZE[look.projector]
    most = max(1.0, *(float(table["relative_load"].max()) for table in tables.values() if table["rows"].iloc[0]))
    share = (1 - _GAP * (len(tables) - 1)) / len(tables)
    width = (look.width - _BAR_WIDTH * size / theme.FONT_SIZE[False]) * share
    figure = go.Figure()
    headings = []
    for number, (split, table) in enumerate(tables.items()):
        left = number * (share + _GAP)
        figure.add_trace(_icicle(table, split, depth, most, (left, min(1.0, left + share)), width, look))
        text = f"{theme.thousands(table['rows'].iloc[0])} {theme.SPLIT_WORDS[split]} rows"
        headings.append((left + share / 2, frame.wrapped(text, size, round(width))))
    # an icicle with patterns takes no numbers for colours, so the colour bar needs a trace of its own
    figure.add_scatter(x=[None], y=[None], marker={"color": [0], "coloraxis": "coloraxis"}, hoverinfo="skip")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(
        coloraxis={
            "cmin": 0,
            "cmax": most,
            "colorscale": theme.LOAD_SCALE,
            "colorbar": {"title": {"text": "relative load<br>(1 = uniform)"}},
        }
    )
    for middle, parts in headings:
        figure.add_annotation(
            x=middle,
            y=1,
            xref="paper",
            yref="paper",
            xanchor="center",
            yanchor="bottom",
            text=frame.lines(parts),
            showarrow=False,
        )
    deepest = int(next(iter(tables.values()))["level"].max())
    reading = f"levels 0 to {deepest} of {depth}, the first bit on top; one colour scale"
    if any((table["rows"] == 0).any() for table in tables.values()):
        reading += "; hatched: no row of the split"
    frame.frame(figure, look=look, title=_TITLE, subject=subject, subtitle=reading, height=height)
    room = (1.3 * max(len(parts) for _, parts in headings) + 0.3) * size
    figure.update_layout(margin_t=figure.layout.margin.t + round(room))
    return figure


def split_icicles_sentence(*, divergence: float) -> str:
    """Say by how much the loads of training and test rows differ: Jensen-Shannon divergence in nats, 0 to log 2.

    >>> split_icicles_sentence(divergence=0.0123)
    'Train and test loads differ by 0.0123 nats (Jensen-Shannon; 0 is equal, 0.693 disjoint).'
    """
    if not np.isfinite(divergence):
        return "Train and test loads cannot be compared: one of the splits has no rows."
    differ = theme.three_significant(divergence)
    return f"Train and test loads differ by {differ} nats (Jensen-Shannon; 0 is equal, {np.log(2):.3f} disjoint)."


def split_icicles_table(*, counts: Mapping[str, ArrayLike], depth: int, max_levels: int = 5) -> pd.DataFrame:
    """List the prefixes shown, breadth-first: node, prefix, level, and for each split its rows and share (train_rows, ...)."""
    tables = _tables(counts, depth, max_levels)
    nodes = next(iter(tables.values()))[["node", "prefix", "level"]]
    columns = {f"{split}_{name}": table[name] for split, table in tables.items() for name in ("rows", "share")}
    return nodes.assign(**columns)


def _tables(counts: Mapping[str, ArrayLike], depth: int, max_levels: int) -> dict[str, pd.DataFrame]:
    unknown = [split for split in counts if split not in theme.SPLIT_WORDS]
    if unknown or not counts:
        raise ValueError(f"counts must hold splits of {', '.join(theme.SPLIT_WORDS)}, got {', '.join(unknown) or 'none'}")
    return {
        split: prefix_icicle_table(counts=frame.leaf_array(n, depth, f"counts of {split}"), depth=depth, max_levels=max_levels)
        for split, n in counts.items()
    }


def _icicle(
    table: pd.DataFrame, split: str, depth: int, most: float, domain: tuple[float, float], width: float, look: Look
) -> go.Icicle:
    level = table["level"].to_numpy()
    relative = table["relative_load"].fillna(0.0).to_numpy()
    used = table["rows"].to_numpy() > 0
    colours = [theme.load_colour(value, most) for value in relative]
    return go.Icicle(
        ids=[f"n{node}" for node in table["node"]],
        parents=["" if node == 0 else f"n{(node - 1) // 2}" for node in table["node"]],
        labels=table["prefix"],
        text=[_label(str(prefix), width / 2**at, look) for prefix, at in zip(table["prefix"], level.tolist())],
        textinfo="text",
        values=[2 ** int(level[-1] - at) for at in level],
        branchvalues="total",
        name=theme.SPLIT_WORDS[split],
        customdata=table["node"],
        hovertext=[_hover(row, split, depth) for row in table.to_dict("records")],
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
        domain={"x": list(domain), "y": [0, 1]},
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
    )


def _label(prefix: str, room: float, look: Look) -> str:
    """The prefix, else its last bit, else nothing."""
    return next((text for text in (prefix, prefix[-1]) if frame.fits(text, room, look)), "")


def _hover(row: dict[Hashable, Any], split: str, depth: int) -> str:
    share = f"{theme.thousands(row['rows'])} {theme.SPLIT_WORDS[split]} rows, {theme.percent(row['share'])}"
    load = f"relative load {theme.three_significant(row['relative_load'])}"
    return f"{'leaf' if row['level'] == depth else 'prefix'} {row['prefix']}<br>{share}<br>{load}"
