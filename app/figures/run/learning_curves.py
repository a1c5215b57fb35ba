"""Learning curves of a finished run: one metric against the epoch, a line for each split."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_UNITS = {"loss": "cross-entropy loss (nats)", "accuracy": "accuracy (share of rows)", "error": "error (share of rows)"}
_SPLITS = ("test", "validation", "train")


def learning_curves(
    *,
    epochs: ArrayLike,
    curves: Mapping[tuple[str, str], ArrayLike],
    metric: str,
    best_epoch: int | None = None,
    n_rows: Mapping[str, int] | None = None,
    model: str = "tree",
    gates: str = "hidden",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a metric over the epochs: (E,) epochs and {(split, metric): (E,) values}, split train, validation or test.

    Colour says the model, dash and marker the split; `best_epoch` is marked, `n_rows` gives n for each split. NaN leaves
    a gap. Raises ValueError for values that do not fit the epochs.
    """
    table = learning_curves_table(epochs=epochs, curves=curves, metric=metric)
    title = f"{metric.capitalize()} against epoch"
    height = theme.MAIN_HEIGHT[look.projector]
    if table["value"].notna().sum() == 0:
        why = f"No {metric} is recorded yet."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    colour = theme.model_colour(model, dark=look.dark, gates=gates)
    figure = go.Figure()
    for split in _SPLITS:
        line = table[table["split"] == split]
        if line.empty:
            continue
        n = f", n = {theme.thousands(n_rows[split])}" if n_rows and split in n_rows else ""
        word = theme.SPLIT_WORDS[split]
        figure.add_scatter(
            x=line["epoch"],
            y=line["value"],
            mode="lines+markers",
            name=f"{word}{n}",
            line={"color": colour, "dash": theme.SPLIT_DASHES[split]},
            marker={
                "symbol": theme.SPLIT_MARKERS[split],
                "maxdisplayed": 8,
                "color": theme.BACKGROUND[look.dark],
                "line": {"width": theme.LINE_WIDTH[look.projector], "color": colour},
            },
            hovertext=[
                f"{word}, epoch {epoch}<br>{theme.escape(metric)} {theme.three_significant(value)}"
                for epoch, value in zip(line["epoch"], line["value"])
            ],
            hoverinfo="text",
        )
    if best_epoch is not None:
        low, high = float(table["value"].min()), float(table["value"].max())
        figure.add_scatter(
            x=[best_epoch] * 2,
            y=[min(low, 0.0), high],
            mode="lines",
            name=f"best epoch, {best_epoch}",
            line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
            hoverinfo="skip",
        )
    figure.update_xaxes(title_text="epoch (passes over the training rows)", rangemode="tozero", showgrid=False)
    figure.update_yaxes(title_text=_UNITS.get(metric, theme.escape(metric)), rangemode="tozero")
    subtitle = "epoch 0 is before training" if int(table["epoch"].min()) == 0 else ""
    if best_epoch is not None:
        subtitle = "; ".join(filter(None, (subtitle, "best: the epoch of the lowest validation loss")))
    return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")


def learning_curves_sentence(
    *, epochs: ArrayLike, curves: Mapping[tuple[str, str], ArrayLike], metric: str, best_epoch: int | None = None
) -> str:
    """Give each split's value at the best epoch, or at the last one.

    >>> curves = {("train", "loss"): [2.0, 0.5], ("test", "loss"): [2.0, 0.9]}
    >>> learning_curves_sentence(epochs=[0, 1], curves=curves, metric="loss")
    'At the last epoch, 1, the test loss is 0.900 and the training loss is 0.500.'
    """
    table = learning_curves_table(epochs=epochs, curves=curves, metric=metric).dropna()
    if table.empty:
        return f"No {metric} is recorded yet."
    at = int(table["epoch"].max()) if best_epoch is None else best_epoch
    values = table[table["epoch"] == at].set_index("split")["value"]
    words = [f"the {theme.SPLIT_WORDS[s]} {metric} is {theme.three_significant(values[s])}" for s in _SPLITS if s in values]
    if not words:
        return f"No {metric} is recorded at epoch {at}."
    return f"At the {'last' if best_epoch is None else 'best'} epoch, {at}, {theme.enumerate_words(words)}."


def learning_curves_table(*, epochs: ArrayLike, curves: Mapping[tuple[str, str], ArrayLike], metric: str) -> pd.DataFrame:
    """List the values shown: epoch, split, metric, value; test first, then validation and train."""
    at = np.asarray(epochs)
    parts = []
    for split in _SPLITS:
        if (split, metric) not in curves:
            continue
        values = np.asarray(curves[split, metric], dtype=np.float64)
        if values.shape != at.shape:
            raise ValueError(f"{split} {metric} must have one value for each of {len(at)} epochs, got shape {values.shape}")
        parts.append(pd.DataFrame({"epoch": at, "split": split, "metric": metric, "value": values}))
    columns = ["epoch", "split", "metric", "value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
