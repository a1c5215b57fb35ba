"""Sign patterns by load: bars of each leaf's share above a matrix of its bits, after UpSet plots (Lex et al. 2014)."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.run.leaf_loads import add_uniform, leaf_loads_sentence, leaf_loads_table
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

REST = -1
"""Stands for the leaf in the row of the table that sums all further leaves."""


def sign_patterns(
    *,
    counts_train: ArrayLike,
    counts_test: ArrayLike | None = None,
    depth: int,
    top: int = 16,
    subject: str = "",
    model: str = "tree",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the fullest leaves, their load and their bits: (L,) counts of the training and test rows.

    The `top` fullest used leaves by training load (by test load where there are no training rows); the rest is given in
    words, since its sum would dwarf them. `customdata` is the leaf. Raises ValueError for counts that do not fit the depth.
    """
    height = theme.MAIN_HEIGHT[look.projector] + max(0, depth - 4) * (theme.FONT_SIZE[look.projector] + 6)
    table = sign_patterns_table(counts_train=counts_train, counts_test=counts_test, depth=depth, top=top)
    if table.empty:
        return frame.empty_figure(look=look, title="Sign patterns by load", subject=subject, height=height)
    shown, rest = table[table["leaf"] != REST], table[table["leaf"] == REST]
    n_leaves = 1 << depth
    columns = len(shown) + len(rest)
    place = np.arange(len(shown))
    leaf = shown["leaf"].to_numpy()
    matrix = max(depth, 1) * (theme.FONT_SIZE[look.projector] + 6)
    lower = min(0.6, matrix / (height - 150))
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[1 - lower, lower], vertical_spacing=0.03)
    colour = theme.model_colour(model, dark=look.dark)
    for name in ("train", "test"):
        if f"{name}_share" not in shown:
            continue
        split = theme.SPLIT_WORDS[name]
        figure.add_bar(
            x=place,
            y=shown[f"{name}_share"],
            name=split,
            customdata=leaf,
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
    add_uniform(figure, n_leaves, (-0.5, len(shown) - 0.5), look)
    _add_bits(figure, leaf, depth, look)
    figure.update_layout(barmode="group", bargap=0.2)
    figure.update_xaxes(range=[-0.5, columns - 0.5], showgrid=False, zeroline=False, showticklabels=False, ticks="")
    figure.update_xaxes(title_text="leaves, the fullest first", row=2, col=1)
    for words in rest.to_dict("records"):
        figure.add_annotation(
            text=_rest(words), x=len(shown), y=0, yanchor="bottom", textangle=-90, showarrow=False, row=1, col=1
        )
    figure.update_yaxes(title_text="share of rows", tickformat=".1~%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(
        title_text="bit",
        tickmode="array",
        tickvals=list(range(depth)),
        ticktext=[str(bit + 1) for bit in range(depth)],
        range=[depth - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        row=2,
        col=1,
    )
    return frame.frame(
        figure,
        look=look,
        title="Sign patterns by load",
        subject=subject,
        subtitle=_subtitle(counts_train, counts_test, depth),
        height=height,
        legend="top",
    )


def _add_bits(figure: go.Figure, leaf: np.ndarray, depth: int, look: Look) -> None:
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


def _subtitle(counts_train: ArrayLike, counts_test: ArrayLike | None, depth: int) -> str:
    words = [frame.rows(np.sum(counts_train), "training")]
    used = np.asarray(counts_train) > 0
    if counts_test is not None:
        words.append(frame.rows(np.sum(counts_test), "test"))
        used = used | (np.asarray(counts_test) > 0)
    leaves = 1 << depth
    words.append(
        f"{theme.thousands(used.sum())} of {theme.thousands(leaves)} leaves used, {theme.thousands((~used).sum())} not"
    )
    return "; ".join(words)


def sign_patterns_sentence(*, counts_train: ArrayLike, counts_test: ArrayLike | None = None, depth: int) -> str:
    """Say how many leaves carry 90 % of the training rows, which is the fullest, and what the test rows do."""
    return leaf_loads_sentence(counts_train=counts_train, counts_test=counts_test, depth=depth)


def sign_patterns_table(
    *, counts_train: ArrayLike, counts_test: ArrayLike | None = None, depth: int, top: int = 16
) -> pd.DataFrame:
    """List the columns shown, fullest first: leaf, pattern, state, and rows and share of each split; leaf -1 is the rest."""
    table = leaf_loads_table(counts_train=counts_train, counts_test=counts_test, depth=depth)
    table = table.drop(columns=[name for name in table.columns if name.endswith("_relative_load")])
    rows = [name for name in ("train_rows", "test_rows") if name in table]
    if "test_rows" in table:
        table.loc[(table["train_rows"] == 0) & (table["test_rows"] > 0), "state"] = "test only"
    table = table[table[rows].sum(axis=1) > 0].sort_values([*rows, "leaf"], ascending=[False] * len(rows) + [True])
    if len(table) > top:
        rest = table.iloc[top:]
        sums = rest[[name for name in table.columns if name.endswith(("_rows", "_share"))]].sum(min_count=1)
        words = {"leaf": REST, "pattern": f"{theme.thousands(len(rest))} further used leaves", "state": "together"}
        table = pd.concat([table.iloc[:top], pd.DataFrame([{**words, **sums}])])
        table[rows] = table[rows].astype(np.int64)
    return table.reset_index(drop=True)
