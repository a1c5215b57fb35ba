"""Scores of groups of runs as a dot plot: one line a group, the best epoch and the last one beside each other.

J runs of a group · n = runs that have a score · intervals are those of the mean over runs at the best epoch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.compare.scores import (
    MEASURES,
    UNITS,
    WORDS_LIMIT,
    better_sign,
    ceiling,
    check_words,
    factor,
    nothing_words,
    range_around,
    score_words,
    value_words,
)
from leafscope.app.figures.compare.scores import title as title_of
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.intervals import FEWEST, Interval

MOST_GROUPS = {False: 30, True: 12}
"""Groups that are drawn, by projector; the table lists all."""

_PITCH = 1.75
"""Between two lines, in units of the font's size."""
_BEST, _LAST = -0.14, 0.24
"""Where the two epochs are in a group's line, down from its middle."""
_LABEL_SHARE = 0.34
"""What labels may take of the figure's width."""
_TABLE = ["group", "baseline", *interval_lines.INTERVAL, "n", "last"]


@dataclass(frozen=True, eq=False)
class GroupScore:
    """The scores of a group's runs on one split. Raises ValueError for arrays of different shapes."""

    style: GroupStyle
    best: NDArray[np.floating[Any]]
    """(J,): a share of rows, or nats, at the epoch of each run that validation chose; NaN where there is none."""
    last: NDArray[np.floating[Any]]
    """(J,): at the last epoch of each run."""
    interval: Interval
    """Of the mean of `best`."""

    def __post_init__(self) -> None:
        if np.ndim(self.best) != 1 or np.shape(self.best) != np.shape(self.last):
            given = f"{np.shape(self.best)} and {np.shape(self.last)}"
            raise ValueError(f"best and last must have the same shape (J,), got {given}")


