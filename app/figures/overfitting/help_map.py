"""Map of depth and width: where one model is shown to have a lower test error than another, and where nothing is shown.

A cell is one width and one depth · K = depth, the number of gating bits · differences are paired over n seeds.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.overfitting.paired_differences import difference_table, holm_words, hover, missed_words
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.depth_panels import DEPTH_AXIS
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import integer_axis, n_words, phrase, row_words, sentence_case
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.theme import SCREEN, Look
from leafscope.core.comparison.statistics import is_same_net

_BETTER = {False: "#0072B2", True: "#4FA3E0"}
_WORSE = {False: "#C2410C", True: "#F9A03F"}
_MIDDLE = {False: "#E4E7EC", True: "#23272E"}
SAME_NET = "same net"
"""What a cell says where two models are one: at depth 0 a tree is a dense net."""

_INSET = 0.46
"""Half the side of a cell's outline, in cells."""


@dataclass(frozen=True, eq=False)
class HelpMap:
    """The test error of one model minus that of another at each width and depth, paired over seeds.

    Raises ValueError for a missing column or two rows for one cell.
    """

    cells: pd.DataFrame
    """width, depth, mean, low, high (of shares), n, p_holm, shown."""
    first: str = "tree"
    second: str = "dense"
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = difference_table(self.cells, ["width", "depth"], "cells", self.errors)
        if (twice := table.duplicated(["width", "depth"])).any():
            width, depth = table.loc[twice, ["width", "depth"]].iloc[0]
            raise ValueError(f"cells must have one row for each width and depth, got two for width {width:g}, depth {depth:g}")
        object.__setattr__(self, "_table", table)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw depth across and width up: blue is lower, grey and outlined is not shown, hatched has no seed that finished.

        Nearly transparent squares carry (width, depth) as `customdata`, so that a click selects.
        """
        height = _height(self._table["width"].nunique(), look)
        name = model_words(self.first)
        title = f"Difference in test error, {phrase(self.first)} minus {phrase(self.second)}"
        drawn = self._table.dropna(subset=["mean"])
        if drawn.empty:
            why = "No seed has finished with both models yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        grid = _Grid(drawn, look, height)
        shown = drawn[drawn["shown"]]
        least = 1.0 if self.errors.are_shares else 1e-300
        most = max(least, float(shown["mean"].abs().max())) if len(shown) else 1.0
        scale: theme.Scale = [(0.0, _BETTER[look.dark]), (0.5, _MIDDLE[look.dark]), (1.0, _WORSE[look.dark])]
        figure = go.Figure()
        _add_colours(figure, grid, shown, scale, most, _bar_words(name, self.errors, look))
        _add_missing(figure, grid, look)
        _add_outlines(figure, grid, drawn[~drawn["shown"]], look)
        _add_targets(figure, grid, drawn, look)
        _add_numbers(figure, grid, drawn, scale, most, self.errors, look)
        integer_axis(figure, low=grid.depths[0], high=grid.depths[-1], width=grid.width, title=DEPTH_AXIS, look=look)
        figure.update_xaxes(range=[grid.depths[0] - 0.5, grid.depths[-1] + 0.5])
        figure.update_yaxes(
            title_text="width (units)",
            tickmode="array",
            tickvals=list(range(len(grid.widths))),
            ticktext=[theme.thousands(width) for width in grid.widths],
            range=[-0.5, len(grid.widths) - 0.5],
            showgrid=False,
            zeroline=False,
        )
        subtitle = _subtitle(drawn, grid, name)
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Count the cells where a difference is shown, either way, with the largest, and those where none is; plain text.

        >>> columns = ["width", "depth", "mean", "low", "high", "n", "p_holm", "shown"]
        >>> rows = [(8, 0, 0.0, -0.01, 0.01, 5, 1.0, False), (8, 3, -0.041, -0.06, -0.022, 5, 0.01, True)]
        >>> print(HelpMap(pd.DataFrame(rows, columns=columns)).sentence())
        The tree has a lower test error than the dense net of equal computation in 1 of 2 cells (width 8, K = 3: -4.1 points \
[-6.0, -2.2], n = 5) and a higher one in none; in the other 1 no difference is shown. With these 5 seeds, a difference of 1.6 \
points would be found in 4 of 5 cases.
        """
        known = self._table.dropna(subset=["mean"])
        one, other = phrase(self.first), phrase(self.second)
        if known.empty:
            return f"No seed has finished with both {one} and {other} yet."
        table = known[~is_same_net(known)]
        if table.empty:
            return f"At K = 0 {one} and {other} are the same net, and no larger K has finished."
        same = "" if len(table) == len(known) else "; at K = 0 both are the same net"
        count = f"{theme.thousands(len(table))} cell{'' if len(table) == 1 else 's'}"
        shown = table[table["shown"]]
        if shown.empty:
            why = "one seed has no interval" if (table["n"] <= 1).all() else n_words(table["n"])
            none = f"No difference in test error between {one} and {other} is shown in any of {count} ({why}){same}."
            return f"{none}{missed_words(table, 'cell')}"
        lower, higher = shown[shown["mean"] < 0], shown[shown["mean"] >= 0]
        left = len(table) - len(shown)
        rest = f"; in the other {theme.thousands(left)} no difference is shown" if left else ""
        return (
            f"{sentence_case(one)} has a lower test error than {other} in {_cells(lower, f' of {count}')} "
            f"and a higher one in {_cells(higher)}{rest}{same}.{missed_words(table, 'cell')}"
        )

    def table(self) -> pd.DataFrame:
        """List the cells: width, depth, mean, low, high, n, p_holm, shown, unit (percentage points), by width, then depth."""
        return self._table


