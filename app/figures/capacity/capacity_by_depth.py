"""Capacity against cost by depth: how parameters, computation and time grow, and the ratio of capacity to time.

K = depth, the number of gating bits · times = multiple of the same quantity of the dense layer, or at depth 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.depth_panels import DEPTH_AXIS
from leafscope.app.figures.shared.interval_lines import axis_title, check_columns, integer_axis, panel_height
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.theme import SCREEN, Look

Reference = Literal["dense"] | None

_COLUMNS = ["quantity", "depth", "value", "unit"]
_RATIO_COLUMNS = ["phase", "rows", "depth", "ratio"]
_GATES = "gate_multiply_adds"
_NOTHING = "Nothing is counted yet."
_NO_RATIO = "No time is measured yet."
_DENSE = "dense layer"


@dataclass(frozen=True)
class _Quantity:
    words: str
    colour: str
    """capacity, computation or time."""
    marker: str
    dash: str
    """Never those that say a split: dash and dot."""


_QUANTITIES = {
    "stored": _Quantity("parameters stored", "capacity", "circle", "solid"),
    "distinct": _Quantity("distinct after collapsing", "capacity", "square", "longdash"),
    "trained": _Quantity("trained (visited nodes)", "capacity", "diamond", "dashdot"),
    "multiply_adds": _Quantity("multiply-adds", "computation", "hexagon", "solid"),
    _GATES: _Quantity("of these, gates", "computation", "x", "longdash"),
    "touched_bytes": _Quantity("bytes touched by a step", "computation", "cross", "dashdot"),
    "training_seconds": _Quantity("time of a training step", "time", "triangle-up", "solid"),
    "inference_seconds": _Quantity("time of inference", "time", "triangle-down", "longdash"),
}

_PHASES = {
    "training": ("training", "a training step", "time"),
    "straight_through": ("straight-through", "a straight-through training step", "capacity"),
    "inference": ("inference", "inference", "computation"),
}
"""Phase -> its words at a line and in a sentence, and its colour."""

_BATCH_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
_BATCH_DASHES = ("solid", "longdash", "dashdot", "longdashdot")


def capacity_by_depth(*, lines: pd.DataFrame, reference: Reference = None, subject: str = "", look: Look = SCREEN) -> go.Figure:
    """Show how every quantity grows with depth, as multiples on one logarithmic axis; hover gives the value itself.

    `lines`: quantity (stored, distinct, trained, multiply_adds, gate_multiply_adds, touched_bytes, training_seconds,
    inference_seconds), depth, value, unit. `reference`: "dense" takes the rows without a depth as the dense layer's, and
    depth 0 where a quantity has none; None takes depth 0. Gates are multiples of all multiply-adds, whose part they are.
    Colour says capacity (blue), computation (grey) or time (orange). Raises ValueError for a missing column, an unknown
    quantity, or two values of one quantity at one depth.
    """
    table = capacity_by_depth_table(lines=lines, reference=reference)
    height = theme.MAIN_HEIGHT[look.projector]
    title = "Capacity and cost against depth"
    drawn = table[table["depth"].notna() & (table["times"] > 0)]
    if drawn.empty:
        return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
    quantities = [quantity for quantity in _QUANTITIES if quantity in set(drawn["quantity"])]
    plot = _Plot.of(drawn["depth"], [_QUANTITIES[quantity].words for quantity in quantities], look)
    for quantity in quantities:
        pen = _QUANTITIES[quantity]
        line = table[(table["quantity"] == quantity) & table["depth"].notna()]
        hover = [
            f"{pen.words}, K = {row['depth']:.0f}<br>{absolute(row['value'], row['unit'])}"
            f"<br>{times_words(row['times'])} times {_reference_words(reference)}"
            for _, row in line.iterrows()
        ]
        style = {"colour": _colour(pen.colour, look), "marker": pen.marker, "dash": pen.dash}
        plot.add(line["depth"], line["times"], pen.words, style, hover)
    return plot.finish(
        title=title,
        subject=subject,
        subtitle="; ".join(_remarks(table, reference)),
        measure=f"times {_reference_words(reference)} (log scale)",
        height=height,
    )


def capacity_by_depth_sentence(*, lines: pd.DataFrame, reference: Reference = None) -> str:
    """Say how often the stored parameters are multiplied, beside time, or computation where no time is measured.

    Plain text: escape it before it reaches Markdown.

    >>> rows = [("stored", 0, 10, ""), ("stored", 2, 70, ""), ("training_seconds", 0, 1, "s"), ("training_seconds", 2, 2, "s")]
    >>> print(capacity_by_depth_sentence(lines=pd.DataFrame(rows, columns=["quantity", "depth", "value", "unit"])))
    From depth 0 to 2 the stored parameters grow 7.00 times while a training step takes 2.00 times as long: a capacity-time \
