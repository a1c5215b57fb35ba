"""Heatmap of classes against leaves in prefix order: which leaves hold which classes."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.classes import lift

Value = Literal["lift", "share", "count"]

MAX_COLUMNS = 256
"""More leaves than this are narrower than 4 px; the fullest are shown."""

_BARS = {"lift": "lift<br>(1 = neutral)", "share": "share of the<br>leaf's rows", "count": "rows"}
_TITLES = {
    "lift": "Lift of each class in each leaf",
    "share": "Classes of each leaf",
    "count": "Rows of each class in each leaf",
}
_NAME_LIMIT = 18


def leaf_class_heatmap(
    *,
    class_counts: ArrayLike,
    class_names: Sequence[str],
    depth: int,
    value: Value = "lift",
    states: Sequence[str] | NDArray[np.str_] | None = None,
    split: str = "test",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the classes of each leaf: (L, C) counts -> classes down, leaves across in prefix order, unused ones hatched.

    `value`: lift p(leaf given class) / p(leaf), share of the leaf's rows, or count. More than 256 leaves: the 256 fullest.
    Nearly transparent squares carry (leaf, class) as `customdata`, so that a click selects. Raises ValueError for counts
    that do not fit the depth and the names.
    """
    n = _check(class_counts, class_names, depth)
    height = theme.MAIN_HEIGHT[look.projector]
    if n.sum() == 0:
        return frame.empty_figure(
            look=look,
            title=_TITLES[value],
            subject=subject,
            why=f"There are no {split} rows, so no leaf has a class.",
            height=height,
        )
    per_leaf = n.sum(1)
    state = frame.leaf_states(states, per_leaf)
    leaves = _shown(per_leaf)
    values = _values(n, value)[leaves].T
    names = [theme.escape(name, _NAME_LIMIT) for name in class_names]
    place = np.arange(len(leaves))
    cell_width = (look.width - 220) / len(leaves)
    cell_height = (height - 150) / len(names)
    written = [[_written(v, value) for v in row] for row in values.tolist()]
    longest = max((text for row in written for text in row), key=len)
    legible = frame.fits(longest, cell_width, look) and cell_height > 1.2 * theme.FONT_SIZE[look.projector]
    most = max({"lift": 1.5, "share": 1.0, "count": 1.0}[value], float(np.nanmax(values)))
    scale = theme.lift_scale(most, dark=look.dark) if value == "lift" else theme.LOAD_SCALE
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=place,
            y=np.arange(len(names)),
            zmin=0,
            zmax=most,
            colorscale=scale,
            colorbar={"title": {"text": _BARS[value]}},
            xgap=1 if len(leaves) <= 64 else 0,
            ygap=1,
            hoverinfo="skip",
        )
    )
    unused = np.flatnonzero(per_leaf[leaves] == 0)
    if len(unused):
        figure.add_bar(
            x=unused,
            y=np.full(len(unused), len(names)),
            base=-0.5,
            width=1.0,
            customdata=[[int(leaves[at]), -1] for at in unused],
            marker={
                "color": frame.UNUSED,
                "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.6), "size": 8, "solidity": 0.12},
            },
            hovertext=[
                f"{theme.bit_pattern(int(leaves[at]), depth)}<br>no {theme.escape(split)} row<br>"
                f"{theme.escape(state[leaves[at]])}"
                for at in unused
            ],
            hoverinfo="text",
        )
    used = np.flatnonzero(per_leaf[leaves] > 0)
    cells = [(int(at), c) for at in used for c in range(len(names))]
    lifts = lift(n)
    figure.add_scatter(
        x=[at for at, _ in cells],
        y=[c for _, c in cells],
        mode="markers",
        marker={"symbol": "square", "size": max(4, min(cell_width, cell_height) - 2), "color": theme.MUTED[look.dark]},
        **frame.CLICK_TARGET,
        customdata=[[int(leaves[at]), c] for at, c in cells],
        hovertext=[
            f"{theme.bit_pattern(int(leaves[at]), depth)}<br>{theme.escape(class_names[c])}<br>"
            f"{theme.thousands(n[leaves[at], c])} of {theme.thousands(per_leaf[leaves[at]])} {theme.escape(split)} rows, "
            f"{theme.percent(n[leaves[at], c] / per_leaf[leaves[at]])}<br>"
            f"lift {theme.three_significant(float(lifts[leaves[at], c]))}"
            for at, c in cells
        ],
        hoverinfo="text",
    )
    # as annotations, since a trace's text fades when something is selected
    for at, c in cells if legible else []:
        ink = theme.ink_on(theme.scale_colour(scale, values[c, at] / most))
        figure.add_annotation(x=at, y=c, text=written[c][at], showarrow=False, font={"color": ink})
    figure.update_xaxes(
        title_text="leaf (sign pattern, first bit first)", range=[-0.5, len(leaves) - 0.5], showgrid=False, zeroline=False
    )
    figure.update_yaxes(
        title_text="class",
        tickmode="array",
        tickvals=_spaced(len(names), cell_height, look),
        ticktext=[names[c] for c in _spaced(len(names), cell_height, look)],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    frame.pattern_axis(figure, axis="x", leaves=leaves, depth=depth, length=look.width - 220, look=look)
    return frame.frame(
        figure,
        look=look,
        title=_TITLES[value],
        subject=subject,
        subtitle=_subtitle(per_leaf, leaves, split),
        height=height,
    )


def _shown(per_leaf: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(per_leaf) <= MAX_COLUMNS:
        return np.arange(len(per_leaf))
    return np.sort(np.argsort(-per_leaf, kind="stable")[:MAX_COLUMNS])


def _values(n: NDArray[np.int64], value: Value) -> NDArray[np.float64]:
    per_leaf = n.sum(1, keepdims=True)
    if value == "lift":
        return lift(n)
    if value == "share":
        return np.divide(n, per_leaf, out=np.full(n.shape, np.nan), where=per_leaf > 0)
    return np.where(per_leaf > 0, n, np.nan).astype(np.float64)


def _written(value: float, kind: Value) -> str:
    if not np.isfinite(value):
        return ""
    return f"{value:.1f}" if kind == "lift" else f"{100 * value:.0f} %" if kind == "share" else theme.thousands(value)


def _spaced(count: int, pitch: float, look: Look) -> list[int]:
    step = max(1, int(np.ceil(1.1 * theme.FONT_SIZE[look.projector] / pitch)))
    return list(range(0, count, step))


def _subtitle(per_leaf: NDArray[np.int64], leaves: NDArray[np.int64], split: str) -> str:
    words = [frame.rows(per_leaf.sum(), split)]
    if len(leaves) < len(per_leaf):
        words.append(
            f"the {len(leaves)} fullest of {theme.thousands(len(per_leaf))} leaves, which hold "
            f"{theme.percent(per_leaf[leaves].sum() / per_leaf.sum())} of the rows"
        )
    else:
        words.append(f"all {theme.thousands(len(per_leaf))} leaves")
    if (per_leaf[leaves] == 0).any():
        words.append(f"hatched: no {split} row")
    return "; ".join(words)


def leaf_class_heatmap_sentence(*, class_counts: ArrayLike, class_names: Sequence[str], depth: int, split: str = "test") -> str:
    """Say what share of the rows is in the majority class of its leaf (purity), beside the largest class overall.

    Plain text: escape it before it reaches Markdown.

    >>> leaf_class_heatmap_sentence(class_counts=[[3, 0], [1, 4]], class_names=["a", "b"], depth=1)
    '87.5 % of the 8 test rows are of the majority class of their leaf; a single leaf would hold 50.0 % of one class.'
    """
    n = _check(class_counts, class_names, depth)
    if n.sum() == 0:
        return f"There are no {split} rows."
    return (
        f"{theme.percent(n.max(1).sum() / n.sum())} of the {theme.thousands(n.sum())} {split} rows are of the majority class "
        f"of their leaf; a single leaf would hold {theme.percent(n.sum(0).max() / n.sum())} of one class."
    )


def leaf_class_heatmap_table(*, class_counts: ArrayLike, class_names: Sequence[str], depth: int) -> pd.DataFrame:
    """List every pair of leaf and class, leaves in prefix order: leaf, pattern, class, rows, share, lift."""
    n = _check(class_counts, class_names, depth)
    leaves, classes = n.shape
    return pd.DataFrame(
        {
            "leaf": np.repeat(np.arange(leaves), classes),
            "pattern": np.repeat([theme.bit_pattern(leaf, depth) for leaf in range(leaves)], classes),
            "class": [str(name) for name in class_names] * leaves,
            "rows": n.ravel(),
            "share": _values(n, "share").ravel(),
            "lift": _values(n, "lift").ravel(),
        }
    )


def _check(class_counts: ArrayLike, class_names: Sequence[str], depth: int) -> NDArray[np.int64]:
    n = np.asarray(class_counts)
    if n.ndim != 2 or n.shape[1] != len(class_names) or n.shape[1] == 0:
        raise ValueError(f"class_counts must have one column for each of {len(class_names)} classes, got shape {n.shape}")
    frame.leaf_array(n.sum(1), depth, "the leaves of class_counts")
    return n.astype(np.int64)
