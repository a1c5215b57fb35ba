"""The test error of one model minus that of each rival, with intervals around zero: whom it beats, and who beats it.

K depth · n seeds · differences are paired over seeds.
"""

from dataclasses import dataclass, field

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    axis_title,
    check_columns,
    error_bars,
    in_unit,
    phrase,
    row_words,
    seeds_words,
    sentence_case,
    value_range,
)
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

_NAME = 30
"""Most characters of a rival's name on the axis."""


@dataclass(frozen=True, eq=False)
class AgainstRivals:
    """The test error of a model minus that of each rival at its own depth. Raises ValueError for a missing column."""

    differences: pd.DataFrame
    """model (the rival), depth (its own; NaN: has none), mean, low, high (of shares, or in the target's unit), n, shown."""
    first: str
    depth: int | None = None
    """Of the first model; None: it has none."""
    errors: Errors = SHARES
    """What errors are measured in."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = check_columns(self.differences, ["model", "depth", *INTERVAL, "n", "shown"], "differences")
        shown = table["shown"].eq(True) & table["mean"].notna()
        table = table.assign(shown=shown).sort_values("mean", kind="stable", ignore_index=True)
        object.__setattr__(self, "_table", in_unit(table, INTERVAL, self.errors.difference))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw a line for each rival, the one that beats the model most on top; filled where a difference is shown."""
        height = theme.MAIN_HEIGHT[look.projector]
        title = f"Test {self.errors.noun} of {phrase(self.first)} minus each rival's"
        drawn = self._table.dropna(subset=["mean"])
        if drawn.empty:
            why = "No seed has finished with a rival yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        figure = go.Figure()
        width, size = theme.LINE_WIDTH[look.projector], theme.MARKER_SIZE[look.projector]
        names = [theme.escape(_named(row), _NAME) for _, row in drawn.iterrows()]
        places = list(range(len(names)))
        figure.add_vline(x=0, line={"color": theme.MUTED[look.dark], "width": width / 2})
        for place, (_, row) in zip(places, drawn.iterrows(), strict=True):
            colour = model_style(str(row["model"]), "", look)["colour"]
            figure.add_scatter(
                x=[row["mean"]],
                y=[place],
                error_x=error_bars(([row[end]] for end in INTERVAL), colour, width, size / 2),
                mode="markers",
                name=names[place],
                showlegend=False,
                marker={
                    "symbol": "circle",
                    "size": 1.6 * size,
                    "color": colour if row["shown"] else theme.BACKGROUND[look.dark],
                    "line": {"color": colour, "width": width},
                },
                hovertext=[
                    f"{names[place]}<br>{row_words(row)}<br>"
                    f"{'a difference is shown' if row['shown'] else 'no difference shown'}"
                ],
                hoverinfo="text",
            )
        subtitle = f"{seeds_words(drawn['n'], 'bars')}; paired over seeds; filled: a difference is shown, hollow: none is"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        one = model_words(self.first)
        figure.update_xaxes(
            title_text=axis_title(f"{self.errors.difference_axis}; below 0: {one} is better", 0.6 * look.width, look),
            range=list(value_range(drawn[INTERVAL])),
            zeroline=False,
        )
        figure.update_yaxes(
            tickvals=places, ticktext=names, range=[-0.6, len(names) - 0.4], showgrid=False, zeroline=False, automargin=True
        )
        return figure

    def sentence(self) -> str:
        """Name the rivals from which a difference is shown, with intervals, and count the others; plain text.

        >>> columns = ["model", "depth", "mean", "low", "high", "n", "shown"]
        >>> rows = [("dense", float("nan"), -0.04, -0.06, -0.02, 5, True), ("flat", 2, 0.01, -0.01, 0.03, 5, False)]
        >>> print(AgainstRivals(pd.DataFrame(rows, columns=columns), first="tree", depth=4).sentence())
        The tree (K = 4) has a lower test error than dense, same multiply-adds (-4.0 points [-6.0, -2.0], n = 5); from 1 of 2 \
rivals no difference is shown.
        """
        known = self._table.dropna(subset=["mean"])
        at = "" if self.depth is None else f" (K = {self.depth})"
        if known.empty:
            return f"No seed has finished with both {phrase(self.first)} and a rival yet."
        parts = []
        for word, rows in (("lower", known[known["mean"] < 0]), ("higher", known[known["mean"] >= 0])):
            if len(shown := rows[rows["shown"]]):
                names = [f"{theme.one_line(_named(row), _NAME)} ({row_words(row)})" for _, row in shown.iterrows()]
                parts.append(f"a {word} test {self.errors.noun} than {theme.enumerate_words(names)}")
        none = int((~known["shown"]).sum())
        why = ": one seed has no interval" if (known["n"] <= 1).all() else ""
        rest = f"from {none} of {len(known)} rival{'s' * (len(known) != 1)} no difference is shown{why}"
        if not parts:
            return f"{sentence_case(phrase(self.first))}{at}: {rest}."
        return f"{sentence_case(phrase(self.first))}{at} has {' and '.join(parts)}{f'; {rest}' if none else ''}."

    def table(self) -> pd.DataFrame:
        """List the differences drawn, rising: model, depth, mean, low, high, n, shown, unit (percentage points, or none)."""
        return self._table


def _named(row: pd.Series) -> str:
    """A rival with its own depth."""
    words = model_words(str(row["model"]))
    return words if pd.isna(row["depth"]) else f"{words}, K = {row['depth']:.0f}"
