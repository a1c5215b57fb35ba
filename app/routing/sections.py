"""The figures of the page Routing."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.address.choice import pick
from leafscope.app.figures.routing.expert_lorenz import ExpertLorenz
from leafscope.app.figures.routing.layers_against_chance import LayersAgainstChance
from leafscope.app.figures.routing.layers_by_experts import LayersByExperts
from leafscope.app.figures.routing.over_steps import LayersOverSteps
from leafscope.app.figures.shared.chance import Band
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table
from leafscope.app.routing.source import Source
from leafscope.core.routing import domains
from leafscope.core.routing.chance import WHY, uniform_counts
from leafscope.core.routing.statistics import PRACTICE, chances, practice, whole, why_no_chance
from leafscope.core.usage.chance import band
from leafscope.core.usage.evenness import lorenz, measure_counts
from leafscope.core.usage.statistics import STATISTICS

MEASURES = ("effective_leaves", "max_violation", "gini", "cv2", "dead_fraction", "entropy")
"""The statistics that can be shown, from the registry."""

ALL = "all"

_MOST_ROUNDED = 64


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows of a log."""

    source: Source
    measure: str
    domain: str | None
    step: float | None

    @property
    def title(self) -> str:
        """The statistic's title, of experts."""
        return measure_title(self.measure)

    @property
    def more_is_even(self) -> bool:
        """Whether a higher value is a more even use."""
        return STATISTICS[self.measure].more_is_even

    @property
    def part(self) -> str:
        """Which part of the log it is, in words."""
        words = [] if self.domain is None else [self.domain]
        words += [] if self.step is None else [f"step {self.step:g}"]
        return ", ".join(words)

    @property
    def subject(self) -> str:
        """What the figures are of."""
        return ", ".join(filter(None, [self.source.log.name, self.part]))

    def caption(self, words: str) -> str:
        """Say how a figure was computed, and of what."""
        why = why_no_chance(self.source.log)
        chance = (
            f"{why[:1].upper()}{why[1:]}."
            if why
            else (f"Chance: {WHY}. Tokens of one document are not independent, so that ranges of real text are wider.")
        )
        return f"{words} {chance} {self.source.caption}"


def measure_title(name: str) -> str:
    """Name a statistic of the registry for experts.

    >>> measure_title("effective_leaves"), measure_title("dead_fraction")
    ('Effective experts', 'Unused experts')
    """
    return STATISTICS[name].title.replace("leaves", "experts").replace("Leaves", "Experts")


@st.cache_data(show_spinner=False, max_entries=64)
def _layers(key: Hashable, domain: str | None, step: float | None, measure: str, _source: Source) -> pd.DataFrame:
    """The statistic of each layer with chance: layer, value, mean, low, high."""
    del key
    log = _source.log
    values = measure_counts(whole(log.at(domain, step)), [measure])[measure].astype(np.float64)
    found = chances(log, log.tokens_at(domain, step), (measure,)) or [None] * len(values)
    ends = [(np.nan,) * 3 if one is None else (one[measure].mean, one[measure].low, one[measure].high) for one in found]
    table = pd.DataFrame({"layer": log.layers, "value": values})
    return table.assign(**dict(zip(("mean", "low", "high"), np.array(ends).T, strict=True)))


def against_chance(shown: Shown, beside: dict[str, Source]) -> None:
    """Show the statistic of each layer; `beside`: other models by name, or the domains, each with its own log."""
    series, experts = {}, {}
    parts: dict[str, tuple[Source, str | None, float | None]] = {}
    if beside or shown.domain is not None or not shown.source.log.domains:
        parts[shown.subject] = (shown.source, shown.domain, shown.step)
    for name, source in beside.items():
        parts[name] = (source, None, None)
    if not beside and shown.domain is None and len(shown.source.log.domains) > 1:
        parts = {domain: (shown.source, domain, shown.step) for domain in shown.source.log.domains[:_MOST_BESIDE]}
    parts = parts or {shown.subject: (shown.source, shown.domain, shown.step)}
    for name, (source, domain, step) in parts.items():
        series[name] = _layers(source.key, domain, step, shown.measure, source)
        experts[name] = source.log.experts
    drawing.show(
        LayersAgainstChance(series, experts, shown.title, shown.more_is_even, shown.measure == "effective_leaves"),
        key="routing_layers",
        caption=shown.caption(f"{STATISTICS[shown.measure].formula}".replace("L", "E") or shown.title),
        subject=shown.subject if len(series) == 1 else shown.source.log.name,
    )


