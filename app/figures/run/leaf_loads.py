"""Leaf loads in prefix order: bars up to 256 leaves, above that a heatmap of all leaves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

MAX_BARS = 256
"""More bars than this are thinner than 4 px."""

_LABEL_WIDTH = 70
"""What the vertical axis takes of the figure's width, in px."""

MAX_PATTERNED = 64
"""Bars of more leaves are too thin for dots and hatches: opacity tells the splits apart, hollow points mark unused leaves."""


def leaf_loads(
    *,
    counts_train: ArrayLike,
    counts_test: ArrayLike | None = None,
    depth: int,
    states: Sequence[str] | NDArray[np.str_] | None = None,
    subject: str = "",
    model: str = "tree",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the load of every leaf in prefix order: (L,) counts of the training and test rows.

    Up to 256 leaves are bars beside the uniform load 1/L, `customdata` the leaf; those without a training row are marked.
    More leaves are a heatmap, by the first half of the bits (down) and the others (across), of the training load only.
    Raises ValueError for counts that do not fit the depth.
    """
    train, test = _both(counts_train, counts_test, depth)
    state = frame.leaf_states(states, train)
    height = theme.MAIN_HEIGHT[look.projector]
    if train.sum() == 0 and (test is None or test.sum() == 0):
        return frame.empty_figure(look=look, title="Load of each leaf", subject=subject, height=height)
    if len(train) > MAX_BARS:
        return _all_leaves(train, depth, subject, look)

    figure = go.Figure()
    leaves = np.arange(len(train))
    colour = theme.model_colour(model, dark=look.dark)
    ink = theme.TEXT[look.dark]
    roomy = len(train) <= MAX_PATTERNED
    for name, counts in (("train", train), ("test", test)):
        if counts is None:
            continue
        split = theme.SPLIT_WORDS[name]
        shares = counts / max(1, counts.sum())
        figure.add_bar(
            x=leaves,
            y=shares,
            name=split,
            customdata=leaves,
            marker={
                "color": theme.faded(colour, 0.45) if name == "train" else colour,
                "pattern": {
                    "shape": theme.SPLIT_PATTERNS[name] if roomy else "",
                    "fillmode": "overlay",
                    "fgcolor": ink,
                    "size": 7,
                    "solidity": 0.2,
                },
                "line": {"width": 1 if roomy else 0, "color": colour},
            },
            hovertext=[
                f"{theme.bit_pattern(leaf, depth)}<br>{theme.thousands(n)} {split} rows, {theme.percent(p)}<br>"
                f"relative load {theme.three_significant(p * len(train))}<br>{theme.escape(state[leaf])}"
                for leaf, (n, p) in enumerate(zip(counts.tolist(), shares.tolist()))
            ],
            hoverinfo="text",
        )
    unused = np.flatnonzero(train == 0)
    top = max(float((n / max(1, n.sum())).max()) for n in (train, test) if n is not None)
    said = [f"{theme.bit_pattern(leaf, depth)}<br>{theme.escape(state[leaf])}" for leaf in unused.tolist()]
    if len(unused) and not roomy:
        figure.add_scatter(
            x=unused,
            y=np.full(len(unused), -0.025 * top),
            mode="markers",
            name="no training row",
            customdata=unused,
            marker={"symbol": "circle-open", "size": 4 * theme.LINE_WIDTH[look.projector] / 2, "color": theme.MUTED[look.dark]},
            hovertext=said,
            hoverinfo="text",
        )
    if len(unused) and roomy:
        figure.add_bar(
            x=unused,
            y=np.full(len(unused), 1.06 * top),
            width=1.0,
            offset=-0.5,
            name="no training row",
            customdata=unused,
            marker={
                "color": frame.UNUSED,
                "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.5), "size": 8, "solidity": 0.12},
            },
            hovertext=said,
            hoverinfo="text",
        )
    add_uniform(figure, len(train), (-0.5, len(train) - 0.5), look)
    figure.update_layout(barmode="group", bargap=0.15 if roomy else 0)
    figure.update_xaxes(title_text="leaf (sign pattern, first bit first)", range=[-0.5, len(train) - 0.5], showgrid=False)
    figure.update_yaxes(
        title_text="share of the split's rows", tickformat=".1~%", range=[0 if roomy else -0.05 * top, 1.06 * top]
    )
    frame.pattern_axis(figure, axis="x", leaves=leaves, depth=depth, length=look.width - _LABEL_WIDTH, look=look)
    return frame.frame(
        figure,
        look=look,
        title=f"Load of each of {theme.thousands(len(train))} leaves",
        subject=subject,
        subtitle=_subtitle(train, test),
        height=height,
        legend="top",
    )


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


def _subtitle(train: NDArray[np.int64], test: NDArray[np.int64] | None) -> str:
    words = [frame.rows(train.sum(), "training")]
    if test is not None:
        words.append(frame.rows(test.sum(), "test"))
    words.append(f"{theme.thousands((train == 0).sum())} of {theme.thousands(len(train))} leaves have no training row")
    return "; ".join(words)


def _all_leaves(train: NDArray[np.int64], depth: int, subject: str, look: Look) -> go.Figure:
    down = depth // 2
    across = depth - down
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
    figure.update_xaxes(title_text=f"bits {down + 1} to {depth}, read as a number", showgrid=False, zeroline=False)
    figure.update_yaxes(title_text=f"bits 1 to {down}, read as a number", autorange="reversed", showgrid=False, zeroline=False)
    return frame.frame(
        figure,
        look=look,
        title=f"Load of each of {theme.thousands(len(train))} leaves",
        subject=subject,
        subtitle=_subtitle(train, None) + " (blank)",
        height=theme.MAIN_HEIGHT[look.projector],
    )


def leaf_loads_sentence(
    *, counts_train: ArrayLike, counts_test: ArrayLike | None = None, depth: int, split: str = "training"
) -> str:
    """Say how many leaves carry 90 % of the rows and which is the fullest; with test counts, what the test rows do.

    >>> leaf_loads_sentence(counts_train=[6, 3, 1, 0], depth=2)
    '3 of 4 leaves hold training rows, 2 carry 90 % of them; the fullest, 0 0, holds 60.0 %.'
    """
    train, test = _both(counts_train, counts_test, depth)
    if train.sum() == 0:
        return f"There are no {split} rows."
    carried = np.cumsum(np.sort(train)[::-1])
    carrying = int(np.searchsorted(carried, 0.9 * train.sum() - 1e-9)) + 1
    fullest = int(train.argmax())
    verb = "carries" if carrying == 1 else "carry"
    sentence = (
        f"{theme.thousands((train > 0).sum())} of {theme.thousands(len(train))} leaves hold {split} rows, "
        f"{theme.thousands(carrying)} {verb} 90 % of them; the fullest, {theme.bit_pattern(fullest, depth)}, "
        f"holds {theme.percent(train[fullest] / train.sum())}"
    )
    if test is not None and test.sum() > 0:
        strays = int(test[train == 0].sum())
        sentence += (
            f" of them and {theme.percent(test[fullest] / test.sum())} of the test rows; "
            f"{theme.percent(strays / test.sum())} of the test rows reach a leaf without a {split} row"
        )
    return sentence + "."


def leaf_loads_table(
    *,
    counts_train: ArrayLike,
    counts_test: ArrayLike | None = None,
    depth: int,
    states: Sequence[str] | NDArray[np.str_] | None = None,
) -> pd.DataFrame:
    """List every leaf in prefix order: leaf, pattern, state, and rows, share and relative load of each split."""
    train, test = _both(counts_train, counts_test, depth)
    table = pd.DataFrame(
        {
            "leaf": np.arange(len(train)),
            "pattern": [theme.bit_pattern(leaf, depth) for leaf in range(len(train))],
            "state": frame.leaf_states(states, train),
        }
    )
    for name, counts in (("train", train), ("test", test)):
        if counts is not None:
            total = counts.sum()
            table[f"{name}_rows"] = counts
            table[f"{name}_share"] = counts / total if total else np.nan
            table[f"{name}_relative_load"] = table[f"{name}_share"] * len(train)
    return table


def _both(
    counts_train: ArrayLike, counts_test: ArrayLike | None, depth: int
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    train = frame.leaf_array(counts_train, depth, "counts_train")
    return train, None if counts_test is None else frame.leaf_array(counts_test, depth, "counts_test")