ratio of 3.50.
    """
    table = capacity_by_depth_table(lines=lines, reference=reference)
    known = table[(table["times"] > 0) & (table["depth"] > 0)]
    times = {str(quantity): rows.set_index("depth")["times"] for quantity, rows in known.groupby("quantity")}
    if "stored" not in times:
        return "No depth above 0 is counted yet."
    stored = times["stored"]
    beside = ((quantity, stored.index.intersection(times[quantity].index)) for quantity in _BESIDE if quantity in times)
    quantity, depths = next(((quantity, shared) for quantity, shared in beside if len(shared)), ("", stored.index))
    depth = depths.max()
    start = "the dense layer" if reference == "dense" else "depth 0"
    grown = (
        f"From {start} to {'depth ' if reference == 'dense' else ''}{depth:.0f} the stored parameters {_grow(stored[depth])}"
    )
    if not quantity:
        return f"{grown}."
    form, ratio = _BESIDE[quantity]
    cost = float(times[quantity][depth])
    beside_it = form.format(times=times_words(cost), grow=_grow(cost))
    return f"{grown} while {beside_it}: {ratio} of {times_words(stored[depth] / cost)}."


def capacity_by_depth_table(*, lines: pd.DataFrame, reference: Reference = None) -> pd.DataFrame:
    """List what is drawn: quantity, depth, value, unit, times (NaN where there is nothing to compare with), depths rising.

    The dense layer's own values, without a depth, come last of their quantity.
    """
    table = check_columns(lines, _COLUMNS, "lines")
    unknown = [quantity for quantity in table["quantity"].unique() if quantity not in _QUANTITIES]
    if unknown:
        raise ValueError(f"quantity must be one of {', '.join(_QUANTITIES)}, got {unknown[0]!r}")
    table = table.assign(depth=table["depth"].astype(float), value=table["value"].astype(float))
    if reference is None:
        table = table.dropna(subset=["depth"])
    twice = table[table.duplicated(["quantity", "depth"])]
    if len(twice):
        row = twice.iloc[0]
        raise ValueError(f"a quantity must have one value at a depth, got two of {row['quantity']} at depth {row['depth']:g}")
    order = table["quantity"].map({quantity: place for place, quantity in enumerate(_QUANTITIES)})
    table = table.assign(order=order).sort_values(["order", "depth"], kind="stable", ignore_index=True).drop(columns="order")
    bases = {quantity: _base(table, quantity, reference) for quantity in _QUANTITIES}
    bases[_GATES] = bases["multiply_adds"]
    return table.assign(times=table["value"] / table["quantity"].map(bases).astype(float))


def capacity_time_ratio(*, rows: pd.DataFrame, subject: str = "", look: Look = SCREEN) -> go.Figure:
    """Show the capacity-time ratio against depth, a line for each phase and number of rows in a batch; 1 is the dense layer.

    `rows`: phase (training, straight_through, inference), rows of a batch, depth, ratio of parameters to time, each as a
    multiple of the dense layer's. Colour says the phase, marker and dash the batch. Raises ValueError for a missing column.
    """
    table = capacity_time_ratio_table(rows=rows)
    height = theme.SIDE_HEIGHT[look.projector]
    title = "Capacity-time ratio against depth"
    drawn = table[table["ratio"] > 0]
    if drawn.empty:
        return frame.empty_figure(look=look, title=title, subject=subject, why=_NO_RATIO, height=height)
    keys = list(dict.fromkeys(zip(drawn["phase"], drawn["rows"])))
    plot = _Plot.of(drawn["depth"], [_DENSE, *(_label(*key, "line") for key in keys)], look)
    batches = sorted(drawn["rows"].unique())
    for phase, batch in keys:
        line = table[(table["phase"] == phase) & (table["rows"] == batch)]
        place = batches.index(batch)
        words = _label(phase, batch, "line")
        hover = [
            f"{theme.escape(words)}, K = {depth:.0f}<br>capacity-time ratio {times_words(ratio)}"
            for depth, ratio in zip(line["depth"], line["ratio"])
        ]
        style = {
            "colour": _colour(_PHASES[phase][2] if phase in _PHASES else "computation", look),
            "marker": _BATCH_MARKERS[place % len(_BATCH_MARKERS)],
            "dash": _BATCH_DASHES[place % len(_BATCH_DASHES)],
        }
        plot.add(line["depth"], line["ratio"], words, style, hover)
    return plot.finish(
        title=title,
        subject=subject,
        subtitle="parameters over time, each as a multiple of the dense layer's",
        measure="capacity-time ratio (log scale)",
        height=height,
        label=_DENSE,
    )


def capacity_time_ratio_sentence(*, rows: pd.DataFrame) -> str:
    """Give the ratio of every phase and batch at its largest depth, and say where it is below that of the dense layer.

    Plain text: escape it before it reaches Markdown.

    >>> rows = pd.DataFrame([("training", 64, 0, 1.0), ("training", 64, 4, 20.0)], columns=["phase", "rows", "depth", "ratio"])
    >>> print(capacity_time_ratio_sentence(rows=rows))
    At depth 4 the capacity-time ratio is 20.0 for a training step of 64 rows (dense layer: 1).
    """
    table = capacity_time_ratio_table(rows=rows)
    table = table[table["ratio"] > 0]
    if table.empty:
        return _NO_RATIO
    deepest = table["depth"].max()
    parts: list[str] = []
    below: list[str] = []
    for (phase, _), line in table.groupby(["phase", "rows"], sort=False):
        words = _label(str(phase), line["rows"].iloc[0], "step")
        last = line.iloc[-1]
        early = "" if last["depth"] == deepest else f" (depth {last['depth']:.0f})"
        parts.append(f"{times_words(last['ratio'])} for {words}{early}")
        slower = [f"{depth:.0f}" for depth in line.loc[(line["ratio"] < 1) & (line["depth"] > 0), "depth"]]
        if slower:
            below.append(f"{words} (depth {theme.enumerate_words(slower)})")
    rest = f" Above depth 0 it is below that of the dense layer for {theme.enumerate_words(below)}." if below else ""
    return f"At depth {deepest:.0f} the capacity-time ratio is {theme.enumerate_words(parts)} (dense layer: 1).{rest}"


def capacity_time_ratio_table(*, rows: pd.DataFrame) -> pd.DataFrame:
    """List the ratios drawn: phase, rows, depth, ratio; phases in order of appearance, batches and depths rising."""
    table = check_columns(rows, _RATIO_COLUMNS, "rows")
    order = table.groupby("phase", sort=False).ngroup()
    table = table.assign(order=order, depth=table["depth"].astype(float), ratio=table["ratio"].astype(float))
    return table.sort_values(["order", "rows", "depth"], kind="stable", ignore_index=True).drop(columns="order")


# Logarithmic axes


def log_axis(
    values: ArrayLike, *, axis: Literal["x", "y"], length: float, look: Look, air: float = 0.0
) -> tuple[tuple[float, float], dict[str, Any]]:
    """Lay out an axis of `length` px over the positive values -> (range in log10, options for Plotly).

    `air` px stay free at both ends, at least enough for a marker. Raises ValueError where no value is above 0.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    given = given[np.isfinite(given) & (given > 0)]
    if given.size == 0:
        raise ValueError("a logarithmic axis must have a value above 0, got none")
    low, high = math.log10(given.min()), math.log10(given.max())
    if high - low < 0.3:
        middle = (low + high) / 2
        low, high = middle - 0.15, middle + 0.15
    free = min(max(air, float(theme.MARKER_SIZE[look.projector])), 0.4 * length)
    margin = free * (high - low) / (length - 2 * free)
    ends = (low - margin, high + margin)
    ticks = log_ticks(ends, axis=axis, length=length, look=look)
    return ends, {
        "type": "log",
        "range": list(ends),
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [tick_text(tick) for tick in ticks],
    }


