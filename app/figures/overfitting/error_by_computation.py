"""Test error against computation: what more capacity at one computation is worth, beside what more computation is worth.

K = depth, the number of gating bits · w = width · n = seeds · cost = multiply-adds at inference, comparisons of trees.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.overfitting.cost_panels import CostPanels, Line, cost_panels
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.depth_ramp import depth_colour
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    add_band,
    axis_title,
    check_columns,
    error_range,
    grey,
    in_unit,
    lit_models,
    panel_height,
    phrase,
    row_words,
    seeds_words,
)
from leafscope.app.figures.shared.line_ends import EndLabel
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look
from leafscope.core.models import compares, is_sized_by_width
from leafscope.core.models.registry import model_of

_COLUMNS = ["model", "variant", "depth", "width", "n_train", "cost", *INTERVAL, "n"]
_NOTHING = "No test error with a known cost is recorded yet."
_PITCH = 1.2
"""Between the depths of nets of one width, which cost the same, in markers."""
_NEAR = 0.45
"""Share of the axis at whose right end a line may end so that its label needs room beside the panel."""


@dataclass(frozen=True, eq=False)
class ErrorByComputation:
    """The test error of models against their computation, a line for each capacity.

    Nets without a depth are one line through their widths. Nets with a depth are a line through the widths for each depth (for
    one depth where several such models are in colour), or, of one width, a line through their depths. Raises ValueError for a
    missing column, a cost below 0, or more than three models in colour.
    """

    points: pd.DataFrame
    """model, variant, depth (NaN: has none), width (NaN: has none), n_train, cost, mean, low, high (shares), n."""
    n_train: int | None = None
    """The training rows that are drawn; the axes hold all. None: the most."""
    chosen: int | None = None
    """The depth chosen on validation: where there are several widths, that of nets that are set back or not alone in colour."""
    lit: Sequence[str] | None = None
    """The models in colour, at most three, which the sentence is about; None: the first three."""
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)
    _lit: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = check_columns(self.points, _COLUMNS, "points")
        numbers = {column: table[column].astype(float) for column in ("depth", "width", "cost")}
        table = table.assign(variant=table["variant"].fillna(""), **numbers)
        if (table["cost"] < 0).any():
            raise ValueError(f"cost must be at least 0, got {table['cost'].min():g}")
        table = _one_name(table)
        order = table.groupby(["model", "variant"], sort=False).ngroup()
        keys = ["n_train", "order", "depth", "width", "cost"]
        table = table.assign(order=order).sort_values(keys, kind="stable", ignore_index=True).drop(columns="order")
        object.__setattr__(self, "_table", in_unit(table, INTERVAL, self.errors.unit))
        object.__setattr__(self, "_lit", lit_models(table.loc[table["mean"].notna(), "model"].tolist(), self.lit))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw error against cost (log scale), with bands; `customdata` is a point's place in the table.

        Points of one cost are drawn side by side, in order of their depth. A cost of 0 is left of the smallest.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Test error against computation"
        drawn = self._drawn()
        if drawn.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
        pens = self._pens(drawn, look)
        nets, trees = ([pen for pen in pens if pen.compares is compared] for compared in (False, True))
        panels = cost_panels(self._known(), _at_the_end(nets or trees), with_both=bool(nets and trees), look=look)
        figure = panels.subplots()
        y_range, from_where = error_range(self._errors(), self.errors)
        ends = {pen.words: _add_line(figure, pen, panels, y_range, look) for pen in pens}
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=self._subtitle(drawn, pens), height=height)
        inside = panel_height(figure, look)
        measure = axis_title(f"test error ({self.errors.axis}{from_where})", inside, look)
        figure.update_yaxes(range=list(y_range)).update_yaxes(title_text=measure, col=1)
        panels.finish(figure, [[ends[pen.words] for pen in part] for part in (trees, nets) if part], y_range, inside)
        return figure

    def _errors(self) -> NDArray[np.float64]:
        """The errors that the axis holds: of nets, with the intervals that are drawn; of all models where there is no net."""
        known = self._known()
        nets = known[~known["model"].map(compares).astype(bool)]
        nets = known if nets.empty else nets
        in_colour = nets[nets["model"].isin(self._lit)]
        return np.concatenate([nets["mean"].to_numpy(float), in_colour[INTERVAL].to_numpy(float).ravel()])

    def sentence(self) -> str:
        """Set the net with a depth beside the dense net of its computation and the widest one; plain text.

        >>> columns = "model variant depth width n_train cost mean low high n".split()
        >>> rows = [("tree", "", 3, 8, 500, 96, 0.1, 0.08, 0.12, 5)]
        >>> print(ErrorByComputation(pd.DataFrame(rows, columns=columns), chosen=3).sentence())
        With 96 multiply-adds, the tree (K = 3, chosen on validation, width 8) has a test error of 10.0 % [8.0 %, 12.0 %], \
