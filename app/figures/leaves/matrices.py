"""Matrices of a node beside its parent's: what the node adds to the weights.

Q output units, P input units · all panels share one diverging scale around 0.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.theme import SCREEN, Look, Scale

_DIVERGING = {
    False: ("#0B3C73", "#5A9BD4", "#F4F4F7", "#EB9459", "#8C2D04"),
    True: ("#8CCBFF", "#2A69A6", "#14141A", "#A65318", "#FFB870"),
}
_BAR_WIDTH = 100
"""What the colour bar and the vertical axis take beside the panels, in px."""
_DIGIT_WIDTH = 0.57
"""Of a digit of the font, in units of its size."""
_GAP = 0.03
"""Between panels, as a share of the width of all."""


def diverging_scale(*, dark: bool = False) -> Scale:
    """Give the scale of signed values: blue below 0, orange above, and 0 in its middle recedes into the background.

    >>> diverging_scale()[2], theme.scale_colour(diverging_scale(dark=True), 1.0)
    ((0.5, '#F4F4F7'), '#FFB870')
    """
    return [(place / 4, colour) for place, colour in enumerate(_DIVERGING[dark])]


@dataclass(frozen=True, eq=False)
class LeafMatrices:
    """The collapsed matrix of a node beside its parent's.

    Raises ValueError for matrices that are not (Q, P) or differ in shape.
    """

    own: ArrayLike
    """(Q, P)."""
    parent: ArrayLike | None
    """(Q, P), or None where the node has no parent."""
    pattern: str
    """Names the node: "1 0 1 1" or "leaf 1 0 1 1", "prefix 1 0", "root"."""
    parent_words: str = ""
    """Names the parent, "prefix 1 0" or "root", or what is shown instead of one, as "mean of all leaves"."""

    _mine: NDArray[np.float64] = field(init=False, repr=False)
    _above: NDArray[np.float64] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        mine = np.asarray(self.own, dtype=np.float64)
        above = None if self.parent is None else np.asarray(self.parent, dtype=np.float64)
        if mine.ndim != 2:
            raise ValueError(f"own must have shape (Q, P), got {mine.shape}")
        if above is not None and above.shape != mine.shape:
            raise ValueError(f"parent must have the shape of own, {mine.shape}, got {above.shape}")
        object.__setattr__(self, "_mine", mine)
        object.__setattr__(self, "_above", above)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw both matrices and their difference, which is what the node adds; without a parent there is one panel.

        Same colours mean same numbers in all panels. Units are numbered from 0.
        """
        noun = _noun(self.pattern)
        title = f"Weights of the {noun}"
        if self._above is not None:
            title += f" beside those of {'its parent' if self._is_parent else f'the {theme.one_line(self.parent_words)}'}"
        height = theme.MAIN_HEIGHT[look.projector]
        why = self._nothing()
        if why:
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        panels = self._panels(noun)
        most = max(float(np.abs(matrix).max()) for _, matrix in panels) or 1.0
        figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=_GAP)
        for column, (_, matrix) in enumerate(panels, start=1):
            figure.add_heatmap(
                z=matrix,
                x0=0,
                dx=1,
                y0=0,
                dy=1,
                coloraxis="coloraxis",
                hovertemplate="output unit %{y}, input unit %{x}<br>weight %{z:.3~g}<extra></extra>",
                row=1,
                col=column,
            )
        figure.update_layout(
            coloraxis={
                "cmin": -most,
                "cmax": most,
                "colorscale": diverging_scale(dark=look.dark),
                "colorbar": {"title": {"text": "weight", "side": "right"}},
            }
        )
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=self._subtitle(), height=height)
        outputs, inputs = self._mine.shape
        size = theme.FONT_SIZE[look.projector]
        width = (look.width - _BAR_WIDTH - 2.5 * size) * (1 - (len(panels) - 1) * _GAP) / len(panels)
        _head(figure, [name for name, _ in panels], width, look)
        figure.update_xaxes(
            title_text="input unit",
            range=[-0.5, inputs - 0.5],
            dtick=_step(inputs, width, 2.5 * size),
            tick0=0,
            showgrid=False,
            zeroline=False,
        )
        figure.update_yaxes(
            range=[outputs - 0.5, -0.5],
            dtick=_step(outputs, interval_lines.panel_height(figure, look), 1.5 * size),
            tick0=0,
            showgrid=False,
            zeroline=False,
        )
        figure.update_yaxes(title_text="output unit", col=1)
        return figure

    def sentence(self) -> str:
        """Say how far the node's matrix is from its parent's, in percent of the parent's Frobenius norm; plain text.

        >>> LeafMatrices([[3.0, 5.0]], [[3.0, 4.0]], pattern="1 0", parent_words="prefix 1").sentence()
        "The leaf's matrix differs from its parent's by 20.0 % of the parent's norm (Frobenius)."
        """
        why = self._nothing()
        if why:
            return why
        mine, above, noun = self._mine, self._above, _noun(self.pattern)
        if above is None:
            return f"The {noun}'s matrix has norm {_norm(mine)} (Frobenius); it has no parent to compare with."
        other = f"the {theme.one_line(self.parent_words)}"
        base, whose = ("its parent's", "the parent's") if self._is_parent else (other, "the latter's")
        difference, norm_above = float(np.linalg.norm(mine - above)), float(np.linalg.norm(above))
        if difference == 0:
            return f"The {noun}'s matrix is the same as {base}."
        if norm_above == 0:
            distance = f"{theme.three_significant(difference)} (Frobenius norm); {whose} norm is 0"
        else:
            distance = f"{theme.percent(difference / norm_above)} of {whose} norm (Frobenius)"
        return f"The {noun}'s matrix differs from {base} by {distance}."

    def table(self) -> pd.DataFrame:
        """List every weight: output, input (from 0), parent, own, difference (NaN without a parent)."""
        mine = self._mine
        outputs, inputs = mine.shape
        base = np.full(mine.shape, np.nan) if self._above is None else self._above
        return pd.DataFrame(
            {
                "output": np.repeat(np.arange(outputs), inputs),
                "input": np.tile(np.arange(inputs), outputs),
                "parent": base.ravel(),
                "own": mine.ravel(),
                "difference": (mine - base).ravel(),
            }
        )

    @property
    def _is_parent(self) -> bool:
        """Whether `parent` is the matrix of the node's parent."""
        return self.parent_words in ("", "root") or self.parent_words.startswith("prefix")

    def _panels(self, noun: str) -> list[tuple[str, NDArray[np.float64]]]:
        named = noun == "root" or self.pattern.startswith(noun)
        own = (self.pattern if named else f"{noun} {self.pattern}", self._mine)
        if self._above is None:
            return [own]
        added = f"what the {noun} adds" if self._is_parent else "difference"
        return [(self.parent_words or "parent", self._above), own, (added, self._mine - self._above)]

    def _nothing(self) -> str:
        if self._mine.size == 0:
            return "The matrix has no weights to show."
        if not np.isfinite(self._mine).all() or (self._above is not None and not np.isfinite(self._above).all()):
            return "Some weights are not finite: the training diverged."
        return ""

    def _subtitle(self) -> str:
        mine, above = self._mine, self._above
        weights = f"n = {theme.thousands(mine.size)} weight{'' if mine.size == 1 else 's'}"
        size = f"outputs × inputs: {mine.shape[0]} × {mine.shape[1]}, {weights}"
        if above is None:
            return f"{size}; no parent"
        norms = theme.enumerate_words([_norm(matrix) for matrix in (above, mine, mine - above)])
        return f"{size}; one scale: same colours are same numbers; norms (Frobenius) {norms}"


