"""What a talk is made from, taken from the store."""

import contextlib
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.app.decks.talk import leaves
from leafscope.app.decks.talk.deck import Material, talk
from leafscope.app.decks.talk.opening import opening
from leafscope.app.decks.talk.part import Part
from leafscope.app.sweeps import findings
from leafscope.app.theme import Look
from leafscope.core import jobs
from leafscope.core.comparison.statistics import measure
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.datasets import DATA_SETS
from leafscope.core.errors import LeafscopeError
from leafscope.core.inspection.leaf_use import LeafMember, leaf_uses
from leafscope.core.store.decks import Slide
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import leaf_counts

LEAFY = ("flat", "shuffled")
"""Beside the tree, the models whose use of leaves is drawn."""


def slides(store: Store, sweep_id: str, look: Look) -> list[Slide]:
    """Make the talk of a sweep, for a projector; raises RunNotFoundError if no sweep has this id."""
    look = replace(look, projector=True)
    return talk(gather(store, sweep_id, look), look)


def gather(store: Store, sweep_id: str, look: Look) -> Material:
    """Collect what the talk of a sweep shows: its tables, and of its runs one net, leaves, and chance."""
    info = store.sweep(sweep_id)
    results, choices = jobs.sweep_results(sweep_id, store=store), jobs.sweep_choices(sweep_id, store=store)
    material = Material(info.config, results, choices)
    if results.empty:
        return material
    part = Part.of(info.config, results, look, choices)
    return replace(
        material,
        opening=opening(store, _openings(store, part), look),
        counted=_counted(store, part),
        uses=None if part.model is None or not (members := _members(part)) else leaf_uses(store, members, of_chance=part.tree),
    )


def _trees(part: Part) -> pd.DataFrame:
    """The finished trees of the cell, the chosen depth first, then the deepest, by seed."""
    rows = part.finished[part.finished["model"] == part.model]
    return rows.assign(own=rows["depth"] != part.depth).sort_values(["own", "depth", "seed"], ascending=[True, False, True])


def _openings(store: Store, part: Part) -> list[RunSummary]:
    """Runs to open with: trees of the sweep if their data can be seen, else the example first."""
    ids = [str(run_id) for run_id in _trees(part)["run_id"].head(3)] if part.model is not None else []
    known = store.runs([*ids, EXAMPLE.run_id])
    own = [known[run_id] for run_id in ids if run_id in known]
    example = [known[EXAMPLE.run_id]] if EXAMPLE.run_id in known and known[EXAMPLE.run_id].status == "finished" else []
    is_seen = bool(own) and (DATA_SETS[own[0].config.data.name].is_plane or DATA_SETS[own[0].config.data.name].image_shape)
    return [*own, *example] if is_seen else [*example, *own]


def _counted(store: Store, part: Part) -> leaves.Counted:
    found: dict[int, tuple[RunConfig, NDArray[np.int64], float]] = {}
    if part.model is None:
        return found
    rows = part.finished[part.finished["model"] == part.model].sort_values("seed").drop_duplicates("depth")
    rows = rows.assign(error=measure(rows, findings.WHICH, "test", "error"))
    known = store.runs([str(run_id) for run_id in rows["run_id"]])
    for depth, run_id, error in zip(rows["depth"], rows["run_id"], rows["error"], strict=True):
        run = known.get(str(run_id))
        if run is None or not run.config.net.gated or run.config.net.depth == 0:
            continue
        with contextlib.suppress(LeafscopeError):  # one damaged run must not hide the others
            leaf = store.last_leaves([str(run_id)], run.config.net.tree_layers - 1, "train")
            if str(run_id) in leaf:
                found[int(depth)] = (run.config, leaf_counts(leaf[str(run_id)], run.config.net.depth), float(error))
    return found


def _members(part: Part) -> list[LeafMember]:
    rows = part.finished[part.finished["model"].isin([part.tree, *LEAFY]) & (part.finished["depth"] > 0)]
    return [
        LeafMember(str(model), "", float(depth), int(seed), str(run_id))
        for model, depth, seed, run_id in zip(rows["model"], rows["depth"], rows["seed"], rows["run_id"], strict=True)
    ]
