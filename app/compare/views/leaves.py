"""Leaves: the leaf loads and the balance of several runs side by side, at one scale."""

import math

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address.choice import pick
from leafscope.app.compare.selection import Selection
from leafscope.app.figures.compare.balance_beside import BalanceBeside
from leafscope.app.figures.compare.loads_beside import LoadsBeside
from leafscope.app.parts import drawing
from leafscope.core import jobs
from leafscope.core.config import NetConfig
from leafscope.core.errors import StoreError
from leafscope.core.inspection.gate_inputs import stored_gate_inputs
from leafscope.core.usage.chance import expected_balance
from leafscope.core.usage.counts import choice_counts
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.hyperplanes import expected_under_hyperplanes
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS
from leafscope.core.usage.statistics import STATISTICS

MOST_RUNS = 8
"""Runs whose leaves are shown side by side; the first of each group, best groups first."""
UNKNOWN = (math.nan, math.nan, math.nan)
SHOWN = ("effective_leaves", "gini", "dead_fraction", "max_violation")


def show(found: Selection) -> None:
    """Show the load of every leaf of a run of each group, and the balance of its leaves beside chance."""
    splits = ["train", "validation", *(["test"] if found.report else [])]
    split = pick("leaf_split", "Rows", splits, "train", theme.SPLIT_WORDS)
    shown = _with_leaves(found, split)
    if not shown:
        st.info(
            "Only nets that send rows to several leaves or experts have loads, once they have finished an epoch; none of these "
            "runs is one."
        )
        return
    counts = [choice_counts(leaf, net.routed_layers[-1].n_leaves) for _, _, leaf, net in shown]
    words = [found.words[place] for place, _, _, _ in shown]
    one_seed = "One run of each group that is drawn, the first of its seeds that has leaves, at its last epoch"
    rows = theme.SPLIT_WORDS[split]
    below_a_tree = [place for place, (_, _, _, net) in enumerate(shown) if net.has_leaves]
    if below_a_tree:
        drawing.show(
            LoadsBeside([words[place] for place in below_a_tree], [counts[place] for place in below_a_tree], rows),
            key="loads_beside",
            words=_left_out(found, len(below_a_tree)),
            caption=f"{one_seed}; the last gated layer. Colour: share of the {rows} rows in the leaf, one scale for all.",
            subject=found.subject_of([shown[place][1] for place in below_a_tree]),
        )
    if len(below_a_tree) < len(shown):
        st.caption(
            "Mixtures of experts are left out: experts have no sign patterns, so their loads cannot be compared with those "
            "of leaves."
        )
    stats = [balance(n) for n in counts]
    url = jobs.default_store().url
    by_level = {
        INDEPENDENT_BITS: [
            _chance(tuple(n.tolist())) if net.has_leaves else {} for n, (_, _, _, net) in zip(counts, shown, strict=True)
        ],
        HYPERPLANES: [_hyperplanes(url, run_id, found.summaries[run_id].attempt, split) for _, run_id, _, _ in shown],
    }
    drawing.show(
        BalanceBeside(
            words,
            styles=[found.styles[place] for place, _, _, _ in shown],
            values={STATISTICS[name].title: [getattr(one, name) for one in stats] for name in SHOWN},
            chance={
                level: {STATISTICS[name].title: [one.get(name, UNKNOWN) for one in of] for name in SHOWN}
                for level, of in by_level.items()
            },
        ),
        key="balance_beside",
        caption=f"{one_seed}. Grey: {INDEPENDENT_BITS.meaning} {HYPERPLANES.meaning}",
        subject=found.subject_of([run_id for _, run_id, _, _ in shown]),
    )


def _left_out(found: Selection, drawn: int) -> str:
    """Say why runs that are compared are not drawn; empty: all are."""
    nets = [found.summaries[str(run_id)].config.net for run_id in found.table["run_id"]]
    none = sum(not (net.has_leaves and _has_several(net)) for net in nets)
    rest = len(nets) - none - drawn
    if not none and not rest:
        return ""
    parts = [f"{theme.thousands(none)} {'has' if none == 1 else 'have'} no leaves"] if none else []
    if rest:
        of = f"the best {MOST_RUNS} groups with" if drawn == MOST_RUNS else "the groups with"
        parts.append(
            f"{theme.thousands(rest)} {'is' if rest == 1 else 'are'} left out: of each of {of} recorded leaves, one is drawn"
        )
    return f"Of the {theme.thousands(len(nets))} compared runs, {', and '.join(parts)}."


def _has_several(net: NetConfig) -> bool:
    """Whether rows go to several leaves or experts in the last gated layer."""
    layers = net.routed_layers
    return bool(layers) and layers[-1].n_leaves > 1


def _with_leaves(found: Selection, split: str) -> list[tuple[int, str, np.ndarray, NetConfig]]:
    """Place of the group, address of one of its runs, leaves of its rows, net; for groups that have any."""
    shown: list[tuple[int, str, np.ndarray, NetConfig]] = []
    for place, group in enumerate(found.groups):
        if len(shown) == MOST_RUNS:
            break
        for run_id in group.rows.sort_values("seed")["run_id"]:
            net = found.summaries[str(run_id)].config.net
            if not _has_several(net):
                continue
            try:
                epochs = jobs.default_store().recorded_epochs(run_id)
                last = len(net.routed_layers) - 1
                leaf = jobs.default_store().leaves(run_id, last, split, int(epochs[-1])) if len(epochs) else None
            except StoreError:  # a damaged run must not hide the others
                continue
            if leaf is not None:
                shown.append((place, str(run_id), leaf, net))
                break
    return shown


@st.cache_data(show_spinner="Drawing leaves at random …", max_entries=64)
def _chance(counts: tuple[int, ...]) -> dict[str, tuple[float, float, float]]:
    """Mean, low and high of each statistic under independent bits."""
    found = expected_balance(np.array(counts))
    return {name: (one.mean, one.low, one.high) for name, one in found.items()}


@st.cache_data(show_spinner="Drawing hyperplanes at random …", max_entries=64)
def _hyperplanes(url: str, run_id: str, attempt: int, split: str) -> dict[str, tuple[float, float, float]]:
    """Mean, low and high of each statistic under random hyperplanes; empty where weights that matter are not kept."""
    del url, attempt
    store = jobs.default_store()
    run = store.run(run_id).config
    seen = stored_gate_inputs(store, run_id, run, split, max(0, len(run.net.routed_layers) - 1))
    found = {} if seen is None else expected_under_hyperplanes(seen, run.net.depth, names=SHOWN)
    return {name: (one.mean, one.low, one.high) for name, one in found.items()}
