"""Gate margins by level: how close the rows are to the hyperplanes that decide their bits, and where the errors are.

N rows · K depth = number of gating bits · a margin is |a| / ||w||, the distance to the hyperplane in the layer's input.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look

MAX_ERRORS = 300
"""Crosses drawn in all; of more errors, rows evenly spaced, the same ones at every level."""

_WHISKERS = (5, 95)
"""In percent of the rows."""
_BOX = {"place": -0.14, "width": 0.44}
_STRIP = {"place": 0.26, "width": 0.22}
"""Boxes are left and crosses right of a level's tick, in levels."""
_GOLDEN = 0.6180339887498949
"""Multiples of it, cut to 0..1, spread evenly whatever their number."""


@dataclass(frozen=True)
class Marks:
    """Which rows are crosses, in words."""

    legend: str
    """All of them."""
    one: str
    """One of them, and what it has: "error"."""
    rows: str
    """The rows that are marked."""
    are: str
    """What is said of rows where all or none are."""
    column: str
    """How the columns about them begin."""


MISCLASSIFIED = Marks("errors", "error", "misclassified rows", "misclassified", "wrong")
LARGE_ERRORS = Marks(
    "largest errors",
    "large error",
    "rows with the largest tenth of errors",
    "among those with the largest tenth of errors",
    "large_error",
)
"""Of predicted numbers, each of which is off by something."""


