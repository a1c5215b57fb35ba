"""The classes of one leaf or prefix as bars, beside those of the whole split."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_LABEL_WIDTH = 70
"""What the vertical axis takes of the figure's width, in px."""

_NAME_LIMIT = 24


@dataclass(frozen=True, eq=False)
class ClassMix:
    """The classes of the rows in one leaf or prefix and, for comparison, of all rows of the split.

    Raises ValueError for counts that do not fit the names.
    """

    counts: ArrayLike
    """(C,) rows of each class in the leaf."""
    class_names: Sequence[str]
    counts_of_split: ArrayLike | None = None
    """(C,) rows of each class in the whole split."""
    node: str = "this leaf"
    """Names the leaf or the prefix: "leaf 1 0 1 1"."""
    split: str = "test"
    """Whose rows these are."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = pd.DataFrame({"class": [str(name) for name in self.class_names]})
        for prefix, name, counts in (("", "counts", self.counts), ("split_", "counts_of_split", self.counts_of_split)):
            if counts is None:
                continue
            n = np.asarray(counts)
            if n.shape != (len(table),):
                raise ValueError(f"{name} must have one entry for each of {len(table)} classes, got shape {n.shape}")
            n = n.astype(np.int64)
            table[f"{prefix}rows"] = n
            table[f"{prefix}share"] = n / n.sum() if n.sum() else np.nan
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the shares of the leaf as bars and those of the split as thin marks."""
        table = self._table
        title = f"Classes in {theme.one_line(self.node)}"
        height = theme.SIDE_HEIGHT[look.projector]
        n = int(table["rows"].sum())
        if n == 0:
            why = f"No {self.split} row reaches {theme.one_line(self.node)}."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        place = list(range(len(table)))
        ink = theme.TEXT[look.dark]
        names = [theme.escape(name) for name in table["class"]]
        split = theme.escape(self.split)
        labels = [f"{theme.thousands(rows)} ({theme.percent(share)})" for rows, share in zip(table["rows"], table["share"])]
        pitch = (height - 140) / len(place)
        step = max(1, int(np.ceil(1.05 * theme.FONT_SIZE[look.projector] / pitch)))
        figure = go.Figure(
            go.Bar(
                x=table["share"],
                y=place,
                orientation="h",
                name=theme.escape(self.node),
                customdata=place,
                marker={"color": [theme.class_colour(c) for c in place]},
                hovertext=[f"{name}<br>{label} of its {split} rows" for name, label in zip(names, labels)],
                hoverinfo="text",
                showlegend=False,
            )
        )
        most = float(table["share"].max())
        reading = frame.rows(n, self.split)
        if "split_share" in table:
            most = max(most, float(table["split_share"].max()))
            reading += f", {theme.thousands(table['split_rows'].sum())} in the split (marks)"
            figure.add_scatter(
                x=table["split_share"],
                y=place,
                mode="markers",
                name=f"all {split} rows",
                marker={
                    "symbol": "line-ns-open",
                    "size": max(8, min(28, 0.8 * pitch)),
                    "color": ink,
                    "line": {"width": theme.LINE_WIDTH[look.projector], "color": ink},
                },
                hovertext=[
                    f"{name}<br>{theme.percent(share)} of all {split} rows" for name, share in zip(names, table["split_share"])
                ],
                hoverinfo="text",
            )
        label_width = (0.7 + frame.CHARACTER_WIDTH * max(map(len, labels))) * theme.FONT_SIZE[look.projector]
        end = most / max(0.4, 1 - label_width / (look.width - _LABEL_WIDTH))  # no bar reaches the labels
        if step == 1:
            figure.add_scatter(
                x=[end] * len(place),
                y=place,
                mode="text",
                text=labels,
                textposition="middle left",
                unselected={"textfont": {"color": ink}},
                hoverinfo="skip",
                showlegend=False,
            )
        figure.update_xaxes(title_text="share of rows", tickformat=".0%", range=[0, end], zeroline=False)
        if end > 1:  # the room for labels is beyond what a share can be
            figure.update_xaxes(tickmode="array", tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1])
        figure.update_yaxes(
            tickmode="array",
            tickvals=place[::step],
            ticktext=[theme.escape(name, _NAME_LIMIT) for name in table["class"][::step]],
            range=[len(place) - 0.5, -0.5],
            title_text="class",
            showgrid=False,
        )
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height, legend="top")

    def sentence(self) -> str:
        """Name the largest class of the leaf; plain text.

        >>> ClassMix([3, 1], ["cat", "dog"]).sentence()
        '3 of the 4 test rows in this leaf (75.0 %) belong to class cat; 2 of 2 classes occur.'
        """
        rows = self._table["rows"]
        n = rows.sum()
        if n == 0:
            return f"No {self.split} row reaches {theme.one_line(self.node)}."
        largest = int(rows.argmax())
        return (
            f"{theme.thousands(rows[largest])} of the {theme.thousands(n)} {self.split} rows in {theme.one_line(self.node)} "
            f"({theme.percent(rows[largest] / n)}) belong to class {theme.one_line(self._table['class'][largest])}; "
            f"{(rows > 0).sum()} of {len(rows)} classes occur."
        )

    def table(self) -> pd.DataFrame:
        """List the classes in the data set's order: class, rows, share, and for the whole split split_rows, split_share."""
        return self._table.copy()
