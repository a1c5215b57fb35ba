"""The slides of leaves: where the rows of one net go at each depth, and how many leaves are used, over seeds, beside chance.

K depth · L = 2^K leaves · n seeds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.decks.figure_parts import MOST_STATES
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.decks.talk.part import Part
from leafscope.app.decks.talk.ran import Left
from leafscope.app.decks.talk.slides import figure_slide
from leafscope.app.figures.leaves.icicle import PrefixIcicle
from leafscope.app.figures.overfitting.leaf_use_by_depth import LeafUseByDepth
from leafscope.app.figures.shared.interval_lines import range_words
from leafscope.app.sweeps.curves import intervals
from leafscope.core.config import RunConfig
from leafscope.core.inspection.leaf_use import LeafUses
from leafscope.core.store.decks import Slide
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS

SLIDER, USED = "The depth slider", "Leaves used against depth"

HOW = "Add trees of K = 1 or more, and keep the leaves of their rows"

Counted = Mapping[int, tuple[RunConfig, NDArray[np.int64], float]]
"""Depth -> a run, the training rows in each of its leaves, its test error at the epoch of the other figures."""


def slider(part: Part, counted: Counted) -> Slide | Left:
    """Draw where the training rows of one net go, with a state for each depth from 1 on."""
    depths = [depth for depth in sorted(counted) if depth > 0][:MOST_STATES]
    if len(depths) < 2:
        return Left(SLIDER, "leaves of trees of two depths are not here", HOW)
    states: list[dict[str, Any]] = []
    used = []
    for depth in depths:
        run, counts, error = counted[depth]
        slide = snapshot(PrefixIcicle(counts, depth).figure(look=part.look), look=part.look, runs=[run])
        used.append(int((counts > 0).sum()))
        even = balance(counts).effective_leaves
        states.append(
            {
                "name": f"{depth}: {_error(part, error)}, {theme.three_significant(even)} effective leaves",
                "figure": slide.figure,
                "runs": list(slide.runs),
                "address": "",
            }
        )
    seed = counted[depths[0]][0].seed
    of = f"{used[0]} of {2 ** depths[0]} leaves, then {used[-1]} of {2 ** depths[-1]}"
    made = snapshot(
        PrefixIcicle(counted[depths[-1]][1], depths[-1]).figure(look=part.look),
        look=part.look,
        title=f"Rows reach {of}",
        caption=f"{part.subject}. Effective leaves: as many equally full ones would be used as evenly.",
        notes="Move the slider, or press next: each state is another net of the sweep, trained at that depth. The error is "
        "that at the epoch of the lowest validation loss, the leaves are those after the last epoch.",
        runs=[run for run, _, _ in (counted[depth] for depth in depths)],
        sweep=part.sweep,
    )
    return made.model_copy(
        update={
            "kind": "states",
            "text": f"One net for each depth, seed {seed}; the first sign bit on top",
            "figure": {"control": "depth K", "states": states},
        }
    )


def _error(part: Part, error: float) -> str:
    """Write a test error: 12.1 % test error, or test RMSE 3.14."""
    words = part.errors.words(part.errors.scaled(error))
    return f"{words} test error" if part.errors.are_shares else f"test RMSE {words}"


def used(part: Part, uses: LeafUses | None) -> Slide | Left:
    """Draw the effective leaves of the tree against depth beside chance, in grey those of the placebo and of flat leaves."""
    if part.model is None or uses is None or not (uses.values["depth"] > 0).any():
        return Left(USED, "the leaves of the rows are not here", HOW)
    values = uses.values.assign(value=uses.values["effective_leaves"])
    chance = {
        level: uses.chance[(uses.chance["level"] == level.key) & (uses.chance["name"] == "effective_leaves")]
        .groupby("depth", as_index=False)[["mean", "low", "high"]]
        .mean()
        for level in (INDEPENDENT_BITS, HYPERPLANES)
    }
    curves = intervals(values, ["model", "variant", "depth"], "value", part.overlap)
    shown = LeafUseByDepth(curves, lit=[part.tree], chance=chance)
    mine = curves[(curves["model"] == part.tree) & (curves["depth"] > 0)]
    if mine.empty:
        return Left(USED, "the leaves of the tree's rows are not here", HOW)
    row = mine.sort_values("depth").iloc[-1]
    depth = int(row["depth"])
    level = HYPERPLANES if (chance[HYPERPLANES]["depth"] == depth).any() else INDEPENDENT_BITS
    beside = chance[level][chance[level]["depth"] == depth]
    than, by = "", ""
    if not beside.empty:
        one = beside.iloc[0]
        below, above = row["mean"] < one["low"], row["mean"] > one["high"]
        than = ", fewer than by chance" if below else ", more than by chance" if above else ", as by chance"
        by = f"; {level.name} would give {range_words(one['mean'], one['low'], one['high'], 'leaves')}"
    title = f"K = {depth}: {theme.three_significant(row['mean'])} effective leaves of {2**depth}{than}"
    n = "one seed" if row["n"] == 1 else f"n = {row['n']:.0f}"
    size = range_words(row["mean"], row["low"], row["high"], "leaves")
    slide = figure_slide(
        part,
        shown,
        title,
        f"{size}, {n}{by}",
        ["Training rows after the last epoch. Effective leaves: as many equally full ones would be used as evenly."],
        [shown.sentence(), INDEPENDENT_BITS.meaning, HYPERPLANES.meaning],
    )
    return slide or Left(USED, "there is nothing to draw yet", "Wait until some runs have finished")
