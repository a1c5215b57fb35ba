"""Capacity against cost by depth: how parameters, computation and time grow.

K = depth, the number of gating bits · times = multiple of the same quantity of the dense layer, or at depth 0.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.capacity.growth_plot import UNSTABLE, GrowthLine, colour_of, growth_plot, times_words, with_unstable
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import check_columns
from leafscope.app.theme import SCREEN, Look

Reference = Literal["dense"] | None

_GATES = "gate_multiply_adds"


@dataclass(frozen=True)
class _Quantity:
    words: str
    colour: str
    """capacity (blue), computation (grey) or time (orange)."""
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

_BESIDE = {
    "training_seconds": ("a training step takes {times} times as long", "a capacity-time ratio"),
    "inference_seconds": ("inference takes {times} times as long", "a capacity-time ratio"),
    "multiply_adds": ("the multiply-adds of one example {grow}", "a capacity-computation ratio"),
}
"""What capacity is compared with in the sentence, the first that there is."""


@dataclass(frozen=True, eq=False)
class CapacityByDepth:
    """What a layer or a net stores, computes and takes at each depth, as multiples of what a reference does.

    Raises ValueError for a missing column, an unknown quantity, or two values of one quantity at one depth.
    """

    lines: pd.DataFrame
    """quantity (stored, distinct, trained, multiply_adds, gate_multiply_adds, touched_bytes, training_seconds,
    inference_seconds), depth, value, unit; unstable (no column: none is)."""
    reference: Reference = None
    """"dense": the rows without a depth, or depth 0 where a quantity has none; None: depth 0. Gates are multiples of all
    multiply-adds, whose part they are."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lines = self.lines if "unstable" in self.lines else self.lines.assign(unstable=False)
        table = check_columns(lines, ["quantity", "depth", "value", "unit", "unstable"], "lines")
        unknown = [quantity for quantity in table["quantity"].unique() if quantity not in _QUANTITIES]
        if unknown:
            raise ValueError(f"quantity must be one of {', '.join(_QUANTITIES)}, got {unknown[0]!r}")
        table = table.assign(depth=table["depth"].astype(float), value=table["value"].astype(float))
        if self.reference is None:
            table = table.dropna(subset=["depth"])
        twice = table[table.duplicated(["quantity", "depth"])]
        if len(twice):
            row = twice.iloc[0]
            raise ValueError(
                f"a quantity must have one value at a depth, got two of {row['quantity']} at depth {row['depth']:g}"
            )
        order = table["quantity"].map({quantity: place for place, quantity in enumerate(_QUANTITIES)})
        table = table.assign(order=order).sort_values(["order", "depth"], kind="stable", ignore_index=True)
        bases = {quantity: _base(table, quantity, self.reference) for quantity in _QUANTITIES}
        bases[_GATES] = bases["multiply_adds"]
        times = table["value"] / table["quantity"].map(bases).astype(float)
        object.__setattr__(self, "_table", table.drop(columns="order").assign(times=times))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw every quantity on one logarithmic axis of multiples; hover gives the value itself."""
        height = theme.MAIN_HEIGHT[look.projector]
        title = "Capacity and cost against depth"
        drawn = self._table[self._table["depth"].notna() & (self._table["times"] > 0)]
        if drawn.empty:
            why = "Nothing is counted yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        there = set(drawn["quantity"])
        return growth_plot(
            [self._line(quantity, look) for quantity in _QUANTITIES if quantity in there],
            title=title,
            subject=subject,
            subtitle="; ".join(self._remarks()),
            measure=f"times {self._of} (log scale)",
            height=height,
            look=look,
        )

    def sentence(self) -> str:
        """Say by how much the stored parameters grow, beside steady times, or computation where there are none; plain text.

        >>> rows = [("stored", 0, 10), ("stored", 2, 70), ("training_seconds", 0, 1), ("training_seconds", 2, 2)]
        >>> lines = pd.DataFrame(rows, columns=["quantity", "depth", "value"]).assign(unit="")
        >>> print(CapacityByDepth(lines).sentence())
        From depth 0 to 2 the stored parameters grow by a factor of 7.00 while a training step takes 2.00 times as long: a \
