"""Statistics of balance of several runs side by side: a panel each, a dot a run, and what chance gives behind it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.compare.beside import HOVER_LIMIT, LEAST_ROWS, NO_RUNS, labels
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import columns_of, compared
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

Range = tuple[float, float, float]
"""What a chance level gives: mean, low, high."""

_COLUMNS = ["statistic", "run", "name", "group", "value"]
_BARS = {INDEPENDENT_BITS: (0.24, "diamond-open"), HYPERPLANES: (0.56, "line-ns-open")}
"""Width of a level's bar, in rows, and the symbol of its mean."""


@dataclass(frozen=True, eq=False)
class BalanceBeside:
    """Statistics of n runs. Raises ValueError for lists of another length and for chance of a statistic without values."""

    names: Sequence[str]
    """(n,) in the order in which the runs are drawn, from the top."""
    styles: Sequence[GroupStyle]
    """(n,) how each run is drawn."""
    values: Mapping[str, Sequence[float]]
    """Words of a statistic -> (n,)."""
    chance: Mapping[Level, Mapping[str, Sequence[Range]]] = field(default_factory=dict)
    """Chance level -> words of a statistic -> (n,) ranges, NaN where unknown."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        runs = len(self.names)
        if len(self.styles) != runs:
            raise ValueError(f"styles must have one entry for each of the {runs} runs, got {len(self.styles)}")
        if unknown := [word for of in self.chance.values() for word in of if word not in self.values]:
            raise ValueError(f"chance must be of statistics in values, got {theme.one_line(unknown[0], 60)!r}")
        rows = []
        for word, numbers in self.values.items():
            ranges = [of.get(word, [(math.nan, math.nan, math.nan)] * runs) for of in self.chance.values()]
            for name, given in (("values", numbers), *(("chance", one) for one in ranges)):
                if len(given) != runs:
                    where = theme.one_line(word, 60)
                    raise ValueError(f"{name} of {where!r} must have one entry for each of the {runs} runs, got {len(given)}")
            for run, (value, *expected) in enumerate(zip(numbers, *ranges)):
                if wrong := [one for one in expected if len(one) != 3]:
                    raise ValueError(f"chance must have a mean, a low and a high end for each run, got {len(wrong[0])} numbers")
                value = float(value) if math.isfinite(value) else math.nan
                ends = [float(end) for one in expected for end in one]
                rows.append((word, run, str(self.names[run]), self.styles[run].words, value, *ends))
        columns = [*_COLUMNS, *(column for level in self.chance for column in columns_of(level))]
        table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[4:], np.float64))
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a panel for each statistic and a dot for each run, and a grey bar behind it for the range by chance.

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
            for level in reversed(list(self.chance)):  # the widest bar lies lowest
                _add_chance(figure, part, level, column, look)
            self._add_dots(figure, part, count, column, grouped, look)
            ends = interval_lines.value_range(part[["value", *self._ends()]], zero=False)
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
        """Give for each statistic its lowest and highest run, and how many runs are outside what chance gives.

        Plain text: escape it before it reaches Markdown.

        >>> styles = [GroupStyle("", "#0072B2", "circle")] * 2
        >>> bits = {INDEPENDENT_BITS: {"Gini": [(0.2, 0.1, 0.3)] * 2}}
        >>> print(BalanceBeside(["a", "b"], styles, {"Gini": [0.5, 0.2]}, bits).sentence())
        Gini is from 0.200 (b) to 0.500 (a), outside the range under independent bits in 1 of 2 runs.
        """
        known = self._table.dropna(subset=["value"])
        parts = [_range_words(known[known["statistic"] == word], self.chance) for word in self.values]
        said = [part for part in parts if part]
        return f"{interval_lines.sentence_case('; '.join(said))}." if said else self._why_nothing()

    def table(self) -> pd.DataFrame:
        """List each statistic, run by run: statistic, run, name, group, value, and of each level mean, low, high."""
        return self._table

    def _ends(self) -> list[str]:
        """The columns with ends of ranges."""
        return [column for level in self.chance for column in columns_of(level)[1:]]

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
                hovertext=[_dot_hover(row, self.chance) for row in mine.to_dict("records")],
                hoverinfo="text",
                showlegend=grouped and column == 1,
                row=1,
                col=column,
            )

    def _subtitle(self, drawn: int, panels: int) -> str:
        runs = len(self.names)
        words = [f"n = {theme.thousands(runs)} run{'' if runs == 1 else 's'}, a dot each"]
        known = [level for level in self.chance if self._table[columns_of(level)[1]].notna().any()]
        for level, bar in zip(known, ["thin grey bar", "wide one"] if len(known) > 1 else ["grey bar"]):
            words.append(f"{bar} and its mark: 95 % range and mean under {level.name}")
        for count, whole, name in ((drawn, runs, "runs"), (panels, len(self.values), "statistics")):
            if count < whole:
                words.append(f"the first {count} of {theme.thousands(whole)} {name}")
        return "; ".join(words)


def _add_chance(figure: go.Figure, part: pd.DataFrame, level: Level, column: int, look: Look) -> None:
    """Draw the range under a chance level as a grey bar, with a mark at its mean."""
    known = part.dropna(subset=columns_of(level)[1:])
    if known.empty:
        return
    grey = theme.MUTED[look.dark]
    width, symbol = _BARS.get(level, _BARS[HYPERPLANES])
    mean, low, high = (known[name] for name in columns_of(level))
    said = [
        f"{theme.escape(row['name'], HOVER_LIMIT)}, {level.name}<br>"
        f"{theme.escape(row['statistic'], 40)} {_chance_words(row, level)}"
        for row in known.to_dict("records")
    ]
    shared: dict[str, Any] = {"hovertext": said, "hoverinfo": "text", "showlegend": False, "row": 1, "col": column}
    figure.add_bar(
        x=high - low,
        base=low,
        y=known["run"],
        orientation="h",
        width=width,
        marker={"color": theme.faded(grey, 0.35), "line": {"width": 1, "color": grey}},
        name=f"range under {level.name}",
        **shared,
    )
    figure.add_scatter(
        x=mean,
        y=known["run"],
        mode="markers",
        marker={
            "symbol": symbol,
            "size": theme.MARKER_SIZE[look.projector],
            "color": grey,
            "line": {"width": theme.LINE_WIDTH[look.projector]},
        },
        name=f"mean under {level.name}",
        **shared,
    )


def _chance_words(row: Mapping[Any, Any], level: Level) -> str:
    mean, low, high = (row[column] for column in columns_of(level))
    ends = f"[{theme.three_significant(low)}, {theme.three_significant(high)}]"
    return f"{theme.three_significant(mean)} {ends}" if math.isfinite(mean) else ends


def _dot_hover(row: Mapping[Any, Any], levels: Iterable[Level]) -> str:
    words = [theme.escape(row["name"], HOVER_LIMIT)]
    words += [theme.escape(row["group"], HOVER_LIMIT)] if row["group"] else []
    words.append(f"{theme.escape(row['statistic'], 40)} {theme.three_significant(row['value'])}")
    known = [level for level in levels if math.isfinite(row[columns_of(level)[1]])]
    words += [f"{level.name} {_chance_words(row, level)}" for level in known]
    return "<br>".join(words)


def _range_words(part: pd.DataFrame, levels: Iterable[Level]) -> str:
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
    level = compared(one for one in levels if part[columns_of(one)[1]].notna().any())
    if level is None:
        return text
    _, least, most = columns_of(level)
    known = part.dropna(subset=[least, most])
    outside = int(((known["value"] < known[least]) | (known["value"] > known[most])).sum())
    runs = f"{theme.thousands(len(known))} run{'' if len(known) == 1 else 's'}"
    return f"{text}, outside the range under {level.name} in {theme.thousands(outside)} of {runs}"
