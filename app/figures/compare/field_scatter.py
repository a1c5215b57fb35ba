"""Scatter of two fields of runs: a marker a run, colour and marker say the group; a field is numbers or words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.compare.columns import NAME_LIMIT, Column, read_column
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.figures.shared.log_axis import log_axis
from leafscope.app.theme import SCREEN, Look

_TITLE_LIMIT = 48
_CATEGORY_LIMIT = 16
_LEAST_LABEL = 8
"""Words cut shorter than this are upright instead."""
_GROUP_LIMIT = {False: 26, True: 18}
_NO_RUNS = "There are no runs to show."
_NOTHING = "No run has a value in both fields."
_SPREAD = 0.6
"""Markers of one word are spread over this share of the place that the word has."""
_STEPS = {"x": 0.7548776662466927, "y": 0.5698402909980532}
"""Powers of the inverse plastic number, which fill a square evenly: Roberts 2018, the R2 sequence."""


@dataclass(frozen=True, eq=False)
class Field:
    """A field of runs on an axis."""

    title: str
    values: Sequence[Any]
    """(n,) numbers or words; None, "" and what is not finite are no value."""
    log: bool = False
    """Whether the axis is logarithmic, which leaves out values that are not above 0; ignored for words."""


@dataclass(frozen=True, eq=False)
class FieldScatter:
    """One field of n runs against another. Raises ValueError for lists of another length and for a group without a style."""

    x: Field
    y: Field
    group: Sequence[int]
    """(n,) places in `styles`."""
    styles: Sequence[GroupStyle]
    names: Sequence[str]
    """(n,) titles of the runs."""
    run_ids: Sequence[str]
    """(n,)."""

    _x_column: Column = field(init=False, repr=False)
    _y_column: Column = field(init=False, repr=False)
    _both: NDArray[np.bool_] = field(init=False, repr=False)
    """(n,) whether a run has a value in both fields."""
    _drawn: NDArray[np.bool_] = field(init=False, repr=False)
    """(n,) whether it has a place on both axes."""

    def __post_init__(self) -> None:
        n = len(self.x.values)
        given = {"y": self.y.values, "group": self.group, "names": self.names, "run_ids": self.run_ids}
        for name, values in given.items():
            if len(values) != n:
                raise ValueError(f"{name} must have one entry for each of the {n} runs of x, got {len(values)}")
        if outside := [place for place in self.group if not 0 <= place < len(self.styles)]:
            raise ValueError(f"group must be from 0 to {len(self.styles) - 1}, a place in styles, got {outside[0]}")
        x_column, y_column = read_column(self.x.values), read_column(self.y.values)
        both = np.isfinite(x_column.values) & np.isfinite(y_column.values)
        drawn = both.copy()
        for axis, column in ((self.x, x_column), (self.y, y_column)):
            if axis.log and not column.categories:
                drawn &= column.values > 0
        for name, value in (("_x_column", x_column), ("_y_column", y_column), ("_both", both), ("_drawn", drawn)):
            object.__setattr__(self, name, value)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a marker a run, whose `customdata` is its run_id.

        Words are at even places, in order, and their markers are spread a little so that none hides another.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        x_title, y_title = theme.one_line(self.x.title, _TITLE_LIMIT), theme.one_line(self.y.title, _TITLE_LIMIT)
        title = f"{interval_lines.sentence_case(y_title)} against {x_title}"
        if not self._drawn.any():
            return frame.empty_figure(look=look, title=title, subject=subject, why=self._why_nothing(), height=height)
        groups = np.asarray(self.group, dtype=np.int64)
        shown = [place for place in range(len(self.styles)) if (self._drawn & (groups == place)).any()]
        labels = {place: theme.one_line(self.styles[place].words, _GROUP_LIMIT[look.projector]) for place in shown}
        right = _legend_width(list(labels.values()), look) if len(shown) > 1 else 0.0
        at_x, at_y = self._places()
        figure = go.Figure()
        for place in shown:
            mine = np.flatnonzero(self._drawn & (groups == place)).tolist()
            figure.add_scatter(
                x=at_x[mine],
                y=at_y[mine],
                mode="markers",
                name=theme.escape(labels[place]),
                legendgroup=str(place),
                marker={
                    "symbol": self.styles[place].marker,
                    "color": self.styles[place].colour,
                    "size": 1.2 * theme.MARKER_SIZE[look.projector],
                    "line": {"width": 1, "color": theme.BACKGROUND[look.dark]},
                },
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 0.3}},
                customdata=[str(self.run_ids[run]) for run in mine],
                hovertext=[self._hover(run) for run in mine],
                hoverinfo="text",
            )
        size = theme.FONT_SIZE[look.projector]
        _lay_axis(figure, "x", self.x, self._x_column, at_x[self._drawn], look.width - right - 6 * size, look)
        _lay_axis(figure, "y", self.y, self._y_column, at_y[self._drawn], height - 9 * size, look)
        return frame.frame(
            figure,
            look=look,
            title=title,
            subject=subject,
            subtitle=self._subtitle(),
            height=height,
            legend="right" if len(shown) > 1 else "none",
        )

    def sentence(self) -> str:
        """Say how many runs there are and, of two fields of numbers, how strongly their ranks go together.

        Plain text: escape it before it reaches Markdown.

        >>> x, y, runs = Field("depth", [1, 2, 3, 4]), Field("error", [0.4, 0.3, 0.2, 0.25]), list("abcd")
        >>> print(FieldScatter(x, y, [0] * 4, [GroupStyle("tree", "", "")], names=runs, run_ids=runs).sentence())
        Error against depth: rank correlation -0.80 over 4 runs.
        """
        drawn, x_column, y_column = self._drawn, self._x_column, self._y_column
        first, second = theme.one_line(self.x.title, _TITLE_LIMIT), theme.one_line(self.y.title, _TITLE_LIMIT)
        n = int(drawn.sum())
        if n == 0:
            return self._why_nothing()
        start = f"{interval_lines.sentence_case(second)} against {first}"
        if worded := [(title, column) for title, column in ((first, x_column), (second, y_column)) if column.categories]:
            values = [
                f"{theme.thousands(len(set(column.values[drawn].tolist())))} different values of {title}"
                for title, column in worded
            ]
            return f"{start}: {_runs(n)} with {theme.enumerate_words(values)}."
        if n < 3:
            return f"{start}: {_runs(n)}, too few for a rank correlation."
        found = rank_correlation(x_column.values[drawn], y_column.values[drawn])
        if math.isnan(found):
            same = first if len(set(x_column.values[drawn].tolist())) == 1 else second
            return f"{start}: no rank correlation, since {same} is the same in all {_runs(n)}."
        return f"{start}: rank correlation {round(found, 2) + 0.0:.2f} over {_runs(n)}."

    def table(self) -> pd.DataFrame:
        """List every run in the order given, also those that are not drawn: name, run_id, group, x, y."""
        return pd.DataFrame(
            {
                "name": [str(name) for name in self.names],
                "run_id": [str(run_id) for run_id in self.run_ids],
                "group": [self.styles[place].words for place in self.group],
                "x": self._x_column.plain(),
                "y": self._y_column.plain(),
            }
        )

    def _why_nothing(self) -> str:
        if len(self._drawn) == 0:
            return _NO_RUNS
        return "No run has a value above 0, which a log axis needs." if self._both.any() else _NOTHING

    def _places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spread the markers of one word, or of one pair of words, around its place: the first stays, whatever follows."""
        x_column, y_column = self._x_column, self._y_column
        at = {"x": x_column.values.copy(), "y": y_column.values.copy()}
        seen: dict[tuple[float, float], int] = {}
        for run in np.flatnonzero(self._drawn).tolist():
            key = (x_column.values[run] if x_column.categories else 0.0, y_column.values[run] if y_column.categories else 0.0)
            count = seen.get(key, 0)
            seen[key] = count + 1
            for axis, column in (("x", x_column), ("y", y_column)):
                if column.categories:
                    at[axis][run] += _SPREAD * ((count * _STEPS[axis] + 0.5) % 1 - 0.5)
        return at["x"], at["y"]

    def _hover(self, run: int) -> str:
        words = [theme.escape(self.names[run], NAME_LIMIT), theme.escape(self.styles[self.group[run]].words, NAME_LIMIT)]
        for axis, column in ((self.x, self._x_column), (self.y, self._y_column)):
            words.append(f"{theme.escape(axis.title, _TITLE_LIMIT)}: {theme.escape(column.words(run))}")
        return "<br>".join(words)

    def _subtitle(self) -> str:
        words = [f"n = {_runs(int(self._drawn.sum()))}"]
        if (~self._both).any():
            words.append(f"{_runs(int((~self._both).sum()))} without a value left out")
        if (below := self._both & ~self._drawn).any():
            axes = "a log axis" if self.x.log != self.y.log else "the log axes"
            words.append(f"{_runs(int(below.sum()))} at 0 or below left out of {axes}")
        if self._x_column.categories or self._y_column.categories:
            words.append("markers of the same category are spread apart")
        return "; ".join(words)


def rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Give Spearman's rank correlation of (n,) and (n,) finite numbers, ties at their mean rank; NaN where one is constant.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    """
    a, b = (pd.Series(values).rank().to_numpy() for values in (x, y))
    a, b = a - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return min(1.0, max(-1.0, float(a @ b) / norm)) if norm > 0 else math.nan


def _lay_axis(
    figure: go.Figure,
    axis: Literal["x", "y"],
    of: Field,
    column: Column,
    at: NDArray[np.float64],
    length: float,
    look: Look,
) -> None:
    update = figure.update_xaxes if axis == "x" else figure.update_yaxes
    size = theme.FONT_SIZE[look.projector]
    words = theme.one_line(of.title, _TITLE_LIMIT)
    if column.categories:
        count = len(column.categories)
        pitch = length / count
        labels = [theme.one_line(word, _CATEGORY_LIMIT) for word in column.categories]
        level = axis == "y" or all(frame.fits(label, pitch, look) for label in labels)
        short = [theme.one_line(label, max(1, int(pitch / (frame.CHARACTER_WIDTH * size)) - 1)) for label in labels]
        if not level and max(map(len, short)) >= _LEAST_LABEL and len(set(short)) == count:
            labels, level = short, True
        step = max(1, math.ceil(1.2 * size / pitch)) if axis == "y" or not level else 1
        update(
            tickmode="array",
            tickvals=list(range(0, count, step)),
            ticktext=[theme.escape(label) for label in labels[::step]],
            tickangle=0 if level else -90,
            range=[-0.5, count - 0.5],
            zeroline=False,
        )
    elif of.log:
        _, options = log_axis(at, axis=axis, length=length, look=look)
        update(**options)
        words += " (log scale)"
    else:
        # As far apart as labels of four characters with a sign ask for
        pitch = 4.5 * size if axis == "x" else 2.5 * size
        update(range=list(interval_lines.value_range(at, zero=False)), nticks=max(3, int(length / pitch)), zeroline=False)
    update(title_text=interval_lines.axis_title(words, length, look))


def _legend_width(labels: Sequence[str], look: Look) -> float:
    return (max(map(len, labels)) * frame.CHARACTER_WIDTH + 3.5) * theme.FONT_SIZE[look.projector]


def _runs(count: int) -> str:
    return f"{theme.thousands(count)} run{'' if count == 1 else 's'}"
