"""The classes of one leaf as bars, beside those of the whole split."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look

_LABEL_WIDTH = 70
"""What the vertical axis takes of the figure's width, in px."""

_NAME_LIMIT = 24


def class_mix(
    *,
    class_counts_of_leaf: ArrayLike,
    class_names: Sequence[str],
    class_counts_of_split: ArrayLike | None = None,
    pattern: str = "",
    split: str = "test",
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a leaf's classes: (C,) counts in the leaf and, for comparison, (C,) in the whole split as thin marks.

    `pattern` names the leaf ("1 0 1 1"). Raises ValueError for counts that do not fit the names.
    """
    table = class_mix_table(
        class_counts_of_leaf=class_counts_of_leaf, class_names=class_names, class_counts_of_split=class_counts_of_split
    )
    title = f"Classes in leaf {pattern}" if pattern else "Classes in the leaf"
    height = theme.SIDE_HEIGHT[look.projector]
    n = int(table["rows"].sum())
    if n == 0:
        why = f"No {split} row reaches this leaf."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    place = list(range(len(table)))
    ink = theme.TEXT[look.dark]
    labels = [f"{theme.thousands(rows)} ({theme.percent(share)})" for rows, share in zip(table["rows"], table["share"])]
    hover = [
        f"{theme.escape(name)}<br>{label} of the leaf's {theme.escape(split)} rows" for name, label in zip(class_names, labels)
    ]
    pitch = (height - 140) / len(place)
    step = max(1, int(np.ceil(1.05 * theme.FONT_SIZE[look.projector] / pitch)))
    figure = go.Figure(
        go.Bar(
            x=table["share"],
            y=place,
            orientation="h",
            name="this leaf",
            customdata=place,
            marker={"color": [theme.class_colour(c) for c in place]},
            hovertext=hover,
            hoverinfo="text",
            showlegend=False,
        )
    )
    most = float(table["share"].max())
    if "split_share" in table:
        most = max(most, float(table["split_share"].max()))
        figure.add_scatter(
            x=table["split_share"],
            y=place,
            mode="markers",
            name=f"all {split} rows",
            marker={
                "symbol": "line-ns-open",
                "size": max(8, min(28, 0.8 * pitch)),
                "color": ink,
                "line": {"width": theme.LINE_WIDTH[look.projector], "color": ink},
            },
            hovertext=[
                f"{theme.escape(name)}<br>{theme.percent(share)} of all {theme.escape(split)} rows"
                for name, share in zip(class_names, table["split_share"])
            ],
            hoverinfo="text",
        )
    label_width = (0.7 + frame.CHARACTER_WIDTH * max(map(len, labels))) * theme.FONT_SIZE[look.projector]
    end = most / max(0.4, 1 - label_width / (look.width - _LABEL_WIDTH))  # no bar reaches the labels
    if step == 1:
        figure.add_scatter(
            x=[end] * len(place),
            y=place,
            mode="text",
            text=labels,
            textposition="middle left",
            unselected={"textfont": {"color": ink}},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_xaxes(title_text="share of rows", tickformat=".0%", range=[0, end], zeroline=False)
    figure.update_yaxes(
        tickmode="array",
        tickvals=place[::step],
        ticktext=[theme.escape(class_names[c], _NAME_LIMIT) for c in place[::step]],
        range=[len(place) - 0.5, -0.5],
        title_text="class",
        showgrid=False,
    )
    reading = f"n = {theme.thousands(n)} {split} rows in the leaf"
    if "split_rows" in table:
        reading += f", {theme.thousands(table['split_rows'].sum())} in the split (marks)"
    return frame.frame(figure, look=look, title=title, subject=subject, subtitle=reading, height=height, legend="top")


def class_mix_sentence(*, class_counts_of_leaf: ArrayLike, class_names: Sequence[str], split: str = "test") -> str:
    """Name the largest class of the leaf; plain text, to be escaped before it reaches Markdown.

    >>> class_mix_sentence(class_counts_of_leaf=[3, 1], class_names=["cat", "dog"])
    '3 of the 4 test rows in this leaf (75.0 %) are of class cat; 2 of 2 classes occur.'
    """
    n = _check(class_counts_of_leaf, class_names, "class_counts_of_leaf")
    if n.sum() == 0:
        return f"No {split} row reaches this leaf."
    largest = int(n.argmax())
    return (
        f"{theme.thousands(n[largest])} of the {theme.thousands(n.sum())} {split} rows in this leaf "
        f"({theme.percent(n[largest] / n.sum())}) are of class {class_names[largest]}; "
        f"{(n > 0).sum()} of {len(n)} classes occur."
    )


def class_mix_table(
    *, class_counts_of_leaf: ArrayLike, class_names: Sequence[str], class_counts_of_split: ArrayLike | None = None
) -> pd.DataFrame:
    """List the classes in the data set's order: class, rows, share, and for the whole split split_rows, split_share."""
    table = pd.DataFrame({"class": [str(name) for name in class_names]})
    for prefix, counts in (("", class_counts_of_leaf), ("split_", class_counts_of_split)):
        if counts is not None:
            n = _check(counts, class_names, f"class_counts_of_{'split' if prefix else 'leaf'}")
            table[f"{prefix}rows"] = n
            table[f"{prefix}share"] = n / n.sum() if n.sum() else np.nan
    return table


def _check(counts: ArrayLike, class_names: Sequence[str], name: str) -> np.ndarray:
    n = np.asarray(counts)
    if n.shape != (len(class_names),):
        raise ValueError(f"{name} must have one entry for each of {len(class_names)} classes, got shape {n.shape}")
    return n.astype(np.int64)
