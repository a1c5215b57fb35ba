"""The answers of the gallery, measured from the runs that the store has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leafscope.app.gallery.views import Side, View
from leafscope.core.comparison.intervals import Difference, paired_difference
from leafscope.core.comparison.overlap import split_overlap
from leafscope.core.datasets import load
from leafscope.core.errors import LeafscopeError
from leafscope.core.inspection.levels import scores
from leafscope.core.inspection.snapshots import shuffled
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import class_counts, leaf_counts
from leafscope.core.usage.evenness import balance
from leafscope.core.usage.information import information


@dataclass(frozen=True)
class Statistic:
    """A number of one finished run."""

    title: str
    unit: str
    """percent, percentage points, leaves or nats."""
    of: Callable[[Store, RunSummary], float]


def _error(store: Store, run: RunSummary, split: str, at_best: bool) -> float:
    history = store.history(run.run_id)
    rows = history[(history["metric"] == "accuracy") & (history["split"] == split)].set_index("epoch")["value"]
    losses = history[(history["metric"] == "loss") & (history["split"] == "validation")].set_index("epoch")["value"].dropna()
    epochs = rows.index.to_numpy()
    epoch = losses.index.to_numpy()[int(losses.to_numpy().argmin())] if at_best and len(losses) else epochs.max()
    return float(1 - rows.to_numpy(float)[epochs == epoch][0])


def _counts(store: Store, run: RunSummary) -> np.ndarray:
    net = run.config.net
    leaf = store.last_leaves([run.run_id], net.tree_layers - 1, "train")[run.run_id]
    return leaf_counts(leaf, net.depth)


def _first_bit(store: Store, run: RunSummary) -> float:
    counts = _counts(store, run)
    ones = counts[len(counts) // 2 :].sum() / counts.sum()
    return float(min(ones, 1 - ones))


def _of_net(store: Store, run: RunSummary, change: Callable[..., object]) -> float:
    trained = trained_net(store, run.run_id)
    if trained is None:
        return float("nan")
    data = load(run.config.data, run.config.data_seed)
    changed: object = change(trained.net)
    return 1 - scores(changed, data.test.x, data.test.y)[1]  # type: ignore[arg-type]


def _information(store: Store, run: RunSummary, epoch: int | None) -> float:
    net, data = run.config.net, load(run.config.data, run.config.data_seed)
    at = int(store.recorded_epochs(run.run_id)[-1]) if epoch is None else epoch
    leaf = store.leaves(run.run_id, net.tree_layers - 1, "train", at)
    return float(information(class_counts(leaf, data.train.y, net.depth, data.n_classes)).adjusted)


STATISTICS: Mapping[str, Statistic] = {
    "test_error": Statistic("test error", "percent", lambda store, run: _error(store, run, "test", True)),
    "last_error": Statistic("test error", "percent", lambda store, run: _error(store, run, "test", False)),
    "gap": Statistic(
        "gap",
        "percent",
        lambda store, run: _error(store, run, "test", False) - _error(store, run, "train", False),
    ),
    "root_error": Statistic("test error", "percent", lambda store, run: _of_net(store, run, lambda net: net.read_to_level(0))),
    "shuffled_error": Statistic("test error", "percent", lambda store, run: _of_net(store, run, shuffled)),
    "effective_leaves": Statistic(
        "effective leaves", "leaves", lambda store, run: float(balance(_counts(store, run)).effective_leaves)
    ),
    "dead_share": Statistic(
        "leaves without a row", "percent", lambda store, run: float(balance(_counts(store, run)).dead_fraction)
    ),
    "first_bit": Statistic("smaller side of the first bit", "percent", _first_bit),
    "class_information": Statistic("information", "nats", lambda store, run: _information(store, run, None)),
    "class_information_before": Statistic("information", "nats", lambda store, run: _information(store, run, 0)),
}
"""By name; errors are at the epoch of the lowest validation loss, except `last_error` and `gap`, of the net at its end."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the runs that are here say."""

    values: pd.DataFrame
    """side, seed, value; only of finished runs."""
    difference: Difference
    """First minus second, paired over seeds."""
    unit: str
    title: str

    def outcome(self) -> str:
        """lower, higher, no different, or unknown."""
        if self.difference.n < 2:
            return "unknown"
        if not self.difference.shown():
            return "no different"
        return "lower" if self.difference.mean < 0 else "higher"


def answer(store: Store, view: View) -> Answer:
    """Measure a view on the runs of it that have finished."""
    rows = []
    for side in (view.first, view.second):
        known = store.runs(run.run_id for run in view.runs(side))
        for run in view.runs(side):
            summary = known.get(run.run_id)
            if summary is not None and summary.status == "finished":
                rows.append((side.words, run.seed, _value(store, summary, side)))
    values = pd.DataFrame(rows, columns=["side", "seed", "value"]).dropna()
    by_side = [values[values["side"] == side.words].set_index("seed")["value"] for side in (view.first, view.second)]
    joined = pd.concat(by_side, axis=1, join="inner").to_numpy(float)
    found = paired_difference(joined[:, 0], joined[:, 1], overlap=split_overlap(view.base.data))
    statistic = STATISTICS[view.first.statistic]
    return Answer(values, found, statistic.unit, statistic.title)


def _value(store: Store, summary: RunSummary, side: Side) -> float:
    try:
        return STATISTICS[side.statistic].of(store, summary)
    except (LeafscopeError, KeyError, ValueError):  # of a run whose records are damaged or not kept
        return float("nan")
