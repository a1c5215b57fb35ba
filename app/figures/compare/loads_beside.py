"""Several runs side by side at one scale: the loads of their leaves as strips, and statistics of balance as dots.

L = 2^K leaves · p = n / sum n load · a strip is cut in the leaves of its run, in order of their patterns.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.group_style import GroupStyle
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.evenness import LeafBalance

MOST_RUNS = 12
"""Strips of more runs are too low for their labels."""
MOST_COLUMNS = 512
"""More leaves than this are summed, since a strip has not many more px."""

_LEAST_ROWS = 4
"""Room for so many runs is kept, so that those of few do not swell."""
_NAME_LIMIT = {False: 22, True: 14}
_HOVER_LIMIT = 60
_HALF = 0.36
"""Half the height of a strip, in rows."""
_HEADINGS = (("effective", "leaves"), ("Gini",), ("unused",))
_ROOM = (7.4, 3.4, 4.6)
"""Widths of the columns of numbers, in units of the font size."""

Range = tuple[float, float, float]
"""What random routing gives: mean, low, high."""


def loads_beside(
    *,
    counts: Sequence[ArrayLike],
    depths: Sequence[int],
    names: Sequence[str],
    stats: Sequence[LeafBalance],
    subject: str = "",
    split: str = "training",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the share of the rows in each leaf of several runs: (L,) counts each, a strip a run, all at one colour scale.

    Beside a strip stand its effective leaves, Gini coefficient and share of unused leaves, from `stats`. Unused leaves are
    hatched. Of more than 512 leaves, neighbours are drawn as one, with their sum. `customdata` is [run, first leaf]. At most
    12 runs are drawn. Raises ValueError for lists of another length and counts that do not fit the depth.
    """
    loads = _check_loads(counts, depths, names, stats)
    height = theme.MAIN_HEIGHT[look.projector]
    title = f"Share of the {theme.one_line(split, 40)} rows in each leaf, runs side by side"
    if not any(n.any() for n in loads):
        why = (
            "There are no runs to show." if not loads else f"There are no {theme.one_line(split, 40)} rows, so no leaf is used."
        )
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    size = theme.FONT_SIZE[look.projector]
    columns = [_binned(n) for n in loads[:MOST_RUNS]]
    framed: dict[str, Any] = {"look": look, "title": title, "subject": subject, "height": height}
    framed["subtitle"] = _loads_subtitle(loads, columns, depths, split)
    most = max(float(shares.max(initial=0.0)) for shares in columns)
    figure = go.Figure()
    for run, shares in enumerate(columns):
        _add_strip(figure, run, shares, loads[run], depths[run], names[run], split, look)
    count = len(columns)
    labels = _labels(names[:count], look)
    plot = look.width - (max(map(len, labels)) * frame.CHARACTER_WIDTH + 2) * size - 24
    end = 1 - sum(_ROOM) * size / plot
    frame.frame(figure, **framed)
    figure.update_layout(
        barmode="overlay",
        margin_t=figure.layout.margin.t + round(2.7 * size),
        coloraxis={
            "cmin": 0,
            "cmax": most,
            "colorscale": theme.LOAD_SCALE,
            "colorbar": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "ypad": round(0.6 * size),
                "len": end,
                "thickness": round(0.8 * size),
                "title": {"text": "share of the run's rows in a leaf", "side": "top"},
                "tickformat": ".1~%",
                "nticks": max(3, int(end * plot / (5 * size))),
            },
        },
    )
    figure.update_xaxes(domain=[0, end], range=[0, 1], visible=False)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(count)),
        ticktext=[theme.escape(label) for label in labels],
        range=[max(count, _LEAST_ROWS) - 0.5, -0.5],
        ticks="",
        ticklabelstandoff=size // 3,
        showline=False,
        showgrid=False,
        zeroline=False,
    )
    _write_stats(figure, stats[:count], loads[:count], end, plot, look)
    return figure


