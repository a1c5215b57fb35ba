"""Accuracy of a trained net read only to level l: what deeper nodes add.

K = depth, the number of gating bits · level l from 0 (the root alone) to K (the whole net) · n = seeds.
"""

import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends, label_width
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import SCREEN, Look

_COLUMNS = ["split", "level", *interval_lines.INTERVAL, "n"]
_SPLITS = ("test", "train")


def level_accuracy(
    *, curves: pd.DataFrame, depth: int, model: str = "tree", subject: str = "", look: Look = SCREEN
) -> go.Figure:
    """Show accuracy against the level to which the sums are read, test solid and training dotted, with bands.

    `curves`: split (test or train), level, mean, low, high (shares), n. `model` says the colour. Raises ValueError for a
    missing column or a level outside 0..depth.
    """
    table = level_accuracy_table(curves=curves, depth=depth)
    height = theme.SIDE_HEIGHT[look.projector]
    title = "Accuracy of the net read only to level l"
    drawn = table.dropna(subset=["mean"])
    if drawn.empty:
        why = "No trained net has been read by levels yet."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    colour = model_style(model, "", look)["colour"]
    words = [theme.SPLIT_WORDS[split] for split in _SPLITS if split in set(drawn["split"])]
    right = label_width(words, look)
    width = look.width - right - 4.5 * theme.FONT_SIZE[look.projector]
    figure = go.Figure()
    x_range = interval_lines.integer_axis(figure, low=0, high=depth, width=width, title="read to level l", look=look)
    y_range = interval_lines.value_range(drawn[interval_lines.INTERVAL], floor=0.0, ceiling=100.0)
    labels = []
    for split in _SPLITS:
        line = table[table["split"] == split]
        if line["mean"].notna().sum() == 0:
            continue
        interval_lines.add_band(figure, x=line["level"], low=line["low"], high=line["high"], colour=colour, look=look)
        word = theme.SPLIT_WORDS[split]
        figure.add_scatter(
            x=line["level"],
            y=line["mean"],
            mode="lines+markers",
            name=word,
            line={"color": colour, "dash": theme.SPLIT_DASHES[split]},
            marker={"symbol": theme.SPLIT_MARKERS[split], "color": colour},
            hovertext=[f"{word}, level {row['level']:.0f}<br>{_interval(row)}" for _, row in line.iterrows()],
            hoverinfo="text",
        )
        last = line.dropna(subset=["mean"]).iloc[-1]
        labels.append(EndLabel(float(last["level"]), float(last["mean"]), word, colour))
    subtitle = f"depth K = {depth}; {interval_lines.seeds_words(drawn['n'], 'bands')}; not retrained: deeper nodes are left out"
    frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)
    figure.update_layout(margin_r=round(right))
    inside = interval_lines.panel_height(figure, look)
    figure.update_yaxes(title_text=interval_lines.axis_title("accuracy (percent)", inside, look), range=list(y_range))
    label_ends(figure, labels, x_range=x_range, y_range=y_range, width=width, height=inside, look=look)
    return figure


def level_accuracy_sentence(*, curves: pd.DataFrame, depth: int) -> str:
    """Give the test accuracy at level 0 and at the full depth.

    Plain text: escape it before it reaches Markdown.

    >>> columns = ["split", "level", "mean", "low", "high", "n"]
    >>> rows = pd.DataFrame([("test", 0, 0.5, 0.4, 0.6, 5), ("test", 2, 0.8, 0.75, 0.85, 5)], columns=columns)
    >>> print(level_accuracy_sentence(curves=rows, depth=2))
    Test accuracy read to level 0 is 50.0 % [40.0 %, 60.0 %], n = 5, and to the full depth, K = 2, 80.0 % [75.0 %, 85.0 %], \
n = 5.
    """
    table = level_accuracy_table(curves=curves, depth=depth).dropna(subset=["mean"])
    test = table[table["split"] == "test"]
    at = {int(row["level"]): _interval(row) for _, row in test.iterrows()}
    parts = []
    if 0 in at and depth > 0:
        parts.append(f"to level 0 is {at[0]}")
    if depth in at:
        parts.append(f"to the full depth, K = {depth}, {'' if parts else 'is '}{at[depth]}")
    if not parts:
        return "No test accuracy is read at level 0 or the full depth yet."
    return f"Test accuracy read {', and '.join(parts)}."


def level_accuracy_table(*, curves: pd.DataFrame, depth: int) -> pd.DataFrame:
    """List the accuracies drawn: split, level, mean, low, high, n, unit (percent); test first, levels rising."""
    table = interval_lines.check_columns(curves, _COLUMNS, "curves")
    table = table[table["split"].isin(_SPLITS)]
    outside = table[(table["level"] < 0) | (table["level"] > depth)]
    if len(outside):
        raise ValueError(f"levels must be from 0 to depth = {depth}, got {outside['level'].iloc[0]:g}")
    table = table.sort_values(["split", "level"], kind="stable", ignore_index=True)
    return interval_lines.in_unit(table, interval_lines.INTERVAL, "percent")


def _interval(row: pd.Series) -> str:
    return interval_lines.interval_words(row["mean"], row["low"], row["high"], row["n"], row["unit"])
