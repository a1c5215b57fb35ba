"""A statistic of each layer, of one or more models or domains, beside what tokens that choose uniformly would give.

A layers · E experts · k experts of each token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import add_chance, make_legend_room
from leafscope.app.theme import SCREEN, Look

CHANCE = "uniform top-k"
"""The chance level, as legends and sentences write it."""

MOST_SERIES = 8
"""Lines in one drawing; more cannot be told apart."""

_COLUMNS = ("layer", "value", "mean", "low", "high")


@dataclass(frozen=True, eq=False)
class LayersAgainstChance:
    """A statistic of each layer.

    Raises ValueError for a missing column.
    """

    series: Mapping[str, pd.DataFrame]
    """Name of a model or domain -> layer, value, and mean, low, high by chance (NaN: unknown), A rows."""
    experts: Mapping[str, int]
    """Name -> E."""
    name: str = "Effective experts"
    """What the statistic is called."""
    more_is_even: bool = True
    """Whether a higher value is a more even use."""
    is_effective: bool = True
    """Whether it counts experts, so that the sentence can say how many are used."""

    _series: dict[str, pd.DataFrame] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checked = {
            name: interval_lines.check_columns(table, _COLUMNS, f"series {name!r:.60}").astype(np.float64)
            for name, table in self.series.items()
        }
        if missing := set(checked) - set(self.experts):
            raise ValueError(f"experts must have a number for each of the series, got none for {min(missing)!r:.60}")
        object.__setattr__(self, "_series", checked)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the statistic against the layer, a line for each series, with chance as a grey band."""
        title = f"{self.name} of each layer against uniform top-k chance"
        height = theme.SIDE_HEIGHT[look.projector]
        known = {name: table for name, table in self._series.items() if table["value"].notna().any()}
        if not known:
            why = "There are no assignments, so no layer has a value."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        bands: list[pd.DataFrame] = []
        for place, (name, table) in enumerate(list(known.items())[:MOST_SERIES]):
            self._add(figure, place, name, table, look)
            band = table[["layer", "mean", "low", "high"]]
            if band["mean"].notna().any() and not any(band.equals(one) for one in bands):
                bands.append(band)
        for band in bands[:1]:
            random = band.set_axis(["layer", "random_mean", "random_low", "random_high"], axis=1)
            said = [f"layer {layer:g}<br>{CHANCE}: {_words(mean, low, high)}" for layer, mean, low, high in band.to_numpy()]
            add_chance(figure, band["layer"], random, name=CHANCE, said=said, look=look)
        subtitle = "grey: chance, each token draws k different experts; 95 % range" if bands else "chance is unknown"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
        make_legend_room(figure, look)
        values = [table[["value", "mean", "low", "high"]].to_numpy().ravel() for table in known.values()]
        low, high = interval_lines.value_range(np.concatenate(values))
        layers = pd.concat(list(known.values()))["layer"]
        figure.update_xaxes(title_text="layer", tickformat="d", showgrid=False, zeroline=False, **_ticks(layers, look))
        figure.update_yaxes(
            title_text=interval_lines.axis_title(self.name, interval_lines.panel_height(figure, look), look),
            range=[low, high],
            nticks=6,
        )
        return figure

    def sentence(self) -> str:
        """Say which layer is used least evenly, by how much, and what chance gives; then the percentiles over layers."""
        worst = {name: self._worst(table) for name, table in self._series.items() if table["value"].notna().any()}
        if not worst:
            return "There are no assignments."
        order = sorted(worst, key=lambda name: worst[name]["value"], reverse=not self.more_is_even)
        first = order[0]
        own = self._of(first, worst[first])
        if len(self._series) == 1:
            return own + self._percentiles(self._series[first]["value"])
        others = [
            f"{theme.one_line(name, 60)} layer {worst[name]['layer']:.0f} ({number(worst[name]['value'])})"
            for name in order[1:]
        ]
        return own + (f" Least even beside it: {theme.enumerate_words(others)}." if others else "")

    def table(self) -> pd.DataFrame:
        """List the layers of all series: series, layer, value, chance_mean, chance_low, chance_high."""
        parts = [table.assign(series=name) for name, table in self._series.items()]
        columns = ["series", *_COLUMNS]
        joined = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
        return joined.rename(columns={end: f"chance_{end}" for end in ("mean", "low", "high")}).reset_index(drop=True)

    def _worst(self, table: pd.DataFrame) -> dict[str, float]:
        """The layer that is used least evenly: its number, value and mean by chance."""
        place = int(np.nanargmin(table["value"]) if self.more_is_even else np.nanargmax(table["value"]))
        return {column: float(table[column].iloc[place]) for column in ("layer", "value", "mean")}

    def _of(self, name: str, worst: Mapping[str, float]) -> str:
        chance = f"; chance gives {number(worst['mean'])}" if np.isfinite(worst["mean"]) else ""
        where = f"{theme.one_line(name, 60)}: layer" if len(self._series) > 1 else "Layer"
        layer, value, experts = f"{worst['layer']:.0f}", number(worst["value"]), theme.thousands(self.experts[name])
        if self.is_effective:
            return f"{where} {layer} uses its {experts} experts like {value} equally used ones{chance}."
        return f"{where} {layer} is used least evenly: {self.name[:1].lower()}{self.name[1:]} {value}{chance}."

    @staticmethod
    def _percentiles(values: "pd.Series[float]") -> str:
        if len(values) < 3:
            return ""
        low, middle, high = map(number, np.nanpercentile(values, [10, 50, 90]))
        return f" Over {len(values)} layers the median is {middle} (10th to 90th percentile {low} to {high})."

    def _add(self, figure: go.Figure, place: int, name: str, table: pd.DataFrame, look: Look) -> None:
        word = theme.escape(name, 40)
        colour = theme.class_colour(place)
        figure.add_scatter(
            x=table["layer"],
            y=table["value"],
            mode="lines+markers",
            name=word,
            line={"color": colour, "width": theme.LINE_WIDTH[look.projector]},
            marker={"symbol": theme.class_marker(place), "color": colour, "size": theme.MARKER_SIZE[look.projector]},
            hovertext=[
                f"{word}, layer {layer:.0f}<br>{theme.escape(self.name)} {number(value)}"
                for layer, value in table[["layer", "value"]].to_numpy()
            ],
            hoverinfo="text",
        )


def number(value: float) -> str:
    """Write a value; values from 10 on have one decimal, so that 34.5 and 64.0 experts are written alike.

    >>> number(34.4929), number(63.9989), number(0.41837), number(1234.5)
    ('34.5', '64.0', '0.418', '1,234.5')
    """
    return f"{value:,.1f}" if np.isfinite(value) and abs(value) >= 10 else theme.three_significant(value)


def _words(mean: float, low: float, high: float) -> str:
    return f"{theme.three_significant(mean)} [{theme.three_significant(low)}, {theme.three_significant(high)}]"


def _ticks(layers: "pd.Series[float]", look: Look) -> dict[str, object]:
    distinct: Sequence[float] = sorted(set(layers.tolist()))
    if len(distinct) * 3 * theme.FONT_SIZE[look.projector] < look.width:
        return {"tickmode": "array", "tickvals": list(distinct)}
    return {"nticks": 12}
