"""Paired differences of two models against the depth, with intervals around zero: where one is shown to be better."""

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.overfitting.paired_differences import difference_table, holm_words, hover, missed_words
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.depth_panels import DEPTH_AXIS
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    axis_title,
    error_bars,
    integer_axis,
    n_words,
    panel_height,
    phrase,
    row_words,
    seeds_words,
    sentence_case,
    value_range,
)
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

Basis = Literal["at the same epochs", "at the same train loss"]


@dataclass(frozen=True, eq=False)
class DifferencesByDepth:
    """The test error of one model minus that of another at each depth, paired over seeds.

    Raises ValueError for a missing column.
    """

    differences: pd.DataFrame
    """depth, mean, low, high (of shares), n, p_holm, shown."""
    first: str
    second: str
    basis: Basis = "at the same epochs"
    """Where the two are compared."""
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", difference_table(self.differences, ["depth"], "differences", self.errors))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw each difference with its interval, filled where a difference is shown, hollow where none is."""
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"Test error against depth, {phrase(self.first)} minus {phrase(self.second)}"
        drawn = self._table.dropna(subset=["mean"])
        if drawn.empty:
            why = "No seed has finished with both models yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        low, high = int(drawn["depth"].min()), int(drawn["depth"].max())
        ends = integer_axis(figure, low=low, high=high, width=look.width - 100, title=DEPTH_AXIS, look=look)
        _add_zero(figure, ends, look)
        _add_points(figure, drawn, model_style(self.first, "", look)["colour"], look)
        subtitle = [
            seeds_words(drawn["n"], "bars"),
            "paired over seeds",
            theme.one_line(self.basis),
            f"filled: a difference is shown, hollow: none is{holm_words(self._table, 'depth', ' (5 %, {})')}",
        ]
        frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height)
        length = panel_height(figure, look)
        one, other = (model_words(model) for model in (self.first, self.second))
        axis = [f"test error of {one} minus {other}", f"({self.errors.difference_axis}); below 0: {one} is better"]
        on_two_lines = all(frame.fits(part, length, look) for part in axis)
        figure.update_yaxes(
            title_text=frame.lines(axis) if on_two_lines else axis_title(" ".join(axis), length, look),
            range=list(value_range(drawn[INTERVAL])),
            zeroline=False,
        )
        return figure

    def sentence(self) -> str:
        """Name the depths at which a difference is shown, with intervals, or say that none is; plain text.

        >>> columns = ["depth", "mean", "low", "high", "n", "p_holm", "shown"]
        >>> rows = [(0, 0.0, -0.01, 0.01, 5, 1.0, False), (3, -0.04, -0.06, -0.02, 5, 0.01, True)]
        >>> print(DifferencesByDepth(pd.DataFrame(rows, columns=columns), first="tree", second="flat").sentence())
        The tree has a lower test error than the flat net at K = 3 (-4.0 points [-6.0, -2.0], n = 5); at the other depth no \
difference is shown (paired over seeds at the same epochs, Holm over 2 depths). With these 5 seeds, a difference of 1.6 points \
would be found in 4 of 5 cases.
        """
        table = self._table.dropna(subset=["mean"])
        one, other = phrase(self.first), phrase(self.second)
        if table.empty:
            return f"No seed has finished with both {one} and {other} yet."
        shown = table[table["shown"]]
        how = f"paired over seeds {theme.one_line(self.basis)}{holm_words(table, 'depth', ', {}')}"
        if shown.empty:
            none = f"No difference in test error between {one} and {other} is shown at any depth"
            alone = bool((table["n"] <= 1).all())
            return (
                f"{none}: one seed has no interval."
                if alone
                else f"{none} ({n_words(table['n'])}, {how}).{missed_words(table, 'depth')}"
            )
        parts: list[str] = []
        for word, rows in (("lower", shown[shown["mean"] < 0]), ("higher", shown[shown["mean"] >= 0])):
            if len(rows):
                places = [f"K = {row['depth']:.0f} ({row_words(row)})" for _, row in rows.iterrows()]
                compared = f"a {word} test error than {other}" if not parts else f"a {word} one"
                parts.append(f"{compared} at {theme.enumerate_words(places)}")
        left = len(table) - len(shown)
        rest = f"; at the other {f'{left} depths' if left > 1 else 'depth'} no difference is shown" if left else ""
        return f"{sentence_case(one)} has {' and '.join(parts)}{rest} ({how}).{missed_words(table, 'depth')}"

    def table(self) -> pd.DataFrame:
        """List the differences drawn: depth, mean, low, high, n, p_holm, shown, unit (percentage points), depths rising."""
        return self._table


def _add_zero(figure: go.Figure, ends: tuple[float, float], look: Look) -> None:
    figure.add_scatter(
        x=list(ends),
        y=[0, 0],
        mode="lines",
        name="no difference",
        line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        hoverinfo="skip",
    )


def _add_points(figure: go.Figure, rows: pd.DataFrame, colour: str, look: Look) -> None:
    width, size = theme.LINE_WIDTH[look.projector], theme.MARKER_SIZE[look.projector]
    figure.add_scatter(
        x=rows["depth"],
        y=rows["mean"],
        error_y=error_bars((rows[end] for end in INTERVAL), colour, width, size / 2),
        mode="markers",
        name="difference",
        marker={
            "symbol": "circle",
            "size": 1.4 * size,
            "color": [colour if shown else theme.BACKGROUND[look.dark] for shown in rows["shown"]],
            "line": {"color": colour, "width": width},
        },
        hovertext=[f"K = {row['depth']:.0f}<br>{hover(row)}" for _, row in rows.iterrows()],
        hoverinfo="text",
    )
