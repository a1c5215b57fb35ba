"""Test error against the number of training rows: a line for each depth of one model, others in grey.

K = depth, the number of gating bits · n = seeds; the number of training rows is on the axis.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.depth_ramp import depth_colour
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    add_band,
    axis_title,
    check_columns,
    grey,
    hover_words,
    in_unit,
    panel_height,
    row_words,
    seeds_words,
    value_range,
)
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

_COLUMNS = ["model", "variant", "depth", "n_train", *INTERVAL, "n"]
_NOTHING = "No test error is recorded yet."


@dataclass(frozen=True, eq=False)
class ErrorByRows:
    """The test error of one model at several depths, and of models without a depth, by the number of training rows.

    Raises ValueError for a missing column, depths of several models or a number of rows below 1.
    """

    curves: pd.DataFrame
    """model, variant, depth (NaN: has none), n_train, mean, low, high (shares), n."""
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = check_columns(self.curves, _COLUMNS, "curves")
        table = table.assign(variant=table["variant"].fillna(""), depth=table["depth"].astype(float))
        if (table["n_train"] <= 0).any():
            raise ValueError(f"n_train must be at least 1, got {table['n_train'].min():g}")
        deep = list(dict.fromkeys(zip(*(table.dropna(subset=["depth"])[c] for c in ("model", "variant")))))
        if len(deep) > 1:
            raise ValueError(f"curves must hold the depths of one model, got {', '.join(model_words(*key) for key in deep)}")
        order = table.groupby(["model", "variant"], sort=False).ngroup()
        table = table.assign(order=order).sort_values(["depth", "order", "n_train"], kind="stable", ignore_index=True)
        object.__setattr__(self, "_table", in_unit(table.drop(columns="order"), INTERVAL, self.errors.unit))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a line for each depth on a logarithmic axis of rows, deeper is stronger, with bands."""
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Test error against training rows"
        drawn = self._table.dropna(subset=["mean"])
        if drawn.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
        pens = _pens(drawn, look)
        right = label_width([pen.words for pen in pens], look)
        width = look.width - right - 4.5 * theme.FONT_SIZE[look.projector]
        figure = go.Figure()
        x_range = _rows_axis(figure, drawn["n_train"], width, look)
        y_range = value_range(drawn[INTERVAL], floor=0.0, ceiling=self.errors.ceiling)
        labels = [_add_line(figure, pen, look) for pen in pens]
        deep = drawn.dropna(subset=["depth"])
        subtitle = [seeds_words(drawn["n"], "bands", fewest=self.errors.fewest)]
        subtitle += [f"K: depth of the {model_words(deep['model'].iloc[0], deep['variant'].iloc[0])}"] if len(deep) else []
        subtitle += ["grey: other models"] if len(deep) < len(drawn) else []
        frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height)
        figure.update_layout(margin_r=round(right))
        inside = panel_height(figure, look)
        figure.update_yaxes(title_text=axis_title(f"test error ({self.errors.axis})", inside, look), range=list(y_range))
        label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
        return figure

    def sentence(self) -> str:
        """Give the test error with the fewest and the most rows, at the smallest and the largest depth and of others.

        Plain text: escape it before it reaches Markdown.

        >>> columns = ["model", "variant", "depth", "n_train", "mean", "low", "high", "n"]
        >>> rows = pd.DataFrame([("tree", "", 3, 100, 0.3, 0.25, 0.35, 5), ("tree", "", 3, 900, 0.1, 0.05, 0.15, 5)])
        >>> print(ErrorByRows(rows.set_axis(columns, axis=1)).sentence())
        From 100 to 900 training rows, the test error goes from 30.0 % [25.0 %, 35.0 %], n = 5 to 10.0 % [5.0 %, 15.0 %], \
n = 5 with tree, K = 3.
        """
        table = self._table.dropna(subset=["mean"])
        if table.empty:
            return _NOTHING
        few, many = table["n_train"].min(), table["n_train"].max()
        ends = {table["depth"].min(), table["depth"].max()}
        parts = []
        for model, variant, depth in _keys(table):
            if np.isfinite(depth) and depth not in ends:
                continue
            rows = _line(table, model, variant, depth).set_index("n_train")
            name = theme.one_line(model_words(model, variant)) + (f", K = {depth:.0f}" if np.isfinite(depth) else "")
            if few == many:
                parts.append(f"{row_words(rows.iloc[-1])} with {name}")
            elif few in rows.index and many in rows.index:
                parts.append(f"from {row_words(rows.loc[few])} to {row_words(rows.loc[many])} with {name}")
            else:
                parts.append(f"to {row_words(rows.iloc[-1])} with {name} at {theme.thousands(rows.index[-1])} rows")
        if few == many:
            return f"With {theme.thousands(many)} training rows, the test error is {'; '.join(parts)}."
        span = f"From {theme.thousands(few)} to {theme.thousands(many)} training rows"
        return f"{span}, the test error goes {'; '.join(parts)}."

    def table(self) -> pd.DataFrame:
        """List the means drawn: model, variant, depth, n_train, mean, low, high, n, unit (percent), by depth, then rows."""
        return self._table


