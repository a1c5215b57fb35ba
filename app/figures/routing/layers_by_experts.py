"""Heatmap of layers against experts: how often each expert is chosen, in one scale for all layers.

A layers · E experts · 1 is an expert that is chosen as often as the mean of its layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_FEW_ROWS = 8
"""Rows for which a low figure has room."""

_TICKS = 17
"""Most numbers below the experts."""

_TITLE = "Load of each expert in each layer"


@dataclass(frozen=True, eq=False)
class LayersByExperts:
    """How often each expert is chosen, as a multiple of the mean of its row.

    Rows are the layers of one model, or with `what` the domains of one layer. Raises ValueError for shapes that do not fit.
    """

    counts: ArrayLike
    """(A, E) assignments or shares."""
    rows: Sequence[str]
    """(A,) names of the rows, such as the numbers of the layers."""
    what: str = "layer"
    """What a row is."""
    chance: tuple[float, float] | None = None
    """The 95 % range of a cell by chance; None: unknown."""

    _n: NDArray[np.float64] = field(init=False, repr=False)
    _relative: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = np.asarray(self.counts, np.float64)
        if n.ndim != 2 or len(n) != len(self.rows) or not n.shape[1]:
            raise ValueError(
                f"counts must have a row for each of {len(self.rows)} {self._rows_words}, and experts, got shape {n.shape}"
            )
        total = n.sum(1, keepdims=True)
        relative = np.divide(n * n.shape[1], total, out=np.full(n.shape, np.nan), where=total > 0)
        object.__setattr__(self, "_n", n)
        object.__setattr__(self, "_relative", relative)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw rows down and experts across, from 0; experts that are never chosen are hollow."""
        title = _TITLE if self.what == "layer" else f"Share of each {self.what} that goes to each expert"
        height = (theme.SIDE_HEIGHT if len(self.rows) <= _FEW_ROWS else theme.MAIN_HEIGHT)[look.projector]
        if not self._n.any():
            why = "There are no assignments, so no expert has a load."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        values, experts = np.where(self._n > 0, self._relative, np.nan), self._n.shape[1]
        most = max(1.5, float(np.nanmax(values)))
        names = [theme.escape(name, 18) for name in self.rows]
        figure = go.Figure(
            go.Heatmap(
                z=np.round(values, 4),
                x=np.arange(experts),
                y=np.arange(len(names)),
                zmin=0,
                zmax=most,
                colorscale=theme.LOAD_SCALE,
                colorbar={"title": {"text": "times<br>the mean"}},
                xgap=1 if experts <= 64 else 0,
                ygap=1 if len(names) <= 40 else 0,
                text=[[f"{name}, expert {expert}" for expert in range(experts)] for name in names]
                if experts * len(names) <= 4096
                else None,
                hovertemplate=("%{text}" if experts * len(names) <= 4096 else "row %{y}, expert %{x}")
                + "<br>%{z:.3~g} times the mean<extra></extra>",
            )
        )
        self._write(figure, values, most, (look.width - 190) / experts, (height - 150) / len(names), look)
        figure.update_xaxes(title_text="expert", range=[-0.5, experts - 0.5], showgrid=False, zeroline=False)
        if experts <= 2 * _TICKS:
            figure.update_xaxes(tick0=0, dtick=1 + (experts > _TICKS))
        else:
            figure.update_xaxes(nticks=_TICKS)
        step = max(1, int(np.ceil(1.1 * theme.FONT_SIZE[look.projector] / ((height - 150) / len(names)))))
        ticks = list(range(0, len(names), step))
        figure.update_yaxes(
            title_text=self.what,
            tickmode="array",
            tickvals=ticks,
            ticktext=[names[place] for place in ticks],
            range=[len(names) - 0.5, -0.5],
            showgrid=False,
            zeroline=False,
        )
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=self._subtitle(), height=height)

    def sentence(self) -> str:
        """Say which row has the fullest expert, and how many experts are never chosen; plain text.

        >>> LayersByExperts([[1, 1], [4, 0]], ["0", "7"]).sentence()
        'The fullest expert is expert 0 in layer 7, chosen 2.00 times as often as the mean; 1 of 4 experts is never chosen.'
        """
        if not self._n.any():
            return "There are no assignments."
        row, expert = map(int, np.unravel_index(int(np.nanargmax(self._relative)), self._n.shape))
        times = theme.three_significant(float(self._relative[row, expert]))
        never, of = int((self._n == 0).sum()), self._n.size
        unused = (
            "every expert is chosen"
            if not never
            else f"{theme.thousands(never)} of {theme.thousands(of)} experts {'is' if never == 1 else 'are'} never chosen"
            if self.what == "layer"
            else f"{theme.thousands(never)} of {theme.thousands(of)} cells {'has' if never == 1 else 'have'} no choice"
        )
        where = f"in {self.what} {theme.one_line(self.rows[row], 60)}"
        range_words = ""
        if self.chance is not None and np.isfinite(self.chance[0]):
            known = self._relative[np.isfinite(self._relative)]
            outside = float(((known < self.chance[0]) | (known > self.chance[1])).mean())
            low, high = map(theme.three_significant, self.chance)
            range_words = f"; chance gives {low} to {high} times, and {theme.percent(outside)} of the cells are outside"
        return (
            f"The fullest expert is expert {expert} {where}, chosen {times} times as often as the mean; {unused}{range_words}."
        )

    def table(self) -> pd.DataFrame:
        """List every pair: the row, expert, count, times_the_mean."""
        rows, experts = self._n.shape
        return pd.DataFrame(
            {
                self.what: np.repeat([str(name) for name in self.rows], experts),
                "expert": np.tile(np.arange(experts), rows),
                "count": self._n.ravel(),
                "times_the_mean": self._relative.ravel(),
            }
        )

    def _write(
        self, figure: go.Figure, values: NDArray[np.float64], most: float, width: float, height: float, look: Look
    ) -> None:
        """Write numbers into the cells where they are legible."""
        if width < 22 or height < 1.2 * theme.FONT_SIZE[look.projector]:
            return
        written = [["0" if np.isnan(v) else f"{v:.1f}" for v in row] for row in values.tolist()]
        if not frame.fits(max((text for row in written for text in row), key=len), width, look):
            return
        notes = []
        for (row, expert), value in np.ndenumerate(values):
            if np.isnan(self._relative[row, expert]):
                continue
            ink = theme.TEXT[look.dark] if np.isnan(value) else theme.ink_on(theme.scale_colour(theme.LOAD_SCALE, value / most))
            notes.append({"x": expert, "y": row, "text": written[row][expert], "showarrow": False, "font": {"color": ink}})
        frame.annotate(figure, notes)

    @property
    def _rows_words(self) -> str:
        return self.what if len(self.rows) == 1 else "classes" if self.what == "class" else f"{self.what}s"

    def _subtitle(self) -> str:
        rows, experts = self._n.shape
        words = [f"{theme.thousands(rows)} {self._rows_words} of {theme.thousands(experts)} experts", "1: uniform"]
        if (self._n == 0).any():
            words.append("hollow: never chosen")
        return "; ".join(words)
