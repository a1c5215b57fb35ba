"""Statistics of balance of several runs side by side: a panel each, a dot a run, and what random routing gives behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.compare.beside import HOVER_LIMIT, LEAST_ROWS, NO_RUNS, labels
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.theme import SCREEN, Look

Range = tuple[float, float, float]
"""What random routing gives: mean, low, high."""

_COLUMNS = ["statistic", "run", "name", "group", "value", "chance_mean", "chance_low", "chance_high"]


@dataclass(frozen=True, eq=False)
class BalanceBeside:
    """Statistics of n runs. Raises ValueError for lists of another length and for chance of a statistic without values."""

    names: Sequence[str]
    """(n,) in the order in which the runs are drawn, from the top."""
    styles: Sequence[GroupStyle]
    """(n,) how each run is drawn."""
    values: Mapping[str, Sequence[float]]
    """Words of a statistic -> (n,)."""
    chance: Mapping[str, Sequence[Range]] = field(default_factory=dict)
    """Words of a statistic -> (n,) ranges, NaN where unknown."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        runs = len(self.names)
        if len(self.styles) != runs:
            raise ValueError(f"styles must have one entry for each of the {runs} runs, got {len(self.styles)}")
        if unknown := [word for word in self.chance if word not in self.values]:
            raise ValueError(f"chance must be of statistics in values, got {theme.one_line(unknown[0], 60)!r}")
        rows = []
        for word, numbers in self.values.items():
            ranges = self.chance.get(word, [(math.nan, math.nan, math.nan)] * runs)
            for name, given in (("values", numbers), ("chance", ranges)):
                if len(given) != runs:
                    where = theme.one_line(word, 60)
                    raise ValueError(f"{name} of {where!r} must have one entry for each of the {runs} runs, got {len(given)}")
            for run, (value, expected) in enumerate(zip(numbers, ranges)):
                if len(expected) != 3:
                    raise ValueError(f"chance must have a mean, a low and a high end for each run, got {len(expected)} numbers")
                value = float(value) if math.isfinite(value) else math.nan
                rows.append((word, run, str(self.names[run]), self.styles[run].words, value, *map(float, expected)))
        table = pd.DataFrame(rows, columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS[4:], np.float64))
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a panel for each statistic and a dot for each run, and a grey bar behind it for the range of random routing.

        `customdata` is the run's place. As many runs and panels are drawn as have room for their labels.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Balance of the leaves, runs side by side"
        if not np.isfinite(self._table["value"]).any():
            return frame.empty_figure(look=look, title=title, subject=subject, why=self._why_nothing(), height=height)
        size = theme.FONT_SIZE[look.projector]
        grouped = len(set(self.styles)) > 1
        cut = labels(self.names, look)
        left = max(map(len, cut)) * frame.CHARACTER_WIDTH * size + 20
        words = list(self.values)[: max(1, int((look.width - left) / (6.5 * size)))]
        spacing = 0.18 / max(6, len(words)) if len(words) > 1 else 0.0
        width = (look.width - left - 30) * (1 - spacing * (len(words) - 1)) / len(words)
        titles = {word: frame.wrapped(theme.one_line(word, 40), size, round(width)) for word in words}
        framed: dict[str, Any] = {"look": look, "title": title, "subject": subject, "height": height}
        framed |= {"legend": "top" if grouped else "none"}
        # Before it is known how many runs have room, as if none had
        inside = interval_lines.panel_height(frame.frame(go.Figure(), **framed, subtitle=self._subtitle(0, 0)), look)
        inside -= 1.3 * size * (max(map(len, titles.values())) - 1)
        count = min(len(self.names), max(1, int(inside / (1.15 * size))))
        figure = make_subplots(rows=1, cols=len(words), shared_yaxes=True, horizontal_spacing=spacing)
        for column, word in enumerate(words, start=1):
            part = self._table[(self._table["statistic"] == word) & (self._table["run"] < count)]
            _add_chance(figure, part, column, look)
            self._add_dots(figure, part, count, column, grouped, look)
            ends = interval_lines.value_range(part[["value", "chance_low", "chance_high"]], zero=False)
            air = 0.75 * theme.MARKER_SIZE[look.projector] / width * (ends[1] - ends[0])
            figure.update_xaxes(
                title_text=frame.lines(titles[word]),
                range=[ends[0] - air, ends[1] + air],
                nticks=max(3, int(width / (3.5 * size))),
                tickformat=",~r",
                showgrid=False,
                zeroline=False,
                col=column,
            )
        figure.update_yaxes(
            tickmode="array",
            tickvals=list(range(count)),
            range=[max(count, LEAST_ROWS) - 0.5, -0.5],
            showgrid=True,
            zeroline=False,
        )
        figure.update_yaxes(ticktext=[theme.escape(label) for label in cut[:count]], col=1)
        return frame.frame(figure, **framed, subtitle=self._subtitle(count, len(words)))

    def sentence(self) -> str:
        """Give for each statistic its lowest and highest run, and how many runs are outside what random routing gives.

        Plain text: escape it before it reaches Markdown.

        >>> styles = [GroupStyle("", "#0072B2", "circle")] * 2
        >>> print(BalanceBeside(["a", "b"], styles, {"Gini": [0.5, 0.2]}, {"Gini": [(0.2, 0.1, 0.3)] * 2}).sentence())
        Gini is from 0.200 (b) to 0.500 (a), outside the range under random routing in 1 of 2 runs.
        """
        parts = [_range_words(self._table[self._table["statistic"] == word].dropna(subset=["value"])) for word in self.values]
        said = [part for part in parts if part]
        return f"{interval_lines.sentence_case('; '.join(said))}." if said else self._why_nothing()

    def table(self) -> pd.DataFrame:
        """List each statistic, run by run: statistic, run, name, group, value, chance_mean, chance_low, chance_high."""
        return self._table

    def _why_nothing(self) -> str:
        return NO_RUNS if len(self.names) == 0 else "No statistic is known for these runs."

    def _add_dots(self, figure: go.Figure, part: pd.DataFrame, count: int, column: int, grouped: bool, look: Look) -> None:
        """Draw the dots of the first `count` runs, a trace for each style."""
        for place, style in enumerate(dict.fromkeys(self.styles[:count])):
            mine = part[[self.styles[run] == style for run in part["run"]]].dropna(subset=["value"])
            if mine.empty and column > 1:
                continue
            figure.add_scatter(
                x=mine["value"],
                y=mine["run"],
                mode="markers",
                name=theme.escape(style.words, 26),
                legendgroup=str(place),
                marker={
                    "symbol": style.marker,
                    "color": style.colour,
                    "size": 1.3 * theme.MARKER_SIZE[look.projector],
                    "line": {"width": 1, "color": theme.BACKGROUND[look.dark]},
                },
                cliponaxis=False,
                customdata=mine["run"],
                hovertext=[_dot_hover(row) for row in mine.to_dict("records")],
                hoverinfo="text",
                showlegend=grouped and column == 1,
                row=1,
                col=column,
            )

    def _subtitle(self, drawn: int, panels: int) -> str:
        runs = len(self.names)
        words = [f"n = {theme.thousands(runs)} run{'' if runs == 1 else 's'}, a dot each"]
        if self._table["chance_low"].notna().any():
            words.append("grey bar and its mark: 95 % range and mean under random routing")
        for count, whole, name in ((drawn, runs, "runs"), (panels, len(self.values), "statistics")):
            if count < whole:
                words.append(f"the first {count} of {theme.thousands(whole)} {name}")
        return "; ".join(words)


