"""Capacity-time ratio against depth: how much capacity a layer gives for its time, beside a dense layer."""

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.capacity.growth_plot import UNSTABLE, GrowthLine, colour_of, growth_plot, times_words, with_unstable
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.interval_lines import check_columns
from leafscope.app.theme import SCREEN, Look

_NOTHING = "No time is measured yet."
_PHASES = {
    "training": ("training", "a training step", "time"),
    "straight_through": ("straight-through", "a straight-through training step", "capacity"),
    "inference": ("inference", "inference", "computation"),
}
"""Phase -> its words at a line and in a sentence, and what its colour is that of."""

_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
_DASHES = ("solid", "longdash", "dashdot", "longdashdot")


@dataclass(frozen=True, eq=False)
class CapacityTimeRatio:
    """The ratio of parameters to time, each as a multiple of the dense layer's, by phase and rows of a batch.

    Raises ValueError for a missing column.
    """

    rows: pd.DataFrame
    """phase (training, straight_through, inference), rows of a batch, depth, ratio; unstable (no column: none is)."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = self.rows if "unstable" in self.rows else self.rows.assign(unstable=False)
        table = check_columns(rows, ["phase", "rows", "depth", "ratio", "unstable"], "rows")
        order = table.groupby("phase", sort=False).ngroup()
        table = table.assign(order=order, depth=table["depth"].astype(float), ratio=table["ratio"].astype(float))
        table = table.sort_values(["order", "rows", "depth"], kind="stable", ignore_index=True).drop(columns="order")
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a line for each phase and batch: colour says the phase, marker and dash the batch; 1 is the dense layer."""
        height = theme.SIDE_HEIGHT[look.projector]
        title = "Capacity-time ratio against depth"
        drawn = self._table[self._table["ratio"] > 0]
        if drawn.empty:
            return frame.empty_figure(look=look, title=title, subject=subject, why=_NOTHING, height=height)
        batches = sorted(drawn["rows"].unique())
        keys = dict.fromkeys(zip(drawn["phase"], drawn["rows"]))
        return growth_plot(
            [self._line(phase, batch, batches.index(batch), look) for phase, batch in keys],
            title=title,
            subject=subject,
            subtitle="parameters over time, each as a multiple of the dense layer's"
            + (f"; {UNSTABLE}" if drawn["unstable"].any() else ""),
            measure="capacity-time ratio (log scale)",
            height=height,
            look=look,
            label="dense layer",
        )

    def _line(self, phase: str, batch: float, place: int, look: Look) -> GrowthLine:
        rows = self._table[(self._table["phase"] == phase) & (self._table["rows"] == batch)]
        words = _label(phase, batch, "line")
        return GrowthLine(
            rows["depth"],
            rows["ratio"],
            words,
            colour=colour_of(_PHASES[phase][2] if phase in _PHASES else "computation", look),
            marker=_MARKERS[place % len(_MARKERS)],
            dash=_DASHES[place % len(_DASHES)],
            hover=[
                f"{theme.escape(words)}, K = {depth:.0f}<br>capacity-time ratio {times_words(ratio)}"
                + ("<br>unstable" if unstable else "")
                for depth, ratio, unstable in zip(rows["depth"], rows["ratio"], rows["unstable"])
            ],
            hollow=list(rows["unstable"]),
        )

    def sentence(self) -> str:
        """Give the ratio of every phase and batch at its largest depth, and say where it is below 1; plain text.

        Unstable ratios are not given.

        >>> rows = [("training", 64, 0, 1.0), ("training", 64, 4, 20.0)]
        >>> print(CapacityTimeRatio(pd.DataFrame(rows, columns=["phase", "rows", "depth", "ratio"])).sentence())
        At depth 4 the capacity-time ratio is 20.0 for a training step of 64 rows (dense layer: 1).
        """
        table = self._table[self._table["ratio"] > 0]
        if table.empty:
            return _NOTHING
        unstable = table["unstable"].astype(bool)
        if unstable.all():
            return "Every capacity-time ratio is unstable: the rounds of the measurement differed too much."
        table = table[~unstable]
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
        left_out = " Unstable ratios are left out here." if unstable.any() else ""
        ratios = f"At depth {deepest:.0f} the capacity-time ratio is {theme.enumerate_words(parts)} (dense layer: 1)."
        return f"{ratios}{rest}{left_out}"

    def table(self) -> pd.DataFrame:
        """List the ratios drawn: phase, rows, depth, ratio; phases in order of appearance, batches and depths rising.

        A column `unstable` is added if some ratios are.
        """
        return with_unstable(self._table)


def _label(phase: str, batch: float, form: Literal["line", "step"]) -> str:
    line, step, _ = _PHASES.get(phase, (theme.one_line(phase), theme.one_line(phase), ""))
    rows = f"{theme.thousands(batch)} {'row' if batch == 1 else 'rows'}"
    return f"{line}, {rows}" if form == "line" else f"{step} of {rows}"
