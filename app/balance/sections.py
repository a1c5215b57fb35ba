"""Parts of Balance: statistics over epochs, information about the class, and the effect of penalty, noise and gates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from pydantic import ValidationError

from leafscope.app import always
from leafscope.app.address.choice import pick
from leafscope.app.figures.balance.information_by_level import InformationLevels
from leafscope.app.figures.balance.statistic_epochs import StatisticOverEpochs
from leafscope.app.figures.balance.variants import VariantEffects
from leafscope.app.figures.shared.chance import columns_of
from leafscope.app.figures.shared.errors import SHARES, of_target
from leafscope.app.leaves.view import SPLITS, View
from leafscope.app.parts import drawing, run_picker, train_missing
from leafscope.core import jobs
from leafscope.core.balancing import BALANCINGS
from leafscope.core.config import RunConfig
from leafscope.core.gates.registry import GATE_GRADIENTS
from leafscope.core.inference.net import Net
from leafscope.core.inspection.gate_inputs import gate_inputs, sees_the_rows, stored_gate_inputs
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.chance import Expected, expected_balance, expected_by_epoch, expected_classes
from leafscope.core.usage.counts import class_counts, leaf_counts, leaf_counts_by_epoch, prefix_counts
from leafscope.core.usage.hyperplanes import expected_under_hyperplanes
from leafscope.core.usage.information import ByClass, InformationByLevel, information_by_level
from leafscope.core.usage.levels import HYPERPLANES, INDEPENDENT_BITS, Level
from leafscope.core.usage.statistics import STATISTICS, Statistic
from leafscope.core.usage.summary import summarize

PAIR = ("train", "test")
"""The splits that a statistic of two splits compares."""

VARIANTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("as it is", {}),
    ("no penalty", {"net.balancing": "penalty", "train.balance": 0.0}),
    ("penalty 0.01", {"net.balancing": "penalty", "train.balance": 0.01}),
    ("penalty 0.1", {"net.balancing": "penalty", "train.balance": 0.1}),
    ("penalty 1", {"net.balancing": "penalty", "train.balance": 1.0}),
    ("centred gates", {"net.balancing": "centred"}),
    ("bias of rate 0.01", {"net.balancing": "bias", "train.balance": 0.01}),
    ("no gate noise", {"train.gate_noise": 0.0}),
    ("gate noise 0.5", {"train.gate_noise": 0.5}),
    ("gate noise 1", {"train.gate_noise": 1.0}),
    ("hidden units as gates", {"net.gates": "hidden"}),
    ("extra gating units", {"net.gates": "units"}),
    ("random gates", {"net.gates": "random"}),
)
"""The settings that each variant of a run changes, one at a time; every gate gradient is one more."""

MOST_EXPECTED = 13
"""Epochs at which chance is computed for a statistic that takes long."""

MOST_SLOW = 41
"""Epochs at which a slow statistic is computed."""


@dataclass(frozen=True, eq=False)
class BalanceView(View):
    """A view with a length of prefixes."""

    length: int

    @property
    def lengths(self) -> dict[str, NDArray[np.int64]]:
        """Rows with each prefix of this length, by split."""
        return {split: prefix_counts(counts, self.length) for split, counts in self.counts.items()}

    @property
    def measured(self) -> tuple[Any, ...]:
        """The key under which measurements over the epochs are cached."""
        return *self.key, self.layer, self.split, self.length

    def seen(self) -> NDArray[np.floating[Any]] | None:
        """What the gates see of each row of the split at this epoch; None where that depends on weights that are not kept."""

        def net() -> Net | None:
            trained = self.trained()
            return None if trained is None else trained.net

        return gate_inputs(self.run.config.net, self.data.splits[self.split].x, self.layer, net)

    def under_hyperplanes(self) -> dict[str, Expected]:
        """Statistics of counts and classes under random hyperplanes at this epoch; empty where it is not known."""
        return _under_hyperplanes((*self.measured, self.seen_at), self)

    @property
    def seen_at(self) -> int | None:
        """The epoch, where it matters for what the gates see."""
        return None if sees_the_rows(self.run.config.net, self.layer) else self.epoch

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """The class of each row of the split; None where numbers are predicted."""
        return self.labels if self.data.n_classes else None

    @property
    def there(self) -> dict[str, Statistic]:
        """The statistics that there are: those of classes only where classes are predicted."""
        return {name: one for name, one in STATISTICS.items() if self.data.n_classes or one.needs != "classes"}

    def summary(self) -> pd.DataFrame:
        """Every statistic at every recorded epoch."""
        return _summary(self.measured, self)

    def class_counts(self) -> NDArray[np.int64]:
        """Rows of each class with each prefix, of the split: (2^length, C)."""
        prefix = self.leaves[self.split] >> (self.depth - self.length)
        return class_counts(prefix, self.labels, self.length, self.data.n_classes)

    def course(self, name: str) -> tuple[list[int], NDArray[np.float64]]:
        """One statistic over the epochs: (E,) epochs, (E,) values; a slow one at some of them."""
        if name in self.summary():
            return self.epochs, self.summary()[name].to_numpy()
        return _course(self.measured, name, self)

    def statistics(self) -> dict[str, float]:
        """Every statistic at the shown epoch."""
        place = self.epochs.index(self.epoch)
        quick = self.summary().iloc[place]
        return {
            name: float(quick[name] if name in quick else self.measure(one, [place])[0]) for name, one in self.there.items()
        }

    def measure(self, statistic: Statistic, places: list[int]) -> NDArray[Any]:
        """Compute a statistic that the summary does not have at some epochs: (E,)."""
        shift = self.depth - self.length
        if statistic.needs == "splits":
            of = [prefix_counts(leaf_counts_by_epoch(self.series(one)[places], self.depth), self.length) for one in PAIR]
            return statistic.measure(of)
        return statistic.measure(ByClass(self.series()[places] >> shift, self.labels, self.length, self.data.n_classes))


@st.cache_data(show_spinner=False, max_entries=64)
def _under_hyperplanes(key: tuple[Any, ...], _view: BalanceView) -> dict[str, Expected]:
    del key
    seen = _view.seen()
    if seen is None:
        return {}
    return expected_under_hyperplanes(seen, _view.length, y=_view.classes, n_classes=_view.data.n_classes or None)


@st.cache_data(show_spinner=False, max_entries=24)
def _summary(key: tuple[Any, ...], _view: BalanceView) -> pd.DataFrame:
    """Cached until the run has another epoch; the key names the view."""
    del key
    return summarize(_view.series(), _view.depth, level=_view.length, y=_view.classes, n_classes=_view.data.n_classes or None)


@st.cache_data(show_spinner=False, max_entries=24)
def _course(key: tuple[Any, ...], name: str, _view: BalanceView) -> tuple[list[int], NDArray[np.float64]]:
    """Statistics that the summary does not have: slow ones, and those of two splits."""
    del key
    n = len(_view.epochs)
    at = list(range(n)) if STATISTICS[name].is_quick else _some(n, MOST_SLOW)
    return [_view.epochs[place] for place in at], _view.measure(STATISTICS[name], at)


def over_epochs(view: BalanceView) -> None:
    """One statistic over the epochs, beside chance."""
    there = view.there
    name = pick("statistic", "Statistic", tuple(there), "gini", {key: one.title for key, one in there.items()})
    statistic = STATISTICS[name]
    epochs, values = view.course(name)
    drawing.show(
        StatisticOverEpochs(
            statistic.title,
            epochs,
            values,
            chance=_over_epochs_by_chance(view, statistic),
            is_share=statistic.written == "share",
            best_epoch=view.run.chosen_epoch if view.run.chosen_epoch in view.epochs else None,
            shown_epoch=view.epoch,
            split=SPLITS[view.split],
            model=view.run.config.net.kind,
        ),
        key="statistic_epochs",
        caption=view.caption(statistic.explanation),
        subject=view.whole_run,
    )


def _over_epochs_by_chance(view: BalanceView, statistic: Statistic) -> dict[Level, pd.DataFrame]:
    """What each chance level of a statistic gives over the epochs, where it is known."""
    found = {}
    for level in statistic.chance:
        if level != HYPERPLANES:
            found[level] = _random_over_epochs(view.measured, statistic.name, view)
        elif (expected := view.under_hyperplanes().get(statistic.name)) is not None:
            # what the gates see stays the same in training, or is known at the shown epoch only
            epochs = [view.epochs[0], view.epochs[-1]] if view.seen_at is None else [view.epoch]
            found[level] = pd.DataFrame([{"epoch": epoch, **vars(expected)} for epoch in dict.fromkeys(epochs)])
    return found


@st.cache_data(show_spinner=False, max_entries=24)
def _random_over_epochs(key: tuple[Any, ...], name: str, _view: BalanceView) -> pd.DataFrame:
    """A statistic under its first chance level at some of the epochs: columns epoch, mean, low, high."""
    del key
    statistic = STATISTICS[name]
    if statistic.needs == "counts":
        counts = prefix_counts(leaf_counts_by_epoch(_view.series(), _view.depth), _view.length)
        found = expected_by_epoch(counts, [name])
        return found.assign(epoch=np.array(_view.epochs)[found["epoch_index"].to_numpy()])
    at = _some(len(_view.epochs), MOST_EXPECTED)
    series = {split: _view.series(split) for split in (PAIR if statistic.needs == "splits" else (_view.split,))}
    expected = [expected_at(_view, statistic, series, place) for place in at]
    return pd.DataFrame([{"epoch": _view.epochs[place], **vars(one)} for place, one in zip(at, expected, strict=True)])


def _some(n: int, most: int) -> list[int]:
    """Places of at most so many of n, evenly spaced, the first and the last among them."""
    return sorted(set(np.linspace(0, n - 1, min(n, most)).round().astype(int).tolist()))


def expected_at(view: BalanceView, statistic: Statistic, series: Mapping[str, NDArray[np.integer]], place: int) -> Expected:
    """What chance gives for a statistic of classes, of epochs, or of two splits; `series`: (E, N) leaves by split."""

    def counts(at: int, split: str = view.split) -> NDArray[np.int64]:
        return leaf_counts(series[split][at] >> (view.depth - view.length), view.length)

    if statistic.expected is None:
        return expected_classes(counts(place), np.bincount(view.labels, minlength=view.data.n_classes))[statistic.name]
    if statistic.needs == "splits":
        return statistic.expected(*(counts(place, split) for split in PAIR))
    return statistic.expected(counts, place)


def about_the_class(view: BalanceView) -> None:
    """How much a prefix says about the class, by its length."""
    if view.depth == 0:
        st.info("At depth 0 there is one leaf, which says nothing about the class.")
        return
    found = _information(view.leaves[view.split], view.labels, view.depth, view.data.n_classes)
    random = (found.mean, found.low, found.high)
    drawing.show(
        InformationLevels(found.adjusted, random, orders=found.orders, split=SPLITS[view.split]),
        key="information",
        caption=view.caption(
            "Mutual information of prefix and class, adjusted for chance. Band: the same bits in random orders; for the whole "
            "pattern, the order makes no difference. That bits carry information does not show that the net uses it: the sign "
            "bits of a dense net carry it too."
        ),
        subject=view.subject,
    )


@st.cache_data(show_spinner=False, max_entries=24)
def _information(leaf: NDArray[np.integer], y: NDArray[np.int64], depth: int, n_classes: int) -> InformationByLevel:
    return information_by_level(leaf, y, depth, n_classes)


def variants(view: BalanceView) -> None:
    """Train the run with one thing changed at a time, and compare."""
    left, right = st.columns(2)
    with left:
        titles = {one.name: one.title for one in STATISTICS.that_need("counts")}
        statistic = STATISTICS[pick("compared", "Statistic", tuple(titles), "gini", titles)]
    with right:
        words = "Counted from the run's own seed; each seed splits the data differently."
        seeds = pick("variant_seeds", "Seeds", (1, 5, 10), 5, help=words)
    wanted = _variants(view.run.config, seeds)
    runs = [run for _, run in wanted]
    finished = train_missing.ask(
        "variants", view.run, runs, f"{len(wanted) // seeds} variants for {seeds} seed{'s' * (seeds > 1)}"
    )
    drawing.show(
        VariantEffects(
            _effects(view, wanted, finished, statistic.name),
            name=statistic.title,
            is_share=statistic.written == "share",
            best="highest" if statistic.more_is_even else "lowest",
            overlap=view.overlap,
            split=SPLITS[view.split],
            model=view.run.config.net.kind,
            errors=SHARES if view.data.n_classes else of_target(view.data.info.target),
        ),
        key="variants",
        caption=f"Each variant changes one setting of {view.run.label} and keeps all others, the learning rate included. This "
        "shows effects on the balance; it does not rank the variants. Errors on validation rows at the last epoch. "
        f"{always.of_runs(runs, 'validation')}",
        subject=f"{view.whole_run}, last epoch",
        runs=[run for run in runs if run.run_id in finished],
    )


def _variants(run: RunConfig, seeds: int) -> list[tuple[str, RunConfig]]:
    """Name the variants that are possible and differ, for each seed."""
    found: list[tuple[str, RunConfig]] = []
    known: set[str] = set()
    changes = dict(VARIANTS)
    changes |= {f"gate gradient: {one.title}": {"train.gate_gradient": name} for name, one in GATE_GRADIENTS.items()}
    for words, change in changes.items():
        try:
            siblings = train_missing.siblings(run, [change], seeds)
        except ValidationError:
            continue
        if siblings[0].run_id not in known:
            known.add(siblings[0].run_id)
            has_penalty = siblings[0].train.balance > 0 and not BALANCINGS[siblings[0].net.balancing].has_offsets
            if words == "extra gating units" and siblings[0].train.gate_gradient == "none" and not has_penalty:
                words = "frozen gating units"  # nothing else teaches them
            found += [(words, sibling) for sibling in siblings]
    return found


def _effects(
    view: BalanceView, wanted: list[tuple[str, RunConfig]], finished: dict[str, RunSummary], name: str
) -> pd.DataFrame:
    store = jobs.default_store()
    statuses = store.statuses(run.run_id for _, run in wanted)
    records = []
    for words, run in wanted:
        summary = finished.get(run.run_id)
        record: dict[str, object] = {"variant": words, "seed": run.seed, "value": np.nan}
        record |= dict.fromkeys(("test_error", "validation_error"), np.nan)
        chance: dict[Level, Expected] = {}
        status = statuses.get(run.run_id)
        record["status"] = "not trained" if status is None else run_picker.STATUS_WORDS[status]
        if summary is not None:
            value, chance = _balance_of(
                store.url, run.run_id, summary.attempt, view.layer, view.split, view.length, name, run.net.depth, run.epochs
            )
            record["value"] = value
            for split in ("validation", "test"):
                last = summary.last
                record[f"{split}_error"] = last.get(f"{split}_rmse", 1 - last.get(f"{split}_accuracy", math.nan))
        for level in (INDEPENDENT_BITS, HYPERPLANES):
            one = chance.get(level, Expected.unknown())
            record |= dict(zip(columns_of(level), (one.mean, one.low, one.high), strict=True))
        record["run"] = run.run_id
        records.append(record)
    return pd.DataFrame(records)


@st.cache_data(show_spinner=False, max_entries=256)
def _balance_of(
    url: str, run_id: str, attempt: int, layer: int, split: str, length: int, name: str, depth: int, epochs: int
) -> tuple[float, dict[Level, Expected]]:
    """A statistic of a finished run at its last epoch, and under each chance level that is known."""
    del url, attempt, epochs
    store = jobs.default_store()
    leaves = store.leaves(run_id, layer, split, int(store.recorded_epochs(run_id)[-1]))
    counts = prefix_counts(leaf_counts(leaves, depth), length)
    value = float(summarize(leaves[None], depth, level=length)[name].iloc[0])
    draws = 200 if length <= 12 else 40  # thousands of leaves vary little
    chance = {INDEPENDENT_BITS: expected_balance(counts, replicates=draws)[name]}
    seen = stored_gate_inputs(store, run_id, store.run(run_id).config, split, layer)
    if seen is not None:
        chance[HYPERPLANES] = expected_under_hyperplanes(seen, length, names=[name], draws=draws)[name]
    return value, chance