def _labels(names: Sequence[str], look: Look) -> list[str]:
    """Cut names at their ends, or in their middles where that leaves two alike."""
    limit = _NAME_LIMIT[look.projector]
    labels = [theme.one_line(name, limit) for name in names]
    if len(set(labels)) == len(set(names)):
        return labels
    whole = [theme.one_line(name) for name in names]
    half = limit // 2
    return [name if len(name) <= limit else f"{name[: limit - half - 1].rstrip()}…{name[-half:].lstrip()}" for name in whole]


def _check_loads(
    counts: Sequence[ArrayLike], depths: Sequence[int], names: Sequence[str], stats: Sequence[LeafBalance]
) -> list[NDArray[np.int64]]:
    for word, given in (("depths", depths), ("names", names), ("stats", stats)):
        if len(given) != len(counts):
            raise ValueError(f"{word} must have one entry for each of the {len(counts)} runs, got {len(given)}")
    return [frame.leaf_array(n, depth, f"counts of run {run}") for run, (n, depth) in enumerate(zip(counts, depths))]


def _binned(n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the shares of the leaves, neighbours summed until there are at most 512; all 0 without a row."""
    shares = n / max(1, n.sum())
    return shares if len(n) <= MOST_COLUMNS else shares.reshape(MOST_COLUMNS, -1).sum(1)


def _add_strip(
    figure: go.Figure,
    run: int,
    shares: NDArray[np.float64],
    n: NDArray[np.int64],
    depth: int,
    name: str,
    split: str,
    look: Look,
) -> None:
    count = len(shares)
    each = len(n) // count
    edges = np.arange(count + 1) / count
    used = shares > 0
    rows = n.reshape(count, each).sum(1)
    who = theme.escape(name, _HOVER_LIMIT)
    said = [
        f"{who}<br>{_leaf_words(at * each, (at + 1) * each, depth)}<br>{theme.thousands(rows[at])} "
        f"{theme.escape(split, 40)} rows, {theme.percent(shares[at])}<br>relative load "
        f"{theme.three_significant(shares[at] * count)}"
        for at in range(count)
    ]
    figure.add_heatmap(
        x=edges,
        y=[run - _HALF, run + _HALF],
        z=[np.where(used, shares, np.nan)],
        coloraxis="coloraxis",
        xgap=1 if count <= 64 else 0,
        customdata=[[[run, at * each] for at in range(count)]],
        hovertext=[said],
        hoverinfo="text",
        hoverongaps=False,
        name=who,
    )
    stretches = _stretches(~used)
    if stretches:
        figure.add_bar(
            x=[(first + end) / 2 / count for first, end in stretches],
            width=[(end - first) / count for first, end in stretches],
            y=[2 * _HALF] * len(stretches),
            base=run - _HALF,
            name="no row",
            customdata=[[run, first * each] for first, _ in stretches],
            marker={
                "color": frame.UNUSED,
                "pattern": {"shape": "/", "fgcolor": theme.faded(theme.MUTED[look.dark], 0.6), "size": 8, "solidity": 0.12},
                "line": {"width": 1, "color": theme.faded(theme.MUTED[look.dark], 0.6)} if count <= 64 else {"width": 0},
            },
            hovertext=[
                f"{who}<br>{_leaf_words(first * each, end * each, depth)}<br>no {theme.escape(split, 40)} row"
                for first, end in stretches
            ],
            hoverinfo="text",
            showlegend=False,
        )
    figure.add_shape(
        type="rect",
        x0=0,
        x1=1,
        y0=run - _HALF,
        y1=run + _HALF,
        line={"width": 1, "color": theme.MUTED[look.dark]},
    )


def _stretches(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give where runs of True begin and end, the end excluded."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in zip(steps[::2], steps[1::2])]


def _leaf_words(first: int, end: int, depth: int) -> str:
    """Name a leaf, or a stretch of leaves by its first and last one."""
    if end - first == 1:
        return f"leaf {theme.bit_pattern(first, depth)}"
    return f"{theme.thousands(end - first)} leaves, {theme.bit_pattern(first, depth)} to {theme.bit_pattern(end - 1, depth)}"


def _write_stats(
    figure: go.Figure, stats: Sequence[LeafBalance], loads: Sequence[NDArray[np.int64]], end: float, plot: float, look: Look
) -> None:
    size = theme.FONT_SIZE[look.projector]
    at = end
    for place, (heading, room) in enumerate(zip(_HEADINGS, _ROOM)):
        at += room * size / plot
        shared: dict[str, Any] = {"x": min(at, 1.0), "xref": "paper", "xanchor": "right", "showarrow": False, "align": "right"}
        figure.add_annotation(
            text="<br>".join(heading), y=1, yref="paper", yanchor="bottom", font={"color": theme.MUTED[look.dark]}, **shared
        )
        for run, (one, n) in enumerate(zip(stats, loads)):
            figure.add_annotation(text=_stat_words(one, len(n))[place], y=run, yanchor="middle", **shared)


def _stat_words(one: LeafBalance, leaves: int) -> tuple[str, str, str]:
    effective = theme.three_significant(one.effective_leaves)
    if math.isfinite(one.effective_leaves):
        effective += f" of {theme.thousands(leaves)}"
    gini = f"{one.gini:.2f}" if math.isfinite(one.gini) else theme.MISSING
    return effective, gini, theme.percent(one.dead_fraction)


def _loads_subtitle(
    loads: Sequence[NDArray[np.int64]], columns: Sequence[NDArray[np.float64]], depths: Sequence[int], split: str
) -> str:
    shown = loads[: len(columns)]
    totals = sorted({int(n.sum()) for n in shown})
    between = (
        theme.thousands(totals[0]) if len(totals) == 1 else f"{theme.thousands(totals[0])} to {theme.thousands(totals[-1])}"
    )
    each = " a run" if len(shown) > 1 else ""
    words = [f"n = {between} {theme.one_line(split, 40)} rows{each}", "leaves in order of their patterns"]
    if any((shares == 0).any() for shares in columns):
        words.append("hatched: no row")
    if any(len(n) > MOST_COLUMNS for n in shown):
        words.append(f"of more than {MOST_COLUMNS} leaves, neighbours are summed")
    if len(loads) > len(shown):
        words.append(f"the first {len(shown)} of {theme.thousands(len(loads))} runs")
    return "; ".join(words)


def loads_beside_sentence(
    *,
    counts: Sequence[ArrayLike],
    depths: Sequence[int],
    names: Sequence[str],
    stats: Sequence[LeafBalance],
    split: str = "training",
) -> str:
    """Say which run has the most effective leaves, and which the fewest, with the share of leaves that are unused.

    Plain text: escape it before it reaches Markdown.

    >>> from leafscope.core.usage.evenness import balance
    >>> loads = [[4, 4, 4, 4], [9, 1, 0, 0]]
    >>> stats = [balance(n) for n in loads]
    >>> print(loads_beside_sentence(counts=loads, depths=[2, 2], names=["even", "uneven"], stats=stats))
    Of 2 runs, even has the most effective leaves for the training rows (4.00 of 4, 0.0 % unused) and uneven the fewest \
(1.38 of 4, 50.0 % unused).
    """
    loads = _check_loads(counts, depths, names, stats)
    where = f"for the {theme.one_line(split, 40)} rows"
    known = [run for run, one in enumerate(stats) if math.isfinite(one.effective_leaves)]
    if not known:
        return "There are no runs to show." if not loads else f"There are no {theme.one_line(split, 40)} rows."

    def words(run: int) -> str:
        effective, _, unused = _stat_words(stats[run], len(loads[run]))
        return f"({effective}, {unused} unused)"

    def name(run: int) -> str:
        return theme.one_line(names[run], _HOVER_LIMIT)

    if len(known) == 1:
        return f"{name(known[0])} has the only effective leaves {where} {words(known[0])}."
    known.sort(key=lambda run: -stats[run].effective_leaves)
    first, last = known[0], known[-1]
    if stats[first].effective_leaves == stats[last].effective_leaves:
        return f"All {theme.thousands(len(known))} runs have the same effective leaves {where}: {words(first)[1:-1]}."
    return (
        f"Of {theme.thousands(len(known))} runs, {name(first)} has the most effective leaves {where} {words(first)} and "
        f"{name(last)} the fewest {words(last)}."
    )


def loads_beside_table(
    *, counts: Sequence[ArrayLike], depths: Sequence[int], names: Sequence[str], stats: Sequence[LeafBalance]
) -> pd.DataFrame:
    """List every leaf of every run, not summed: name, leaf, pattern, rows, share (NaN where the run has no row)."""
    loads = _check_loads(counts, depths, names, stats)
    parts = [
        pd.DataFrame(
            {
                "name": str(name),
                "leaf": np.arange(len(n)),
                "pattern": [theme.bit_pattern(leaf, depth) for leaf in range(len(n))],
                "rows": n,
                "share": n / n.sum() if n.any() else np.full(len(n), np.nan),
            }
        )
        for n, depth, name in zip(loads, depths, names)
    ]
    empty = pd.DataFrame({"name": [], "leaf": [], "pattern": [], "rows": [], "share": []})
    return pd.concat(parts, ignore_index=True) if parts else empty


def balance_beside(
    *,
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    chance: Mapping[str, Sequence[Range]] | None = None,
    styles: Sequence[GroupStyle] | None = None,
    subject: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show statistics of several runs: words -> (n,) values, a panel each, a dot a run; the runs stand in one order.

    `chance`: words -> (n,) of (mean, low, high) under random routing, a grey bar behind the dot, NaN where unknown. `styles`:
    how each run is drawn. `customdata` is the run's place. As many runs and panels are drawn as have room for their labels.
    Raises ValueError for lists of another length and for chance of a statistic without values.
    """
    table = balance_beside_table(names=names, values=values, chance=chance, styles=styles)
    height = theme.MAIN_HEIGHT[look.projector]
    title = "Balance of the leaves, runs side by side"
    if not np.isfinite(table["value"]).any():
        why = "There are no runs to show." if len(names) == 0 else "No statistic is known for these runs."
        return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
    size = theme.FONT_SIZE[look.projector]
    drawn_styles = list(styles) if styles is not None else [_plain_style(look)] * len(names)
    grouped = len(set(drawn_styles)) > 1
    labels = _labels(names, look)
    left = max(map(len, labels)) * frame.CHARACTER_WIDTH * size + 20
    words = list(values)[: max(1, int((look.width - left) / (6.5 * size)))]
    spacing = 0.18 / max(6, len(words)) if len(words) > 1 else 0.0
    width = (look.width - left - 30) * (1 - spacing * (len(words) - 1)) / len(words)
    titles = {word: frame.wrapped(theme.one_line(word, 40), size, round(width)) for word in words}
    framed: dict[str, Any] = {"look": look, "title": title, "subject": subject, "height": height}
    framed |= {"legend": "top" if grouped else "none"}
    has_chance = bool(table["chance_low"].notna().any())
    inside = interval_lines.panel_height(
        frame.frame(go.Figure(), **framed, subtitle=_balance_subtitle(len(names), 0, len(values), 0, has_chance)), look
    )
    inside -= 1.3 * size * (max(map(len, titles.values())) - 1)
    count = min(len(names), max(1, int(inside / (1.15 * size))))
    figure = make_subplots(rows=1, cols=len(words), shared_yaxes=True, horizontal_spacing=spacing)
    for column, word in enumerate(words, start=1):
        part = table[(table["statistic"] == word) & (table["run"] < count)]
        _add_chance(figure, part, column, look)
        _add_dots(figure, part, drawn_styles, column, grouped, look)
        ends = interval_lines.value_range(part[["value", "chance_low", "chance_high"]], zero=False)
        air = 0.75 * theme.MARKER_SIZE[look.projector] / width * (ends[1] - ends[0])
        figure.update_xaxes(
            title_text=frame.lines(titles[word]),
            range=[ends[0] - air, ends[1] + air],
            nticks=max(3, int(width / (3.5 * size))),
            tickformat=",~r",
            showgrid=False,
            zeroline=False,
            col=column,
        )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(count)),
        range=[max(count, _LEAST_ROWS) - 0.5, -0.5],
        showgrid=True,
        zeroline=False,
    )
    figure.update_yaxes(ticktext=[theme.escape(label) for label in labels[:count]], col=1)
    subtitle = _balance_subtitle(len(names), count, len(values), len(words), has_chance)
    return frame.frame(figure, **framed, subtitle=subtitle)


