"""What the page Routing shows: a kept log, or the layers of a trained run."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.parts import run_picker
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.limits import MAX_EXPERTS, MAX_ROUTING_VALUES
from leafscope.core.routing.routing import Routing
from leafscope.core.store.routing_logs import LogInfo
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import choice_counts

KEY = "log"
"""The choice's key in the session and the address: the hash of a log, or `RUN`."""

RUN = "run_layers"

_SPLITS = {split: theme.SPLIT_WORDS[split] for split in ("train", "validation", "test")}


@dataclass(frozen=True, eq=False)
class Source:
    """A log with what the page says about it."""

    log: Routing
    key: Hashable
    """Identifies it, for caches."""
    caption: str
    """Where it comes from, as written."""


def choose() -> Source | None:
    """Ask which log is shown; None after saying why there is none."""
    logs = jobs.default_store().logs()
    titles = {info.log_id: _words(info) for info in logs}
    try:
        run = run_picker.latest(with_leaves=True)
    except LeafscopeError:
        run = None
    if run is not None:
        titles[RUN] = "Layers of a trained run"
    if not titles:
        st.info("This page will show how evenly each layer uses its experts, as soon as you open a file with their counts.")
        return None
    first = next(iter(titles))
    wrong = choice.seed(KEY, titles, first)
    with st.sidebar:
        st.selectbox("Routing of", list(titles), format_func=titles.__getitem__, key=KEY, persist_state="session")
    chosen = str(st.session_state[KEY])
    session.publish_to_url(KEY, chosen, first)
    choice.warn(KEY, wrong, "the address of a log that is here")
    if chosen == RUN:
        return _of_run()
    return of_log(next(info for info in logs if info.log_id == chosen))


def of_log(info: LogInfo) -> Source | None:
    """Open a kept log; None after saying that it is damaged."""
    try:
        log = _kept(jobs.default_store().url, info.log_id)
    except LeafscopeError as error:
        st.error(theme.escape_markdown(str(error), 300))
        return None
    shipped = f" {theme.shipped_words(info.created)} Counted by the OLMoE project." if info.shipped else ""
    return Source(log, info.log_id, f"Log {info.name}, address {info.log_id}.{shipped}")


def others(shown: Source) -> dict[str, LogInfo]:
    """The kept logs beside the one shown, by address."""
    return {info.log_id: info for info in jobs.default_store().logs() if info.log_id != shown.key}


def _words(info: LogInfo) -> str:
    name = theme.one_line(info.name, 40)
    return f"{name} ({theme.SHIPPED})" if info.shipped else name


@st.cache_resource(show_spinner=False, max_entries=4)
def _kept(url: str, log_id: str) -> Routing:
    del url
    return jobs.default_store().log(log_id)


def _of_run() -> Source | None:
    shown = run_picker.current_run(with_leaves=True)
    if shown is None:
        return None
    with st.sidebar:
        run_picker.pick_run(jobs.default_store().list_runs(), shown)
    layers = shown.config.net.routed_layers
    if not layers or not shown.last:
        st.info("This run has no leaves or experts yet, or none at all. Choose another run in the sidebar.")
        return None
    if layers[0].n_leaves > MAX_EXPERTS:
        st.info(f"This run has more than {MAX_EXPERTS:,} leaves; the page Balance shows them.")
        return None
    return of_run(shown)


def of_run(shown: RunSummary) -> Source:
    """Count the leaves or experts of a run that has recorded some, by split, epoch and layer."""
    key = (jobs.default_store().url, shown.run_id, shown.attempt, shown.status, shown.epochs_done)
    layer = shown.config.net.routed_layers[0]
    whose = f"The experts are the leaves of run {shown.label}" if layer.has_prefixes else f"The experts of run {shown.label}"
    goes = "each row goes to one" if layer.top_k == 1 else f"each row uses {layer.top_k}"
    return Source(_leaves(*key, shown), key, f"{whose}; {goes}, and steps are epochs.")


@st.cache_resource(show_spinner=False, max_entries=4)
def _leaves(url: str, run_id: str, attempt: int, status: str, epochs_done: int, _run: RunSummary) -> Routing:
    """Count the rows of each split in each leaf of each routed layer, at the recorded epochs, or at some if they are many."""
    del url, attempt, status, epochs_done
    store, routed = jobs.default_store(), _run.config.net.routed_layers
    experts, layers = routed[0].n_leaves, len(routed)
    most = max(2, MAX_ROUTING_VALUES // (experts * layers * len(_SPLITS)))
    parts: list[list[np.ndarray]] = []
    steps: list[int] = []
    for split in _SPLITS:
        of_layers = []
        for layer in range(layers):
            epochs, leaves = store.leaves(run_id, layer, split)
            at = np.unique(np.linspace(0, len(epochs) - 1, min(most, len(epochs))).round().astype(int))
            steps = steps or epochs[at].tolist()
            of_layers.append(np.stack([choice_counts(leaf, experts) for leaf in leaves[at][: len(steps)]]))
        parts.append(of_layers)
    counts = np.array(parts).transpose(0, 2, 1, 3)  # splits, epochs, layers, leaves
    return Routing(
        name=_run.label,
        counts=counts,
        layers=tuple(range(1, layers + 1)),
        steps=tuple(steps),
        domains=tuple(_SPLITS.values()),
        top_k=routed[0].top_k,
    )
