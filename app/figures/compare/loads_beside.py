"""The loads of the leaves of several runs at one scale: a strip a run, cut in the leaves of the run.

L = 2^K leaves · p = n / sum n load · leaves are in order of their patterns.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.compare.beside import HOVER_LIMIT, LEAST_ROWS, NO_RUNS, labels
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.evenness import LeafBalance, balance

MOST_RUNS = 12
"""Strips of more runs are too low for their labels."""
MOST_COLUMNS = 512
"""More leaves than this are summed, since a strip has not many more px."""

_HALF = 0.36
"""Half the height of a strip, in rows."""
_HEADINGS = (("effective", "leaves"), ("Gini",), ("unused",))
_ROOM = (7.4, 3.4, 4.6)
"""Widths of the columns of numbers, in units of the font size."""


@dataclass(frozen=True, eq=False)
class LoadsBeside:
    """The loads of the leaves of several runs. Raises ValueError for lists of another length and counts that are not (L,)."""

    names: Sequence[str]
    counts: Sequence[ArrayLike]
    """(L,) rows in each leaf of each run, L a power of 2."""
    split: str = "training"
    """Whose rows these are."""

    _loads: list[NDArray[np.int64]] = field(init=False, repr=False)
    _stats: list[LeafBalance] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.counts):
            raise ValueError(f"names must have one entry for each of the {len(self.counts)} runs, got {len(self.names)}")
        loads = [frame.leaf_array(n, _depth(n), f"counts of run {run}") for run, n in enumerate(self.counts)]
        object.__setattr__(self, "_loads", loads)
        object.__setattr__(self, "_stats", [balance(n) for n in loads])

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the share of the rows in each leaf, a strip a run, all at one colour scale.

        Beside a strip are its effective leaves, Gini coefficient and share of unused leaves. Unused leaves are hatched. Of more
        than 512 leaves, neighbours are drawn as one, with their sum. `customdata` is [run, first leaf]. At most 12 runs are
        drawn.
        """
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"Share of the {self._rows} in each leaf, runs side by side"
        if not any(n.any() for n in self._loads):
            why = f"There are no {self._rows}, so no leaf is used." if self._loads else NO_RUNS
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        size = theme.FONT_SIZE[look.projector]
        columns = [_binned(n) for n in self._loads[:MOST_RUNS]]
        count = len(columns)
        most = max(float(shares.max(initial=0.0)) for shares in columns)
        figure = go.Figure()
        for run, shares in enumerate(columns):
            self._add_strip(figure, run, shares, look)
        cut = labels(self.names[:count], look)
        plot = look.width - (max(map(len, cut)) * frame.CHARACTER_WIDTH + 2) * size - 24
        end = 1 - sum(_ROOM) * size / plot
        frame.frame(figure, look=look, title=title, subject=subject, height=height, subtitle=self._subtitle(columns))
        figure.update_layout(
            barmode="overlay",
            margin_t=figure.layout.margin.t + round(2.7 * size),
            coloraxis={
                "cmin": 0,
                "cmax": most,
                "colorscale": theme.LOAD_SCALE,
                "colorbar": {
                    "orientation": "h",
                    "x": 0,
                    "xanchor": "left",
                    "y": 0,
                    "yanchor": "top",
                    "ypad": round(0.6 * size),
                    "len": end,
                    "thickness": round(0.8 * size),
                    "title": {"text": "share of the run's rows in a leaf", "side": "top"},
                    "tickformat": ".1~%",
                    "nticks": max(3, int(end * plot / (5 * size))),
                },
            },
        )
        figure.update_xaxes(domain=[0, end], range=[0, 1], visible=False)
        figure.update_yaxes(
            tickmode="array",
            tickvals=list(range(count)),
            ticktext=[theme.escape(label) for label in cut],
            range=[max(count, LEAST_ROWS) - 0.5, -0.5],
            ticks="",
            ticklabelstandoff=size // 3,
            showline=False,
            showgrid=False,
            zeroline=False,
        )
        self._write_stats(figure, count, end, plot, look)
        return figure

    def sentence(self) -> str:
        """Say which run has the most effective leaves, and which the fewest, with the share of leaves that are unused.

        Plain text: escape it before it reaches Markdown.

        >>> print(LoadsBeside(["even", "uneven"], [[4, 4, 4, 4], [9, 1, 0, 0]]).sentence())
        Of 2 runs, even has the most effective leaves for the training rows (4.00 of 4, 0.0 % unused) and uneven the fewest \
(1.38 of 4, 50.0 % unused).
        """
        where = f"for the {self._rows}"
        effective = [one.effective_leaves for one in self._stats]
        known = [run for run, number in enumerate(effective) if math.isfinite(number)]
        if not known:
            return f"There are no {self._rows}." if self._loads else NO_RUNS
        if len(known) == 1:
            return f"Effective leaves are known of one run only {where}: {self._name(known[0])} ({self._words(known[0])})."
        known.sort(key=lambda run: -effective[run])
        first, last = known[0], known[-1]
        runs = theme.thousands(len(known))
        if effective[first] == effective[last]:
            return f"All {runs} runs have the same effective leaves {where}: {self._words(first)}."
        most = f"{self._name(first)} has the most effective leaves {where} ({self._words(first)})"
        return f"Of {runs} runs, {most} and {self._name(last)} the fewest ({self._words(last)})."

    def table(self) -> pd.DataFrame:
        """List every leaf of every run, not summed: name, leaf, pattern, rows, share (NaN where the run has no row)."""
        parts = [
            pd.DataFrame(
                {
                    "name": str(name),
                    "leaf": np.arange(len(n)),
                    "pattern": [theme.bit_pattern(leaf, _depth(n)) for leaf in range(len(n))],
                    "rows": n,
                    "share": n / n.sum() if n.any() else np.full(len(n), np.nan),
                }
            )
            for n, name in zip(self._loads, self.names)
        ]
        empty = pd.DataFrame({"name": [], "leaf": [], "pattern": [], "rows": [], "share": []})
        return pd.concat(parts, ignore_index=True) if parts else empty

    @property
    def _rows(self) -> str:
        return f"{theme.one_line(self.split, 40)} rows"

    def _name(self, run: int) -> str:
        return theme.one_line(self.names[run], HOVER_LIMIT)

    def _words(self, run: int) -> str:
        effective, _, unused = self._stat_words(run)
        return f"{effective}, {unused} unused"

    def _stat_words(self, run: int) -> tuple[str, str, str]:
        one = self._stats[run]
        effective = theme.three_significant(one.effective_leaves)
        if math.isfinite(one.effective_leaves):
            effective += f" of {theme.thousands(len(self._loads[run]))}"
        gini = f"{one.gini:.2f}" if math.isfinite(one.gini) else theme.MISSING
        return effective, gini, theme.percent(one.dead_fraction)

    def _add_strip(self, figure: go.Figure, run: int, shares: NDArray[np.float64], look: Look) -> None:
        n = self._loads[run]
        count, depth = len(shares), _depth(n)
        each = len(n) // count
        edges = np.arange(count + 1) / count
        used = shares > 0
        rows = n.reshape(count, each).sum(1)
        who, split = theme.escape(self.names[run], HOVER_LIMIT), theme.escape(self.split, 40)
        said = [
            f"{who}<br>{_leaf_words(at * each, (at + 1) * each, depth)}<br>{theme.thousands(rows[at])} "
            f"{split} rows, {theme.percent(shares[at])}<br>relative load "
            f"{theme.three_significant(shares[at] * count)}"
            for at in range(count)
        ]
        figure.add_heatmap(
            x=edges,
            y=[run - _HALF, run + _HALF],
            z=[np.where(used, shares, np.nan)],
            coloraxis="coloraxis",
            xgap=1 if count <= 64 else 0,
            customdata=[[[run, at * each] for at in range(count)]],
            hovertext=[said],
            hoverinfo="text",
            hoverongaps=False,
            name=who,
        )
        stretches = _stretches(~used)
        if stretches:
            hatch = theme.faded(theme.MUTED[look.dark], 0.6)
            figure.add_bar(
                x=[(first + end) / 2 / count for first, end in stretches],
                width=[(end - first) / count for first, end in stretches],
                y=[2 * _HALF] * len(stretches),
                base=run - _HALF,
                name="no row",
                customdata=[[run, first * each] for first, _ in stretches],
                marker={
                    "color": frame.UNUSED,
                    "pattern": {"shape": "/", "fgcolor": hatch, "size": 8, "solidity": 0.12},
                    "line": {"width": 1, "color": hatch} if count <= 64 else {"width": 0},
                },
                hovertext=[
                    f"{who}<br>{_leaf_words(first * each, end * each, depth)}<br>no {split} row" for first, end in stretches
                ],
                hoverinfo="text",
                showlegend=False,
            )
        line = {"width": 1, "color": theme.MUTED[look.dark]}
        figure.add_shape(type="rect", x0=0, x1=1, y0=run - _HALF, y1=run + _HALF, line=line)

    def _write_stats(self, figure: go.Figure, count: int, end: float, plot: float, look: Look) -> None:
        size = theme.FONT_SIZE[look.projector]
        muted = {"color": theme.MUTED[look.dark]}
        at = end
        notes: list[dict[str, Any]] = []
        for place, (heading, room) in enumerate(zip(_HEADINGS, _ROOM)):
            at += room * size / plot
            shared: dict[str, Any] = {"x": min(at, 1.0), "xref": "paper", "xanchor": "right", "showarrow": False}
            shared["align"] = "right"
            notes.append(shared | {"text": "<br>".join(heading), "y": 1, "yref": "paper", "yanchor": "bottom", "font": muted})
            notes += [shared | {"text": self._stat_words(run)[place], "y": run, "yanchor": "middle"} for run in range(count)]
        frame.annotate(figure, notes)

    def _subtitle(self, columns: Sequence[NDArray[np.float64]]) -> str:
        shown = self._loads[: len(columns)]
        totals = sorted({int(n.sum()) for n in shown})
        between = " to ".join(dict.fromkeys(theme.thousands(total) for total in (totals[0], totals[-1])))
        words = [f"n = {between} {self._rows}{' a run' if len(shown) > 1 else ''}", "leaves in order of their patterns"]
        if any((shares == 0).any() for shares in columns):
            words.append("hatched: no row")
        if any(len(n) > MOST_COLUMNS for n in shown):
            words.append(f"of more than {MOST_COLUMNS} leaves, neighbours are summed")
        if len(self._loads) > len(shown):
            words.append(f"the first {len(shown)} of {theme.thousands(len(self._loads))} runs")
        return "; ".join(words)


def _depth(n: ArrayLike) -> int:
    """Give the depth that has so many leaves, rounded up."""
    return max(0, np.size(n) - 1).bit_length()


def _binned(n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the shares of the leaves, neighbours summed until there are at most 512; all 0 without a row."""
    shares = n / max(1, n.sum())
    return shares if len(n) <= MOST_COLUMNS else shares.reshape(MOST_COLUMNS, -1).sum(1)


def _stretches(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give where runs of True begin and end, the end excluded."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in zip(steps[::2], steps[1::2])]


def _leaf_words(first: int, end: int, depth: int) -> str:
    """Name a leaf, or a stretch of leaves by its first and last one."""
    if end - first == 1:
        return f"leaf {theme.bit_pattern(first, depth)}"
    return f"{theme.thousands(end - first)} leaves, {theme.bit_pattern(first, depth)} to {theme.bit_pattern(end - 1, depth)}"