def _plain_style(look: Look) -> GroupStyle:
    return GroupStyle("", theme.model_colour("tree", dark=look.dark), "circle")


def _add_chance(figure: go.Figure, part: pd.DataFrame, column: int, look: Look) -> None:
    """Draw the range under random routing as a grey bar, with a tick at its mean."""
    known = part.dropna(subset=["chance_low", "chance_high"])
    if known.empty:
        return
    grey = theme.MUTED[look.dark]
    span = known["chance_high"] - known["chance_low"]
    said = [
        f"{theme.escape(row['name'], _HOVER_LIMIT)}, random routing<br>{theme.escape(row['statistic'], 40)} "
        f"{_chance_words(row)}"
        for row in known.to_dict("records")
    ]
    shared: dict[str, Any] = {"hovertext": said, "hoverinfo": "text", "showlegend": False, "row": 1, "col": column}
    figure.add_bar(
        x=span,
        base=known["chance_low"],
        y=known["run"],
        orientation="h",
        width=0.56,
        marker={"color": theme.faded(grey, 0.35), "line": {"width": 1, "color": grey}},
        name="range under random routing",
        **shared,
    )
    figure.add_scatter(
        x=known["chance_mean"],
        y=known["run"],
        mode="markers",
        marker={
            "symbol": "line-ns-open",
            "size": theme.MARKER_SIZE[look.projector],
            "color": grey,
            "line": {"width": theme.LINE_WIDTH[look.projector]},
        },
        name="mean under random routing",
        **shared,
    )