capacity-time ratio of 3.50.
        """
        steady = ~self._table["unstable"].astype(bool)
        known = self._table[(self._table["times"] > 0) & (self._table["depth"] > 0) & steady]
        times = {str(quantity): rows.set_index("depth")["times"] for quantity, rows in known.groupby("quantity")}
        if "stored" not in times:
            return "No depth above 0 is counted yet."
        stored = times["stored"]
        beside = ((quantity, stored.index.intersection(times[quantity].index)) for quantity in _BESIDE if quantity in times)
        quantity, depths = next(((quantity, shared) for quantity, shared in beside if len(shared)), ("", stored.index))
        depth = depths.max()
        start = "the dense layer to depth" if self.reference == "dense" else "depth 0 to"
        grown = f"From {start} {depth:.0f} the stored parameters {_grow(stored[depth])}"
        if not quantity:
            return f"{grown}."
        form, ratio = _BESIDE[quantity]
        cost = float(times[quantity][depth])
        beside_it = form.format(times=times_words(cost), grow=_grow(cost))
        return f"{grown} while {beside_it}: {ratio} of {times_words(stored[depth] / cost)}."

    def table(self) -> pd.DataFrame:
        """List what is drawn: quantity, depth, value, unit, times (NaN: nothing to compare with), depths rising.

        The dense layer's own values, without a depth, come last of their quantity. A column `unstable` is added if some are.
        """
        return with_unstable(self._table)

    @property
    def _of(self) -> str:
        """What multiples are of."""
        return "the dense layer" if self.reference == "dense" else "depth 0"

    def _line(self, quantity: str, look: Look) -> GrowthLine:
        pen = _QUANTITIES[quantity]
        rows = self._table[(self._table["quantity"] == quantity) & self._table["depth"].notna()]
        hover = [
            f"{pen.words}, K = {depth:.0f}<br>{absolute(value, unit)}<br>{times_words(times)} times {self._of}"
            + ("<br>unstable" if unstable else "")
            for depth, value, unit, times, unstable in zip(
                *(rows[name] for name in ("depth", "value", "unit", "times", "unstable"))
            )
        ]
        colour, hollow = colour_of(pen.colour, look), list(rows["unstable"])
        return GrowthLine(rows["depth"], rows["times"], pen.words, colour, pen.marker, pen.dash, hover, hollow)

    def _remarks(self) -> list[str]:
        """What is left out of the figure, and why."""
        table = self._table
        remarks = [] if self.reference == "dense" else ["depth 0 is a dense layer"]
        gates = table.loc[table["quantity"] == _GATES, "value"].dropna()
        if len(gates) and (gates == 0).all():
            remarks.append("gates reuse hidden units and cost nothing")
        rows = table.dropna(subset=["depth", "value"])
        remarks += [UNSTABLE] if rows["unstable"].any() else []
        known = set(rows.loc[rows["times"].notna(), "quantity"])
        alone = [_QUANTITIES[quantity].words for quantity in rows["quantity"].unique() if quantity not in known]
        if alone:
            remarks.append(f"not drawn, since {self._of} has no value: {theme.enumerate_words(alone)}")
        return remarks


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


def _base(table: pd.DataFrame, quantity: str, reference: Reference) -> float:
    """The value of a quantity that counts as 1, NaN where there is none above 0."""
    rows = table[table["quantity"] == quantity]
    own = rows[rows["depth"].isna()] if reference == "dense" else rows.iloc[:0]
    values = (own if len(own) else rows[rows["depth"] == 0])["value"]
    return float(values.iloc[0]) if len(values) and values.iloc[0] > 0 else math.nan


def _grow(times: float) -> str:
    if abs(times - 1) < 0.005:
        return "stay the same"
    return f"grow by a factor of {times_words(times)}" if times > 1 else f"shrink to {times_words(times)} times"
