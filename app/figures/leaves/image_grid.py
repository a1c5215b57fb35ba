"""Rows that are images: the members of a leaf as a grid, and one image, as the mean of a leaf."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, eq=False)
class ImageGrid:
    """The rows of a leaf as grey images, with their classes and predictions.

    Raises ValueError for shapes that do not pair up.
    """

    images: ArrayLike
    """(m, h, w) floats of the first m rows, at least of the 60 that are shown."""
    labels: ArrayLike
    """(n,) classes."""
    class_names: Sequence[str]
    predictions: ArrayLike | None = None
    """(n,) classes, or None where they are not known."""
    rows: ArrayLike | None = None
    """(n,) numbers in the data set; None: 0, 1, ..."""
    columns: int = 12
    title: str = "Rows in the leaf"
    split: str = "test"
    """Whose rows these are."""
    more: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Further columns of the table: name -> (n,)."""

    _pixels: NDArray[np.float64] = field(init=False, repr=False)
    """(min(n, 60), h, w)."""
    _members: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        truth = np.asarray(self.labels, dtype=np.int64)
        guess = None if self.predictions is None else np.asarray(self.predictions, dtype=np.int64)
        numbers = np.arange(len(truth)) if self.rows is None else np.asarray(self.rows, dtype=np.int64)
        if len(numbers) != len(truth) or (guess is not None and len(guess) != len(truth)):
            raise ValueError(f"rows and predictions must have one entry for each of {len(truth)} labels")
        pixels = np.asarray(self.images)
        shown = min(len(truth), MAX_IMAGES)
        if shown and (pixels.ndim != 3 or not shown <= len(pixels) <= len(truth)):
            first = "" if shown == len(truth) else f" or at least the first {shown}"
            raise ValueError(f"images must have shape ({len(truth)}, h, w), one for each label{first}, got {pixels.shape}")
        members = pd.DataFrame(
            {
                "row": numbers,
                "class": [str(self.class_names[c]) for c in truth],
                "prediction": [None] * len(truth) if guess is None else [str(self.class_names[c]) for c in guess],
                "wrong": np.zeros(len(truth), bool) if guess is None else truth != guess,
            }
        )
        object.__setattr__(self, "_pixels", pixels[:shown].astype(np.float64))
        object.__setattr__(self, "_members", members)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw up to 60 images. A wrong prediction is framed, and its caption reads "class→prediction".

        A square over each image carries the row's number as `customdata`. The grid keeps its scale, however few images.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        if self._members.empty:
            why = f"No {self.split} row reaches this leaf."
            return frame.empty_figure(look=look, title=self.title, subject=subject, why=why, height=height)
        members = self._members.head(MAX_IMAGES)
        shown, tall, wide = self._pixels.shape
        caption = tall * (0.5 if look.projector else 0.34)
        pitch_x, pitch_y = round(wide * 1.12), round(tall + caption)
        down = -(-MAX_IMAGES // self.columns)
        left = [at % self.columns * pitch_x for at in range(shown)]
        top = [at // self.columns * pitch_y for at in range(shown)]
        canvas = np.full((down * pitch_y, self.columns * pitch_x), np.nan)
        for at in range(shown):
            canvas[top[at] : top[at] + tall, left[at] : left[at] + wide] = self._pixels[at]
        low, high = float(self._pixels.min()), float(self._pixels.max())
        figure = go.Figure()
        figure.add_heatmap(
            z=canvas,
            zmin=low,
            zmax=high if high > low else low + 1,
            colorscale=_ink_scale(look),
            showscale=False,
            hoverinfo="skip",
        )
        wrong = members["wrong"].to_numpy()
        for framed, colour, width, name in (
            (False, theme.GRID[look.dark], 1, "right"),
            (True, theme.TEXT[look.dark], theme.LINE_WIDTH[look.projector] + 1, "wrong"),
        ):
            x: list[float | None] = []
            y: list[float | None] = []
            for at in np.flatnonzero(wrong == framed).tolist():
                x += [left[at] - 0.5 + dx * wide for dx in (0, 1, 1, 0, 0)] + [None]
                y += [top[at] - 0.5 + dy * tall for dy in (0, 0, 1, 1, 0)] + [None]
            figure.add_scatter(x=x, y=y, mode="lines", name=name, line={"color": colour, "width": width}, hoverinfo="skip")
        room = min((look.width - 30) / self.columns, (height - 110) / down * pitch_x / pitch_y)
        middle = [at + (wide - 1) / 2 for at in left]
        records = members.to_dict("records")
        figure.add_scatter(
            x=middle,
            y=[at + tall + (caption - 1) / 2 for at in top],
            mode="text",
            text=[_caption(row, room, look) for row in records],
            textfont={"size": theme.FONT_SIZE[look.projector]},
            unselected={"textfont": {"color": theme.TEXT[look.dark]}},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=middle,
            y=[at + (tall - 1) / 2 for at in top],
            mode="markers",
            marker={"symbol": "square", "size": room * wide / pitch_x, "color": theme.MUTED[look.dark]},
            **frame.CLICK_TARGET,
            customdata=members["row"],
            hovertext=[_hover(row) for row in records],
            hoverinfo="text",
        )
        figure.update_xaxes(visible=False, range=[-1, self.columns * pitch_x], constrain="domain", constraintoward="left")
        figure.update_yaxes(
            visible=False, range=[down * pitch_y, -1], scaleanchor="x", constrain="domain", constraintoward="top"
        )
        subtitle = self._subtitle(members)
        return frame.frame(figure, look=look, title=self.title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Say how many rows are predicted correctly, and the most common class; plain text."""
        return members_sentence(self.labels, self.predictions, self.class_names, self.split)

    def table(self) -> pd.DataFrame:
        """List all rows in the grid's order: row, class, prediction (None where there is none), wrong, and `more`."""
        return self._members.assign(**self.more)

    def _subtitle(self, shown: pd.DataFrame) -> str:
        words = frame.rows(len(self._members), self.split)
        if len(shown) < len(self._members):
            words += f", the first {len(shown)} shown"
        if self.predictions is not None:
            of = " of these" if len(shown) < len(self._members) else ""
            words += f"; {theme.thousands(shown['wrong'].sum())}{of} misclassified (framed, class→prediction)"
        return words


@dataclass(frozen=True, eq=False)
class MeanImage:
    """One image, the mean of `n` rows, or one row.

    Raises ValueError for an image that is not (h, w).
    """

    image: ArrayLike
    """(h, w) floats in the data's units; empty or not finite: nothing is drawn."""
    n: int | None = None
    """Rows of the mean; None: it is the image of one row."""
    title: str = "Mean image of the leaf"
    says: str = ""
    """The sentence, where it is not about the mean."""

    _pixels: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pixels = np.asarray(self.image, dtype=np.float64)
        if pixels.ndim != 2:
            raise ValueError(f"image must have shape (h, w), got {pixels.shape}")
        object.__setattr__(self, "_pixels", pixels)

    @property
    def _empty(self) -> bool:
        return self.n == 0 or not np.isfinite(self._pixels).any()

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the image with the scale of its values."""
        height = theme.SIDE_HEIGHT[look.projector]
        if self._empty:
            return frame.empty_figure(look=look, title=self.title, subject=subject, why=_NO_MEAN, height=height)
        value = "value" if self.n is None else "mean value"
        figure = go.Figure(
            go.Heatmap(
                z=self._pixels,
                colorscale=_ink_scale(look),
                colorbar={"title": {"text": value}},
                hovertemplate=f"row %{{y}}, column %{{x}}<br>{value} %{{z:.3g}}<extra></extra>",
            )
        )
        rows, columns = self._pixels.shape
        square = {"constrain": "domain", "showgrid": False, "zeroline": False}
        figure.update_xaxes(title_text="pixel column", range=[-0.5, columns - 0.5], **square)
        figure.update_yaxes(title_text="pixel row", range=[rows - 0.5, -0.5], scaleanchor="x", **square)
        subtitle = "" if self.n is None else f"n = {theme.thousands(self.n)} rows"
        return frame.frame(figure, look=look, title=self.title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Say what `says` says, else of how many rows this is the mean; plain text.

        >>> MeanImage([[0.0, 1.0]], n=34).sentence()
        'The mean of all 34 rows, pixel by pixel.'
        """
        if self._empty:
            return _NO_MEAN
        if self.says:
            return theme.one_line(self.says)
        return "The image of one row." if self.n is None else f"The mean of all {theme.thousands(self.n)} rows, pixel by pixel."

    def table(self) -> pd.DataFrame:
        """List the pixels: row, and a column for each pixel column."""
        return pd.DataFrame(self._pixels).add_prefix("column ").rename_axis("row").reset_index()


_NO_MEAN = "No row reaches this leaf, so there is no mean."


def members_sentence(labels: ArrayLike, predictions: ArrayLike | None, class_names: Sequence[str], split: str) -> str:
    """Say how many rows are predicted correctly, where that is known, and the most common class; plain text.

    >>> members_sentence([0, 0, 1], [0, 1, 1], ["a", "b"], "test")
    '2 of 3 test rows are predicted correctly; the most common class is a, with 2 rows.'
    """
    truth = np.asarray(labels, dtype=np.int64)
    n = theme.thousands(len(truth))
    if len(truth) == 0:
        return f"No {split} row reaches this leaf."
    counts = np.bincount(truth)
    name = theme.one_line(class_names[int(counts.argmax())])
    most = f"{name}, with {theme.thousands(counts.max())} row{'' if counts.max() == 1 else 's'}"
    if predictions is None:
        return f"The most common class of the {n} {split} rows is {most}."
    right = theme.thousands((truth == np.asarray(predictions)).sum())
    return f"{right} of {n} {split} rows are predicted correctly; the most common class is {most}."


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
        text += f"<br>predicted {theme.escape(row['prediction'])} ({'wrong' if row['wrong'] else 'correct'})"
    return text
