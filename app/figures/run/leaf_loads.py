"""Leaf loads in prefix order: bars up to 256 leaves, above that a heatmap of all leaves."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.evenness import carrying

MAX_BARS = 256
"""More bars than this are thinner than 4 px."""

_LABEL_WIDTH = 70
"""What the vertical axis takes of the figure's width, in px."""

MAX_PATTERNED = 64
"""Bars of more leaves are too thin for dots and hatches: opacity tells the splits apart, hollow points mark unused leaves."""


@dataclass(frozen=True, eq=False)
class LeafLoads:
    """The load of every leaf in prefix order, of the training rows and perhaps of the test rows.

    Raises ValueError for counts that do not fit the depth.
    """

    counts_train: ArrayLike
    """(L,) training rows in each leaf, L = 2^depth."""
    depth: int
    counts_test: ArrayLike | None = None
    """(L,) test rows in each leaf."""
    model: str = "tree"
    """Sets the colour of the bars."""

    _counts: dict[str, NDArray[np.int64]] = field(init=False, repr=False)
    """Split, "train" or "test" -> (L,) rows in each leaf."""

    def __post_init__(self) -> None:
        counts = {"train": frame.leaf_array(self.counts_train, self.depth, "counts_train")}
        if self.counts_test is not None:
            counts["test"] = frame.leaf_array(self.counts_test, self.depth, "counts_test")
        object.__setattr__(self, "_counts", counts)

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the share of the rows in each leaf.

        Up to 256 leaves are bars beside the uniform load 1/L, `customdata` the leaf; those without a training row are
        marked. More leaves are a heatmap of the training load, by the first half of the bits (down) and the others (across).
        """
        height = theme.MAIN_HEIGHT[look.projector]
        if not any(n.any() for n in self._counts.values()):
            return frame.empty_figure(look=look, title="Load of each leaf", subject=subject, height=height)
        n_leaves = 1 << self.depth
        many = n_leaves > MAX_BARS
        return frame.frame(
            self._heatmap() if many else self._bars(look),
            look=look,
            title=f"Load of each of {theme.thousands(n_leaves)} leaves",
            subject=subject,
            subtitle=self._subtitle(["train"] if many else [*self._counts]) + (" (blank)" if many else ""),
            height=height,
            legend="none" if many else "top",
        )

    def sentence(self) -> str:
        """Say how many leaves hold 90 % of the rows and which is the fullest; with test counts, what the test rows do."""
        return leaf_loads_sentence(self._counts["train"], self.depth, test=self._counts.get("test"))

    def table(self) -> pd.DataFrame:
        """List every leaf in prefix order: leaf, pattern, state, and rows, share and relative load of each split."""
        n_leaves = 1 << self.depth
        table = pd.DataFrame(
            {
                "leaf": np.arange(n_leaves),
                "pattern": [theme.bit_pattern(leaf, self.depth) for leaf in range(n_leaves)],
                "state": frame.leaf_states(None, self._counts["train"]),
            }
        )
        for split, counts in self._counts.items():
            total = counts.sum()
            table[f"{split}_rows"] = counts
            table[f"{split}_share"] = counts / total if total else np.nan
            table[f"{split}_relative_load"] = table[f"{split}_share"] * n_leaves
        return table

    def _subtitle(self, splits: list[str]) -> str:
        train = self._counts["train"]
        words = [frame.rows(self._counts[split].sum(), theme.SPLIT_WORDS[split]) for split in splits]
        words.append(f"{theme.thousands((train == 0).sum())} of {theme.thousands(len(train))} leaves have no training row")
        return "; ".join(words)

    def _bars(self, look: Look) -> go.Figure:
        n_leaves = 1 << self.depth
        roomy = n_leaves <= MAX_PATTERNED
        top = max(float((n / max(1, n.sum())).max()) for n in self._counts.values())
        figure = go.Figure()
        for split in self._counts:
            self._add_bars(figure, split, roomy, look)
        self._mark_unused(figure, top, roomy, look)
        add_uniform(figure, n_leaves, (-0.5, n_leaves - 0.5), look)
        figure.update_layout(barmode="group", bargap=0.15 if roomy else 0)
        figure.update_xaxes(title_text="leaf (sign pattern, first bit first)", range=[-0.5, n_leaves - 0.5], showgrid=False)
        figure.update_yaxes(
            title_text="share of the split's rows", tickformat=".1~%", range=[0 if roomy else -0.05 * top, 1.06 * top]
        )
        length = look.width - _LABEL_WIDTH
        frame.pattern_axis(figure, axis="x", leaves=np.arange(n_leaves), depth=self.depth, length=length, look=look)
        return figure

    def _add_bars(self, figure: go.Figure, split: str, roomy: bool, look: Look) -> None:
        counts = self._counts[split]
        word = theme.SPLIT_WORDS[split]
        colour = theme.model_colour(self.model, dark=look.dark)
        shares = counts / max(1, counts.sum())
        leaves = np.arange(len(counts))
        states = frame.leaf_states(None, self._counts["train"])
        figure.add_bar(
            x=leaves,
            y=shares,
            name=word,
            customdata=leaves,
            marker={
                "color": theme.faded(colour, 0.45) if split == "train" else colour,
                "pattern": {
                    "shape": theme.SPLIT_PATTERNS[split] if roomy else "",
                    "fillmode": "overlay",
                    "fgcolor": theme.TEXT[look.dark],
                    "size": 7,
                    "solidity": 0.2,
                },
                "line": {"width": 1 if roomy else 0, "color": colour},
            },
            hovertext=[
                f"{theme.bit_pattern(leaf, self.depth)}<br>{theme.thousands(n)} {word} rows, {theme.percent(share)}<br>"
                f"relative load {theme.three_significant(share * len(counts))}<br>{state}"
                for leaf, (n, share, state) in enumerate(zip(counts.tolist(), shares.tolist(), states))
            ],
            hoverinfo="text",
        )

    def _mark_unused(self, figure: go.Figure, top: float, roomy: bool, look: Look) -> None:
        unused = np.flatnonzero(self._counts["train"] == 0)
        if not len(unused):
            return
        muted = theme.MUTED[look.dark]
        common: dict[str, Any] = {
            "x": unused,
            "name": "no training row",
            "customdata": unused,
            "hovertext": [f"{theme.bit_pattern(leaf, self.depth)}<br>unseen" for leaf in unused.tolist()],
            "hoverinfo": "text",
        }
        if roomy:
            hatch = {"shape": "/", "fgcolor": theme.faded(muted, 0.5), "size": 8, "solidity": 0.12}
            common["marker"] = {"color": frame.UNUSED, "pattern": hatch}
            figure.add_bar(y=np.full(len(unused), 1.06 * top), width=1.0, offset=-0.5, **common)
        else:
            size = 4 * theme.LINE_WIDTH[look.projector] / 2
            common["marker"] = {"symbol": "circle-open", "size": size, "color": muted}
            figure.add_scatter(y=np.full(len(unused), -0.025 * top), mode="markers", **common)

    def _heatmap(self) -> go.Figure:
        train = self._counts["train"]
        down = self.depth // 2
        across = self.depth - down
        relative = np.where(train > 0, train / max(1, train.sum()) * len(train), np.nan).reshape(1 << down, 1 << across)
        figure = go.Figure(
            go.Heatmap(
                z=relative,
                zmin=0,
                zmax=max(1.0, float(np.nanmax(relative, initial=0.0))),
                colorscale=theme.LOAD_SCALE,
                colorbar={"title": {"text": "relative load<br>(1 = uniform)"}},
                hovertemplate=f"first {down} bits: %{{y}}<br>other {across} bits: %{{x}}<br>"
                "relative load %{z:.3~g}<extra></extra>",
            )
        )
        bits = f"bits {down + 1} to {self.depth}, read as a number"
        figure.update_xaxes(title_text=bits, showgrid=False, zeroline=False)
        bits = f"bits 1 to {down}, read as a number"
        figure.update_yaxes(title_text=bits, autorange="reversed", showgrid=False, zeroline=False)
        return figure


def leaf_loads_sentence(
    counts: NDArray[np.int64], depth: int, *, test: NDArray[np.int64] | None = None, split: str = "training"
) -> str:
    """Say how many leaves hold 90 % of (L,) rows and which is the fullest; with test counts, what the test rows do.

    >>> leaf_loads_sentence(np.array([6, 3, 1, 0]), depth=2)
    '3 of 4 leaves hold training rows, 2 carry 90 % of them; the fullest, 0 0, holds 60.0 %.'
    """
    if not counts.any():
        return f"There are no {split} rows."
    needed = carrying(counts)
    fullest = int(counts.argmax())
    verb = "carries" if needed == 1 else "carry"
    sentence = (
        f"{theme.thousands((counts > 0).sum())} of {theme.thousands(len(counts))} leaves hold {split} rows, "
        f"{theme.thousands(needed)} {verb} 90 % of them; the fullest, {theme.bit_pattern(fullest, depth)}, "
        f"holds {theme.percent(counts[fullest] / counts.sum())}"
    )
    if test is not None and test.any():
        strays = int(test[counts == 0].sum())
        sentence += (
            f" of them and {theme.percent(test[fullest] / test.sum())} of the test rows; "
            f"{theme.percent(strays / test.sum())} of the test rows reach a leaf without a {split} row"
        )
    return sentence + "."


def add_uniform(figure: go.Figure, n_leaves: int, span: tuple[float, float], look: Look) -> None:
    """Draw the load that every leaf would have if all were equal, 1/L, as a thin line with a legend entry."""
    figure.add_scatter(
        x=list(span),
        y=[1 / n_leaves] * 2,
        mode="lines",
        name=f"uniform, 1/{n_leaves:,}" + (f" = {theme.percent(1 / n_leaves)}" if n_leaves <= 256 else ""),
        line={"color": theme.TEXT[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        hoverinfo="skip",
    )
