"""Balance: how evenly are the leaves used, compared with chance, and how do epoch, depth and penalty change it?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.balance import across_depths, sections
from leafscope.app.balance.sections import PAIR, BalanceView, expected_at
from leafscope.app.figures.balance.lorenz import LorenzCurve
from leafscope.app.figures.balance.node_balance import NodeBalance
from leafscope.app.figures.shared.chance import Band, columns_of, compared
from leafscope.app.leaves import choose_view, experts, node
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table
from leafscope.app.parts.statistic import statistic_words
from leafscope.core.usage.chance import Expected, expected_balance, expected_classes, lorenz_band
from leafscope.core.usage.evenness import carrying, lorenz
from leafscope.core.usage.hyperplanes import hyperplane_lorenz_band
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level
from leafscope.core.usage.statistics import STATISTICS, Statistic
from leafscope.core.usage.summary import why_undefined

PARTS = {
    "epochs": ("Over epochs", sections.over_epochs),
    "information": ("Information about the class", sections.about_the_class),
    "variants": ("Effect of penalty, noise and gates", sections.variants),
}

BESIDE = ("effective_leaves", "dead_fraction", "max_violation")
"""The three numbers that matter."""


def main() -> None:
    """Lay out the page."""
    heading = st.empty()
    heading.title("How evenly the leaves are used")
    found = choose_view.open_run("its balance appears here")
    if found is None:
        return
    if not found.run.config.net.has_leaves:
        heading.title("How evenly the experts are used")
        experts.balance(found)
        return
    view = BalanceView(**vars(found), length=_length(found.depth))
    counts = view.lengths[view.split]
    _numbers(view, counts)
    left, right = st.columns(2)
    with left:
        _lorenz(view, counts)
    with right:
        _nodes(view, counts)
    there = {key: words for key, (words, _) in PARTS.items() if view.data.n_classes or key != "information"}
    chosen = node.part(there, key="aspect")
    PARTS[chosen][1](view)
    across_depths.across_depths(view)


def _length(depth: int) -> int:
    """Ask for the length of the prefixes to measure; by default the whole pattern."""
    wrong = choice.seed("length", range(depth + 1), depth)
    choice.warn("length", wrong, f"from 0 to {depth}")
    if depth > 0:
        with st.sidebar:
            st.select_slider(
                "Bits of the pattern",
                list(range(depth + 1)),
                key="length",
                persist_state="session",
                help="Measure prefixes of this length instead of leaves; with all bits, these are the leaves.",
            )
    length = int(st.session_state["length"])
    session.publish_to_url("length", length, depth)
    return length


@st.cache_data(show_spinner=False, max_entries=64)
def _chance(counts: NDArray[np.int64]) -> dict[str, Expected]:
    return expected_balance(counts)


@st.cache_data(show_spinner=False, max_entries=64)
def _class_chance(counts: NDArray[np.int64], class_totals: NDArray[np.int64]) -> dict[str, Expected]:
    return expected_classes(counts, class_totals)


@st.cache_data(show_spinner=False, max_entries=64)
def _band(counts: NDArray[np.int64]) -> Band:
    return lorenz_band(counts)


@st.cache_data(show_spinner=False, max_entries=64)
def _hyperplane_band(key: tuple[object, ...], _view: BalanceView) -> Band | None:
    del key
    seen = _view.seen()
    return None if seen is None else hyperplane_lorenz_band(seen, _view.length)


def _numbers(view: BalanceView, counts: NDArray[np.int64]) -> None:
    values = view.statistics()
    by_class = view.class_counts() if view.data.n_classes else counts
    chance = _by_chance(view, counts)
    st.markdown(theme.escape_markdown(_sentence(view, counts, chance)))
    tiles = st.container(key="tiles")
    for column, name in zip(tiles.columns(3), BESIDE, strict=True):
        with column:
            statistic, scale, shift, of = STATISTICS[name], 1.0, 0.0, f" of {theme.thousands(len(counts))}"
            if name == "dead_fraction":  # shown as a count: 2 of 16
                words = "Leaves with no row of the split, of all L."
                scale, statistic = float(len(counts)), replace(statistic, meaning=words, formula="", written="count")
            elif name == "max_violation":  # shown as a multiple: 5.31 times
                words = "Rows in the fullest leaf, as a multiple of the mean over all leaves: 1 is even."
                statistic = replace(statistic, title="Fullest leaf / mean", meaning=words, formula="max n / mean n.")
                shift, of = 1.0, " times"
            value = scale * values[name] + shift
            expected = {level: _scaled(one, scale, shift) for level, one in chance[name].items()}
            _tile(statistic, value, expected, why_undefined(name, counts), of)
    others = [
        (statistic, values[name], chance[name], _reason(view, statistic, values[name], counts, by_class))
        for name, statistic in view.there.items()
        if name not in BESIDE
    ]
    with st.expander("All statistics", key="all_statistics"):
        for first in range(0, len(others), 3):
            for column, tile in zip(st.columns(3), others[first : first + 3], strict=False):
                with column:
                    _tile(*tile)
        st.caption(
            f"Below each: what chance alone would give. {INDEPENDENT_BITS.meaning} {HYPERPLANES.meaning} For rows that changed "
            "leaf or are in their final leaf, rows draw again at each epoch; for the divergence, all rows are dealt again into "
            "the two splits. With few rows in many leaves, a statistic is far from even by chance alone."
        )
        table = _table(values, chance, others)
        save_table(lambda: table, "balance", key="balance_csv")


def _scaled(expected: Expected, scale: float, shift: float) -> Expected:
    return Expected(*(scale * value + shift for value in (expected.mean, expected.low, expected.high)))


def _reason(
    view: BalanceView, statistic: Statistic, value: float, counts: NDArray[np.int64], by_class: NDArray[np.int64]
) -> str | None:
    """Why a statistic is not defined at the shown epoch."""
    if statistic.needs == "splits":
        return next(filter(None, (why_undefined(statistic.name, view.lengths[split]) for split in PAIR)), None)
    if statistic.needs == "epochs" and view.epoch == view.epochs[0] and counts.any() and np.isnan(value):
        return "no epoch was recorded before"
    return why_undefined(statistic.name, by_class if statistic.needs == "classes" else counts)


def _by_chance(view: BalanceView, counts: NDArray[np.int64]) -> dict[str, dict[Level, Expected]]:
    """What each chance level gives for every statistic, where it is known."""
    first = _chance(counts) | _first_chance(view, counts)
    found: dict[str, dict[Level, Expected]] = {}
    for name, statistic in view.there.items():
        known = {level: view.under_hyperplanes() if level == HYPERPLANES else first for level in statistic.chance}
        found[name] = {level: of[name] for level, of in known.items() if name in of and np.isfinite(of[name].mean)}
    return found


def _first_chance(view: BalanceView, counts: NDArray[np.int64]) -> dict[str, Expected]:
    """What the first level gives for statistics of classes, of two epochs and of two splits."""
    place = view.epochs.index(view.epoch)
    found: dict[str, Expected] = {}
    if view.data.n_classes:
        found |= _class_chance(counts, np.bincount(view.labels, minlength=view.data.n_classes))
    series = {view.split: view.series()}
    for name, statistic in STATISTICS.items():
        if statistic.expected is not None:
            splits = [view.lengths[split] for split in PAIR]
            is_of_splits = statistic.needs == "splits"
            found[name] = _split_chance(name, *splits) if is_of_splits else expected_at(view, statistic, series, place)
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def _split_chance(name: str, counts_train: NDArray[np.int64], counts_test: NDArray[np.int64]) -> Expected:
    expected = STATISTICS[name].expected
    assert expected is not None  # the caller saw it
    return expected(counts_train, counts_test)


def _tile(statistic: Statistic, value: float, expected: dict[Level, Expected], reason: str | None, of: str = "") -> None:
    lines = []
    for level, one in expected.items():
        mean, low, high = (statistic_words(statistic, end) for end in (one.mean, one.low, one.high))
        lines.append(f"{level.short}: {mean} ({low} to {high})")
    chance, others = (
        (lines[-1], lines[:-1]) if lines else (None, lines)
    )  # last what sentences compare with; a tile has no room for more
    undefined = reason is not None and not np.isfinite(value)
    words = theme.MISSING if undefined else statistic_words(statistic, value) + of
    st.metric(
        statistic.title,
        words,
        delta=reason if undefined else chance,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=statistic.explanation + (f" Here: {reason}." if undefined else "".join(f" By {one}." for one in others)),
    )


def _sentence(view: BalanceView, counts: NDArray[np.int64], chance: dict[str, dict[Level, Expected]]) -> str:
    if counts.sum() == 0:
        return f"There are no {view.rows}, so no leaf is used."
    what = "leaves" if view.length == view.depth else f"prefixes of {view.length} bit{'s' * (view.length != 1)}"
    needed = carrying(counts)
    level = compared(chance["carrying_90"])
    assert level is not None  # there are rows, so chance says something
    random = chance["carrying_90"][level]
    verb = "carries" if needed == 1 else "carry"
    return (
        f"{theme.thousands(needed)} of {theme.thousands(len(counts))} {what} {verb} 90 % of the "
        f"{theme.thousands(counts.sum())} {view.rows} at epoch {view.epoch}; {level.name} would need "
        f"{theme.thousands(random.mean)} ({theme.thousands(random.low)} to {theme.thousands(random.high)})."
    )


def _table(
    values: dict[str, float],
    chance: dict[str, dict[Level, Expected]],
    others: list[tuple[Statistic, float, dict[Level, Expected], str | None]],
) -> pd.DataFrame:
    first = [(STATISTICS[name], values[name], chance[name], None) for name in BESIDE]
    everything = [*first, *others]
    levels = list(dict.fromkeys(level for statistic in STATISTICS.values() for level in statistic.chance))
    records = []
    for statistic, value, expected, reason in everything:
        record: dict[str, object] = {"statistic": statistic.title, "value": value}
        for level in levels:
            one = expected.get(level, Expected.unknown())
            record |= dict(zip(columns_of(level), (one.mean, one.low, one.high), strict=True))
        records.append(record | {"undefined": reason})
    return pd.DataFrame(records)


def _lorenz(view: BalanceView, counts: NDArray[np.int64]) -> None:
    chance: dict[Level, Band] = {INDEPENDENT_BITS: _band(counts)}
    if (band := _hyperplane_band((*view.measured, view.seen_at), view)) is not None:
        chance[HYPERPLANES] = band
    drawing.show(
        LorenzCurve(lorenz(counts), chance, split=SPLITS[view.split], model=view.run.config.net.kind),
        key="lorenz",
        caption=view.caption(f"Leaves from the emptiest to the fullest. {' '.join(level.meaning for level in chance)}"),
        subject=view.subject,
        share=0.48,
    )


def _nodes(view: BalanceView, counts: NDArray[np.int64]) -> None:
    drawing.show(
        NodeBalance(counts, split=SPLITS[view.split]),
        key="node_balance",
        caption=view.caption("Each cell is an inner node, below its parent; colour is the share of its rows with bit 1."),
        subject=view.subject,
        share=0.48,
    )


main()