def log_ticks(ends: tuple[float, float], *, axis: Literal["x", "y"], length: float, look: Look) -> list[float]:
    """Choose ticks between two powers of 10: 1, 2, 5, 10, ..., or only powers of ten where labels would touch.

    >>> log_ticks((-0.1, 1.1), axis="y", length=300, look=SCREEN)
    [1.0, 2.0, 5.0, 10.0]
    >>> log_ticks((-0.1, 6.1), axis="y", length=100, look=SCREEN)
    [1.0, 100.0, 10000.0, 1000000.0]
    """
    low, high = ends
    powers = range(math.floor(low), math.ceil(high) + 1)
    choices: list[tuple[Sequence[int], int]] = [((1, 2, 5), 1), *(((1,), step) for step in range(1, len(powers) + 1))]
    for leads, step in choices:
        ticks = [float(f"{lead}e{power}") for power in powers if power % step == 0 for lead in leads]
        ticks = [tick for tick in ticks if low <= math.log10(tick) <= high]
        places = [math.log10(tick) * length / (high - low) for tick in ticks]
        if all(b - a >= _room(first, second, axis, look) for a, b, first, second in zip(places, places[1:], ticks, ticks[1:])):
            return ticks
    return []


def tick_text(value: float) -> str:
    """Write a tick: whole numbers with thousands separated, others in full.

    >>> tick_text(10000.0), tick_text(0.05)
    ('10,000', '0.05')
    """
    return theme.thousands(value) if value >= 1 else f"{value:.12f}".rstrip("0")