def _add_dots(
    figure: go.Figure, part: pd.DataFrame, styles: Sequence[GroupStyle], column: int, grouped: bool, look: Look
) -> None:
    for style in dict.fromkeys(styles):
        mine = part[[styles[run] == style for run in part["run"]]].dropna(subset=["value"])
        if mine.empty and column > 1:
            continue
        figure.add_scatter(
            x=mine["value"],
            y=mine["run"],
            mode="markers",
            name=theme.escape(style.words, 26),
            legendgroup=f"{style.words} {style.colour} {style.marker}",
            marker={
                "symbol": style.marker,
                "color": style.colour,
                "size": 1.3 * theme.MARKER_SIZE[look.projector],
                "line": {"width": 1, "color": theme.BACKGROUND[look.dark]},
            },
            cliponaxis=False,
            customdata=mine["run"],
            hovertext=[_dot_hover(row) for row in mine.to_dict("records")],
            hoverinfo="text",
            showlegend=grouped and column == 1,
            row=1,
            col=column,
        )


def _chance_words(row: Mapping[Any, Any]) -> str:
    ends = f"[{theme.three_significant(row['chance_low'])}, {theme.three_significant(row['chance_high'])}]"
    return f"{theme.three_significant(row['chance_mean'])} {ends}" if math.isfinite(row["chance_mean"]) else ends