def _add_chance(figure: go.Figure, part: pd.DataFrame, column: int, look: Look) -> None:
    """Draw the range under random routing as a grey bar, with a tick at its mean."""
    known = part.dropna(subset=["chance_low", "chance_high"])
    if known.empty:
        return
    grey = theme.MUTED[look.dark]
    span = known["chance_high"] - known["chance_low"]
    said = [
        f"{theme.escape(row['name'], HOVER_LIMIT)}, random routing<br>{theme.escape(row['statistic'], 40)} {_chance_words(row)}"
        for row in known.to_dict("records")
    ]
    shared: dict[str, Any] = {"hovertext": said, "hoverinfo": "text", "showlegend": False, "row": 1, "col": column}
    figure.add_bar(
        x=span,
        base=known["chance_low"],
        y=known["run"],
        orientation="h",
        width=0.56,
        marker={"color": theme.faded(grey, 0.35), "line": {"width": 1, "color": grey}},
        name="range under random routing",
        **shared,
    )
    figure.add_scatter(
        x=known["chance_mean"],
        y=known["run"],
        mode="markers",
        marker={
            "symbol": "line-ns-open",
            "size": theme.MARKER_SIZE[look.projector],
            "color": grey,
            "line": {"width": theme.LINE_WIDTH[look.projector]},
        },
        name="mean under random routing",
        **shared,
    )


def _chance_words(row: Mapping[Any, Any]) -> str:
    ends = f"[{theme.three_significant(row['chance_low'])}, {theme.three_significant(row['chance_high'])}]"
    return f"{theme.three_significant(row['chance_mean'])} {ends}" if math.isfinite(row["chance_mean"]) else ends


def _dot_hover(row: Mapping[Any, Any]) -> str:
    words = [theme.escape(row["name"], HOVER_LIMIT)]
    words += [theme.escape(row["group"], HOVER_LIMIT)] if row["group"] else []
    words.append(f"{theme.escape(row['statistic'], 40)} {theme.three_significant(row['value'])}")
    if math.isfinite(row["chance_low"]):
        words.append(f"random routing {_chance_words(row)}")
    return "<br>".join(words)


def _range_words(part: pd.DataFrame) -> str:
    if part.empty:
        return ""
    numbers = part["value"].to_numpy()
    low, high = part.iloc[int(numbers.argmin())], part.iloc[int(numbers.argmax())]
    word = theme.one_line(low["statistic"], 40)
    ends = [f"{theme.three_significant(row['value'])} ({theme.one_line(row['name'], HOVER_LIMIT)})" for row in (low, high)]
    if low["value"] == high["value"]:
        text = f"{word} is {ends[0]}" if len(part) == 1 else f"{word} is {theme.three_significant(low['value'])} in every run"
    else:
        text = f"{word} is from {ends[0]} to {ends[1]}"
    known = part.dropna(subset=["chance_low", "chance_high"])
    if known.empty:
        return text
    outside = int(((known["value"] < known["chance_low"]) | (known["value"] > known["chance_high"])).sum())
    runs = f"{theme.thousands(len(known))} run{'' if len(known) == 1 else 's'}"
    return f"{text}, outside the range under random routing in {theme.thousands(outside)} of {runs}"