def _room(first: float, second: float, axis: str, look: Look) -> float:
    """The px that two neighbouring ticks need between them."""
    size = theme.FONT_SIZE[look.projector]
    if axis == "y":
        return 1.6 * size
    return (len(tick_text(first)) + len(tick_text(second))) / 2 * frame.CHARACTER_WIDTH * size + 0.8 * size


# Words and numbers


def times_words(times: float) -> str:
    """Write a multiple: whole numbers from 100 on as they are, others with three significant digits.

    >>> times_words(8191.0), times_words(28.86), times_words(283.8)
    ('8,191', '28.9', '284')
    """
    return theme.thousands(times) if times >= 100 and float(times).is_integer() else theme.three_significant(times)


def absolute(value: float, unit: str) -> str:
    """Write a value in its unit, escaped: bytes in steps of 1024, seconds as a time span.

    >>> absolute(2048, "bytes"), absolute(0.004, "seconds"), absolute(1234, "parameters")
    ('2.00 KiB', '4.00 ms', '1,234 parameters')
    """
    if unit in ("bytes", "B"):
        return theme.byte_size(value)
    if unit in ("seconds", "s"):
        return theme.duration(value) if value >= 0.01 else f"{theme.three_significant(1000 * value)} ms"
    number = theme.thousands(value) if float(value).is_integer() else theme.three_significant(value)
    return f"{number} {theme.escape(unit)}".strip()


_BESIDE = {
    "training_seconds": ("a training step takes {times} times as long", "a capacity-time ratio"),
    "inference_seconds": ("inference takes {times} times as long", "a capacity-time ratio"),
    "multiply_adds": ("the multiply-adds of one example {grow}", "a capacity-computation ratio"),
}
"""What capacity is set against in the sentence, the first that there is."""


def _grow(times: float) -> str:
    if abs(times - 1) < 0.005:
        return "stay the same"
    return f"grow {times_words(times)} times" if times > 1 else f"shrink to {times_words(times)} times"


def _reference_words(reference: Reference) -> str:
    return "the dense layer" if reference == "dense" else "depth 0"


def _base(table: pd.DataFrame, quantity: str, reference: Reference) -> float:
    """The value of a quantity that counts as 1, NaN where there is none above 0."""
    rows = table[table["quantity"] == quantity]
    own = rows[rows["depth"].isna()] if reference == "dense" else rows.iloc[:0]
    values = (own if len(own) else rows[rows["depth"] == 0])["value"]
    return float(values.iloc[0]) if len(values) and values.iloc[0] > 0 else math.nan


