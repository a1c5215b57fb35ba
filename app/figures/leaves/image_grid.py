"""Rows that are images: the members of a leaf as a grid, and their mean."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

MAX_IMAGES = 60
"""Images of a grid; more would be smaller than a thumb."""


def image_grid(
    *,
    images: ArrayLike,
    labels: ArrayLike,
    predictions: ArrayLike | None = None,
    class_names: Sequence[str],
    rows: ArrayLike | None = None,
    columns: int = 12,
    title: str = "Rows in the leaf",
    split: str = "test",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show up to 60 grey images: (n, h, w) floats, (n,) classes and predictions, `rows` (n,) their numbers in the data set.

    A wrong prediction is framed, and its caption reads "class→prediction". A square over each image carries the row's
    number as `customdata`. The grid keeps its scale, however few images there are. Raises ValueError for other shapes.
    """
    pixels, table = _members(images, labels, predictions, class_names, rows)
    height = theme.MAIN_HEIGHT[look.projector]
    if len(table) == 0:
        why = f"No {split} row reaches this leaf."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    shown = min(len(table), MAX_IMAGES)
    image_height, image_width = pixels.shape[1:]
    caption = image_height * (0.5 if look.projector else 0.34)
    pitch_x, pitch_y = image_width * 1.12, image_height + caption
    figure = go.Figure()
    low, high = float(pixels.min()), float(pixels.max())
    canvas_rows = -(-MAX_IMAGES // columns)
    canvas = np.full((canvas_rows * round(pitch_y), columns * round(pitch_x)), np.nan)
    pitch_x, pitch_y = round(pitch_x), round(pitch_y)
    left = [at % columns * pitch_x for at in range(shown)]
    top = [at // columns * pitch_y for at in range(shown)]
    for at in range(shown):
        canvas[top[at] : top[at] + image_height, left[at] : left[at] + image_width] = pixels[at]
    figure.add_heatmap(
        z=canvas,
        zmin=low,
        zmax=high if high > low else low + 1,
        colorscale=_ink_scale(look),
        showscale=False,
        hoverinfo="skip",
    )
    wrong = table["wrong"].to_numpy()[:shown]
    for framed, colour, width, name in (
        (False, theme.GRID[look.dark], 1, "right"),
        (True, theme.TEXT[look.dark], theme.LINE_WIDTH[look.projector] + 1, "wrong"),
    ):
        x: list[float | None] = []
        y: list[float | None] = []
        for at in np.flatnonzero(wrong == framed).tolist():
            x += [left[at] - 0.5 + dx * image_width for dx in (0, 1, 1, 0, 0)] + [None]
            y += [top[at] - 0.5 + dy * image_height for dy in (0, 0, 1, 1, 0)] + [None]
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line={"color": colour, "width": width}, hoverinfo="skip")
    room = min((look.width - 30) / columns, (height - 110) / canvas_rows * pitch_x / pitch_y)
    figure.add_scatter(
        x=[at + (image_width - 1) / 2 for at in left],
        y=[at + image_height + (caption - 1) / 2 for at in top],
        mode="text",
        text=[_caption(row, room, look) for row in table.head(shown).to_dict("records")],
        textfont={"size": theme.FONT_SIZE[look.projector]},
        unselected={"textfont": {"color": theme.TEXT[look.dark]}},
        hoverinfo="skip",
    )
    cell = room * image_width / pitch_x
    figure.add_scatter(
        x=[at + (image_width - 1) / 2 for at in left],
        y=[at + (image_height - 1) / 2 for at in top],
        mode="markers",
        marker={"symbol": "square", "size": cell, "color": theme.MUTED[look.dark]},
        **frame.CLICK_TARGET,
        customdata=table["row"][:shown],
        hovertext=[_hover(row) for row in table.head(shown).to_dict("records")],
        hoverinfo="text",
    )
    figure.update_xaxes(visible=False, range=[-1, columns * pitch_x], constrain="domain", constraintoward="left")
    figure.update_yaxes(
        visible=False, range=[canvas_rows * pitch_y, -1], scaleanchor="x", constrain="domain", constraintoward="top"
    )
    return frame.frame(
        figure,
        look=look,
        title=title,
        subject=subject,
        subtitle=_subtitle(table, shown, predictions is not None, split),
        height=height,
    )


def mean_image(
    *, image: ArrayLike, n: int | None = None, title: str = "Mean image of the leaf", subject: str = "", look: Look = SCREEN
) -> go.Figure:
    """Show one image, the mean of `n` rows, or one row (None): (h, w) floats in the data's units.

    Raises ValueError for another shape.
    """
    pixels = np.asarray(image, dtype=np.float64)
    if pixels.ndim != 2:
        raise ValueError(f"image must have shape (h, w), got {pixels.shape}")
    height = theme.SIDE_HEIGHT[look.projector]
    if pixels.size == 0 or not np.isfinite(pixels).any() or n == 0:
        return frame.empty_figure(
            look=look, title=title, subject=subject, why="No row reaches this leaf, so there is no mean.", height=height
        )
    value = "value" if n is None else "mean value"
    figure = go.Figure(
        go.Heatmap(
            z=pixels,
            colorscale=_ink_scale(look),
            colorbar={"title": {"text": value}},
            hovertemplate=f"row %{{y}}, column %{{x}}<br>{value} %{{z:.3g}}<extra></extra>",
        )
    )
    rows, columns = pixels.shape
    figure.update_xaxes(
        title_text="pixel column", range=[-0.5, columns - 0.5], constrain="domain", showgrid=False, zeroline=False
    )
    figure.update_yaxes(
        title_text="pixel row", range=[rows - 0.5, -0.5], scaleanchor="x", constrain="domain", showgrid=False, zeroline=False
    )
    subtitle = "" if n is None else f"n = {theme.thousands(n)} rows"
    return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)


