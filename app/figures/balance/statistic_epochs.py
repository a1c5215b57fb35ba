"""A statistic of the leaf load over the epochs, beside what chance alone would give.

E recorded epochs · F epochs for which an expectation is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import (
    add_level,
    columns_of,
    compared,
    drawn_words,
    interval,
    make_legend_room,
    written,
)
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.levels import Level

_NAME_LIMIT = 60


@dataclass(frozen=True, eq=False)
class StatisticOverEpochs:
    """A statistic at each recorded epoch, and its expectation by chance at some of them.

    Raises ValueError for values that do not fit the epochs and for a missing column.
    """

    name: str
    """What the statistic is called."""
    epochs: ArrayLike
    """(E,) whole numbers; 0 is before training."""
    values: ArrayLike
    """(E,) values; NaN leaves a gap."""
    chance: Mapping[Level, pd.DataFrame] = field(default_factory=dict)
    """Chance level -> epoch, mean, low, high: F rows."""
    is_share: bool = False
    """Whether values are shares, written in percent."""
    best_epoch: int | None = None
    """Marked in the drawing."""
    shown_epoch: int | None = None
    """Marked in the drawing; the sentence gives the value at the recorded epoch nearest to it, or at the last one."""
    split: str = "training"
    """Whose rows these are."""
    model: str = "tree"
    """Sets the name, colour and marker of the line."""

    _own: pd.DataFrame = field(init=False, repr=False)
    _random: dict[Level, pd.DataFrame] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        epochs, values = (np.asarray(given, dtype=np.float64) for given in (self.epochs, self.values))
        if epochs.ndim != 1 or values.shape != epochs.shape:
            raise ValueError(f"values must have one value for each epoch of shape {epochs.shape}, got shape {values.shape}")
        columns = ["epoch", *interval_lines.INTERVAL]
        random = {}
        for level, given in self.chance.items():
            checked = interval_lines.check_columns(given, columns, level.name).astype(np.float64)
            if checked["mean"].notna().any():
                random[level] = checked.set_axis(["epoch", *columns_of(level)], axis=1)
        object.__setattr__(self, "_own", pd.DataFrame({"epoch": epochs, "value": values}))
        object.__setattr__(self, "_random", random)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the statistic against the epoch, with chance behind it and marks at the best and the shown epoch."""
        word = interval_lines.sentence_case(theme.one_line(self.name, _NAME_LIMIT))
        title = f"{word} of the {self.split} rows against epoch"
        height = theme.MAIN_HEIGHT[look.projector]
        if not np.isfinite(self._own["value"]).any():
            why = f"{word} is not defined at any recorded epoch."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        self._add_lines(figure, theme.escape(word), look)
        subtitle = self._subtitle()
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
        make_legend_room(figure, look)
        inside = interval_lines.panel_height(figure, look)
        marks = self._marks()
        known = [self._own["value"].to_numpy()]
        known += [one[columns_of(level)].to_numpy().ravel() for level, one in self._random.items()]
        low, high = interval_lines.value_range(np.concatenate(known))
        label = 1.35 * theme.FONT_SIZE[look.projector]
        # Room for the marks' labels above every value
        high += (high - low) * len(marks) * label / max(1.0, inside - len(marks) * label)
        x_range = _epoch_axis(
            figure, [*self._own["epoch"], *(e for one in self._random.values() for e in one["epoch"]), *marks.values()], look
        )
        middle = float(np.mean(list(marks.values()))) if len(marks) > 1 else sum(x_range) / 2
        for place, (text, epoch) in enumerate(marks.items()):
            _mark(figure, epoch, text, place * label, _leftward(text, epoch, middle, x_range, look), look)
        figure.update_yaxes(
            title_text=interval_lines.axis_title(f"{word} (percent)" if self.is_share else word, inside, look),
            range=[low, high],
            tickformat=".1~%" if self.is_share else ",~r",
            nticks=6,
        )
        return figure

    def sentence(self) -> str:
        """Give the value at the shown epoch, beside chance and before training; plain text.

        Between the epochs of the expectation, it is read off the line drawn.

        >>> from leafscope.core.usage.levels import INDEPENDENT_BITS
        >>> random = pd.DataFrame({"epoch": [0, 60], "mean": [0.1, 0.12], "low": [0.1, 0.1], "high": [0.1, 0.15]})
        >>> print(StatisticOverEpochs("Gini", [0, 60], [0.2, 0.42], {INDEPENDENT_BITS: random}).sentence())
        Gini is 0.420 at epoch 60 against 0.120 [0.100, 0.150] under independent bits; it was 0.200 before training.
        """
        own = self._own
        word = interval_lines.sentence_case(theme.one_line(self.name))
        if not np.isfinite(own["value"]).any():
            return f"{word} is not defined at any recorded epoch."
        asked = own["epoch"].iloc[-1] if self.shown_epoch is None else self.shown_epoch
        row = own.iloc[int((own["epoch"] - asked).abs().to_numpy().argmin())]
        at = f"at epoch {theme.thousands(row['epoch'])}"
        if not np.isfinite(row["value"]):
            return f"{word} is not defined {at}."
        at_epoch = {level: self._expected(level, float(row["epoch"])) for level in self._random}
        level = compared(one for one, expected in at_epoch.items() if np.isfinite(expected[0]))
        against = ""
        if level is not None:
            against = f" against {interval(*at_epoch[level], is_share=self.is_share)} under {level.name}"
        first = own.iloc[0]
        began = "before training" if first["epoch"] == 0 else f"at epoch {theme.thousands(first['epoch'])}"
        before = f"; it was {self._written(first['value'])} {began}"
        if first["epoch"] == row["epoch"] or not np.isfinite(first["value"]):
            before = ""
        return f"{word} is {self._written(row['value'])} {at}{against}{before}."

    def table(self) -> pd.DataFrame:
        """List the epochs: epoch, value, and of each chance level mean, low, high, NaN where it is not computed."""
        table = self._own
        for one in self._random.values():
            table = table.merge(one, on="epoch", how="outer", sort=True)
        return table.astype({"epoch": np.int64})

    def _written(self, value: float) -> str:
        return written(value, is_share=self.is_share)

    def _expected(self, level: Level, epoch: float) -> list[float]:
        """Read mean, low and high of a level at an epoch off the lines drawn; NaN outside them."""
        random = self._random[level]
        columns = (random[column] for column in columns_of(level))
        return [float(np.interp(epoch, random["epoch"], column, left=np.nan, right=np.nan)) for column in columns]

    def _add_lines(self, figure: go.Figure, word: str, look: Look) -> None:
        style = model_style(self.model, "", look)
        figure.add_scatter(
            x=self._own["epoch"],
            y=self._own["value"],
            mode="lines+markers",
            name=theme.escape(model_words(self.model)),
            line={"color": style["colour"], "width": style["width"]},
            marker={"symbol": style["marker"], "color": style["colour"], "maxdisplayed": 12},
            hovertext=[
                f"epoch {theme.thousands(epoch)}<br>{word} {self._written(value)}"
                for epoch, value in zip(self._own["epoch"], self._own["value"])
            ],
            hoverinfo="text",
        )
        for level, random in self._random.items():
            said = [
                f"{level.name}, epoch {theme.thousands(epoch)}<br>{word} {interval(*ends, is_share=self.is_share)}"
                for epoch, *ends in random.to_numpy().tolist()
            ]
            add_level(figure, random["epoch"], random, level, said=said, look=look)

    def _subtitle(self) -> str:
        words = ["epoch 0 is before training"] if self._own["epoch"].iloc[0] == 0 else []
        return "; ".join([*words, *filter(None, [drawn_words(self._random)])])

    def _marks(self) -> dict[str, int]:
        """Label -> epoch of the vertical marks, one where both are the same."""
        best, shown = self.best_epoch, self.shown_epoch
        if best is not None and best == shown:
            return {f"best and shown: {theme.thousands(best)}": best}
        named = {"best": best, "shown": shown}
        return {f"{word}: {theme.thousands(epoch)}": epoch for word, epoch in named.items() if epoch is not None}


