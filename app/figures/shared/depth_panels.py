"""Panels of curves against depth that share the error axis: lines of models with bands and seeds, labelled at their ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import add_level, drawn_words, names_of
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import Look
from leafscope.core.usage.levels import Level

DEPTH_AXIS = "depth K (gating bits)"
_LEAST = 4.0
"""The width of a panel beside which all lines are labelled, in units of the font's size."""
_CHOSEN = "chosen on validation:"


@dataclass(frozen=True)
class Panel:
    """What one panel shows, in the unit of its axis."""

    word: str
    """Names the values on hover, and the rows above the panel where there are two."""
    split: str
    """Says the dash: test or train."""
    curves: pd.DataFrame
    """model, variant, depth (NaN: the same at every depth), mean, low, high, n, unit."""
    seeds: pd.DataFrame
    """model, variant, depth, seed, value; may be empty."""


def depth_panels(
    panels: Sequence[Panel],
    *,
    title: str,
    measure: str,
    why: str,
    floor: float,
    ceiling: float,
    chosen: int | None,
    lit: Sequence[str] | None,
    subject: str,
    look: Look,
    chance: Mapping[Level, pd.DataFrame] | None = None,
    fewest: int = 2,
) -> go.Figure:
    """Draw one or two panels side by side: grey lines first, lit ones on top; `why` is said where there is no mean.

    `chance`: level -> depth, mean, low, high, drawn behind the lines of every panel. `fewest`: seeds that have an interval.
    """
    behind = {level: table for level, table in (chance or {}).items() if table["mean"].notna().any()}
    height = theme.MAIN_HEIGHT[look.projector]
    curves = pd.concat([panel.curves for panel in panels], ignore_index=True)
    in_colour = interval_lines.lit_models(curves["model"].tolist(), lit)
    curves = curves.dropna(subset=["mean"])
    if curves.empty:
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    depths = curves["depth"].dropna()
    if chosen is not None:
        depths = pd.concat([depths, pd.Series([float(chosen)])])
    lowest, highest = (int(depths.min()), int(depths.max())) if len(depths) else (0, 0)
    words = {key: model_words(*key) for key in dict.fromkeys(zip(curves["model"], curves["variant"]))}
    bright = {key: said for key, said in words.items() if key[0] in in_colour}
    layout = _Layout.of([*words.values(), *(level.short for level in behind)], [*bright.values()], len(panels), look)
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=layout.spacing, column_widths=[1.0] * len(panels)
    )
    x_range = interval_lines.integer_axis(figure, low=lowest, high=highest, width=layout.width, title=DEPTH_AXIS, look=look)
    seeds = pd.concat([panel.seeds for panel in panels], ignore_index=True)
    seeds = seeds[seeds["model"].isin(in_colour)]
    values = [curves[interval_lines.INTERVAL].to_numpy().ravel(), seeds["value"].to_numpy(float)]
    values += [table[interval_lines.INTERVAL].to_numpy(float).ravel() for table in behind.values()]
    y_range = interval_lines.value_range(np.concatenate(values), floor=floor, ceiling=ceiling, zero=floor < 0)
    ends = [
        [
            *_draw_chance(figure, panel, column, behind, look),
            *_draw_panel(figure, panel, column, words=words, lit=in_colour, x_range=x_range, look=look),
        ]
        for column, panel in enumerate(panels, start=1)
    ]
    subtitle = [interval_lines.seeds_words(curves["n"], "bands", fewest=fewest), *_grey_words(curves, in_colour)]
    subtitle += [drawn_words(behind)] if behind else []
    is_said = chosen is not None and not _has_room_for_chosen(chosen, x_range, layout.width, look)
    subtitle += [f"K = {chosen} chosen on validation"] if is_said else []
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height)
    if chosen is not None:
        y_range = _mark_chosen(figure, chosen, x_range, y_range, len(panels), layout.width, look)
    figure.update_yaxes(range=list(y_range))
    frame.panel_heads(figure, [panel.word for panel in panels] if len(panels) > 1 else [], look)
    figure.update_layout(margin_r=round(layout.right))
    inside = interval_lines.panel_height(figure, look)
    figure.update_yaxes(title_text=interval_lines.axis_title(measure, inside, look), col=1)
    for column, labels in enumerate(ends, start=1):
        if layout.is_narrow:
            labels = [label for label in labels if label.lit and column == len(panels)]
        label_ends(figure, labels, panel=column, x_range=x_range, y_range=y_range, width=layout.width, height=inside, look=look)
    return figure