_MOST_BESIDE = 6
"""Domains that are drawn side by side; more cannot be told apart."""


def experts_of_layers(shown: Shown) -> None:
    """Show how often each expert is chosen in each layer."""
    log = shown.source.log
    drawing.show(
        LayersByExperts(log.at(shown.domain, shown.step), [str(layer) for layer in log.layers]),
        key="routing_experts",
        caption=shown.caption("Assignments of an expert as a multiple of the mean of its layer, in one scale for all layers."),
        subject=shown.subject,
    )


def lorenz_curves(shown: Shown) -> None:
    """Show the Lorenz curves of the least even, the median and the most even layer."""
    log = shown.source.log
    counts = whole(log.at(shown.domain, shown.step))
    evenness = measure_counts(counts, ["gini"])["gini"]
    order = [int(place) for place in np.argsort(-evenness, kind="stable") if np.isfinite(evenness[place])]
    lit = dict.fromkeys([order[0], order[len(order) // 2], order[-1]]) if order else {}
    tokens = log.tokens_at(shown.domain, shown.step)
    chance = None
    if order and tokens is not None and log.top_k is not None and tokens[order[0]] > 0:
        chance = _band(int(tokens[order[0]]), log.experts, log.top_k)
    drawing.show(
        ExpertLorenz({f"layer {log.layers[place]}": lorenz(counts[place]) for place in lit}, chance),
        key="routing_lorenz",
        caption=shown.caption("The layers of the highest, the median and the lowest Gini; chance for the tokens of the first."),
        subject=shown.subject,
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _band(tokens: int, experts: int, top_k: int) -> Band:
    return band(lorenz(uniform_counts(tokens, experts, top_k)))


def over_steps(shown: Shown) -> None:
    """Show the statistic of each layer over the steps."""
    values, chance = _steps(shown.source.key, shown.domain, shown.measure, shown.source)
    drawing.show(
        LayersOverSteps(shown.source.log.steps, values, shown.source.log.layers, chance, shown.title, shown.more_is_even),
        key="routing_steps",
        caption=shown.caption("Each layer at each step by itself."),
        subject=", ".join(filter(None, [shown.source.log.name, shown.domain])),
    )


@st.cache_data(show_spinner="Measuring every step", max_entries=8)
def _steps(key: Hashable, domain: str | None, measure: str, _source: Source) -> tuple[NDArray[np.float64], Band | None]:
    del key
    log = _source.log
    at = slice(None) if domain is None else slice(log.domains.index(domain), log.domains.index(domain) + 1)
    counts, has = log.counts[at].sum(0), log.has[at].any(0)
    n_steps, n_layers, experts = counts.shape
    values = (
        measure_counts(whole(counts.reshape(-1, experts)), [measure])[measure].astype(np.float64).reshape(n_steps, n_layers)
    )
    values[~has] = np.nan
    if log.top_k is None or (log.is_shares and log.tokens is None):
        return values, None
    parts = log.has[at].sum(0).max(1)
    tokens = parts * log.tokens if log.tokens is not None else np.rint(counts.sum(-1).max(1) / log.top_k).astype(np.int64)
    found = chances(log, tokens, (measure,))
    ends = np.array(
        [(np.nan,) * 3 if one is None else (one[measure].mean, one[measure].low, one[measure].high) for one in found]
    )
    return values, (ends[:, 0], ends[:, 1], ends[:, 2])


def of_domains(shown: Shown) -> None:
    """Show which experts each domain chooses in a layer, against uniform choice."""
    log = shown.source.log
    layer = pick("routing_layer", "Layer of the domains", list(log.layers), log.layers[0])
    place = log.layers.index(layer)
    counts = np.stack([log.at(domain, shown.step)[place] for domain in log.domains])
    tokens = log.tokens_at(log.domains[0], shown.step)
    chance = None
    if tokens is not None and log.top_k is not None:
        chance = _range(int(tokens[place]), log.experts, log.top_k)
    known = domains.adjusted_information(counts)
    words = (
        ""
        if np.isnan(known)
        else (
            f"The expert tells {theme.three_significant(known)} of what there is to know about the domain "
            "(adjusted mutual information: 0 is chance, 1 everything)."
        )
    )
    drawing.show(
        LayersByExperts(counts, list(log.domains), what="domain", chance=chance),
        key="routing_domains",
        caption=shown.caption("Specialization: the share of a domain's assignments that go to an expert, over 1 / E."),
        subject=f"{log.name}, layer {layer}",
        words=words,
    )
    with st.expander("Lift of each expert"):
        st.caption("The share of a domain's assignments to an expert, over that of all domains together: 1 is neutral.")
        lifts = pd.DataFrame(domains.lift(counts), index=pd.Index([str(one) for one in log.domains], name="domain"))
        table = lifts.rename(columns=lambda expert: f"expert {expert}").reset_index()
        st.dataframe(table, hide_index=True)
        save_table(lambda: table, "lift", key="routing_lift_csv")


@st.cache_data(show_spinner=False, max_entries=32)
def _range(tokens: int, experts: int, top_k: int) -> tuple[float, float]:
    return domains.by_chance(tokens, experts, top_k)


def chosen_together(shown: Shown) -> None:
    """Show which experts the same tokens choose, against independence."""
    log = shown.source.log
    assert log.ids is not None  # the caller saw it
    layer = pick("routing_layer", "Layer of the tokens", list(log.layers), log.layers[0])
    _, over = domains.coactivation(log.ids[:, log.layers.index(layer)], log.experts)
    names = [f"expert {expert}" for expert in range(log.experts)]
    table = pd.DataFrame(over, columns=names).assign(given=names)[["given", *names]]
    if np.isfinite(over).any():
        i, j = np.unravel_index(int(np.nanargmax(over)), over.shape)
        st.markdown(
            f"In layer {layer}, tokens that choose expert {i} choose expert {j} "
            f"{theme.three_significant(float(over[i, j]))} times as often as if their choices were independent."
        )
    st.dataframe(table, hide_index=True, column_config=drawing.in_words(table))
    save_table(lambda: table, "chosen_together", key="routing_together_csv")
    st.caption("P(column given row), over what independent choices of as many experts would give; 1 is neutral.")


def names_of_others(shown: Shown) -> None:
    """Show what other programs print of the same counts, with their formulas."""
    log = shown.source.log
    found = practice(log.at(shown.domain, shown.step))
    table = pd.DataFrame({"layer": log.layers} | found)
    words = {
        name: st.column_config.NumberColumn(f"{one.title} ({one.source})", help=one.formula, format="%.3f")
        for name, one in PRACTICE.items()
    }
    st.dataframe(table, hide_index=True, column_config=words)
    save_table(lambda: table, "names", key="routing_names_csv")
    formulas = "; ".join(f"{one.title} = {one.formula} ({one.source})" for one in PRACTICE.values())
    st.caption(theme.escape_markdown(f"{formulas}. p is the share of an expert, H = -sum p log p. {shown.source.caption}"))


def aspects(shown: Shown) -> dict[str, tuple[str, Callable[[Shown], None]]]:
    """The parts below the main figures, as far as the log has what they show."""
    log = shown.source.log
    found: dict[str, tuple[str, Callable[[Shown], None]]] = {}
    if len(log.steps) > 1:
        found["steps"] = ("Over steps", over_steps)
    if len(log.domains) > 1:
        found["domains"] = ("Domains", of_domains)
    found["lorenz"] = ("Lorenz curves", lorenz_curves)
    if log.ids is not None and log.ids.shape[2] > 1 and log.experts <= 256:
        found["together"] = ("Chosen together", chosen_together)
    found["names"] = ("Names in other programs", names_of_others)
    return found