def _leftward(text: str, epoch: int, middle: float, x_range: tuple[float, float], look: Look) -> bool:
    """Tell whether the label of a mark goes to its left: away from the other mark, unless it would not fit there."""
    size = theme.FONT_SIZE[look.projector]
    low, high = x_range
    need = (len(text) * frame.CHARACTER_WIDTH + 1) * size / (look.width - 6 * size) * (high - low)
    return epoch - low > need if epoch < middle else epoch + need > high


def _mark(figure: go.Figure, epoch: int, text: str, down: float, leftward: bool, look: Look) -> None:
    width = theme.LINE_WIDTH[look.projector] / 2
    line = {"color": theme.MUTED[look.dark], "width": width}
    figure.add_shape(type="line", x0=epoch, x1=epoch, y0=0, y1=1, yref="y domain", line=line, layer="below")
    figure.add_annotation(
        x=epoch,
        y=1,
        yref="y domain",
        text=text,
        showarrow=False,
        xanchor="right" if leftward else "left",
        yanchor="top",
        xshift=-4 if leftward else 4,
        yshift=-down,
        borderpad=0,
        # The other mark's line may pass under it
        bgcolor=theme.BACKGROUND[look.dark],
    )


def _epoch_axis(figure: go.Figure, epochs: list[float], look: Look) -> tuple[float, float]:
    low, high = float(min(epochs)), float(max(epochs))
    air = 10 / look.width * (high - low) or 0.5
    figure.update_xaxes(
        title_text=interval_lines.axis_title(
            "epoch (passes over the training rows)", look.width - 6 * theme.FONT_SIZE[look.projector], look
        ),
        range=[low - air, high + air],
        tickformat=",d",
        showgrid=False,
        zeroline=False,
        **({"dtick": 1} if high - low <= 4 else {"nticks": 10}),
    )
    return low - air, high + air