def _draw_chance(
    figure: go.Figure, panel: Panel, column: int, behind: Mapping[Level, pd.DataFrame], look: Look
) -> list[EndLabel]:
    """Draw the chance levels of a panel, and give where each ends."""
    ends = []
    for level, table in behind.items():
        unit = panel.curves["unit"].iloc[0]
        rows = table.dropna(subset=["mean"]).sort_values("depth")
        said = [
            f"{level.name}, K = {depth:.0f}<br>{panel.word} {interval_lines.range_words(mean, low, high, unit)}"
            for depth, mean, low, high in rows[["depth", *interval_lines.INTERVAL]].to_numpy(float).tolist()
        ]
        add_level(figure, rows["depth"], rows.rename(columns=names_of(level)), level, said=said, look=look, row=1, col=column)
        last = rows.iloc[-1]
        ends.append(EndLabel(float(last["depth"]), float(last["mean"]), level.short, theme.MUTED[look.dark], lit=False))
    return ends


def _draw_panel(
    figure: go.Figure,
    panel: Panel,
    column: int,
    *,
    words: Mapping[tuple[str, str], str],
    lit: Sequence[str],
    x_range: tuple[float, float],
    look: Look,
) -> list[EndLabel]:
    """Draw the lines of a panel, grey ones first so that they lie below, and give where each ends."""
    groups = {(str(m), str(v)): rows for (m, v), rows in panel.curves.groupby(["model", "variant"], sort=False)}
    ends = []
    for key in sorted(groups, key=lambda key: key[0] in lit):
        if groups[key]["mean"].notna().sum() == 0:
            continue
        pen = _pen(*key, key[0] in lit, panel.split, look)
        if pen["lit"]:
            _add_seeds(figure, panel.seeds, key, pen, x_range, column)
        ends.append(_add_line(figure, groups[key], words[key], panel.word, pen, x_range, column))
    return ends


@dataclass(frozen=True)
class _Layout:
    width: float
    """Of a panel, in px."""
    right: float
    """For labels right of the last panel, in px."""
    spacing: float
    """The gap between panels, with the labels of the left one, as a share of the width of all."""
    is_narrow: bool = False
    """Whether there is room for labels right of the last panel only, and for those of lit lines."""

    @classmethod
    def of(cls, labels: Sequence[str], lit: Sequence[str], panels: int, look: Look) -> "_Layout":
        size = theme.FONT_SIZE[look.projector]
        right = label_width(labels, look)
        between = right + 10
        inside = look.width - 4.5 * size - right
        width = (inside - (panels - 1) * between) / panels
        if width >= _LEAST * size or panels == 1:
            return cls(max(60.0, width), right, min(0.6, between / inside))
        right, between = label_width(lit, look), float(size)
        inside = look.width - 4.5 * size - right
        return cls(max(60.0, (inside - (panels - 1) * between) / panels), right, between / inside, is_narrow=True)


def _pen(model: str, variant: str, lit: bool, split: str, look: Look) -> dict[str, Any]:
    """How a line is drawn: colour, marker, width, dash, and whether it is lit."""
    style = model_style(model, variant, look)
    width = style["width"] if lit else theme.LINE_WIDTH[look.projector] / 2
    colour = style["colour"] if lit else interval_lines.grey(look)
    size = theme.MARKER_SIZE[look.projector] * (1.0 if lit else 0.7)
    dash = theme.SPLIT_DASHES[split]
    return {"lit": lit, "colour": colour, "marker": style["marker"], "width": width, "dash": dash, "size": size, "look": look}


def _across(rows: pd.DataFrame, x_range: tuple[float, float]) -> pd.DataFrame:
    """Draw a row without a depth from edge to edge."""
    if not rows["depth"].isna().all():
        return rows.dropna(subset=["depth"])
    middle = [float(k) for k in range(int(np.ceil(x_range[0])), int(np.floor(x_range[1])) + 1)]
    places = [x_range[0], *middle, x_range[1]]
    return pd.concat([rows.head(1)] * len(places), ignore_index=True).assign(depth=places)


