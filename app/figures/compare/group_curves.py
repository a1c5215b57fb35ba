"""Curves of groups of runs: the mean over the runs of each group at each recorded epoch, with a band and the runs under it.

J runs of a group · E recorded epochs · n = runs that have a value at an epoch · lit = drawn in the group's colour, the rest
is grey · intervals are those of the mean over runs · a mean ends where the first of its runs does: what survives is another
group.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    add_band,
    axis_title,
    grey,
    in_unit,
    interval_words,
    n_words,
    panel_height,
    seeds_words,
    sentence_case,
)
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.theme import SCREEN, Look

UNITS = {"loss": "nats", "accuracy": "percent", "error": "percent"}
"""Of a metric on an axis; shares of rows are drawn in percent."""
MEASURES = {"loss": "loss (cross-entropy, nats)", "accuracy": "accuracy (percent of rows)", "error": "error (percent of rows)"}
SPLITS = ("train", "validation", "test")
MOST_LIT = 12
"""Of more groups the first three are in colour, where no others are asked for."""
MOST_LABELS = 8
"""More lines than this are named in a legend."""
WORDS_LIMIT = 60
"""Characters of a group's words on hover and in sentences."""

_FIRST_LIT = 3
_MOST_BANDS = 3
"""Bands and single runs of more groups would hide each other."""
_DASH_WORDS = {"test": "solid: test", "validation": "dashed: validation", "train": "dotted: training"}
_LABEL_LIMIT = 40
_LEGEND_LIMIT = {False: 34, True: 24}
_MARKERS_SHOWN = 8
_SPACING = 0.04
_TABLE = ["group", "split", "record", "x", *INTERVAL, "n"]


@dataclass(frozen=True)
class GroupLines:
    """The curves of a group's runs on one split."""

    style: GroupStyle
    split: str
    """train, validation or test."""
    x: NDArray[np.floating[Any]]
    """(J, E): where each run was at each recorded epoch, in the unit of the axis."""
    y: NDArray[np.floating[Any]]
    """(J, E): a share of rows, or nats; NaN where a run has no such epoch, infinite where it diverged."""
    names: Sequence[str]
    """(J,): titles of the runs, as written."""


@dataclass(frozen=True)
class _Curve:
    """A group on one split, in the unit of the axis; what cannot be drawn is NaN."""

    style: GroupStyle
    split: str
    rows: pd.DataFrame
    """x, mean, low, high, n by recorded epoch."""
    x: NDArray[np.float64]
    """(J, E)."""
    y: NDArray[np.float64]
    """(J, E)."""
    names: Sequence[str]
    lit: bool
    ends_early: bool
    """Some runs go on after the last epoch that all have."""
    banded: bool = False
    """Drawn with its band and its runs."""

    def words(self, limit: int, suffix: str = "") -> str:
        """Write the group with n, cut to `limit` characters without cutting n, not yet escaped."""
        end = f", {n_words(self.rows.loc[self.rows['mean'].notna(), 'n'])}{suffix}"
        return theme.one_line(self.style.words, max(6, limit - len(end))) + end


