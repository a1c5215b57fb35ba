"""Scatter of two fields of runs: a marker a run, colour and marker say the group; a field is numbers or words."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.figures.shared.log_axis import log_axis
from leafscope.app.theme import SCREEN, Look

NAME_LIMIT = 60
"""Names of runs and words of fields are cut to so many characters in hover."""

_TITLE_LIMIT = 48
_CATEGORY_LIMIT = 16
_LEAST_LABEL = 8
"""Words cut shorter than this are upright instead."""
_GROUP_LIMIT = {False: 26, True: 18}
_NOTHING = "No run has a value in both fields."
_SPREAD = 0.6
"""Markers of one word are spread over so much of the place that the word has."""
_STEPS = {"x": 0.7548776662466927, "y": 0.5698402909980532}
"""Powers of the inverse plastic number, which fill a square evenly: Roberts 2018, the R2 sequence."""


@dataclass(frozen=True)
class Column:
    """A field of runs as numbers: the values themselves, or the places of words among the sorted `categories`."""

    values: NDArray[np.float64]
    """(n,) finite, or NaN where there is no value."""
    categories: tuple[str, ...]
    """Words as written; empty for a field of numbers."""

    def words(self, place: int) -> str:
        """Write one value, not yet escaped; "none" where there is none."""
        value = float(self.values[place])
        if math.isnan(value):
            return "none"
        return theme.one_line(self.categories[int(value)], NAME_LIMIT) if self.categories else number_words(value)

    def plain(self) -> "pd.Series[Any]":
        """Give the values back: numbers, or words as written and None, never both."""
        if not self.categories:
            return pd.Series(self.values)
        return pd.Series([None if math.isnan(at) else self.categories[int(at)] for at in self.values], dtype=object)


def read_column(values: Sequence[Any]) -> Column:
    """Read a field: numbers if every value is one, else words; None, "" and what is not finite are no value.

    >>> read_column([3, None, 0.5]).values.tolist(), read_column(["b", 2, "b"]).categories
    ([3.0, nan, 0.5], ('2', 'b'))
    """
    given = [None if _missing(value) else value for value in values]
    if all(value is None or _is_number(value) for value in given):
        return Column(np.array([math.nan if value is None else float(value) for value in given], dtype=np.float64), ())
    words = [None if value is None else str(value) for value in given]
    categories = tuple(sorted({word for word in words if word is not None}, key=_by_numbers))
    places = {word: place for place, word in enumerate(categories)}
    return Column(np.array([math.nan if word is None else places[word] for word in words], dtype=np.float64), categories)


def _by_numbers(word: str) -> tuple[list[tuple[int, str]], str]:
    """Sort words so that the numbers in them are in order: "K = 8" before "K = 16"."""
    parts = (part.lstrip("0") if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", word)))
    # A number with fewer digits is the smaller one; other parts go by their letters
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(parts)], word


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _missing(value: Any) -> bool:
    return value is None or value == "" or value is pd.NA or (_is_number(value) and not math.isfinite(value))


def number_words(value: float) -> str:
    """Write a value of a field: whole numbers in full, others with three significant digits.

    >>> number_words(12345.0), number_words(0.81944)
    ('12,345', '0.819')
    """
    return theme.thousands(value) if value.is_integer() and abs(value) < 1e9 else theme.three_significant(value)


def field_scatter(
    *,
    x: Sequence[Any],
    y: Sequence[Any],
    x_title: str,
    y_title: str,
    group: Sequence[int],
    styles: Sequence[GroupStyle],
    names: Sequence[str],
    run_ids: Sequence[str],
    log_x: bool = False,
    log_y: bool = False,
    means: bool = False,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show one field of runs against another: (n,) numbers or words each, a marker a run, `customdata` its run_id.

    `group` is the place of each run's group in `styles`. Words stand evenly, in order, and their markers are spread a little
    so that none hides another. A logarithmic axis leaves out values that are not above 0; it is ignored for words. `means`
    adds the mean of each group (at each word) as a large marker. Raises ValueError for lists of another length and for a
    group without a style.
    """
    _check(x=x, y=y, group=group, names=names, run_ids=run_ids)
    if outside := [place for place in group if not 0 <= place < len(styles)]:
        raise ValueError(f"group must be from 0 to {len(styles) - 1}, a place in styles, got {outside[0]}")
    height = theme.MAIN_HEIGHT[look.projector]
    title = (
        f"{interval_lines.sentence_case(theme.one_line(y_title, _TITLE_LIMIT))} against {theme.one_line(x_title, _TITLE_LIMIT)}"
    )
    across, up, drawn = _drawn(x, y, log_x, log_y)
    if not drawn.any():
        why = "There are no runs to show." if len(drawn) == 0 else _NOTHING if not (log_x or log_y) else _nothing_above(x, y)
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    groups = np.asarray(group, dtype=np.int64)
    shown = [place for place in range(len(styles)) if (drawn & (groups == place)).any()]
    several = len(shown) > 1
    labels = {place: _group_label(styles[place], look) for place in shown}
    right = _legend_width(list(labels.values()), look) if several else 0.0
    at_x, at_y = _jittered(across, up, drawn)
    figure = go.Figure()
    for place in shown:
        mine = np.flatnonzero(drawn & (groups == place)).tolist()
        figure.add_scatter(
            x=at_x[mine],
            y=at_y[mine],
            mode="markers",
            name=theme.escape(labels[place]),
            legendgroup=str(place),
            marker={
                "symbol": styles[place].marker,
                "color": styles[place].colour,
                "size": theme.MARKER_SIZE[look.projector] * (1.0 if means else 1.2),
                "line": {"width": 1, "color": theme.BACKGROUND[look.dark]},
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 0.3}},
            customdata=[str(run_ids[run]) for run in mine],
            hovertext=[
                _hover(names[run], styles[place], (x_title, across.words(run)), (y_title, up.words(run))) for run in mine
            ],
            hoverinfo="text",
        )
    with_means = means and not (across.categories and up.categories)
    if with_means:
        for place in shown:
            _add_means(figure, across, up, drawn & (groups == place), place, styles[place], (x_title, y_title), look)
    size = theme.FONT_SIZE[look.projector]
    _axis(figure, "x", across, at_x[drawn], x_title, log_x, look.width - right - 6 * size, look)
    _axis(figure, "y", up, at_y[drawn], y_title, log_y, height - 9 * size, look)
    subtitle = _subtitle(across, up, drawn, log_x, log_y)
    if with_means:
        subtitle += "; large: group means"
    return frame.frame(
        figure,
        look=look,
        title=title,
        subject=subject,
        subtitle=subtitle,
        height=height,
        legend="right" if several else "none",
    )