def _dot_hover(row: Mapping[Any, Any]) -> str:
    words = [theme.escape(row["name"], _HOVER_LIMIT)]
    words += [theme.escape(row["group"], _HOVER_LIMIT)] if row["group"] else []
    words.append(f"{theme.escape(row['statistic'], 40)} {theme.three_significant(row['value'])}")
    if math.isfinite(row["chance_low"]):
        words.append(f"random routing {_chance_words(row)}")
    return "<br>".join(words)


def _balance_subtitle(runs: int, drawn: int, statistics: int, panels: int, has_chance: bool) -> str:
    words = [f"n = {theme.thousands(runs)} run{'' if runs == 1 else 's'}, a dot each"]
    if has_chance:
        words.append("grey bar and its mark: 95 % range and mean under random routing")
    for count, whole, name in ((drawn, runs, "runs"), (panels, statistics, "statistics")):
        if count < whole:
            words.append(f"the first {count} of {theme.thousands(whole)} {name}")
    return "; ".join(words)


def balance_beside_sentence(
    *,
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    chance: Mapping[str, Sequence[Range]] | None = None,
    styles: Sequence[GroupStyle] | None = None,
) -> str:
    """Give for each statistic its lowest and highest run, and how many runs are outside what random routing gives.

    `styles` is taken so that one set of arguments serves the figure, the sentence and the table. Plain text: escape it before
    it reaches Markdown.

    >>> print(balance_beside_sentence(names=["a", "b"], values={"Gini": [0.5, 0.2]}, chance={"Gini": [(0.2, 0.1, 0.3)] * 2}))
    Gini is from 0.200 (b) to 0.500 (a), outside the range under random routing in 1 of 2 runs.
    """
    table = balance_beside_table(names=names, values=values, chance=chance, styles=styles)
    parts = [_range_words(table[table["statistic"] == word].dropna(subset=["value"])) for word in values]
    said = [part for part in parts if part]
    if not said:
        return "There are no runs to show." if len(names) == 0 else "No statistic is known for these runs."
    return f"{interval_lines.sentence_case('; '.join(said))}."


