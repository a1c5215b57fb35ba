"""Parallel coordinates of runs: a line a run through an axis for each field, the last axis and the colour are the score."""

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.compare.columns import Column, number_words, read_column
from leafscope.app.figures.compare.scores import Score
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import ramp
from leafscope.app.theme import SCREEN, Look

MISSING_TICK = "none"
"""The tick of runs that have no value in a field, below all others."""

_TITLE_LIMIT = 40
_LABEL_LIMIT = 14
_FIRST_LIMIT = {False: 20, True: 14}
"""Left of the first axis there is more room on a screen."""
_PITCH = 6.5
"""Least distance of two axes, in units of the font size."""
_LOG_RATIO = 100.0
"""Positive numbers that span more than this have a logarithmic axis."""
_BELOW = 0.15
"""How far below the lowest value the missing ones are, as a share of the axis."""
_FEW = 6
"""So many different numbers are all ticks."""


@dataclass(frozen=True, eq=False)
class ParallelCoordinates:
    """The fields of n runs and their scores. Raises ValueError for lists of another length."""

    fields: Mapping[str, Sequence[Any]]
    """Title -> (n,) numbers or words, None where there is none."""
    scores: Sequence[float]
    """(n,); runs without one are not drawn."""
    score: Score
    names: Sequence[str]
    """(n,) titles of the runs."""

    _columns: dict[str, Column] = field(init=False, repr=False)
    _finite: NDArray[np.float64] = field(init=False, repr=False)
    """(n,) finite scores, NaN where there is none."""

    def __post_init__(self) -> None:
        for title, given in (("score", self.scores), *self.fields.items()):
            if len(given) != len(self.names):
                where = theme.one_line(title, 60)
                raise ValueError(f"{where} must have one entry for each of the {len(self.names)} runs, got {len(given)}")
        scores = np.array([math.nan if value is None else float(value) for value in self.scores], dtype=np.float64)
        object.__setattr__(self, "_finite", np.where(np.isfinite(scores), scores, np.nan))
        object.__setattr__(self, "_columns", {title: read_column(given) for title, given in self.fields.items()})

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw each run as a line through its fields; the last axis is the score, which the colour repeats.

        Words are ticks in order, numbers over a wide span have a logarithmic axis, and missing values a tick of their own. The
        best run is drawn on top. As many fields are drawn as have room.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        scored = np.isfinite(self._finite)
        title = f"{interval_lines.sentence_case(self._score_title)} and the fields of each run"
        if not scored.any():
            return frame.empty_figure(look=look, title=title, subject=subject, why=self._why_nothing(), height=height)
        values = self._finite[scored]
        # Later lines lie on top of earlier ones
        order = np.argsort(values if self.score.higher_is_better else -values, kind="stable")
        size = theme.FONT_SIZE[look.projector]
        margin = round(0.5 * _LABEL_LIMIT * frame.CHARACTER_WIDTH * size + 2 * size)
        limit = _FIRST_LIMIT[look.projector]
        left = max(margin, round(limit * frame.CHARACTER_WIDTH * size + size))  # the words of the first axis are left of it
        width = look.width - left - margin - 3 * size
        shown = list(self.fields)[: max(1, int(width / (_PITCH * size)))]
        pitch = width / max(1, len(shown))
        runs = np.flatnonzero(scored)[order]
        figure = go.Figure()
        subtitle = self._subtitle(len(runs), len(shown))
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        top, bottom = (0.8, 5.0) if look.projector else (2.6, 1.2)
        inside = height - figure.layout.margin.t - (top + bottom) * size
        axes = [
            *(
                _axis(name, read_column([self.fields[name][run] for run in runs]), inside, pitch, look, limit=most)
                for name, most in zip(shown, (limit, *[_LABEL_LIMIT] * len(shown)))
            ),
            _axis(self.score.title, Column(values[order], ()), inside, pitch, look, percent=self.score.percent),
        ]
        low, high = float(values.min()), float(values.max())
        # Plotly's own shadow is white on a transparent page
        halo = ", ".join(f"{x} {y} 2px {theme.BACKGROUND[look.dark]}" for x in ("-1px", "1px") for y in ("-1px", "1px"))
        font = {"size": size, "color": theme.TEXT[look.dark], "shadow": halo}
        figure.add_parcoords(
            dimensions=[axis.dimension() for axis in axes],
            line={
                "color": axes[-1].at,
                "colorscale": ramp(look),
                "cmin": axes[-1].range[0] if low == high else axes[-1].at.min(),
                "cmax": axes[-1].range[1] if low == high else axes[-1].at.max(),
                "showscale": True,
                "colorbar": {
                    "thickness": size,
                    "x": 1.0,
                    "xpad": round(0.8 * size),
                    "outlinewidth": 0,
                    "len": 1.0,
                    "lenmode": "fraction",
                    "ypad": 0,
                    "showticklabels": False,
                    "ticks": "",
                },
            },
            labelfont=font,
            tickfont=font,
            rangefont=font,
            unselected={"line": {"color": theme.MUTED[look.dark], "opacity": 0.15}},
            # Above, Plotly has 28 px for them, whatever their size
            labelside="bottom" if look.projector else "top",
        )
        # Plotly draws its own axes in black, which a dark page hides
        for place in range(len(axes)):
            figure.add_shape(
                type="line",
                xref="paper",
                yref="paper",
                x0=place / max(1, len(axes) - 1),
                x1=place / max(1, len(axes) - 1),
                y0=0,
                y1=1,
                line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
            )
        figure.update_layout(
            margin={"l": left, "r": margin, "t": figure.layout.margin.t + round(top * size), "b": round(bottom * size)}
        )
        return figure

    def sentence(self) -> str:
        """Name the best run by score, the first of equals, with its values.

        Plain text: escape it before it reaches Markdown.

        >>> loss = Score("validation loss", percent=False, higher_is_better=False)
        >>> fields = {"depth": [2, 5], "model": ["tree", None]}
        >>> print(ParallelCoordinates(fields, [0.31, 0.25], loss, names=["a", "b"]).sentence())
        Of 2 runs, b has the best validation loss, 0.250: depth 5, model none.
        """
        known = np.flatnonzero(np.isfinite(self._finite))
        if len(known) == 0:
            return self._why_nothing()
        scores = self._finite[known]
        best = int(known[scores.argmax() if self.score.higher_is_better else scores.argmin()])
        fields = [
            f"{theme.one_line(title, _TITLE_LIMIT)} {theme.one_line(column.words(best), _TITLE_LIMIT)}"
            for title, column in self._columns.items()
        ]
        start = f"Of {theme.thousands(len(known))} runs, " if len(known) > 1 else "The only run, "
        verb = " has the best" if len(known) > 1 else ", has the"
        name = theme.one_line(self.names[best], 60)
        end = f": {', '.join(fields)}." if fields else "."
        value = _score_words(float(self._finite[best]), self.score.percent)
        return f"{start}{name}{verb} {self._score_title}, {value}{end}"

    def table(self) -> pd.DataFrame:
        """List the runs in the order given: name, each field by its title, and the score by its title, the last column."""
        parts: list[pd.Series[Any]] = [pd.Series([str(name) for name in self.names], name="name", dtype=object)]
        for title, column in self._columns.items():
            parts.append(column.plain().rename(_free(title, parts)))
        parts.append(pd.Series(self._finite, name=_free(self.score.title, parts)))
        return pd.concat(parts, axis=1)

    @property
    def _score_title(self) -> str:
        return theme.one_line(self.score.title, _TITLE_LIMIT)

    def _why_nothing(self) -> str:
        return "There are no runs to show." if len(self.names) == 0 else f"No run has a value of {self._score_title} yet."

    def _subtitle(self, drawn: int, fields: int) -> str:
        words = [f"n = {theme.thousands(drawn)} run{'' if drawn == 1 else 's'}"]
        if drawn < len(self.names):
            words.append(f"{theme.thousands(len(self.names) - drawn)} without {self._score_title} left out")
        words.append(f"colour: {self._score_title}, {'higher' if self.score.higher_is_better else 'lower'} is better")
        if fields < len(self.fields):
            words.append(f"the first {fields} of {theme.thousands(len(self.fields))} fields")
        return "; ".join(words)