class _Grid:
    """Where cells are: depths without gaps across, widths in numeric order up, and their size in px."""

    def __init__(self, drawn: pd.DataFrame, look: Look, height: int) -> None:
        self.widths = sorted(drawn["width"].unique().tolist())
        self.depths = list(range(int(drawn["depth"].min()), int(drawn["depth"].max()) + 1))
        self.row = {width: place for place, width in enumerate(self.widths)}
        size = theme.FONT_SIZE[look.projector]
        self.width = look.width - 13 * size
        self.cell_width = self.width / len(self.depths)
        self.cell_height = (height - 10 * size) / len(self.widths)
        there = set(zip(drawn["width"], drawn["depth"].astype(int)))
        self.missing = [(w, k) for w in self.widths for k in self.depths if (w, k) not in there]


def _height(widths: int, look: Look) -> int:
    """A row of cells needs little height; the main figure's is enough for all."""
    size = theme.FONT_SIZE[look.projector]
    return min(theme.MAIN_HEIGHT[look.projector], round(10 * size + 5 * size * max(1, widths)))


def _bar_words(name: str, errors: Errors, look: Look) -> list[str]:
    size = theme.FONT_SIZE[look.projector]
    unit = ["points,"] if errors.are_shares else frame.wrapped(f"{errors.axis};", size, 6 * size)
    return [*unit, "below 0:", *frame.wrapped(f"{theme.one_line(name, 24)} is better", size, 6 * size)]


def _add_colours(
    figure: go.Figure, grid: _Grid, shown: pd.DataFrame, scale: theme.Scale, most: float, words: list[str]
) -> None:
    z = np.full((len(grid.widths), len(grid.depths)), np.nan)
    for width, depth, mean in zip(shown["width"], shown["depth"], shown["mean"]):
        z[grid.row[width], int(depth) - grid.depths[0]] = mean
    figure.add_heatmap(
        z=z,
        x=grid.depths,
        y=list(range(len(grid.widths))),
        zmin=-most,
        zmax=most,
        colorscale=scale,
        colorbar={"title": {"text": frame.lines(words)}},
        showscale=len(grid.widths) > 1,  # one row has no room for it, and its cells have numbers
        xgap=max(2.0, 0.08 * grid.cell_width),
        ygap=max(2.0, 0.08 * grid.cell_height),
        hoverinfo="skip",
    )


def _add_missing(figure: go.Figure, grid: _Grid, look: Look) -> None:
    if not grid.missing:
        return
    figure.add_bar(
        x=[depth for _, depth in grid.missing],
        y=[2 * _INSET] * len(grid.missing),
        base=[grid.row[width] - _INSET for width, _ in grid.missing],
        width=2 * _INSET,
        name="not trained",
        marker={
            "color": frame.UNUSED,
            "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.5), "size": 8, "solidity": 0.12},
        },
        hovertext=[f"width {theme.thousands(width)}, K = {depth}<br>not trained" for width, depth in grid.missing],
        hoverinfo="text",
        showlegend=False,
    )
    figure.update_layout(barmode="overlay")