def _range_words(part: pd.DataFrame) -> str:
    if part.empty:
        return ""
    numbers = part["value"].to_numpy()
    low, high = part.iloc[int(numbers.argmin())], part.iloc[int(numbers.argmax())]
    word = theme.one_line(low["statistic"], 40)
    ends = [f"{theme.three_significant(row['value'])} ({theme.one_line(row['name'], _HOVER_LIMIT)})" for row in (low, high)]
    if low["value"] == high["value"]:
        text = f"{word} is {ends[0]}" if len(part) == 1 else f"{word} is {theme.three_significant(low['value'])} in every run"
    else:
        text = f"{word} is from {ends[0]} to {ends[1]}"
    known = part.dropna(subset=["chance_low", "chance_high"])
    if known.empty:
        return text
    outside = int(((known["value"] < known["chance_low"]) | (known["value"] > known["chance_high"])).sum())
    runs = f"{theme.thousands(len(known))} run{'' if len(known) == 1 else 's'}"
    return f"{text}, outside the range under random routing in {theme.thousands(outside)} of {runs}"


def balance_beside_table(
    *,
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    chance: Mapping[str, Sequence[Range]] | None = None,
    styles: Sequence[GroupStyle] | None = None,
) -> pd.DataFrame:
    """List each statistic, run by run: statistic, run, name, group, value, chance_mean, chance_low, chance_high."""
    if styles is not None and len(styles) != len(names):
        raise ValueError(f"styles must have one entry for each of the {len(names)} runs, got {len(styles)}")
    if unknown := [word for word in chance or {} if word not in values]:
        raise ValueError(f"chance must be of statistics in values, got {theme.one_line(unknown[0], 60)!r}")
    rows = []
    for word, numbers in values.items():
        ranges = (chance or {}).get(word, [(math.nan, math.nan, math.nan)] * len(names))
        for name, given in (("values", numbers), ("chance", ranges)):
            if len(given) != len(names):
                where = theme.one_line(word, 60)
                raise ValueError(f"{name} of {where!r} must have one entry for each of the {len(names)} runs, got {len(given)}")
        for run, (value, expected) in enumerate(zip(numbers, ranges)):
            if len(expected) != 3:
                raise ValueError(f"chance must have a mean, a low and a high end for each run, got {len(expected)} numbers")
            group = "" if styles is None else styles[run].words
            value = float(value) if math.isfinite(value) else math.nan
            rows.append((word, run, str(names[run]), group, value, *map(float, expected)))
    columns = ["statistic", "run", "name", "group", "value", "chance_mean", "chance_low", "chance_high"]
    numbers_at = columns[4:]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers_at, np.float64))