n = 5.
        """
        drawn = self._drawn()
        if drawn.empty:
            return _NOTHING
        drawn = drawn[drawn["model"].isin(self._lit)]
        gated = drawn[_has_both(drawn)]
        if gated.empty:
            best = (drawn if len(drawn) else self._drawn()).sort_values("mean", kind="stable").iloc[0]
            name = theme.one_line(model_words(best["model"], best["variant"]))
            return f"The lowest test error is that of {name}, {row_words(best)}, with {_cost_words(best)}."
        first = gated[gated["model"] == gated["model"].iloc[0]]
        first = first[first["width"] == first["width"].min()]
        is_chosen = self.chosen is not None and (first["depth"] == self.chosen).any()
        own = first[first["depth"] == (self.chosen if is_chosen else first["depth"].max())].iloc[0]
        why = ", chosen on validation" if is_chosen else ""
        where = f"K = {own['depth']:.0f}{why}, width {own['width']:.0f}"
        said = f"With {_cost_words(own)}, {phrase(own['model'])} ({where}) has a test error of {row_words(own)}"
        dense = drawn[drawn["depth"].isna() & drawn["width"].notna()].sort_values("cost", kind="stable")
        if dense.empty or _one(dense["cost"]) or not own["cost"] > 0:
            return f"{said}."
        near, most = dense.iloc[(dense["cost"] / own["cost"]).map(math.log).abs().argmin()], dense.iloc[-1]
        is_same = own["depth"] == 0 and near["width"] == own["width"] and near["cost"] == own["cost"]
        parts = [f"a dense net of width {near['width']:.0f} with {_times(near['cost'] / own['cost'])} has {row_words(near)}"]
        if is_same:  # nothing is gated at K = 0
            parts = ["at K = 0 it is the dense net of this width"]
        if most["cost"] > near["cost"]:
            parts.append(f"one of width {most['width']:.0f} with {_times(most['cost'] / own['cost'])} has {row_words(most)}")
        return f"{said}; {'; '.join(parts)}."

    def table(self) -> pd.DataFrame:
        """List all points: the columns given, errors in percent, and unit; by rows, model, depth, width."""
        return self._table

    def _known(self) -> pd.DataFrame:
        """Points with a test error and a cost, numbered as in the table."""
        return self._table[self._table["mean"].notna() & np.isfinite(self._table["cost"])]

    def _drawn(self) -> pd.DataFrame:
        known = self._known()
        n_train = known["n_train"].max() if self.n_train is None else self.n_train
        return known[known["n_train"] == n_train]

    def _subtitle(self, drawn: pd.DataFrame, pens: Sequence["_Pen"]) -> str:
        parts = [seeds_words(drawn["n"], "bands", fewest=self.errors.fewest)]
        if any(len(pen.depths) > 1 and pen.one_cost for pen in pens):
            parts.append("equal costs side by side, in order of K")
        return "; ".join(parts)

    def _pens(self, drawn: pd.DataFrame, look: Look) -> list["_Pen"]:
        """Lines that are set back first, so that they lie below."""
        pens = []
        several = len(set(drawn.loc[_has_both(drawn) & drawn["model"].isin(self._lit), "model"])) > 1
        for (model, variant), rows in drawn.groupby(["model", "variant"], sort=False):
            name, lit = str(model), str(model) in self._lit
            style = model_style(name, str(variant), look)
            colour = style["colour"] if lit else grey(look)
            words = _line_words(name, str(variant), rows)
            depths: list[float] = sorted(rows["depth"].dropna().unique().tolist())
            if not _has_both(rows).any() or _one(rows["width"]):
                by = ["cost", "width"] if not depths else ["depth"]
                ends = f", K {depths[0]:.0f}–{depths[-1]:.0f}" if len(depths) > 1 else ""
                pens.append(_Pen(rows.sort_values(by, kind="stable"), f"{words}{ends}", colour, style, lit))
                continue
            common = depths[-1] if self.chosen is None or self.chosen not in depths else float(self.chosen)
            shown = depths if lit and not several else [common]
            for depth in shown:
                line = rows[rows["depth"] == depth].sort_values("width", kind="stable")
                own = depth_colour(colour, depth, depths, look) if lit and not several else colour
                is_short = lit and not several and depth != depths[-1]
                pens.append(_Pen(line, f"K = {depth:.0f}" if is_short else f"{words}, K = {depth:.0f}", own, style, lit))
        return sorted(pens, key=lambda pen: pen.lit)


@dataclass(frozen=True, eq=False)
class _Pen:
    """A line and how it is drawn."""

    rows: pd.DataFrame
    words: str
    colour: str
    style: Mapping[str, Any]
    lit: bool

    @property
    def depths(self) -> list[float]:
        return self.rows["depth"].dropna().unique().tolist()

    @property
    def compares(self) -> bool:
        """Whether its cost is in comparisons."""
        return compares(str(self.rows["model"].iloc[0]))

    @property
    def one_cost(self) -> bool:
        return len(self.rows) > 1 and _one(self.rows["width"])


def _one_name(table: pd.DataFrame) -> pd.DataFrame:
    """Let nets that are sized by their width alone, under several names, be one line: the kind's default, each width once."""
    kinds = {name: model_of(name) for name in table["model"].unique() if is_sized_by_width(str(name))}
    default = {name: kind.default_line.name for name, kind in kinds.items() if kind is not None}
    named = table.assign(model=table["model"].map(lambda name: default.get(name, name)))
    is_net = named["model"].isin(default.values())
    again = named[is_net].duplicated(["model", "variant", "width", "n_train"])
    return named.drop(index=again[again].index).reset_index(drop=True)


