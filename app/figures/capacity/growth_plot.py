"""What the figures of growth share: lines against depth on a logarithmic axis, with a line at 1, and words for multiples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.depth_panels import DEPTH_AXIS
from leafscope.app.figures.shared.interval_lines import axis_title, integer_axis, panel_height
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.log_axis import log_axis
from leafscope.app.theme import Look


@dataclass(frozen=True)
class GrowthLine:
    """A line, of which at least one value is above 0."""

    depths: "pd.Series[float]"
    values: "pd.Series[float]"
    """A logarithmic axis has no place for 0, which leaves a gap."""
    words: str
    colour: str
    marker: str
    dash: str
    hover: Sequence[str]
    hollow: Sequence[bool] = ()
    """Which points are drawn hollow, since their values are unstable; none where empty."""


UNSTABLE = "hollow: unstable, the rounds of the measurement differed too much"


def growth_plot(
    lines: Sequence[GrowthLine],
    *,
    title: str,
    subject: str,
    subtitle: str,
    measure: str,
    height: int,
    look: Look,
    label: str = "",
) -> go.Figure:
    """Draw lines, labelled at their ends, and a thin one at 1, which `label` names if it is given."""
    figure = go.Figure()
    right = label_width([*filter(None, [label]), *(line.words for line in lines)], look)
    width = max(120.0, look.width - right - 5.5 * theme.FONT_SIZE[look.projector])
    depths = pd.concat([line.depths[line.values > 0] for line in lines])
    low, high = int(depths.min()), int(depths.max())
    x_range = integer_axis(figure, low=low, high=high, width=width, title=DEPTH_AXIS, look=look)
    labels = [_add_line(figure, line) for line in lines]
    muted = theme.MUTED[look.dark]
    figure.add_shape(
        type="line",
        x0=0,
        x1=1,
        xref="x domain",
        y0=1,
        y1=1,
        line={"color": muted, "width": theme.LINE_WIDTH[look.projector] / 2},
        layer="below",
    )
    frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
    figure.update_layout(margin_r=round(right))
    inside = panel_height(figure, look)
    values = pd.concat([pd.Series([1.0]), *(line.values for line in lines)])
    y_range, options = log_axis(values, axis="y", length=inside, look=look)
    figure.update_yaxes(**options, title_text=axis_title(measure, inside, look))
    labels += [EndLabel(x_range[1], 0.0, label, muted, lit=False)] if label else []
    label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
    return figure


def _add_line(figure: go.Figure, line: GrowthLine) -> EndLabel:
    drawn = line.values.where(line.values > 0)
    symbols = [f"{line.marker}-open" if hollow else line.marker for hollow in line.hollow]
    figure.add_scatter(
        x=line.depths,
        y=drawn,
        mode="lines+markers",
        name=theme.escape(line.words),
        line={"color": line.colour, "dash": line.dash},
        marker={"symbol": symbols if any(line.hollow) else line.marker, "color": line.colour},
        hovertext=list(line.hover),
        hoverinfo="text",
    )
    last = drawn.last_valid_index()
    return EndLabel(float(line.depths.loc[last]), math.log10(drawn.loc[last]), line.words, line.colour)


def with_unstable(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the column `unstable` only where something is."""
    return table if table["unstable"].any() else table.drop(columns="unstable")


def colour_of(what: str, look: Look) -> str:
    """Give the colour of capacity, computation or time."""
    if what == "computation":
        return theme.NEUTRAL[look.dark]
    return theme.MODEL_COLOURS["tree" if what == "capacity" else "flat"]


def times_words(times: float) -> str:
    """Write a multiple: whole numbers from 100 on as they are, others with three significant digits.

    >>> times_words(8191.0), times_words(28.86), times_words(283.8)
    ('8,191', '28.9', '284')
    """
    return theme.thousands(times) if times >= 100 and float(times).is_integer() else theme.three_significant(times)
