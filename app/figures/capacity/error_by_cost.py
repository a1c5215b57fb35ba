"""Test error against cost: every model of a sweep on one plot, with the Pareto front that validation gives.

K = depth, the number of gating bits · w = width · n = seeds · the front is of mean validation error and cost.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.errors import SHARES, Errors, of_target
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    axis_title,
    check_columns,
    error_bars,
    error_range,
    in_unit,
    row_words,
    seeds_words,
)
from leafscope.app.figures.shared.log_axis import with_zero
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look
from leafscope.core.models import compares, lines

Cost = Literal["multiply_adds", "parameters"]
_Row = Mapping[Hashable, Any]
"""A row of the table of points."""

_COLUMNS = ["model", "variant", "depth", "width", "cost", *INTERVAL, "n", "validation_mean", "on_front"]
_MEASURES = {"multiply_adds": "multiply-adds for one example", "parameters": "parameters stored"}
_WORDS = {"multiply_adds": "multiply-adds", "parameters": "parameters"}

_FRONT = "Pareto front on validation"
_NOTHING = "No test error with a known cost is recorded yet."
_LEGEND_CHARACTERS = {False: 26, True: 16}
_LINE_OPACITY = 0.6
_SMALL = 0.75
"""Markers of models with thin lines, which share the colour of another model."""
_PITCH = 0.5
"""Between models of one cost, in markers."""
_MOST_ASIDE = 1.0
"""A point is at most so far from its cost, in markers."""


@dataclass(frozen=True, eq=False)
class ErrorByCost:
    """The test error of every model of a sweep and what it costs, with the Pareto front that validation gives.

    Raises ValueError for a missing column or a cost below 0.
    """

    points: pd.DataFrame
    """model, variant, depth, width (NaN: has none), cost, mean, low, high (shares), n, validation_mean, on_front."""
    cost: Cost
    """What the cost is."""
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = check_columns(self.points, _COLUMNS, "points")
        numbers = {column: table[column].astype(float) for column in ("depth", "width", "cost", "validation_mean")}
        table = table.assign(variant=table["variant"].fillna(""), on_front=table["on_front"].eq(True), **numbers)
        if (table["cost"] < 0).any():
            raise ValueError(f"cost must be at least 0, got {table['cost'].min():g}")
        order = table.groupby(["model", "variant"], sort=False).ngroup()
        ordered = table.assign(order=order).sort_values(["order", "width", "depth", "cost"], kind="stable", ignore_index=True)
        table = in_unit(ordered.drop(columns="order"), [*INTERVAL, "validation_mean"], self.errors.unit)
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw error against cost (log scale): colour and marker say the model, bars are intervals, rings the front.

        Points of one model and width are joined by depth; models without a depth by cost. Models of equal cost are drawn
        side by side, at most a marker beside it; `customdata` has the cost itself. A cost of 0 is left of the smallest.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"Test error against {_MEASURES[self.cost]}"
        drawn = self._known()
        if drawn.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
        keys = list(dict.fromkeys(zip(drawn["model"], drawn["variant"])))
        names = {key: _broken(model_words(*key), look) for key in keys}
        width = _plot_width(list(names.values()), look)
        x, options = _places(drawn, width, look)
        drawn = drawn.assign(x=x)
        figure = go.Figure()
        for key in keys:
            mine = drawn[(drawn["model"] == key[0]) & (drawn["variant"] == key[1])]
            _add_model(figure, mine, frame.lines(names[key]), model_style(*key, look), self.cost, look)
        _add_front(figure, drawn, look)
        words = axis_title(f"{_MEASURES[self.cost]} (log scale)", width, look)
        figure.update_xaxes(**options, title_text=words, showgrid=False)
        y_range, from_where = error_range(drawn[INTERVAL], self.errors)
        figure.update_yaxes(title_text=f"test error ({self.errors.axis}{from_where})", range=list(y_range), zeroline=False)
        subtitle = "; ".join([seeds_words(drawn["n"], "bars", fewest=self.errors.fewest), *_remarks(drawn, self.cost)])
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="right")

    def sentence(self) -> str:
        """Name the models on the Pareto front of validation error and cost, cheapest first, and the test errors at both ends.

        Plain text: escape it before it reaches Markdown.

        >>> columns = "model variant depth width cost mean low high n validation_mean on_front".split()
        >>> rows = [("tree", "", 2, 8, 64, 0.2, 0.18, 0.22, 5, 0.2, True)]
        >>> print(ErrorByCost(pd.DataFrame(rows, columns=columns), cost="multiply_adds").sentence())
        One model is on the Pareto front of validation error and multiply-adds: tree (K = 2, width 8). Its test error is \