def _line_words(model: str, variant: str, rows: pd.DataFrame) -> str:
    """Name a line: a net without a depth by its kind and the widths that it runs through."""
    kind = model_of(model)
    if kind is None or not is_sized_by_width(model):
        return model_words(model, variant)
    low, high = rows["width"].min(), rows["width"].max()
    widths = f"width {low:.0f}" + (f"–{high:.0f}" if high > low else "")
    return f"{_named(kind.name, variant)}, {widths}"


def _one(values: "pd.Series[float]") -> bool:
    """Whether all values are the same number."""
    return len(values) > 0 and bool((values == values.iloc[0]).all())


def _has_both(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each point is of a net with a depth and a width."""
    return rows["depth"].notna() & rows["width"].notna()


def _at_the_end(pens: Sequence[_Pen]) -> list[str]:
    """The words of lines that end so near the right edge that their labels are beside the panel."""
    costs = np.log10(np.maximum(np.concatenate([pen.rows["cost"].to_numpy(float) for pen in pens]), 0.5))
    edge = costs.max() - _NEAR * (costs.max() - costs.min())
    return [pen.words for pen in pens if np.log10(max(0.5, pen.rows["cost"].iloc[-1])) >= edge]


def _add_line(
    figure: go.Figure, pen: _Pen, panels: CostPanels, y_range: tuple[float, float], look: Look
) -> tuple[EndLabel, Line]:
    """Draw a line in its panel, what is beyond the axis of errors at its edge -> its label, and its places."""
    rows, name = pen.rows, theme.escape(pen.words)
    number, panel = panels.of(pen.compares)
    log = np.log10(rows["cost"].where(rows["cost"] > 0, panel.zero).to_numpy(dtype=np.float64))
    if pen.one_cost and len(pen.depths) > 1 and rows["cost"].max() <= 2 * max(rows["cost"].min(), 0.5):
        log = log + panel.per_px * _marker(look) * _PITCH * (np.arange(len(rows)) - (len(rows) - 1) / 2)
    x, place = 10**log, {"row": 1, "col": number}
    if pen.lit:
        add_band(figure, x=x, low=rows["low"], high=rows["high"], colour=pen.colour, look=look, **place)
    mean, at = rows["mean"].to_numpy(dtype=np.float64), rows.index.to_numpy()
    said = np.array([_hover(row) for _, row in rows.iterrows()])
    mark = {"color": pen.colour, "size": (0.6 + 0.4 * pen.lit) * _marker(look)}
    options = {"hoverinfo": "text", "unselected": {"marker": {"opacity": 1}}} | place  # a click names runs; nothing is set back
    figure.add_scatter(
        x=x,
        y=mean,
        mode="lines+markers",
        name=name,
        line={"color": pen.colour, "width": (1.0 if pen.lit else 0.5) * pen.style["width"]},
        marker=mark | {"symbol": pen.style["marker"]},
        customdata=at,
        hovertext=said,
        **options,
    )
    shown, words = np.clip(mean, *y_range), pen.words
    if (beyond := shown != mean).any():
        air = 0.015 * (y_range[1] - y_range[0])
        figure.add_scatter(
            x=x[beyond],
            y=np.clip(mean, y_range[0] + air, y_range[1] - air)[beyond],
            mode="markers",
            name=f"{name}, beyond the axis",
            marker=mark | {"symbol": np.where(mean > y_range[1], "arrow-up", "arrow-down")[beyond]},
            customdata=at[beyond],
            hovertext=said[beyond],
            **options,
        )
        low, high = (theme.three_significant(value) for value in (mean.min(), mean.max()))
        unit = " %" if rows["unit"].iloc[0] == "percent" else ""
        words = f"{words}: {low}{unit}" if low == high else f"{words}: {low} to {high}{unit}"
    return EndLabel(float(log[-1]), float(shown[-1]), words, pen.colour, pen.lit), (log, shown)


def _marker(look: Look) -> int:
    return theme.MARKER_SIZE[look.projector]


def _hover(row: pd.Series) -> str:
    model, variant = str(row["model"]), str(row["variant"])
    kind = model_of(model) if is_sized_by_width(model) else None
    name = model_words(model, variant) if kind is None else _named(kind.name, variant)
    place = [f"K = {row['depth']:.0f}"] if np.isfinite(row["depth"]) else []
    place += [f"width {row['width']:.0f}"] if np.isfinite(row["width"]) else []
    return f"{', '.join([theme.escape(name), *place])}<br>{_cost_words(row)}<br>test error {row_words(row)}"


def _named(name: str, variant: str) -> str:
    return f"{name} ({variant})" if variant else name


def _cost_words(row: pd.Series) -> str:
    unit = "comparison" if compares(str(row["model"])) else "multiply-add"
    cost = float(row["cost"])
    value = theme.thousands(cost) if cost.is_integer() else theme.three_significant(cost)
    return f"{value} {unit}{'' if cost == 1 else 's'}"


def _times(factor: float) -> str:
    return "as many" if abs(factor - 1) < 0.005 else f"{theme.three_significant(factor)} times as many"
