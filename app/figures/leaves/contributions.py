"""What each node on a row's path adds to the logits of the classes.

M nodes on the path, root first · C classes · parts + rest = logits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.leaves.matrices import diverging_scale
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look

REST = "later biases"
SUM = "sum (logits)"

_NOT_FINITE = "Some logits are not finite, so the contributions of nodes cannot be shown."
_NAME_LIMIT = 18
_TURNED_LIMIT = {False: 14, True: 8}
"""Characters of a name that is turned, by projector: it takes them from the height."""
_BAR_WIDTH = 110
_SEPARATION = 1.4
"""From the biases to the sum, in rows."""
_TOLERANCE = 1e-3
"""Rounding of single precision, relative to the largest term."""


@dataclass(frozen=True)
class _Terms:
    parts: NDArray[np.float64]
    """(M + 1, C): nodes, then the later biases."""
    logits: NDArray[np.float64]
    names: list[str]
    """M + 1, as written."""
    classes: list[str]
    """C, as written."""
    label: int | None

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.parts).all() and np.isfinite(self.logits).all())

    @property
    def predicted(self) -> int:
        return int(self.logits.argmax())


@dataclass(frozen=True, eq=False)
class Contributions:
    """What adds up to the logits of one row.

    Raises ValueError for shapes that do not fit, terms that do not add up to the logits, or a label that is no class.
    """

    parts: ArrayLike
    """(M, C): what each node adds."""
    names: Sequence[str]
    """(M,) nodes, root first: "root", "1", "1 0", or "leaf 1 0"."""
    rest: ArrayLike
    """(C,): what the biases after the layer add."""
    logits: ArrayLike
    """(C,)."""
    class_names: Sequence[str]
    label: int | None = None
    """The true class, if known."""
    row: str = ""
    """Names the row in the title, where the subject does not: "test row 17"."""

    _terms: _Terms = field(init=False, repr=False)

    def __post_init__(self) -> None:
        nodes, after, total = (np.asarray(term, dtype=np.float64) for term in (self.parts, self.rest, self.logits))
        count = len(self.class_names)
        if count == 0:
            raise ValueError("class_names must name at least one class, got none")
        if nodes.shape != (len(self.names), count):
            raise ValueError(f"parts must have shape (M, C) = {(len(self.names), count)}, got {nodes.shape}")
        for word, term in (("rest", after), ("logits", total)):
            if term.shape != (count,):
                raise ValueError(f"{word} must have shape (C,) = {(count,)}, got {term.shape}")
        if self.label is not None and not 0 <= self.label < count:
            raise ValueError(f"label must be a class from 0 to {count - 1}, got {self.label}")
        terms = np.vstack([nodes, after])
        off = float(np.abs(terms.sum(0) - total).max())
        # NaN passes: the figure says that the logits are not finite
        if off > _TOLERANCE * max(1.0, float(np.abs(terms).max())):
            raise ValueError(f"parts and rest must add up to the logits, got a difference of {theme.three_significant(off)}")
        names, classes = [*map(str, self.names), REST], [str(name) for name in self.class_names]
        object.__setattr__(self, "_terms", _Terms(terms, total, names, classes, self.label))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw nodes down and classes across, the sum apart below them, the predicted and the true class boxed."""
        terms = self._terms
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"What each node adds to the logits{f' of {theme.one_line(self.row)}' if self.row else ''}"
        if not terms.finite:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOT_FINITE, height=height)
        values = np.vstack([terms.parts, terms.logits])
        at = np.append(np.arange(len(terms.names), dtype=np.float64), len(terms.names) - 1 + _SEPARATION)
        most = float(np.abs(values).max()) or 1.0
        figure = go.Figure()
        for place, z, words in ((at[0], terms.parts, terms.names), (at[-1], terms.logits[None], [SUM])):
            figure.add_heatmap(
                z=z,
                x0=0,
                dx=1,
                y0=place,
                dy=1,
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                hovertext=_hover(z, words, terms),
                hoverinfo="text",
            )
        figure.update_layout(
            coloraxis={
                "cmin": -most,
                "cmax": most,
                "colorscale": diverging_scale(dark=look.dark),
                "colorbar": {"title": {"text": "added to the logit", "side": "right"}},
            }
        )
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=_subtitle(terms), height=height)
        labels = _row_labels([*terms.names, SUM], look)
        left = (max(map(len, labels)) * frame.CHARACTER_WIDTH + 2.5) * theme.FONT_SIZE[look.projector]
        pitch = max(1.0, look.width - left - _BAR_WIDTH) / len(terms.classes)
        below = _class_axis(figure, terms, pitch, look)
        tall = max(1.0, interval_lines.panel_height(figure, look) - below) / (at[-1] + 1)
        shown = _apart(list(reversed(range(len(labels)))), at, 1.1 * theme.FONT_SIZE[look.projector] / tall)
        figure.update_yaxes(
            title_text="node",
            tickmode="array",
            tickvals=[at[row] for row in shown],
            ticktext=[theme.escape(labels[row]) for row in shown],
            range=[at[-1] + 0.5, -0.5],
            showgrid=False,
            zeroline=False,
        )
        _write_numbers(figure, values, at, most=most, pitch=pitch, tall=tall, look=look)
        _ring(figure, terms, at[-1] + 0.5, look)
        return figure

    def sentence(self) -> str:
        """Say the prediction, by how much it exceeds the true class, or the second where it is correct, and why; plain text.

        >>> parts = [[1.0, 0.5], [2.0, 0.5]]
        >>> print(Contributions(parts, ["root", "1"], rest=[0.5, 0.0], logits=[3.5, 1.0], class_names=["a", "b"]).sentence())
        Prediction a: logit 3.50, 2.50 more than class b; most of the difference comes from the prefix 1 (1.50).
        """
        terms = self._terms
        if not terms.finite:
            return _NOT_FINITE
        best = terms.predicted
        says = f"Prediction {theme.one_line(terms.classes[best])}: logit {_number(terms.logits[best])}"
        if len(terms.classes) == 1:
            return f"{says}."
        second = int(np.argsort(-terms.logits, kind="stable")[1])
        wrong = terms.label is not None and terms.label != best
        other = terms.label if wrong and terms.label is not None else second
        gap = terms.logits[best] - terms.logits[other]
        against = f"{'the true class' if wrong else 'class'} {theme.one_line(terms.classes[other])}"
        if gap == 0:
            return f"{says}, the same as {against}."
        gains = terms.parts[:, best] - terms.parts[:, other]
        source = int(gains.argmax())
        portion = "most" if gains[source] > gap / 2 else "the largest part"
        where = _source_words(terms.names[source], source == len(terms.names) - 1)
        return (
            f"{says}, {_number(gap)} more than {against}; {portion} of the difference comes from {where} "
            f"({_number(gains[source])})."
        )

    def table(self) -> pd.DataFrame:
        """List every cell, row by row: node (the biases and the sum come last), class, contribution."""
        terms = self._terms
        rows = [*terms.names, SUM]
        return pd.DataFrame(
            {
                "node": np.repeat(rows, len(terms.classes)),
                "class": terms.classes * len(rows),
                "contribution": np.vstack([terms.parts, terms.logits]).ravel(),
            }
        )