def _remarks(table: pd.DataFrame, reference: Reference) -> list[str]:
    """What is left out of the figure, and why."""
    remarks = [] if reference == "dense" else ["depth 0 is a dense layer"]
    gates = table.loc[table["quantity"] == _GATES, "value"].dropna()
    if len(gates) and (gates == 0).all():
        remarks.append("gates reuse hidden units and cost nothing")
    rows = table.dropna(subset=["depth", "value"])
    known = rows.loc[rows["times"].notna(), "quantity"]
    alone = [_QUANTITIES[quantity].words for quantity in rows["quantity"].unique() if quantity not in set(known)]
    if alone:
        remarks.append(f"not drawn, since {_reference_words(reference)} has no value: {theme.enumerate_words(alone)}")
    return remarks


def _label(phase: str, batch: float, form: Literal["line", "step"]) -> str:
    line, step, _ = _PHASES.get(phase, (theme.one_line(phase), theme.one_line(phase), ""))
    rows = f"{theme.thousands(batch)} {'row' if batch == 1 else 'rows'}"
    return f"{line}, {rows}" if form == "line" else f"{step} of {rows}"


def _colour(what: str, look: Look) -> str:
    if what == "computation":
        return theme.NEUTRAL[look.dark]
    return theme.MODEL_COLOURS["tree" if what == "capacity" else "flat"]


@dataclass
class _Plot:
    """Lines against depth on a logarithmic axis, with their labels at the right."""

    figure: go.Figure
    look: Look
    right: float
    """For labels, in px."""
    width: float
    x_range: tuple[float, float]
    lines: list[tuple[float, float, str, str]]
    """Where each line ends, its words and its colour."""
    values: list[float]

    @classmethod
    def of(cls, depths: "pd.Series[float]", words: Sequence[str], look: Look) -> "_Plot":
        figure = go.Figure()
        right = label_width(words, look)
        width = max(120.0, look.width - right - 5.5 * theme.FONT_SIZE[look.projector])
        low, high = int(depths.min()), int(depths.max())
        x_range = integer_axis(figure, low=low, high=high, width=width, title=DEPTH_AXIS, look=look)
        return cls(figure, look, right, width, x_range, [], [1.0])

    def add(
        self,
        x: "pd.Series[float]",
        y: "pd.Series[float]",
        words: str,
        style: dict[str, str],
        hover: Sequence[str],
    ) -> None:
        """Draw a line; a logarithmic axis has no place for 0, which leaves a gap."""
        drawable = y.where(y > 0)
        self.figure.add_scatter(
            x=x,
            y=drawable,
            mode="lines+markers",
            name=theme.escape(words),
            line={"color": style["colour"], "dash": style["dash"]},
            marker={"symbol": style["marker"], "color": style["colour"]},
            hovertext=list(hover),
            hoverinfo="text",
        )
        last = drawable.last_valid_index()
        self.lines.append((float(x.loc[last]), float(drawable.loc[last]), words, style["colour"]))
        self.values += drawable.dropna().tolist()

    def finish(self, *, title: str, subject: str, subtitle: str, measure: str, height: int, label: str = "") -> go.Figure:
        """Draw the line at 1, named where `label` says how, lay out the axis, and label the lines."""
        look = self.look
        muted = theme.MUTED[look.dark]
        self.figure.add_shape(
            type="line",
            x0=0,
            x1=1,
            xref="x domain",
            y0=1,
            y1=1,
            line={"color": muted, "width": theme.LINE_WIDTH[look.projector] / 2},
            layer="below",
        )
        frame.frame(self.figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        self.figure.update_layout(margin_r=round(self.right))
        inside = panel_height(self.figure, look)
        y_range, options = log_axis(self.values, axis="y", length=inside, look=look)
        self.figure.update_yaxes(**options, title_text=axis_title(measure, inside, look))
        labels = [EndLabel(x, math.log10(y), words, colour) for x, y, words, colour in self.lines]
        if label:
            labels.append(EndLabel(self.x_range[1], 0.0, label, muted, lit=False))
        label_ends(self.figure, labels, x_range=self.x_range, y_range=y_range, width=self.width, height=inside, look=look)
        return self.figure
