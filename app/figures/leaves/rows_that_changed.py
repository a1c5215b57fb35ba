"""Rows that changed leaf, and rows already in their final leaf, against the epoch.

E recorded epochs, 0 is before training · shares of the rows of a split.
"""

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

_CHANGED = "rows that changed leaf"
_SETTLED = "rows already in their final leaf"
_MARKERS = {_CHANGED: "diamond-open", _SETTLED: "circle"}
_MARKED = 12
"""Up to so many epochs each has a marker; a line of more has a few."""
_MARKERS_SHOWN = 8


def rows_that_changed(
    *,
    epochs: ArrayLike,
    churn: ArrayLike,
    settled: ArrayLike,
    split: str = "training",
    shown_epoch: int | None = None,
    n: int | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show when routing comes to rest: (E,) epochs, (E-1,) shares of rows whose leaf changed, (E,) shares settled.

    `churn` compares each recorded epoch with the one recorded before, `settled` with the last. `n`: rows of the split.
    The recorded epoch nearest to `shown_epoch` is marked. Raises ValueError for shapes that do not fit.
    """
    at, changed, final = _check(epochs, churn, settled)
    height = theme.SIDE_HEIGHT[look.projector]
    title = "Rows that changed leaf against epoch"
    why = _nothing(at, changed, final, split)
    if why:
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    right = label_width([_SETTLED, _CHANGED], look)
    width = look.width - right - 5 * theme.FONT_SIZE[look.projector]
    figure = go.Figure()
    x_range = epoch_axis(figure, at, width, look)
    y_range = interval_lines.value_range([0.0, 1.0])
    colour = theme.model_colour("tree", dark=look.dark)
    labels = []
    for word, values in ((_SETTLED, final), (_CHANGED, changed)):
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
    subtitle = [frame.rows(n, split) if n is not None else f"{split} rows", _compared(at)]
    marked = nearest_epoch(at, shown_epoch)
    if marked is not None:
        frame.mark_line(figure, marked, 1, look)
        subtitle.append(f"vertical line: epoch {theme.thousands(marked)}")
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height)
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


def rows_that_changed_sentence(
    *,
    epochs: ArrayLike,
    churn: ArrayLike,
    settled: ArrayLike,
    split: str = "training",
    shown_epoch: int | None = None,
) -> str:
    """Say from which epoch on 90 % of the rows are in their final leaf, and how many changed leaf at the end.

    With `shown_epoch`, also how many are in their final leaf there. Plain text: escape it before it reaches Markdown.

    >>> rows_that_changed_sentence(epochs=[0, 33, 34, 35], churn=[0.5, 0.1, 0.021], settled=[0.3, 0.8, 0.979, 1.0])
    '90 % of the training rows are in their final leaf from epoch 34 on; 2.1 % changed leaf in the last epoch.'
    """
    at, changed, final = _check(epochs, churn, settled)
    why = _nothing(at, changed, final, split)
    if why:
        return why
    below = np.flatnonzero(~(final >= MOST - 1e-9))
    start = int(below[-1]) + 1 if len(below) else 0
    share = f"{100 * MOST:.0f} % of the {split} rows"
    if start >= len(at) - 1:
        sentence = f"Fewer than {share} are in their final leaf until the last recorded epoch, {theme.thousands(at[-1])}"
    else:
        sentence = f"{share} are in their final leaf from epoch {theme.thousands(at[start])} on"
    if np.isfinite(changed[-1]):
        next_to = at[-1] - at[-2] == 1
        ends = f"between epochs {theme.thousands(at[-2])} and {theme.thousands(at[-1])}"
        sentence += f"; {theme.percent(changed[-1])} changed leaf {'in the last epoch' if next_to else ends}"
    shown = nearest_epoch(at, shown_epoch)
    if shown is not None and shown != at[-1]:
        value = final[int(np.flatnonzero(at == shown)[0])]
        sentence += f"; at epoch {theme.thousands(shown)}, {theme.percent(value)} are in their final leaf"
    return sentence + "."


def rows_that_changed_table(*, epochs: ArrayLike, churn: ArrayLike, settled: ArrayLike) -> pd.DataFrame:
    """List the shares drawn: epoch, changed (NaN at the first epoch), settled."""
    at, changed, final = _check(epochs, churn, settled)
    return pd.DataFrame({"epoch": at, "changed": changed, "settled": final})


def _compared(epochs: NDArray[np.int64]) -> str:
    steps = np.diff(epochs)
    if (steps == 1).all():
        return "changed since the epoch before"
    if (steps == steps[0]).all():
        return f"changed since {theme.thousands(steps[0])} epochs before"
    return "changed since the epoch recorded before"


def _nothing(epochs: NDArray[np.int64], changed: NDArray[np.float64], final: NDArray[np.float64], split: str) -> str | None:
    if len(epochs) == 0:
        return f"No leaves of {split} rows are recorded yet."
    if len(epochs) == 1:
        return f"Only epoch {theme.thousands(epochs[0])} is recorded: a change of leaf needs two recorded epochs."
    if not np.isfinite(np.concatenate([changed, final])).any():
        return f"There are no {split} rows, so none can change leaf."
    return None


def _check(
    epochs: ArrayLike, churn: ArrayLike, settled: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Check the shapes, and give churn an entry for the first epoch, NaN."""
    at = check_epochs(epochs)
    changed, final = np.asarray(churn, dtype=np.float64), np.asarray(settled, dtype=np.float64)
    if changed.shape != (max(0, len(at) - 1),):
        raise ValueError(
            f"churn must have one share for each epoch but the first, {max(0, len(at) - 1)}, got shape {changed.shape}"
        )
    if final.shape != at.shape:
        raise ValueError(f"settled must have one share for each of {len(at)} epochs, got shape {final.shape}")
    return at, np.concatenate([np.full(min(1, len(at)), np.nan), changed]), final