def _number(value: float, digits: int = 2) -> str:
    return f"{round(float(value), digits) + 0.0:,.{digits}f}"


def _source_words(name: str, rest: bool) -> str:
    if rest or name == "root":
        return f"the {name}"
    return f"the prefix {name}" if name and set(name) <= set("01 ") else theme.one_line(name)


def _hover(z: NDArray[np.float64], rows: Sequence[str], terms: _Terms) -> list[list[str]]:
    return [
        [
            f"{theme.escape(row)}<br>class {theme.escape(name)}{_marks(index, terms)}<br>{_number(value)}"
            for index, (name, value) in enumerate(zip(terms.classes, values))
        ]
        for row, values in zip(rows, z.tolist())
    ]


def _marks(index: int, terms: _Terms) -> str:
    """Say after a class that it is the predicted or the true one."""
    said = [word for word, which in (("predicted", terms.predicted), ("true", terms.label)) if which == index]
    return f" ({', '.join(said)})" if said else ""


def _subtitle(terms: _Terms) -> str:
    truth = f", true {theme.one_line(terms.classes[terms.label], _NAME_LIMIT)}" if terms.label is not None else ""
    predicted = theme.one_line(terms.classes[terms.predicted], _NAME_LIMIT)
    boxes = "boxed: predicted" if terms.label in (None, terms.predicted) else "boxed: predicted, dotted: true"
    return f"n = 1 row; predicted {predicted}{truth}; {boxes}"


