"""Decision regions in two dimensions: predicted class as fill, cells of the sign patterns as outlines, rows as points."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.run.grid import MAX_HOVER, Grid
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_FILL = 0.3


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
    is_square: bool = True
    """Whether both axes have one unit, so that distances can be seen."""

    _grid: Grid = field(init=False, repr=False)
    _classes: NDArray[np.int64] = field(init=False, repr=False)
    _points: NDArray[np.float64] = field(init=False, repr=False)
    _truth: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = Grid.checked(self.xx, self.yy, self.region, self.leaf, "region")
        classes, n_classes = grid.values.astype(np.int64), len(self.class_names)
        if classes.size and not 0 <= classes.min() <= classes.max() < n_classes:
            given = f"{classes.min()} to {classes.max()}"
            raise ValueError(f"region must hold classes from 0 to {n_classes - 1}, got {given}")
        points = np.asarray(self.x, dtype=np.float64)
        if points.size == 0:
            points = points.reshape(-1, 2)
        truth = np.asarray(self.y).astype(np.int64)
        if points.ndim != 2 or points.shape[1] != 2 or truth.shape != (len(points),):
            raise ValueError(f"x must have shape (n, 2) and y shape (n,), got {points.shape} and {truth.shape}")
        for name, value in (("_grid", grid), ("_classes", classes), ("_points", points), ("_truth", truth)):
            object.__setattr__(self, name, value)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the predicted classes as fill, the cells as outlines and the rows as points, whose `customdata` is the row."""
        grid = self._grid
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Predicted class" + (" and cells of the sign patterns" if grid.cells is not None else "")
        if self._classes.size == 0:
            why = "The grid has no points, so there is nothing to predict."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure(self._fill())
        grid.add_outlines(figure, look)
        for c in range(len(self.class_names)):
            self._add_points(figure, c, look)
        grid.add_patterns(figure, self.depth, look)
        grid.set_axes(figure, self.feature_names, is_square=self.is_square)
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
        if self._classes.size == 0:
            return "The grid has no points."
        areas = np.bincount(self._classes.ravel(), minlength=len(self.class_names)) / self._classes.size
        largest = int(areas.argmax())
        area = f"{theme.one_line(self.class_names[largest])} is predicted on {theme.percent(areas[largest])} of its area."
        if grid.cells is None:
            return f"In the picture, {area}"
        patterns = len(np.unique(grid.cells))
        return f"The picture shows {theme.thousands(patterns)} sign pattern{'s' * (patterns != 1)}; {area}"

    def table(self) -> pd.DataFrame:
        """List the grid's points, row by row: x, y, predicted, and the leaf where given."""
        grid = self._grid
        predicted = [str(self.class_names[c]) for c in self._classes.ravel().tolist()]
        table = pd.DataFrame({**grid.places(), "predicted": predicted})
        if grid.cells is not None:
            table["leaf"] = grid.cells.ravel()
        return table

    def _fill(self) -> go.Heatmap:
        count = max(len(self.class_names), 1)
        fills = [theme.faded(theme.class_colour(c), _FILL) for c in range(count)]
        return go.Heatmap(
            x=self._grid.across,
            y=self._grid.down,
            z=self._classes,
            zmin=-0.5,
            zmax=count - 0.5,
            colorscale=[step for c, fill in enumerate(fills) for step in ([c / count, fill], [(c + 1) / count, fill])],
            showscale=False,
            **self._hover(),
        )

    def _hover(self) -> dict[str, object]:
        classes, cells = self._classes, self._grid.cells
        if classes.size > MAX_HOVER:
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