@dataclass(frozen=True, eq=False)
class GateMargins:
    """The margins of rows at the gates of each level, and which rows have errors.

    A margin that is not finite is left out. Raises ValueError for shapes that do not fit and for a margin below 0.
    """

    margins: ArrayLike
    """(N, K), at least 0."""
    wrong: ArrayLike | None = None
    """(N,) bool: the rows that `marks` names; None where that is not known."""
    split: str = "test"
    """Whose rows these are."""
    marks: Marks = MISCLASSIFIED

    _far: NDArray[np.float64] = field(init=False, repr=False)
    """(N, K)."""
    _error: NDArray[np.bool_] | None = field(init=False, repr=False)
    """(N,)."""

    def __post_init__(self) -> None:
        far = np.asarray(self.margins, dtype=np.float64)
        if far.ndim != 2:
            raise ValueError(f"margins must have shape (N, K), got {far.shape}")
        if (far < 0).any():
            raise ValueError(f"margins must be at least 0, got {np.nanmin(far):g}")
        error = None if self.wrong is None else np.asarray(self.wrong, dtype=bool)
        if error is not None and error.shape != (len(far),):
            raise ValueError(f"wrong must have one entry for each of {len(far):,} rows, got shape {error.shape}")
        object.__setattr__(self, "_far", far)
        object.__setattr__(self, "_error", error)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the margins of all rows at each level as boxes, rows with errors as crosses beside them."""
        height = theme.SIDE_HEIGHT[look.projector]
        title = "Gate margins by level"
        why = self._nothing()
        if why:
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        depth = self._far.shape[1]
        ends = [[_percentile(self._far[:, level], q) for level in range(depth)] for q in _WHISKERS]
        figure = go.Figure()
        _add_boxes(figure, self.table(), ends, self.split, look)
        top = max(value for value in ends[1] if np.isfinite(value))
        drawn = _spaced(self._error, depth)
        if len(drawn):
            _add_errors(figure, self._far, drawn, self.marks, look)
            top = max(top, _highest(self._far[drawn]))
        figure.update_xaxes(
            title_text="level (gating bit, the root's first)",
            range=[-0.5, depth - 0.5],
            tickmode="array",
            tickvals=list(range(depth)),
            ticktext=_level_names(depth, look),
            tickangle=0,
            showgrid=False,
            zeroline=False,
        )
        figure.update_yaxes(range=[0, 1.06 * top or 1.0], zeroline=False)
        subtitle = "; ".join(_subtitle(self._far, self._error, len(drawn), self.split, self.marks))
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
        figure.update_yaxes(title_text=frame.lines(["margin |a| / ‖w‖", "(units of the input)"]))
        return figure

    def sentence(self) -> str:
        """Say whether rows with errors are closer to the gates, by the median of a row's smallest margin; plain text.

        >>> GateMargins([[0.2, 0.9], [0.4, 0.5], [0.6, 0.8]], wrong=[True, False, False]).sentence()
        "Misclassified rows are closer to the gates: the median of a row's smallest margin is 0.200 for them and 0.500 for \
the others (n = 1 and 2)."
        """
        return self._nothing() or _comparison(_smallest(self._far), self._error, self.split, self.marks)

    def table(self) -> pd.DataFrame:
        """List the levels: level, rows, median, lower_quartile, upper_quartile, wrong_rows (NaN unknown), wrong_median.

        Of other marks than misclassified rows, the last two begin with their own word.
        """
        records = []
        for level in range(self._far.shape[1]):
            values = self._far[:, level]
            mine = values[self._error] if self._error is not None else np.array([])
            records.append(
                {
                    "level": level + 1,
                    "rows": int(np.isfinite(values).sum()),
                    "median": _percentile(values, 50),
                    "lower_quartile": _percentile(values, 25),
                    "upper_quartile": _percentile(values, 75),
                    f"{self.marks.column}_rows": np.nan if self._error is None else int(np.isfinite(mine).sum()),
                    f"{self.marks.column}_median": _percentile(mine, 50),
                }
            )
        columns = ["level", "rows", "median", "lower_quartile", "upper_quartile"]
        columns += [f"{self.marks.column}_{what}" for what in ("rows", "median")]
        return pd.DataFrame(records, columns=columns)

    def _nothing(self) -> str | None:
        if self._far.shape[1] == 0:
            return "At depth 0 there are no gates, so no margins."
        if len(self._far) == 0:
            return f"There are no {self.split} rows, so no margins."
        if not np.isfinite(self._far).any():
            return f"No margin of the {self.split} rows is finite."
        return None


def _add_boxes(figure: go.Figure, table: pd.DataFrame, ends: list[list[float]], split: str, look: Look) -> None:
    colour = theme.model_colour("tree", dark=look.dark)
    there = table["rows"].to_numpy() > 0
    shown = table[there]
    low, high = (np.asarray(end)[there] for end in ends)
    figure.add_box(
        x=shown["level"] - 1 + _BOX["place"],
        q1=shown["lower_quartile"],
        median=shown["median"],
        q3=shown["upper_quartile"],
        lowerfence=low,
        upperfence=high,
        width=_BOX["width"],
        name=f"all {theme.escape(split)} rows",
        fillcolor=theme.faded(colour, 0.35),
        line={"color": colour, "width": theme.LINE_WIDTH[look.projector]},
        hoverinfo="skip",
    )
    # on hover a box shows its numbers one by one; a transparent point in its middle shows them together
    figure.add_scatter(
        x=shown["level"] - 1 + _BOX["place"],
        y=shown["median"],
        mode="markers",
        marker={"size": 3 * theme.MARKER_SIZE[look.projector]},
        opacity=0,
        showlegend=False,
        hovertext=[
            f"bit {row['level']:.0f}, {theme.thousands(row['rows'])} {theme.escape(split)} rows<br>"
            f"median {theme.three_significant(row['median'])}<br>middle half "
            f"{theme.three_significant(row['lower_quartile'])} to {theme.three_significant(row['upper_quartile'])}"
            for row in shown.to_dict("records")
        ],
        hoverinfo="text",
    )


def _add_errors(figure: go.Figure, far: NDArray[np.float64], drawn: NDArray[np.int64], marks: Marks, look: Look) -> None:
    shift = _STRIP["place"] + _STRIP["width"] * ((np.arange(len(drawn)) * _GOLDEN) % 1 - 0.5)
    depth = far.shape[1]
    rows, bits, y = np.tile(drawn, depth), np.repeat(np.arange(depth), len(drawn)), far[drawn].T.ravel()
    figure.add_scatter(
        x=np.add.outer(np.arange(depth), shift).ravel(),
        y=np.where(np.isfinite(y), y, np.nan),
        mode="markers",
        name=marks.legend,
        customdata=rows,
        marker={
            "symbol": "x-thin",
            "size": 0.7 * theme.MARKER_SIZE[look.projector],
            "line": {"width": 0.75 * theme.LINE_WIDTH[look.projector], "color": theme.TEXT[look.dark]},
        },
        hovertext=[
            f"{marks.one}, row {row}<br>bit {bit + 1}, margin {theme.three_significant(value)}"
            for row, bit, value in zip(rows.tolist(), bits.tolist(), y.tolist())
        ],
        hoverinfo="text",
        cliponaxis=False,
    )


def _comparison(nearest: NDArray[np.float64], error: NDArray[np.bool_] | None, split: str, marks: Marks) -> str:
    there = np.isfinite(nearest)
    measure = "the median of a row's smallest margin"
    if error is None:
        return (
            f"Half of the {split} rows are within {_median(nearest)} of a gate ({measure}, n = {theme.thousands(there.sum())})."
        )
    wrong, right = nearest[error & there], nearest[~error & there]
    if not len(wrong):
        return f"No {split} row is {marks.are}; {measure} is {_median(right)} (n = {theme.thousands(len(right))})."
    if not len(right):
        return f"All {split} rows are {marks.are}; {measure} is {_median(wrong)} (n = {theme.thousands(len(wrong))})."
    closer = "closer" if np.median(wrong) < np.median(right) else "no closer"
    return (
        f"{interval_lines.sentence_case(marks.rows)} are {closer} to the gates: {measure} is {_median(wrong)} for them and "
        f"{_median(right)} for the others (n = {theme.thousands(len(wrong))} and {theme.thousands(len(right))})."
    )


def _subtitle(far: NDArray[np.float64], error: NDArray[np.bool_] | None, drawn: int, split: str, marks: Marks) -> list[str]:
    words = [frame.rows(len(far), split), f"box: quartiles, whiskers: {_WHISKERS[0]} % to {_WHISKERS[1]} % of the rows"]
    if error is None:
        words.append("errors are not known")
    elif drawn < error.sum():
        words.append(f"crosses: {theme.thousands(drawn)} of {theme.thousands(error.sum())} {marks.legend}")
    else:
        words.append(f"crosses: {theme.thousands(drawn)} {marks.legend}" if drawn else f"no {marks.legend}")
    missing = [str(level + 1) for level in np.flatnonzero(~np.isfinite(far).any(0))]
    return words + ([f"no margin at bit {theme.enumerate_words(missing)}"] if missing else [])


def _level_names(depth: int, look: Look) -> list[str]:
    pitch = (look.width - 6 * theme.FONT_SIZE[look.projector]) / depth
    long = [f"bit {level}" for level in range(1, depth + 1)]
    return long if frame.fits(long[-1], pitch, look) else [str(level) for level in range(1, depth + 1)]


def _spaced(error: NDArray[np.bool_] | None, depth: int) -> NDArray[np.int64]:
    """Choose errors, evenly spaced, so that their crosses at all levels are at most 300."""
    rows = np.flatnonzero(error) if error is not None else np.array([], dtype=np.int64)
    most = MAX_ERRORS // depth
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def _smallest(far: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest margin of each row; inf where it has none."""
    return np.where(np.isfinite(far), far, np.inf).min(1)


def _percentile(values: NDArray[np.float64], q: float) -> float:
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, q)) if len(finite) else np.nan


def _highest(values: NDArray[np.float64]) -> float:
    return float(values[np.isfinite(values)].max(initial=0.0))


def _median(values: NDArray[np.float64]) -> str:
    return theme.three_significant(_percentile(values, 50))
