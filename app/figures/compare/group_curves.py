"""Curves of groups of runs: the mean over the runs of each group at each recorded epoch, with a band and the runs under it.

J runs of a group · E recorded epochs · n = runs that have a value at an epoch · lit = drawn in the group's colour, the rest
is grey · intervals are those of the mean over runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.compare.curve_names import SPACING, Layout, add_legend
from leafscope.app.figures.compare.group_lines import Curve, GroupLines, gap_words
from leafscope.app.figures.compare.scores import (
    MEASURES,
    SPLITS,
    UNITS,
    WORDS_LIMIT,
    better_sign,
    ceiling,
    check_words,
    nothing_words,
    range_around,
    score_words,
    value_words,
)
from leafscope.app.figures.compare.scores import title as title_of
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    add_band,
    axis_title,
    grey,
    in_unit,
    panel_height,
    seeds_words,
    sentence_case,
)
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.intervals import FEWEST

MOST_LIT = 12
"""Of more groups the first three are in colour."""

_FIRST_LIT = 3
_MOST_BANDS = 3
"""Bands and single runs of more groups would hide each other."""
_DASH_WORDS = {"test": "solid: test", "validation": "dashed: validation", "train": "dotted: training"}
_MARKERS_SHOWN = 8
_TABLE = ["group", "split", "record", "x", *INTERVAL, "n"]


@dataclass(frozen=True, eq=False)
class GroupCurves:
    """A metric of groups of runs over their training. Raises ValueError for a metric that is not known."""

    lines: Sequence[GroupLines]
    """A group on one split each, the best group first."""
    metric: str
    """loss, accuracy or error."""
    x_title: str = "epoch"
    log_x: bool = False
    log_y: bool = False
    singles: bool = True
    """Whether the runs are drawn as thin lines."""

    def __post_init__(self) -> None:
        check_words(self.metric, "train")

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the means: colour and marker say the group, dash the split, bands are 95 % t intervals.

        Training rows have a panel of their own where there is another split too. All of at most 12 groups are in colour, else
        the first three; bands and runs are drawn of the first three in colour. A mean ends at the last epoch that all runs of
        its group have. What a log axis cannot show is left out.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        curves, left_out = self._curves()
        splits = [split for split in SPLITS if any(curve.split == split for curve in curves)]
        title = self._title(splits)
        if not curves:
            why = f"No {self.metric} above 0 can be shown on a log axis." if left_out else nothing_words(self.metric)
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        panels = [["train"], splits[1:]] if splits[0] == "train" and len(splits) > 1 else [splits]
        layout = Layout.of(curves, panels, height, look)
        figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=SPACING)
        x_range = self._x_range(curves, layout.width)
        y_range, cut = self._y_range(curves)
        floor = 10.0 ** y_range[0] if self.log_y else -math.inf
        for column, panel in enumerate(panels, start=1):
            shown = sorted((curve for curve in curves if curve.split in panel), key=lambda curve: curve.lit)
            self._draw_panel(figure, shown, column, floor, look)
        if layout.legend:
            add_legend(figure, curves, look)
        frame.frame(
            figure,
            look=look,
            title=title,
            subject=subject,
            subtitle=self._subtitle(curves, splits, left_out, cut),
            height=height,
            legend="right" if layout.legend else "none",
        )
        if len(panels) > 1:
            heads = [theme.enumerate_words([theme.SPLIT_WORDS[split] for split in splits]) for splits in panels]
            frame.panel_heads(figure, heads, look)
        inside = panel_height(figure, look)
        ends: dict[str, Any] = {"x_range": x_range, "y_range": y_range, "width": layout.width, "look": look}
        self._lay_axes(figure, inside=inside, panels=len(panels), **ends)
        if not layout.legend:
            figure.update_layout(margin_r=round(layout.right))
            labels = [self._end(curve, text, look) for curve, text in layout.labels]
            label_ends(figure, labels, panel=len(panels), height=inside, **ends)
        return figure

    def sentence(self) -> str:
        """Name the group with the best mean at its end, with interval and n, and its best mean over the epochs.

        The end is the last epoch that all runs of a group have. By validation where it is given, else by the last split
        given. Plain text: escape it before it reaches Markdown.

        >>> from leafscope.app.figures.shared.group_style import GroupStyle
        >>> at, style = np.array([[0.0, 1.0, 2.0]] * 2), GroupStyle("tree, K 4", "#0072B2", "circle")
        >>> y = np.array([[2.0, 0.5, 0.75], [2.0, 0.25, 0.75]])
        >>> print(GroupCurves([GroupLines(style, "validation", at, y, ["a", "b"])], metric="loss").sentence())
        Mean validation loss of tree, K 4 at the end (epoch 2): 0.750 nats [0.750, 0.750], n = 2; lowest: 0.375 nats at epoch 1.
        """
        metric = self.metric
        if not self.lines:
            return nothing_words(metric)
        split = "validation" if any(line.split == "validation" for line in self.lines) else self.lines[-1].split
        given = [line for line in self.lines if line.split == split]
        curves = [curve for curve in (Curve.of(line, metric) for line in given) if not curve.is_empty]
        if not curves:
            return " ".join([nothing_words(metric), *gap_words(given)])
        sign = better_sign(metric)
        known = [curve.rows.dropna(subset=["mean"]) for curve in curves]
        place = int(np.argmax([sign * rows["mean"].iloc[-1] for rows in known]))
        last = known[place].iloc[-1]
        best = known[place].iloc[int(np.argmax(sign * known[place]["mean"].to_numpy()))]
        words = theme.one_line(curves[place].style.words, WORDS_LIMIT)
        extreme = "highest" if sign > 0 else "lowest"
        what = f"mean {theme.SPLIT_WORDS[split]} {title_of(metric)}"
        end = score_words(last["mean"], last["low"], last["high"], last["n"], metric)
        at = f"at the end ({self._place(last['x'])}): {end}"
        rest = ""
        if best["mean"] != last["mean"]:
            own = "" if len(curves) == 1 else "its "
            rest = f"; {own}{extreme}: {value_words(best['mean'], metric)} {self._at(best['x'])}"
        if len(curves) == 1:
            first = f"{sentence_case(what)} of {words} {at}{rest}."
        else:
            first = f"Of {len(curves)} groups, {words} has the {extreme} {what} {at}{rest}."
        return " ".join([first, *gap_words(given)])

    def table(self) -> pd.DataFrame:
        """List the means: group, split, record, x, mean, low, high, n, unit (percent, or nats for loss).

        `record` numbers the recorded epochs from 0; `x` is the mean of the runs that have a value there, n of them, also
        where others have ended. An epoch that no run has is left out; a mean with a diverged run is infinite.
        """
        parts = []
        for line in self.lines:
            rows = line.means(are_shares=UNITS[self.metric] == "percent")
            rows = rows.assign(group=line.style.words, split=line.split, record=np.arange(len(rows)))
            parts.append(rows[rows["n"] > 0])
        filled = [part for part in parts if len(part)]
        table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=_TABLE)
        return in_unit(table[_TABLE], INTERVAL, UNITS[self.metric])

    def _curves(self) -> tuple[list[Curve], int]:
        """The curves that have something to draw, and how many means a log axis leaves out."""
        styles = list(dict.fromkeys(line.style for line in self.lines))
        lit = styles if len(styles) <= MOST_LIT else styles[:_FIRST_LIT]
        curves = [Curve.of(line, self.metric, log_x=self.log_x, log_y=self.log_y) for line in self.lines]
        drawn = [curve for curve in curves if not curve.is_empty]
        banded = list(dict.fromkeys(curve.style for curve in drawn if curve.style in lit))[:_MOST_BANDS]
        drawn = [replace(curve, lit=curve.style in lit, banded=curve.style in banded) for curve in drawn]
        return drawn, sum(curve.left_out for curve in curves)

    def _x_range(self, curves: Sequence[Curve], width: float) -> tuple[float, float]:
        x = np.concatenate(
            [np.append(curve.rows["x"].to_numpy()[curve.rows["mean"].notna()], _drawn_x(curve)) for curve in curves]
        )
        x = np.log10(x) if self.log_x else x
        low, high = float(x.min()), float(x.max())
        air = 8 / width * (high - low) or 0.5
        return low - air, high + air

    def _y_range(self, curves: Sequence[Curve]) -> tuple[tuple[float, float], bool]:
        banded = [curve for curve in curves if curve.banded]
        values = np.concatenate([curve.rows["mean"].to_numpy() for curve in curves])
        if self.singles:
            values = np.concatenate([values, *(curve.y.ravel() for curve in banded)])
        ends = np.concatenate([np.empty(0), *(curve.rows[["low", "high"]].to_numpy().ravel() for curve in banded)])
        most = ceiling(self.metric)
        if not self.log_y:
            return range_around(values, ends, floor=0.0, ceiling=most)
        with np.errstate(invalid="ignore", divide="ignore"):
            values, ends = np.log10(values), np.log10(np.where(ends > 0, ends, np.nan))
        return range_around(values, ends, ceiling=math.log10(most))

    def _draw_panel(self, figure: go.Figure, curves: Sequence[Curve], column: int, floor: float, look: Look) -> None:
        """Draw the curves, in order; bands and single runs lie below every mean."""
        place = {"row": 1, "col": column}
        for curve in curves:
            if curve.banded:
                rows = curve.rows
                low = np.maximum(rows["low"], floor)
                add_band(figure, x=rows["x"], low=low, high=rows["high"], colour=curve.style.colour, look=look, **place)
                if self.singles and len(curve.y) > 1:
                    self._add_runs(figure, curve, place, look)
        for curve in curves:
            self._add_mean(figure, curve, place, look)

    def _add_runs(self, figure: go.Figure, curve: Curve, place: Mapping[str, int], look: Look) -> None:
        """Add the runs as thin lines."""
        unit = {"percent": " %"}.get(UNITS[self.metric], f" {UNITS[self.metric]}".rstrip())
        at = f"{theme.escape(self.x_title)}: %{{x:,.6~g}}"
        below = f"{theme.SPLIT_WORDS[curve.split]}<br>{at}<br>%{{y:,.3~g}}{unit}<extra></extra>"
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

    def _add_mean(self, figure: go.Figure, curve: Curve, place: Mapping[str, int], look: Look) -> None:
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
                f"{name}<br>{self._place(x)}<br>{score_words(mean, low, high, n, self.metric)}"
                for x, mean, low, high, n in zip(*(curve.rows[column] for column in ("x", *INTERVAL, "n")))
            ],
            hoverinfo="text",
            showlegend=False,
            **place,
        )

    def _end(self, curve: Curve, text: str, look: Look) -> EndLabel:
        last = curve.rows.dropna(subset=["mean"]).iloc[-1]
        x = math.log10(last["x"]) if self.log_x else float(last["x"])
        y = math.log10(last["mean"]) if self.log_y else float(last["mean"])
        return EndLabel(x, y, text, curve.style.colour if curve.lit else theme.MUTED[look.dark], curve.lit)

    def _lay_axes(
        self,
        figure: go.Figure,
        *,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        width: float,
        inside: float,
        panels: int,
        look: Look,
    ) -> None:
        words = "epoch (passes over the training rows)" if self.x_title == "epoch" else self.x_title
        size = theme.FONT_SIZE[look.projector]
        most = 10.0 ** x_range[1] if self.log_x else x_range[1]
        whole = self.x_title in ("epoch", "step") and not self.log_x
        x_ticks: dict[str, Any] = {"nticks": max(3, int(width / (5 * size)))}
        if whole and most <= 4.5:
            x_ticks = {"dtick": 1}
        figure.update_xaxes(
            title_text=axis_title(words, width, look),
            type="log" if self.log_x else "linear",
            range=list(x_range),
            tickformat=",d" if whole and most < 1e6 else "~s" if most >= 1e5 else ",~r",
            minor={"ticks": ""},
            showgrid=False,
            zeroline=False,
            **(_log_ticks(x_range, width, 3.5 * size) if self.log_x else x_ticks),
        )
        figure.update_yaxes(
            title_text=axis_title(MEASURES[self.metric], inside, look),
            type="log" if self.log_y else "linear",
            range=list(y_range),
            tickformat=",~r",
            minor={"ticks": ""},
            zeroline=False,
            **(_log_ticks(y_range, inside, 1.6 * size) if self.log_y else {}),
        )
        # Named once, for both panels
        if panels > 1:
            figure.update_yaxes(title_text="", col=2)

    def _title(self, splits: Sequence[str]) -> str:
        words = theme.enumerate_words([theme.SPLIT_WORDS[split] for split in splits])
        return sentence_case(f"{words} {title_of(self.metric)} against {theme.one_line(self.x_title)}".lstrip())

    def _subtitle(self, curves: Sequence[Curve], splits: Sequence[str], left_out: int, cut: bool) -> str:
        n = pd.concat([curve.rows.loc[curve.rows["mean"].notna(), "n"] for curve in curves])
        several = n.max() > 1
        some = any(curve.lit and not curve.banded for curve in curves)
        bands = f"bands of the best {_MOST_BANDS} groups" if some else "bands"
        fewest = FEWEST if UNITS[self.metric] == "percent" else 2
        parts = [seeds_words(n, bands, fewest=fewest).replace("seeds", "runs").replace("one seed", "one run")]
        if self.singles and several:
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
            points = "points" if left_out > 1 else "point"
            parts.append(f"{theme.thousands(left_out)} {points} at or below 0 left out (log axis)")
        return "; ".join(parts)

    def _place(self, x: float) -> str:
        """Write a place on the x axis: "epoch 34", "12.5 seconds of training"."""
        number = theme.thousands(x) if float(x).is_integer() and abs(x) < 1e9 else theme.three_significant(x)
        if self.x_title in ("epoch", "step"):
            return f"{self.x_title} {number}"
        return f"{number} {theme.escape(self.x_title)}"

    def _at(self, x: float) -> str:
        return f"{'at' if self.x_title in ('epoch', 'step') else 'after'} {self._place(x)}"


def _drawn_x(curve: Curve) -> NDArray[np.float64]:
    x = curve.x[np.isfinite(curve.y)] if curve.banded else np.empty(0)
    return x[np.isfinite(x)]


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
