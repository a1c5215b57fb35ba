"""The target of a regression as a histogram: which values occur, and what always answering their mean would miss."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

BINS = 40


@dataclass(frozen=True, eq=False)
class TargetValues:
    """The values of a target of numbers. Raises ValueError for what is not a list of finite numbers."""

    values: ArrayLike
    """(N,) one for each row."""
    target: str
    """The column that is predicted."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float64)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ValueError(f"values must be a list of finite numbers, got shape {values.shape}")
        counts, edges = np.histogram(values, min(BINS, max(1, len(np.unique(values)))))
        table = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "rows": counts}) if len(values) else pd.DataFrame()
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the histogram."""
        table, height = self._table, theme.SIDE_HEIGHT[look.projector]
        title = f"Values of {theme.one_line(self.target, 40)}"
        if table.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why="The table has no rows.", height=height)
        width = (table["to"] - table["from"]).to_numpy()
        words = [
            f"{theme.three_significant(low)} to {theme.three_significant(high)}<br>{theme.thousands(rows)} rows"
            for low, high, rows in table.itertuples(index=False)
        ]
        figure = go.Figure(
            go.Bar(
                x=(table["from"] + table["to"]) / 2,
                y=table["rows"],
                width=np.where(width > 0, width, 1.0),
                marker={"color": theme.NEUTRAL[look.dark]},
                hovertext=words,
                hoverinfo="text",
            )
        )
        figure.update_xaxes(title_text=theme.escape(self.target, 40), zeroline=False)
        figure.update_yaxes(title_text="rows", rangemode="tozero")
        reading = f"n = {theme.thousands(table['rows'].sum())} rows"
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height)

    def sentence(self) -> str:
        """Give mean, deviation and range; plain text.

        >>> TargetValues([1.0, 2.0, 3.0], "price").sentence()
        'The mean is 2.00; always answering it misses by 0.816 (root mean square). The values range from 1.00 to 3.00.'
        """
        values = np.asarray(self.values, np.float64)
        if not len(values):
            return "The table has no rows."
        mean, deviation, low, high = map(theme.three_significant, (values.mean(), values.std(), values.min(), values.max()))
        return (
            f"The mean is {mean}; always answering it misses by {deviation} (root mean square). The values range from {low} "
            f"to {high}."
        )

    def table(self) -> pd.DataFrame:
        """List the bins: from, to, rows."""
        return self._table.copy()
