"""Heatmap of classes against leaves in prefix order: which leaves hold which classes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, eq=False)
class LeafClassHeatmap:
    """The classes of each leaf, leaves in prefix order.

    Raises ValueError for counts that do not fit the depth and the names.
    """

    class_counts: ArrayLike
    """(L, C) rows of each class in each leaf."""
    class_names: Sequence[str]
    depth: int
    value: Value = "lift"
    """What the cells show: lift p(leaf given class) / p(leaf), share of the leaf's rows, or count."""
    states: Sequence[str] | NDArray[np.str_] | None = None
    """(L,) "used", "test only", "unseen" or "impossible"; None: used or unseen, by the counts."""
    split: str = "test"
    """Whose rows these are."""

    _n: NDArray[np.int64] = field(init=False, repr=False)
    """(L, C)."""
    _states: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = np.asarray(self.class_counts)
        count = len(self.class_names)
        if n.ndim != 2 or n.shape[1] != count or count == 0:
            raise ValueError(f"class_counts must have one column for each of {count} classes, got shape {n.shape}")
        per_leaf = frame.leaf_array(n.sum(1), self.depth, "the leaves of class_counts")
        object.__setattr__(self, "_n", n.astype(np.int64))
        object.__setattr__(self, "_states", frame.leaf_states(self.states, per_leaf))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw classes down and leaves across, unused ones hatched; of more than 256 leaves the 256 fullest.

        Nearly transparent squares carry (leaf, class) as `customdata`, so that a click selects.
        """
        title = _TITLES[self.value]
        height = theme.MAIN_HEIGHT[look.projector]
        if not self._n.any():
            why = f"There are no {self.split} rows, so no leaf has a class."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        per_leaf = self._n.sum(1)
        leaves = _shown(per_leaf)
        values = _values(self._n, self.value)[leaves].T
        names = [theme.escape(name, _NAME_LIMIT) for name in self.class_names]
        cell = (look.width - 220) / len(leaves), (height - 150) / len(names)
        most = max({"lift": 1.5, "share": 1.0, "count": 1.0}[self.value], float(np.nanmax(values)))
        scale = theme.lift_scale(most, dark=look.dark) if self.value == "lift" else theme.LOAD_SCALE
        figure = go.Figure(
            go.Heatmap(
                z=values,
                x=np.arange(len(leaves)),
                y=np.arange(len(names)),
                zmin=0,
                zmax=most,
                colorscale=scale,
                colorbar={"title": {"text": _BARS[self.value]}},
                xgap=1 if len(leaves) <= 64 else 0,
                ygap=1,
                hoverinfo="skip",
            )
        )
        self._hatch(figure, leaves, look)
        cells = [(int(at), c) for at in np.flatnonzero(per_leaf[leaves] > 0) for c in range(len(names))]
        self._add_squares(figure, leaves, cells, max(4, min(cell) - 2), look)
        written = [[_written(v, self.value) for v in row] for row in values.tolist()]
        longest = max((text for row in written for text in row), key=len)
        legible = frame.fits(longest, cell[0], look) and cell[1] > 1.2 * theme.FONT_SIZE[look.projector]
        # as annotations, since a trace's text fades when something is selected
        notes = []
        for at, c in cells if legible else []:
            ink = theme.ink_on(theme.scale_colour(scale, values[c, at] / most))
            notes.append({"x": at, "y": c, "text": written[c][at], "showarrow": False, "font": {"color": ink}})
        frame.annotate(figure, notes)
        figure.update_xaxes(
            title_text="leaf (sign pattern, first bit first)", range=[-0.5, len(leaves) - 0.5], showgrid=False, zeroline=False
        )
        ticks = _spaced(len(names), cell[1], look)
        figure.update_yaxes(
            title_text="class",
            tickmode="array",
            tickvals=ticks,
            ticktext=[names[c] for c in ticks],
            range=[len(names) - 0.5, -0.5],
            showgrid=False,
            zeroline=False,
        )
        frame.pattern_axis(figure, axis="x", leaves=leaves, depth=self.depth, length=look.width - 220, look=look)
        subtitle = _subtitle(per_leaf, leaves, self.split)
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Say what share of the rows is in the majority class of its leaf (purity), beside the largest class overall.

        >>> LeafClassHeatmap([[3, 0], [1, 4]], ["a", "b"], depth=1).sentence()
        '87.5 % of the 8 test rows belong to the majority class of their leaf; with a single leaf it would be 50.0 %.'
        """
        n = self._n
        if not n.any():
            return f"There are no {self.split} rows."
        return (
            f"{theme.percent(n.max(1).sum() / n.sum())} of the {theme.thousands(n.sum())} {self.split} rows belong to the "
            f"majority class of their leaf; with a single leaf it would be {theme.percent(n.sum(0).max() / n.sum())}."
        )

    def table(self) -> pd.DataFrame:
        """List every pair of leaf and class, leaves in prefix order: leaf, pattern, class, rows, share, lift."""
        leaves, classes = self._n.shape
        return pd.DataFrame(
            {
                "leaf": np.repeat(np.arange(leaves), classes),
                "pattern": np.repeat([theme.bit_pattern(leaf, self.depth) for leaf in range(leaves)], classes),
                "class": [str(name) for name in self.class_names] * leaves,
                "rows": self._n.ravel(),
                "share": _values(self._n, "share").ravel(),
                "lift": _values(self._n, "lift").ravel(),
            }
        )

    def _hatch(self, figure: go.Figure, leaves: NDArray[np.int64], look: Look) -> None:
        unused = np.flatnonzero(self._n[leaves].sum(1) == 0)
        if not len(unused):
            return
        figure.add_bar(
            x=unused,
            y=np.full(len(unused), len(self.class_names)),
            base=-0.5,
            width=1.0,
            customdata=[[int(leaves[at]), -1] for at in unused],
            marker={
                "color": frame.UNUSED,
                "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.6), "size": 8, "solidity": 0.12},
            },
            hovertext=[
                f"{theme.bit_pattern(leaf, self.depth)}<br>no {theme.escape(self.split)} row<br>"
                f"{theme.escape(self._states[leaf])}"
                for leaf in leaves[unused].tolist()
            ],
            hoverinfo="text",
        )

    def _add_squares(
        self, figure: go.Figure, leaves: NDArray[np.int64], cells: list[tuple[int, int]], size: float, look: Look
    ) -> None:
        per_leaf, lifts = self._n.sum(1), lift(self._n)
        pairs = [(int(leaves[at]), c) for at, c in cells]
        figure.add_scatter(
            x=[at for at, _ in cells],
            y=[c for _, c in cells],
            mode="markers",
            marker={"symbol": "square", "size": size, "color": theme.MUTED[look.dark]},
            **frame.CLICK_TARGET,
            customdata=[list(pair) for pair in pairs],
            hovertext=[
                f"{theme.bit_pattern(leaf, self.depth)}<br>{theme.escape(self.class_names[c])}<br>"
                f"{theme.thousands(self._n[leaf, c])} of {theme.thousands(per_leaf[leaf])} {theme.escape(self.split)} rows, "
                f"{theme.percent(self._n[leaf, c] / per_leaf[leaf])}<br>"
                f"lift {theme.three_significant(float(lifts[leaf, c]))}"
                for leaf, c in pairs
            ],
            hoverinfo="text",
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