def group_curves(
    *,
    lines: Sequence[GroupLines],
    metric: str,
    x_title: str = "epoch",
    log_x: bool = False,
    log_y: bool = False,
    singles: bool = True,
    overlap: Sequence[float] | float = 0.0,
    lit: Sequence[int] | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a metric of groups against `x_title`: colour and marker say the group, dash the split, bands 95 % t intervals.

    `metric`: loss, accuracy or error. Training rows stand in a panel of their own where another split is given too.
    `singles`: the runs as thin lines. `overlap` is that of `mean_interval`, one for all or one for each of `lines`. `lit`:
    places in `lines` of the groups in colour; by default all of at most 12, else the first three. Bands and runs are drawn of
    the first three in colour. A mean ends at the last epoch that all runs of its group have. What a log axis cannot show is
    left out. Raises ValueError for another word, or for arrays that do not fit.
    """
    overlaps = _check(lines, metric, overlap)
    height = theme.MAIN_HEIGHT[look.projector]
    log = (log_x, log_y)
    curves, left_out = _curves(lines, metric, overlaps, _lit_styles(lines, lit), log)
    splits = [split for split in SPLITS if any(curve.split == split for curve in curves)]
    title = _title(splits, metric, x_title)
    if not curves:
        why = f"No {metric} above 0 can be shown on a log axis." if left_out else _nothing(metric)
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    panels = [["train"], splits[1:]] if splits[0] == "train" and len(splits) > 1 else [splits]
    plan = _Plan.of(curves, panels, height, look)
    figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=_SPACING)
    x_range = _x_range(curves, log_x, plan.width)
    y_range, cut = _y_range(curves, metric, log_y, singles)
    floor = 10.0 ** y_range[0] if log_y else -math.inf
    for column, panel in enumerate(panels, start=1):
        shown = sorted((curve for curve in curves if curve.split in panel), key=lambda curve: curve.lit)
        _draw_panel(figure, shown, column, metric=metric, x_title=x_title, singles=singles, floor=floor, look=look)
    if plan.legend:
        _add_legend(figure, curves, look)
    frame.frame(
        figure,
        look=look,
        title=title,
        subject=subject,
        subtitle=_subtitle(curves, splits, left_out, cut, singles),
        height=height,
        legend="right" if plan.legend else "none",
    )
    if len(panels) > 1:
        frame.panel_heads(
            figure, [theme.enumerate_words([theme.SPLIT_WORDS[split] for split in splits]) for splits in panels], look
        )
    inside = panel_height(figure, look)
    ends: dict[str, Any] = {"x_range": x_range, "y_range": y_range, "width": plan.width, "look": look}
    _axes(figure, metric=metric, x_title=x_title, log=log, panels=len(panels), inside=inside, **ends)
    if not plan.legend:
        figure.update_layout(margin_r=round(plan.right))
        labels = [_end(curve, text, log, look) for curve, text in plan.labels]
        label_ends(figure, labels, panel=len(panels), height=inside, **ends)
    return figure


def group_curves_sentence(
    *, lines: Sequence[GroupLines], metric: str, x_title: str = "epoch", overlap: Sequence[float] | float = 0.0
) -> str:
    """Name the group with the best mean at its end, with interval and n, and its best mean over the epochs.

    The end is the last epoch that all runs of a group have. By validation where it is given, else by the last split given.
    Plain text: escape it before it reaches Markdown.

    >>> at, style = np.array([[0.0, 1.0, 2.0]] * 2), GroupStyle("tree, K 4", "#0072B2", "circle")
    >>> y = np.array([[2.0, 0.5, 0.75], [2.0, 0.25, 0.75]])
    >>> print(group_curves_sentence(lines=[GroupLines(style, "validation", at, y, ["a", "b"])], metric="loss"))
    Mean validation loss of tree, K 4 at the end (epoch 2): 0.750 nats [0.750, 0.750], n = 2; lowest: 0.375 nats at epoch 1.
    """
    overlaps = _check(lines, metric, overlap)
    if not lines:
        return _nothing(metric)
    split = "validation" if any(line.split == "validation" for line in lines) else lines[-1].split
    mine = [(line, share) for line, share in zip(lines, overlaps, strict=True) if line.split == split]
    given, shares = [line for line, _ in mine], [share for _, share in mine]
    curves, _ = _curves(given, metric, shares, {line.style for line in given}, (False, False))
    if not curves:
        return " ".join([_nothing(metric), *_gap_words(given)])
    sign = better_sign(metric)
    known = [curve.rows.dropna(subset=["mean"]) for curve in curves]
    place = int(np.argmax([sign * rows["mean"].iloc[-1] for rows in known]))
    last = known[place].iloc[-1]
    best = known[place].iloc[int(np.argmax(sign * known[place]["mean"].to_numpy()))]
    words = theme.one_line(curves[place].style.words, WORDS_LIMIT)
    extreme = "highest" if sign > 0 else "lowest"
    what = f"mean {theme.SPLIT_WORDS[split]} {metric}"
    end = score_words(last["mean"], last["low"], last["high"], last["n"], metric)
    rest = "" if best["mean"] == last["mean"] else f"; {extreme}: {value_words(best['mean'], metric)} {_at(best['x'], x_title)}"
    if len(curves) == 1:
        first = f"{sentence_case(what)} of {words} at the end ({_place(last['x'], x_title)}): {end}{rest}."
    else:
        head = f"Of {len(curves)} groups, {words} has the {extreme} {what} at the end"
        first = f"{head} ({_place(last['x'], x_title)}): {end}{rest and '; its ' + rest[2:]}."
    return " ".join([first, *_gap_words(given)])


def group_curves_table(*, lines: Sequence[GroupLines], metric: str, overlap: Sequence[float] | float = 0.0) -> pd.DataFrame:
    """List the means: group, split, record, x, mean, low, high, n, unit (percent, or nats for loss).

    `record` numbers the recorded epochs from 0; `x` is the mean of the runs that have a value there, n of them, also where
    others have ended. An epoch that no run has is left out; a mean with a diverged run is infinite. Raises ValueError as
    `group_curves` does.
    """
    overlaps = _check(lines, metric, overlap)
    parts = []
    for line, share in zip(lines, overlaps, strict=True):
        rows = _means(line, share)
        rows = rows.assign(group=line.style.words, split=line.split, record=np.arange(len(rows)))
        parts.append(rows[rows["n"] > 0])
    filled = [part for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=_TABLE)
    return in_unit(table[_TABLE], INTERVAL, UNITS[metric])


def better_sign(metric: str) -> float:
    """Give 1 where a higher value is better, else -1.

    >>> better_sign("accuracy"), better_sign("loss")
    (1.0, -1.0)
    """
    return 1.0 if metric == "accuracy" else -1.0


def check_words(metric: str, split: str) -> None:
    """Raise ValueError for a metric or a split that is not known."""
    if metric not in UNITS:
        raise ValueError(f"metric must be one of {', '.join(UNITS)}, got {metric!r}")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")


def value_words(value: float, metric: str) -> str:
    """Write a value in the unit of the axis of its metric.

    >>> value_words(12.5, "error"), value_words(0.5, "loss")
    ('12.5 %', '0.500 nats')
    """
    return f"{theme.three_significant(value)} nats" if metric == "loss" else theme.percent(value / 100)


def score_words(mean: float, low: float, high: float, n: float, metric: str) -> str:
    """Write a mean with its interval and n, in the unit of the axis; ends that no share of rows can have are cut.

    >>> score_words(98.0, 95.7, 100.3, 3, "accuracy")
    '98.0 % [95.7 %, 100.0 %], n = 3'
    """
    if UNITS[metric] == "percent":
        # NaN stays where there is no interval
        low, high = (float(np.clip(end, 0.0, 100.0)) for end in (low, high))
    return interval_words(mean, low, high, n, UNITS[metric])


def range_around(
    values: ArrayLike, ends: ArrayLike, *, floor: float = -math.inf, ceiling: float = math.inf
) -> tuple[tuple[float, float], bool]:
    """Give an axis range that holds all finite values, and whether it cuts ends of intervals.

    Ends count as far as the values reach once more: an interval of two runs would flatten everything else.

    >>> range_around([1.0, 2.0], [-9.0, 2.5])
    ((-0.1, 2.6), True)
    """
    known, reach = (np.asarray(part, dtype=np.float64).ravel() for part in (values, ends))
    known, reach = known[np.isfinite(known)], reach[np.isfinite(reach)]
    if not len(known):
        return (0.0, 1.0), False
    low, high = float(known.min()), float(known.max())
    span = high - low or 0.1 * abs(high) or 1.0
    inside = np.clip(reach, max(floor, low - span), min(ceiling, high + span))
    cut = bool((np.abs(np.clip(reach, floor, ceiling) - inside) > 1e-9 * span).any())
    low, high = min([low, *inside.tolist()]), max([high, *inside.tolist()])
    air = 0.04 * (high - low or span)
    return (round(low - air, 12), round(high + air, 12)), cut


def _check(lines: Sequence[GroupLines], metric: str, overlap: Sequence[float] | float) -> list[float]:
    """Check what is given, and give the overlap of each line."""
    check_words(metric, "train")
    for line in lines:
        check_words(metric, line.split)
        if np.ndim(line.y) != 2 or np.shape(line.x) != np.shape(line.y):
            raise ValueError(f"x and y must have the same shape (J, E), got {np.shape(line.x)} and {np.shape(line.y)}")
        if len(line.names) != len(line.y):
            raise ValueError(f"names must have one entry for each of {len(line.y)} runs, got {len(line.names)}")
    shares = [float(overlap)] * len(lines) if isinstance(overlap, (int, float)) else [float(share) for share in overlap]
    if len(shares) != len(lines):
        raise ValueError(f"overlap must have one entry for each of {len(lines)} lines, got {len(shares)}")
    if wrong := [share for share in shares if not 0 <= share < math.inf]:
        raise ValueError(f"overlap must be finite and at least 0, got {wrong[0]}")
    return shares


def _means(line: GroupLines, overlap: float) -> pd.DataFrame:
    """`mean_interval` at each of E epochs at once -> x, mean, low, high, n; an infinite value leaves no interval."""
    from scipy.special import stdtrit  # takes a third of a second to import

    x, y = np.asarray(line.x, dtype=np.float64), np.asarray(line.y, dtype=np.float64)
    there = ~np.isnan(y)
    n = there.sum(axis=0)
    finite = np.isfinite(np.where(there, y, 0.0)).all(axis=0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = np.where(there, y, 0.0).sum(axis=0) / n
        lowest = np.where(there, y, math.inf).min(axis=0, initial=math.inf)
        # Exactly, where a computed mean is off by rounding
        mean = np.where(lowest == np.where(there, y, -math.inf).max(axis=0, initial=-math.inf), lowest, mean)
        variance = (np.where(there, y - mean, 0.0) ** 2).sum(axis=0) / (n - 1)
        half = stdtrit(np.maximum(n - 1, 1), 0.975) * np.sqrt(variance * (1 / n + overlap))
        half = np.where(finite & (n > 1), half, math.nan)
        placed = there & ~np.isnan(x)
        at = np.where(placed, x, 0.0).sum(axis=0) / placed.sum(axis=0)
    return pd.DataFrame({"x": at, "mean": mean, "low": mean - half, "high": mean + half, "n": n})


def _lit_styles(lines: Sequence[GroupLines], lit: Sequence[int] | None) -> set[GroupStyle]:
    styles = list(dict.fromkeys(line.style for line in lines))
    if lit is None:
        return set(styles if len(styles) <= MOST_LIT else styles[:_FIRST_LIT])
    if wrong := [place for place in lit if not 0 <= place < len(lines)]:
        raise ValueError(f"lit must be places of the {len(lines)} lines, from 0, got {wrong[0]}")
    return {lines[place].style for place in lit}


def _curves(
    lines: Sequence[GroupLines], metric: str, overlaps: Sequence[float], lit: Collection[GroupStyle], log: tuple[bool, bool]
) -> tuple[list[_Curve], int]:
    """The curves that have something to draw, and how many means a log axis leaves out."""
    curves, left_out = [], 0
    for line, share in zip(lines, overlaps, strict=True):
        rows = in_unit(_means(line, share), INTERVAL, UNITS[metric])
        end = _common_end(line)
        mean = rows["mean"].where(np.isfinite(rows["mean"]) & rows["x"].notna() & (rows.index <= end))
        hidden = (rows["x"].le(0) if log[0] else False) | (mean.le(0) if log[1] else pd.Series(False, rows.index))
        left_out += int((hidden & mean.notna()).sum())
        rows = rows.assign(mean=mean.mask(hidden)).reset_index(drop=True)
        rows.loc[rows["mean"].isna(), ["low", "high"]] = math.nan
        x = np.asarray(line.x, dtype=np.float64)
        y = (1.0 if metric == "loss" else 100.0) * np.asarray(line.y, dtype=np.float64)
        shown = np.isfinite(y) & ~((x <= 0) & log[0]) & ~((y <= 0) & log[1])
        if rows["mean"].notna().any():
            early = not np.isnan(y[:, end + 1 :]).all()
            drawn = np.where(shown, y, np.nan)
            curves.append(_Curve(line.style, line.split, rows, x, drawn, line.names, line.style in lit, early))
    first = list(dict.fromkeys(curve.style for curve in curves if curve.lit))[:_MOST_BANDS]
    return [replace(curve, banded=curve.style in first) for curve in curves], left_out


def _common_end(line: GroupLines) -> int:
    """The last record that all runs have, those without any value aside; where none is common, where the first run ends."""
    there = ~np.isnan(line.y)
    there = there[there.any(axis=1)]
    common = np.flatnonzero(there.all(axis=0))
    if len(there) == 0 or len(common):
        return int(common[-1]) if len(common) else -1
    return min(int(np.flatnonzero(run)[-1]) for run in there)


@dataclass(frozen=True)
class _Plan:
    """Where names stand, and what is left for a panel."""

    labels: list[tuple[_Curve, str]]
    """At the lines of the last panel; none where there is a legend."""
    right: float
    """For names right of the last panel, in px."""
    width: float
    """Of a panel, in px."""

    @property
    def legend(self) -> bool:
        return not self.labels

    @classmethod
    def of(cls, curves: Sequence[_Curve], panels: Sequence[Sequence[str]], height: int, look: Look) -> "_Plan":
        size = theme.FONT_SIZE[look.projector]
        last = [curve for curve in curves if curve.split in panels[-1]]
        several = len({curve.split for curve in last}) > 1
        labels = [(c, c.words(_LABEL_LIMIT, f"; {theme.SPLIT_WORDS[c.split]}" if several else "")) for c in last]
        tall = sum(math.ceil(len(text) / 16) for _, text in labels) * 1.3 * size
        named = {curve.style for curve in last} == {curve.style for curve in curves}
        if len(labels) > MOST_LABELS or tall > 0.6 * height or not named:
            labels = []
        texts = [text for _, text in labels]
        longest = max(len(curve.words(_LEGEND_LIMIT[look.projector])) for curve in curves)
        right = label_width(texts, look) if labels else longest * frame.CHARACTER_WIDTH * size + 70
        inside = look.width - 4.5 * size - right
        return cls(labels, right, max(60.0, inside * (1 - _SPACING * (len(panels) - 1)) / len(panels)))


def _x_range(curves: Sequence[_Curve], log: bool, width: float) -> tuple[float, float]:
    x = np.concatenate([np.append(curve.rows["x"].to_numpy()[curve.rows["mean"].notna()], _drawn_x(curve)) for curve in curves])
    x = np.log10(x) if log else x
    low, high = float(x.min()), float(x.max())
    air = 8 / width * (high - low) or 0.5
    return low - air, high + air


def _drawn_x(curve: _Curve) -> NDArray[np.float64]:
    x = curve.x[np.isfinite(curve.y)] if curve.banded else np.empty(0)
    return x[np.isfinite(x)]


def _y_range(curves: Sequence[_Curve], metric: str, log: bool, singles: bool) -> tuple[tuple[float, float], bool]:
    values = np.concatenate([curve.rows["mean"].to_numpy() for curve in curves])
    if singles:
        values = np.append(values, np.concatenate([curve.y.ravel() for curve in curves if curve.banded] or [np.empty(0)]))
    ends = np.concatenate([curve.rows[["low", "high"]].to_numpy().ravel() for curve in curves if curve.banded] or [np.empty(0)])
    ceiling = math.inf if metric == "loss" else 100.0
    if not log:
        return range_around(values, ends, floor=0.0, ceiling=ceiling)
    with np.errstate(invalid="ignore", divide="ignore"):
        values, ends = np.log10(values), np.log10(np.where(ends > 0, ends, np.nan))
    return range_around(values, ends, ceiling=math.log10(ceiling))


def _draw_panel(
    figure: go.Figure,
    curves: Sequence[_Curve],
    column: int,
    *,
    metric: str,
    x_title: str,
    singles: bool,
    floor: float,
    look: Look,
) -> None:
    """Draw the curves, in order; bands and single runs lie below every mean."""
    place: dict[str, Any] = {"row": 1, "col": column}
    for curve in curves:
        if curve.banded:
            rows = curve.rows
            low = np.maximum(rows["low"], floor)
            add_band(figure, x=rows["x"], low=low, high=rows["high"], colour=curve.style.colour, look=look, **place)
            if singles and len(curve.y) > 1:
                _add_runs(figure, curve, metric, x_title, look, place)
    for curve in curves:
        _add_mean(figure, curve, metric, x_title, look, place)


def _add_runs(figure: go.Figure, curve: _Curve, metric: str, x_title: str, look: Look, place: dict[str, Any]) -> None:
    """Add the runs as thin lines."""
    unit = " nats" if metric == "loss" else " %"
    below = f"{theme.SPLIT_WORDS[curve.split]}<br>{theme.escape(x_title)}: %{{x:,.6~g}}<br>%{{y:,.3~g}}{unit}<extra></extra>"
    for name, x, y in zip(curve.names, curve.x, curve.y, strict=True):
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name="run",
            line={
                "color": curve.style.colour,
                "width": theme.LINE_WIDTH[look.projector] / 2,
                "dash": theme.SPLIT_DASHES[curve.split],
            },
            opacity=theme.SEED_OPACITY,
            # A template would expand what a title says
            text=theme.escape(name, WORDS_LIMIT),
            hovertemplate=f"%{{text}}, {below}",
            showlegend=False,
            **place,
        )


def _add_mean(figure: go.Figure, curve: _Curve, metric: str, x_title: str, look: Look, place: dict[str, Any]) -> None:
    name = f"{theme.escape(curve.style.words, WORDS_LIMIT)}, {theme.SPLIT_WORDS[curve.split]}"
    width = theme.LINE_WIDTH[look.projector]
    colour = curve.style.colour if curve.lit else grey(look)
    figure.add_scatter(
        x=curve.rows["x"],
        y=curve.rows["mean"],
        mode="lines+markers" if curve.lit or curve.rows["mean"].notna().sum() == 1 else "lines",
        name=name,
        line={"color": colour, "width": width if curve.lit else width / 2, "dash": theme.SPLIT_DASHES[curve.split]},
        marker={"symbol": curve.style.marker, "color": colour, "maxdisplayed": _MARKERS_SHOWN},
        hovertext=[
            f"{name}<br>{_place(x, x_title)}<br>{score_words(mean, low, high, n, metric)}"
            for x, mean, low, high, n in zip(*(curve.rows[column] for column in ("x", *INTERVAL, "n")))
        ],
        hoverinfo="text",
        showlegend=False,
        **place,
    )


def _add_legend(figure: go.Figure, curves: Sequence[_Curve], look: Look) -> None:
    """Name each lit group once, and all others together."""
    first = {curve.style: curve for curve in reversed(curves)}
    width = theme.LINE_WIDTH[look.projector]
    for curve in sorted(first.values(), key=curves.index):
        if curve.lit:
            figure.add_scatter(
                x=[None],
                y=[None],
                mode="lines+markers",
                name=_legend_name(curve, len(first), look),
                line={"color": curve.style.colour, "width": width},
                marker={"symbol": curve.style.marker, "color": curve.style.colour},
            )
    if any(not curve.lit for curve in curves):
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name="other groups", line={"color": grey(look), "width": width / 2}
        )


def _legend_name(curve: _Curve, count: int, look: Look) -> str:
    """Write a group on two lines where there is room for all."""
    limit, size = _LEGEND_LIMIT[look.projector], theme.FONT_SIZE[look.projector]
    if count > MOST_LABELS or look.projector:
        return theme.escape(curve.words(limit))
    # Lines break at words, so that two hold less than twice the characters
    return frame.lines(
        frame.wrapped(curve.words(round(1.7 * limit)), size, round((limit + 0.5) * frame.CHARACTER_WIDTH * size))
    )


def _end(curve: _Curve, text: str, log: tuple[bool, bool], look: Look) -> EndLabel:
    last = curve.rows.dropna(subset=["mean"]).iloc[-1]
    x, y = (math.log10(value) if scaled else float(value) for value, scaled in zip((last["x"], last["mean"]), log, strict=True))
    return EndLabel(x, y, text, curve.style.colour if curve.lit else theme.MUTED[look.dark], curve.lit)


def _axes(
    figure: go.Figure,
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    metric: str,
    x_title: str,
    log: tuple[bool, bool],
    panels: int,
    width: float,
    inside: float,
    look: Look,
) -> None:
    words = "epoch (passes over the training rows)" if x_title == "epoch" else x_title
    size = theme.FONT_SIZE[look.projector]
    most = 10.0 ** x_range[1] if log[0] else x_range[1]
    whole = x_title in ("epoch", "step") and not log[0]
    x_ticks: dict[str, Any] = {"nticks": max(3, int(width / (5 * size)))}
    if whole and most <= 4.5:
        x_ticks = {"dtick": 1}
    figure.update_xaxes(
        title_text=axis_title(words, width, look),
        type="log" if log[0] else "linear",
        range=list(x_range),
        tickformat=",d" if whole and most < 1e6 else "~s" if most >= 1e5 else ",~r",
        minor={"ticks": ""},
        showgrid=False,
        zeroline=False,
        **(_log_ticks(x_range, width, 3.5 * size) if log[0] else x_ticks),
    )
    figure.update_yaxes(
        title_text=axis_title(MEASURES[metric], inside, look),
        type="log" if log[1] else "linear",
        range=list(y_range),
        tickformat=",~r",
        minor={"ticks": ""},
        zeroline=False,
        **(_log_ticks(y_range, inside, 1.6 * size) if log[1] else {}),
    )
    # Named once, for both panels
    if panels > 1:
        figure.update_yaxes(title_text="", col=2)


def _log_ticks(ends: tuple[float, float], length: float, apart: float) -> dict[str, Any]:
    """Choose ticks of a log axis no closer than `apart` px: at 1, 2 and 5, or at powers of ten; its own if those are few."""
    pitch = length / (ends[1] - ends[0])
    decades = range(math.floor(ends[0]), math.ceil(ends[1]) + 1)
    if 0.3 * pitch >= apart:
        ticks = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    else:
        ticks = [10.0**decade for decade in decades[:: max(1, math.ceil(apart / pitch))]]
    inside = [tick for tick in ticks if ends[0] <= math.log10(tick) <= ends[1]]
    return {"tickmode": "array", "tickvals": inside} if len(inside) > 1 else {"nticks": 4}


def _title(splits: Sequence[str], metric: str, x_title: str) -> str:
    words = theme.enumerate_words([theme.SPLIT_WORDS[split] for split in splits])
    return sentence_case(f"{words} {metric} against {theme.one_line(x_title)}".lstrip())


def _subtitle(curves: Sequence[_Curve], splits: Sequence[str], left_out: int, cut: bool, singles: bool) -> str:
    n = pd.concat([curve.rows.loc[curve.rows["mean"].notna(), "n"] for curve in curves])
    several = n.max() > 1
    some = any(curve.lit and not curve.banded for curve in curves)
    bands = f"bands of the best {_MOST_BANDS} groups" if some else "bands"
    parts = [seeds_words(n, bands).replace("seeds;", "runs;").replace("one seed", "one run")]
    if singles and several:
        parts.append("thin: their single runs" if some else "thin: single runs")
    if any(curve.ends_early for curve in curves):
        parts.append("a mean ends with the first of its runs")
    if len(splits) > 1:
        parts.append(", ".join(_DASH_WORDS[split] for split in splits))
    if any(not curve.lit for curve in curves):
        parts.append("grey: other groups, named on hover")
    if cut:
        parts.append("bands are cut at the panel's edge")
    if left_out:
        parts.append(f"{theme.thousands(left_out)} {'points' if left_out > 1 else 'point'} at or below 0 left out (log axis)")
    return "; ".join(parts)


def _gap_words(lines: Sequence[GroupLines]) -> list[str]:
    """Count the runs that diverged, and those that end before others of their group."""
    diverged = sum(int(np.isinf(line.y).any(axis=1).sum()) for line in lines)
    early, absent = 0, 0
    for line in lines:
        there = ~np.isnan(line.y)
        known = np.flatnonzero(there.any(axis=0))
        if len(known):
            missing = ~there[:, known[-1]]
            early += int((missing & there.any(axis=1)).sum())
            absent += int((~there.any(axis=1)).sum())
    words = []
    if diverged:
        runs = "runs diverged, their groups have" if diverged > 1 else "run diverged, its group has"
        words.append(f"{theme.thousands(diverged)} {runs} no mean there.")
    if early:
        runs = (
            "runs end early: the means of their groups end there"
            if early > 1
            else "run ends early: the mean of its group ends there"
        )
        words.append(f"{theme.thousands(early)} {runs}.")
    if absent:
        words.append(f"{theme.thousands(absent)} {'runs have' if absent > 1 else 'run has'} no value.")
    return words


def _place(x: float, x_title: str) -> str:
    """Write a place on the x axis: "epoch 34", "12.5 seconds of training"."""
    number = theme.thousands(x) if float(x).is_integer() and abs(x) < 1e9 else theme.three_significant(x)
    return f"{x_title} {number}" if x_title in ("epoch", "step") else f"{number} {theme.escape(x_title)}"


def _at(x: float, x_title: str) -> str:
    return f"{'at' if x_title in ('epoch', 'step') else 'after'} {_place(x, x_title)}"


def _nothing(metric: str) -> str:
    return f"No {metric} is recorded yet."