def _add_line(
    figure: go.Figure,
    rows: pd.DataFrame,
    words: str,
    word: str,
    pen: dict[str, Any],
    x_range: tuple[float, float],
    column: int,
) -> EndLabel:
    same = bool(rows["depth"].isna().all())
    rows = _across(rows, x_range)
    place = {"row": 1, "col": column}
    if pen["lit"]:
        interval_lines.add_band(
            figure, x=rows["depth"], low=rows["low"], high=rows["high"], colour=pen["colour"], look=pen["look"], **place
        )
    name = theme.escape(words)
    figure.add_scatter(
        x=rows["depth"],
        y=rows["mean"],
        mode="lines" if same else "lines+markers",
        name=name,
        line={"color": pen["colour"], "width": pen["width"], "dash": pen["dash"]},
        marker={"symbol": pen["marker"], "size": pen["size"], "color": pen["colour"]},
        hovertext=[
            f"{name}{', every depth' if same else f', K = {depth:.0f}'}<br>{word} "
            f"{interval_lines.interval_words(mean, low, high, n, unit)}"
            for depth, mean, low, high, n, unit in zip(*(rows[c] for c in ["depth", *interval_lines.INTERVAL, "n", "unit"]))
        ],
        hoverinfo="text",
        **place,
    )
    last = rows.dropna(subset=["mean"]).iloc[-1]
    return EndLabel(float(last["depth"]), float(last["mean"]), words, pen["colour"], pen["lit"])


def _add_seeds(
    figure: go.Figure,
    seeds: pd.DataFrame,
    key: tuple[str, str],
    pen: dict[str, Any],
    x_range: tuple[float, float],
    column: int,
) -> None:
    mine = seeds[(seeds["model"] == key[0]) & (seeds["variant"] == key[1])]
    if mine.empty:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    for _, line in mine.groupby("seed", sort=False):
        line = _across(line, x_range)
        x += [*line["depth"], None]
        y += [*line["value"], None]
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name="seeds",
        line={"color": pen["colour"], "width": theme.LINE_WIDTH[pen["look"].projector] / 2, "dash": pen["dash"]},
        opacity=theme.SEED_OPACITY,
        hoverinfo="skip",
        row=1,
        col=column,
    )


def _grey_words(curves: pd.DataFrame, lit: Sequence[str]) -> list[str]:
    return [] if curves["model"].isin(lit).all() else ["grey: other models"]


def _has_room_for_chosen(chosen: int, x_range: tuple[float, float], width: float, look: Look) -> bool:
    """Whether the words beside the line of the chosen depth fit on one of its sides."""
    left = (chosen - x_range[0]) / (x_range[1] - x_range[0]) * width
    return not look.projector and frame.fits(_CHOSEN, max(left, width - left), look)


def _mark_chosen(
    figure: go.Figure,
    chosen: int,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    panels: int,
    width: float,
    look: Look,
) -> tuple[float, float]:
    """Mark the chosen depth in every panel, say so above the lines of the first, and give the y range with that room."""
    size = theme.FONT_SIZE[look.projector]
    left = (chosen - x_range[0]) / (x_range[1] - x_range[0]) * width
    words = [_CHOSEN] * _has_room_for_chosen(chosen, x_range, width, look) + [f"K = {chosen}"]
    parts = [" ".join(words)] if frame.fits(" ".join(words), max(left, width - left), look) else words
    for panel in range(1, panels + 1):
        frame.mark_line(figure, chosen, panel, look)
    figure.add_annotation(
        x=chosen,
        y=1,
        xref="x",
        yref="y domain",
        text=frame.lines(parts),
        showarrow=False,
        xanchor="right" if left > width - left else "left",
        xshift=-6 if left > width - left else 6,
        yanchor="top",
        align="right" if left > width - left else "left",
    )
    low, high = y_range
    return low, high + (high - low) * 1.4 * size * len(parts) / (theme.MAIN_HEIGHT[look.projector] * 0.65)
