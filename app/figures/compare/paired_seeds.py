"""Two groups of runs compared seed by seed: their values joined by a line, and the differences around zero.

J seeds · a pair = a seed with a value on both sides · n = pairs · a difference is first minus second.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.compare.scores import (
    DIFFERENCES,
    MEASURES,
    UNITS,
    WORDS_LIMIT,
    better_sign,
    ceiling,
    check_words,
    factor,
    range_around,
    value_words,
)
from leafscope.app.figures.compare.scores import title as title_of
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.detectable import detectable_words
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.intervals import Difference

_WIDTHS = (0.6, 0.4)
_SPACING = {False: 0.14, True: 0.2}
"""Between the panels, with the axis of the right one, by projector."""
_TITLE_LIMIT = 40
_MEAN_AT = 0.5
"""Where the mean difference is, right of the seeds, which are around 0."""
_SEED_SPREAD = 0.15


@dataclass(frozen=True, eq=False)
class PairedSeeds:
    """The values of two groups on the same seeds.

    Raises ValueError for a metric or split that is not known, and for arrays of another shape than (J,).
    """

    seeds: Sequence[str]
    """(J,)."""
    first: ArrayLike
    """(J,): shares of rows, or nats; a seed without a finite pair is not drawn."""
    second: ArrayLike
    """(J,)."""
    difference: Difference
    """Of shares, or nats, first minus second."""
    styles: tuple[GroupStyle, GroupStyle]
    metric: str
    """loss, accuracy or error."""
    split: str
    """train, validation or test."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_words(self.metric, self.split)
        one, other = (np.asarray(values, dtype=np.float64) for values in (self.first, self.second))
        if one.shape != (len(self.seeds),) or other.shape != (len(self.seeds),):
            given = f"{one.shape} and {other.shape}"
            raise ValueError(f"first and second must have one value for each of {len(self.seeds)} seeds, got shapes {given}")
        seeds = [str(seed) for seed in self.seeds]
        with np.errstate(invalid="ignore"):  # two diverged runs
            table = pd.DataFrame({"seed": seeds, "first": one, "second": other, "difference": one - other})
        numbers = ["first", "second", "difference"]
        object.__setattr__(self, "_table", interval_lines.in_unit(table, numbers, UNITS[self.metric]))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a line a seed between the two groups, and beside them the differences with mean and 95 % interval."""
        height = theme.MAIN_HEIGHT[look.projector]
        names = self._names(_TITLE_LIMIT)
        split = interval_lines.sentence_case(theme.SPLIT_WORDS[self.split])
        title = f"{split} {title_of(self.metric)} of {names[0]} and {names[1]}, seed by seed"
        pairs = self._table[np.isfinite(self._table["difference"])]
        if pairs.empty:
            why = _nothing(names)
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = make_subplots(rows=1, cols=2, column_widths=list(_WIDTHS), horizontal_spacing=_SPACING[look.projector])
        self._draw_values(figure, pairs, look)
        self._draw_differences(figure, pairs, look)
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=self._subtitle(pairs), height=height)
        inside = interval_lines.panel_height(figure, look)
        size = theme.FONT_SIZE[look.projector]
        width = (look.width - 5 * size) * (1 - _SPACING[look.projector])
        rows = self._lay_left_axes(figure, pairs, width * _WIDTHS[0], inside, look)
        self._lay_right_axes(figure, pairs, inside, look)
        # Fixed: Plotly gives up on margins of its own where the words below are wide and the right axis is in the middle
        figure.update_layout(margin_l=round(4.6 * size), margin_b=round((1.4 * rows + 0.7) * size))
        figure.update_xaxes(automargin=False)
        figure.update_yaxes(automargin=False)
        return figure

    def sentence(self) -> str:
        """Say which of two groups is better, by how much and with which interval, or that no difference is shown.

        Plain text: escape it before it reaches Markdown.

        >>> styles = GroupStyle("tree, K 4", "#0072B2", "circle"), GroupStyle("dense", "#444444", "square")
        >>> found = Difference(0.021, 0.004, 0.038, 5, 0.02)
        >>> print(PairedSeeds([], [], [], found, styles, metric="accuracy", split="validation").sentence())
        Validation accuracy of tree, K 4 minus dense: +2.1 points [+0.4, +3.8], n = 5, p = 0.02: tree, K 4 is better.
        """
        metric, difference, names = self.metric, self.difference, self._names(WORDS_LIMIT)
        if difference.n == 0:
            return _nothing(names)
        split = interval_lines.sentence_case(theme.SPLIT_WORDS[self.split])
        head = f"{split} {title_of(metric)} of {names[0]} minus {names[1]}:"
        if not math.isfinite(difference.mean):
            return f"{head} no difference can be given, since a run diverged (n = {theme.thousands(difference.n)})."
        if difference.n == 1:
            return f"{head} {_signed(difference.mean, metric)}, one seed: no interval."
        if not math.isfinite(difference.low) or not math.isfinite(difference.high):
            alike = f"all {theme.thousands(difference.n)} seeds differ by the same amount, too few for an interval"
            return f"{head} no difference shown ({_signed(difference.mean, metric)}; {alike})."
        value = _interval(difference, metric)
        if not difference.shown():
            low, high = (factor(metric) * end for end in (difference.low, difference.high))
            rows = pd.DataFrame({"low": [low], "high": [high], "n": [difference.n]})
            words = detectable_words(rows, tests=1, unit="points" if UNITS[metric] == "percent" else UNITS[metric])
            return f"{head} no difference shown ({value}). {words}".rstrip()
        better = names[0] if better_sign(metric) * difference.mean > 0 else names[1]
        p = f"p = {difference.p:.2g}" if difference.p >= 0.001 else "p < 0.001"
        return f"{head} {value}, {p}: {better} is better."

    def table(self) -> pd.DataFrame:
        """List the seeds: seed, first, second, difference (NaN without a pair), unit (percent, or nats for loss).

        Differences of percentages are percentage points.
        """
        return self._table

    def _names(self, limit: int) -> tuple[str, str]:
        return theme.one_line(self.styles[0].words, limit), theme.one_line(self.styles[1].words, limit)

    def _draw_values(self, figure: go.Figure, pairs: pd.DataFrame, look: Look) -> None:
        place: dict[str, Any] = {"row": 1, "col": 1}
        values = pairs[["first", "second"]].to_numpy(dtype=np.float64)
        gap = np.full((len(pairs), 1), np.nan)
        width, size = theme.LINE_WIDTH[look.projector], theme.MARKER_SIZE[look.projector]
        figure.add_scatter(
            x=np.tile([0.0, 1.0, np.nan], len(pairs)),
            y=np.hstack([values, gap]).ravel(),
            mode="lines",
            name="seeds",
            line={"color": theme.MUTED[look.dark], "width": width / 2},
            opacity=2 * theme.SEED_OPACITY,
            hoverinfo="skip",
            **place,
        )
        means = values.mean(axis=0)
        figure.add_scatter(
            x=[0.0, 1.0],
            y=means,
            mode="lines",
            name="means",
            line={"color": theme.TEXT[look.dark], "width": width},
            hoverinfo="skip",
            **place,
        )
        for x, style in enumerate(self.styles):
            words = theme.escape(style.words, WORDS_LIMIT)
            figure.add_scatter(
                x=np.full(len(pairs), x),
                y=values[:, x],
                mode="markers",
                name="seeds",
                marker={"symbol": "circle", "size": 0.7 * size, "color": style.colour},
                opacity=theme.SEED_OPACITY + 0.15,
                hovertext=[
                    f"{words}, {_seed(row)}<br>{value_words(row[column], self.metric)}"
                    for column in [("first", "second")[x]]
                    for _, row in pairs.iterrows()
                ],
                hoverinfo="text",
                **place,
            )
            figure.add_scatter(
                x=[x],
                y=[means[x]],
                mode="markers",
                name="mean",
                marker={"symbol": style.marker, "size": 1.8 * size, "color": style.colour, "line": {"width": width / 1.5}},
                hovertext=[f"{words}, mean<br>{value_words(means[x], self.metric)}, n = {theme.thousands(len(pairs))}"],
                hoverinfo="text",
                **place,
            )

    def _draw_differences(self, figure: go.Figure, pairs: pd.DataFrame, look: Look) -> None:
        place: dict[str, Any] = {"row": 1, "col": 2}
        width, size = theme.LINE_WIDTH[look.projector], theme.MARKER_SIZE[look.projector]
        colour = theme.TEXT[look.dark]
        figure.add_scatter(
            x=_apart(len(pairs)),
            y=pairs["difference"],
            mode="markers",
            name="differences",
            marker={"symbol": "circle", "size": size, "color": theme.MUTED[look.dark]},
            opacity=2 * theme.SEED_OPACITY,
            hovertext=[f"{_seed(row)}<br>{_signed_on_axis(row['difference'], self.metric)}" for _, row in pairs.iterrows()],
            hoverinfo="text",
            **place,
        )
        mean, low, high = _on_axis(self.difference, self.metric)
        words = _signed(self.difference.mean, self.metric) if math.isnan(low) else _interval(self.difference, self.metric)
        figure.add_scatter(
            x=[_MEAN_AT],
            y=[mean],
            mode="markers",
            name="mean difference",
            marker={"symbol": "diamond", "size": 1.6 * size, "color": colour},
            error_y=interval_lines.error_bars(([mean], [low], [high]), colour, width, size / 2),
            hovertext=[f"mean difference<br>{words}"],
            hoverinfo="text",
            **place,
        )

    def _lay_left_axes(self, figure: go.Figure, pairs: pd.DataFrame, width: float, inside: float, look: Look) -> int:
        """Lay out the axes of the values, and give how many lines of words are below them."""
        size = theme.FONT_SIZE[look.projector]
        half = 0.95 * width / 2
        limit = int(2.5 * half / (frame.CHARACTER_WIDTH * size))
        labels = [frame.wrapped(theme.one_line(style.words, limit), size, round(half)) for style in self.styles]
        figure.update_xaxes(
            tickmode="array",
            tickvals=[0, 1],
            ticktext=[frame.lines(label) for label in labels],
            tickangle=0,
            range=[-0.5, 1.5],
            showgrid=False,
            zeroline=False,
            col=1,
        )
        values = pairs[["first", "second"]].to_numpy(dtype=np.float64)
        y_range, _ = range_around(values, [], floor=0.0, ceiling=ceiling(self.metric))
        title = interval_lines.axis_title(MEASURES[self.metric], inside, look)
        figure.update_yaxes(title_text=title, range=list(y_range), zeroline=False, col=1)
        return max(map(len, labels))

    def _lay_right_axes(self, figure: go.Figure, pairs: pd.DataFrame, inside: float, look: Look) -> None:
        figure.update_xaxes(
            tickmode="array",
            tickvals=[0, _MEAN_AT],
            ticktext=["seeds", "mean"],
            tickangle=0,
            range=[-0.35, _MEAN_AT + 0.35],
            showgrid=False,
            zeroline=False,
            col=2,
        )
        ends = [end for end in _on_axis(self.difference, self.metric) if math.isfinite(end)]
        y_range = interval_lines.value_range([*pairs["difference"], *ends])
        title = f"first minus second ({unit})" if (unit := DIFFERENCES[self.metric]) else "first minus second"
        figure.update_yaxes(
            title_text=interval_lines.axis_title(title, inside, look),
            range=list(y_range),
            zeroline=True,
            zerolinecolor=theme.TEXT[look.dark],
            zerolinewidth=0.75 * theme.LINE_WIDTH[look.projector],
            col=2,
        )

    def _subtitle(self, pairs: pd.DataFrame) -> str:
        n = len(pairs)
        if n == 1:
            parts = ["n = 1, one seed: no interval"]
        else:
            bar = "bar: 95 % interval of the mean difference" if math.isfinite(self.difference.low) else "no interval"
            parts = [f"n = {theme.thousands(n)} seeds, paired", bar]
        side = "above" if better_sign(self.metric) > 0 else "below"
        parts.append(f"{side} 0: {self._names(_TITLE_LIMIT)[0]} is better")
        if left := len(self._table) - n:
            parts.append(f"{theme.thousands(left)} {'seeds' if left > 1 else 'seed'} without a finite pair left out")
        return "; ".join(parts)


def _apart(count: int) -> NDArray[np.float64]:
    """Places of the seeds around 0, beside each other in their order."""
    return np.linspace(-_SEED_SPREAD, _SEED_SPREAD, count) if count > 1 else np.zeros(count)


def _on_axis(difference: Difference, metric: str) -> tuple[float, float, float]:
    scale = factor(metric)
    return scale * difference.mean, scale * difference.low, scale * difference.high


def _interval(difference: Difference, metric: str) -> str:
    mean, low, high = _on_axis(difference, metric)
    ends = f"[{_number(low, metric)}, {_number(high, metric)}]"
    return f"{_signed_on_axis(mean, metric)} {ends}, n = {theme.thousands(difference.n)}"


def _signed(mean: float, metric: str) -> str:
    return _signed_on_axis(factor(metric) * mean, metric)


def _signed_on_axis(value: float, metric: str) -> str:
    return f"{_number(value, metric)} {'points' if UNITS[metric] == 'percent' else UNITS[metric]}".rstrip()


def _number(value: float, metric: str) -> str:
    """Write a number with its sign; a zero has none."""
    if UNITS[metric] == "percent":
        rounded = round(value, 1) + 0.0
        return f"{rounded:+,.1f}" if rounded else "0.0"
    return f"{'+' if value > 0 else ''}{theme.three_significant(value)}"


def _seed(row: "pd.Series[Any]") -> str:
    return f"seed {theme.escape(row['seed'], WORDS_LIMIT)}"


def _nothing(words: tuple[str, str]) -> str:
    return f"No seed has a value of both {words[0]} and {words[1]} yet."
