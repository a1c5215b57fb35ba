"""Sign patterns by load: bars of each leaf's share above a matrix of its bits, after UpSet plots (Lex et al. 2014)."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.run.leaf_loads import LeafLoads, add_uniform, leaf_loads_sentence
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

REST = -1
"""The leaf in the row of the table that sums all further leaves."""

_TITLE = "Sign patterns by load"


@dataclass(frozen=True, eq=False)
class SignPatterns:
    """The fullest leaves with their load and their bits.

    Raises ValueError for counts that do not fit the depth.
    """

    counts_train: ArrayLike
    """(L,) training rows in each leaf."""
    depth: int
    counts_test: ArrayLike | None = None
    """(L,) test rows in each leaf."""
    top: int = 16
    """The most leaves shown, by training load, then test load; the rest is given in words, since its sum would dwarf them."""
    model: str = "tree"
    """Says the colour."""

    _counts: dict[str, NDArray[np.int64]] = field(init=False, repr=False)
    """"train" and, where it is known, "test" -> (L,)."""

    def __post_init__(self) -> None:
        given = {"train": self.counts_train, "test": self.counts_test}
        counts = {split: frame.leaf_array(n, self.depth, f"counts_{split}") for split, n in given.items() if n is not None}
        object.__setattr__(self, "_counts", counts)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the shares above the bits, filled for 1; `customdata` is the leaf."""
        size = theme.FONT_SIZE[look.projector] + 6
        height = theme.MAIN_HEIGHT[look.projector] + max(0, self.depth - 4) * size
        table = self.table()
        if table.empty:
            return frame.empty_figure(look=look, title=_TITLE, subject=subject, height=height)
        shown, rest = table[table["leaf"] != REST], table[table["leaf"] == REST]
        lower = min(0.6, max(self.depth, 1) * size / (height - 150))
        figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[1 - lower, lower], vertical_spacing=0.03)
        for name in self._counts:
            self._add_bars(figure, shown, name, look)
        add_uniform(figure, 1 << self.depth, (-0.5, len(shown) - 0.5), look)
        _add_bits(figure, shown["leaf"].to_numpy(), self.depth, look)
        figure.update_layout(barmode="group", bargap=0.2)
        figure.update_xaxes(range=[-0.5, len(table) - 0.5], showgrid=False, zeroline=False, showticklabels=False, ticks="")
        figure.update_xaxes(title_text="leaves, the fullest first", row=2, col=1)
        for words in rest.to_dict("records"):
            figure.add_annotation(
                text=_rest(words), x=len(shown), y=0, yanchor="bottom", textangle=-90, showarrow=False, row=1, col=1
            )
        figure.update_yaxes(title_text="share of rows", tickformat=".1~%", rangemode="tozero", row=1, col=1)
        figure.update_yaxes(
            title_text="bit",
            tickmode="array",
            tickvals=list(range(self.depth)),
            ticktext=[str(bit + 1) for bit in range(self.depth)],
            range=[self.depth - 0.5, -0.5],
            showgrid=False,
            zeroline=False,
            row=2,
            col=1,
        )
        subtitle = self._subtitle()
        return frame.frame(figure, look=look, title=_TITLE, subject=subject, subtitle=subtitle, height=height, legend="top")

    def sentence(self) -> str:
        """Say how many leaves hold 90 % of the training rows, which is the fullest, and what the test rows do; plain text."""
        return leaf_loads_sentence(self._counts["train"], self.depth, test=self._counts.get("test"))

    def table(self) -> pd.DataFrame:
        """List the columns shown, fullest first: leaf, pattern, state, rows and share of each split; leaf -1 is the rest."""
        table = LeafLoads(self.counts_train, self.depth, self.counts_test).table()
        table = table.drop(columns=[name for name in table.columns if name.endswith("_relative_load")])
        rows = [f"{split}_rows" for split in self._counts]
        if "test_rows" in table:
            table.loc[(table["train_rows"] == 0) & (table["test_rows"] > 0), "state"] = "test only"
        table = table[table[rows].sum(axis=1) > 0].sort_values([*rows, "leaf"], ascending=[False] * len(rows) + [True])
        if len(table) > self.top:
            rest = table.iloc[self.top :]
            sums = rest[[name for name in table.columns if name.endswith(("_rows", "_share"))]].sum(min_count=1)
            words = {"leaf": REST, "pattern": f"{theme.thousands(len(rest))} further used leaves", "state": "together"}
            table = pd.concat([table.iloc[: self.top], pd.DataFrame([{**words, **sums}])])
            table[rows] = table[rows].astype(np.int64)
        return table.reset_index(drop=True)

    def _add_bars(self, figure: go.Figure, shown: pd.DataFrame, name: str, look: Look) -> None:
        split = theme.SPLIT_WORDS[name]
        colour = theme.model_colour(self.model, dark=look.dark)
        figure.add_bar(
            x=np.arange(len(shown)),
            y=shown[f"{name}_share"],
            name=split,
            customdata=shown["leaf"],
            marker={
                "color": theme.faded(colour, 0.45) if name == "train" else colour,
                "pattern": {
                    "shape": theme.SPLIT_PATTERNS[name],
                    "fillmode": "overlay",
                    "fgcolor": theme.TEXT[look.dark],
                    "size": 7,
                    "solidity": 0.2,
                },
                "line": {"width": 1, "color": colour},
            },
            hovertext=[
                f"{pattern}<br>{theme.thousands(n)} {split} rows, {theme.percent(share)}<br>{state}"
                for pattern, n, share, state in zip(
                    shown["pattern"], shown[f"{name}_rows"], shown[f"{name}_share"], shown["state"]
                )
            ],
            hoverinfo="text",
            row=1,
            col=1,
        )

    def _subtitle(self) -> str:
        words = [frame.rows(n.sum(), theme.SPLIT_WORDS[split]) for split, n in self._counts.items()]
        used = int(np.any([n > 0 for n in self._counts.values()], axis=0).sum())
        leaves = 1 << self.depth
        splits = theme.enumerate_words([theme.SPLIT_WORDS[split] for split in self._counts]).replace(" and ", " or ")
        words.append(f"{theme.thousands(used)} of {theme.thousands(leaves)} leaves hold {splits} rows")
        return "; ".join(words)


def _add_bits(figure: go.Figure, leaf: NDArray[np.int64], depth: int, look: Look) -> None:
    ink = theme.TEXT[look.dark]
    size = theme.MARKER_SIZE[look.projector] + 4
    for value, symbol, name in ((1, "circle", "bit 1 (above 0)"), (0, "circle-open", "bit 0")):
        place, bit = [], []
        for at, which in enumerate(leaf.tolist()):
            for j in range(depth):
                if (which >> (depth - 1 - j)) & 1 == value:
                    place.append(at)
                    bit.append(j)
        figure.add_scatter(
            x=place,
            y=bit,
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": size, "color": ink, "line": {"width": 2, "color": ink}},
            customdata=[int(leaf[at]) for at in place],
            hovertext=[f"{theme.bit_pattern(int(leaf[at]), depth)}<br>bit {j + 1} is {value}" for at, j in zip(place, bit)],
            hoverinfo="text",
            row=2,
            col=1,
        )


def _rest(row: dict[Hashable, Any]) -> str:
    shares = [
        f"{theme.SPLIT_WORDS[split]} {theme.percent(row[f'{split}_share'])}"
        for split in ("train", "test")
        if f"{split}_share" in row
    ]
    return f"{row['pattern']}:<br>{', '.join(shares)}"
