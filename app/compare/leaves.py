"""Leaves: the leaf loads and the balance of several runs side by side, at one scale."""

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address.choice import pick
from leafscope.app.compare.selection import Selection
from leafscope.app.figures.compare.balance_beside import BalanceBeside
from leafscope.app.figures.compare.loads_beside import LoadsBeside
from leafscope.app.parts import drawing
from leafscope.core import jobs
from leafscope.core.errors import StoreError
from leafscope.core.usage.chance import expected_balance
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.statistics import STATISTICS

MOST_RUNS = 8
"""Runs whose leaves are shown side by side; the first of each group, best groups first."""
SHOWN = ("effective_leaves", "gini", "dead_fraction", "max_violation")


def show(found: Selection) -> None:
    """Show the load of every leaf of a run of each group, and the balance of its leaves beside random routing."""
    splits = ["train", "validation", *(["test"] if found.report else [])]
    split = pick("leaf_split", "Rows", splits, "train", theme.SPLIT_WORDS)
    shown = _with_leaves(found, split)
    if not shown:
        st.info(
            "Only gated nets with a depth of at least 1 have leaf loads, once they have finished an epoch; none of these runs "
            "is one."
        )
        return
    counts = [leaf_counts(leaf, depth) for _, leaf, depth in shown]
    words = [found.words[place] for place, _, _ in shown]
    left = len(found.groups) - len(shown)
    best = f"the best {len(shown)} of {len(found.groups)} groups that have leaves" if left else "each group"
    one_seed = f"One run of {best}, the first of its seeds that has any, at its last epoch"
    rows = theme.SPLIT_WORDS[split]
    drawing.show(
        LoadsBeside(words, counts, rows),
        key="loads_beside",
        caption=f"{one_seed}; the last gated layer. Colour: share of the {rows} rows in the leaf, one scale for all.",
        subject=found.subject,
    )
    stats, chance = [balance(n) for n in counts], [_chance(tuple(n.tolist())) for n in counts]
    drawing.show(
        BalanceBeside(
            words,
            styles=[found.styles[place] for place, _, _ in shown],
            values={STATISTICS[name].title: [getattr(one, name) for one in stats] for name in SHOWN},
            chance={STATISTICS[name].title: [one[name] for one in chance] for name in SHOWN},
        ),
        key="balance_beside",
        caption=f"{one_seed}. Grey: mean and 95 % range under random routing, where each row draws its leaf from the "
        "product of the frequencies of the bits.",
        subject=found.subject,
    )


def _with_leaves(found: Selection, split: str) -> list[tuple[int, np.ndarray, int]]:
    """Place of the group, leaves of one of its runs' rows, depth; for groups that have any."""
    shown: list[tuple[int, np.ndarray, int]] = []
    for place, group in enumerate(found.groups):
        if len(shown) == MOST_RUNS:
            break
        for run_id in group.rows.sort_values("seed")["run_id"]:
            net = found.summaries[str(run_id)].config.net
            if not net.gated or net.depth == 0:
                continue
            try:
                epochs = jobs.default_store().recorded_epochs(run_id)
                leaf = jobs.default_store().leaves(run_id, net.tree_layers - 1, split, int(epochs[-1])) if len(epochs) else None
            except StoreError:  # a damaged run must not hide the others
                continue
            if leaf is not None:
                shown.append((place, leaf, net.depth))
                break
    return shown


@st.cache_data(show_spinner="Drawing leaves at random …", max_entries=64)
def _chance(counts: tuple[int, ...]) -> dict[str, tuple[float, float, float]]:
    """Mean, low and high of each statistic under random routing."""
    found = expected_balance(np.array(counts))
    return {name: (one.mean, one.low, one.high) for name, one in found.items()}
