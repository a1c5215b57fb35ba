"""Leaf loads over the epochs: a heatmap, leaves down in prefix order, epochs across."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.limits import check_depth

MAX_LEAVES = 64
"""Most leaves shown unless they are chosen: the fullest over all epochs."""


@dataclass(frozen=True, eq=False)
class LoadOverEpochs:
    """The rows in each leaf after each recorded epoch.

    Raises ValueError for counts that do not fit the epochs and the depth, and for leaves that the tree does not have.
    """

    epochs: ArrayLike
    """(E,) whole numbers; 0 is before training."""
    counts: ArrayLike
    """(E, L) rows in each leaf, L = 2^depth."""
    depth: int
    leaves: ArrayLike | None = None
    """Which leaves are shown; by default all, and of more than 64 the fullest."""
    split: str = "training"
    """Whose rows these are."""

    _epochs: NDArray[np.int64] = field(init=False, repr=False)
    _counts: NDArray[np.int64] = field(init=False, repr=False)
    _shown: NDArray[np.int64] = field(init=False, repr=False)
    """The leaves that are shown."""

    def __post_init__(self) -> None:
        check_depth(self.depth)
        epochs = np.asarray(self.epochs).astype(np.int64)
        counts = np.asarray(self.counts).astype(np.int64)
        n_leaves = 1 << self.depth
        if counts.size == 0 and len(epochs) == 0:
            counts = counts.reshape(0, n_leaves)
        if counts.shape != (len(epochs), n_leaves):
            raise ValueError(f"counts must have shape (E, L) = {(len(epochs), n_leaves)}, got {counts.shape}")
        if self.leaves is None:
            shown = np.sort(np.argsort(-counts.sum(0), kind="stable")[:MAX_LEAVES])
        else:
            shown = np.asarray(self.leaves).astype(np.int64)
            if shown.size and not 0 <= shown.min() <= shown.max() < n_leaves:
                raise ValueError(f"leaves must be from 0 to {n_leaves - 1} at depth {self.depth}, got {shown.tolist()}")
        for name, value in (("_epochs", epochs), ("_counts", counts), ("_shown", shown)):
            object.__setattr__(self, name, value)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the relative load of each leaf at each epoch, Cividis from 0; a leaf without a row is blank."""
        title = "Relative load of the leaves against epoch"
        height = theme.MAIN_HEIGHT[look.projector]
        n, shown = self._counts, self._shown
        if n.sum() == 0 or len(shown) == 0:
            why = f"No leaves of {self.split} rows are recorded yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        relative = self._relative()[:, shown].T
        figure = go.Figure(
            go.Heatmap(
                x=[str(epoch) for epoch in self._epochs.tolist()],
                y=np.arange(len(shown)),
                z=np.where(relative > 0, relative, np.nan),
                zmin=0,
                zmax=max(1.0, float(np.nanmax(relative))),
                colorscale=theme.LOAD_SCALE,
                colorbar={"title": {"text": "relative load<br>(1 = uniform)"}},
                hovertext=[self._hover(leaf, loads) for leaf, loads in zip(shown.tolist(), relative.tolist())],
                hoverinfo="text",
            )
        )
        figure.update_xaxes(title_text="recorded epoch (0: before training)", type="category", showgrid=False, nticks=12)
        figure.update_yaxes(title_text="leaf", range=[len(shown) - 0.5, -0.5], showgrid=False, zeroline=False)
        frame.pattern_axis(figure, axis="y", leaves=shown, depth=self.depth, length=height - 150, look=look)
        n_leaves = 1 << self.depth
        some = "all" if len(shown) == n_leaves else f"{len(shown)} of"
        rows = frame.rows(n[-1].sum(), self.split)
        subtitle = f"{rows}; {some} {theme.thousands(n_leaves)} leaves in prefix order; blank: no row"
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Say how many leaves hold rows at the first and at the last recorded epoch; plain text.

        >>> LoadOverEpochs([0, 5], [[4, 0], [2, 2]], depth=1).sentence()
        'Training rows are in 1 of 2 leaves at epoch 0 and in 2 at epoch 5.'
        """
        n, at = self._counts, self._epochs
        if n.sum() == 0:
            return f"No leaves of {self.split} rows are recorded yet."
        return (
            f"{self.split.capitalize()} rows are in {theme.thousands((n[0] > 0).sum())} of {theme.thousands(n.shape[1])} "
            f"leaves at epoch {at[0]} and in {theme.thousands((n[-1] > 0).sum())} at epoch {at[-1]}."
        )

    def table(self) -> pd.DataFrame:
        """List what is shown, epoch by epoch: epoch, leaf, pattern, rows, relative_load."""
        shown = self._shown
        return pd.DataFrame(
            {
                "epoch": np.repeat(self._epochs, len(shown)),
                "leaf": np.tile(shown, len(self._epochs)),
                "pattern": [theme.bit_pattern(leaf, self.depth) for leaf in shown.tolist()] * len(self._epochs),
                "rows": self._counts[:, shown].ravel(),
                "relative_load": self._relative()[:, shown].ravel(),
            }
        )

    def _relative(self) -> NDArray[np.float64]:
        n = self._counts
        total = n.sum(1, keepdims=True)
        return np.divide(n * n.shape[1], total, out=np.full(n.shape, np.nan), where=total > 0)

    def _hover(self, leaf: int, loads: list[float]) -> list[str]:
        pattern = theme.bit_pattern(leaf, self.depth)
        return [
            f"{pattern}, epoch {epoch}<br>{theme.thousands(rows)} {theme.escape(self.split)} rows<br>"
            f"relative load {theme.three_significant(load)}"
            for epoch, rows, load in zip(self._epochs.tolist(), self._counts[:, leaf].tolist(), loads)
        ]
