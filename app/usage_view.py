"""What Leaves and Balance look at: a run, gated layer, split and epoch, chosen in the sidebar, kept in the address."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from leafscope.app import replay, session, theme, widgets
from leafscope.core import jobs
from leafscope.core.config import GENERATORS
from leafscope.core.datasets import Dataset, load
from leafscope.core.errors import RunNotFoundError
from leafscope.core.reading import RunSummary
from leafscope.core.trained import TrainedNet, trained_net
from leafscope.core.usage import leaf_counts
from numpy.typing import NDArray

SPLITS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, eq=False)
class View:
    """What the address asks for, checked against what the run has."""

    run: RunSummary
    data: Dataset
    depth: int
    layer: int
    split: str
    epoch: int
    epochs: list[int]
    """Those that have leaves."""
    leaves: dict[str, NDArray[np.integer]]
    """Each split's leaf of every row."""

    @property
    def last_epoch(self) -> int:
        """The newest epoch that has leaves."""
        return self.epochs[-1]

    @property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Rows in each leaf, by split."""
        return {split: leaf_counts(leaf, self.depth) for split, leaf in self.leaves.items()}

    @property
    def rows(self) -> str:
        """The rows of the split in words: "training rows"."""
        return f"{SPLITS[self.split]} rows"

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each row of the split."""
        return self.data.splits[self.split].y

    @property
    def layer_words(self) -> str:
        """Which gated layer it is, where there are several."""
        return f", gated layer {self.layer + 1}" if self.run.config.net.tree_layers > 1 else ""

    @property
    def subject(self) -> str:
        """What the figures are of."""
        return f"{self.run.label}{self.layer_words}, epoch {self.epoch}"

    @property
    def whole_run(self) -> str:
        """What the figures over epochs are of."""
        return f"{self.run.label}{self.layer_words}"

    @property
    def overlap(self) -> float:
        """How much the splits of several seeds share: a table is split anew, a generator draws fresh rows."""
        if self.run.config.data.name in GENERATORS:
            return 0.0
        return len(self.data.test.y) / max(1, len(self.data.train.y))

    def caption(self, words: str) -> str:
        """Say how a figure was computed, and of what."""
        return f"{words} Run {self.run.label}, seed {self.run.config.seed}, epoch {self.epoch}."

    @property
    def key(self) -> tuple[str, str, int, str, int]:
        """What tells apart all that a run has recorded, for what is kept: a running run may have gone on by now."""
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

    def predictions(self, split: str | None = None) -> NDArray[np.int64] | None:
        """The net's class of each row of a split at this epoch; None where its weights are not kept."""
        if self.epoch != self.last_epoch or self.run.active:
            return None
        return _predictions(*self.key, split or self.split, self)

    def no_weights(self) -> str:
        """Say why there is no net at this epoch."""
        if self.epoch == self.last_epoch and not self.run.active:
            return "the run was stopped within an epoch, and only those weights are kept"
        return "only the weights of the last epoch of a run that has ended are kept"


@st.cache_data(show_spinner=False, max_entries=12)
def _series(url: str, run_id: str, attempt: int, status: str, last_epoch: int, layer: int, split: str) -> NDArray[np.integer]:
    """Kept for as long as the run has no further epoch; what it recorded since the page looked is left out."""
    del url, attempt, status
    epochs, leaves = jobs.default_store().leaves(run_id, layer, split)
    return leaves[epochs <= last_epoch]


@st.cache_data(show_spinner=False, max_entries=24)
def _predictions(
    url: str, run_id: str, attempt: int, status: str, last_epoch: int, split: str, _view: View
) -> NDArray[np.int64] | None:
    """Kept, since loading a deep net takes a tenth of a second; the view is what the other arguments name."""
    del url, run_id, attempt, status, last_epoch
    trained = _view.trained()
    return None if trained is None else trained.predict(_view.data.splits[split].x)[0]


def open_run(missing: str) -> View | None:
    """Draw the choices and say in what state the run is; None, said why, if there is nothing to look at.

    `missing` says what will appear once there is an epoch.
    """
    shown = widgets.current_run()
    if shown is None:
        return None
    with st.sidebar:
        widgets.pick_run(jobs.default_store().list_runs(), shown)
    if not shown.config.net.gated:
        st.info(
            "A model of this kind has no gates, so that it has no leaves. Choose a run with tree or flat leaf "
            "weights in the sidebar."
        )
        return None
    if not shown.last:
        _not_yet(shown, missing)
        return None
    view = _ask(shown)
    if shown.status != "finished":
        _note_status(shown)
    return view