def _check(**fields: Sequence[Any]) -> None:
    first, *others = fields.items()
    for name, values in others:
        if len(values) != len(first[1]):
            raise ValueError(
                f"{name} must have one entry for each of the {len(first[1])} runs of {first[0]}, got {len(values)}"
            )


def _drawn(x: Sequence[Any], y: Sequence[Any], log_x: bool, log_y: bool) -> tuple[Column, Column, NDArray[np.bool_]]:
    """Read both fields and tell which runs have a place in both."""
    across, up = read_column(x), read_column(y)
    drawn = np.isfinite(across.values) & np.isfinite(up.values)
    for column, logarithmic in ((across, log_x), (up, log_y)):
        if logarithmic and not column.categories:
            drawn &= column.values > 0
    return across, up, drawn


def _nothing_above(x: Sequence[Any], y: Sequence[Any]) -> str:
    _, _, both = _drawn(x, y, False, False)
    return "No run has a value above 0, which a log axis needs." if both.any() else _NOTHING


def _jittered(across: Column, up: Column, drawn: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread the markers of one word, or of one pair of words, around its place: the first stays, whatever follows."""
    at = {"x": across.values.copy(), "y": up.values.copy()}
    seen: dict[tuple[float, float], int] = {}
    for run in np.flatnonzero(drawn).tolist():
        key = (across.values[run] if across.categories else 0.0, up.values[run] if up.categories else 0.0)
        count = seen.get(key, 0)
        seen[key] = count + 1
        for axis, column in (("x", across), ("y", up)):
            if column.categories:
                at[axis][run] += _SPREAD * ((count * _STEPS[axis] + 0.5) % 1 - 0.5)
    return at["x"], at["y"]


def _add_means(
    figure: go.Figure,
    across: Column,
    up: Column,
    mine: NDArray[np.bool_],
    place: int,
    style: GroupStyle,
    titles: tuple[str, str],
    look: Look,
) -> None:
    """Draw the mean of a group's numbers, at each word where one axis has words."""
    runs = pd.DataFrame({"x": across.values[mine], "y": up.values[mine]})
    by = ["x"] if across.categories else ["y"] if up.categories else [0] * len(runs)
    parts = [part for _, part in runs.groupby(by)]
    centres = [(float(part["x"].mean()), float(part["y"].mean())) for part in parts]
    said = [
        "<br>".join(
            [
                f"mean of {theme.escape(style.words, NAME_LIMIT)}",
                *(
                    f"{theme.escape(title, _TITLE_LIMIT)}: {theme.escape(_centre_words(column, value))}"
                    for title, column, value in zip(titles, (across, up), centre)
                ),
                f"n = {theme.thousands(len(part))}",
            ]
        )
        for centre, part in zip(centres, parts)
    ]
    figure.add_scatter(
        x=[centre for centre, _ in centres],
        y=[centre for _, centre in centres],
        mode="markers",
        legendgroup=str(place),
        name="mean",
        showlegend=False,
        marker={
            "symbol": style.marker,
            "color": style.colour,
            "size": 2.2 * theme.MARKER_SIZE[look.projector],
            "line": {"width": theme.LINE_WIDTH[look.projector], "color": theme.TEXT[look.dark]},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertext=said,
        hoverinfo="text",
    )


def _centre_words(column: Column, value: float) -> str:
    if column.categories:
        return theme.one_line(column.categories[round(value)], NAME_LIMIT)
    return theme.three_significant(value)


def _axis(
    figure: go.Figure,
    axis: Literal["x", "y"],
    column: Column,
    at: NDArray[np.float64],
    title: str,
    logarithmic: bool,
    length: float,
    look: Look,
) -> None:
    update = figure.update_xaxes if axis == "x" else figure.update_yaxes
    size = theme.FONT_SIZE[look.projector]
    words = theme.one_line(title, _TITLE_LIMIT)
    if column.categories:
        count = len(column.categories)
        pitch = length / count
        labels = [theme.one_line(word, _CATEGORY_LIMIT) for word in column.categories]
        level = axis == "y" or all(frame.fits(label, pitch, look) for label in labels)
        short = [theme.one_line(label, max(1, int(pitch / (frame.CHARACTER_WIDTH * size)) - 1)) for label in labels]
        if not level and max(map(len, short)) >= _LEAST_LABEL and len(set(short)) == count:
            labels, level = short, True
        step = max(1, math.ceil(1.2 * size / pitch)) if axis == "y" or not level else 1
        update(
            tickmode="array",
            tickvals=list(range(0, count, step)),
            ticktext=[theme.escape(label) for label in labels[::step]],
            tickangle=0 if level else -90,
            range=[-0.5, count - 0.5],
            zeroline=False,
        )
    elif logarithmic:
        _, options = log_axis(at, axis=axis, length=length, look=look)
        update(**options)
        words += " (log scale)"
    else:
        # As far apart as labels of four characters with a sign ask for
        pitch = 4.5 * size if axis == "x" else 2.5 * size
        update(range=list(interval_lines.value_range(at, zero=False)), nticks=max(3, int(length / pitch)), zeroline=False)
    update(title_text=interval_lines.axis_title(words, length, look))


def _group_label(style: GroupStyle, look: Look) -> str:
    return theme.one_line(style.words, _GROUP_LIMIT[look.projector])


def _legend_width(labels: Sequence[str], look: Look) -> float:
    return (max(map(len, labels)) * frame.CHARACTER_WIDTH + 3.5) * theme.FONT_SIZE[look.projector]


def _hover(name: str, style: GroupStyle, *values: tuple[str, str]) -> str:
    words = [theme.escape(name, NAME_LIMIT), theme.escape(style.words, NAME_LIMIT)]
    words += [f"{theme.escape(title, _TITLE_LIMIT)}: {theme.escape(value)}" for title, value in values]
    return "<br>".join(words)


def _subtitle(across: Column, up: Column, drawn: NDArray[np.bool_], log_x: bool, log_y: bool) -> str:
    words = [f"n = {_runs(int(drawn.sum()))}"]
    there = np.isfinite(across.values) & np.isfinite(up.values)
    if (~there).any():
        words.append(f"{_runs(int((~there).sum()))} without a value left out")
    if (below := there & ~drawn).any():
        axes = "a log axis" if log_x != log_y else "the log axes"
        words.append(f"{_runs(int(below.sum()))} at 0 or below left out of {axes}")
    if across.categories or up.categories:
        words.append("markers of one word are spread to be seen")
    return "; ".join(words)


def _runs(count: int) -> str:
    return f"{theme.thousands(count)} run{'' if count == 1 else 's'}"


def rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Give Spearman's rank correlation of (n,) and (n,) finite numbers, ties at their mean rank; NaN where one is constant.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    """
    a, b = (pd.Series(values).rank().to_numpy() for values in (x, y))
    a, b = a - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return min(1.0, max(-1.0, float(a @ b) / norm)) if norm > 0 else math.nan


def field_scatter_sentence(
    *, x: Sequence[Any], y: Sequence[Any], x_title: str, y_title: str, log_x: bool = False, log_y: bool = False
) -> str:
    """Say how many runs there are and, of two fields of numbers, how strongly their ranks go together.

    Plain text: escape it before it reaches Markdown.

    >>> print(field_scatter_sentence(x=[1, 2, 3, 4], y=[0.4, 0.3, 0.2, 0.25], x_title="depth", y_title="error"))
    Error against depth: rank correlation -0.80 over 4 runs.
    """
    _check(x=x, y=y)
    across, up, drawn = _drawn(x, y, log_x, log_y)
    first, second = theme.one_line(x_title, _TITLE_LIMIT), theme.one_line(y_title, _TITLE_LIMIT)
    n = int(drawn.sum())
    if n == 0:
        return "There are no runs to show." if len(drawn) == 0 else _nothing_above(x, y) if log_x or log_y else _NOTHING
    start = f"{interval_lines.sentence_case(second)} against {first}"
    if worded := [(title, column) for title, column in ((first, across), (second, up)) if column.categories]:
        values = [
            f"{theme.thousands(len(set(column.values[drawn].tolist())))} different values of {title}"
            for title, column in worded
        ]
        return f"{start}: {_runs(n)} with {theme.enumerate_words(values)}."
    if n < 3:
        return f"{start}: {_runs(n)}, too few for a rank correlation."
    found = rank_correlation(across.values[drawn], up.values[drawn])
    if math.isnan(found):
        same = first if len(set(across.values[drawn].tolist())) == 1 else second
        return f"{start}: no rank correlation, since {same} is the same in all {_runs(n)}."
    return f"{start}: rank correlation {round(found, 2) + 0.0:.2f} over {_runs(n)}."


def field_scatter_table(
    *,
    x: Sequence[Any],
    y: Sequence[Any],
    group: Sequence[int],
    styles: Sequence[GroupStyle],
    names: Sequence[str],
    run_ids: Sequence[str],
) -> pd.DataFrame:
    """List every run in the order given, also those that are not drawn: name, run_id, group, x, y."""
    _check(x=x, y=y, group=group, names=names, run_ids=run_ids)
    return pd.DataFrame(
        {
            "name": [str(name) for name in names],
            "run_id": [str(run_id) for run_id in run_ids],
            "group": [styles[place].words for place in group],
            "x": read_column(x).plain(),
            "y": read_column(y).plain(),
        }
    )
