"""A statistic of the leaf load over the epochs, beside what random routing alone would give.

E recorded epochs · F epochs for which the expectation is known · random routing keeps the share of 1 of each bit.
"""

from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.balance.information_by_level import number_interval
from leafscope.app.figures.balance.lorenz import add_random, make_legend_room, share_interval
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

Unit = Literal["number", "share"]

_COLUMNS = ["random_mean", "random_low", "random_high"]
_NAME_LIMIT = 60


def statistic_over_epochs(
    *,
    epochs: ArrayLike,
    values: ArrayLike,
    name: str,
    random_epochs: ArrayLike,
    random_mean: ArrayLike,
    random_low: ArrayLike,
    random_high: ArrayLike,
    best_epoch: int | None = None,
    shown_epoch: int | None = None,
    split: str = "training",
    chance: str = "random routing",
    unit: Unit = "number",
    model: str = "tree",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a statistic over the epochs: (E,) epochs and values; (F,) expectations by `chance`, F may be 0.

    `name` is what the statistic is called; `unit` "share" is written in percent. `best_epoch` and `shown_epoch` are marked.
    NaN leaves a gap. Raises ValueError for arrays that do not pair up.
    """
    own = _own(epochs, values)
    random = _random(random_epochs, random_mean, random_low, random_high)
    word = interval_lines.sentence_case(theme.one_line(name, _NAME_LIMIT))
    title = f"{word} of the {split} rows against epoch"
    height = theme.MAIN_HEIGHT[look.projector]
    if not np.isfinite(own["value"]).any():
        why = f"{word} is not defined at any recorded epoch."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    style = model_style(model, "", look)
    figure = go.Figure()
    figure.add_scatter(
        x=own["epoch"],
        y=own["value"],
        mode="lines+markers",
        name=theme.escape(model_words(model)),
        line={"color": style["colour"], "width": style["width"]},
        marker={"symbol": style["marker"], "color": style["colour"], "maxdisplayed": 12},
        hovertext=[
            f"epoch {theme.thousands(epoch)}<br>{theme.escape(word)} {_write(value, unit)}"
            for epoch, value in zip(own["epoch"], own["value"])
        ],
        hoverinfo="text",
    )
    add_random(
        figure,
        x=random["epoch"],
        mean=random["random_mean"],
        low=random["random_low"],
        high=random["random_high"],
        name=chance,
        hovertext=[
            f"{chance}, epoch {theme.thousands(epoch)}<br>{theme.escape(word)} {_interval(ends, unit)}"
            for epoch, *ends in random.to_numpy().tolist()
        ],
        look=look,
    )
    subtitle = ["epoch 0 is before training"] if own["epoch"].iloc[0] == 0 else []
    if random["random_mean"].notna().any():
        subtitle.append(f"dashed: mean under {chance}, band: its 95 % range")
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height, legend="top")
    make_legend_room(figure, look)
    inside = interval_lines.panel_height(figure, look)
    marks = _marks(best_epoch, shown_epoch)
    low, high = interval_lines.value_range(np.concatenate([own["value"], random[_COLUMNS].to_numpy().ravel()]))
    label = 1.35 * theme.FONT_SIZE[look.projector]
    # Room for the marks' labels above every value
    high += (high - low) * len(marks) * label / max(1.0, inside - len(marks) * label)
    x_range = _epoch_axis(figure, [*own["epoch"], *random["epoch"], *marks.values()], look)
    middle = float(np.mean(list(marks.values()))) if len(marks) > 1 else sum(x_range) / 2
    for place, (text, epoch) in enumerate(marks.items()):
        _mark(figure, epoch, text, place * label, _leftward(text, epoch, middle, x_range, look), look)
    figure.update_yaxes(
        title_text=interval_lines.axis_title(f"{word} (percent)" if unit == "share" else word, inside, look),
        range=[low, high],
        **({"tickformat": ".1~%"} if unit == "share" else {"tickformat": ",~r"}),
        nticks=6,
    )
    return figure


def _marks(best: int | None, shown: int | None) -> dict[str, int]:
    """Label -> epoch of the vertical marks, one where both are the same."""
    if best is not None and best == shown:
        return {f"best and shown: {theme.thousands(best)}": best}
    named = {"best": best, "shown": shown}
    return {f"{word}: {theme.thousands(epoch)}": epoch for word, epoch in named.items() if epoch is not None}


def _leftward(text: str, epoch: int, middle: float, x_range: tuple[float, float], look: Look) -> bool:
    """Tell whether a mark's label stands left of it: away from the other mark, unless it would not fit there."""
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


def statistic_over_epochs_sentence(
    *,
    epochs: ArrayLike,
    values: ArrayLike,
    name: str,
    random_epochs: ArrayLike,
    random_mean: ArrayLike,
    random_low: ArrayLike,
    random_high: ArrayLike,
    shown_epoch: int | None = None,
    chance: str = "random routing",
    unit: Unit = "number",
) -> str:
    """Give the value at the shown epoch, or at the last one, beside random routing and before training.

    An epoch that is not recorded stands for the nearest recorded one; between the epochs of the expectation it is read off
    the line drawn. Plain text: escape it before it reaches Markdown.

    >>> random = {"random_epochs": [0, 60], "random_mean": [0.1, 0.12], "random_low": [0.1, 0.1], "random_high": [0.1, 0.15]}
    >>> print(statistic_over_epochs_sentence(epochs=[0, 60], values=[0.2, 0.42], name="Gini", **random))
    Gini is 0.420 at epoch 60 against 0.120 [0.100, 0.150] under random routing; it was 0.200 before training.
    """
    own = _own(epochs, values)
    random = _random(random_epochs, random_mean, random_low, random_high)
    word = interval_lines.sentence_case(theme.one_line(name))
    if not np.isfinite(own["value"]).any():
        return f"{word} is not defined at any recorded epoch."
    asked = own["epoch"].iloc[-1] if shown_epoch is None else shown_epoch
    row = own.iloc[int((own["epoch"] - asked).abs().to_numpy().argmin())]
    at = f"at epoch {theme.thousands(row['epoch'])}"
    if not np.isfinite(row["value"]):
        return f"{word} is not defined {at}."
    expected = _at(random, float(row["epoch"]))
    against = f" against {_interval(expected, unit)} under {chance}" if np.isfinite(expected[0]) else ""
    first = own.iloc[0]
    began = "before training" if first["epoch"] == 0 else f"at epoch {theme.thousands(first['epoch'])}"
    before = f"; it was {_write(first['value'], unit)} {began}"
    if first["epoch"] == row["epoch"] or not np.isfinite(first["value"]):
        before = ""
    return f"{word} is {_write(row['value'], unit)} {at}{against}{before}."


def _at(random: pd.DataFrame, epoch: float) -> list[float]:
    """Read mean, low and high at an epoch off the lines drawn; NaN outside them."""
    if random.empty:
        return [np.nan] * 3
    return [float(np.interp(epoch, random["epoch"], random[column], left=np.nan, right=np.nan)) for column in _COLUMNS]


def statistic_over_epochs_table(
    *,
    epochs: ArrayLike,
    values: ArrayLike,
    random_epochs: ArrayLike,
    random_mean: ArrayLike,
    random_low: ArrayLike,
    random_high: ArrayLike,
) -> pd.DataFrame:
    """List the epochs: epoch, value, random_mean, random_low, random_high, NaN where an expectation is not computed."""
    random = _random(random_epochs, random_mean, random_low, random_high)
    table = _own(epochs, values).merge(random, on="epoch", how="outer", sort=True)
    return table.astype({"epoch": np.int64})


def _own(epochs: ArrayLike, values: ArrayLike) -> pd.DataFrame:
    at = np.asarray(epochs, dtype=np.float64)
    return pd.DataFrame({"epoch": at, "value": _paired(values, at, "values", "epochs")})


def _random(epochs: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike) -> pd.DataFrame:
    at = np.asarray(epochs, dtype=np.float64)
    columns = {name: _paired(values, at, name, "random epochs") for name, values in zip(_COLUMNS, (mean, low, high))}
    return pd.DataFrame({"epoch": at, **columns})


def _paired(values: ArrayLike, at: NDArray[np.float64], name: str, of: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if at.ndim != 1 or array.shape != at.shape:
        raise ValueError(f"{name} must have one value for each of the {of} of shape {at.shape}, got shape {array.shape}")
    return array


def _write(value: float, unit: Unit) -> str:
    return theme.percent(value) if unit == "share" else theme.three_significant(value)


def _interval(ends: list[float], unit: Unit) -> str:
    return share_interval(*ends) if unit == "share" else number_interval(*ends)
