"""Rows that changed leaf, and rows already in their final leaf, against the epoch.

E recorded epochs, 0 is before training · shares of the rows of a split.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.leaves.leaf_lines import check_epochs, epoch_axis, nearest_epoch
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.theme import SCREEN, Look

MOST = 0.9
"""The share of rows in their final leaf whose epoch the sentence names."""

_TITLE = "Rows that changed leaf against epoch"
_CHANGED = "rows that changed leaf"
_SETTLED = "rows already in their final leaf"
_MARKERS = {_CHANGED: "diamond-open", _SETTLED: "circle"}
_MARKED = 12
"""With more epochs than this, a line has only a few markers."""
_MARKERS_SHOWN = 8


@dataclass(frozen=True, eq=False)
class RowsThatChanged:
    """When routing comes to rest.

    Raises ValueError for shapes that do not fit.
    """

    epochs: ArrayLike
    """(E,) recorded epochs, rising."""
    churn: ArrayLike
    """(E-1,) shares of rows whose leaf differs from that at the epoch recorded before."""
    settled: ArrayLike
    """(E,) shares of rows whose leaf is that of the last epoch."""
    split: str = "training"
    """Whose rows these are."""
    shown_epoch: int | None = None
    """The recorded epoch nearest to it is marked, and the sentence gives its value."""
    n: int | None = None
    """Rows of the split."""

    _at: NDArray[np.int64] = field(init=False, repr=False)
    _changed: NDArray[np.float64] = field(init=False, repr=False)
    """(E,), NaN at the first epoch."""
    _final: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        at = check_epochs(self.epochs)
        changed, final = np.asarray(self.churn, dtype=np.float64), np.asarray(self.settled, dtype=np.float64)
        steps = max(0, len(at) - 1)
        if changed.shape != (steps,):
            raise ValueError(f"churn must have one share for each epoch but the first, {steps}, got shape {changed.shape}")
        if final.shape != at.shape:
            raise ValueError(f"settled must have one share for each of {len(at)} epochs, got shape {final.shape}")
        object.__setattr__(self, "_at", at)
        object.__setattr__(self, "_changed", np.concatenate([np.full(min(1, len(at)), np.nan), changed]))
        object.__setattr__(self, "_final", final)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw both shares against the epoch, labelled at their ends."""
        height = theme.SIDE_HEIGHT[look.projector]
        why = self._nothing()
        if why:
            return frame.empty_figure(look=look, title=_TITLE, subject=subject, why=why, height=height)
        at = self._at
        right = label_width([_SETTLED, _CHANGED], look)
        width = look.width - right - 5 * theme.FONT_SIZE[look.projector]
        figure = go.Figure()
        x_range = epoch_axis(figure, at, width, look)
        y_range = interval_lines.value_range([0.0, 1.0])
        colour = theme.model_colour("tree", dark=look.dark)
        labels = []
        for word, values in ((_SETTLED, self._final), (_CHANGED, self._changed)):
            figure.add_scatter(
                x=at,
                y=values,
                mode="lines+markers",
                name=word,
                line={"color": colour},
                marker={
                    "symbol": _MARKERS[word],
                    "color": colour,
                    "line": {"width": theme.LINE_WIDTH[look.projector], "color": colour},
                    "maxdisplayed": 0 if len(at) <= _MARKED else _MARKERS_SHOWN,
                },
                hovertext=[f"epoch {theme.thousands(e)}<br>{theme.percent(v)} {word}" for e, v in zip(at, values)],
                hoverinfo="text",
            )
            there = np.flatnonzero(np.isfinite(values))
            if len(there):
                labels.append(EndLabel(float(at[there[-1]]), float(values[there[-1]]), word, colour))
        subtitle = [frame.rows(self.n, self.split) if self.n is not None else f"{self.split} rows", _compared(at)]
        marked = nearest_epoch(at, self.shown_epoch)
        if marked is not None:
            frame.mark_line(figure, marked, 1, look)
            subtitle.append(f"vertical line: epoch {theme.thousands(marked)}")
        frame.frame(figure, look=look, title=_TITLE, subject=subject, subtitle="; ".join(subtitle), height=height)
        figure.update_layout(margin_r=round(right))
        inside = interval_lines.panel_height(figure, look)
        figure.update_yaxes(
            title_text=interval_lines.axis_title("share of rows", inside, look),
            tickformat=".0%",
            range=list(y_range),
            zeroline=False,
        )
        label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
        return figure

    def sentence(self) -> str:
        """Say from which epoch on 90 % of the rows are in their final leaf, and how many changed leaf at the end; plain text.

        >>> RowsThatChanged([0, 33, 34, 35], churn=[0.5, 0.1, 0.021], settled=[0.3, 0.8, 0.979, 1.0]).sentence()
        '90 % of the training rows are in their final leaf from epoch 34 on; 2.1 % changed leaf in the last epoch.'
        """
        why = self._nothing()
        if why:
            return why
        at, changed, final = self._at, self._changed, self._final
        below = np.flatnonzero(~(final >= MOST - 1e-9))
        start = int(below[-1]) + 1 if len(below) else 0
        share = f"{100 * MOST:.0f} % of the {self.split} rows"
        if start >= len(at) - 1:
            sentence = f"Fewer than {share} are in their final leaf before the last recorded epoch, {theme.thousands(at[-1])}"
        else:
            sentence = f"{share} are in their final leaf from epoch {theme.thousands(at[start])} on"
        if np.isfinite(changed[-1]):
            next_to = at[-1] - at[-2] == 1
            ends = f"between epochs {theme.thousands(at[-2])} and {theme.thousands(at[-1])}"
            sentence += f"; {theme.percent(changed[-1])} changed leaf {'in the last epoch' if next_to else ends}"
        shown = nearest_epoch(at, self.shown_epoch)
        if shown is not None and shown != at[-1]:
            value = final[int(np.flatnonzero(at == shown)[0])]
            sentence += f"; at epoch {theme.thousands(shown)}, {theme.percent(value)} are in their final leaf"
        return sentence + "."

    def table(self) -> pd.DataFrame:
        """List the shares drawn: epoch, changed (NaN at the first epoch), settled."""
        return pd.DataFrame({"epoch": self._at, "changed": self._changed, "settled": self._final})

    def _nothing(self) -> str | None:
        if len(self._at) == 0:
            return f"No leaves of {self.split} rows are recorded yet."
        if len(self._at) == 1:
            return f"Only epoch {theme.thousands(self._at[0])} is recorded: a change of leaf needs two recorded epochs."
        if not np.isfinite([self._changed, self._final]).any():
            return f"There are no {self.split} rows, so none can change leaf."
        return None


def _compared(epochs: NDArray[np.int64]) -> str:
    steps = np.diff(epochs)
    if (steps == 1).all():
        return "changed since the epoch before"
    if (steps == steps[0]).all():
        return f"changed since {theme.thousands(steps[0])} epochs before"
    return "changed since the epoch recorded before"