def _ink_scale(look: Look) -> list[list[float | str]]:
    return [[0.0, theme.BACKGROUND[look.dark]], [1.0, theme.TEXT[look.dark]]]


def _caption(row: dict[Hashable, Any], room: float, look: Look) -> str:
    most = max(3, int(room / (frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector])) - 2)
    if not row["wrong"]:
        return theme.escape(row["class"], most)
    each = max(1, (most - 1) // 2)
    return f"{theme.escape(row['class'], each)}→{theme.escape(row['prediction'], each)}"


def _hover(row: dict[Hashable, Any]) -> str:
    text = f"row {row['row']}<br>class {theme.escape(row['class'])}"
    if row["prediction"] is not None:
        text += f"<br>predicted {theme.escape(row['prediction'])} ({'wrong' if row['wrong'] else 'right'})"
    return text


def _subtitle(table: pd.DataFrame, shown: int, predicted: bool, split: str) -> str:
    n = len(table)
    words = f"n = {theme.thousands(n)} {split} rows" + (f", the first {shown} shown" if shown < n else "")
    if predicted:
        words += f"; {theme.thousands(table['wrong'].sum())} predicted wrongly (framed, class→prediction)"
    return words


def image_grid_sentence(*, labels: ArrayLike, predictions: ArrayLike, class_names: Sequence[str], split: str = "test") -> str:
    """Say how many rows are predicted rightly, and the commonest class; plain text, to be escaped for Markdown.

    >>> image_grid_sentence(labels=[0, 0, 1], predictions=[0, 1, 1], class_names=["a", "b"])
    '2 of 3 test rows are predicted rightly; the commonest class is a, with 2 rows.'
    """
    truth, guess = np.asarray(labels, dtype=np.int64), np.asarray(predictions, dtype=np.int64)
    if len(truth) == 0:
        return f"No {split} row reaches this leaf."
    counts = np.bincount(truth, minlength=len(class_names))
    return (
        f"{theme.thousands((truth == guess).sum())} of {theme.thousands(len(truth))} {split} rows are predicted rightly; "
        f"the commonest class is {class_names[int(counts.argmax())]}, with {theme.thousands(counts.max())} rows."
    )


def image_grid_table(
    *, labels: ArrayLike, predictions: ArrayLike | None = None, class_names: Sequence[str], rows: ArrayLike | None = None
) -> pd.DataFrame:
    """List the rows in the grid's order: row, class, prediction (None where there is none), wrong."""
    truth = np.asarray(labels, dtype=np.int64)
    guess = None if predictions is None else np.asarray(predictions, dtype=np.int64)
    numbers = np.arange(len(truth)) if rows is None else np.asarray(rows, dtype=np.int64)
    if len(numbers) != len(truth) or (guess is not None and len(guess) != len(truth)):
        raise ValueError(f"rows and predictions must have one entry for each of {len(truth)} labels")
    return pd.DataFrame(
        {
            "row": numbers,
            "class": [str(class_names[c]) for c in truth],
            "prediction": [None] * len(truth) if guess is None else [str(class_names[c]) for c in guess],
            "wrong": np.zeros(len(truth), bool) if guess is None else truth != guess,
        }
    )


def _members(
    images: ArrayLike, labels: ArrayLike, predictions: ArrayLike | None, class_names: Sequence[str], rows: ArrayLike | None
) -> tuple[NDArray[np.float64], pd.DataFrame]:
    pixels = np.asarray(images, dtype=np.float64)
    table = image_grid_table(labels=labels, predictions=predictions, class_names=class_names, rows=rows)
    if len(table) and (pixels.ndim != 3 or len(pixels) != len(table)):
        raise ValueError(f"images must have shape ({len(table)}, h, w), one for each label, got {pixels.shape}")
    return pixels, table
