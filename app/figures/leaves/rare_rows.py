"""Errors where training rows are rare: test rows by how many training rows share their leaf, against the dense net.

bin = a range of training rows in the leaf of a test row · n = test rows, over all seeds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

_OF_CLASSES, _OF_NUMBERS = ("wrong_share", "dense_share"), ("rmse", "dense_rmse")
_DIFFERENCE = ["difference", "low", "high"]
_NOTHING = "No test rows have been compared with the dense net yet."
_LISTED = {False: 3, True: 2}
"""With more models than this, by projector, n is in the hover alone."""
_DODGED = 0.8
"""The most that the markers of all models take of a bin."""


@dataclass(frozen=True, eq=False)
class RareRows:
    """Each model's error minus the dense net's on the same test rows, by the training rows in their leaf.

    Raises ValueError for a missing column and for two rows of one model and bin.
    """

    points: pd.DataFrame
    """model, bin (words, in order of first appearance, or by a column `least` where there is one), seeds, rows, wrong_share,
    dense_share, difference, low, high (shares; NaN where there is no interval); of numbers rmse and dense_rmse, all in the unit
    of the target."""
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = [*self._both, *_DIFFERENCE]
        points = interval_lines.check_columns(self.points, ["model", "bin", "seeds", "rows", *values], "points")
        twice = points[points.duplicated(["model", "bin"])]
        if len(twice):
            raise ValueError(
                f"a model must have one row for a bin, got two of {twice['model'].iloc[0]} for {twice['bin'].iloc[0]}"
            )
        ordered = self.points.sort_values("least", kind="stable") if "least" in self.points.columns else self.points
        bins = {word: place for place, word in enumerate(dict.fromkeys(ordered["bin"]))}
        models = {model: place for place, model in enumerate(dict.fromkeys(points["model"]))}
        points = (
            points.assign(model_place=points["model"].map(models), bin_place=points["bin"].map(bins))
            .sort_values(["model_place", "bin_place"], kind="stable", ignore_index=True)
            .drop(columns=["model_place", "bin_place"])
        )
        object.__setattr__(self, "_table", interval_lines.in_unit(points, values, self.errors.difference))

    @property
    def _both(self) -> tuple[str, str]:
        """The columns of the model's error and of the dense net's."""
        return _OF_CLASSES if self.errors.are_shares else _OF_NUMBERS

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the models side by side in each bin, with their intervals."""
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Test error minus the dense net's, by training rows in the leaf"
        drawn = self._drawn()
        if drawn.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
        models = list(dict.fromkeys(drawn["model"]))
        bins = [word for word in dict.fromkeys(self._table["bin"]) if word in set(drawn["bin"])]
        figure = go.Figure()
        width = look.width - 5 * theme.FONT_SIZE[look.projector]
        step = min(1.5 * theme.MARKER_SIZE[look.projector] * len(bins) / width, _DODGED / len(models))
        for place, model in enumerate(models):
            dodge = step * (place - (len(models) - 1) / 2)
            _add_model(
                figure, drawn[drawn["model"] == model].set_index("bin").reindex(bins), str(model), dodge, self._hover, look
            )
        ends = [-0.5, len(bins) - 0.5]
        figure.add_scatter(
            x=ends,
            y=[0, 0],
            mode="lines",
            name="as the dense net",
            line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
            hoverinfo="skip",
        )
        listed = models if len(models) <= _LISTED[look.projector] else []
        axis = "training rows in the leaf of the test row"
        if len(listed) > 1:
            axis += "; n: test rows, in the legend's order"
        total = drawn.groupby("model")["rows"].sum()
        counted = theme.enumerate_words(list(dict.fromkeys(theme.thousands(total[model]) for model in models)))
        subtitle = f"n = {counted} test rows; {_seeds_words(drawn['seeds'])}; compared on the same rows"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
        size = theme.FONT_SIZE[look.projector]
        wrapped = _legend_rows([model_words(str(model)) for model in models] + ["as the dense net"], width, look) - 1
        figure.update_layout(margin_t=figure.layout.margin.t + round(1.4 * size * wrapped))
        figure.update_xaxes(
            title_text=interval_lines.axis_title(axis, width, look),
            range=ends,
            tickmode="array",
            tickvals=list(range(len(bins))),
            ticktext=[_tick(str(word), drawn, listed) for word in bins],
            tickangle=0,
            showgrid=False,
            zeroline=False,
        )
        inside = interval_lines.panel_height(figure, look) - 1.3 * size * len(listed)
        figure.update_yaxes(
            title_text=interval_lines.axis_title(f"error minus dense net's ({self.errors.difference_axis})", inside, look),
            range=list(interval_lines.value_range(drawn[["difference", "low", "high"]])),
            zeroline=False,
        )
        return figure

    def sentence(self) -> str:
        """Say how the first model compares with the dense net where the fewest training rows share the leaf; plain text.

        >>> columns = ["model", "bin", "seeds", "rows", "wrong_share", "dense_share", "difference", "low", "high"]
        >>> rows = pd.DataFrame([("tree", "0", 5, 31, 0.2, 0.158, 0.042, 0.01, 0.074)], columns=columns)
        >>> print(RareRows(rows).sentence())
        Test rows whose leaf had 0 training rows (n = 31, 5 seeds): the tree errs 4.2 points more often than the dense net \
[1.0, 7.4].
        """
        drawn = self._drawn()
        if drawn.empty:
            return _NOTHING
        row = drawn.iloc[0]
        seeds = "1 seed" if row["seeds"] == 1 else f"{theme.thousands(row['seeds'])} seeds"
        noun = "training row" if row["bin"] == "1" else "training rows"
        whose = f"Test rows whose leaf had {theme.one_line(row['bin'])} {noun} (n = {theme.thousands(row['rows'])}, {seeds})"
        model = interval_lines.phrase(str(row["model"]))
        difference, low, high = float(row["difference"]), float(row["low"]), float(row["high"])
        if not (math.isfinite(low) and math.isfinite(high)) or interval_lines.holds_zero(low, high):
            return f"{whose}: no difference shown between {model} and the dense net ({self._interval(row)})."
        more = difference > 0
        ends = (low, high) if more else (-high, -low)
        between = f"[{self._number(ends[0])}, {self._number(ends[1])}]"
        if self.errors.are_shares:
            size = f"errs {self._number(abs(difference))} points {'more' if more else 'less'} often than the dense net"
        else:
            size = f"has an RMSE {self._number(abs(difference))} {'higher' if more else 'lower'} than the dense net's"
        return f"{whose}: {model} {size} {between}."

    def table(self) -> pd.DataFrame:
        """List the points in their unit, shares in percent and percentage points: the columns of `points`, and unit."""
        return self._table.copy()

    def _drawn(self) -> pd.DataFrame:
        """Keep what can be drawn: rows of the test split and a difference."""
        points = self._table
        return points[(points["rows"] > 0) & np.isfinite(points["difference"])].reset_index(drop=True)

    def _hover(self, words: str, word: str, row: pd.Series) -> str:
        if not np.isfinite(row["difference"]):
            return ""
        own, dense = (self.errors.words(float(row[name])) for name in self._both)
        return (
            f"{words}, {theme.escape(word)} training rows in the leaf<br>n = {theme.thousands(row['rows'])} test rows<br>"
            f"{'error' if self.errors.are_shares else 'RMSE'} {own}, dense net {dense}<br>{self._interval(row)}"
        )

    def _interval(self, row: pd.Series) -> str:
        """Write a difference with its interval, or that one seed has none."""
        size = f"{self._number(row['difference'])}{' points' * self.errors.are_shares}"
        if row["seeds"] == 1:
            return f"{size}, one seed"
        low, high = float(row["low"]), float(row["high"])
        ends = (
            f" [{self._number(low)}, {self._number(high)}]" if math.isfinite(low) and math.isfinite(high) else ", no interval"
        )
        return f"{size}{ends}"

    def _number(self, value: float) -> str:
        """Write a difference without its unit."""
        return f"{round(float(value), 1) + 0.0:,.1f}" if self.errors.are_shares else theme.three_significant(float(value))


