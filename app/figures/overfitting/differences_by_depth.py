"""Paired differences of two models against the depth, with intervals around zero: where one is shown to be better."""

from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.depth_panels import DEPTH_AXIS
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import SCREEN, Look

Basis = Literal["at the same epochs", "at the same train loss"]
Measure = Literal["test error", "generalization gap"]

UNIT = "percentage points"

_COLUMNS = ["depth", *interval_lines.INTERVAL, "n", "p_holm", "shown"]
_BETTER = {"test error": "is better", "generalization gap": "overfits less"}


def differences_by_depth(
    *,
    differences: pd.DataFrame,
    first: str,
    second: str,
    subject: str = "",
    basis: Basis = "at the same epochs",
    measure: Measure = "test error",
    look: Look = SCREEN,
) -> go.Figure:
    """Show `first` minus `second` at each depth, with its interval, around zero: filled where a difference is shown.

    `differences`: depth, mean, low, high (of shares), n, p_holm, shown, paired over seeds; `first` and `second` are models.
    Raises ValueError for a missing column.
    """
    table = differences_by_depth_table(differences=differences)
    height = theme.MAIN_HEIGHT[look.projector]
    names = [model_words(model, "") for model in (first, second)]
    title = f"{measure.capitalize()} against depth, {interval_lines.phrase(first)} minus {interval_lines.phrase(second)}"
    drawn = table.dropna(subset=["mean"])
    if drawn.empty:
        why = "No seed has finished with both models yet."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    style = model_style(first, "", look)
    figure = go.Figure()
    ends = interval_lines.integer_axis(
        figure,
        low=int(drawn["depth"].min()),
        high=int(drawn["depth"].max()),
        width=look.width - 100,
        title=DEPTH_AXIS,
        look=look,
    )
    figure.add_scatter(
        x=list(ends),
        y=[0, 0],
        mode="lines",
        name="no difference",
        line={"color": theme.MUTED[look.dark], "width": theme.LINE_WIDTH[look.projector] / 2},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=drawn["depth"],
        y=drawn["mean"],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": drawn["high"] - drawn["mean"],
            "arrayminus": drawn["mean"] - drawn["low"],
            "thickness": theme.LINE_WIDTH[look.projector],
            "width": theme.MARKER_SIZE[look.projector] / 2,
            "color": style["colour"],
        },
        mode="markers",
        name="difference",
        marker={
            "symbol": "circle",
            "size": 1.4 * theme.MARKER_SIZE[look.projector],
            "color": [style["colour"] if shown else theme.BACKGROUND[look.dark] for shown in drawn["shown"]],
            "line": {"color": style["colour"], "width": theme.LINE_WIDTH[look.projector]},
        },
        hovertext=[f"K = {row['depth']:.0f}<br>{hover(row)}" for _, row in drawn.iterrows()],
        hoverinfo="text",
    )
    subtitle = [
        interval_lines.seeds_words(drawn["n"], "bars"),
        "paired over seeds",
        theme.one_line(basis),
        f"filled: a difference is shown, hollow: none is{holm_words(table, 'depth', ' (5 %, {})')}",
    ]
    frame.frame(figure, look=look, title=title, subject=subject, subtitle="; ".join(subtitle), height=height)
    length = interval_lines.panel_height(figure, look)
    axis = [f"{measure} of {names[0]} minus {names[1]}", f"({UNIT}); below 0: {names[0]} {_BETTER[measure]}"]
    each_fits = all(frame.fits(part, length, look) for part in axis)
    figure.update_yaxes(
        title_text=frame.lines(axis) if each_fits else interval_lines.axis_title(" ".join(axis), length, look),
        range=list(interval_lines.value_range(drawn[interval_lines.INTERVAL])),
        zeroline=False,
    )
    return figure


def differences_by_depth_sentence(
    *,
    differences: pd.DataFrame,
    first: str,
    second: str,
    basis: Basis = "at the same epochs",
    measure: Measure = "test error",
) -> str:
    """Name the depths at which a difference is shown, with intervals, or say that none is.

    Plain text: escape it before it reaches Markdown.

    >>> columns = ["depth", "mean", "low", "high", "n", "p_holm", "shown"]
    >>> rows = pd.DataFrame([(0, 0.0, -0.01, 0.01, 5, 1.0, False), (3, -0.04, -0.06, -0.02, 5, 0.01, True)], columns=columns)
    >>> print(differences_by_depth_sentence(differences=rows, first="tree", second="flat"))
    The tree has a lower test error than the flat net at K = 3 (-4.0 points [-6.0, -2.0], n = 5); at the other depth no \
difference is shown (paired over seeds at the same epochs, Holm over 2 depths).
    """
    table = differences_by_depth_table(differences=differences).dropna(subset=["mean"])
    one, other = interval_lines.phrase(first), interval_lines.phrase(second)
    if table.empty:
        return f"No seed has finished with both {one} and {other} yet."
    shown = table[table["shown"]]
    n = interval_lines.n_words(table["n"])
    how = f"paired over seeds {theme.one_line(basis)}{holm_words(table, 'depth', ', {}')}"
    if shown.empty and (table["n"] <= 1).all():
        return f"No difference shown at any depth between {one} and {other} in {measure}: one seed has no interval."
    if shown.empty:
        return f"No difference shown at any depth between {one} and {other} in {measure} ({n}, {how})."
    parts: list[str] = []
    for word, rows in (("lower", shown[shown["mean"] < 0]), ("higher", shown[shown["mean"] >= 0])):
        if len(rows):
            places = [f"K = {row['depth']:.0f} ({interval(row)})" for _, row in rows.iterrows()]
            compared = f"a {word} {measure} than {other}" if not parts else f"a {word} one"
            parts.append(f"{compared} at {theme.enumerate_words(places)}")
    left = len(table) - len(shown)
    rest = f"; at the other {f'{left} depths' if left > 1 else 'depth'} no difference is shown" if left else ""
    return f"{interval_lines.sentence_case(one)} has {' and '.join(parts)}{rest} ({how})."


def differences_by_depth_table(*, differences: pd.DataFrame) -> pd.DataFrame:
    """List the differences drawn: depth, mean, low, high, n, p_holm, shown, unit (percentage points), by rising depth."""
    table = interval_lines.check_columns(differences, _COLUMNS, "differences").sort_values(
        "depth", kind="stable", ignore_index=True
    )
    return interval_lines.in_unit(shown_flags(table), interval_lines.INTERVAL, UNIT)


def shown_flags(table: pd.DataFrame) -> pd.DataFrame:
    """Read the column `shown`: true only where it says so and there is a mean."""
    return table.assign(
        shown=[bool(s) and np.isfinite(m) for s, m in zip(table["shown"].eq(True), table["mean"].astype(float))]
    )


def interval(row: pd.Series) -> str:
    """Write the difference of a row with its interval."""
    return interval_lines.interval_words(row["mean"], row["low"], row["high"], row["n"], UNIT)


def hover(row: pd.Series) -> str:
    """Describe a difference on hover: interval, Holm's p and whether it is shown."""
    p = f"<br>p = {theme.three_significant(row['p_holm'])} (Holm)" if np.isfinite(row["p_holm"]) else ""
    return f"{interval(row)}{p}<br>{'a difference is shown' if row['shown'] else 'no difference shown'}"


def holm_words(table: pd.DataFrame, what: str, form: str) -> str:
    """Say over how many comparisons Holm's correction runs, put into `form`, or nothing where no seeds can be compared."""
    count = int(table["p_holm"].notna().sum())
    return form.format(f"Holm over {theme.thousands(count)} {what}{'' if count == 1 else 's'}") if count else ""
