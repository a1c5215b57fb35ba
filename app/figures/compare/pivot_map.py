"""Pivot of runs: one field in the rows, another in the columns, and in each cell the mean of a score with its interval and n.

R rows · C columns · n = runs behind a cell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.compare.pivot_cells import Cell, PivotCells
from leafscope.app.figures.compare.scores import Score
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


@dataclass(frozen=True, eq=False)
class PivotMap:
    """A score for each pair of values of two fields. Raises ValueError for a chosen cell that is not there."""

    cells: PivotCells
    row_title: str
    column_title: str
    score: Score
    chosen: Cell | None = None

    def __post_init__(self) -> None:
        if self.chosen is not None and not self.cells.holds(self.chosen):
            size = f"{len(self.cells.rows)} rows and {len(self.cells.columns)} columns"
            raise ValueError(f"chosen must be a cell of {size}, got {self.chosen}")

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the means as colours, with numbers in the cells as far as they fit.

        Solid outline: the best mean; dashed: the chosen cell; hatched: no run. Nearly transparent squares carry [row, column]
        as `customdata`, so that a click selects. At most the first 40 rows and columns are drawn.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        value, down, across = self._titles()
        title = f"{interval_lines.sentence_case(value)} by {down} and {across}"
        best = self._best()
        drawn = self.cells.first(MOST)
        if best is None or drawn.is_empty:
            why = self._nothing() if best is None else f"None of the first {MOST} rows and columns has a run."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        subtitle = self._subtitle(drawn, best, brackets=True)
        framed: dict[str, Any] = {"look": look, "title": title, "subject": subject, "height": height}
        size = theme.FONT_SIZE[look.projector]
        rows, columns = drawn.row_words, drawn.column_words
        longest = max(len(theme.one_line(word, _LABEL_LIMIT)) for word in rows)
        width = look.width - (longest * frame.CHARACTER_WIDTH + 11) * size
        cell_width = width / len(columns)
        upright = not all(frame.fits(theme.one_line(word, _LABEL_LIMIT), cell_width, look) for word in columns)
        labels_height = min(_UPRIGHT_LIMIT, max(map(len, columns))) * frame.CHARACTER_WIDTH * size if upright else size
        empty = frame.frame(go.Figure(), **framed, subtitle=subtitle)
        inside = interval_lines.panel_height(empty, look) - labels_height + size
        grid = _Grid(cell_width, inside / len(rows), look)
        finite = drawn.mean[np.isfinite(drawn.mean)]
        ends = (float(finite.min()), float(finite.max()))
        if ends[0] == ends[1]:
            half = 0.02 * abs(ends[0]) or 0.5
            ends = (ends[0] - half, ends[1] + half)
        scale = ramp(look)
        figure = go.Figure(
            go.Heatmap(
                z=drawn.mean,
                x=list(range(len(columns))),
                y=list(range(len(rows))),
                zmin=ends[0],
                zmax=ends[1],
                colorscale=scale,
                colorbar={
                    "title": {"text": frame.lines(frame.wrapped(value, size, 6 * size)), "side": "top"},
                    "tickformat": ".1~%" if self.score.percent else "",
                    "nticks": 6,
                },
                xgap=max(1.0, min(4.0, 0.06 * grid.width)),
                ygap=max(1.0, min(4.0, 0.06 * grid.height)),
                hoverinfo="skip",
            )
        )
        self._add_missing(figure, drawn, look)
        if drawn.holds(best):
            _add_outline(figure, best, "best mean", "solid", _INSET, look)
        if self.chosen is not None and drawn.holds(self.chosen):
            _add_outline(figure, self.chosen, "chosen", "dash", _INSET - (0.06 if self.chosen == best else 0.0), look)
        self._add_targets(figure, drawn, grid, look)
        texts = self._texts(drawn, grid)
        _write(figure, drawn, texts, scale, ends, look)
        limit = _UPRIGHT_LIMIT if upright else _LABEL_LIMIT
        x_ticks = _spaced(len(columns), grid.width if upright else math.inf, look)
        y_ticks = _spaced(len(rows), grid.height, look)
        figure.update_xaxes(
            title_text=interval_lines.axis_title(across, width, look),
            tickmode="array",
            tickvals=x_ticks,
            ticktext=[theme.escape(columns[at], limit) for at in x_ticks],
            tickangle=-90 if upright else 0,
            range=[-0.5, len(columns) - 0.5],
            showgrid=False,
            zeroline=False,
        )
        figure.update_yaxes(
            title_text=interval_lines.axis_title(down, inside, look),
            tickmode="array",
            tickvals=y_ticks,
            ticktext=[theme.escape(rows[at], _LABEL_LIMIT) for at in y_ticks],
            range=[len(rows) - 0.5, -0.5],
            showgrid=False,
            zeroline=False,
        )
        figure.update_layout(barmode="overlay")
        brackets = any(line.startswith("[") for text in texts.values() for line in text)
        return frame.frame(figure, **framed, subtitle=self._subtitle(drawn, best, brackets))

    def sentence(self) -> str:
        """Give the cell with the best mean, with its interval and n, and how many cells have no run.

        Plain text: escape it before it reaches Markdown.

        >>> nan = math.nan
        >>> low, high = np.array([[0.18, 0.1], [nan, nan]]), np.array([[0.22, 0.14], [nan, nan]])
        >>> mean, n = np.array([[0.2, 0.12], [0.15, nan]]), np.array([[5, 5], [1, 0]])
        >>> cells, error = PivotCells(["8", "16"], ["0", "3"], mean, low, high, n), Score("test error", True, False)
        >>> print(PivotMap(cells, row_title="width", column_title="depth", score=error).sentence())
        The lowest mean test error is at width 8, depth 3: 12.0 % [10.0 %, 14.0 %], n = 5; 1 of 4 cells has no run.
        """
        best = self._best()
        if best is None:
            return self._nothing()
        value, down, across = self._titles()
        row, column = theme.one_line(self.cells.rows[best[0]], 60), theme.one_line(self.cells.columns[best[1]], 60)
        empty, total = len(self.cells.without_run()), self.cells.mean.size
        if empty:
            rest = f"{theme.thousands(empty)} of {theme.thousands(total)} cells {'has' if empty == 1 else 'have'} no run"
        else:
            rest = f"{'every cell has' if total > 1 else 'the only cell has'} a run"
        superlative = "highest" if self.score.higher_is_better else "lowest"
        place = f"{down} {row}, {across} {column}"
        return f"The {superlative} mean {value} is at {place}: {self._value_words(best)}; {rest}."

    def table(self) -> pd.DataFrame:
        """List every cell, row by row: row, column, mean, low, high, n; NaN and 0 where there is no run."""
        cells = self.cells
        return pd.DataFrame(
            {
                "row": [str(row) for row in cells.rows for _ in cells.columns],
                "column": [str(column) for column in cells.columns] * len(cells.rows),
                "mean": cells.mean.ravel(),
                "low": cells.low.ravel(),
                "high": cells.high.ravel(),
                "n": cells.n.ravel(),
            }
        )

    def _titles(self) -> tuple[str, str, str]:
        """What the score, the rows and the columns are called, each on one line."""
        score, row, column = (
            theme.one_line(title, _TITLE_LIMIT) for title in (self.score.title, self.row_title, self.column_title)
        )
        return score, row, column

    def _best(self) -> Cell | None:
        return self.cells.best(self.score.higher_is_better)

    def _nothing(self) -> str:
        return f"No run has a value of {self._titles()[0]} yet."

    def _written(self, value: float, bare: bool = False) -> str:
        if not self.score.percent:
            return theme.three_significant(value)
        return f"{100 * value:.1f}" if bare else theme.percent(value)

    def _ends(self, at: Cell, bare: bool = False) -> str:
        """Write the interval of a cell, or nothing where it has none; ends that no share of rows can have are cut."""
        low, high = float(self.cells.low[at]), float(self.cells.high[at])
        if not (math.isfinite(low) and math.isfinite(high)):
            return ""
        if self.score.percent:
            low, high = max(low, 0.0), min(high, 1.0)
        return f"[{self._written(low, bare)}, {self._written(high, bare)}]"

    def _value_words(self, at: Cell) -> str:
        value = " ".join(filter(None, (self._written(float(self.cells.mean[at])), self._ends(at))))
        n = int(self.cells.n[at])
        return f"{value}, one run" if n == 1 else f"{value}, n = {theme.thousands(n)}"

    def _place(self, cell: Cell) -> str:
        """Name a cell in hover, escaped."""
        pairs = ((self.row_title, self.cells.rows[cell[0]]), (self.column_title, self.cells.columns[cell[1]]))
        return "<br>".join(f"{theme.escape(title, _TITLE_LIMIT)}: {theme.escape(word, 60)}" for title, word in pairs)

    def _texts(self, drawn: PivotCells, grid: "_Grid") -> dict[Cell, list[str]]:
        """Choose the lines of every cell: mean, interval and n, or of these what fits in all of them."""
        filled = drawn.with_runs()
        means = {cell: self._written(float(drawn.mean[cell]), bare=True) for cell in filled}
        counts = {cell: f"n = {theme.thousands(drawn.n[cell])}" for cell in filled}
        choices = [
            {cell: list(filter(None, (means[cell], self._ends(cell, bare=True), counts[cell]))) for cell in filled},
            {cell: [means[cell], counts[cell]] for cell in filled},
            {cell: [means[cell]] for cell in filled},
        ]
        return next((choice for choice in choices if all(map(grid.holds, choice.values()))), {})

    def _add_missing(self, figure: go.Figure, drawn: PivotCells, look: Look) -> None:
        empty = drawn.without_run()
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
            hovertext=[f"{self._place(cell)}<br>no run" for cell in empty],
            hoverinfo="text",
            showlegend=False,
        )

    def _add_targets(self, figure: go.Figure, drawn: PivotCells, grid: "_Grid", look: Look) -> None:
        filled = drawn.with_runs()
        score = theme.escape(self.score.title, _TITLE_LIMIT)
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
            hovertext=[f"{self._place(cell)}<br>{score}: {self._value_words(cell)}" for cell in filled],
            hoverinfo="text",
            showlegend=False,
        )

    def _subtitle(self, drawn: PivotCells, best: Cell, brackets: bool) -> str:
        runs = pd.Series(drawn.n[drawn.n > 0])
        words = ["n = 1 run in each cell: no interval" if runs.max() == 1 else f"{interval_lines.n_words(runs)} runs in a cell"]
        if brackets:
            words.append("brackets: 95 % interval of the mean")
        words.append(f"{'higher' if self.score.higher_is_better else 'lower'} is better; solid outline: best mean")
        if self.chosen is not None:
            words.append("dashed outline: chosen")
        if empty := len(drawn.without_run()):
            words.append(f"hatched: no run ({theme.thousands(empty)} of {theme.thousands(drawn.mean.size)} cells)")
        for name, whole, part in (
            ("rows", self.cells.rows, drawn.rows),
            ("columns", self.cells.columns, drawn.columns),
        ):
            if len(part) < len(whole):
                words.append(f"the first {len(part)} of {theme.thousands(len(whole))} {name}")
        if not drawn.holds(best):
            words.append("the best cell is not among them")
        return "; ".join(words)


@dataclass(frozen=True)
class _Grid:
    """The size of a cell in px, and what fits in it."""

    width: float
    height: float
    look: Look

    def holds(self, text: Sequence[str]) -> bool:
        tall = 1.25 * len(text) * theme.FONT_SIZE[self.look.projector] + 4
        return tall <= self.height and all(frame.fits(line, self.width, self.look) for line in text)


def _add_outline(figure: go.Figure, cell: Cell, name: str, dash: str, half: float, look: Look) -> None:
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


def _write(
    figure: go.Figure,
    cells: PivotCells,
    texts: dict[Cell, list[str]],
    scale: theme.Scale,
    ends: tuple[float, float],
    look: Look,
) -> None:
    size = theme.FONT_SIZE[look.projector]
    small = size if look.projector else size - 2
    # As annotations, since a trace's text fades when something is selected
    notes = []
    for cell, (first, *others) in texts.items():
        colour = theme.scale_colour(scale, (float(cells.mean[cell]) - ends[0]) / (ends[1] - ends[0]))
        ink = max(("#000000", "#FFFFFF"), key=lambda one: theme.contrast(one, colour))
        below = "".join(f'<br><span style="font-size:{small}px">{other}</span>' for other in others)
        notes.append({"x": cell[1], "y": cell[0], "text": first + below, "showarrow": False, "font": {"color": ink}})
    frame.annotate(figure, notes)


def _spaced(count: int, pitch: float, look: Look) -> list[int]:
    step = max(1, math.ceil(1.1 * theme.FONT_SIZE[look.projector] / pitch))
    return list(range(0, count, step))
