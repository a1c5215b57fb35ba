"""Learning curves of a cell of a sweep: mean over seeds against the epoch, a line for each model and split, with bands.

n = seeds · intervals are those of the mean over seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    add_band,
    axis_title,
    check_columns,
    hover_words,
    in_unit,
    panel_height,
    row_words,
    seeds_words,
    sentence_case,
    value_range,
)
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

Metric = Literal["error", "loss"]

_KEYS = ["model", "variant", "split"]
_SPLITS = ("test", "validation", "train")
_DASH_WORDS = {"test": "solid: test", "validation": "dashed: validation", "train": "dotted: training"}
_MARKERS_SHOWN = 8

_Key = tuple[str, str, str]
"""Model, variant and split."""


@dataclass(frozen=True, eq=False)
class TrainingCurves:
    """Error or loss of several models over the epochs, with intervals over seeds.

    Raises ValueError for a missing column.
    """

    curves: pd.DataFrame
    """model, variant, split (test, validation or train), epoch, mean, low, high (shares, or nats), n."""
    seeds: pd.DataFrame | None = None
    """model, variant, split, seed, epoch, value: thin lines."""
    metric: Metric = "loss"
    errors: Errors = SHARES
    """What errors are measured in; the loss of numbers is the squared error of the standardized target."""

    _table: pd.DataFrame = field(init=False, repr=False)
    _seeds: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = [*_KEYS, "seed", "epoch", "value"]
        seeds = pd.DataFrame(columns=columns) if self.seeds is None else self.seeds
        unit = self._unit
        table = _in_order(self.curves, [*_KEYS, "epoch", *INTERVAL, "n"], "curves")
        object.__setattr__(self, "_table", in_unit(table, INTERVAL, unit))
        object.__setattr__(self, "_seeds", in_unit(_in_order(seeds, columns, "seeds"), ["value"], unit))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the means over single seeds and bands: colour and marker say the model, dash the split."""
        height = theme.SIDE_HEIGHT[look.projector]
        drawn = self._table.dropna(subset=["mean"])
        splits = [split for split in _SPLITS if split in set(drawn["split"])]
        words = theme.enumerate_words([theme.SPLIT_WORDS[split] for split in splits])
        title = sentence_case(f"{words} {self.metric} against epoch".lstrip())
        if drawn.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=self._nothing(), height=height)
        keys = [(str(model), str(variant), str(split)) for model, variant, split in drawn[_KEYS].drop_duplicates().to_numpy()]
        names = {key: f"{model_words(*key[:2])}, {theme.SPLIT_WORDS[key[2]]}" for key in keys}
        right = label_width(list(names.values()), look)
        width = max(100.0, look.width - right - 4.5 * theme.FONT_SIZE[look.projector])
        figure = go.Figure()
        x_range = _epoch_axis(figure, drawn["epoch"], width)
        values = np.concatenate([drawn[INTERVAL].to_numpy(np.float64).ravel(), self._seeds["value"].to_numpy(np.float64)])
        y_range = value_range(values, floor=0.0, ceiling=self.errors.ceiling if self.metric == "error" else np.inf)
        # Bands and single seeds lie below every mean
        for key in keys:
            _add_spread(figure, _of(drawn, key), _of(self._seeds, key), key, look)
        labels = [_add_line(figure, _of(self._table, key), names[key], key, look) for key in keys]
        seeds = seeds_words(drawn["n"], "bands", fewest=self.errors.fewest if self.metric == "error" else 2)
        subtitle = f"{seeds}; {', '.join(_DASH_WORDS[split] for split in splits)}"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        figure.update_layout(margin_r=round(right))
        inside = panel_height(figure, look)
        figure.update_yaxes(title_text=axis_title(self._measure, inside, look), range=list(y_range), zeroline=False)
        label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
        return figure

    def sentence(self) -> str:
        """Give the values of each model at its last epoch, test first; plain text.

        >>> columns = ["model", "variant", "split", "epoch", "mean", "low", "high", "n"]
        >>> rows = [("tree", "", "test", 9, 0.9, 0.8, 1.0, 5), ("tree", "", "train", 9, 0.5, 0.4, 0.6, 5)]
        >>> print(TrainingCurves(pd.DataFrame(rows, columns=columns)).sentence())
        At the last epoch, 9: tree, test loss 0.900 nats [0.800, 1.00], n = 5, training loss 0.500 nats [0.400, 0.600], n = 5.
        """
        table = self._table.dropna(subset=["mean"])
        if table.empty:
            return self._nothing()
        last = table["epoch"].max()
        parts = []
        for (model, variant), rows in table.groupby(["model", "variant"], sort=False):
            end = rows["epoch"].max()
            values = [
                f"{theme.SPLIT_WORDS[row['split']]} {self.metric} {row_words(row)}"
                for _, row in rows[rows["epoch"] == end].iterrows()
            ]
            early = "" if end == last else f" (ended at epoch {theme.thousands(end)})"
            parts.append(f"{theme.one_line(model_words(str(model), str(variant)))}{early}, {', '.join(values)}")
        return f"At the last epoch, {theme.thousands(last)}: {'; '.join(parts)}."

    def table(self) -> pd.DataFrame:
        """List the means drawn: model, variant, split, epoch, mean, low, high, n, unit (percent, or nats for loss)."""
        return self._table

    @property
    def _unit(self) -> str:
        return self.errors.unit if self.metric == "error" else "nats" if self.errors.are_shares else ""

    @property
    def _measure(self) -> str:
        if self.metric == "error":
            return f"error ({self.errors.axis})"
        return "loss (cross-entropy, nats)" if self.errors.are_shares else "loss (squared error of the standardized target)"

    def _nothing(self) -> str:
        return f"No {self.metric} is recorded yet."


