"""Learning curves of a cell of a sweep: mean over seeds against the epoch, a line for each model and split, with bands.

n = seeds · intervals are those of the mean over seeds.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

Metric = Literal["error", "loss"]

_COLUMNS = ["model", "variant", "split", "epoch", *interval_lines.INTERVAL, "n"]
_SEEDS = ["model", "variant", "split", "seed", "epoch", "value"]
_KEYS = ["model", "variant", "split"]
_SPLITS = ("test", "validation", "train")
_DASH_WORDS = {"test": "solid: test", "validation": "dashed: validation", "train": "dotted: training"}
_UNITS = {"error": "percent", "loss": "nats"}
_MEASURES = {"error": "error (percent of rows)", "loss": "loss (cross-entropy, nats)"}
_MARKERS_SHOWN = 8


def seed_curves(
    *,
    curves: pd.DataFrame,
    seeds: pd.DataFrame | None = None,
    metric: Metric = "loss",
    chosen: int | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a metric over the epochs, with bands over seeds: colour and marker say the model, dash the split.

    `curves`: model, variant, split (test, validation or train), epoch, mean, low, high, n; error as a share, loss in
    nats. `seeds`: model, variant, split, seed, epoch, value: thin lines. `chosen`: an epoch that is marked as chosen on
    validation. Raises ValueError for a missing column.
    """
    table = seed_curves_table(curves=curves, metric=metric)
    height = theme.SIDE_HEIGHT[look.projector]
    drawn = table.dropna(subset=["mean"])
    splits = [split for split in _SPLITS if split in set(drawn["split"])]
    title = interval_lines.sentence_case(f"{_split_words(splits)} {metric} against epoch".lstrip())
    if drawn.empty:
        return frame.empty_figure(look=look, title=title, subject=subject, why=_nothing(metric), height=height)
    keys = [(str(model), str(variant), str(split)) for model, variant, split in drawn[_KEYS].drop_duplicates().to_numpy()]
    words = {key: f"{model_words(*key[:2])}, {theme.SPLIT_WORDS[key[2]]}" for key in keys}
    right = label_width(list(words.values()), look)
    width = max(100.0, look.width - right - 4.5 * theme.FONT_SIZE[look.projector])
    figure = go.Figure()
    x_range = _epoch_axis(figure, drawn["epoch"], chosen, width)
    single = _seed_table(seeds, metric)
    y_range = _value_range(drawn, single, metric)
    labels = []
    # Bands and single seeds lie below every mean
    for key in keys:
        _add_spread(figure, _of(drawn, key), _of(single, key), key, look)
    for key in keys:
        labels.append(_add_line(figure, _of(table, key), words[key], key, look))
    subtitle = [interval_lines.seeds_words(drawn["n"], "bands"), ", ".join(_DASH_WORDS[split] for split in splits)]
    if chosen is not None:
        _mark(figure, chosen, look)
        subtitle.append(f"vertical line: epoch {theme.thousands(chosen)}, chosen on validation")
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height)
    figure.update_layout(margin_r=round(right))
    inside = interval_lines.panel_height(figure, look)
    figure.update_yaxes(
        title_text=interval_lines.axis_title(_MEASURES[metric], inside, look), range=list(y_range), zeroline=False
    )
    label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
    return figure


def seed_curves_sentence(*, curves: pd.DataFrame, metric: Metric = "loss") -> str:
    """Give the test value of each model at its last epoch, with that of training beside it.

    Plain text: escape it before it reaches Markdown.

    >>> columns = ["model", "variant", "split", "epoch", "mean", "low", "high", "n"]
    >>> rows = [("tree", "", "test", 9, 0.9, 0.8, 1.0, 5), ("tree", "", "train", 9, 0.5, 0.4, 0.6, 5)]
    >>> print(seed_curves_sentence(curves=pd.DataFrame(rows, columns=columns), metric="loss"))
    At the last epoch, 9: tree, test loss 0.900 nats [0.800, 1.00], n = 5, training loss 0.500 nats [0.400, 0.600], n = 5.
    """
    table = seed_curves_table(curves=curves, metric=metric).dropna(subset=["mean"])
    if table.empty:
        return _nothing(metric)
    last = table["epoch"].max()
    parts = []
    for (model, variant), rows in table.groupby(["model", "variant"], sort=False):
        end = rows["epoch"].max()
        values = [
            f"{theme.SPLIT_WORDS[row['split']]} {metric} {_interval(row)}" for _, row in rows[rows["epoch"] == end].iterrows()
        ]
        early = "" if end == last else f" (ended at epoch {theme.thousands(end)})"
        parts.append(f"{model_words(str(model), str(variant))}{early}, {', '.join(values)}")
    return f"At the last epoch, {theme.thousands(last)}: {'; '.join(parts)}."