def _row_labels(rows: Sequence[str], look: Look) -> list[str]:
    """Name the rows; patterns lose their spaces where the longest takes more than a quarter of the width."""
    fit = all(frame.fits(row, look.width / 4, look) for row in rows)
    return [row if fit or not set(row) <= set("01 ") else row.replace(" ", "") for row in rows]


def _apart(order: Sequence[int], at: NDArray[np.float64], distance: float) -> list[int]:
    """Take places in an order of importance, each only if it is `distance` from those taken before."""
    taken: list[int] = []
    for index in order:
        if all(abs(at[index] - at[other]) >= distance for other in taken):
            taken.append(index)
    return sorted(taken)


def _class_axis(figure: go.Figure, terms: _Terms, pitch: float, look: Look) -> float:
    """Name the classes: upright, marks below, where names fit their column, else turned, the marked ones first.

    Returns the px that the labels take beyond their first line.
    """
    size = theme.FONT_SIZE[look.projector]
    wrapped = [frame.wrapped(theme.one_line(name, _NAME_LIMIT), size, int(pitch)) for name in terms.classes]
    upright = all(frame.fits(part, pitch, look) for parts in wrapped for part in parts)
    if upright:
        shown = list(range(len(wrapped)))
        text = _upright(wrapped, terms, pitch, look)
    else:
        first = [index for index in (terms.predicted, terms.label) if index is not None]
        places = np.arange(len(wrapped), dtype=np.float64)
        shown = _apart([*first, *range(len(wrapped))], places, 1.15 * size / pitch)
        limit = _TURNED_LIMIT[look.projector]
        text = [theme.escape(terms.classes[index], limit) + _marks(index, terms) for index in shown]
    figure.update_xaxes(
        title_text="class",
        tickmode="array",
        tickvals=shown,
        ticktext=text,
        tickangle=0 if upright else -90,
        range=[-0.5, len(wrapped) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    height = max(1.3 * label.count("<br>") if upright else frame.CHARACTER_WIDTH * len(label) - 1 for label in text)
    return max(0.0, height) * size


def _upright(wrapped: Sequence[list[str]], terms: _Terms, pitch: float, look: Look) -> list[str]:
    """Write each mark below the lines of all names, and that of the true class lower where the two would touch."""
    deepest = max(map(len, wrapped))
    apart = terms.label in (None, terms.predicted) or _marks_fit(abs(terms.predicted - terms.label) * pitch, look)
    text = []
    for index, parts in enumerate(wrapped):
        mark = _marks(index, terms).strip()
        below = [""] * (deepest - len(parts)) + ([] if apart or index != terms.label else [""]) + [mark] if mark else []
        text.append("<br>".join([*map(theme.escape, parts), *below]))
    return text


def _marks_fit(distance: float, look: Look) -> bool:
    """Tell whether the marks of two columns fit on one line."""
    return frame.fits(
        "(predicted)", 2 * distance - len("(true) ") * frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector], look
    )


def _write_numbers(
    figure: go.Figure,
    values: NDArray[np.float64],
    at: NDArray[np.float64],
    *,
    most: float,
    pitch: float,
    tall: float,
    look: Look,
) -> None:
    if tall < 1.1 * theme.FONT_SIZE[look.projector]:
        return
    written = next(
        (
            text
            for text in ([[_number(value, digits) for value in row] for row in values.tolist()] for digits in (2, 1))
            if frame.fits(max((cell for row in text for cell in row), key=len), pitch, look)
        ),
        None,
    )
    if written is None:
        return
    scale = diverging_scale(dark=look.dark)
    notes = []
    for y, row, cells in zip(at.tolist(), values.tolist(), written):
        for x, (value, cell) in enumerate(zip(row, cells)):
            ink = theme.ink_on(theme.scale_colour(scale, 0.5 + value / most / 2))
            notes.append({"x": x, "y": y, "text": cell, "showarrow": False, "font": {"color": ink}})
    frame.annotate(figure, notes)


def _ring(figure: go.Figure, terms: _Terms, bottom: float, look: Look) -> None:
    """Draw a box around the column of the predicted class, and a dotted one around the true class where it differs."""
    for index, dash in {terms.label: "dot", terms.predicted: "solid"}.items():
        if index is not None:
            figure.add_shape(
                type="rect",
                x0=index - 0.5,
                x1=index + 0.5,
                y0=-0.5,
                y1=bottom,
                line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector], "dash": dash},
            )
