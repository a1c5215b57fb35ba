"""Logarithmic axes whose ticks do not touch: 1, 2, 5, 10, ..., or powers of ten where there is less room."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import Look


def log_axis(
    values: ArrayLike, *, axis: Literal["x", "y"], length: float, look: Look, air: float = 0.0
) -> tuple[tuple[float, float], dict[str, Any]]:
    """Lay out an axis of `length` px over the positive values -> (range in log10, options for Plotly).

    `air` px stay free at both ends, at least enough for a marker. Raises ValueError where no value is above 0.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    given = given[np.isfinite(given) & (given > 0)]
    if given.size == 0:
        raise ValueError("a logarithmic axis must have a value above 0, got none")
    low, high = math.log10(given.min()), math.log10(given.max())
    if high - low < 0.3:
        middle = (low + high) / 2
        low, high = middle - 0.15, middle + 0.15
    free = min(max(air, float(theme.MARKER_SIZE[look.projector])), 0.4 * length)
    margin = free * (high - low) / (length - 2 * free)
    ends = (low - margin, high + margin)
    ticks = log_ticks(ends, axis=axis, length=length, look=look)
    return ends, {
        "type": "log",
        "range": list(ends),
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [tick_text(tick) for tick in ticks],
    }


def with_zero(
    values: ArrayLike, *, length: float, look: Look, air: float = 0.0
) -> tuple[NDArray[np.float64], tuple[float, float], dict[str, Any]]:
    """Place values from 0 on a logarithmic x axis -> (places, range in log10, options); 0 is at half the smallest above it.

    >>> with_zero([0, 10, 40], length=500, look=Look())[0].tolist()
    [5.0, 10.0, 40.0]
    """
    given = np.asarray(values, dtype=np.float64)
    positive = given[given > 0]
    zero = float(positive.min()) / 2 if positive.size else 1.0
    at = np.where(given > 0, given, zero)
    ends, options = log_axis(at, axis="x", length=length, look=look, air=air)
    if (given == 0).any():
        room = 1.5 * theme.FONT_SIZE[look.projector] * (ends[1] - ends[0]) / length
        ticks = [tick for tick in options["tickvals"] if math.log10(tick) > math.log10(zero) + room]
        options |= {"tickvals": [zero, *ticks], "ticktext": ["0", *map(tick_text, ticks)]}
    return at, ends, options


def log_ticks(ends: tuple[float, float], *, axis: Literal["x", "y"], length: float, look: Look) -> list[float]:
    """Choose ticks between two powers of 10: 1, 2, 5, 10, ..., or only powers of ten where labels would touch.

    >>> log_ticks((-0.1, 1.1), axis="y", length=300, look=Look())
    [1.0, 2.0, 5.0, 10.0]
    >>> log_ticks((-0.1, 6.1), axis="y", length=100, look=Look())
    [1.0, 100.0, 10000.0, 1000000.0]
    """
    low, high = ends
    powers = range(math.floor(low), math.ceil(high) + 1)
    choices: list[tuple[Sequence[int], int]] = [((1, 2, 5), 1), *(((1,), step) for step in range(1, len(powers) + 1))]
    for leads, step in choices:
        ticks = [float(f"{lead}e{power}") for power in powers if power % step == 0 for lead in leads]
        ticks = [tick for tick in ticks if low <= math.log10(tick) <= high]
        places = [math.log10(tick) * length / (high - low) for tick in ticks]
        if all(b - a >= _room(first, second, axis, look) for a, b, first, second in zip(places, places[1:], ticks, ticks[1:])):
            return ticks
    return []


def tick_text(value: float) -> str:
    """Write a tick: whole numbers with thousands separated, others in full.

    >>> tick_text(10000.0), tick_text(0.05)
    ('10,000', '0.05')
    """
    return theme.thousands(value) if value >= 1 else f"{value:.12f}".rstrip("0")


def _room(first: float, second: float, axis: str, look: Look) -> float:
    """The px that two neighbouring ticks need between them."""
    size = theme.FONT_SIZE[look.projector]
    if axis == "y":
        return 1.6 * size
    return (len(tick_text(first)) + len(tick_text(second))) / 2 * frame.CHARACTER_WIDTH * size + 0.8 * size
