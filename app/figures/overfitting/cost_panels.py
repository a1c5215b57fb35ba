"""Axes of computation: nets in multiply-adds, and left of them a narrow panel for decision trees, whose unit is comparisons."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import axis_title
from leafscope.app.figures.shared.line_ends import EndLabel, label_beside, label_inside, label_width
from leafscope.app.figures.shared.log_axis import with_zero
from leafscope.app.theme import Look
from leafscope.core.models import compares

Line = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(n,) places along x, logarithms to base 10, and (n,) errors."""

_MULTIPLY_ADDS = "multiply-adds at inference (log scale)"
_COMPARISONS = "comparisons"
_NARROW = 15
"""Characters that are as wide as the panel of decision trees."""


@dataclass(frozen=True)
class CostPanel:
    """A logarithmic axis of costs."""

    words: str
    width: float
    """px"""
    x_range: tuple[float, float]
    options: Mapping[str, Any]
    zero: float
    """Where a cost of 0 stands; NaN without one."""

    @property
    def per_px(self) -> float:
        """The part of the axis, in powers of 10, that is 1 px long."""
        return (self.x_range[1] - self.x_range[0]) / self.width


@dataclass(frozen=True)
class CostPanels:
    """One panel, or two where there are both nets and models that compare."""

    panels: tuple[CostPanel, ...]
    """That of the nets last."""
    right: float
    """The margin for labels, in px."""
    spacing: float
    """Between the panels, as a share of both."""
    look: Look

    def of(self, compared: bool) -> tuple[int, CostPanel]:
        """The panel of a net or of a model that compares: its number, 1 or 2, and itself."""
        number = 1 if compared else len(self.panels)
        return number, self.panels[number - 1]

    def subplots(self) -> go.Figure:
        """Begin a figure with these panels."""
        widths = [panel.width for panel in self.panels]
        return make_subplots(rows=1, cols=len(widths), shared_yaxes=True, horizontal_spacing=self.spacing, column_widths=widths)

    def finish(
        self, figure: go.Figure, drawn: Sequence[Sequence[tuple[EndLabel, Line]]], y_range: tuple[float, float], height: float
    ) -> None:
        """Draw the axes, and label the lines of each panel, which is `height` px high, off all lines."""
        look = self.look
        figure.update_layout(margin_r=round(self.right))
        for number, (panel, ends) in enumerate(zip(self.panels, drawn, strict=True), start=1):
            words = axis_title(panel.words, panel.width, look)
            figure.update_xaxes(
                **panel.options, title_text=words, showgrid=False, zeroline=False, minor={"ticks": ""}, col=number
            )
            label = label_inside if number < len(self.panels) else label_beside
            label(
                figure,
                [one for one, _ in ends],
                panel=number,
                lines=[line for _, line in ends],
                x_range=panel.x_range,
                y_range=y_range,
                width=panel.width,
                height=height,
                look=look,
            )


def cost_panels(known: pd.DataFrame, at_the_end: Sequence[str], *, with_both: bool, look: Look) -> CostPanels:
    """Lay out all costs that are known, with room for labels right of the panels.

    `with_both`: nets and models that compare are drawn; otherwise one of the two, and the other has no panel.
    """
    size, marker = theme.FONT_SIZE[look.projector], theme.MARKER_SIZE[look.projector]
    right = max(1.0 * size, label_width(at_the_end, look, whole=True))
    width = max(200.0, look.width - right - 4.5 * size)
    compared = known["model"].map(compares).astype(bool)
    panels = []
    if with_both:
        narrow = min(_NARROW * frame.CHARACTER_WIDTH * size, 0.4 * width)
        panels.append(_panel(_COMPARISONS, known.loc[compared, "cost"], narrow, 1.5 * marker, look))
        width -= narrow + 1.5 * size
    is_of_nets = with_both or not compared.all()
    words = _MULTIPLY_ADDS if is_of_nets else f"{_COMPARISONS} (log scale)"
    panels.append(_panel(words, known.loc[compared != is_of_nets, "cost"], width, 3 * marker, look))
    spacing = 1.5 * size / (sum(panel.width for panel in panels) + 1.5 * size) if with_both else 0.0
    return CostPanels(tuple(panels), right, spacing, look)


def _panel(words: str, costs: "pd.Series[float]", width: float, air: float, look: Look) -> CostPanel:
    every = costs.to_numpy(dtype=np.float64)
    at, ends, options = with_zero(every, length=width, look=look, air=air)
    if words == _COMPARISONS:
        options |= _ticks_of_few(every, at, ends, width, look)
    return CostPanel(words, width, ends, options, float(at[every == 0].min()) if (every == 0).any() else math.nan)


def _ticks_of_few(
    costs: NDArray[np.floating[Any]], places: NDArray[np.float64], ends: tuple[float, float], width: float, look: Look
) -> dict[str, Any]:
    """Label each cost on the axis where there are so few that their numbers do not touch; nothing otherwise."""
    by_place = dict(sorted(zip(places.tolist(), costs.tolist(), strict=True)))
    words = [theme.thousands(cost) if cost.is_integer() else theme.three_significant(cost) for cost in by_place.values()]
    at = [(math.log10(place) - ends[0]) / (ends[1] - ends[0]) * width for place in by_place]
    room = frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]
    near = zip(at, at[1:], words, words[1:])
    if any(b - a < (len(first) + len(second) + 2) / 2 * room for a, b, first, second in near):
        return {}
    return {"tickvals": list(by_place), "ticktext": words}
