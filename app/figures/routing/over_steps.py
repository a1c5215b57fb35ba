"""A statistic of each layer over the steps of training, beside what tokens that choose uniformly would give.

S steps · A layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.routing.layers_against_chance import CHANCE, number
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import RANDOM, Band, add_chance, beside_chance, make_legend_room
from leafscope.app.theme import SCREEN, Look

MOST_STEPS = 250
"""Steps in a drawing; more cannot be told apart."""


@dataclass(frozen=True, eq=False)
class LayersOverSteps:
    """A statistic of each layer at each step.

    Raises ValueError for shapes that do not fit.
    """

    steps: ArrayLike
    """(S,) ascending."""
    values: ArrayLike
    """(S, A); NaN where a step has no counts of a layer."""
    layers: Sequence[int]
    """(A,)."""
    chance: Band | None = None
    """Mean, low and high by chance, each (S,); None: unknown."""
    name: str = "Effective experts"
    more_is_even: bool = True

    _values: NDArray[np.float64] = field(init=False, repr=False)
    _steps: NDArray[np.float64] = field(init=False, repr=False)
    _chance: pd.DataFrame | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        steps, values = np.asarray(self.steps, np.float64), np.asarray(self.values, np.float64)
        if values.shape != (len(steps), len(self.layers)):
            raise ValueError(f"values must have the shape {(len(steps), len(self.layers))}, got {values.shape}")
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_values", values)
        own = pd.DataFrame({"step": steps})
        object.__setattr__(self, "_chance", None if self.chance is None else beside_chance(own, self.chance, "steps"))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a line for each layer, the least and the most even and the median in colour, the others grey."""
        title = f"{self.name} of each layer over the steps"
        height = theme.MAIN_HEIGHT[look.projector]
        if not np.isfinite(self._values).any():
            why = "There are no assignments, so no step has a value."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        at = np.unique(np.linspace(0, len(self._steps) - 1, min(MOST_STEPS, len(self._steps))).round().astype(int))
        x, lit = self._steps[at], self._lit()
        mode = "lines" if len(at) > 1 else "markers"
        figure = go.Figure()
        grey = [place for place in range(len(self.layers)) if place not in lit]
        if grey:  # one trace for all, which draws faster
            gap = np.full((1, len(grey)), np.nan)
            figure.add_scatter(
                x=np.tile(np.append(x, np.nan), len(grey)),
                y=np.round(np.concatenate([self._values[at][:, grey], gap]).T.ravel(), 5),
                mode=mode,
                name="other layers",
                line={"color": interval_lines.grey(look), "width": theme.LINE_WIDTH[look.projector] / 2},
                hoverinfo="skip",
            )
        for at_colour, (place, word) in enumerate(lit.items()):
            figure.add_scatter(
                x=x,
                y=np.round(self._values[at, place], 5),
                mode="lines+markers",
                name=f"layer {self.layers[place]} ({word})",
                line={"color": theme.class_colour(at_colour), "width": theme.LINE_WIDTH[look.projector]},
                marker={"symbol": theme.class_marker(at_colour), "color": theme.class_colour(at_colour), "maxdisplayed": 8},
                hovertemplate=f"layer {self.layers[place]}, step %{{x}}<br>%{{y:.3~g}}<extra></extra>",
            )
        if self._chance is not None:
            drawn = self._chance.iloc[at]
            said = [f"step {step:g}<br>{CHANCE} {theme.three_significant(mean)}" for step, mean in zip(x, drawn[RANDOM[0]])]
            add_chance(figure, x, drawn[RANDOM], name=CHANCE, said=said, look=look)
        subtitle = f"{theme.thousands(len(self._steps))} steps" + (
            f", {len(at)} of them drawn" if len(at) < len(self._steps) else ""
        )
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
        make_legend_room(figure, look)
        known = [self._values.ravel()] + ([] if self._chance is None else [self._chance[RANDOM].to_numpy().ravel()])
        low, high = interval_lines.value_range(np.concatenate(known))
        figure.update_xaxes(title_text="step", showgrid=False, zeroline=False, nticks=10)
        words = interval_lines.axis_title(self.name, interval_lines.panel_height(figure, look), look)
        figure.update_yaxes(title_text=words, range=[low, high], nticks=6)
        return figure

    def sentence(self) -> str:
        """Say how the layer that is least even at the last step came there; plain text."""
        if not np.isfinite(self._values).any():
            return "There are no assignments."
        place = next(iter(self._lit()))
        known = np.flatnonzero(np.isfinite(self._values[:, place]))
        first, last = known[0], known[-1]
        own = f"Layer {self.layers[place]} is least even at step {self._steps[last]:g}: {self.name[:1].lower()}{self.name[1:]} "
        own += number(self._values[last, place])
        if first != last:
            own += f", {number(self._values[first, place])} at step {self._steps[first]:g}"
        if self._chance is not None and np.isfinite(chance := float(self._chance[RANDOM[0]].iloc[last])):
            own += f"; chance gives {number(chance)}"
        return f"{own}."

    def table(self) -> pd.DataFrame:
        """List every pair: step, layer, value, chance_mean, chance_low, chance_high."""
        found = pd.DataFrame(
            {
                "step": np.repeat(self._steps, len(self.layers)),
                "layer": np.tile(np.asarray(self.layers, np.int64), len(self._steps)),
                "value": self._values.ravel(),
            }
        )
        for end, column in zip(("mean", "low", "high"), RANDOM, strict=True):
            known = np.nan if self._chance is None else np.repeat(self._chance[column].to_numpy(), len(self.layers))
            found[f"chance_{end}"] = known
        return found

    def _lit(self) -> dict[int, str]:
        """Place of a layer -> what it is at the last step where it has a value; the least even first."""
        last = pd.DataFrame(self._values).ffill().iloc[-1].to_numpy()
        order = np.argsort(last if self.more_is_even else -last, kind="stable")
        order = order[np.isfinite(last[order])]
        found = {int(order[0]): "least even"}
        for place, word in ((order[-1], "most even"), (order[len(order) // 2], "median")):
            found.setdefault(int(place), word)
        return found
