"""Learning curves of a run: one metric against the epoch, a line for each split."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_UNITS = {"loss": "cross-entropy loss (nats)", "accuracy": "accuracy (share of rows)", "error": "error (share of rows)"}
_SPLITS = ("test", "validation", "train")


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """One metric of a run after each epoch, for each split.

    Raises ValueError for an unknown split and for values that do not fit the epochs.
    """

    epochs: ArrayLike
    """(E,) whole numbers; 0 is before training."""
    curves: Mapping[str, ArrayLike]
    """Split (train, validation or test) -> (E,) values; NaN leaves a gap."""
    metric: str
    """Loss, accuracy or error, or another name."""
    best_epoch: int | None = None
    """Marked in the drawing; the sentence gives the values at this epoch, or at the last one."""
    n_rows: Mapping[str, int] = field(default_factory=dict)
    """Split -> number of rows, for the legend."""
    model: str = "tree"
    """Sets the colour, with `gates`."""
    gates: str = "hidden"

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", _checked(self.epochs, self.curves, self.metric))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the metric against the epoch: dash and marker tell the splits apart."""
        table = self._table
        title = f"{self.metric.capitalize()} against epoch"
        height = theme.MAIN_HEIGHT[look.projector]
        if not table["value"].notna().any():
            why = f"No {self.metric} is recorded yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        for split, line in table.groupby("split", sort=False):
            self._add_line(figure, str(split), line, look)
        if self.best_epoch is not None:
            low, high = float(table["value"].min()), float(table["value"].max())
            figure.add_scatter(
                x=[self.best_epoch] * 2,
                y=[min(low, 0.0), high],
                mode="lines",
                name=f"best epoch, {self.best_epoch}",
                line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
                hoverinfo="skip",
            )
        figure.update_xaxes(title_text="epoch (passes over the training rows)", rangemode="tozero", showgrid=False)
        figure.update_yaxes(title_text=_UNITS.get(self.metric, theme.escape(self.metric)), rangemode="tozero")
        subtitle = "epoch 0 is before training" if int(table["epoch"].min()) == 0 else ""
        if self.best_epoch is not None:
            subtitle = "; ".join(filter(None, (subtitle, "best: the epoch of the lowest validation loss")))
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")

    def sentence(self) -> str:
        """Give the value of each split at the best epoch, or at the last one; plain text.

        >>> LearningCurves([0, 1], {"train": [2.0, 0.5], "test": [2.0, 0.9]}, metric="loss").sentence()
        'At the last epoch, 1, the test loss is 0.900 and the training loss is 0.500.'
        """
        metric = theme.one_line(self.metric)
        table = self._table.dropna()
        if table.empty:
            return f"No {metric} is recorded yet."
        at = int(table["epoch"].max()) if self.best_epoch is None else self.best_epoch
        values = table[table["epoch"] == at].set_index("split")["value"]
        if values.empty:
            return f"No {metric} is recorded at epoch {theme.thousands(at)}."
        words = [f"the {theme.SPLIT_WORDS[str(s)]} {metric} is {theme.three_significant(x)}" for s, x in values.items()]
        which = "last" if self.best_epoch is None else "best"
        return f"At the {which} epoch, {theme.thousands(at)}, {theme.enumerate_words(words)}."

    def table(self) -> pd.DataFrame:
        """List the values: epoch, split, metric, value; test first, then validation and train."""
        return self._table

    def _add_line(self, figure: go.Figure, split: str, line: pd.DataFrame, look: Look) -> None:
        word = theme.SPLIT_WORDS[split]
        colour = theme.model_colour(self.model, dark=look.dark, gates=self.gates)
        figure.add_scatter(
            x=line["epoch"],
            y=line["value"],
            mode="lines+markers",
            name=f"{word}, n = {theme.thousands(self.n_rows[split])}" if split in self.n_rows else word,
            line={"color": colour, "dash": theme.SPLIT_DASHES[split]},
            marker={
                "symbol": theme.SPLIT_MARKERS[split],
                "maxdisplayed": 8,
                "color": theme.BACKGROUND[look.dark],
                "line": {"width": theme.LINE_WIDTH[look.projector], "color": colour},
            },
            hovertext=[
                f"{word}, epoch {theme.thousands(epoch)}<br>{theme.escape(self.metric)} {theme.three_significant(value)}"
                for epoch, value in zip(line["epoch"], line["value"])
            ],
            hoverinfo="text",
        )


def _checked(epochs: ArrayLike, curves: Mapping[str, ArrayLike], metric: str) -> pd.DataFrame:
    at = np.asarray(epochs)
    unknown = [split for split in curves if split not in _SPLITS]
    if unknown:
        raise ValueError(f"curves must be of train, validation or test, got {theme.one_line(unknown[0])!r}")
    parts = []
    for split in (split for split in _SPLITS if split in curves):
        values = np.asarray(curves[split], dtype=np.float64)
        if values.shape != at.shape:
            raise ValueError(f"{split} {metric} must have one value for each of {len(at)} epochs, got shape {values.shape}")
        parts.append(pd.DataFrame({"epoch": at, "split": split, "metric": metric, "value": values}))
    columns = ["epoch", "split", "metric", "value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
