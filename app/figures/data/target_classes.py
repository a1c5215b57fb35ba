"""The classes of a table as bars, the most frequent one first in the sentence: what guessing alone would get right."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_NAME_LIMIT = 24


@dataclass(frozen=True, eq=False)
class TargetClasses:
    """The rows of each class. Raises ValueError for counts that do not fit the names, or are below 0."""

    counts: ArrayLike
    """(C,) rows of each class."""
    class_names: Sequence[str]
    target: str
    """The column that is predicted."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = np.asarray(self.counts)
        if n.shape != (len(self.class_names),):
            raise ValueError(f"counts must have one entry for each of {len(self.class_names)} classes, got shape {n.shape}")
        if n.size and n.min() < 0:
            raise ValueError(f"counts must be at least 0, got {n.min()}")
        n = n.astype(np.int64)
        share = n / n.sum() if n.sum() else np.full(len(n), np.nan)
        table = pd.DataFrame({"class": [str(name) for name in self.class_names], "rows": n, "share": share})
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a bar for each class, in the table's order."""
        table, height = self._table, theme.SIDE_HEIGHT[look.projector]
        of = "" if self.target == "class" else f" of {theme.one_line(self.target, 40)}"
        title = f"Rows of each class{of}"
        if not table["rows"].sum():
            return frame.empty_figure(look=look, title=title, subject=subject, why="The table has no rows.", height=height)
        place = list(range(len(table)))
        step = max(1, int(np.ceil(1.05 * theme.FONT_SIZE[look.projector] / ((height - 140) / len(place)))))
        names = [theme.escape(name, _NAME_LIMIT) for name in table["class"]]
        labels = [f"{theme.thousands(rows)} ({theme.percent(share)})" for rows, share in zip(table["rows"], table["share"])]
        figure = go.Figure(
            go.Bar(
                x=table["rows"],
                y=place,
                orientation="h",
                marker={"color": [theme.class_colour(one) for one in place]},
                text=labels if step == 1 else None,
                textposition="outside",  # on the colours of some classes no ink reads well
                constraintext="none",  # a thin bar would shrink its text below what a lecture's last row reads
                cliponaxis=False,
                hovertext=[f"{name}<br>{label}" for name, label in zip(names, labels)],
                hoverinfo="text",
            )
        )
        figure.update_xaxes(title_text="rows", range=[0, self._end(names, labels if step == 1 else [], look)])
        figure.update_yaxes(
            tickmode="array",
            tickvals=place[::step],
            ticktext=names[::step],
            range=[len(place) - 0.5, -0.5],
            title_text="class",
            showgrid=False,
        )
        reading = f"n = {theme.thousands(table['rows'].sum())} rows"
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height)

    def _end(self, names: list[str], labels: list[str], look: Look) -> float:
        """The rows at the right end of the axis, with room for labels right of the bars."""
        character = frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]
        inside = max(150.0, look.width - character * (max(map(len, names)) + 8))
        room = character * (max(map(len, labels), default=0) + 2)
        return float(self._table["rows"].max()) / (1 - min(0.6, room / inside))

    def sentence(self) -> str:
        """Name the most frequent class and its share; plain text.

        >>> TargetClasses([983, 17], ["no", "yes"], "fraud").sentence()
        'Always answering no is correct for 983 of 1,000 rows (98.3 %): accuracy means something above this share only.'
        """
        rows = self._table["rows"]
        if not rows.sum():
            return "The table has no rows."
        most = int(rows.argmax())
        share, name = theme.percent(rows[most] / rows.sum()), theme.one_line(self._table["class"][most], 60)
        return (
            f"Always answering {name} is correct for {theme.thousands(rows[most])} of "
            f"{theme.thousands(rows.sum())} rows ({share}): accuracy means something above this share only."
        )

    def table(self) -> pd.DataFrame:
        """List the classes in the table's order: class, rows, share."""
        return self._table.copy()
