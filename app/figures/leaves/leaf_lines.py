"""Load of chosen leaves over the epochs: one panel for each leaf, beside its load before training and the dense net's.

M chosen leaves or prefixes · E recorded epochs, 0 is before training · shares of the rows of a split.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look

MAX_PANELS = 4
"""More panels than this are too narrow to read."""

_MARKED = 12
"""With more epochs than this, a line has only a few markers."""
_MARKERS_SHOWN = 8
_SPACING = 0.025
"""The gap between panels, as a share of the width of all."""


@dataclass(frozen=True, eq=False)
class LeafLines:
    """The load of chosen leaves or prefixes over the epochs: whether it is learned or inherited.

    Raises ValueError for shapes that do not fit and for more than 4 leaves.
    """

    epochs: ArrayLike
    """(E,) recorded epochs, rising."""
    loads: ArrayLike
    """(M, E) shares of the rows."""
    names: Sequence[str]
    """(M,) patterns: "1 0 1 1"."""
    uniform: Sequence[float]
    """(M,) shares 1/2^level."""
    dense: Sequence[float] | None = None
    """(M,) shares that the same sign bits of the dense net give, NaN where unknown; None: not requested."""
    shown_epoch: int | None = None
    """The recorded epoch nearest to it is marked, and the sentence gives its value."""
    split: str = "training"
    """Whose rows these are."""
    n: int | None = None
    """Rows of the split."""
    model: str = "tree"
    """Says colour and marker."""

    _at: NDArray[np.int64] = field(init=False, repr=False)
    _share: NDArray[np.float64] = field(init=False, repr=False)
    """(M, E)."""
    _equal: NDArray[np.float64] = field(init=False, repr=False)
    """(M,), the uniform shares."""
    _same: NDArray[np.float64] = field(init=False, repr=False)
    """(M,), the dense net's."""

    def __post_init__(self) -> None:
        at = check_epochs(self.epochs)
        count = len(self.names)
        if count > MAX_PANELS:
            raise ValueError(f"names must hold at most {MAX_PANELS} leaves, got {count}")
        expected = (count, len(at))
        share = np.asarray(self.loads, dtype=np.float64)
        if share.size == 0 and 0 in expected:
            share = share.reshape(expected)
        if share.shape != expected:
            raise ValueError(f"loads must have shape (M, E) = {expected}, got {share.shape}")
        equal = np.asarray(self.uniform, dtype=np.float64)
        same = np.full(count, np.nan) if self.dense is None else np.asarray(self.dense, dtype=np.float64)
        for word, values in (("uniform", equal), ("dense", same)):
            if values.shape != (count,):
                raise ValueError(f"{word} must have one share for each of {count} leaves, got shape {values.shape}")
        for name, checked in (("_at", at), ("_share", share), ("_equal", equal), ("_same", same)):
            object.__setattr__(self, name, checked)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a panel for each leaf: its load, that of the first epoch, the uniform one and the dense net's."""
        count = len(self.names)
        height = theme.SIDE_HEIGHT[look.projector]
        nodes = "leaves" if len(set(self._equal.tolist())) < 2 else "prefixes"
        title = "Load of a leaf against epoch" if count == 1 else f"Load of the chosen {nodes} against epoch"
        if not np.isfinite(self._share).any():
            return frame.empty_figure(look=look, title=title, subject=subject, why=self._nothing(), height=height)
        width = (look.width - 5 * theme.FONT_SIZE[look.projector]) * (1 - (count - 1) * _SPACING) / count
        figure = make_subplots(rows=1, cols=count, shared_yaxes=True, horizontal_spacing=_SPACING)
        x_range = epoch_axis(figure, self._at, width, look)
        marked = nearest_epoch(self._at, self.shown_epoch)
        named: set[str] = set()
        for panel in range(count):
            self._add_references(figure, panel, x_range, named, look)
            self._add_load(figure, panel, look)
            if marked is not None:
                frame.mark_line(figure, marked, panel + 1, look)
        subtitle = [frame.rows(self.n, self.split) if self.n is not None else f"{self.split} rows"]
        if marked is not None:
            subtitle.append(f"vertical line: epoch {theme.thousands(marked)}")
        if self.dense is not None and not np.isfinite(self._same).all():
            known = np.isfinite(self._same).any()
            subtitle.append(f"dense net: {'not known for every leaf' if known else 'not known'}")
        words = "; ".join(subtitle)
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=words, height=height, legend="top")
        _head(figure, self.names, width, look)
        length = interval_lines.panel_height(figure, look)
        top = _top(self._share, self._equal, self._same)
        figure.update_yaxes(tickformat=".1~%", range=[0, top], zeroline=False, nticks=max(3, int(length / 40)))
        figure.update_yaxes(title_text=interval_lines.axis_title("share of rows", length, look), col=1)
        return figure

    def sentence(self) -> str:
        """Compare the load of the first leaf at the first epoch, at the one shown (else the last), and in the dense net.

        Plain text.

        >>> LeafLines([0, 60], [[0.031, 0.12]], names=["1 0 1 1"], uniform=[1 / 16], dense=[0.04]).sentence()
        'Leaf 1 0 1 1 held 3.1 % of the training rows before training and holds 12.0 % at epoch 60; the same bits of the \
dense net give 4.0 %.'
        """
        if not np.isfinite(self._share).any():
            return self._nothing()
        at, share = self._at, self._share[0]
        shown = nearest_epoch(at, self.shown_epoch)
        last = int(at[-1]) if shown is None else shown
        value = theme.percent(share[int(np.flatnonzero(at == last)[0])])
        leaf = self._first_node()
        first = "before training" if at[0] == 0 else f"at epoch {theme.thousands(at[0])}"
        if last == at[0]:
            sentence = f"{leaf} holds {value} of the {self.split} rows {first}"
        else:
            sentence = (
                f"{leaf} held {theme.percent(share[0])} of the {self.split} rows {first} and holds {value} "
                f"at epoch {theme.thousands(last)}"
            )
        same = self._same[0]
        return sentence + (f"; the same bits of the dense net give {theme.percent(same)}." if np.isfinite(same) else ".")

    def table(self) -> pd.DataFrame:
        """List the loads, leaf by leaf: pattern, epoch, share, and uniform_share and dense_share, the same at every epoch."""
        count = len(self._at)
        return pd.DataFrame(
            {
                "pattern": np.repeat(np.array([str(name) for name in self.names], dtype=object), count),
                "epoch": np.tile(self._at, len(self.names)),
                "share": self._share.ravel(),
                "uniform_share": np.repeat(self._equal, count),
                "dense_share": np.repeat(self._same, count),
            }
        )

    def _add_references(self, figure: go.Figure, panel: int, x_range: tuple[float, float], named: set[str], look: Look) -> None:
        """Draw the level lines of a panel; `named` are those that the legend has already."""
        references = [("uniform", self._equal[panel], "solid", theme.TEXT[look.dark], 0.5)]
        references += [(f"epoch {theme.thousands(self._at[0])}", self._share[panel, 0], "dot", theme.MUTED[look.dark], 1.0)]
        references += [("dense net", self._same[panel], "dashdot", theme.model_colour("dense", dark=look.dark), 1.0)]
        for word, value, dash, colour, thickness in references:
            if not np.isfinite(value):
                continue
            figure.add_scatter(
                x=list(x_range),
                y=[value, value],
                mode="lines",
                name=word,
                legendgroup=word,
                legendrank={"uniform": 4, "dense net": 3}.get(word, 2),
                showlegend=word not in named,
                line={"color": colour, "dash": dash, "width": thickness * theme.LINE_WIDTH[look.projector]},
                hovertext=f"{theme.escape(self.names[panel])}, {word}<br>{theme.percent(value)}",
                hoverinfo="text",
                row=1,
                col=panel + 1,
            )
            named.add(word)

    def _add_load(self, figure: go.Figure, panel: int, look: Look) -> None:
        name, split = theme.escape(self.names[panel]), theme.escape(self.split)
        share = self._share[panel]
        figure.add_scatter(
            x=self._at,
            y=share,
            mode="lines+markers",
            name=self.model,
            legendgroup=self.model,
            legendrank=1,
            showlegend=panel == 0,
            line={"color": theme.model_colour(self.model, dark=look.dark)},
            marker={
                "symbol": theme.model_marker(self.model),
                "color": theme.model_colour(self.model, dark=look.dark),
                "maxdisplayed": 0 if len(self._at) <= _MARKED else _MARKERS_SHOWN,
            },
            hovertext=[
                f"{name}, epoch {theme.thousands(epoch)}<br>{theme.percent(value)} of the {split} rows"
                for epoch, value in zip(self._at.tolist(), share.tolist())
            ],
            hoverinfo="text",
            row=1,
            col=panel + 1,
        )

    def _first_node(self) -> str:
        """Name the first node: the root has a uniform share of 1, and a node with a larger one than another is a prefix."""
        if self._equal[0] == 1:
            return "The root"
        return f"{'Prefix' if self._equal[0] > self._equal.min() else 'Leaf'} {theme.one_line(self.names[0])}"

    def _nothing(self) -> str:
        return f"No load of the {self.split} rows is recorded yet." if len(self.names) else "No leaf is chosen."


