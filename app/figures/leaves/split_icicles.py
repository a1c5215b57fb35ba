"""Icicles of prefixes for the splits, side by side on one colour scale: whether new rows take the same paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.leaves.icicle import PrefixIcicle, add_load_bar, hover_lines, pieces
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.change import divergence

_GAP = 0.02
"""Between icicles, as a share of the width of all."""
_BAR_WIDTH = 130
"""What the colour bar takes, in px, with text of 14 px."""
_TITLE = "Rows at each prefix of the sign pattern, by split"


@dataclass(frozen=True, eq=False)
class SplitIcicles:
    """How the rows of each split descend the tree of prefixes, from the root down.

    Raises ValueError for a split of another name and counts that do not fit the depth.
    """

    counts: Mapping[str, ArrayLike]
    """"train", "validation" or "test" -> (L,) rows in each leaf, in the order of the icicles."""
    depth: int
    max_levels: int = 5
    """The most levels shown below the root."""

    _counts: dict[str, NDArray[np.int64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        unknown = [split for split in self.counts if split not in theme.SPLIT_WORDS]
        if unknown or not self.counts:
            got = ", ".join(map(theme.one_line, unknown)) or "none"
            raise ValueError(f"counts must hold splits of {', '.join(theme.SPLIT_WORDS)}, got {got}")
        counts = {split: frame.leaf_array(n, self.depth, f"counts of {split}") for split, n in self.counts.items()}
        object.__setattr__(self, "_counts", counts)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw an icicle for each split: equal widths, colour the share of the split's rows on the scale of all trees.

        Prefixes without a row of the split are hatched. Pieces have the id "n<node>".
        """
        height = theme.MAIN_HEIGHT[look.projector]
        if not any(n.any() for n in self._counts.values()):
            why = "No split has a row, so no prefix is reached."
            return frame.empty_figure(look=look, title=_TITLE, subject=subject, why=why, height=height)
        tables = self._tables()
        size = theme.FONT_SIZE[look.projector]
        share = (1 - _GAP * (len(tables) - 1)) / len(tables)
        width = (look.width - _BAR_WIDTH * size / theme.FONT_SIZE[False]) * share
        figure = go.Figure()
        headings = []
        for number, (split, table) in enumerate(tables.items()):
            left = number * (share + _GAP)
            words = theme.SPLIT_WORDS[split]
            trace = pieces(
                table,
                look,
                text=[_label(str(prefix), width / 2**at, look) for prefix, at in zip(table["prefix"], table["level"].tolist())],
                hovertext=[hover_lines(row, words, self.depth) for row in table.to_dict("records")],
                name=words,
                domain={"x": [left, min(1.0, left + share)], "y": [0, 1]},
            )
            figure.add_trace(trace)
            text = f"{theme.thousands(table['rows'].iloc[0])} {words} rows"
            headings.append((left + share / 2, frame.wrapped(text, size, round(width))))
        add_load_bar(figure)
        for middle, parts in headings:
            figure.add_annotation(
                x=middle,
                y=1,
                xref="paper",
                yref="paper",
                xanchor="center",
                yanchor="bottom",
                text=frame.lines(parts),
                showarrow=False,
            )
        deepest = int(next(iter(tables.values()))["level"].max())
        reading = f"levels 0 to {deepest} of {self.depth}, the first bit on top; one colour scale"
        if any((table["rows"] == 0).any() for table in tables.values()):
            reading += "; hatched: no row of the split"
        frame.frame(figure, look=look, title=_TITLE, subject=subject, subtitle=reading, height=height)
        room = (1.3 * max(len(parts) for _, parts in headings) + 0.3) * size
        figure.update_layout(margin_t=figure.layout.margin.t + round(room))
        return figure

    def sentence(self) -> str:
        """Say by how much the loads of training and test rows differ; plain text.

        >>> print(SplitIcicles({"train": [3, 1], "test": [1, 1]}, depth=1).sentence())
        Train and test loads differ by 0.0338 nats (Jensen-Shannon; 0 is equal, 0.693 disjoint).
        """
        train, test = self._counts.get("train"), self._counts.get("test")
        if train is None or test is None or not train.any() or not test.any():
            return "Train and test loads cannot be compared: one of the splits has no rows."
        differ = theme.three_significant(divergence(train, test))
        return f"Train and test loads differ by {differ} nats (Jensen-Shannon; 0 is equal, {np.log(2):.3f} disjoint)."

    def table(self) -> pd.DataFrame:
        """List the prefixes shown, breadth-first: node, prefix, level, and for each split rows and share (train_rows, ...)."""
        tables = self._tables()
        nodes = next(iter(tables.values()))[["node", "prefix", "level"]]
        columns = {f"{split}_{name}": table[name] for split, table in tables.items() for name in ("rows", "share")}
        return nodes.assign(**columns)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {split: PrefixIcicle(n, self.depth, max_levels=self.max_levels).table() for split, n in self._counts.items()}


def _label(prefix: str, room: float, look: Look) -> str:
    """The prefix, else its last bit, else nothing."""
    return next((text for text in (prefix, prefix[-1]) if frame.fits(text, room, look)), "")
