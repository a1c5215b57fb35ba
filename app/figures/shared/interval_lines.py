"""What figures of means with intervals share: checks, units, words for intervals and seeds, ranges and bands.

n = seeds behind a mean · lit = drawn in the model's colour, the rest is grey · values are in the unit of the axis.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.errors import SHARES as SHARES_OF_ROWS
from leafscope.app.figures.shared.errors import Errors
from leafscope.app.theme import Look
from leafscope.core.models import lines

INTERVAL = ["mean", "low", "high"]
"""The columns of a mean and its interval."""

_NEAR_ZERO = 0.25
"""The lowest error as a share of the highest from which on an axis of errors need not begin at 0."""

SHARES = ("percent", "percentage points")
"""Units of shares; all others are written with three significant digits."""

MOST_LIT = 3
"""More models than this in colour are a tangle."""

_GREY_OPACITY = 0.55


def phrase(model: str) -> str:
    """Name a model inside a sentence: "dense" -> "the dense net of equal computation".

    >>> phrase("dense_capacity")
    'the dense net of equal capacity'
    """
    line = lines().get(model)
    return theme.one_line(model) if line is None else line.in_a_sentence


def sentence_case(text: str) -> str:
    """Begin with a capital and leave the rest as it is.

    >>> sentence_case("the tree at K = 3")
    'The tree at K = 3'
    """
    return text[:1].upper() + text[1:]


def error_bars(ends: Iterable[ArrayLike], colour: str, width: float, cap: float) -> dict[str, Any]:
    """Give the bars of means, for `error_x` or `error_y`: mean, low and high, each (N,); at an unknown end there is no bar.

    `width` and `cap`, the length of the line across its end, are in px.
    """
    at, lowest, highest = (np.asarray(values, np.float64) for values in ends)
    return {
        "type": "data",
        "symmetric": False,
        "array": highest - at,
        "arrayminus": at - lowest,
        "thickness": width,
        "width": cap,
        "color": colour,
    }


def check_columns(table: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Take the columns of a table in order, rows numbered anew; raises ValueError for a missing column."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{name} must have the columns {', '.join(columns)}, but {', '.join(missing)} is missing")
    return table[list(columns)].reset_index(drop=True)


def in_unit(table: pd.DataFrame, columns: Sequence[str], unit: str) -> pd.DataFrame:
    """Bring columns of shares to percent or percentage points, and name the unit; what is no share stays as it is."""
    factor = 100.0 if unit in SHARES else 1.0
    return table.assign(**{column: factor * table[column].astype(float) for column in columns}, unit=unit)


def interval_words(mean: float, low: float, high: float, n: float, unit: str) -> str:
    """Write a mean in its unit with its interval and n, or that there is one seed.

    Units: percent, percentage points, and any other of what is no share, such as nats; empty: none is written.

    >>> interval_words(12.14, 10.2, 14.0, 5, "percent"), interval_words(-4.1, math.nan, math.nan, 1, "percentage points")
    ('12.1 % [10.2 %, 14.0 %], n = 5', '-4.1 points, one seed')
    """
    if not math.isfinite(mean):
        return theme.MISSING
    if unit not in SHARES:
        value, ends = f"{theme.three_significant(mean)} {unit}".rstrip(), [theme.three_significant(end) for end in (low, high)]
    elif unit == "percent":
        value, ends = theme.percent(mean / 100), [theme.percent(end / 100) for end in (low, high)]
    else:
        value, ends = f"{_point(mean)} points", [_point(end) for end in (low, high)]
    if n == 1:
        return f"{value}, one seed"
    between = f" [{', '.join(ends)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{value}{between}, n = {theme.thousands(n)}"


def range_words(mean: float, low: float, high: float, unit: str) -> str:
    """Write a mean in its unit with its range, which is none over seeds.

    >>> range_words(6.02, 3.7, 7.7, "leaves")
    '6.02 leaves [3.70, 7.70]'
    """
    return interval_words(mean, low, high, 0, unit).removesuffix(", n = 0")


def row_words(row: pd.Series | Mapping[Hashable, Any]) -> str:
    """Write the mean of a table's row, in the row's unit, with its interval and n."""
    return interval_words(row["mean"], row["low"], row["high"], row["n"], row["unit"])


def hover_words(rows: pd.DataFrame) -> list[str]:
    """Write what `row_words` writes, for every row of a table."""
    return [interval_words(*row) for row in rows[[*INTERVAL, "n", "unit"]].itertuples(index=False)]


def _point(value: float) -> str:
    return f"{round(value, 1) + 0.0:,.1f}" if math.isfinite(value) else theme.MISSING


def seeds_words(n: pd.Series, intervals: str, *, fewest: int = 2) -> str:
    """Say how many seeds there are, and how the intervals are drawn; fewer than `fewest` seeds have none.

    >>> seeds_words(pd.Series([5, 5]), "bands"), seeds_words(pd.Series([1, 1]), "bands")
    ('n = 5 seeds; bands: 95 % intervals of the mean', 'n = 1, one seed: no interval')
    >>> seeds_words(pd.Series([3]), "bands", fewest=5)
    'n = 3 seeds; too few for an interval'
    """
    counts = n[n > 0]
    if counts.empty:
        return "no seed has finished"
    if counts.max() == 1:
        return "n = 1, one seed: no interval"
    if counts.max() < fewest:
        return f"{n_words(counts)} seeds; too few for an interval"
    few = "one seed" if fewest == 2 else f"fewer than {fewest} seeds"
    without = f"; {few}: no interval" if counts.min() < fewest else ""
    return f"{n_words(counts)} seeds; {intervals}: 95 % intervals of the mean{without}"


def n_words(n: pd.Series) -> str:
    """Write how many seeds there are: "n = 5", or "n = 3 to 5".

    >>> n_words(pd.Series([5, 3]))
    'n = 3 to 5'
    """
    least, most = int(n.min()), int(n.max())
    return f"n = {theme.thousands(most)}" if least == most else f"n = {theme.thousands(least)} to {theme.thousands(most)}"


def holds_zero(low: float, high: float) -> bool:
    """Tell whether an interval holds 0, which one with a missing end cannot deny."""
    return not (low > 0 or high < 0)


def lit_models(models: Sequence[str], lit: Sequence[str] | None) -> list[str]:
    """Choose the models in colour: those asked for, else the first three; raises ValueError for more than three.

    >>> lit_models(["tree", "flat", "tree", "dense", "logistic"], None)
    ['tree', 'flat', 'dense']
    """
    if lit is None:
        return list(dict.fromkeys(models))[:MOST_LIT]
    if len(set(lit)) > MOST_LIT:
        raise ValueError(f"lit must name at most {MOST_LIT} models, got {len(set(lit))}")
    return list(dict.fromkeys(lit))


def grey(look: Look) -> str:
    """Give the colour of lines that are set back."""
    return theme.faded(theme.MUTED[look.dark], _GREY_OPACITY)


def value_range(
    values: ArrayLike, *, ceiling: float = math.inf, floor: float = -math.inf, zero: bool = True
) -> tuple[float, float]:
    """Give an axis range that holds all finite values, cut to floor..ceiling, with air for markers at its ends.

    `zero`: it holds 0 too; without, curves that lie close together are read better.
    """
    finite = np.asarray(values, dtype=np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    if zero or not len(finite):
        finite = np.append(finite, 0.0)
    low, high = max(float(finite.min()), floor), min(float(finite.max()), ceiling)
    air = 0.04 * (high - low or 1.0)
    return low - air, high + air


def error_range(values: ArrayLike, errors: Errors = SHARES_OF_ROWS) -> tuple[tuple[float, float], str]:
    """Give the axis of errors in their unit that holds all finite values, and what its title says of where it begins.

    It begins at 0 unless all values are so far above it that they would be squeezed.

    >>> error_range([5, 40])[1], error_range([38, 57])
    ('', ((37.24, 57.76), '; axis from 37 %'))
    """
    finite = np.asarray(values, dtype=np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    near_zero = not len(finite) or finite.min() < _NEAR_ZERO * finite.max()
    ends = value_range(finite, floor=0.0, ceiling=errors.ceiling, zero=near_zero)
    begins = f"{ends[0]:.0f} %" if errors.are_shares else theme.three_significant(ends[0])
    return ends, "" if ends[0] <= 0 else f"; axis from {begins}"


def integer_axis(figure: go.Figure, *, low: int, high: int, width: float, title: str, look: Look) -> tuple[float, float]:
    """Let every x axis run over whole numbers, ticks no closer than their labels, `width` px long -> range."""
    air = 0.5 if low == high else 0.03 * (high - low) + 0.1
    ends = (low - air, high + air)
    pitch = width / (ends[1] - ends[0])
    step = next(s for s in (1, 2, 4, 8, 16, 32) if s * pitch > 1.6 * theme.FONT_SIZE[look.projector] or s == 32)
    words = axis_title(title, width, look)
    figure.update_xaxes(title_text=words, range=list(ends), tick0=0, dtick=step, tickformat="d", showgrid=False, zeroline=False)
    return ends


def panel_height(figure: go.Figure, look: Look) -> float:
    """Estimate the px between the axis of depths and the top margin of a framed figure."""
    return float(figure.layout.height - figure.layout.margin.t - figure.layout.margin.b - 3.4 * theme.FONT_SIZE[look.projector])


def axis_title(text: str, length: float, look: Look) -> str:
    """Break the title of an axis so that it fits `length` px, escaped."""
    return frame.lines(frame.wrapped(text, theme.FONT_SIZE[look.projector], round(length)))


def add_band(
    figure: go.Figure, *, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, look: Look, **place: Any
) -> None:
    """Fill between the finite ends of intervals, hidden from hover; an interval without neighbours is a thick stroke."""
    at, below, above = (np.asarray(values, dtype=np.float64) for values in (x, low, high))
    finite = np.isfinite(below) & np.isfinite(above)
    for part in _stretches(finite):
        alone = len(part) == 1
        figure.add_scatter(
            x=np.concatenate([at[part], at[part][::-1]]),
            y=np.concatenate([above[part], below[part][::-1]]),
            mode="lines",
            fill="toself",
            fillcolor=theme.faded(colour, theme.BAND_OPACITY),
            line={
                "width": 3 * theme.LINE_WIDTH[look.projector] if alone else 0,
                "color": theme.faded(colour, theme.BAND_OPACITY),
            },
            hoverinfo="skip",
            showlegend=False,
            **place,
        )


def _stretches(there: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    places = np.flatnonzero(there)
    return [part for part in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(part)]