20.0 % [18.0 %, 22.0 %], n = 5.
        """
        known = self._known()
        if known.empty:
            return _NOTHING
        front = known[known["on_front"]].sort_values(["cost", "mean"], kind="stable")
        if front.empty:
            return "No model is on the Pareto front: no validation error is recorded yet."
        parts = []
        for (model, variant), group in front.groupby(["model", "variant"], sort=False, dropna=False):
            place = _place(group.to_dict("records"))
            parts.append(theme.one_line(model_words(str(model), str(variant))) + (f" ({place})" if place else ""))
        where = f"on the Pareto front of validation error and {_WORDS[self.cost]}"
        verb = "One model is" if len(parts) == 1 else f"{len(parts)} models are"
        named = f"{verb} {where}{', the cheapest first' if len(parts) > 1 else ''}: {theme.enumerate_words(parts)}."
        cheap, costly = row_words(front.iloc[0]), row_words(front.iloc[-1])
        if len(front) == 1:
            return f"{named} Its test error is {cheap}."
        return f"{named} Along it the test error goes from {cheap}, to {costly}."

    def table(self) -> pd.DataFrame:
        """List the points: the columns given, errors in percent, and unit; by model in order of appearance, width, depth."""
        return self._table

    def _known(self) -> pd.DataFrame:
        """Points with a test error and a cost."""
        return self._table[self._table["mean"].notna() & np.isfinite(self._table["cost"])].reset_index(drop=True)


def _plot_width(names: Sequence[Sequence[str]], look: Look) -> float:
    """Estimate the px between the y axis and the legend."""
    size = theme.FONT_SIZE[look.projector]
    longest = max(len(part) for name in [*names, _broken(_FRONT, look)] for part in name)
    return max(200.0, look.width - (longest * frame.CHARACTER_WIDTH + 4 + 4.5) * size)


def _broken(text: str, look: Look) -> list[str]:
    """Break the text of the legend."""
    size = theme.FONT_SIZE[look.projector]
    return frame.wrapped(text, size, round(_LEGEND_CHARACTERS[look.projector] * frame.CHARACTER_WIDTH * size))


def _places(table: pd.DataFrame, width: float, look: Look) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Place the costs on a logarithmic axis of `width` px, models of one cost side by side -> (x, options of the axis).

    No point is moved by more than `_MOST_ASIDE` markers. A cost of 0 is put at half of the smallest above it.
    """
    marker = theme.MARKER_SIZE[look.projector]
    at, ends, options = with_zero(table["cost"], length=width, look=look, air=(_MOST_ASIDE + 1) * marker)
    return 10 ** (np.log10(at) + _aside(table, marker) / (width / (ends[1] - ends[0]))), options


def _aside(table: pd.DataFrame, marker: float) -> NDArray[np.float64]:
    """The px by which each point is moved from its cost, so that models of one cost can be told apart."""
    order = table.groupby(["model", "variant"], sort=False).ngroup()
    there = table.assign(order=order).groupby("cost")["order"]
    count = there.transform("nunique").to_numpy(dtype=np.float64)
    place = there.rank(method="dense").to_numpy(dtype=np.float64) - 1
    half = np.minimum(_PITCH * (count - 1) / 2, _MOST_ASIDE) * marker
    share: NDArray[np.float64] = np.where(count > 1, 2 * place / np.maximum(count - 1, 1) - 1, 0.0)
    return half * share