def _add_outlines(figure: go.Figure, grid: _Grid, rows: pd.DataFrame, look: Look) -> None:
    if rows.empty:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    for width, depth in zip(rows["width"], rows["depth"]):
        left, right, low, high = depth - _INSET, depth + _INSET, grid.row[width] - _INSET, grid.row[width] + _INSET
        x += [left, right, right, left, left, None]
        y += [low, low, high, high, low, None]
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name="no difference shown",
        line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        hoverinfo="skip",
        showlegend=False,
    )


def _add_targets(figure: go.Figure, grid: _Grid, drawn: pd.DataFrame, look: Look) -> None:
    figure.add_scatter(
        x=drawn["depth"],
        y=[grid.row[width] for width in drawn["width"]],
        mode="markers",
        name="cells",
        marker={
            "symbol": "square",
            "size": max(4.0, min(grid.cell_width, grid.cell_height) - 4),
            "color": theme.MUTED[look.dark],
        },
        **frame.CLICK_TARGET,
        customdata=[[int(width), int(depth)] for width, depth in zip(drawn["width"], drawn["depth"])],
        hovertext=[
            f"width {theme.thousands(row['width'])}, K = {row['depth']:.0f}<br>{hover(row)}" for _, row in drawn.iterrows()
        ],
        hoverinfo="text",
        showlegend=False,
    )


def _add_numbers(
    figure: go.Figure, grid: _Grid, drawn: pd.DataFrame, scale: theme.Scale, most: float, errors: Errors, look: Look
) -> None:
    """Write the differences and their intervals into their cells, where all of them fit: grey where none is shown."""
    size, width = theme.FONT_SIZE[look.projector], grid.cell_width
    same = [SAME_NET] if frame.fits(SAME_NET, width, look) else SAME_NET.split()
    is_same = is_same_net(drawn)
    means = [same if one else [errors.signed(mean)] for one, mean in zip(is_same, drawn["mean"])]
    longest = max((line for mean in means for line in mean), key=len)
    if not (frame.fits(longest, width, look) and grid.cell_height > 1.3 * size):
        return
    known = drawn[drawn["low"].notna() & drawn["high"].notna() & ~is_same]
    ends = [(f"[{errors.signed(low)},", f"{errors.signed(high)}]") for low, high in zip(known["low"], known["high"])]
    intervals: dict[Any, list[str]] = {}
    for lines, parts in ((1, [[" ".join(pair)] for pair in ends]), (2, [list(pair) for pair in ends])):
        longest = max((line for part in parts for line in part), key=len, default="")
        if frame.fits(longest, width, look) and grid.cell_height > 1.3 * (1 + lines) * size:
            intervals = dict(zip(known.index, parts))
            break
    # As annotations, since a trace's text fades when something is selected
    notes = []
    for mean, (place, row) in zip(means, drawn.iterrows()):
        ink = (
            theme.ink_on(theme.scale_colour(scale, 0.5 + 0.5 * row["mean"] / most)) if row["shown"] else theme.MUTED[look.dark]
        )
        words = frame.lines([*mean, *intervals.get(place, [])])
        notes.append(
            {"x": row["depth"], "y": grid.row[row["width"]], "text": words, "showarrow": False, "font": {"color": ink}}
        )
    frame.annotate(figure, notes)


def _subtitle(drawn: pd.DataFrame, grid: _Grid, name: str) -> str:
    alone = bool((drawn["n"] <= 1).all())
    words = ["n = 1, one seed: no interval" if alone else f"{n_words(drawn['n'])} seeds, paired"]
    if drawn["shown"].any():
        shown = drawn.loc[drawn["shown"], "mean"]
        sides = [f"blue: {name} is better"] if (shown < 0).any() else []
        sides += [f"orange: {name} is worse"] if (shown >= 0).any() else []
        words.append(", ".join(sides) + holm_words(drawn, "cell", " (5 %, {})"))
    if not drawn["shown"].all():
        none_shown = "" if drawn["shown"].any() else holm_words(drawn, "cell", " (5 %, {})")
        words.append(f"outlined: no difference shown{none_shown}")
    if grid.missing:
        words.append("hatched: not trained")
    return "; ".join(words)


def _cells(rows: pd.DataFrame, of: str = "") -> str:
    """Write how many cells there are, and the one with the largest difference."""
    if rows.empty:
        return f"none{of}"
    row = rows.iloc[int(rows["mean"].abs().to_numpy().argmax())]
    most = "most at " if len(rows) > 1 else ""
    place = f"width {theme.thousands(row['width'])}, K = {row['depth']:.0f}"
    return f"{theme.thousands(len(rows))}{of} ({most}{place}: {row_words(row)})"
