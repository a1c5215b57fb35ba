"""A number of two groups of runs, seed by seed: a thin line for each seed, and the means with their intervals.

n = seeds · intervals are those of the mean over seeds.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    SHARES,
    axis_title,
    check_columns,
    error_bars,
    in_unit,
    interval_words,
    panel_height,
    row_words,
    seeds_words,
    sentence_case,
    value_range,
)
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.intervals import Difference, interval_of

_NAME = 30
"""Most characters of a side's name."""


@dataclass(frozen=True, eq=False)
class TwoSides:
    """A number of the runs of two sides. Raises ValueError for a missing column or other than two names."""

    values: pd.DataFrame
    """side, seed, value (a share where the unit is percent)."""
    sides: tuple[str, str]
    difference: Difference
    """First minus second, paired over seeds."""
    measure: str
    """What the number is called."""
    unit: str = "percent"
    """percent, leaves, ...; shares are drawn in percent."""

    _table: pd.DataFrame = field(init=False, repr=False)
    _seeds: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(set(self.sides)) != 2:
            raise ValueError(f"sides must be two different names, got {self.sides}")
        given = check_columns(self.values, ["side", "seed", "value"], "values")
        rows = []
        for side in self.sides:
            own = given.loc[given["side"] == side, "value"].to_numpy(float)
            found = interval_of(self.unit == "percent", own[np.isfinite(own)])
            rows.append((side, found.mean, found.low, found.high, found.n))
        table = pd.DataFrame(rows, columns=["side", *INTERVAL, "n"])
        object.__setattr__(self, "_table", in_unit(table, INTERVAL, self.unit))
        object.__setattr__(self, "_seeds", in_unit(given, ["value"], self.unit).dropna(subset=["value"]))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw both means with their intervals, and a thin line for each seed that has both."""
        height = theme.SIDE_HEIGHT[look.projector]
        title = f"{sentence_case(self.measure)} of {' and '.join(theme.one_line(side, _NAME) for side in self.sides)}"
        drawn = self._table.dropna(subset=["mean"])
        if drawn.empty:
            why = "None of these runs has finished yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        names = [theme.escape(side, _NAME) for side in self.sides]
        width, size = theme.LINE_WIDTH[look.projector], theme.MARKER_SIZE[look.projector]
        pairs = self._seeds.pivot_table("value", "seed", "side").reindex(columns=list(self.sides)).dropna()
        for seed, pair in pairs.iterrows():
            figure.add_scatter(
                x=[0, 1],
                y=pair.tolist(),
                mode="lines",
                name=f"seed {seed}",
                line={"color": theme.MUTED[look.dark], "width": width / 2},
                opacity=theme.SEED_OPACITY,
                hoverinfo="skip",
            )
        colours = (theme.MODEL_COLOURS["tree"], theme.MODEL_COLOURS["flat"])
        for place, row in enumerate(self._table.to_dict("records")):
            if not np.isfinite(row["mean"]):
                continue
            figure.add_scatter(
                x=[place],
                y=[row["mean"]],
                error_y=error_bars(([row[end]] for end in INTERVAL), colours[place], width, size / 2),
                mode="markers",
                name=names[place],
                marker={"symbol": ("circle", "square")[place], "size": 1.6 * size, "color": colours[place]},
                hovertext=[f"{names[place]}<br>{row_words(row)}"],
                hoverinfo="text",
            )
        subtitle = f"{seeds_words(drawn['n'], 'bars')}; thin lines: seeds"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        figure.update_layout(showlegend=False)
        figure.update_xaxes(tickvals=[0, 1], ticktext=names, range=[-0.5, 1.5], showgrid=False, zeroline=False)
        unit = "percent" if self.unit == "percent" else self.unit
        measure = self.measure if unit in self.measure else f"{self.measure} ({unit})"
        values = np.concatenate([drawn[INTERVAL].to_numpy(float).ravel(), self._seeds["value"].to_numpy(float)])
        figure.update_yaxes(
            title_text=axis_title(measure, panel_height(figure, look), look), range=list(value_range(values)), zeroline=False
        )
        return figure

    def sentence(self) -> str:
        """Give both means and their difference, and whether one is shown; plain text.

        >>> rows = [("a", 0, 0.1), ("b", 0, 0.2), ("a", 1, 0.12), ("b", 1, 0.21)]
        >>> values = pd.DataFrame(rows, columns=["side", "seed", "value"])
        >>> found = Difference(-0.095, -0.16, -0.03, 2, 0.03)
        >>> print(TwoSides(values, ("a", "b"), found, "test error").sentence())
        Test error, a against b: lower by 9.5 points [3.0, 16.0], n = 2 (11.0 % against 20.5 %).
        """
        one, other = (theme.one_line(side, _NAME) for side in self.sides)
        what, found = sentence_case(self.measure), self.difference
        if found.n == 0:
            return f"No seed has finished with both {one} and {other} yet."
        means = " against ".join(
            interval_words(mean, np.nan, np.nan, 0, self.unit).removesuffix(", n = 0") for mean in self._table["mean"]
        )
        if found.n == 1:
            return f"{what}, {one} against {other}: one seed, so no difference is shown ({means})."
        sign = -1.0 if found.mean < 0 else 1.0
        ends = sorted((sign * found.low, sign * found.high))
        factor, unit = (100.0, "percentage points") if self.unit in SHARES else (1.0, self.unit)
        size = interval_words(factor * sign * found.mean, factor * ends[0], factor * ends[1], found.n, unit)
        way = "lower" if found.mean < 0 else "higher"
        judged = "" if found.shown() else "no difference shown, "
        return f"{what}, {one} against {other}: {judged}{way} by {size} ({means})."

    def table(self) -> pd.DataFrame:
        """List the means drawn: side, mean, low, high, n, unit."""
        return self._table