def _add_model(figure: go.Figure, rows: pd.DataFrame, name: str, style: Mapping[str, Any], cost: Cost, look: Look) -> None:
    """Draw the points of a model, joined by depth within a width, or by cost where there is no depth."""
    deep = rows["depth"].notna()
    parts = [part for _, part in rows[deep].groupby("width", dropna=False)]
    parts += [rows[~deep].sort_values("cost", kind="stable")] if not deep.all() else []
    # A row without values ends the line of each part
    spaced = pd.concat([piece for part in parts for piece in (part, _blank(part))]).iloc[:-1]
    pale = theme.faded(style["colour"], _LINE_OPACITY)
    thin = theme.LINE_WIDTH[look.projector] / 2
    size = theme.MARKER_SIZE[look.projector] * (_SMALL if style["width"] <= thin else 1.0)
    figure.add_scatter(
        x=spaced["x"],
        y=spaced["mean"],
        error_y=error_bars((spaced[end] for end in INTERVAL), pale, thin, 0),
        mode="lines+markers",
        name=name,
        line={"color": pale, "width": thin},
        marker={"symbol": style["marker"], "color": style["colour"], "size": size},
        customdata=spaced["cost"],
        hovertext=[_hover(row, cost) if np.isfinite(row["mean"]) else "" for row in spaced.to_dict("records")],
        hoverinfo="text",
    )


def _blank(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.head(1).assign(x=np.nan, cost=np.nan, mean=np.nan, low=np.nan, high=np.nan)


def _add_front(figure: go.Figure, rows: pd.DataFrame, look: Look) -> None:
    """Ring the points on the front and join them from cheap to costly."""
    front = rows[rows["on_front"]].sort_values("x", kind="stable")
    if front.empty:
        return
    colour = theme.TEXT[look.dark]
    figure.add_scatter(
        x=front["x"],
        y=front["mean"],
        mode="lines+markers",
        name=frame.lines(_broken(_FRONT, look)),
        line={"shape": "hv", "color": colour, "width": theme.LINE_WIDTH[look.projector] / 2},
        marker={
            "symbol": "circle-open",
            "size": 2 * theme.MARKER_SIZE[look.projector],
            "color": colour,
            "line": {"width": theme.LINE_WIDTH[look.projector]},
        },
        customdata=front["cost"],
        cliponaxis=False,
        hoverinfo="skip",
    )


def _remarks(drawn: pd.DataFrame, cost: Cost) -> list[str]:
    """What a reader of the axis must know."""
    remarks = []
    shown = [lines()[model] for model in drawn["model"].unique() if compares(model)]
    comparing = list(dict.fromkeys(line.together or line.words for line in shown))
    if comparing and cost == "multiply_adds":
        remarks.append(f"comparisons for {theme.enumerate_words(comparing)}")
    if drawn.drop_duplicates(["model", "variant", "cost"])["cost"].duplicated().any():
        remarks.append("equal costs side by side")
    return remarks


def _hover(row: _Row, cost: Cost) -> str:
    unit = "comparisons" if cost == "multiply_adds" and compares(row["model"]) else _WORDS[cost]
    unit = unit[:-1] if row["cost"] == 1 else unit
    place = _place([row])
    validation = (SHARES if row["unit"] == SHARES.unit else of_target("")).words(row["validation_mean"])
    return (
        f"{theme.escape(model_words(row['model'], row['variant']))}{f', {place}' if place else ''}"
        f"<br>{_count(row['cost'])} {unit}<br>test error {row_words(row)}<br>validation error {validation}"
        f"{'<br>on the Pareto front' if row['on_front'] else ''}"
    )


def _place(rows: Sequence[_Row]) -> str:
    """Write depth and width, each as a range where rows differ; nothing where they have neither."""
    words = []
    for name, form in (("depth", "K = {}"), ("width", "width {}")):
        values = [row[name] for row in rows if np.isfinite(row[name])]
        if values:
            low, high = min(values), max(values)
            words.append(form.format(f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"))
    return ", ".join(words)


def _count(value: float) -> str:
    return theme.thousands(value) if float(value).is_integer() else theme.three_significant(value)
