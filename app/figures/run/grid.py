"""What a net says on evenly spaced points of a plane, and the borders and names of the cells of its sign patterns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import Look

MAX_HOVER = 40_000
"""Grid points that still get a hover text each."""

_MAX_LABELS = 16
_SMALLEST_LABELLED = 0.015
"""Share of the area that a cell needs to carry its pattern."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Evenly spaced points of a plane, ny rows of nx points, and what a net says of them."""

    across: NDArray[np.float64]
    """(nx,) places on the x axis."""
    down: NDArray[np.float64]
    """(ny,) places on the y axis."""
    values: NDArray[Any]
    """(ny, nx)."""
    cells: NDArray[np.int64] | None
    """(ny, nx) leaves."""

    @classmethod
    def checked(cls, xx: ArrayLike, yy: ArrayLike, values: ArrayLike, leaf: ArrayLike | None, name: str) -> "Grid":
        """Take places or their (ny, nx) meshes; raises ValueError for shapes that do not fit, `name` is that of the values."""
        across, down = np.asarray(xx, dtype=np.float64), np.asarray(yy, dtype=np.float64)
        across = across[0] if across.ndim == 2 and len(across) else across.ravel()
        down = down[:, 0] if down.ndim == 2 and down.shape[1] else down.ravel()
        said = np.asarray(values)
        cells = None if leaf is None else np.asarray(leaf).astype(np.int64)
        shape = (len(down), len(across))
        for word, given in ((name, said), ("leaf", cells)):
            if given is not None and given.size + len(across) > 0 and given.shape != shape:
                raise ValueError(f"{word} must have shape (ny, nx) = {shape}, got {given.shape}")
        return cls(across, down, said, cells)

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the cells around the points begin and end, on the x and on the y axis: (nx + 1,), (ny + 1,)."""
        return _edges(self.across), _edges(self.down)

    def places(self) -> dict[str, NDArray[np.float64]]:
        """The points row by row: x and y, each (ny nx,)."""
        return {"x": np.tile(self.across, len(self.down)), "y": np.repeat(self.down, len(self.across))}

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

    def add_outlines(self, figure: go.Figure, look: Look) -> None:
        """Draw the borders between unequal leaves."""
        if self.cells is None:
            return
        x, y = self.outlines()
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name="sign pattern changes",
            line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] * 0.75},
            hoverinfo="skip",
        )

    def add_patterns(self, figure: go.Figure, depth: int | None, look: Look) -> None:
        """Write the pattern of each cell that is large enough, unless there are too many."""
        if self.cells is None or not depth:
            return
        found, counts = np.unique(self.cells, return_counts=True)
        if len(found) > _MAX_LABELS:
            return
        notes = []
        for leaf in found[counts >= _SMALLEST_LABELLED * self.cells.size].tolist():
            rows, columns = np.nonzero(self.cells == leaf)
            centre = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            notes.append(
                {
                    "x": float(self.across[columns[centre]]),
                    "y": float(self.down[rows[centre]]),
                    "text": theme.bit_pattern(leaf, depth),
                    "showarrow": False,
                    "bgcolor": theme.faded(theme.BACKGROUND[look.dark], 0.75),
                    "borderpad": 1,
                }
            )
        frame.annotate(figure, notes)

    def set_axes(self, figure: go.Figure, names: tuple[str, str], *, is_square: bool) -> None:
        """Name the axes and end them with the grid; `is_square`: one unit is as long on both."""
        edges_x, edges_y = self.edges()
        axis = {"constrain": "domain", "showgrid": False, "zeroline": False}
        figure.update_xaxes(title_text=theme.escape(names[0], 40), range=[edges_x[0], edges_x[-1]], **axis)
        same = {"scaleanchor": "x"} if is_square else {}
        figure.update_yaxes(title_text=theme.escape(names[1], 40), range=[edges_y[0], edges_y[-1]], **same, **axis)


def _edges(places: NDArray[np.float64]) -> NDArray[np.float64]:
    step = float(places[1] - places[0]) if len(places) > 1 else 1.0
    return np.append(places, places[-1] + step) - step / 2


def _runs(differs: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where stretches of True begin and end."""
    padded = np.concatenate(([False], differs, [False]))
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(turns[::2].tolist(), turns[1::2].tolist()))