@dataclass(frozen=True)
class _Pen:
    """A line and how it is drawn."""

    rows: pd.DataFrame
    words: str
    colour: str
    marker: str
    lit: bool


def _pens(table: pd.DataFrame, look: Look) -> list[_Pen]:
    """Grey lines first, so that they lie below; then depths rising, on a ramp of the model's colour."""
    keys = _keys(table)
    depths = [depth for _, _, depth in keys if np.isfinite(depth)]
    pens = []
    for model, variant, depth in sorted(keys, key=lambda key: np.isfinite(key[2])):
        style = model_style(model, variant, look)
        rows = _line(table, model, variant, depth)
        if not np.isfinite(depth):
            pens.append(_Pen(rows, model_words(model, variant), grey(look), style["marker"], False))
            continue
        colour = depth_colour(style["colour"], depth, depths, look)
        pens.append(_Pen(rows, f"K = {depth:.0f}", colour, style["marker"], True))
    return pens


def _keys(table: pd.DataFrame) -> list[tuple[str, str, float]]:
    """The lines of a table: (model, variant, depth), NaN where there is no depth, once each."""
    unique = table[["model", "variant", "depth"]].drop_duplicates()
    return [(str(model), str(variant), float(depth)) for model, variant, depth in unique.itertuples(index=False)]


def _line(table: pd.DataFrame, model: str, variant: str, depth: float) -> pd.DataFrame:
    same = table["depth"].eq(depth) if np.isfinite(depth) else table["depth"].isna()
    return table[table["model"].eq(model) & table["variant"].eq(variant) & same]


def _rows_axis(figure: go.Figure, n_train: pd.Series, width: float, look: Look) -> tuple[float, float]:
    """Let x be logarithmic with ticks at the sizes there are, those left out whose labels would touch -> range, log10."""
    sizes = np.unique(n_train.to_numpy(dtype=np.float64))
    low, high = float(np.log10(sizes[0])), float(np.log10(sizes[-1]))
    air = 0.04 * (high - low) or 0.3
    ends = (low - air, high + air)
    ticks: list[float] = []
    free = -np.inf
    for size in sizes.tolist():
        at = (np.log10(size) - ends[0]) / (ends[1] - ends[0]) * width
        half = (len(theme.thousands(size)) + 1) * frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector] / 2
        if at - half >= free:
            ticks.append(size)
            free = at + half
    figure.update_xaxes(
        type="log",
        title_text="training rows (log scale)",
        range=list(ends),
        tickmode="array",
        tickvals=ticks,
        ticktext=[theme.thousands(size) for size in ticks],
        showgrid=False,
        zeroline=False,
    )
    return ends


def _add_line(figure: go.Figure, pen: _Pen, look: Look) -> EndLabel:
    rows, name = pen.rows, theme.escape(pen.words)
    if pen.lit:
        add_band(figure, x=rows["n_train"], low=rows["low"], high=rows["high"], colour=pen.colour, look=look)
    figure.add_scatter(
        x=rows["n_train"],
        y=rows["mean"],
        mode="lines+markers",
        name=name,
        line={"color": pen.colour, "width": theme.LINE_WIDTH[look.projector] * (1.0 if pen.lit else 0.5)},
        marker={"symbol": pen.marker, "color": pen.colour},
        hovertext=[
            f"{name}, {theme.thousands(size)} training rows<br>test {words}"
            for size, words in zip(rows["n_train"], hover_words(rows), strict=True)
        ],
        hoverinfo="text",
    )
    last = rows.iloc[-1]
    return EndLabel(float(np.log10(last["n_train"])), float(last["mean"]), pen.words, pen.colour, pen.lit)
