"""Lorenz curves of layers: the share of the assignments that the emptier experts hold.

E experts · shares are cumulative, from 0 to 1, over the experts in order of rising load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.balance.lorenz import thinned
from leafscope.app.figures.routing.layers_against_chance import CHANCE, MOST_SERIES
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import RANDOM, Band, add_chance, beside_chance, make_legend_room
from leafscope.app.theme import SCREEN, Look

_TITLE = "Share of the assignments that go to the emptier experts"


@dataclass(frozen=True, eq=False)
class ExpertLorenz:
    """The share of assignments in the i emptiest experts, for every i from 0 to E, of some layers.

    Raises ValueError for shapes that do not fit.
    """

    curves: Mapping[str, ArrayLike]
    """Name of a layer -> (E + 1,) from 0 to 1; NaN without assignments."""
    chance: Band | None = None
    """Mean, low and high by chance, each (E + 1,); None: unknown."""

    _curves: dict[str, NDArray[np.float64]] = field(init=False, repr=False)
    _chance: pd.DataFrame | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        curves = {name: np.asarray(curve, np.float64) for name, curve in self.curves.items()}
        if len({curve.shape for curve in curves.values()}) > 1 or any(
            curve.ndim != 1 or len(curve) < 2 for curve in curves.values()
        ):
            raise ValueError(f"curves must have E + 1 entries each, got {[curve.shape for curve in curves.values()]}")
        object.__setattr__(self, "_curves", {name: curve for name, curve in curves.items() if np.isfinite(curve).all()})
        length = len(next(iter(curves.values()))) if curves else 0
        x = pd.DataFrame({"share_of_experts": np.arange(length) / max(1, length - 1)})
        object.__setattr__(self, "_chance", None if self.chance is None else beside_chance(x, self.chance, "shares"))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the share of assignments against the share of experts, between chance and an even load."""
        height = theme.MAIN_HEIGHT[look.projector]
        if not self._curves:
            why = "There are no assignments, so no expert has a load."
            return frame.empty_figure(look=look, title=_TITLE, subject=subject, why=why, height=height)
        figure = go.Figure()
        for place, (name, curve) in enumerate(list(self._curves.items())[:MOST_SERIES]):
            at = thinned(curve)
            x, word, colour = at / (len(curve) - 1), theme.escape(name, 40), theme.class_colour(place)
            figure.add_scatter(
                x=x,
                y=curve[at],
                mode="lines+markers",
                name=word,
                line={"color": colour, "width": theme.LINE_WIDTH[look.projector]},
                marker={"symbol": theme.class_marker(place), "color": colour, "maxdisplayed": 8},
                hovertext=[
                    f"{word}<br>emptiest {theme.percent(experts)} of the experts<br>{theme.percent(share)} of the assignments"
                    for experts, share in zip(x.tolist(), curve[at].tolist(), strict=True)
                ],
                hoverinfo="text",
            )
        if self._chance is not None:
            drawn = self._chance.iloc[thinned(self._chance[RANDOM[0]].to_numpy())]
            said = [f"{CHANCE}<br>{theme.percent(mean)} of the assignments" for mean in drawn[RANDOM[0]]]
            add_chance(figure, drawn["share_of_experts"], drawn[RANDOM], name=CHANCE, said=said, look=look)
        line = {"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2}
        figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="even", line=line, hoverinfo="skip")
        subtitle = f"{theme.thousands(len(next(iter(self._curves.values()))) - 1)} experts"
        frame.frame(figure, look=look, title=_TITLE, subject=subject, subtitle=subtitle, height=height, legend="top")
        make_legend_room(figure, look)
        figure.update_layout(margin_r=round(1.6 * theme.FONT_SIZE[look.projector]))
        inside = interval_lines.panel_height(figure, look)
        for update, title, length in (
            (figure.update_xaxes, "share of experts, emptiest first (percent)", look.width - 90),
            (figure.update_yaxes, "share of assignments (percent)", inside),
        ):
            words = interval_lines.axis_title(title, length, look)
            update(title_text=words, range=[-0.02, 1.02], tickformat=".0%", dtick=0.25, zeroline=False)
        return figure

    def sentence(self) -> str:
        """Say what share of the assignments the emptier half of the experts gets; plain text.

        >>> ExpertLorenz({"layer 7": [0, 0.12, 1]}, ([0, 0.49, 1], [0, 0.48, 1], [0, 0.5, 1])).sentence()
        'The emptier half of the experts gets 12.0 % of the assignments in layer 7; chance gives 49.0 %.'
        """
        if not self._curves:
            return "There are no assignments."
        parts = [
            f"{theme.percent(_half(curve))} of the assignments in {theme.one_line(name, 60)}"
            for name, curve in self._curves.items()
        ]
        chance = "" if self._chance is None else f"; chance gives {theme.percent(_half(self._chance[RANDOM[0]].to_numpy()))}"
        return f"The emptier half of the experts gets {theme.enumerate_words(parts[:MOST_SERIES])}{chance}."

    def table(self) -> pd.DataFrame:
        """List the curves: curve, share_of_experts, share_of_assignments; chance is a curve with low and high."""
        parts = [
            pd.DataFrame(
                {"curve": name, "share_of_experts": np.arange(len(curve)) / (len(curve) - 1), "share_of_assignments": curve}
            )
            for name, curve in self._curves.items()
        ]
        if self._chance is not None:
            renamed = dict(zip(RANDOM, ("share_of_assignments", "low", "high"), strict=True))
            parts.append(self._chance.rename(columns=renamed).assign(curve=CHANCE))
        columns = ["curve", "share_of_experts", "share_of_assignments", "low", "high"]
        return pd.concat(parts).reindex(columns=columns).reset_index(drop=True) if parts else pd.DataFrame(columns=columns)


def _half(curve: NDArray[np.float64]) -> float:
    return float(np.interp(0.5, np.arange(len(curve)) / (len(curve) - 1), curve))