@dataclass(frozen=True)
class _Axis:
    label: str
    """Escaped: Plotly renders tags in labels, though not in ticks."""
    at: NDArray[np.float64]
    """(n,) where each run crosses the axis."""
    range: tuple[float, float]
    ticks: list[tuple[float, str]]

    def dimension(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "values": self.at,
            "range": list(self.range),
            "tickvals": [at for at, _ in self.ticks],
            "ticktext": _distinct([text for _, text in self.ticks]),
        }


def _axis(
    title: str, column: Column, height: float, pitch: float, look: Look, *, limit: int = _LABEL_LIMIT, percent: bool = False
) -> _Axis:
    """Lay out the axis of a field, `height` px long and `pitch` px from the next."""
    size = theme.FONT_SIZE[look.projector]
    room = max(8, int(pitch / (frame.CHARACTER_WIDTH * size)) - 1)
    at = column.values.copy()
    missing = ~np.isfinite(at)
    finite = at[~missing]
    positive = not column.categories and not percent and len(finite) > 0 and finite.min() > 0
    logarithmic = positive and finite.max() / finite.min() > _LOG_RATIO
    if logarithmic:
        at = np.log10(at, where=~missing, out=np.full(len(at), np.nan))
        finite = at[~missing]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    most = max(2, int(height / (1.6 * size)))
    if column.categories:
        step = math.ceil(len(column.categories) / most)
        limit = min(limit, room - 1)
        ticks = [
            (float(place), theme.one_line(word, limit)) for place, word in enumerate(column.categories) if place % step == 0
        ]
    else:
        ticks = _number_ticks(finite, (low, high), logarithmic, most, percent)
    if missing.any():
        below = low - _BELOW * (high - low)
        at = np.where(missing, below, at)
        ticks = [(below, MISSING_TICK), *ticks]
        low = below
    label = _label(title, " (log)" if logarithmic else "", room)
    # Below an axis, a line stays free for its lowest tick
    return _Axis(frame.lines(["\u00a0", *label] if look.projector else label), at, (low, high), ticks)


