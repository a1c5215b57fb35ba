"""Decision regions in two dimensions: predicted class as fill, cells of the sign patterns as outlines, rows as points."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_FILL = 0.3
_MAX_LABELS = 16
_SMALLEST_LABELLED = 0.015
"""Share of the area that a cell needs to carry its pattern."""
_MAX_HOVER = 40_000
"""Grid points that still get a hover text each."""


@dataclass(frozen=True, eq=False)
class _Grid:
    """What a net predicts on evenly spaced points of a plane, ny rows of nx points."""

    across: NDArray[np.float64]
    """(nx,) places on the x axis."""
    down: NDArray[np.float64]
    """(ny,) places on the y axis."""
    classes: NDArray[np.int64]
    """(ny, nx)."""
    cells: NDArray[np.int64] | None
    """(ny, nx) leaves."""

    @classmethod
    def checked(cls, xx: ArrayLike, yy: ArrayLike, region: ArrayLike, leaf: ArrayLike | None, n_classes: int) -> "_Grid":
        across, down = np.asarray(xx, dtype=np.float64), np.asarray(yy, dtype=np.float64)
        across = across[0] if across.ndim == 2 and len(across) else across.ravel()
        down = down[:, 0] if down.ndim == 2 and down.shape[1] else down.ravel()
        classes = np.asarray(region).astype(np.int64)
        cells = None if leaf is None else np.asarray(leaf).astype(np.int64)
        shape = (len(down), len(across))
        for name, values in (("region", classes), ("leaf", cells)):
            if values is not None and values.size + len(across) > 0 and values.shape != shape:
                raise ValueError(f"{name} must have shape (ny, nx) = {shape}, got {values.shape}")
        if classes.size and not 0 <= classes.min() <= classes.max() < n_classes:
            given = f"{classes.min()} to {classes.max()}"
            raise ValueError(f"region must hold classes from 0 to {n_classes - 1}, got {given}")
        return cls(across, down, classes, cells)

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the cells around the points begin and end, on the x and on the y axis: (nx + 1,), (ny + 1,)."""
        return _edges(self.across), _edges(self.down)

    def outlines(self) -> tuple[list[float | None], list[float | None]]:
        """Trace the borders between unequal leaves, halfway between grid points, as one broken line."""
        if self.cells is None:
            return [], []
        edges_x, edges_y = self.edges()
        x: list[float | None] = []
        y: list[float | None] = []
        for column in range(1, len(self.across)):
            for start, end in _runs(self.cells[:, column - 1] != self.cells[:, column]):
                x += [float(edges_x[column])] * 2 + [None]
                y += [float(edges_y[start]), float(edges_y[end]), None]
        for row in range(1, len(self.down)):
            for start, end in _runs(self.cells[row - 1] != self.cells[row]):
                x += [float(edges_x[start]), float(edges_x[end]), None]
                y += [float(edges_y[row])] * 2 + [None]
        return x, y


