"""Decision regions in two dimensions: predicted class as fill, cells of the sign patterns as outlines, rows as points."""

from collections.abc import Sequence

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


def decision_regions(
    *,
    xx: ArrayLike,
    yy: ArrayLike,
    region: ArrayLike,
    leaf: ArrayLike | None = None,
    depth: int | None = None,
    x: ArrayLike,
    y: ArrayLike,
    class_names: Sequence[str],
    feature_names: tuple[str, str] = ("x1", "x2"),
    split: str = "training",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show what a net predicts over a plane, and where its sign patterns change.

    `xx` (nx,) and `yy` (ny,) are the grid's evenly spaced coordinates (or their (ny, nx) meshes), `region` (ny, nx) the
    predicted classes, `leaf` (ny, nx) the leaves, `x` (n, 2) and `y` (n,) the rows and their classes. With `depth`, cells
    large enough carry their pattern. A point's `customdata` is its number. Raises ValueError for shapes that do not fit.
    """
    across, down, classes, cells, points, truth = _check(xx, yy, region, leaf, x, y)
    height = theme.MAIN_HEIGHT[look.projector]
    title = "Predicted class" + (" and cells of the sign patterns" if cells is not None else "")
    if classes.size == 0:
        why = "The grid has no points, so there is nothing to predict."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    count = max(len(class_names), 1)
    bands = [band for c in range(count) for band in ([c / count, _fill(c)], [(c + 1) / count, _fill(c)])]
    figure = go.Figure(
        go.Heatmap(
            x=across,
            y=down,
            z=classes,
            zmin=-0.5,
            zmax=count - 0.5,
            colorscale=bands,
            showscale=False,
            **_region_hover(classes, cells, depth, class_names),
        )
    )
    if cells is not None:
        line_x, line_y = _outlines(cells, across, down)
        figure.add_scatter(
            x=line_x,
            y=line_y,
            mode="lines",
            name="sign pattern changes",
            line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] * 0.75},
            hoverinfo="skip",
        )
    size = theme.MARKER_SIZE[look.projector] * (0.8 if len(points) <= 500 else 0.6)
    for c in range(len(class_names)):
        mine = np.flatnonzero(truth == c)
        name = theme.escape(class_names[c], 24)
        figure.add_scatter(
            x=points[mine, 0],
            y=points[mine, 1],
            mode="markers",
            name=name,
            customdata=mine,
            marker={
                "symbol": theme.class_marker(c),
                "size": size,
                "color": theme.class_colour(c),
                "line": {"width": 1, "color": "#FFFFFF"},
            },
            hovertext=[
                f"row {row}<br>class {theme.escape(class_names[c])}<br>"
                f"({theme.three_significant(float(points[row, 0]))}, {theme.three_significant(float(points[row, 1]))})"
                for row in mine.tolist()
            ],
            hoverinfo="text",
        )
    if cells is not None and depth:
        _add_patterns(figure, cells, across, down, depth, look)
    step_x, step_y = _step(across), _step(down)
    figure.update_xaxes(
        title_text=theme.escape(feature_names[0], 40),
        range=[across[0] - step_x / 2, across[-1] + step_x / 2],
        constrain="domain",
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        title_text=theme.escape(feature_names[1], 40),
        range=[down[0] - step_y / 2, down[-1] + step_y / 2],
        scaleanchor="x",
        constrain="domain",
        showgrid=False,
        zeroline=False,
    )
    words = [frame.rows(len(points), split), "fill: predicted class, points: true class"]
    if cells is not None:
        words.append(f"{theme.thousands(len(np.unique(cells)))} sign patterns in view")
    return frame.frame(
        figure, look=look, title=title, subject=subject, subtitle="; ".join(words), height=height, legend="right"
    )


def _fill(c: int) -> str:
    return theme.faded(theme.class_colour(c), _FILL)


def _step(coordinates: NDArray[np.float64]) -> float:
    return float(coordinates[1] - coordinates[0]) if len(coordinates) > 1 else 1.0


def _region_hover(
    classes: NDArray[np.int64], cells: NDArray[np.int64] | None, depth: int | None, class_names: Sequence[str]
) -> dict[str, object]:
    if classes.size > _MAX_HOVER:
        return {"hoverinfo": "skip"}
    names = [f"predicted {theme.escape(name)}" for name in class_names]
    if cells is None or depth is None:
        text = [[names[c] for c in row] for row in classes.tolist()]
    else:
        text = [
            [f"{names[c]}<br>{theme.bit_pattern(leaf, depth)}" for c, leaf in zip(*both)]
            for both in zip(classes.tolist(), cells.tolist())
        ]
    return {"hovertext": text, "hoverinfo": "text"}


def _outlines(
    cells: NDArray[np.int64], across: NDArray[np.float64], down: NDArray[np.float64]
) -> tuple[list[float | None], list[float | None]]:
    """Trace the borders between unequal neighbours, halfway between grid points, as one broken line."""
    edges_x = np.append(across, across[-1] + _step(across)) - _step(across) / 2
    edges_y = np.append(down, down[-1] + _step(down)) - _step(down) / 2
    x: list[float | None] = []
    y: list[float | None] = []
    for column in range(1, len(across)):
        for start, end in _runs(cells[:, column - 1] != cells[:, column]):
            x += [float(edges_x[column])] * 2 + [None]
            y += [float(edges_y[start]), float(edges_y[end]), None]
    for row in range(1, len(down)):
        for start, end in _runs(cells[row - 1] != cells[row]):
            x += [float(edges_x[start]), float(edges_x[end]), None]
            y += [float(edges_y[row])] * 2 + [None]
    return x, y


def _runs(differs: NDArray[np.bool_]) -> list[tuple[int, int]]:
    padded = np.concatenate(([False], differs, [False]))
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(turns[::2].tolist(), turns[1::2].tolist()))


def _add_patterns(
    figure: go.Figure, cells: NDArray[np.int64], across: NDArray[np.float64], down: NDArray[np.float64], depth: int, look: Look
) -> None:
    found, counts = np.unique(cells, return_counts=True)
    if len(found) > _MAX_LABELS:
        return
    for leaf in found[counts >= _SMALLEST_LABELLED * cells.size].tolist():
        rows, columns = np.nonzero(cells == leaf)
        centre = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        figure.add_annotation(
            x=float(across[columns[centre]]),
            y=float(down[rows[centre]]),
            text=theme.bit_pattern(leaf, depth),
            showarrow=False,
            bgcolor=theme.faded(theme.BACKGROUND[look.dark], 0.75),
            borderpad=1,
        )


def decision_regions_sentence(*, region: ArrayLike, leaf: ArrayLike | None, class_names: Sequence[str]) -> str:
    """Say how many sign patterns meet in the picture and the largest predicted class; plain text.

    >>> decision_regions_sentence(region=[[0, 0], [0, 1]], leaf=[[0, 1], [2, 2]], class_names=["a", "b"])
    '3 sign patterns meet in the picture; a is predicted on 75.0 % of its area.'
    """
    classes = np.asarray(region, dtype=np.int64)
    if classes.size == 0:
        return "The grid has no points."
    areas = np.bincount(classes.ravel(), minlength=len(class_names)) / classes.size
    largest = int(areas.argmax())
    area = f"{class_names[largest]} is predicted on {theme.percent(areas[largest])} of its area."
    if leaf is None:
        return f"In the picture, {area}"
    patterns = len(np.unique(np.asarray(leaf)))
    meet = "1 sign pattern fills" if patterns == 1 else f"{theme.thousands(patterns)} sign patterns meet in"
    return f"{meet} the picture; {area}"


def decision_regions_table(
    *, xx: ArrayLike, yy: ArrayLike, region: ArrayLike, leaf: ArrayLike | None = None, class_names: Sequence[str]
) -> pd.DataFrame:
    """List the grid's points, row by row: x, y, predicted, and the leaf where given."""
    across, down, classes, cells, _, _ = _check(xx, yy, region, leaf, np.zeros((0, 2)), np.zeros(0))
    table = pd.DataFrame(
        {
            "x": np.tile(across, len(down)),
            "y": np.repeat(down, len(across)),
            "predicted": [str(class_names[c]) for c in classes.ravel().tolist()],
        }
    )
    if cells is not None:
        table["leaf"] = cells.ravel()
    return table


def _check(
    xx: ArrayLike, yy: ArrayLike, region: ArrayLike, leaf: ArrayLike | None, x: ArrayLike, y: ArrayLike
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64] | None,
    NDArray[np.float64],
    NDArray[np.int64],
]:
    across, down = np.asarray(xx, dtype=np.float64), np.asarray(yy, dtype=np.float64)
    across = across[0] if across.ndim == 2 and len(across) else across.ravel()
    down = down[:, 0] if down.ndim == 2 and down.shape[1] else down.ravel()
    classes = np.asarray(region).astype(np.int64)
    cells = None if leaf is None else np.asarray(leaf).astype(np.int64)
    shape = (len(down), len(across))
    for name, values in (("region", classes), ("leaf", cells)):
        if values is not None and values.size + len(across) > 0 and values.shape != shape:
            raise ValueError(f"{name} must have shape (ny, nx) = {shape}, got {values.shape}")
    points = np.asarray(x, dtype=np.float64).reshape(-1, 2) if np.size(x) == 0 else np.asarray(x, dtype=np.float64)
    truth = np.asarray(y).astype(np.int64)
    if points.ndim != 2 or points.shape[1] != 2 or truth.shape != (len(points),):
        raise ValueError(f"x must have shape (n, 2) and y shape (n,), got {points.shape} and {truth.shape}")
    return across, down, classes, cells, points, truth