def _in_order(given: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Models in order of first appearance; test, validation, train; epochs rising."""
    table = check_columns(given, columns, name)
    table = table.assign(variant=table["variant"].fillna(""), epoch=table["epoch"].astype(float))
    table = table[table["split"].isin(_SPLITS)]
    order = table.groupby(["model", "variant"], sort=False).ngroup()
    place = table["split"].map({split: number for number, split in enumerate(_SPLITS)})
    ordered = table.assign(order=order, place=place).sort_values(["order", "place", "epoch"], kind="stable", ignore_index=True)
    return ordered.drop(columns=["order", "place"])


def _of(table: pd.DataFrame, key: _Key) -> pd.DataFrame:
    return table[(table["model"] == key[0]) & (table["variant"] == key[1]) & (table["split"] == key[2])]


def _epoch_axis(figure: go.Figure, epochs: "pd.Series[float]", width: float) -> tuple[float, float]:
    """Let x run over the epochs, with air for markers -> range."""
    low, high = float(epochs.min()), float(epochs.max())
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


def _add_spread(figure: go.Figure, rows: pd.DataFrame, seeds: pd.DataFrame, key: _Key, look: Look) -> None:
    colour = model_style(*key[:2], look)["colour"]
    add_band(figure, x=rows["epoch"], low=rows["low"], high=rows["high"], colour=colour, look=look)
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
        line={"color": colour, "width": theme.LINE_WIDTH[look.projector] / 2, "dash": theme.SPLIT_DASHES[key[2]]},
        opacity=theme.SEED_OPACITY,
        hoverinfo="skip",
    )


def _add_line(figure: go.Figure, rows: pd.DataFrame, words: str, key: _Key, look: Look) -> EndLabel:
    style = model_style(*key[:2], look)
    name = theme.escape(words)
    figure.add_scatter(
        x=rows["epoch"],
        y=rows["mean"],
        mode="lines+markers",
        name=name,
        line={"color": style["colour"], "width": style["width"], "dash": theme.SPLIT_DASHES[key[2]]},
        marker={"symbol": style["marker"], "color": style["colour"], "maxdisplayed": _MARKERS_SHOWN},
        hovertext=[
            f"{name}, epoch {theme.thousands(epoch)}<br>{said}"
            for epoch, said in zip(rows["epoch"], hover_words(rows), strict=True)
        ],
        hoverinfo="text",
    )
    last = rows.dropna(subset=["mean"]).iloc[-1]
    # Where labels do not all fit, those of test come first
    return EndLabel(float(last["epoch"]), float(last["mean"]), words, style["colour"], lit=key[2] == "test")