def check_epochs(epochs: ArrayLike) -> NDArray[np.int64]:
    """Check recorded epochs: whole numbers that rise -> (E,) int64; raises ValueError where they do not."""
    at = np.asarray(epochs)
    if at.ndim != 1:
        raise ValueError(f"epochs must be a list of numbers, got shape {at.shape}")
    at = at.astype(np.int64)
    if (np.diff(at) <= 0).any():
        raise ValueError(f"epochs must rise, got {at.tolist()}")
    return at


def nearest_epoch(epochs: NDArray[np.int64], wanted: int | None) -> int | None:
    """Choose the recorded epoch nearest to the one wanted, of two the earlier; None for none.

    >>> nearest_epoch(np.array([0, 10, 20]), 14)
    10
    """
    return None if wanted is None or not len(epochs) else int(epochs[np.abs(epochs - wanted).argmin()])


def epoch_axis(figure: go.Figure, epochs: NDArray[np.int64], width: float, look: Look) -> tuple[float, float]:
    """Let every x axis, `width` px long, run over the epochs, with air for markers -> range."""
    low, high = int(epochs[0]), int(epochs[-1])
    air = 1.2 * theme.MARKER_SIZE[look.projector] / width * (high - low) or 0.5
    label = (len(theme.thousands(high)) + 2) * frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]
    pitch = width / max(1, high - low)
    steps = (digit * 10**power for power in range(9) for digit in (1, 2, 5))
    figure.update_xaxes(
        title_text="epoch",
        range=[low - air, high + air],
        tick0=0,
        dtick=next(step for step in steps if step * pitch > max(label, 1.6 * theme.FONT_SIZE[look.projector])),
        tickformat=",d",
        showgrid=False,
        zeroline=False,
    )
    return low - air, high + air


def _head(figure: go.Figure, names: Sequence[str], width: float, look: Look) -> None:
    """Write the pattern above each panel and move the legend above that."""
    size = theme.FONT_SIZE[look.projector]
    broken = [frame.wrapped(theme.one_line(name, 2 * MAX_PANELS * 10), size, round(width)) for name in names]
    for panel, parts in enumerate(broken, start=1):
        axis = "" if panel == 1 else str(panel)
        figure.add_annotation(
            x=0.5,
            y=1,
            xref=f"x{axis} domain",
            yref=f"y{axis} domain",
            text=frame.lines(parts),
            showarrow=False,
            xanchor="center",
            yanchor="bottom",
        )
    room = (1.3 * max(len(parts) for parts in broken) + 0.3) * size
    figure.update_layout(margin_t=figure.layout.margin.t + round(room))
    figure.update_layout(legend_y=1 + room / interval_lines.panel_height(figure, look))


def _top(*values: NDArray[np.float64]) -> float:
    finite = np.concatenate([part.ravel() for part in values])
    return 1.08 * max(float(finite[np.isfinite(finite)].max()), 0.001)