def _label(title: str, suffix: str, room: int) -> list[str]:
    """Break a label in at most two lines of `room` characters."""
    first, *rest = textwrap.wrap(theme.one_line(title, _TITLE_LIMIT) + suffix, room)
    return [first, *([theme.one_line(" ".join(rest), room)] if rest else [])]


def _number_ticks(
    finite: NDArray[np.float64], ends: tuple[float, float], logarithmic: bool, most: int, percent: bool
) -> list[tuple[float, str]]:
    """Tick the numbers themselves where they are few and apart, else whole numbers, or five places from end to end."""
    distinct = np.unique(finite)
    apart = len(distinct) < 2 or np.diff(distinct).min() >= (ends[1] - ends[0]) / most
    if len(distinct) <= _FEW and apart:
        places = distinct
    elif not logarithmic and not percent and (distinct == np.floor(distinct)).all():
        places = np.arange(ends[0], ends[1] + 1, math.ceil((ends[1] - ends[0]) / min(8, most)))
    else:
        places = np.linspace(*ends, min(5, most))
    numbers = [float(f"{10**place if logarithmic else place:.6g}") for place in places]
    return [(float(place), _score_words(number, percent)) for place, number in zip(places, numbers)]


def _score_words(number: float, percent: bool) -> str:
    return theme.percent(number) if percent else number_words(number)


def _distinct(texts: list[str]) -> list[str]:
    """Tell equal tick labels apart by trailing spaces: Plotly puts equal ones at one place."""
    seen: dict[str, int] = {}
    result = []
    for text in texts:
        count = seen.get(text, 0)
        seen[text] = count + 1
        result.append(text + "\u00a0" * count)
    return result


def _free(title: str, parts: Sequence["pd.Series[Any]"]) -> str:
    """Make a title that no other column has."""
    taken = {part.name for part in parts}
    numbered = (title if number == 1 else f"{title} ({number})" for number in itertools.count(1))
    return next(name for name in numbered if name not in taken)
