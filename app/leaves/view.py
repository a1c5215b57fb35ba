"""One run as the pages about leaves see it: its leaves, classes and statistics at one epoch of one split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.core import jobs
from leafscope.core.comparison.overlap import split_overlap
from leafscope.core.datasets import Dataset
from leafscope.core.errors import StoreError
from leafscope.core.inspection.trained import TrainedNet, trained_net
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import leaf_counts

SPLITS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, eq=False)
class View:
    """What the address asks for, checked against what the run has."""

    run: RunSummary
    data: Dataset
    depth: int
    """K; 0 where experts stand below no tree."""
    layer: int
    split: str
    epoch: int
    epochs: list[int]
    """Those that have leaves."""
    leaves: dict[str, NDArray[np.integer]]
    """Each split's leaf of every row; with top-k (rows, k)."""

    @property
    def last_epoch(self) -> int:
        """The newest epoch that has leaves."""
        return self.epochs[-1]

    @property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Rows in each leaf, by split."""
        return {split: leaf_counts(leaf, self.depth) for split, leaf in self.leaves.items()}

    @property
    def tested(self) -> NDArray[np.int64] | None:
        """Test rows in each leaf; None where there are no test rows."""
        return self.counts["test"] if len(self.data.test.index) else None

    @property
    def rows(self) -> str:
        """The rows of the split in words: "training rows"."""
        return f"{SPLITS[self.split]} rows"

    @property
    def labels(self) -> NDArray[Any]:
        """The class, or the number, of each row of the split."""
        return self.data.splits[self.split].y

    @property
    def layer_words(self) -> str:
        """Which gated layer it is, where there are several."""
        net = self.run.config.net
        kind = "gated" if net.gated else "routed"
        return f", {kind} layer {self.layer + 1}" if len(net.routed_layers) > 1 else ""

    @property
    def subject(self) -> str:
        """What the figures are of."""
        return f"{self.run.label}{self.layer_words}, epoch {theme.thousands(self.epoch)}"

    @property
    def whole_run(self) -> str:
        """What the figures over epochs are of."""
        return f"{self.run.label}{self.layer_words}"

    @property
    def overlap(self) -> float:
        """How much the splits of several seeds share, as `split_overlap` gives it."""
        return split_overlap(self.run.config.data)

    def caption(self, words: str) -> str:
        """Say how a figure was computed, and of what."""
        return f"{words} Run {self.run.label}, seed {self.run.config.seed}, epoch {theme.thousands(self.epoch)}."

    @property
    def key(self) -> tuple[str, str, int, str, int]:
        """Identifies the run and what it had recorded when the page looked, for caches."""
        return jobs.default_store().url, self.run.run_id, self.run.attempt, self.run.status, self.last_epoch

    def series(self, split: str | None = None) -> NDArray[np.integer]:
        """Each row's leaf at every recorded epoch: (E, N)."""
        return _series(*self.key, self.layer, split or self.split)

    def trained(self) -> TrainedNet | None:
        """The net at this epoch; only the weights of the last epoch of a run that has ended are kept."""
        if self.epoch != self.last_epoch or self.run.active:
            return None
        trained = trained_net(jobs.default_store(), self.run.run_id)
        if trained is None or trained.step or (trained.epoch is not None and trained.epoch != self.epoch):
            return None
        return trained

    def predictions(self, split: str | None = None) -> NDArray[Any] | None:
        """The net's class, or number, of each row of a split at this epoch; None where its weights are not kept."""
        if self.epoch != self.last_epoch or self.run.active:
            return None
        return _predictions(*self.key, split or self.split, self)

    def predictions_of(self, node: int, members: NDArray[np.int64]) -> NDArray[Any] | None:
        """The net's class, or number, of each of these rows of a node; None where its weights are not kept."""
        if self.epoch != self.last_epoch or self.run.active:
            return None
        return _predictions_of(*self.key, self.layer, self.split, node, self, members)

    def no_weights(self) -> str:
        """Say why there is no net at this epoch."""
        if self.epoch == self.last_epoch and not self.run.active:
            return "the run was stopped within an epoch, and only those weights are kept"
        return "only the weights of the last epoch of a run that has ended are kept"


@st.cache_data(show_spinner=False, max_entries=12)
def _series(url: str, run_id: str, attempt: int, status: str, last_epoch: int, layer: int, split: str) -> NDArray[np.integer]:
    """Cached until the run has another epoch; what it recorded since the page looked is left out."""
    del url, attempt, status
    store = jobs.default_store()
    epochs, leaves = store.leaves(run_id, layer, split)
    recorded = store.recorded_epochs(run_id)
    if missing := {*recorded[recorded <= last_epoch].tolist()} - {*epochs.tolist()}:
        raise StoreError(f"the leaves of run {run_id} are damaged: those of {split} rows at epoch {min(missing)} are missing")
    return leaves[epochs <= last_epoch]


@st.cache_data(show_spinner=False, max_entries=24)
def _predictions(
    url: str, run_id: str, attempt: int, status: str, last_epoch: int, split: str, _view: View
) -> NDArray[Any] | None:
    """Cached, since loading a deep net takes a tenth of a second; the other arguments identify the view."""
    del url, run_id, attempt, status, last_epoch
    trained = _view.trained()
    return None if trained is None else _view.data.answers(trained.net(_view.data.splits[split].x))


@st.cache_data(show_spinner=False, max_entries=32)
def _predictions_of(
    url: str,
    run_id: str,
    attempt: int,
    status: str,
    last_epoch: int,
    layer: int,
    split: str,
    node: int,
    _view: View,
    _members: NDArray[np.int64],
) -> NDArray[Any] | None:
    """Cached like `_predictions`, which computes all rows of a split: a second and a copy of their features for 100,000."""
    del url, run_id, attempt, status, last_epoch, layer, node
    trained = _view.trained()
    return None if trained is None else _view.data.answers(trained.net(_view.data.splits[split].features(_members)))
