"""Leaf loads over the epochs: a heatmap, leaves down in prefix order, epochs across."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.limits import check_depth

MAX_LEAVES = 64
"""Leaves of the heatmap; of more, those that are fullest over all epochs."""


def load_over_epochs(
    *,
    epochs: ArrayLike,
    counts: ArrayLike,
    depth: int,
    leaves: ArrayLike | None = None,
    split: str = "training",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show how the load moves: (E,) epochs and (E, L) counts -> relative load, Cividis from 0, blank where no row is.

    `leaves` chooses which; by default all, of more than 64 the fullest. Raises ValueError for counts that do not fit.
    """
    at, n, chosen = _check(epochs, counts, depth, leaves)
    title = "Relative load of the leaves against epoch"
    height = theme.MAIN_HEIGHT[look.projector]
    if n.sum() == 0 or len(chosen) == 0:
        why = f"No leaves of {split} rows are recorded yet."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    relative = _relative(n)[:, chosen].T
    patterns = [theme.bit_pattern(leaf, depth) for leaf in chosen.tolist()]
    figure = go.Figure(
        go.Heatmap(
            x=[str(epoch) for epoch in at.tolist()],
            y=np.arange(len(chosen)),
            z=np.where(relative > 0, relative, np.nan),
            zmin=0,
            zmax=max(1.0, float(np.nanmax(relative))),
            colorscale=theme.LOAD_SCALE,
            colorbar={"title": {"text": "relative load<br>(1 = uniform)"}},
            hovertext=[
                [
                    f"{pattern}, epoch {epoch}<br>{theme.thousands(rows)} {theme.escape(split)} rows<br>"
                    f"relative load {theme.three_significant(load)}"
                    for epoch, rows, load in zip(at.tolist(), n[:, leaf].tolist(), loads)
                ]
                for pattern, leaf, loads in zip(patterns, chosen.tolist(), relative.tolist())
            ],
            hoverinfo="text",
        )
    )
    figure.update_xaxes(title_text="recorded epoch (0: before training)", type="category", showgrid=False, nticks=12)
    figure.update_yaxes(title_text="leaf", range=[len(chosen) - 0.5, -0.5], showgrid=False, zeroline=False)
    frame.pattern_axis(figure, axis="y", leaves=chosen, depth=depth, length=height - 150, look=look)
    shown = "all" if len(chosen) == 1 << depth else f"{len(chosen)} of"
    subtitle = f"{frame.rows(n[-1].sum(), split)}; {shown} {theme.thousands(1 << depth)} leaves in prefix order; blank: no row"
    return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)


def load_over_epochs_sentence(*, epochs: ArrayLike, counts: ArrayLike, depth: int, split: str = "training") -> str:
    """Say how many leaves hold rows at the first and at the last recorded epoch.

    >>> load_over_epochs_sentence(epochs=[0, 5], counts=[[4, 0], [2, 2]], depth=1)
    'Training rows are in 1 of 2 leaves at epoch 0 and in 2 at epoch 5.'
    """
    at, n, _ = _check(epochs, counts, depth, None)
    if n.sum() == 0:
        return f"No leaves of {split} rows are recorded yet."
    return (
        f"{split.capitalize()} rows are in {theme.thousands((n[0] > 0).sum())} of {theme.thousands(n.shape[1])} leaves "
        f"at epoch {at[0]} and in {theme.thousands((n[-1] > 0).sum())} at epoch {at[-1]}."
    )


def load_over_epochs_table(
    *, epochs: ArrayLike, counts: ArrayLike, depth: int, leaves: ArrayLike | None = None
) -> pd.DataFrame:
    """List what is shown, epoch by epoch: epoch, leaf, pattern, rows, relative_load."""
    at, n, chosen = _check(epochs, counts, depth, leaves)
    return pd.DataFrame(
        {
            "epoch": np.repeat(at, len(chosen)),
            "leaf": np.tile(chosen, len(at)),
            "pattern": [theme.bit_pattern(leaf, depth) for leaf in chosen.tolist()] * len(at),
            "rows": n[:, chosen].ravel(),
            "relative_load": _relative(n)[:, chosen].ravel(),
        }
    )


def _relative(n: NDArray[np.int64]) -> NDArray[np.float64]:
    total = n.sum(1, keepdims=True)
    return np.divide(n * n.shape[1], total, out=np.full(n.shape, np.nan), where=total > 0)


def _check(
    epochs: ArrayLike, counts: ArrayLike, depth: int, leaves: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    check_depth(depth)
    at = np.asarray(epochs).astype(np.int64)
    n = np.asarray(counts).astype(np.int64)
    n = n.reshape(0, 1 << depth) if n.size == 0 and len(at) == 0 else n
    if n.shape != (len(at), 1 << depth):
        raise ValueError(f"counts must have shape (E, L) = {(len(at), 1 << depth)}, got {n.shape}")
    if leaves is not None:
        chosen = np.asarray(leaves).astype(np.int64)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < 1 << depth:
            raise ValueError(f"leaves must be from 0 to {(1 << depth) - 1} at depth {depth}, got {chosen.tolist()}")
    else:
        chosen = np.sort(np.argsort(-n.sum(0), kind="stable")[:MAX_LEAVES])
    return at, n, chosen
