"""Scores of groups of runs as a dot plot: one line a group, the best epoch and the last one beside each other.

J runs of a group · n = runs that have a score · intervals are those of the mean over runs at the best epoch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.compare.group_curves import (
    MEASURES,
    UNITS,
    WORDS_LIMIT,
    better_sign,
    check_words,
    range_around,
    score_words,
    value_words,
)
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.statistics import Interval

MOST_GROUPS = {False: 30, True: 12}
"""Groups that are drawn, by projector; the table lists all."""

_PITCH = 1.75
"""Between two lines, in units of the font's size."""
_BEST, _LAST = -0.14, 0.24
"""Where the two epochs stand in a group's line, down from its middle."""
_LABEL_SHARE = 0.34
"""What labels may take of the figure's width."""
_TABLE = ["group", "baseline", *interval_lines.INTERVAL, "n", "last"]


@dataclass(frozen=True)
class GroupScore:
    """The scores of a group's runs on one split."""

    style: GroupStyle
    best: NDArray[np.floating[Any]]
    """(J,): a share of rows, or nats, at the epoch of each run that validation chose; NaN where there is none."""
    last: NDArray[np.floating[Any]]
    """(J,): at the last epoch of each run."""
    interval: Interval
    """Of the mean of `best`."""


def group_scores(
    *,
    scores: Sequence[GroupScore],
    metric: str,
    split: str,
    baseline: int | None = None,
    chance: float | None = None,
    configurations: int | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the score of each group at the best epoch, filled with its interval, and at the last one, hollow; dots are runs.

    Groups stand from the top as given, at most 30 (12 for a projector). `baseline`: place of the group whose mean is a
    line across all, with its interval. `chance`: the score of guessing, dotted. `configurations`: among how many the best
    was chosen. Raises ValueError for another word, a place that is not there, or arrays that do not fit.
    """
    table = group_scores_table(scores=scores, metric=metric, split=split, baseline=baseline)
    title = f"{interval_lines.sentence_case(theme.SPLIT_WORDS[split])} {metric} at the best epoch and at the last"
    if not np.isfinite(table[["mean", "last"]].to_numpy(dtype=np.float64)).any():
        height = theme.SIDE_HEIGHT[look.projector]
        return frame.empty_figure(look=look, title=title, subject=subject, why=_nothing(metric), height=height)
    drawn = list(scores[: MOST_GROUPS[look.projector]])
    size = theme.FONT_SIZE[look.projector]
    labels = _labels(drawn, look)
    counts = [f"n = {theme.thousands(score.interval.n)}" for score in drawn]
    right = max(map(len, counts)) * frame.CHARACTER_WIDTH * size + 20
    width = look.width - max(map(len, labels)) * frame.CHARACTER_WIDTH * size - right - 30
    factor = _factor(metric)
    rows = table.head(len(drawn))
    base = None if baseline is None else table.iloc[baseline]
    x_range, cut = _x_range(drawn, rows, base, metric)
    figure = go.Figure()
    if base is not None:
        _mark_baseline(figure, base, scores[baseline or 0].style.colour, look)
    chance_words = _mark_chance(figure, chance, metric, x_range, look)
    _add_runs(figure, drawn, factor, metric, look)
    _add_means(figure, drawn, rows, metric, look)
    for place, text in enumerate(counts):
        _note(figure, place, text, look)
    subtitle = _subtitle(rows, len(scores), base, chance_words, configurations, cut)
    bottom = round(3.4 * size)
    heading: dict[str, Any] = {"look": look, "title": title, "subject": subject, "subtitle": subtitle}
    frame.frame(figure, **heading, height=theme.SIDE_HEIGHT[look.projector])
    tall = figure.layout.margin.t + figure.layout.margin.b + bottom + _PITCH * size * len(drawn)
    figure.update_layout(height=max(theme.SIDE_HEIGHT[look.projector], round(tall)), margin_r=round(right))
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
        title_text=interval_lines.axis_title(f"{theme.SPLIT_WORDS[split]} {MEASURES[metric]}", width, look),
        range=list(x_range),
        nticks=max(3, int(width / (4.5 * size))),
        tickformat=",~r",
        showgrid=False,
        zeroline=False,
    )
    return figure


def group_scores_sentence(
    *,
    scores: Sequence[GroupScore],
    metric: str,
    split: str,
    baseline: int | None = None,
    chance: float | None = None,
    configurations: int | None = None,
) -> str:
    """Name the group with the best mean, with its interval, its last value, the baseline and among how many it was chosen.

    Plain text: escape it before it reaches Markdown.

    >>> style, mean = GroupStyle("tree, K 4", "#0072B2", "circle"), Interval(0.91, 0.8, 1.0, 2)
    >>> score = GroupScore(style, np.array([0.9, 0.92]), np.array([0.88, 0.9]), mean)
    >>> print(group_scores_sentence(scores=[score], metric="accuracy", split="validation", configurations=42))
    Tree, K 4 has a mean validation accuracy of 91.0 % [80.0 %, 100.0 %], n = 2 at the best epoch and 89.0 % at the last \
(chosen among 42 configurations).
    """
    table = group_scores_table(scores=scores, metric=metric, split=split, baseline=baseline)
    known = table[np.isfinite(table["mean"].astype(float))]
    if known.empty:
        return _nothing(metric)
    sign = better_sign(metric)
    row = known.iloc[int(np.argmax(sign * known["mean"].to_numpy(dtype=np.float64)))]
    value = _interval(row, metric)
    extreme = "highest" if sign > 0 else "lowest"
    words = theme.one_line(row["group"], WORDS_LIMIT)
    what = f"mean {theme.SPLIT_WORDS[split]} {metric}"
    if len(known) > 1:
        first = f"Of {theme.thousands(len(known))} groups, {words} has the {extreme} {what}: {value} at the best epoch"
    else:
        first = f"{interval_lines.sentence_case(words)} has a {what} of {value} at the best epoch"
    last = f" and {value_words(row['last'], metric)} at the last" if math.isfinite(row["last"]) else ""
    chosen = "" if configurations is None else f" (chosen among {_configurations(configurations)})"
    parts = [f"{first}{last}{chosen}"]
    if baseline is not None and not row["baseline"]:
        base = table.iloc[baseline]
        parts.append(f"the baseline, {theme.one_line(base['group'], WORDS_LIMIT)}: {_interval(base, metric)}")
    if chance is not None:
        parts.append(f"chance: {value_words(_factor(metric) * chance, metric)}")
    return f"{'; '.join(parts)}."


def group_scores_table(*, scores: Sequence[GroupScore], metric: str, split: str, baseline: int | None = None) -> pd.DataFrame:
    """List all groups as given: group, baseline, mean, low, high, n (at the best epoch), last (a mean), unit.

    Raises ValueError as `group_scores` does.
    """
    check_words(metric, split)
    for score in scores:
        if np.ndim(score.best) != 1 or np.shape(score.best) != np.shape(score.last):
            given = f"{np.shape(score.best)} and {np.shape(score.last)}"
            raise ValueError(f"best and last must have the same shape (J,), got {given}")
    if baseline is not None and not 0 <= baseline < len(scores):
        raise ValueError(f"baseline must be a place from 0 to {len(scores) - 1}, got {baseline}")
    rows = []
    for place, score in enumerate(scores):
        last = np.asarray(score.last, dtype=np.float64)
        last = last[~np.isnan(last)]
        ends = (score.interval.mean, score.interval.low, score.interval.high, score.interval.n)
        with np.errstate(invalid="ignore"):  # diverged both ways
            rows.append((score.style.words, place == baseline, *ends, float(last.mean()) if len(last) else math.nan))
    return interval_lines.in_unit(pd.DataFrame(rows, columns=_TABLE), [*interval_lines.INTERVAL, "last"], UNITS[metric])


def _factor(metric: str) -> float:
    return 1.0 if metric == "loss" else 100.0


def _labels(scores: Sequence[GroupScore], look: Look) -> list[str]:
    most = int(_LABEL_SHARE * look.width / (frame.CHARACTER_WIDTH * theme.FONT_SIZE[look.projector]))
    return [theme.one_line(score.style.words, most) for score in scores]


def _x_range(
    scores: Sequence[GroupScore], rows: pd.DataFrame, base: "pd.Series[Any] | None", metric: str
) -> tuple[tuple[float, float], bool]:
    factor = _factor(metric)
    values = [rows[["mean", "last"]].to_numpy(dtype=np.float64).ravel()]
    values += [factor * np.asarray(score.best, dtype=np.float64) for score in scores]
    values += [] if base is None else [np.array([base["mean"]], dtype=np.float64)]
    ends = rows[["low", "high"]].to_numpy(dtype=np.float64).ravel()
    return range_around(np.concatenate(values), ends, floor=0.0, ceiling=math.inf if metric == "loss" else 100.0)


def _mark_baseline(figure: go.Figure, base: "pd.Series[Any]", colour: str, look: Look) -> None:
    if not math.isfinite(base["mean"]):
        return
    where: dict[str, Any] = {"y0": 0, "y1": 1, "yref": "y domain", "layer": "below"}
    if math.isfinite(base["low"]) and math.isfinite(base["high"]):
        fill = theme.faded(colour, theme.BAND_OPACITY)
        figure.add_shape(type="rect", x0=base["low"], x1=base["high"], fillcolor=fill, line={"width": 0}, **where)
    line = {"color": colour, "width": theme.LINE_WIDTH[look.projector] / 2}
    figure.add_shape(type="line", x0=base["mean"], x1=base["mean"], line=line, **where)


def _mark_chance(figure: go.Figure, chance: float | None, metric: str, x_range: tuple[float, float], look: Look) -> str:
    """Draw chance where it lies in the panel -> its words; far away it would press all groups together."""
    if chance is None or not math.isfinite(chance):
        return ""
    at = _factor(metric) * chance
    words = f"chance: {value_words(at, metric)}"
    if not x_range[0] <= at <= x_range[1]:
        return f"{words}, outside the panel"
    line = {"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector], "dash": "dot"}
    figure.add_shape(type="line", x0=at, x1=at, y0=0, y1=1, yref="y domain", line=line, layer="below")
    return f"dotted, {words}"


def _add_runs(figure: go.Figure, scores: Sequence[GroupScore], factor: float, metric: str, look: Look) -> None:
    for place, score in enumerate(scores):
        values = factor * np.asarray(score.best, dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values) > 1:
            name = theme.escape(score.style.words, WORDS_LIMIT)
            figure.add_scatter(
                x=values,
                y=np.full(len(values), place + _BEST),
                mode="markers",
                name="runs",
                marker={"symbol": "circle", "size": 0.7 * theme.MARKER_SIZE[look.projector], "color": score.style.colour},
                opacity=theme.SEED_OPACITY,
                hovertext=[f"{name}<br>one run, best epoch: {value_words(value, metric)}" for value in values.tolist()],
                hoverinfo="text",
            )


def _add_means(figure: go.Figure, scores: Sequence[GroupScore], rows: pd.DataFrame, metric: str, look: Look) -> None:
    symbols = [_filled(score.style.marker) for score in scores]
    colours = [score.style.colour for score in scores]
    names = [theme.escape(score.style.words, WORDS_LIMIT) for score in scores]
    places = np.arange(len(scores), dtype=np.float64)
    size, width = theme.MARKER_SIZE[look.projector], theme.LINE_WIDTH[look.projector]
    figure.add_scatter(
        x=rows["last"].where(np.isfinite(rows["last"])),
        y=places + _LAST,
        mode="markers",
        name="last epoch",
        marker={"symbol": [f"{s}-open" for s in symbols], "size": size, "color": colours, "line": {"width": width / 1.5}},
        hovertext=[f"{name}<br>last epoch: {value_words(last, metric)}" for name, last in zip(names, rows["last"])],
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
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.nan_to_num([row["high"] - row["mean"]]),
                "arrayminus": np.nan_to_num([row["mean"] - row["low"]]),
                "thickness": width,
                "width": size / 2,
                "color": colours[place],
            },
            hovertext=[f"{name}<br>best epoch: {_interval(row, metric)}"],
            hoverinfo="text",
        )


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


def _subtitle(
    rows: pd.DataFrame,
    given: int,
    base: "pd.Series[Any] | None",
    chance: str,
    configurations: int | None,
    cut: bool,
) -> str:
    counts = rows.loc[rows["n"] > 0, "n"]
    parts = ["filled: best epoch, hollow: last epoch"]
    if len(counts):
        parts.append(interval_lines.seeds_words(counts, "bars").replace("seeds;", "runs;").replace("one seed", "one run"))
    parts += ["dots: single runs"] if (counts > 1).any() else []
    parts += [f"line: {theme.one_line(base['group'], 40)}, the baseline"] if base is not None else []
    parts += [chance] if chance else []
    parts += [f"{_configurations(configurations)} compared"] if configurations is not None else []
    parts += ["bars are cut at the panel's edge"] if cut else []
    parts += [f"the first {len(rows)} of {theme.thousands(given)} groups, the rest in the table"] if given > len(rows) else []
    return "; ".join(parts)


def _configurations(count: int) -> str:
    return f"{theme.thousands(count)} configuration{'' if count == 1 else 's'}"


def _interval(row: "pd.Series[Any]", metric: str) -> str:
    return score_words(row["mean"], row["low"], row["high"], row["n"], metric).replace("one seed", "one run")


def _nothing(metric: str) -> str:
    return f"No {metric} is recorded yet."
