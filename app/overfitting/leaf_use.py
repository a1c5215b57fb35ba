"""The section of Overfitting and Balance that shows how the models use their leaves at each depth, beside chance."""

import math
from collections.abc import Sequence
from dataclasses import astuple
from functools import lru_cache

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address.choice import pick
from leafscope.app.figures.overfitting.leaf_use_by_depth import LeafUseByDepth
from leafscope.app.figures.shared.interval_lines import phrase
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.overfitting.part import Choice, shown
from leafscope.app.overfitting.sections import bands_words, lit
from leafscope.app.parts import drawing
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import intervals
from leafscope.app.sweeps.headline import chosen_depth
from leafscope.core import jobs
from leafscope.core.comparison.overlap import overlap
from leafscope.core.config import NetConfig
from leafscope.core.inspection.leaf_use import OWN_SIGNS, LeafMember, LeafUses, leaf_uses
from leafscope.core.models import MODELS, decision_tree_lines, gated_lines
from leafscope.core.usage.leaf_use import MEASURES
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level

DENSE = "dense"
"""The line of dense nets whose signs are read."""


def leaf_use(rows: pd.DataFrame, choices: pd.DataFrame, choice: Choice) -> None:
    """How many leaves are used, and how evenly, against depth; `choices` are the rows on which the depth is chosen."""
    cell = findings.one_variant(rows, choice.variant)
    mine = shown(cell, choice)
    members = members_of(mine, sorted(cell["depth"].dropna().unique()))
    if not members:
        st.info("No model of this sweep that is shown has leaves: add a tree net, or wait until one has finished.")
        return
    measure = pick(
        "leaf_use", "Leaf use", tuple(MEASURES), "effective_leaves", {name: one.title for name, one in MEASURES.items()}
    )
    model = next((line for line in gated_lines() if (mine["model"] == line).any()), "")
    found = _uses(jobs.default_store().url, choice.info.sweep_id, tuple(astuple(member) for member in members), model)
    missing = " ".join(filter(None, [missing_words(found.missing), without_leaves(mine)]))
    if found.values.empty:
        st.info(f"How the leaves are used cannot be shown. {missing}")
        return
    chance = {level: _over_seeds(found.chance, level, measure) for level in (INDEPENDENT_BITS, HYPERPLANES)}
    values = found.values.assign(value=found.values[measure])
    drawing.show(
        LeafUseByDepth(
            intervals(values, ["model", "variant", "depth"], "value", overlap(rows)),
            values[["model", "variant", "seed", "depth", "value"]] if choice.seeds else None,
            chosen_depth(findings.one_variant(choices, choice.variant)),
            lit(values, choice),
            measure=measure,
            chance=chance,
        ),
        key="leaf_use_by_depth",
        subject=choice.subject,
        sweep=choice.info.config,
        caption=" ".join(filter(None, [_caption(found, measure, model, chance), bands_words(rows), missing])),
    )


def members_of(rows: pd.DataFrame, depths: Sequence[float]) -> list[LeafMember]:
    """The finished members whose leaves can be counted; of a dense net one for each of these depths, those of its cell."""
    found = []
    for row in rows[rows["status"] == "finished"].to_dict("records"):
        model, line = str(row["model"]), (int(row["seed"]), str(row["run_id"]))
        if model in decision_tree_lines() or _has_leaves(str(row["net.kind"])):
            found.append(LeafMember(model, str(row["variant"]), float(row["depth"]), *line))
        elif model == DENSE:
            own = depths if math.isnan(row["depth"]) else [row["depth"]]
            found += [LeafMember(model, OWN_SIGNS, float(depth), *line) for depth in own if depth <= row["net.width"]]
    return found


@lru_cache
def _has_leaves(kind: str) -> bool:
    return NetConfig(kind=kind).has_leaves


@st.cache_data(show_spinner="Counting rows in leaves …", max_entries=16)
def _uses(url: str, sweep_id: str, members: tuple[tuple[str, str, float, int, str], ...], of_chance: str) -> LeafUses:
    """Cached by the sweep and its finished runs, in the store with this address."""
    del url, sweep_id
    return leaf_uses(jobs.default_store(), [LeafMember(*member) for member in members], of_chance)


def _over_seeds(chance: pd.DataFrame, level: Level, measure: str) -> pd.DataFrame:
    """Average mean, low and high over the seeds: a row for each depth."""
    mine = chance[(chance["level"] == level.key) & (chance["name"] == measure)]
    return mine.groupby("depth", as_index=False)[["mean", "low", "high"]].mean()


def _caption(found: LeafUses, measure: str, model: str, chance: dict[Level, pd.DataFrame]) -> str:
    words = [f"Training rows after the last epoch, in the last gated layer. {MEASURES[measure].meaning}"]
    if (found.values["variant"] == OWN_SIGNS).any():
        words.append("Dense, own signs: those of its first K hidden units, which send no row anywhere.")
    known = [level for level, table in chance.items() if len(table)]
    if known:
        words += [
            f"Chance is that of the gates of {phrase(model)}, averaged over the seeds.",
            *(level.meaning for level in known),
        ]
    if model and HYPERPLANES not in known:
        words.append("Random hyperplanes are missing: what these gates see depends on weights that are not kept here.")
    return " ".join(words)


def without_leaves(rows: pd.DataFrame) -> str:
    """Say which of the models have experts instead of leaves; empty if none has."""
    kinds = [kind for kind in map(str, rows["net.kind"].unique()) if _has_experts(kind)]
    if not kinds:
        return ""
    names = theme.enumerate_words([MODELS[kind].default_line.words for kind in kinds])
    return f"Not drawn, since experts stand below no tree of prefixes: {names}."


@lru_cache
def _has_experts(kind: str) -> bool:
    net = NetConfig(kind=kind)
    return bool(net.routed_layers) and not net.has_leaves


def missing_words(missing: Sequence[LeafMember]) -> str:
    """Say whose leaves are not drawn, and why; empty if all are."""
    runs: dict[tuple[str, str], set[str]] = {}
    for member in missing:
        runs.setdefault((member.model, member.variant), set()).add(member.run_id)
    parts = [f"{model_words(*line)} ({theme.thousands(len(ids))} run{'s' * (len(ids) != 1)})" for line, ids in runs.items()]
    if not parts:
        return ""
    return f"Not drawn, since neither leaves nor weights are kept here: {theme.enumerate_words(parts)}."