def seed_curves_table(*, curves: pd.DataFrame, metric: Metric = "loss") -> pd.DataFrame:
    """List the means drawn: model, variant, split, epoch, mean, low, high, n, unit (percent, or nats for loss)."""
    return interval_lines.in_unit(
        _in_order(interval_lines.check_columns(curves, _COLUMNS, "curves")), interval_lines.INTERVAL, _UNITS[metric]
    )


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Models in order of first appearance; test, validation, train; epochs rising."""
    table = table.assign(variant=table["variant"].fillna(""), epoch=table["epoch"].astype(float))
    table = table[table["split"].isin(_SPLITS)]
    order = table.groupby(["model", "variant"], sort=False).ngroup()
    place = table["split"].map({split: number for number, split in enumerate(_SPLITS)})
    ordered = table.assign(order=order, place=place).sort_values(["order", "place", "epoch"], kind="stable", ignore_index=True)
    return ordered.drop(columns=["order", "place"])


def _seed_table(seeds: pd.DataFrame | None, metric: Metric) -> pd.DataFrame:
    if seeds is None:
        return pd.DataFrame({column: [] for column in _SEEDS})
    return interval_lines.in_unit(_in_order(interval_lines.check_columns(seeds, _SEEDS, "seeds")), ["value"], _UNITS[metric])


def _of(table: pd.DataFrame, key: tuple[str, str, str]) -> pd.DataFrame:
    return table[(table["model"] == key[0]) & (table["variant"] == key[1]) & (table["split"] == key[2])]


def _value_range(drawn: pd.DataFrame, seeds: pd.DataFrame, metric: Metric) -> tuple[float, float]:
    values = np.concatenate(
        [drawn[interval_lines.INTERVAL].to_numpy(dtype=np.float64).ravel(), seeds["value"].to_numpy(dtype=np.float64)]
    )
    return interval_lines.value_range(values, floor=0.0, ceiling=100.0 if metric == "error" else np.inf)


def _epoch_axis(figure: go.Figure, epochs: "pd.Series[float]", chosen: int | None, width: float) -> tuple[float, float]:
    """Let x run over the epochs, with air for markers -> range."""
    ends = [float(epochs.min()), float(epochs.max()), *([float(chosen)] if chosen is not None else [])]
    low, high = min(ends), max(ends)
    air = 8 / width * (high - low) or 0.5
    figure.update_xaxes(
        title_text="epoch (passes over the training rows)",
        range=[low - air, high + air],
        tickformat=",d",
        minor={"ticks": ""},
        showgrid=False,
        zeroline=False,
        **({"dtick": 1} if high - low <= 4 else {}),
    )
    return low - air, high + air


def _add_spread(figure: go.Figure, rows: pd.DataFrame, seeds: pd.DataFrame, key: tuple[str, str, str], look: Look) -> None:
    style = model_style(*key[:2], look)
    interval_lines.add_band(figure, x=rows["epoch"], low=rows["low"], high=rows["high"], colour=style["colour"], look=look)
    if seeds.empty:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    for _, line in seeds.groupby("seed", sort=False):
        x += [*line["epoch"], None]
        y += [*line["value"], None]
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name="seeds",
        line={
            "color": style["colour"],
            "width": theme.LINE_WIDTH[look.projector] / 2,
            "dash": theme.SPLIT_DASHES[key[2]],
        },
        opacity=theme.SEED_OPACITY,
        hoverinfo="skip",
    )


def _add_line(figure: go.Figure, rows: pd.DataFrame, words: str, key: tuple[str, str, str], look: Look) -> EndLabel:
    style: dict[str, Any] = model_style(*key[:2], look)
    name = theme.escape(words)
    figure.add_scatter(
        x=rows["epoch"],
        y=rows["mean"],
        mode="lines+markers",
        name=name,
        line={"color": style["colour"], "width": style["width"], "dash": theme.SPLIT_DASHES[key[2]]},
        marker={"symbol": style["marker"], "color": style["colour"], "maxdisplayed": _MARKERS_SHOWN},
        hovertext=[f"{name}, epoch {theme.thousands(row['epoch'])}<br>{_interval(row)}" for _, row in rows.iterrows()],
        hoverinfo="text",
    )
    last = rows.dropna(subset=["mean"]).iloc[-1]
    # Where labels do not all fit, those of test come first
    return EndLabel(float(last["epoch"]), float(last["mean"]), words, style["colour"], lit=key[2] == "test")


def _mark(figure: go.Figure, chosen: int, look: Look) -> None:
    figure.add_shape(
        type="line",
        x0=chosen,
        x1=chosen,
        y0=0,
        y1=1,
        yref="y domain",
        line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        layer="below",
    )


def _split_words(splits: list[str]) -> str:
    return theme.enumerate_words([theme.SPLIT_WORDS[split] for split in splits])


def _nothing(metric: Metric) -> str:
    return f"No {metric} is recorded yet."


def _interval(row: pd.Series) -> str:
    return interval_lines.interval_words(row["mean"], row["low"], row["high"], row["n"], row["unit"])
