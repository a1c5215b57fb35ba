"""Mean and spread of the predicted target in each leaf, beside those of all rows."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.counts import leaf_counts

MOST_NAMED = 32
"""Leaves whose patterns are written on the axis; of more, the axis counts them."""


@dataclass(frozen=True, eq=False)
class LeafTargets:
    """The target of the rows in each leaf that has rows. Raises ValueError for arrays of different lengths.

    And IndexError for a leaf that there is not.
    """

    leaf: ArrayLike
    """(N,) the leaf of each row."""
    y: ArrayLike
    """(N,) the number of each row, in the unit of the target."""
    depth: int
    target: str
    """The name of the target, not yet escaped."""
    split: str = "training"
    """Whose rows these are."""
    model: str = "tree"
    """Sets the colour."""

    _table: pd.DataFrame = field(init=False, repr=False)
    _all: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        leaf, y = np.asarray(self.leaf, np.int64), np.asarray(self.y, np.float64)
        if leaf.shape != y.shape or leaf.ndim != 1:
            raise ValueError(f"leaf and y must have one entry for each row, got shapes {leaf.shape} and {y.shape}")
        rows = leaf_counts(leaf, self.depth)
        used = np.flatnonzero(rows)
        mean = np.bincount(leaf, y, len(rows))[used] / rows[used]
        spread = np.sqrt(np.bincount(leaf, (y - mean[np.searchsorted(used, leaf)]) ** 2, len(rows))[used] / rows[used])
        table = pd.DataFrame({"leaf": used, "rows": rows[used], "mean": mean, "deviation": spread})
        table.insert(1, "pattern", [theme.bit_pattern(one, self.depth) for one in used.tolist()])
        object.__setattr__(self, "_table", table.sort_values("mean", kind="stable", ignore_index=True))
        object.__setattr__(self, "_all", (float(y.mean()), float(y.std())) if len(y) else (np.nan, np.nan))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw each leaf's mean, lowest first, with a bar of one deviation on each side; the line is the mean of all rows."""
        table, height = self._table, theme.MAIN_HEIGHT[look.projector]
        name = theme.one_line(self.target, 40)
        title = f"Mean and spread of {name} in each leaf"
        if table.empty:
            return frame.empty_figure(
                look=look, title=title, subject=subject, why=f"There is no {self.split} row.", height=height
            )
        colour, place = theme.model_colour(self.model, dark=look.dark), np.arange(len(table))
        figure = go.Figure()
        figure.add_scatter(
            x=[-0.5, len(table) - 0.5],
            y=[self._all[0]] * 2,
            mode="lines",
            name="mean of all rows",
            line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2, "dash": "dash"},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=place,
            y=table["mean"],
            error_y={"array": table["deviation"], "color": colour, "thickness": theme.LINE_WIDTH[look.projector]},
            mode="markers",
            name="mean in the leaf, one deviation each side",
            marker={"color": colour, "size": theme.MARKER_SIZE[look.projector]},
            customdata=[[leaf] for leaf in table["leaf"].tolist()],
            hovertext=[
                f"leaf {row['pattern'] or 'of all rows'}<br>{theme.thousands(row['rows'])} rows<br>mean "
                f"{theme.three_significant(row['mean'])}, deviation {theme.three_significant(row['deviation'])}"
                for row in table.to_dict("records")
            ],
            hoverinfo="text",
            unselected={"marker": {"opacity": 1}},
        )
        axis = {"tickmode": "array", "tickvals": place.tolist(), "ticktext": table["pattern"].tolist()}
        named = len(table) <= MOST_NAMED and self.depth > 0
        figure.update_xaxes(
            title_text="leaf, lowest mean first", range=[-0.5, len(table) - 0.5], showgrid=False, **(axis if named else {})
        )
        figure.update_yaxes(title_text=theme.escape(name), zeroline=False)
        reading = f"{frame.rows(int(table['rows'].sum()), self.split)}, {_leaves_words(len(table))}"
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height, legend="top")

    def sentence(self) -> str:
        """Name the leaves of the lowest and the highest mean, and say how much of the spread is between leaves; plain text.

        >>> LeafTargets([0, 0, 1], [1.0, 3.0, 8.0], 1, "price").sentence()
        'The mean of price is lowest in leaf 0 (2.00, deviation 1.00) and highest in leaf 1 (8.00, deviation 0); leaves \
account for 92.3 % of its variance over the training rows.'
        """
        table, name = self._table, theme.one_line(self.target, 40)
        if table.empty:
            return f"There is no {self.split} row."
        mean, deviation = self._all
        if len(table) == 1:
            return (
                f"All {self.split} rows are in one leaf: {name} has the mean {theme.three_significant(mean)}, deviation "
                f"{theme.three_significant(deviation)}."
            )
        low, high = (
            f"leaf {row['pattern']} ({theme.three_significant(row['mean'])}, "
            f"deviation {theme.three_significant(row['deviation'])})"
            for row in (table.iloc[0], table.iloc[-1])
        )
        within = float((table["rows"] * table["deviation"] ** 2).sum() / table["rows"].sum())
        share = 1 - within / deviation**2 if deviation > 0 else 0.0
        return (
            f"The mean of {name} is lowest in {low} and highest in {high}; leaves account for {theme.percent(share)} of its "
            f"variance over the {self.split} rows."
        )

    def table(self) -> pd.DataFrame:
        """List the leaves with rows: leaf, pattern, rows, mean, deviation; the lowest mean first."""
        return self._table.copy()


def _leaves_words(leaves: int) -> str:
    return f"{theme.thousands(leaves)} {'leaf' if leaves == 1 else 'leaves'} with rows"