@dataclass(frozen=True, eq=False)
class GroupScores:
    """The score of each group at the best epoch and at the last one.

    Raises ValueError for a metric or split that is not known, and for a baseline that is no place in `scores`.
    """

    scores: Sequence[GroupScore]
    """From the top, in order."""
    metric: str
    """loss, accuracy or error."""
    split: str
    """train, validation or test."""
    baseline: int | None = None
    """The place of the group whose mean is a line through all, with its interval."""
    configurations: int | None = None
    """How many configurations the best one was chosen from."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_words(self.metric, self.split)
        if self.baseline is not None and not 0 <= self.baseline < len(self.scores):
            raise ValueError(f"baseline must be a place from 0 to {len(self.scores) - 1}, got {self.baseline}")
        rows = []
        for place, score in enumerate(self.scores):
            last = np.asarray(score.last, dtype=np.float64)
            last = last[~np.isnan(last)]
            ends = (score.interval.mean, score.interval.low, score.interval.high, score.interval.n)
            with np.errstate(invalid="ignore"):  # diverged both ways
                rows.append((score.style.words, place == self.baseline, *ends, float(last.mean()) if len(last) else math.nan))
        table = pd.DataFrame(rows, columns=_TABLE)
        numbers = [*interval_lines.INTERVAL, "last"]
        object.__setattr__(self, "_table", interval_lines.in_unit(table, numbers, UNITS[self.metric]))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the mean at the best epoch, filled with its interval, and at the last one, hollow; dots are runs.

        At most 30 groups are drawn, 12 for a projector.
        """
        split = theme.SPLIT_WORDS[self.split]
        title = f"{interval_lines.sentence_case(split)} {title_of(self.metric)} at the best epoch and at the last"
        height = theme.SIDE_HEIGHT[look.projector]
        if not np.isfinite(self._table[["mean", "last"]].to_numpy(dtype=np.float64)).any():
            why = nothing_words(self.metric)
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        drawn = list(self.scores[: MOST_GROUPS[look.projector]])
        size = theme.FONT_SIZE[look.projector]
        labels = _labels(drawn, look)
        counts = [f"n = {theme.thousands(score.interval.n)}" for score in drawn]
        right = max(map(len, counts)) * frame.CHARACTER_WIDTH * size + 20
        width = look.width - max(map(len, labels)) * frame.CHARACTER_WIDTH * size - right - 30
        rows = self._table.head(len(drawn))
        x_range, cut = self._x_range(drawn, rows)
        figure = go.Figure()
        self._mark_baseline(figure, look)
        self._add_runs(figure, drawn, look)
        self._add_means(figure, drawn, rows, look)
        for place, text in enumerate(counts):
            _note(figure, place, text, look)
        bottom = round(3.4 * size)
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=self._subtitle(rows, cut), height=height)
        tall = figure.layout.margin.t + figure.layout.margin.b + bottom + _PITCH * size * len(drawn)
        figure.update_layout(height=max(height, round(tall)), margin_r=round(right))
        room = (figure.layout.height - figure.layout.margin.t - figure.layout.margin.b - bottom) / (_PITCH * size)
        # Few groups keep together at the top
        figure.update_yaxes(
            tickmode="array",
            tickvals=list(range(len(drawn))),
            ticktext=[theme.escape(label) for label in labels],
            range=[max(len(drawn), min(room, max(4, 2 * len(drawn)))) - 0.5, -0.5],
            showgrid=True,
            zeroline=False,
        )
        figure.update_xaxes(
            title_text=interval_lines.axis_title(f"{split} {MEASURES[self.metric]}", width, look),
            range=list(x_range),
            nticks=max(3, int(width / (4.5 * size))),
            tickformat=",~r",
            showgrid=False,
            zeroline=False,
        )
        return figure

    def sentence(self) -> str:
        """Name the group with the best mean, with its interval, its last value, the baseline and what it was chosen from.

        Plain text: escape it before it reaches Markdown.

        >>> style, mean = GroupStyle("tree, K 4", "#0072B2", "circle"), Interval(0.91, 0.8, 1.0, 2)
        >>> score = GroupScore(style, np.array([0.9, 0.92]), np.array([0.88, 0.9]), mean)
        >>> print(GroupScores([score], metric="accuracy", split="validation", configurations=42).sentence())
        Tree, K 4 has a mean validation accuracy of 91.0 % [80.0 %, 100.0 %], n = 2 at the best epoch and 89.0 % at the last \
(chosen among 42 configurations).
        """
        metric = self.metric
        known = self._table[np.isfinite(self._table["mean"].astype(float))]
        if known.empty:
            return nothing_words(metric)
        sign = better_sign(metric)
        row = known.iloc[int(np.argmax(sign * known["mean"].to_numpy(dtype=np.float64)))]
        words = theme.one_line(row["group"], WORDS_LIMIT)
        what = f"mean {theme.SPLIT_WORDS[self.split]} {title_of(metric)}"
        if len(known) > 1:
            extreme = "highest" if sign > 0 else "lowest"
            first = f"Of {theme.thousands(len(known))} groups, {words} has the {extreme} {what}: {self._interval(row)}"
        else:
            first = f"{interval_lines.sentence_case(words)} has a {what} of {self._interval(row)}"
        last = f" and {value_words(row['last'], metric)} at the last" if math.isfinite(row["last"]) else ""
        chosen = "" if self.configurations is None else f" (chosen among {_configurations(self.configurations)})"
        base = self._baseline_row()
        beside = ""
        if base is not None and not row["baseline"]:
            beside = f"; the baseline, {theme.one_line(base['group'], WORDS_LIMIT)}: {self._interval(base)}"
        return f"{first} at the best epoch{last}{chosen}{beside}."

    def table(self) -> pd.DataFrame:
        """List all groups: group, baseline, mean, low, high, n (at the best epoch), last (a mean), unit."""
        return self._table

    def _baseline_row(self) -> "pd.Series[Any] | None":
        return None if self.baseline is None else self._table.iloc[self.baseline]

    def _interval(self, row: "pd.Series[Any]") -> str:
        return score_words(row["mean"], row["low"], row["high"], row["n"], self.metric).replace("one seed", "one run")

    def _at_best(self, score: GroupScore) -> NDArray[np.float64]:
        """The runs at their best epochs, in the unit of the axis."""
        return factor(self.metric) * np.asarray(score.best, dtype=np.float64)

    def _x_range(self, drawn: Sequence[GroupScore], rows: pd.DataFrame) -> tuple[tuple[float, float], bool]:
        base = self._baseline_row()
        values = [rows[["mean", "last"]].to_numpy(dtype=np.float64).ravel(), *map(self._at_best, drawn)]
        values += [] if base is None else [np.array([base["mean"]], dtype=np.float64)]
        ends = rows[["low", "high"]].to_numpy(dtype=np.float64).ravel()
        return range_around(np.concatenate(values), ends, floor=0.0, ceiling=ceiling(self.metric))

    def _mark_baseline(self, figure: go.Figure, look: Look) -> None:
        base = self._baseline_row()
        if base is None or not math.isfinite(base["mean"]):
            return
        colour = self.scores[self.baseline or 0].style.colour
        where: dict[str, Any] = {"y0": 0, "y1": 1, "yref": "y domain", "layer": "below"}
        if math.isfinite(base["low"]) and math.isfinite(base["high"]):
            fill = theme.faded(colour, theme.BAND_OPACITY)
            figure.add_shape(type="rect", x0=base["low"], x1=base["high"], fillcolor=fill, line={"width": 0}, **where)
        line = {"color": colour, "width": theme.LINE_WIDTH[look.projector] / 2}
        figure.add_shape(type="line", x0=base["mean"], x1=base["mean"], line=line, **where)

    def _add_runs(self, figure: go.Figure, drawn: Sequence[GroupScore], look: Look) -> None:
        for place, score in enumerate(drawn):
            values = self._at_best(score)
            values = values[np.isfinite(values)]
            if len(values) > 1:
                name = f"{theme.escape(score.style.words, WORDS_LIMIT)}<br>one run, best epoch"
                figure.add_scatter(
                    x=values,
                    y=np.full(len(values), place + _BEST),
                    mode="markers",
                    name="runs",
                    marker={"symbol": "circle", "size": 0.7 * theme.MARKER_SIZE[look.projector], "color": score.style.colour},
                    opacity=theme.SEED_OPACITY,
                    hovertext=[f"{name}: {value_words(value, self.metric)}" for value in values.tolist()],
                    hoverinfo="text",
                )

    def _add_means(self, figure: go.Figure, drawn: Sequence[GroupScore], rows: pd.DataFrame, look: Look) -> None:
        symbols = [_filled(score.style.marker) for score in drawn]
        colours = [score.style.colour for score in drawn]
        names = [theme.escape(score.style.words, WORDS_LIMIT) for score in drawn]
        places = np.arange(len(drawn), dtype=np.float64)
        size, width = theme.MARKER_SIZE[look.projector], theme.LINE_WIDTH[look.projector]
        figure.add_scatter(
            x=rows["last"].where(np.isfinite(rows["last"])),
            y=places + _LAST,
            mode="markers",
            name="last epoch",
            marker={"symbol": [f"{s}-open" for s in symbols], "size": size, "color": colours, "line": {"width": width / 1.5}},
            hovertext=[f"{name}<br>last epoch: {value_words(last, self.metric)}" for name, last in zip(names, rows["last"])],
            hoverinfo="text",
        )
        mean = rows["mean"].where(np.isfinite(rows["mean"]))
        # One trace a group: bars have one colour a trace
        for place, (name, (_, row)) in enumerate(zip(names, rows.iterrows(), strict=True)):
            figure.add_scatter(
                x=[mean.iloc[place]],
                y=[place + _BEST],
                mode="markers",
                name="best epoch",
                marker={"symbol": symbols[place], "size": 1.4 * size, "color": colours[place]},
                error_x=interval_lines.error_bars(
                    ([row[end]] for end in ("mean", "low", "high")), colours[place], width, size / 2
                ),
                hovertext=[f"{name}<br>best epoch: {self._interval(row)}"],
                hoverinfo="text",
            )

    def _subtitle(self, rows: pd.DataFrame, cut: bool) -> str:
        counts = rows.loc[rows["n"] > 0, "n"]
        base, given = self._baseline_row(), len(self.scores)
        parts = ["filled: best epoch, hollow: last epoch"]
        if len(counts):
            fewest = FEWEST if UNITS[self.metric] == "percent" else 2
            words = interval_lines.seeds_words(counts, "bars", fewest=fewest)
            parts.append(words.replace("seeds", "runs").replace("one seed", "one run"))
        if (counts > 1).any():
            parts.append("dots: single runs")
        if base is not None:
            parts.append(f"line: {theme.one_line(base['group'], 40)}, the baseline")
        if self.configurations is not None:
            parts.append(f"{_configurations(self.configurations)} compared")
        if cut:
            parts.append("bars are cut at the panel's edge")
        if given > len(rows):
            parts.append(f"the first {len(rows)} of {theme.thousands(given)} groups, the rest in the table")
        return "; ".join(parts)


def _labels(scores: Sequence[GroupScore], look: Look) -> list[str]:
    most = int(_LABEL_SHARE * look.width / (frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]))
    return [theme.one_line(score.style.words, most) for score in scores]


def _filled(marker: str) -> str:
    """The filled form of a symbol: a cross of thin lines has none, so that it becomes a thick one."""
    return marker.removesuffix("-open").removesuffix("-dot").removesuffix("-thin")


def _note(figure: go.Figure, place: int, text: str, look: Look) -> None:
    figure.add_annotation(
        x=1,
        xref="x domain",
        y=place,
        yref="y",
        text=text,
        xanchor="left",
        xshift=8,
        showarrow=False,
        font={"color": theme.MUTED[look.dark]},
    )


def _configurations(count: int) -> str:
    return f"{theme.thousands(count)} configuration{'' if count == 1 else 's'}"
