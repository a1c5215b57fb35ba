"""The figure of the README: the tree minus other models on every data set, as SVG, which needs no browser to be made."""

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

from leafscope.app import theme
from leafscope.app.claims.words import at_own, key_words, trees
from leafscope.core.claims.judging import Judged, Key
from leafscope.core.claims.own_depth import Own

OPPONENTS = ("dense", "dense_capacity", "flat", "random_gates")
"""The models that have a panel; the tables have all."""

LEFT, PANEL, GAP, ROW, TOP, BOTTOM = 330, 190, 18, 40, 78, 62
"""Lengths in px: names of data sets, a panel, the space between panels, a data set, above and below the panels."""

SIZE, RADIUS = 14, 5


class _Mark(NamedTuple):
    row: int
    offset: float
    number: int
    """Of its tree, which decides colour and shape."""
    one: Judged


def results_figure(cells: Sequence[tuple[str, Sequence[Own]]]) -> str:
    """Draw differences of test errors in points with 95 % intervals: filled where one is shown, hollow where none is.

    Panels are the models of `OPPONENTS` that were trained; rows are data sets, each with its trees.
    """
    found = [(other, _marks(cells, other)) for other in OPPONENTS]
    panels = [(other, marks) for other, marks in found if marks]
    ends = [100 * end for _, marks in panels for mark in marks for end in _ends(mark.one)]
    reach = max([1.0, *map(abs, ends)]) * 1.05
    height = TOP + ROW * len(cells) + BOTTOM
    width = LEFT + max(1, len(panels)) * (PANEL + GAP)
    parts = [_text(10, 24, "Test error of the tree minus that of another model, each at its own depth", size=SIZE + 3)]
    parts += [_text(LEFT - 12, _y(place) + 5, name, anchor="end") for place, (name, _) in enumerate(cells)]
    for place, (other, marks) in enumerate(panels):
        parts += _panel(LEFT + place * (PANEL + GAP), key_words((other, "")), marks, reach, len(cells))
    parts += _legend(trees(cells), height - 10)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="{SIZE}" fill="{theme.TEXT[False]}" role="img">\n'
        f"<title>Test error of the tree minus that of other models on {len(cells)} data sets</title>\n"
        f'<rect width="{width}" height="{height}" fill="{theme.BACKGROUND[False]}"/>\n{body}\n</svg>\n'
    )


def _marks(cells: Sequence[tuple[str, Sequence[Own]]], other: str) -> list[_Mark]:
    rows = {name: place for place, (name, _) in enumerate(cells)}
    known = trees(cells)
    marks = []
    for number, tree in enumerate(known):
        keys = [(other, tree[1]), (other, "")] if other == "random_gates" else [(other, "")]
        for name, one in next(filter(None, (at_own(cells, tree, key) for key in keys)), []):
            if one.difference.n:
                offset = 12 * (number - (len(known) - 1) / 2)
                marks.append(_Mark(rows[name], offset, number, one))
    return marks


def _colour(number: int) -> str:
    styles = ("tree", "tree_units", "decision_tree", "ensemble")
    return theme.MODEL_COLOURS[styles[number % len(styles)]]


def _ends(one: Judged) -> list[float]:
    return [end for end in (one.difference.low, one.difference.high, one.difference.mean) if math.isfinite(end)]


def _y(row: float) -> float:
    return TOP + ROW * (row + 0.5)


def _panel(left: float, name: str, marks: Sequence[_Mark], reach: float, rows: int) -> list[str]:
    def x(share: float) -> float:
        return left + PANEL * (0.5 + 50 * share / reach)

    bottom = TOP + ROW * rows
    step = next((step for step in (1, 2, 5, 10, 20, 50) if reach / step <= 2.5), 50)
    parts = [_text(left + PANEL / 2, TOP - 28, f"minus {name}", anchor="middle", size=SIZE - 1)]
    parts.append(_text(left + 2, TOP - 8, "tree lower", size=SIZE - 3, colour=theme.MUTED[False]))
    parts.append(_text(left + PANEL - 2, TOP - 8, "tree higher", "end", SIZE - 3, theme.MUTED[False]))
    for tick in range(-5 * step, 5 * step + 1, step):
        if abs(tick) <= reach:
            colour = theme.MUTED[False] if tick == 0 else theme.GRID[False]
            parts.append(_line(x(tick / 100), TOP, x(tick / 100), bottom, colour, 1))
            parts.append(_text(x(tick / 100), bottom + 18, f"{tick:+d}" if tick else "0", anchor="middle", size=SIZE - 2))
    for mark in marks:
        y, difference, colour = _y(mark.row) + mark.offset, mark.one.difference, _colour(mark.number)
        if math.isfinite(difference.low):
            parts.append(_line(x(difference.low), y, x(difference.high), y, colour, 2))
        fill = colour if mark.one.shown else theme.BACKGROUND[False]
        parts.append(_shape(mark.number, x(difference.mean), y, fill, f"{100 * difference.mean:+.1f} points"))
    return parts


def _legend(known: Sequence[Key], y: float) -> list[str]:
    parts, left = [], 10.0
    for number, tree in enumerate(known):
        parts.append(_shape(number, left + RADIUS, y - 5, _colour(number), key_words(tree)))
        parts.append(_text(left + 16, y, key_words(tree)))
        left += 40 + 8 * len(key_words(tree))
    words = "percentage points, 95 % intervals; filled: a difference is shown (Holm within the data set)"
    return [*parts, _text(left + 10, y, words, colour=theme.MUTED[False], size=SIZE - 1)]


def _shape(number: int, x: float, y: float, fill: str, words: str) -> str:
    """Draw the mark of a tree: discs and squares in turn, so that colour is not the only coding."""
    style = f'fill="{fill}" stroke="{_colour(number)}" stroke-width="2"'
    title = f"<title>{html.escape(words)}</title>"
    if number % 2:
        return (
            f'<rect x="{x - RADIUS:.1f}" y="{y - RADIUS:.1f}" width="{2 * RADIUS}" height="{2 * RADIUS}" {style}>{title}</rect>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" {style}>{title}</circle>'


def _text(x: float, y: float, words: str, anchor: str = "start", size: int = SIZE, colour: str = "") -> str:
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{fill}>{html.escape(words)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, width: int) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" stroke-width="{width}"/>'