def _norm(matrix: NDArray[np.float64]) -> str:
    return theme.three_significant(float(np.linalg.norm(matrix)))


def _noun(pattern: str) -> str:
    """Say what a node is, leaf, prefix or root, from its name; a bare pattern is a leaf's.

    >>> _noun("1 0 1 1"), _noun("prefix 1 0"), _noun("root")
    ('leaf', 'prefix', 'root')
    """
    return "root" if pattern == "root" else "prefix" if pattern.startswith("prefix") else "leaf"


def _head(figure: go.Figure, names: list[str], width: float, look: Look) -> None:
    """Write the name of each panel above it; a long pattern goes to a line of its own, without its spaces."""
    size = theme.FONT_SIZE[look.projector]
    most = int(width / (_DIGIT_WIDTH * size))
    heads = [_head_lines(name, most) for name in names]
    for column, parts in enumerate(heads, start=1):
        axis = "" if column == 1 else str(column)
        figure.add_annotation(
            text="<br>".join(theme.escape(part, most) for part in parts),
            x=0,
            xref=f"x{axis} domain",
            xanchor="left",
            y=1,
            yref="paper",
            yanchor="bottom",
            align="left",
            showarrow=False,
        )
    figure.update_layout(margin_t=figure.layout.margin.t + round((0.3 + 1.3 * max(map(len, heads))) * size))


def _head_lines(name: str, most: int) -> list[str]:
    """Break the name of a node so that each line has at most `most` characters, where that can be.

    >>> _head_lines("leaf 1 0 1 1", 20), _head_lines("leaf 1 0 1 1", 10)
    (['leaf 1 0 1 1'], ['leaf', '1011'])
    """
    if len(name) <= most:
        return [name]
    noun, *bits = name.split(" ")
    return [noun, "".join(bits)] if bits and all(bit in ("0", "1") for bit in bits) else [name]


def _step(count: int, length: float, room: float) -> int:
    """Choose the distance of ticks on a whole-number axis of `length` px so that each has `room` px."""
    return next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 1 << 30) if step * length / count >= room or step > count)
