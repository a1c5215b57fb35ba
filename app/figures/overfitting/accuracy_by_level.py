"""Accuracy of a trained net whose nodes deeper than level l are left out: what deeper nodes add.

K = depth, the number of gating bits · level l from 0 (the root alone) to K (the whole net) · n = seeds.
"""

from dataclasses import dataclass, field

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.figures.shared.errors import SHARES, Errors
from leafscope.app.figures.shared.interval_lines import (
    INTERVAL,
    add_band,
    axis_title,
    check_columns,
    hover_words,
    in_unit,
    integer_axis,
    panel_height,
    row_words,
    seeds_words,
    sentence_case,
    value_range,
)
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import SCREEN, Look

_SPLITS = ("test", "train")


@dataclass(frozen=True, eq=False)
class AccuracyByLevel:
    """The accuracy of trained trees of one depth by the deepest level whose nodes count.

    Raises ValueError for a missing column or a level outside 0..depth.
    """

    curves: pd.DataFrame
    """split (test or train), level, mean, low, high (shares), n."""
    depth: int
    errors: Errors = SHARES
    """What errors are measured in; of shares, the accuracy is drawn, of numbers the error."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = check_columns(self.curves, ["split", "level", *INTERVAL, "n"], "curves")
        table = table[table["split"].isin(_SPLITS)]
        outside = table[(table["level"] < 0) | (table["level"] > self.depth)]
        if len(outside):
            raise ValueError(f"levels must be from 0 to depth = {self.depth}, got {outside['level'].iloc[0]:g}")
        table = table.sort_values(["split", "level"], kind="stable", ignore_index=True)
        object.__setattr__(self, "_table", in_unit(table, INTERVAL, self.errors.unit))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw accuracy against the level, test solid and training dotted, with bands."""
        height = theme.SIDE_HEIGHT[look.projector]
        title = f"{sentence_case(self._what)} of the tree cut off at level l"
        drawn = self._table.dropna(subset=["mean"])
        if drawn.empty:
            why = f"No {self._what} by level has been measured yet."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        splits = [split for split in _SPLITS if split in set(drawn["split"])]
        right = label_width([theme.SPLIT_WORDS[split] for split in splits], look)
        width = look.width - right - 4.5 * theme.FONT_SIZE[look.projector]
        figure = go.Figure()
        x_range = integer_axis(figure, low=0, high=self.depth, width=width, title="deepest level used, l", look=look)
        y_range = value_range(drawn[INTERVAL], floor=0.0, ceiling=self.errors.ceiling)
        labels = [_add_line(figure, self._table[self._table["split"] == split], split, look) for split in splits]
        seeds = seeds_words(drawn["n"], "bands", fewest=self.errors.fewest)
        subtitle = f"depth K = {self.depth}; {seeds}; not retrained: deeper nodes are left out"
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
        figure.update_layout(margin_r=round(right))
        inside = panel_height(figure, look)
        figure.update_yaxes(
            title_text=axis_title(
                "accuracy (percent)" if self.errors.are_shares else f"error ({self.errors.axis})", inside, look
            ),
            range=list(y_range),
        )
        label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
        return figure

    def sentence(self) -> str:
        """Give the test accuracy with the root alone and with all levels; plain text.

        >>> columns = ["split", "level", "mean", "low", "high", "n"]
        >>> rows = pd.DataFrame([("test", 0, 0.5, 0.4, 0.6, 5), ("test", 2, 0.8, 0.75, 0.85, 5)], columns=columns)
        >>> print(AccuracyByLevel(rows, depth=2).sentence())
        With the root alone, test accuracy is 50.0 % [40.0 %, 60.0 %], n = 5; with all levels (K = 2), it is 80.0 % \
[75.0 %, 85.0 %], n = 5.
        """
        test = self._table[self._table["split"] == "test"].dropna(subset=["mean"])
        at = {int(row["level"]): row_words(row) for _, row in test.iterrows()}
        parts = [f"with the root alone, test {self._what} is {at[0]}"] if 0 in at and self.depth > 0 else []
        if self.depth in at:
            parts.append(f"with all levels (K = {self.depth}), {'it' if parts else f'test {self._what}'} is {at[self.depth]}")
        if not parts:
            return f"Neither the test {self._what} of the root alone nor that of all levels is known yet."
        return f"{sentence_case('; '.join(parts))}."

    @property
    def _what(self) -> str:
        return "accuracy" if self.errors.are_shares else "error"

    def table(self) -> pd.DataFrame:
        """List the accuracies drawn: split, level, mean, low, high, n, unit (percent); test first, levels rising."""
        return self._table


def _add_line(figure: go.Figure, rows: pd.DataFrame, split: str, look: Look) -> EndLabel:
    colour, word = model_style("tree", "", look)["colour"], theme.SPLIT_WORDS[split]
    add_band(figure, x=rows["level"], low=rows["low"], high=rows["high"], colour=colour, look=look)
    figure.add_scatter(
        x=rows["level"],
        y=rows["mean"],
        mode="lines+markers",
        name=word,
        line={"color": colour, "dash": theme.SPLIT_DASHES[split]},
        marker={"symbol": theme.SPLIT_MARKERS[split], "color": colour},
        hovertext=[
            f"{word}, level {level:.0f}<br>{words}" for level, words in zip(rows["level"], hover_words(rows), strict=True)
        ],
        hoverinfo="text",
    )
    last = rows.dropna(subset=["mean"]).iloc[-1]
    return EndLabel(float(last["level"]), float(last["mean"]), word, colour)