def _not_yet(shown: RunSummary, missing: str) -> None:
    st.markdown(widgets.status_line(shown))
    if shown.active:
        st.info(f"This run has no epoch yet; {missing} as soon as it has.")
        _when_changed(shown.run_id, shown.epochs_done, shown.status)
        return
    st.error(f"This run ended before its first epoch. {theme.escape_markdown(shown.error or '')}")
    if st.button("Show the newest run", type="primary"):
        session.show_run(None)
        st.rerun()


@st.fragment(run_every=1.0)
def _when_changed(run_id: str, epochs_done: int, status: str) -> None:
    """Run the page again once the run has its first epoch or has ended."""
    try:
        now = jobs.progress(run_id)
    except RunNotFoundError:
        st.rerun()
        return
    if now.status != status or (epochs_done == 0 and now.epochs_done > 0):
        st.rerun()


def _note_status(shown: RunSummary) -> None:
    words = widgets.status_line(shown) + f": epoch {shown.epochs_done} of {shown.epochs_total}."
    if not shown.active:
        st.markdown(words)
        return
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(words)
    right.button("Show newest epoch", width="stretch", on_click=_newest)
    _when_changed(shown.run_id, shown.epochs_done, shown.status)


def _newest() -> None:
    st.session_state.pop("epoch", None)
    st.query_params.pop("epoch", None)


def _ask(shown: RunSummary) -> View:
    """Draw the choices in the sidebar, and say which ones of the address are not there."""
    net = shown.config.net
    epochs = jobs.default_store().recorded_epochs(shown.run_id).tolist()
    layers = list(range(net.tree_layers))
    with st.sidebar:
        layer_fault = seed("layer", layers, layers[-1])
        layer = layers[-1]
        if len(layers) > 1:
            layer = st.radio(
                "Gated layer",
                layers,
                format_func=lambda index: str(index + 1),
                key="layer",
                horizontal=True,
                persist_state="session",
            )
        session.publish_to_url("layer", layer, layers[-1])
        split_fault = seed("split", list(SPLITS), "train")
        split = st.radio(
            "Rows of split", list(SPLITS), format_func=SPLITS.__getitem__, key="split", horizontal=True, persist_state="session"
        )
        session.publish_to_url("split", split, "train")
        replay.take_epoch()
        epoch_fault = seed("epoch", epochs, epochs[-1])
        epoch = epochs[0]
        if len(epochs) > 1:
            epoch = st.select_slider(
                "Epoch", epochs, key="epoch", help="0 is before training. The arrow keys move it.", persist_state="session"
            )
            replay.button(shown.run_id, epochs, epoch)
        session.publish_to_url("epoch", epoch, epochs[-1])
    warn("layer", layer_fault, f"from 0 (the first) to {layers[-1]}" if len(layers) > 1 else "0, since there is one")
    warn("split", split_fault, "train, validation or test")
    warn("epoch", epoch_fault, f"one that was recorded, {epochs[0]} to {epochs[-1]}")
    data = load(shown.config.data, shown.config.data_seed)
    leaves = {name: jobs.default_store().leaves(shown.run_id, layer, name, epoch) for name in SPLITS}
    return View(shown, data, net.depth, layer, split, epoch, epochs, leaves)


def seed(key: str, known: Any, usual: int | str) -> str | None:
    """Take a choice from the address; returns what stood there if it is none of the known ones."""
    if key in st.session_state and (stale := st.session_state[key]) not in known:
        del st.session_state[key]  # of another run, or node
        if st.query_params.get(key) == session.format_value(stale):
            del st.query_params[key]

    def parse(text: str) -> int | str:
        value = text if isinstance(usual, str) else int(text)
        if value not in known:
            raise ValueError(text)
        return value

    return session.seed_from_url(key, parse, usual)


def warn(name: str, wrong: str | None, known: str) -> None:
    """Say what stood in the address, if it was wrong."""
    if wrong is not None:
        st.warning(
            f"The {name} in the address must be {known}, got {theme.escape_markdown(wrong, 40)}; the usual one is shown."
        )
