"""Information of the sign pattern about the class, prefix by prefix, beside permuted orders of the same bits.

K = depth, the number of gating bits · level l from 0 (no bit) to K (the whole pattern) · information is adjusted for chance.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.balance.lorenz import add_random, make_legend_room
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import SCREEN, Look

_COLUMNS = ["level", "adjusted", "random_mean", "random_low", "random_high"]


def information_levels(
    *,
    level: ArrayLike,
    adjusted: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    orders: int,
    split: str = "test",
    model: str = "tree",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the adjusted information about the class against the prefix length: (K + 1,) levels and values, 1 is all.

    `mean`, `low`, `high` (K + 1,) are over `orders` permuted orders of the bits, NaN where unknown. Raises ValueError for
    shapes that do not fit.
    """
    table = information_levels_table(level=level, adjusted=adjusted, mean=mean, low=low, high=high)
    height = theme.SIDE_HEIGHT[look.projector]
    title = "Information about the class against bits of the pattern"
    if (why := _nothing(table, split)) is not None:
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    style = model_style(model, "", look)
    figure = go.Figure()
    figure.add_scatter(
        x=table["level"],
        y=table["adjusted"],
        mode="lines+markers",
        name="order of this net",
        line={"color": style["colour"]},
        marker={"symbol": style["marker"], "color": style["colour"]},
        hovertext=[
            f"{_bits(level)}<br>information {theme.three_significant(value)}"
            for level, value in zip(table["level"], table["adjusted"])
        ],
        hoverinfo="text",
    )
    add_random(
        figure,
        x=table["level"],
        mean=table["random_mean"],
        low=table["random_low"],
        high=table["random_high"],
        name="random orders",
        hovertext=[
            f"{_bits(level)}, random orders<br>information {number_interval(*ends)}"
            for level, *ends in table[["level", *_COLUMNS[2:]]].to_numpy().tolist()
        ],
        look=look,
    )
    subtitle = [f"{split} rows", "adjusted for chance, 1 = everything"]
    if table["random_mean"].notna().any():
        subtitle.append(f"dashed: mean of {theme.thousands(orders)} random order{'' if orders == 1 else 's'}, band: 95 %")
    width = look.width - 4.5 * theme.FONT_SIZE[look.projector]
    deepest = int(table["level"].max())
    interval_lines.integer_axis(figure, low=0, high=deepest, width=width, title="length of the prefix (bits)", look=look)
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height, legend="top")
    make_legend_room(figure, look)
    values = table[["adjusted", *_COLUMNS[2:]]]
    figure.update_yaxes(
        title_text="information",
        range=list(interval_lines.value_range(values)),
        zeroline=True,
        nticks=6,
    )
    return figure


def number_interval(mean: float, low: float, high: float) -> str:
    """Write a number with its interval, without the interval where an end is unknown.

    >>> number_interval(0.12, 0.1, 0.15)
    '0.120 [0.100, 0.150]'
    """
    ends = f" [{theme.three_significant(low)}, {theme.three_significant(high)}]"
    return f"{theme.three_significant(mean)}{ends if np.isfinite(low) and np.isfinite(high) else ''}"


def information_levels_sentence(
    *,
    level: ArrayLike,
    adjusted: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    split: str = "test",
) -> str:
    """Say what the whole pattern says about the class, and where the order of the bits matters most.

    >>> chance = {"mean": [0, 0.22, 0.412], "low": [0, 0.1, 0.412], "high": [0, 0.33, 0.412]}
    >>> print(information_levels_sentence(level=[0, 1, 2], adjusted=[0, 0.31, 0.412], **chance))
    The whole pattern says 0.412 about the class of the test rows (adjusted for chance; 0 = nothing, 1 = everything); its \
first bit says 0.310, a random order of the bits 0.220 [0.100, 0.330].
    """
    table = information_levels_table(level=level, adjusted=adjusted, mean=mean, low=low, high=high)
    if (why := _nothing(table, split)) is not None:
        return why
    whole = table["adjusted"].iloc[-1]
    said = (
        f"The whole pattern says {theme.three_significant(whole)} about the class of the {split} rows "
        "(adjusted for chance; 0 = nothing, 1 = everything)"
    )
    gap = (table["adjusted"] - table["random_mean"]).abs().to_numpy()[1:-1]
    if not np.isfinite(gap).any():
        return f"{said}."
    row = table.iloc[1 + int(np.nanargmax(gap))]
    chosen = ", where orders differ most," if len(gap) > 1 else ""  # the range is of one length, not of the chosen one
    bits = f"first bit{chosen} says" if row["level"] == 1 else f"first {row['level']:.0f} bits{chosen} say"
    random = number_interval(*(float(row[column]) for column in _COLUMNS[2:]))
    return f"{said}; its {bits} {theme.three_significant(row['adjusted'])}, a random order of the bits {random}."


def information_levels_table(
    *, level: ArrayLike, adjusted: ArrayLike, mean: ArrayLike, low: ArrayLike, high: ArrayLike
) -> pd.DataFrame:
    """List the levels: level, adjusted, random_mean, random_low, random_high."""
    levels = np.asarray(level)
    if levels.ndim != 1 or not np.array_equal(levels, np.arange(len(levels))):
        raise ValueError(f"level must be 0, 1, ..., K, got {levels.tolist()}")
    values: list[NDArray[np.float64]] = []
    for name, given in (("adjusted", adjusted), ("mean", mean), ("low", low), ("high", high)):
        array = np.asarray(given, dtype=np.float64)
        if array.shape != levels.shape:
            raise ValueError(f"{name} must have one value for each of {len(levels)} levels, got shape {array.shape}")
        values.append(array)
    return pd.DataFrame(dict(zip(_COLUMNS, [levels.astype(np.int64), *values])))


def _nothing(table: pd.DataFrame, split: str) -> str | None:
    """Why there is nothing to show, or None."""
    if len(table) <= 1:
        return "At depth 0 there is one leaf and no gate, so no bit can tell the class."
    if not np.isfinite(table["adjusted"].iloc[-1]):
        return f"There are no {split} rows, or all are of one class or in one leaf, so that no bit can tell the class."
    return None


def _bits(level: float) -> str:
    return f"{level:.0f} bit{'' if level == 1 else 's'}"
