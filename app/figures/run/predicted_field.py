"""A predicted number over a plane: its value as colour, cells of the sign patterns as outlines, rows as points."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.run.grid import MAX_HOVER, Grid
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictedField:
    """The number that a net predicts over a plane, where its sign patterns change, and the rows.

    Raises ValueError for shapes that do not fit.
    """

    xx: ArrayLike
    """(nx,) evenly spaced places on the x axis, or their (ny, nx) mesh."""
    yy: ArrayLike
    """(ny,) evenly spaced places on the y axis, or their (ny, nx) mesh."""
    value: ArrayLike
    """(ny, nx) predictions, in the unit of the target."""
    leaf: ArrayLike | None = None
    """(ny, nx) leaves; their cells are outlined."""
    depth: int | None = None
    """Gating bits; cells that are large enough then carry their pattern."""
    x: ArrayLike
    """(n, 2) rows, drawn as points."""
    y: ArrayLike
    """(n,) their numbers."""
    target: str
    """The name of the target, not yet escaped."""
    feature_names: tuple[str, str] = ("x1", "x2")
    split: str = "training"
    """Whose rows these are."""
    is_square: bool = True
    """Whether both axes have one unit, so that distances can be seen."""

    _grid: Grid = field(init=False, repr=False)
    _points: NDArray[np.float64] = field(init=False, repr=False)
    _truth: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = Grid.checked(self.xx, self.yy, np.asarray(self.value, np.float64), self.leaf, "value")
        points = np.asarray(self.x, dtype=np.float64)
        if points.size == 0:
            points = points.reshape(-1, 2)
        truth = np.asarray(self.y, np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or truth.shape != (len(points),):
            raise ValueError(f"x must have shape (n, 2) and y shape (n,), got {points.shape} and {truth.shape}")
        for name, value in (("_grid", grid), ("_points", points), ("_truth", truth)):
            object.__setattr__(self, name, value)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw predictions as fill and rows as points on one scale of colours; `customdata` of a point is the row."""
        grid = self._grid
        height = theme.MAIN_HEIGHT[look.projector]
        name = theme.one_line(self.target, 40)
        title = f"Predicted {name}" + (" and cells of the sign patterns" if grid.cells is not None else "")
        if not np.isfinite(grid.values).any():
            why = "The grid has no point with a finite prediction, so there is nothing to draw."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure(self._fill())
        grid.add_outlines(figure, look)
        known = np.isfinite(self._truth)
        figure.add_scatter(
            x=self._points[known, 0],
            y=self._points[known, 1],
            mode="markers",
            name=f"{theme.escape(self.split)} rows",
            customdata=np.flatnonzero(known),
            marker={
                "size": theme.MARKER_SIZE[look.projector] * (0.8 if len(self._points) <= 500 else 0.6),
                "color": self._truth[known],
                "coloraxis": "coloraxis",
                "line": {"width": 1, "color": theme.TEXT[look.dark]},
            },
            hovertext=[
                f"row {row}<br>{theme.escape(name)} {theme.three_significant(self._truth[row])}<br>"
                f"({theme.three_significant(x)}, {theme.three_significant(y)})"
                for row, (x, y) in zip(np.flatnonzero(known).tolist(), self._points[known].tolist())
            ],
            hoverinfo="text",
        )
        grid.add_patterns(figure, self.depth, look)
        grid.set_axes(figure, self.feature_names, is_square=self.is_square)
        low, high = self._ends()
        figure.update_layout(
            coloraxis={
                "cmin": low,
                "cmax": high,
                "colorscale": theme.VALUE_SCALE,
                "colorbar": {"title": {"text": theme.escape(name), "side": "right"}},
            }
        )
        words = [frame.rows(len(self._points), self.split), "fill: prediction, points: the number of the row"]
        if grid.cells is not None:
            words.append(f"{theme.thousands(len(np.unique(grid.cells)))} sign patterns in view")
        subtitle = "; ".join(words)
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")

    def _ends(self) -> tuple[float, float]:
        """The ends of the colours, which all predictions and rows share."""
        shown = np.concatenate([self._grid.values.ravel(), self._truth])
        shown = shown[np.isfinite(shown)]
        low, high = float(shown.min()), float(shown.max())
        return (low, high) if low < high else (low - 0.5, high + 0.5)

    def sentence(self) -> str:
        """Say how many sign patterns are in the picture, and between which ends the prediction is; plain text.

        >>> grid = {"xx": [0, 1], "yy": [0, 1], "value": [[10, 20], [20, 35]], "leaf": [[0, 1], [2, 2]]}
        >>> PredictedField(**grid, x=[], y=[], target="price").sentence()
        'The picture shows 3 sign patterns; predicted price is between 10.0 and 35.0.'
        """
        grid = self._grid
        known = grid.values[np.isfinite(grid.values)]
        if not known.size:
            return "The grid has no point with a finite prediction."
        low, high = (theme.three_significant(float(end)) for end in (known.min(), known.max()))
        said = f"predicted {theme.one_line(self.target, 40)} is " + (
            f"{low} everywhere" if low == high else f"between {low} and {high}"
        )
        if grid.cells is None:
            return f"In the picture, {said}."
        patterns = len(np.unique(grid.cells))
        return f"The picture shows {theme.thousands(patterns)} sign pattern{'s' * (patterns != 1)}; {said}."

    def table(self) -> pd.DataFrame:
        """List the grid's points, row by row: x, y, predicted, and the leaf where given."""
        grid = self._grid
        table = pd.DataFrame(grid.places() | {"predicted": grid.values.ravel()})
        if grid.cells is not None:
            table["leaf"] = grid.cells.ravel()
        return table

    def _fill(self) -> go.Heatmap:
        grid = self._grid
        hover: dict[str, object] = {"hoverinfo": "skip"}
        if grid.values.size <= MAX_HOVER:
            name = theme.escape(theme.one_line(self.target, 40))
            text = [[f"predicted {name} {theme.three_significant(value)}" for value in row] for row in grid.values.tolist()]
            if grid.cells is not None and self.depth is not None:
                text = [
                    [f"{words}<br>{theme.bit_pattern(leaf, self.depth)}" for words, leaf in zip(*both)]
                    for both in zip(text, grid.cells.tolist())
                ]
            hover = {"hovertext": text, "hoverinfo": "text"}
        return go.Heatmap(x=grid.across, y=grid.down, z=grid.values, coloraxis="coloraxis", **hover)