def _add_model(
    figure: go.Figure, points: pd.DataFrame, model: str, dodge: float, hover: Callable[[str, str, pd.Series], str], look: Look
) -> None:
    style = model_style(model, "", look)
    words = theme.escape(model_words(model))
    figure.add_scatter(
        x=np.arange(len(points)) + dodge,
        y=points["difference"],
        error_y=interval_lines.error_bars(
            (points[end] for end in ("difference", "low", "high")),
            style["colour"],
            theme.LINE_WIDTH[look.projector] * 0.75,
            theme.MARKER_SIZE[look.projector] / 2,
        ),
        mode="lines+markers",
        name=words,
        line={"color": theme.faded(style["colour"], 0.5), "width": theme.LINE_WIDTH[look.projector] / 2},
        marker={"symbol": style["marker"], "color": style["colour"], "size": 1.2 * theme.MARKER_SIZE[look.projector]},
        hovertext=[hover(words, str(word), row) for word, row in points.iterrows()],
        hoverinfo="text",
    )


def _tick(word: str, drawn: pd.DataFrame, models: list[str]) -> str:
    """Write a bin and below it n of each model, or once where all have the same."""
    rows = drawn[drawn["bin"] == word].set_index("model")["rows"]
    counts = [f"n = {theme.thousands(rows[model])}" if model in rows.index else "no rows" for model in models]
    if len(set(counts)) == 1:
        counts = counts[:1]
    return "<br>".join([theme.escape(word), *counts])


def _seeds_words(seeds: pd.Series) -> str:
    """Say how many seeds there are, and that bars are their intervals."""
    if seeds.max() == 1:
        return "one seed: no interval"
    return f"{interval_lines.n_words(seeds)} seeds; bars: 95 % intervals over seeds"


def _legend_rows(words: list[str], width: float, look: Look) -> int:
    """Estimate the rows of a legend on top, whose entries are as wide as the widest once they wrap."""
    size = theme.FONT_SIZE[look.projector]
    widths = [1.1 * frame.CHARACTER_WIDTH * size * len(word) + 50 for word in words]
    if sum(widths) <= width:
        return 1
    return math.ceil(len(words) / max(1, int(width / max(widths))))
