"""How a predicted number comes about: from the mean of the training rows over what each matrix on the path adds to it.

M nodes on the path, root first · everything in the unit of the target · offset + parts + rest = prediction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.leaves.contributions import REST
from leafscope.app.figures.leaves.matrices import diverging_scale
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look

MEAN, SUM, ACROSS = "training mean", "prediction", "beyond the nearest gate"

_NOT_FINITE = "The prediction is not finite, so what adds up to it cannot be shown."
_TOLERANCE = 1e-3
"""Rounding of single precision, relative to the largest term."""
_MOST_DIGITS = 6
_MANY = 12
"""Rows from which on not each has its name."""


@dataclass(frozen=True, eq=False)
class NumberContributions:
    """What adds up to the number that is predicted for one row.

    Raises ValueError for shapes that do not fit and for terms that do not add up to the prediction.
    """

    offset: float
    """The mean of the target over the training rows."""
    parts: ArrayLike
    """(M,): what each node adds."""
    names: Sequence[str]
    """(M,) nodes, root first: "root", "1", "1 0", or "leaf 1 0"."""
    rest: float
    """What the biases after the layer add."""
    prediction: float
    target: str
    """The name of the target, not yet escaped."""
    truth: float | None = None
    """The row's own number, if known."""
    across: float | None = None
    """The prediction on the other side of the nearest gate, if there is one."""
    row: str = ""
    """Names the row in the title: "test row 17"."""

    _added: NDArray[np.float64] = field(init=False, repr=False)
    """(M + 1,): nodes, then the later biases."""

    def __post_init__(self) -> None:
        nodes = np.asarray(self.parts, np.float64)
        if nodes.shape != (len(self.names),):
            raise ValueError(f"parts must have shape (M,) = {(len(self.names),)}, got {nodes.shape}")
        added = np.append(nodes, float(self.rest))
        off = abs(self.offset + added.sum() - self.prediction)
        # NaN passes: the figure says that the prediction is not finite
        if off > _TOLERANCE * max(1e-300, abs(self.offset), float(np.abs(added).max())):
            given = theme.three_significant(off)
            raise ValueError(f"offset, parts and rest must add up to the prediction, got a difference of {given}")
        object.__setattr__(self, "_added", added)

    @property
    def _is_finite(self) -> bool:
        return bool(np.isfinite(self._added).all() and math.isfinite(self.offset) and math.isfinite(self.prediction))

    @property
    def _digits(self) -> int:
        """Decimals with which all numbers are written, so that they add up on the screen too."""
        most = float(np.abs(self._added).max())
        return 2 if most == 0 else min(_MOST_DIGITS, max(0, 2 - math.floor(math.log10(most))))

    def write(self, value: float, sign: str = "") -> str:
        """Write a number with as many decimals as all numbers of the figure; `sign` "+": always with its sign."""
        rounded = round(float(value), self._digits) + 0.0  # + 0.0: no minus zero
        return theme.three_significant(rounded) if abs(rounded) >= 1e9 else f"{rounded:{sign},.{self._digits}f}"

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the way from the mean to the prediction, a bar for each matrix; the row's own number is a dotted line."""
        height = theme.MAIN_HEIGHT[look.projector]
        name = theme.one_line(self.target, 40)
        title = f"What each matrix adds to {name}{f' of {theme.one_line(self.row)}' if self.row else ''}"
        if not self._is_finite:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOT_FINITE, height=height)
        words = [MEAN, *map(str, self.names), REST, SUM]
        end = len(self._added) + 1
        places = np.arange(end + 1, dtype=np.float64)
        if self.across is not None:
            words.append(ACROSS)
            places = np.append(places, end + (1 if end < _MANY else 2))  # so that its name has room too
        after = self.offset + np.cumsum(self._added)
        before = after - self._added
        figure = go.Figure()
        scale = diverging_scale(dark=look.dark)
        figure.add_bar(
            orientation="h",
            base=before,
            x=self._added,
            y=places[1:end],
            width=0.7,
            marker={
                "color": [theme.scale_colour(scale, 0.9 if part >= 0 else 0.1) for part in self._added],
                "line": {"width": 0},
            },
            text=[self.write(part, "+") for part in self._added],
            textposition="outside",
            cliponaxis=False,
            textfont={"color": theme.TEXT[look.dark]},
            hovertext=[
                f"{theme.escape(word)}<br>{self.write(part, '+')}<br>from {self.write(start)} to {self.write(stop)}"
                for word, part, start, stop in zip(words[1:end], self._added, before, after)
            ],
            hoverinfo="text",
            showlegend=False,
        )
        line = {"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2}
        steps = np.concatenate([[self.offset], after])
        figure.add_scatter(
            x=np.ravel([[step, step, None] for step in steps.tolist()]),
            y=np.ravel([[place + 0.35 * (place > 0), place + 1 - 0.35 * (place + 1 < end), None] for place in range(end)]),
            mode="lines",
            line=line,
            hoverinfo="skip",
            showlegend=False,
        )
        ends = [(self.offset, 0.0, "circle-open"), (self.prediction, float(end), "circle")]
        ends += [] if self.across is None else [(float(self.across), float(places[-1]), "diamond-open")]
        figure.add_scatter(
            x=[one for one, _, _ in ends],
            y=[place for _, place, _ in ends],
            mode="markers+text",
            marker={
                "symbol": [symbol for _, _, symbol in ends],
                "size": 1.4 * theme.MARKER_SIZE[look.projector],
                "color": theme.TEXT[look.dark],
                "line": {"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector]},
            },
            text=[f" {self.write(one)} " for one, _, _ in ends],
            textposition="middle right",
            hoverinfo="skip",
            showlegend=False,
            cliponaxis=False,
        )
        shown = [*steps.tolist(), *(one for one, _, _ in ends)]
        if self.truth is not None and math.isfinite(self.truth):
            shown.append(self.truth)
            figure.add_scatter(
                x=[self.truth] * 2,
                y=[-0.5, places[-1] + 0.5],
                mode="lines",
                line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector], "dash": "dot"},
                hovertext=f"the number of this row: {self.write(self.truth)}",
                hoverinfo="text",
                showlegend=False,
            )
        low, high = min(shown), max(shown)
        air = (high - low) or max(1e-9, abs(high) * 1e-3)
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=self._subtitle(), height=height)
        tall = interval_lines.panel_height(figure, look) / (places[-1] + 1)
        kept = _apart([end, 0, len(words) - 1, *range(len(words))], places, 1.1 * theme.FONT_SIZE[look.projector] / tall)
        figure.update_xaxes(title_text=theme.escape(name), range=[low - 0.18 * air, high + 0.25 * air], zeroline=False)
        if abs(high) < 1e9:
            figure.update_xaxes(tickformat=",~f")
        figure.update_yaxes(
            tickmode="array",
            tickvals=places[kept],
            ticktext=[theme.escape(_label(words[place]), 24) for place in kept],
            range=[places[-1] + 0.5, -0.5],
            showgrid=False,
            zeroline=False,
            automargin=True,
        )
        return figure

    def _subtitle(self) -> str:
        known = "" if self.truth is None else f"; dotted: the number of this row, {self.write(self.truth)}"
        return f"n = 1 row; in the unit of the target{known}"

    def sentence(self) -> str:
        """Say the prediction, how far it is from the mean and from the row's own number, and which matrix did most; plain text.

        >>> parts = NumberContributions(50.0, [1.5, 4.0], ["root", "1"], rest=-0.5, prediction=55.0, target="price", truth=56.0)
        >>> parts.sentence()
        'Predicted price 55.00: the training mean 50.00 and 5.00 more, of which the prefix 1 adds most (+4.00); the number is \
56.00, so the prediction is 1.00 too low.'
        """
        if not self._is_finite:
            return _NOT_FINITE
        gap = self.prediction - self.offset
        words = [*map(str, self.names), REST]
        source = int((self._added if gap >= 0 else -self._added).argmax())
        begin = f"Predicted {theme.one_line(self.target, 40)} {self.write(self.prediction)}: the training mean"
        if gap == 0:
            said = f"{begin}"
        else:
            way = "more" if gap > 0 else "less"
            does = "adds" if gap > 0 else "takes away"
            said = (
                f"{begin} {self.write(self.offset)} and {self.write(abs(gap))} {way}, of which {_source(words[source])} {does} "
                f"most ({self.write(self._added[source], '+')})"
            )
        if self.truth is None:
            return f"{said}."
        off = self.prediction - self.truth
        how = (
            "which is exact" if off == 0 else f"so the prediction is {self.write(abs(off))} too {'high' if off > 0 else 'low'}"
        )
        return f"{said}; the number is {self.write(self.truth)}, {how}."

    def table(self) -> pd.DataFrame:
        """List the terms in order: term, added, total; the mean comes first, then the prediction and that beyond the gate."""
        total = self.offset + np.cumsum(self._added)
        rows = [(MEAN, self.offset, self.offset), *zip([*map(str, self.names), REST], self._added, total, strict=True)]
        rows.append((SUM, np.nan, self.prediction))
        if self.across is not None:
            rows.append((ACROSS, np.nan, self.across))
        return pd.DataFrame(rows, columns=["term", "added", "total"])


def _source(name: str) -> str:
    if name == "root":
        return "the root"
    if name == REST:
        return "the later biases' part"
    return f"the prefix {name}" if name and set(name) <= set("01 ") else theme.one_line(name)


def _label(name: str) -> str:
    """A name at the axis: long patterns lose their spaces."""
    return name.replace(" ", "") if len(name) > 14 and set(name) <= set("01 ") else name


def _apart(order: Sequence[int], at: NDArray[np.float64], distance: float) -> list[int]:
    """Take places in an order of importance, each only if it is `distance` from those taken before."""
    taken: list[int] = []
    for place in order:
        if all(abs(at[place] - at[other]) >= distance for other in taken):
            taken.append(place)
    return sorted(taken)
