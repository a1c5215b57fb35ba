"""The best depth and what it gains over depth 0, at the same computation, against the number of training rows.

K = depth · n = seeds · a line for each kind of data, deeper teachers stronger, others grey.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import (
    axis_title,
    check_columns,
    error_bars,
    interval_words,
    panel_height,
    seeds_words,
    value_range,
)
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.log_axis import log_axis
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

_COLUMNS = ["data", "is_lit", "rows", "depth", "depth_low", "depth_high", "gain", "low", "high", "n"]
_NOTHING = "Nothing has been trained yet."
_SPACING = {False: 0.1, True: 0.16}
"""Between the panels, as a share of the width, by projector: the labels of the second axis stand there."""
_ASIDE = 0.03
"""Lines lie beside each other by this share of a panel, so that their bars are told apart."""


@dataclass(frozen=True, eq=False)
class BestDepthByRows:
    """The depth of one model that was chosen for each number of training rows, and its test error minus that at K = 0.

    Raises ValueError for a missing column or a number of rows below 1.
    """

    model: str
    """The model's name."""
    depths: pd.DataFrame
    """data (words), is_lit (drawn in the model's colour), rows, depth (chosen K), depth_low and depth_high (a range over
    seeds), gain, low, high (differences of shares, below 0 is better), n."""
    variant: str = ""
    """What sets the model apart from others of its name."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = check_columns(self.depths, _COLUMNS, "depths")
        if (table["rows"] < 1).any():
            raise ValueError(f"rows must be at least 1, got {table['rows'].min():g}")
        scaled = {column: 100.0 * table[column].astype(float) for column in ("gain", "low", "high")}
        table = table.assign(**scaled, unit="percentage points")
        table[["depth_low", "depth_high"]] = table[["depth_low", "depth_high"]].astype(float).where(table["n"] > 1)
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the best depth on the left and its gain on the right, rows on a logarithmic axis, with intervals."""
        height, table = theme.MAIN_HEIGHT[look.projector], self._table.dropna(subset=["gain"])
        title = f"Best depth of the {model_words(self.model, self.variant)} against training rows, and what it gains"
        if table.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
        names = [str(name) for name in table["data"].unique()]
        right = label_width(names, look)
        inside = look.width - right - 9 * theme.FONT_SIZE[look.projector]
        spacing = _SPACING[look.projector]
        width = inside * (1 - spacing) / 2
        figure = make_subplots(rows=1, cols=2, horizontal_spacing=spacing)
        x_range, axis = log_axis(table["rows"], axis="x", length=width, look=look)
        figure.update_xaxes(**axis, title_text="training rows (log scale)", showgrid=False, zeroline=False)
        colours = self._colours(look)
        labels = []
        for place, name in enumerate(names):
            rows = table[table["data"] == name].sort_values("rows")
            aside = _ASIDE * (place - (len(names) - 1) / 2)
            x = rows["rows"] * 10 ** (aside * (x_range[1] - x_range[0]))
            _add(figure, rows, x, name, colours[name], 1, ("depth", "depth_low", "depth_high"), look)
            _add(figure, rows, x, name, colours[name], 2, ("gain", "low", "high"), look)
            last = rows.iloc[-1]
            lit = bool(rows["is_lit"].iloc[0])
            labels.append(EndLabel(float(np.log10(x.iloc[-1])), float(last["gain"]), name, colours[name], lit))
        subtitle = f"right: test error minus that at K = 0, same computation; {seeds_words(table['n'], 'bars')}"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        figure.update_layout(margin_r=round(right))
        tall = panel_height(figure, look)
        gains = value_range(table[["gain", "low", "high"]])
        figure.update_yaxes(
            title_text=axis_title("best depth K (gating bits)", tall, look),
            range=list(value_range(table[["depth", "depth_low", "depth_high"]])),
            dtick=max(1, round(float(table[["depth", "depth_high"]].max().max()) / 5)),
            col=1,
        )
        figure.update_yaxes(
            title_text=axis_title("gain (percentage points)", tall, look), range=list(gains), zeroline=True, col=2
        )
        label_ends(figure, labels, panel=2, x_range=x_range, y_range=gains, width=width, height=tall, look=look)
        return figure

    def sentence(self) -> str:
        """Give the best depth with the fewest and the most rows for each kind of data, and what it gains; plain text."""
        table = self._table.dropna(subset=["gain"])
        if table.empty:
            return _NOTHING
        few, many = table["rows"].min(), table["rows"].max()
        parts = []
        for name, rows in table.groupby("data", sort=False):
            at = rows.sort_values("rows").set_index("rows")
            first, last = at.iloc[0], at.iloc[-1]
            same = first["depth"] == last["depth"]
            depths = f"K = {last['depth']:.0f}" if same else f"K goes from {first['depth']:.0f} to {last['depth']:.0f}"
            parts.append(f"{theme.one_line(str(name))}: {depths}, {_gain_words(last)}")
        span = theme.thousands(many) if few == many else f"{theme.thousands(few)} to {theme.thousands(many)}"
        return f"With {span} training rows, the best depth and its test error minus that at K = 0: {'; '.join(parts)}."

    def table(self) -> pd.DataFrame:
        """List what is drawn: data, rows, depth with its range, gain with its interval in percentage points, n."""
        return self._table

    def _colours(self, look: Look) -> dict[str, str]:
        """A ramp of the model's colour over what is lit, in order; grey for the rest."""
        known = self._table.drop_duplicates("data")
        lit = [str(name) for name in known[known["is_lit"].astype(bool)]["data"]]
        colour = model_style(self.model, "", look)["colour"]
        ends: theme.Scale = [(0.0, theme.scale_colour([(0.0, colour), (1.0, theme.BACKGROUND[look.dark])], 0.6)), (1.0, colour)]
        ramp = {name: theme.scale_colour(ends, (place + 1) / len(lit)) for place, name in enumerate(lit)}
        return {str(name): ramp.get(str(name), theme.MUTED[look.dark]) for name in known["data"]}


def _add(
    figure: go.Figure,
    rows: pd.DataFrame,
    x: pd.Series,
    name: str,
    colour: str,
    column: int,
    of: tuple[str, str, str],
    look: Look,
) -> None:
    value, low, high = of
    figure.add_scatter(
        x=x,
        y=rows[value],
        mode="lines+markers",
        name=theme.escape(name),
        line={"color": colour, "width": theme.LINE_WIDTH[look.projector]},
        marker={"color": colour, "size": theme.MARKER_SIZE[look.projector]},
        hovertext=[
            f"{theme.escape(name)}, {theme.thousands(row['rows'])} training rows<br>best K = {row['depth']:.0f}"
            f"{_range_words(row)}<br>{theme.escape(_gain_words(row))}"
            for _, row in rows.iterrows()
        ],
        hoverinfo="text",
        error_y=error_bars((rows[value], rows[low], rows[high]), colour, theme.LINE_WIDTH[look.projector] / 2, 0),
        row=1,
        col=column,
    )


def _range_words(row: pd.Series) -> str:
    return "" if np.isnan(row["depth_low"]) else f" [{row['depth_low']:.0f}, {row['depth_high']:.0f}]"


def _gain_words(row: pd.Series) -> str:
    if row["depth"] == 0:
        return "the same net (K = 0)"
    words = interval_words(row["gain"], row["low"], row["high"], row["n"], "percentage points")
    shown = np.isfinite(row["low"]) and (row["high"] < 0 or row["low"] > 0)
    return words if shown else f"{words} (no difference shown)"