@dataclass(frozen=True, eq=False, kw_only=True)
class DecisionRegions:
    """What a net predicts over a plane, where its sign patterns change, and the rows.

    Raises ValueError for shapes that do not fit and for classes without a name.
    """

    xx: ArrayLike
    """(nx,) evenly spaced places on the x axis, or their (ny, nx) mesh."""
    yy: ArrayLike
    """(ny,) evenly spaced places on the y axis, or their (ny, nx) mesh."""
    region: ArrayLike
    """(ny, nx) predicted classes, from 0."""
    leaf: ArrayLike | None = None
    """(ny, nx) leaves; their cells are outlined."""
    depth: int | None = None
    """Gating bits; cells that are large enough then carry their pattern."""
    x: ArrayLike
    """(n, 2) rows, drawn as points."""
    y: ArrayLike
    """(n,) their classes."""
    class_names: Sequence[str]
    feature_names: tuple[str, str] = ("x1", "x2")
    split: str = "training"
    """Whose rows these are."""

    _grid: _Grid = field(init=False, repr=False)
    _points: NDArray[np.float64] = field(init=False, repr=False)
    _truth: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = _Grid.checked(self.xx, self.yy, self.region, self.leaf, len(self.class_names))
        points = np.asarray(self.x, dtype=np.float64)
        if points.size == 0:
            points = points.reshape(-1, 2)
        truth = np.asarray(self.y).astype(np.int64)
        if points.ndim != 2 or points.shape[1] != 2 or truth.shape != (len(points),):
            raise ValueError(f"x must have shape (n, 2) and y shape (n,), got {points.shape} and {truth.shape}")
        for name, value in (("_grid", grid), ("_points", points), ("_truth", truth)):
            object.__setattr__(self, name, value)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the predicted classes as fill, the cells as outlines and the rows as points, whose `customdata` is the row."""
        grid = self._grid
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Predicted class" + (" and cells of the sign patterns" if grid.cells is not None else "")
        if grid.classes.size == 0:
            why = "The grid has no points, so there is nothing to predict."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure(self._fill())
        if grid.cells is not None:
            line_x, line_y = grid.outlines()
            figure.add_scatter(
                x=line_x,
                y=line_y,
                mode="lines",
                name="sign pattern changes",
                line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] * 0.75},
                hoverinfo="skip",
            )
        for c in range(len(self.class_names)):
            self._add_points(figure, c, look)
        self._add_patterns(figure, look)
        edges_x, edges_y = grid.edges()
        axis = {"constrain": "domain", "showgrid": False, "zeroline": False}
        figure.update_xaxes(title_text=theme.escape(self.feature_names[0], 40), range=[edges_x[0], edges_x[-1]], **axis)
        figure.update_yaxes(
            title_text=theme.escape(self.feature_names[1], 40), range=[edges_y[0], edges_y[-1]], scaleanchor="x", **axis
        )
        words = [frame.rows(len(self._points), self.split), "fill: predicted class, points: true class"]
        if grid.cells is not None:
            words.append(f"{theme.thousands(len(np.unique(grid.cells)))} sign patterns in view")
        subtitle = "; ".join(words)
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="right")

    def sentence(self) -> str:
        """Say how many sign patterns are in the picture and which class fills most of it; plain text.

        >>> grid = {"xx": [0, 1], "yy": [0, 1], "region": [[0, 0], [0, 1]], "leaf": [[0, 1], [2, 2]]}
        >>> DecisionRegions(**grid, x=[], y=[], class_names=["a", "b"]).sentence()
        'The picture shows 3 sign patterns; a is predicted on 75.0 % of its area.'
        """
        grid = self._grid
        if grid.classes.size == 0:
            return "The grid has no points."
        areas = np.bincount(grid.classes.ravel(), minlength=len(self.class_names)) / grid.classes.size
        largest = int(areas.argmax())
        area = f"{theme.one_line(self.class_names[largest])} is predicted on {theme.percent(areas[largest])} of its area."
        if grid.cells is None:
            return f"In the picture, {area}"
        patterns = len(np.unique(grid.cells))
        return f"The picture shows {theme.thousands(patterns)} sign pattern{'s' * (patterns != 1)}; {area}"

    def table(self) -> pd.DataFrame:
        """List the grid's points, row by row: x, y, predicted, and the leaf where given."""
        grid = self._grid
        table = pd.DataFrame(
            {
                "x": np.tile(grid.across, len(grid.down)),
                "y": np.repeat(grid.down, len(grid.across)),
                "predicted": [str(self.class_names[c]) for c in grid.classes.ravel().tolist()],
            }
        )
        if grid.cells is not None:
            table["leaf"] = grid.cells.ravel()
        return table

    def _fill(self) -> go.Heatmap:
        count = max(len(self.class_names), 1)
        fills = [theme.faded(theme.class_colour(c), _FILL) for c in range(count)]
        return go.Heatmap(
            x=self._grid.across,
            y=self._grid.down,
            z=self._grid.classes,
            zmin=-0.5,
            zmax=count - 0.5,
            colorscale=[step for c, fill in enumerate(fills) for step in ([c / count, fill], [(c + 1) / count, fill])],
            showscale=False,
            **self._hover(),
        )

    def _hover(self) -> dict[str, object]:
        classes, cells = self._grid.classes, self._grid.cells
        if classes.size > _MAX_HOVER:
            return {"hoverinfo": "skip"}
        names = [f"predicted {theme.escape(name)}" for name in self.class_names]
        if cells is None or self.depth is None:
            text = [[names[c] for c in row] for row in classes.tolist()]
        else:
            text = [
                [f"{names[c]}<br>{theme.bit_pattern(leaf, self.depth)}" for c, leaf in zip(*both)]
                for both in zip(classes.tolist(), cells.tolist())
            ]
        return {"hovertext": text, "hoverinfo": "text"}

    def _add_points(self, figure: go.Figure, c: int, look: Look) -> None:
        mine = np.flatnonzero(self._truth == c)
        figure.add_scatter(
            x=self._points[mine, 0],
            y=self._points[mine, 1],
            mode="markers",
            name=theme.escape(self.class_names[c], 24),
            customdata=mine,
            marker={
                "symbol": theme.class_marker(c),
                "size": theme.MARKER_SIZE[look.projector] * (0.8 if len(self._points) <= 500 else 0.6),
                "color": theme.class_colour(c),
                "line": {"width": 1, "color": "#FFFFFF"},
            },
            hovertext=[
                f"row {row}<br>class {theme.escape(self.class_names[c])}<br>"
                f"({theme.three_significant(x)}, {theme.three_significant(y)})"
                for row, (x, y) in zip(mine.tolist(), self._points[mine].tolist())
            ],
            hoverinfo="text",
        )

    def _add_patterns(self, figure: go.Figure, look: Look) -> None:
        cells = self._grid.cells
        if cells is None or not self.depth:
            return
        found, counts = np.unique(cells, return_counts=True)
        if len(found) > _MAX_LABELS:
            return
        for leaf in found[counts >= _SMALLEST_LABELLED * cells.size].tolist():
            rows, columns = np.nonzero(cells == leaf)
            centre = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            figure.add_annotation(
                x=float(self._grid.across[columns[centre]]),
                y=float(self._grid.down[rows[centre]]),
                text=theme.bit_pattern(leaf, self.depth),
                showarrow=False,
                bgcolor=theme.faded(theme.BACKGROUND[look.dark], 0.75),
                borderpad=1,
            )


def _edges(places: NDArray[np.float64]) -> NDArray[np.float64]:
    step = float(places[1] - places[0]) if len(places) > 1 else 1.0
    return np.append(places, places[-1] + step) - step / 2


def _runs(differs: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where stretches of True begin and end."""
    padded = np.concatenate(([False], differs, [False]))
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(turns[::2].tolist(), turns[1::2].tolist()))
