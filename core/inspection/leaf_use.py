"""How the models of a sweep use their leaves: counts of the training rows after the last epoch, read from the store.

Nets with leaves recorded the leaf of every row. A dense net has none; the signs of the hidden units that `hidden` gates of a
tree net would read say where it would send the rows. A decision tree is applied to the rows again. Experts are no leaves.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.datasets import load
from leafscope.core.errors import StoreError
from leafscope.core.inspection.gate_inputs import stored_gate_inputs
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.leaf_use import MEASURES, leaf_use, leaf_use_by_chance

OWN_SIGNS = "own signs"
"""The variant of a dense net whose signs are read."""


@dataclass(frozen=True)
class LeafMember:
    """A run whose leaves are wanted, with its line in figures."""

    model: str
    variant: str
    depth: float
    """K; NaN: the same at every depth, as of a pruned decision tree."""
    seed: int
    run_id: str


@dataclass(frozen=True, eq=False)
class LeafUses:
    """What the store has of them."""

    values: pd.DataFrame
    """model, variant, depth, seed, run_id, and a column for each of `usage.leaf_use.MEASURES`; a line for each member found."""
    chance: pd.DataFrame
    """level (its key), depth, seed, name (of the measure), mean, low, high; of the members that `of_chance` names."""
    missing: tuple[LeafMember, ...]
    """Members without leaves or weights in the store."""


def leaf_uses(store: Store, members: Sequence[LeafMember], of_chance: str = "") -> LeafUses:
    """Collect how runs use their leaves on their training rows, and what chance gives for the gates of one model.

    A dense member needs a depth, to say how many signs are read; raises ValueError for one without, or with fewer units. Runs
    that are damaged or unknown are among the missing.
    """
    summaries = store.runs(member.run_id for member in members)
    counts = _all_counts(store, summaries, members)
    lines, chance, missing = [], [], []
    for member in members:
        found = counts.get((member.run_id, member.depth))
        if found is None:
            missing.append(member)
            continue
        lines.append({**vars(member), **{name: float(values[0]) for name, values in leaf_use(found[None]).items()}})
        summary = summaries[member.run_id]
        if member.model == of_chance and summary.config.net.gated:
            chance += list(_chance_of(store, summary, member, found))
    values = pd.DataFrame(lines, columns=[*LeafMember.__dataclass_fields__, *MEASURES])
    columns = ["level", "depth", "seed", "name", "mean", "low", "high"]
    return LeafUses(values, pd.DataFrame(chance, columns=columns), tuple(missing))


def _all_counts(
    store: Store, summaries: Mapping[str, RunSummary], members: Sequence[LeafMember]
) -> dict[tuple[str, float], NDArray[np.int64]]:
    """Count the training rows in each leaf: (run_id, depth of the member) -> (L,), where the store has what it takes.

    Of a net with leaves: of its last layer that has some; of a decision tree: of its own leaves, from left to right; of a dense
    net: of the signs of its first K units. Each run is read once.
    """
    depths: dict[str, list[float]] = {}
    for member in members:
        depths.setdefault(member.run_id, []).append(member.depth)
    found: dict[tuple[str, float], NDArray[np.int64]] = {}
    by_layer: dict[int, list[str]] = {}
    for run_id, summary in summaries.items():
        if summary.config.net.has_leaves:
            by_layer.setdefault(len(summary.config.net.routed_layers) - 1, []).append(run_id)
    for layer, run_ids in by_layer.items():
        for run_id, leaf in store.last_leaves(run_ids, layer, "train").items():
            counts = leaf_counts(leaf, summaries[run_id].config.net.depth)
            found |= {(run_id, depth): counts for depth in depths[run_id]}
    for run_id, summary in summaries.items():
        if not summary.config.net.routed_layers:
            with contextlib.suppress(StoreError):  # one damaged run must not hide the others
                found |= {(run_id, depth): counts for depth, counts in _computed(store, summary, depths[run_id])}
    return found


def _computed(store: Store, summary: RunSummary, depths: Sequence[float]) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """Count the rows in the leaves of a decision tree, or by the signs of a dense net, for each depth."""
    net = summary.config.net
    if net.model.fit is not None:
        trees = fitted_trees(store, summary.run_id) if net.model.fit.is_tree else None
        if trees is not None:
            in_node = np.bincount(trees.apply(_training_rows(summary)), minlength=len(trees.feature))
            counts = in_node[[node for node, _ in trees.leaves()]].astype(np.int64, copy=False)
            yield from ((depth, counts) for depth in depths)
        return
    if any(math.isnan(depth) for depth in depths):
        raise ValueError("depth must be the number of signs to read of a dense net, got none")
    trained = trained_net(store, summary.run_id)
    if trained is not None:
        for depth in depths:
            leaf = trained.unit_leaves(_training_rows(summary), net.tree_layers - 1, int(depth))
            yield depth, leaf_counts(leaf, int(depth))


def _training_rows(summary: RunSummary) -> NDArray[np.float32]:
    return load(summary.config.data, summary.config.data_seed).train.x


def _chance_of(
    store: Store, summary: RunSummary, member: LeafMember, counts: NDArray[np.int64]
) -> Iterator[tuple[str, float, int, str, float, float, float]]:
    layer = summary.config.net.tree_layers - 1
    seen = stored_gate_inputs(store, summary.run_id, summary.config, "train", layer)
    for level, by_name in leaf_use_by_chance(counts, seen).items():
        for name, one in by_name.items():
            yield level.key, member.depth, member.seed, name, one.mean, one.low, one.high
