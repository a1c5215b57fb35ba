"""Pivot of runs: one field down, another across, and in each cell the mean of a score with its interval and n.

R rows · C columns · n = runs behind a cell.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import ramp
from leafscope.app.theme import SCREEN, Look

MOST = 40
"""Rows or columns beyond these are not drawn."""

_TITLE_LIMIT = 40
_LABEL_LIMIT = 18
_UPRIGHT_LIMIT = 12
_INSET = 0.45
"""Half the side of an outline, in cells."""


def pivot_map(
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    n: ArrayLike,
    row_title: str,
    column_title: str,
    value_title: str,
    percent: bool,
    higher_is_better: bool,
    chosen: tuple[int, int] | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a score for each pair of values of two fields: (R, C) means with intervals (NaN: none) and numbers of runs.

    `percent` writes shares in percent. Solid outline: the best mean; dashed: `chosen`, a row and a column; hatched: no run.
    Numbers stand in the cells as far as they fit. Nearly transparent squares carry [row, column] as `customdata`, so that a
    click selects. At most the first 40 rows and columns are drawn. Raises ValueError for shapes that do not fit and for a
    cell outside.
    """
    cells = _Cells.of(rows, columns, mean, low, high, n)
    if chosen is not None and not (0 <= chosen[0] < len(rows) and 0 <= chosen[1] < len(columns)):
        raise ValueError(f"chosen must be a cell of {len(rows)} rows and {len(columns)} columns, got {chosen}")
    height = theme.MAIN_HEIGHT[look.projector]
    names = [theme.one_line(title, _TITLE_LIMIT) for title in (value_title, row_title, column_title)]
    title = f"{interval_lines.sentence_case(names[0])} by {names[1]} and {names[2]}"
    best = cells.best(higher_is_better)
    if best is None:
        why = f"No run has a value of {names[0]} yet."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    drawn = cells.first(MOST)
    if not np.isfinite(drawn.mean).any():
        why = f"None of the first {MOST} rows and columns has a run."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    subtitle = _subtitle(cells, drawn, best, chosen, higher_is_better, brackets=True)
    framed: dict[str, Any] = {"look": look, "title": title, "subject": subject, "subtitle": subtitle, "height": height}
    size = theme.FONT_SIZE[look.projector]
    longest = max(len(theme.one_line(word, _LABEL_LIMIT)) for word in drawn.rows)
    width = look.width - (longest * frame.CHARACTER_WIDTH + 11) * size
    grid = _Grid(width / len(drawn.columns), 0.0, look)
    upright = not all(frame.fits(theme.one_line(word, _LABEL_LIMIT), grid.width, look) for word in drawn.columns)
    labels_height = min(_UPRIGHT_LIMIT, max(map(len, drawn.columns))) * frame.CHARACTER_WIDTH * size if upright else size
    inside = interval_lines.panel_height(frame.frame(go.Figure(), **framed), look) - labels_height + size
    grid = _Grid(grid.width, inside / len(drawn.rows), look)
    finite = drawn.mean[np.isfinite(drawn.mean)]
    ends = (float(finite.min()), float(finite.max()))
    if ends[0] == ends[1]:
        half = 0.02 * abs(ends[0]) or 0.5
        ends = (ends[0] - half, ends[1] + half)
    scale = ramp(look)
    figure = go.Figure(
        go.Heatmap(
            z=drawn.mean,
            x=list(range(len(drawn.columns))),
            y=list(range(len(drawn.rows))),
            zmin=ends[0],
            zmax=ends[1],
            colorscale=scale,
            colorbar={
                "title": {"text": frame.lines(frame.wrapped(names[0], size, 6 * size)), "side": "top"},
                "tickformat": ".1~%" if percent else "",
                "nticks": 6,
            },
            xgap=max(1.0, min(4.0, 0.06 * grid.width)),
            ygap=max(1.0, min(4.0, 0.06 * grid.height)),
            hoverinfo="skip",
        )
    )
    said = (value_title, row_title, column_title)
    _add_missing(figure, drawn, said, look)
    if best[0] < len(drawn.rows) and best[1] < len(drawn.columns):
        _add_outline(figure, best, "best mean", "solid", _INSET, look)
    if chosen is not None and chosen[0] < len(drawn.rows) and chosen[1] < len(drawn.columns):
        _add_outline(figure, chosen, "chosen", "dash", _INSET - (0.06 if chosen == best else 0.0), look)
    _add_targets(figure, drawn, said, percent, grid, look)
    texts = _texts(drawn, percent, grid)
    _write(figure, drawn, texts, scale, ends, look)
    limit = _UPRIGHT_LIMIT if upright else _LABEL_LIMIT
    across = _spaced(len(drawn.columns), grid.width if upright else math.inf, look)
    down = _spaced(len(drawn.rows), grid.height, look)
    figure.update_xaxes(
        title_text=interval_lines.axis_title(names[2], width, look),
        tickmode="array",
        tickvals=across,
        ticktext=[theme.escape(drawn.columns[at], limit) for at in across],
        tickangle=-90 if upright else 0,
        range=[-0.5, len(drawn.columns) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        title_text=interval_lines.axis_title(names[1], inside, look),
        tickmode="array",
        tickvals=down,
        ticktext=[theme.escape(drawn.rows[at], _LABEL_LIMIT) for at in down],
        range=[len(drawn.rows) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(barmode="overlay")
    brackets = any(line.startswith("[") for text in texts.values() for line in text)
    framed["subtitle"] = _subtitle(cells, drawn, best, chosen, higher_is_better, brackets)
    return frame.frame(figure, **framed)


class _Grid:
    """The size of a cell in px, and what fits in it."""

    def __init__(self, width: float, height: float, look: Look) -> None:
        self.width, self.height, self.look = width, height, look

    def holds(self, text: Sequence[str]) -> bool:
        tall = 1.25 * len(text) * theme.FONT_SIZE[self.look.projector] + 4
        return tall <= self.height and all(frame.fits(line, self.width, self.look) for line in text)


class _Cells:
    """The pivot, checked: (R, C) arrays, NaN and 0 runs where a cell has no run."""

    def __init__(
        self,
        rows: list[str],
        columns: list[str],
        mean: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        n: NDArray[np.int64],
    ) -> None:
        self.rows, self.columns, self.mean, self.low, self.high, self.n = rows, columns, mean, low, high, n

    @classmethod
    def of(
        cls,
        rows: Sequence[str],
        columns: Sequence[str],
        mean: ArrayLike,
        low: ArrayLike,
        high: ArrayLike,
        n: ArrayLike,
    ) -> "_Cells":
        shape = (len(rows), len(columns))
        arrays = {
            name: np.asarray(values, dtype=np.float64)
            for name, values in (("mean", mean), ("low", low), ("high", high), ("n", n))
        }
        for name, array in arrays.items():
            if array.size == 0 and 0 in shape:
                arrays[name] = array.reshape(shape)
            elif array.shape != shape:
                raise ValueError(f"{name} must have shape (R, C) = {shape}, got {array.shape}")
        runs = np.nan_to_num(arrays["n"]).astype(np.int64)
        if runs.size and runs.min() < 0:
            raise ValueError(f"n must be at least 0, got {runs.min()}")
        there = (runs > 0) & np.isfinite(arrays["mean"])
        known = [np.where(there, arrays[name], np.nan) for name in ("mean", "low", "high")]
        words = [[theme.one_line(word) for word in axis] for axis in (rows, columns)]
        return cls(words[0], words[1], known[0], known[1], known[2], np.where(there, runs, 0))

    def first(self, most: int) -> "_Cells":
        part = [array[:most, :most] for array in (self.mean, self.low, self.high)]
        return _Cells(self.rows[:most], self.columns[:most], part[0], part[1], part[2], self.n[:most, :most])

    def best(self, higher: bool) -> tuple[int, int] | None:
        """Find the best mean, the first of equals; None where no cell has a run."""
        if not np.isfinite(self.mean).any():
            return None
        at = np.nanargmax(self.mean) if higher else np.nanargmin(self.mean)
        row, column = divmod(int(at), len(self.columns))
        return row, column

    def empty(self) -> list[tuple[int, int]]:
        return [(int(row), int(column)) for row, column in np.argwhere(~np.isfinite(self.mean))]

    def filled(self) -> list[tuple[int, int]]:
        return [(int(row), int(column)) for row, column in np.argwhere(np.isfinite(self.mean))]


def _written(value: float, percent: bool, bare: bool = False) -> str:
    if not percent:
        return theme.three_significant(value)
    return f"{100 * value:.1f}" if bare else theme.percent(value)


def _ends(cells: _Cells, at: tuple[int, int], percent: bool, bare: bool = False) -> str:
    """Write the interval of a cell, or nothing where it has none; ends that no share of rows can have are cut."""
    low, high = float(cells.low[at]), float(cells.high[at])
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if percent:
        low, high = max(low, 0.0), min(high, 1.0)
    return f"[{_written(low, percent, bare)}, {_written(high, percent, bare)}]"


def _value_words(cells: _Cells, at: tuple[int, int], percent: bool) -> str:
    value = " ".join(filter(None, (_written(float(cells.mean[at]), percent), _ends(cells, at, percent))))
    n = int(cells.n[at])
    return f"{value}, one run" if n == 1 else f"{value}, n = {theme.thousands(n)}"


def _add_missing(figure: go.Figure, cells: _Cells, said: tuple[str, str, str], look: Look) -> None:
    empty = cells.empty()
    if not empty:
        return
    figure.add_bar(
        x=[column for _, column in empty],
        y=[2 * _INSET] * len(empty),
        base=[row - _INSET for row, _ in empty],
        width=2 * _INSET,
        name="no run",
        customdata=[list(cell) for cell in empty],
        marker={
            "color": frame.UNUSED,
            "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.5), "size": 8, "solidity": 0.12},
        },
        hovertext=[f"{_place(cells, cell, said)}<br>no run" for cell in empty],
        hoverinfo="text",
        showlegend=False,
    )


def _place(cells: _Cells, cell: tuple[int, int], said: tuple[str, str, str]) -> str:
    """Name a cell in hover, escaped."""
    pairs = ((said[1], cells.rows[cell[0]]), (said[2], cells.columns[cell[1]]))
    return "<br>".join(f"{theme.escape(title, _TITLE_LIMIT)}: {theme.escape(word, 60)}" for title, word in pairs)


def _add_outline(figure: go.Figure, cell: tuple[int, int], name: str, dash: str, half: float, look: Look) -> None:
    row, column = cell
    left, right, top, bottom = column - half, column + half, row - half, row + half
    # Ink on a rim of the background is seen on every colour of the ramp
    for colour, factor in ((theme.BACKGROUND[look.dark], 2.5), (theme.TEXT[look.dark], 1.25)):
        figure.add_scatter(
            x=[left, right, right, left, left],
            y=[top, top, bottom, bottom, top],
            mode="lines",
            name=name,
            line={"color": colour, "width": factor * theme.LINE_WIDTH[look.projector], "dash": dash if factor < 2 else "solid"},
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )


def _add_targets(figure: go.Figure, cells: _Cells, said: tuple[str, str, str], percent: bool, grid: _Grid, look: Look) -> None:
    filled = cells.filled()
    figure.add_scatter(
        x=[column for _, column in filled],
        y=[row for row, _ in filled],
        mode="markers",
        name="cells",
        marker={
            "symbol": "square",
            "size": max(4.0, min(grid.width, grid.height) - 4),
            "color": theme.MUTED[look.dark],
        },
        **frame.CLICK_TARGET,
        customdata=[list(cell) for cell in filled],
        hovertext=[
            f"{_place(cells, cell, said)}<br>{theme.escape(said[0], _TITLE_LIMIT)}: {_value_words(cells, cell, percent)}"
            for cell in filled
        ],
        hoverinfo="text",
        showlegend=False,
    )


def _texts(cells: _Cells, percent: bool, grid: _Grid) -> dict[tuple[int, int], list[str]]:
    """Choose the lines of every cell: mean, interval and n, or of these what fits in all of them."""
    filled = cells.filled()
    means = {cell: _written(float(cells.mean[cell]), percent, bare=True) for cell in filled}
    counts = {cell: f"n = {theme.thousands(cells.n[cell])}" for cell in filled}
    choices = [
        {cell: list(filter(None, (means[cell], _ends(cells, cell, percent, bare=True), counts[cell]))) for cell in filled},
        {cell: [means[cell], counts[cell]] for cell in filled},
        {cell: [means[cell]] for cell in filled},
    ]
    return next((choice for choice in choices if all(map(grid.holds, choice.values()))), {})


def _write(
    figure: go.Figure,
    cells: _Cells,
    texts: dict[tuple[int, int], list[str]],
    scale: theme.Scale,
    ends: tuple[float, float],
    look: Look,
) -> None:
    size = theme.FONT_SIZE[look.projector]
    small = size if look.projector else size - 2
    # As annotations, since a trace's text fades when something is selected
    for cell, (first, *others) in texts.items():
        colour = theme.scale_colour(scale, (float(cells.mean[cell]) - ends[0]) / (ends[1] - ends[0]))
        ink = max(("#000000", "#FFFFFF"), key=lambda one: theme.contrast(one, colour))
        below = "".join(f'<br><span style="font-size:{small}px">{other}</span>' for other in others)
        figure.add_annotation(x=cell[1], y=cell[0], text=first + below, showarrow=False, font={"color": ink})


def _spaced(count: int, pitch: float, look: Look) -> list[int]:
    step = max(1, math.ceil(1.1 * theme.FONT_SIZE[look.projector] / pitch))
    return list(range(0, count, step))


def _subtitle(
    cells: _Cells, drawn: _Cells, best: tuple[int, int], chosen: tuple[int, int] | None, higher_is_better: bool, brackets: bool
) -> str:
    runs = pd.Series(drawn.n[drawn.n > 0])
    words = ["n = 1 run in each cell: no interval" if runs.max() == 1 else f"{interval_lines.n_words(runs)} runs in a cell"]
    if brackets:
        words.append("brackets: 95 % interval of the mean")
    words.append(f"{'higher' if higher_is_better else 'lower'} is better; solid outline: best mean")
    if chosen is not None:
        words.append("dashed outline: chosen")
    if empty := len(drawn.empty()):
        words.append(f"hatched: no run ({theme.thousands(empty)} of {theme.thousands(drawn.mean.size)} cells)")
    for name, whole, part in (("rows", cells.rows, drawn.rows), ("columns", cells.columns, drawn.columns)):
        if len(part) < len(whole):
            words.append(f"the first {len(part)} of {theme.thousands(len(whole))} {name}")
    if best[0] >= len(drawn.rows) or best[1] >= len(drawn.columns):
        words.append("the best cell is not among them")
    return "; ".join(words)


def pivot_map_sentence(
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    n: ArrayLike,
    row_title: str,
    column_title: str,
    value_title: str,
    percent: bool,
    higher_is_better: bool,
) -> str:
    """Give the cell with the best mean, with its interval and n, and how many cells have no run.

    Plain text: escape it before it reaches Markdown.

    >>> nan = math.nan
    >>> print(pivot_map_sentence(rows=["8", "16"], columns=["0", "3"], mean=[[0.2, 0.12], [0.15, nan]],
    ...     low=[[0.18, 0.1], [nan, nan]], high=[[0.22, 0.14], [nan, nan]], n=[[5, 5], [1, 0]], row_title="width",
    ...     column_title="depth", value_title="test error", percent=True, higher_is_better=False))
    The lowest mean test error is at width 8, depth 3: 12.0 % [10.0 %, 14.0 %], n = 5; 1 of 4 cells has no run.
    """
    cells = _Cells.of(rows, columns, mean, low, high, n)
    value, down, across = (theme.one_line(title, _TITLE_LIMIT) for title in (value_title, row_title, column_title))
    best = cells.best(higher_is_better)
    if best is None:
        return f"No run has a value of {value} yet."
    place = f"{down} {theme.one_line(cells.rows[best[0]], 60)}, {across} {theme.one_line(cells.columns[best[1]], 60)}"
    empty, total = len(cells.empty()), cells.mean.size
    rest = (
        f"{theme.thousands(empty)} of {theme.thousands(total)} cells {'has' if empty == 1 else 'have'} no run"
        if empty
        else f"{'every cell has' if total > 1 else 'the only cell has'} a run"
    )
    superlative = "highest" if higher_is_better else "lowest"
    return f"The {superlative} mean {value} is at {place}: {_value_words(cells, best, percent)}; {rest}."


def pivot_map_table(
    *, rows: Sequence[str], columns: Sequence[str], mean: ArrayLike, low: ArrayLike, high: ArrayLike, n: ArrayLike
) -> pd.DataFrame:
    """List every cell, row by row: row, column, mean, low, high, n; NaN and 0 where there is no run."""
    cells = _Cells.of(rows, columns, mean, low, high, n)
    return pd.DataFrame(
        {
            "row": [str(row) for row in rows for _ in columns],
            "column": [str(column) for column in columns] * len(rows),
            "mean": cells.mean.ravel(),
            "low": cells.low.ravel(),
            "high": cells.high.ravel(),
            "n": cells.n.ravel(),
        }
    )
