"""Gate margins by level: how near the rows lie to the hyperplanes that decide their bits, and where the errors are.

N rows · K depth = number of gating bits · a margin is |a| / ||w||, the distance to the hyperplane in the layer's input.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

MAX_ERRORS = 300
"""Crosses drawn in all; of more errors, rows evenly spaced, the same ones at every level."""

_WHISKERS = (5, 95)
"""In percent of the rows."""
_BOX = {"place": -0.14, "width": 0.44}
_STRIP = {"place": 0.26, "width": 0.22}
"""Boxes stand left and crosses right of a level's tick, in levels."""
_GOLDEN = 0.6180339887498949
"""Multiples of it, cut to 0..1, spread evenly whatever their number."""


def gate_margins(
    *,
    margins: ArrayLike,
    wrong: ArrayLike | None = None,
    split: str = "test",
    chosen: int | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the margins of all rows at each level as boxes, errors as crosses beside them: (N, K) margins, at least 0.

    `wrong`: (N,) bool, the rows that are errors, or None where that is not known. `chosen`: a row to mark at every level.
    A margin that is not finite is left out. Raises ValueError for shapes that do not fit, a margin below 0, and a chosen
    row that is none of the N.
    """
    far, error = _check(margins, wrong, chosen)
    height = theme.SIDE_HEIGHT[look.projector]
    title = "Gate margins by level"
    why = _nothing(far, split)
    if why:
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    depth = far.shape[1]
    table = gate_margins_table(margins=far, wrong=error)
    ends = [[_percentile(far[:, level], q) for level in range(depth)] for q in _WHISKERS]
    figure = go.Figure()
    _add_boxes(figure, table, ends, split, look)
    top = max(value for value in ends[1] if np.isfinite(value))
    drawn = _spaced(error, depth)
    if len(drawn):
        _add_errors(figure, far, drawn, look)
        top = max(top, _highest(far[drawn]))
    if chosen is not None:
        _add_chosen(figure, far[chosen], chosen, look)
        top = max(top, _highest(far[[chosen]]))
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
    subtitle = "; ".join(_subtitle(far, error, len(drawn), split))
    frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
    figure.update_yaxes(title_text=frame.lines(["margin |a| / ‖w‖", "(units of the input)"]))
    return figure


def gate_margins_sentence(
    *, margins: ArrayLike, wrong: ArrayLike | None = None, split: str = "test", chosen: int | None = None
) -> str:
    """Say whether errors lie nearer to the gates, by the median of a row's smallest margin; with `chosen`, that row's.

    Plain text: escape it before it reaches Markdown.

    >>> gate_margins_sentence(margins=[[0.2, 0.9], [0.4, 0.5], [0.6, 0.8]], wrong=[True, False, False])
    "Errors lie nearer to the gates: the median of a row's smallest margin is 0.200 for errors and 0.500 for the others \
(n = 1 and 2)."
    """
    far, error = _check(margins, wrong, chosen)
    why = _nothing(far, split)
    if why:
        return why
    sentence = _comparison(_smallest(far), error, split)
    if chosen is not None and np.isfinite(far[chosen]).any():
        level = int(np.nanargmin(far[chosen]))
        sentence += f" The chosen row's smallest margin is {theme.three_significant(far[chosen, level])}, at bit {level + 1}."
    return sentence


def gate_margins_table(*, margins: ArrayLike, wrong: ArrayLike | None = None) -> pd.DataFrame:
    """List the levels: level, rows, median, lower_quartile, upper_quartile, wrong_rows (NaN unknown), wrong_median."""
    far, error = _check(margins, wrong, None)
    records = []
    for level in range(far.shape[1]):
        values = far[:, level]
        mine = values[error] if error is not None else np.array([])
        records.append(
            {
                "level": level + 1,
                "rows": int(np.isfinite(values).sum()),
                "median": _percentile(values, 50),
                "lower_quartile": _percentile(values, 25),
                "upper_quartile": _percentile(values, 75),
                "wrong_rows": np.nan if error is None else int(np.isfinite(mine).sum()),
                "wrong_median": _percentile(mine, 50),
            }
        )
    columns = ["level", "rows", "median", "lower_quartile", "upper_quartile", "wrong_rows", "wrong_median"]
    return pd.DataFrame(records, columns=columns)


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
    # a box says its numbers one by one on hover, so a point in its middle says them together
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


def _add_errors(figure: go.Figure, far: NDArray[np.float64], drawn: NDArray[np.int64], look: Look) -> None:
    shift = _STRIP["place"] + _STRIP["width"] * ((np.arange(len(drawn)) * _GOLDEN) % 1 - 0.5)
    depth = far.shape[1]
    _add_points(
        figure,
        x=np.add.outer(np.arange(depth), shift).ravel(),
        y=far[drawn].T.ravel(),
        name="errors",
        rows=np.tile(drawn, depth),
        words="error, row",
        marker={
            "symbol": "x-thin",
            "size": 0.7 * theme.MARKER_SIZE[look.projector],
            "line": {"width": 0.75 * theme.LINE_WIDTH[look.projector], "color": theme.TEXT[look.dark]},
        },
    )


def _add_chosen(figure: go.Figure, far: NDArray[np.float64], chosen: int, look: Look) -> None:
    size, line = theme.MARKER_SIZE[look.projector], theme.LINE_WIDTH[look.projector]
    _add_points(
        figure,
        x=(np.arange(len(far)) + _BOX["place"]).astype(np.float64),
        y=far,
        name="chosen row",
        rows=np.full(len(far), chosen),
        words="chosen row,",
        marker={
            "symbol": "circle-open-dot",
            "size": 1.6 * size,
            "color": theme.TEXT[look.dark],
            "line": {"width": line, "color": theme.TEXT[look.dark]},
        },
    )


def _add_points(
    figure: go.Figure,
    *,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    name: str,
    rows: NDArray[np.int64],
    words: str,
    marker: dict[str, Any],
) -> None:
    figure.add_scatter(
        x=x,
        y=np.where(np.isfinite(y), y, np.nan),
        mode="markers",
        name=name,
        customdata=rows,
        marker=marker,
        hovertext=[
            f"{words} {row}<br>bit {round(at) + 1}, margin {theme.three_significant(value)}"
            for row, at, value in zip(rows.tolist(), x.tolist(), y.tolist())
        ],
        hoverinfo="text",
        cliponaxis=False,
    )


def _comparison(nearest: NDArray[np.float64], error: NDArray[np.bool_] | None, split: str) -> str:
    there = np.isfinite(nearest)
    measure = "the median of a row's smallest margin"
    if error is None:
        return (
            f"Half of the {split} rows lie within {_median(nearest)} of a gate: {measure}, n = {theme.thousands(there.sum())}."
        )
    wrong, right = nearest[error & there], nearest[~error & there]
    if not len(wrong):
        return f"No {split} row is an error; {measure} is {_median(right)} (n = {theme.thousands(len(right))})."
    if not len(right):
        return f"All {split} rows are errors; {measure} is {_median(wrong)} (n = {theme.thousands(len(wrong))})."
    nearer = "nearer" if np.median(wrong) < np.median(right) else "no nearer"
    return (
        f"Errors lie {nearer} to the gates: {measure} is {_median(wrong)} for errors and {_median(right)} for the others "
        f"(n = {theme.thousands(len(wrong))} and {theme.thousands(len(right))})."
    )


def _subtitle(far: NDArray[np.float64], error: NDArray[np.bool_] | None, drawn: int, split: str) -> list[str]:
    words = [frame.rows(len(far), split), f"box: quartiles, whiskers: {_WHISKERS[0]} % to {_WHISKERS[1]} % of the rows"]
    if error is None:
        words.append("errors are not known")
    elif drawn < error.sum():
        words.append(f"crosses: {theme.thousands(drawn)} of {theme.thousands(error.sum())} errors")
    else:
        words.append(f"crosses: {theme.thousands(drawn)} errors" if drawn else "no errors")
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


def _nothing(far: NDArray[np.float64], split: str) -> str | None:
    if far.shape[1] == 0:
        return "At depth 0 there are no gates, so no margins."
    if len(far) == 0:
        return f"There are no {split} rows, so no margins."
    if not np.isfinite(far).any():
        return f"No margin of the {split} rows is finite."
    return None


def _check(
    margins: ArrayLike, wrong: ArrayLike | None, chosen: int | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    far = np.asarray(margins, dtype=np.float64)
    if far.ndim != 2:
        raise ValueError(f"margins must have shape (N, K), got {far.shape}")
    if (far < 0).any():
        raise ValueError(f"margins must be at least 0, got {np.nanmin(far):g}")
    error = None if wrong is None else np.asarray(wrong, dtype=bool)
    if error is not None and error.shape != (len(far),):
        raise ValueError(f"wrong must have one entry for each of {len(far):,} rows, got shape {error.shape}")
    if chosen is not None and not 0 <= chosen < len(far):
        raise ValueError(f"chosen must be a row from 0 to {len(far) - 1}, got {chosen}")
    return far, error
