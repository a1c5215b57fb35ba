"""The net of a scene for the browser: at each recorded epoch its weights, or its regions if it is too large; or a fitted tree.

P features · C classes · K depth · V nodes · w width · G = SIDE * SIDE grid points. Arrays are base64 of little-endian numbers.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.core.balancing import BALANCINGS
from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.datasets import DATA_SETS, load, shape
from leafscope.core.inference.net import Net
from leafscope.core.inference.start import untrained
from leafscope.core.inspection.snapshots import SIDE, in_browser, read, regions, shows_regions, snapshot_epochs
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.models import line_of_task, lines
from leafscope.core.store.reading import LEVELS, Snapshot, snapshot_name
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import choice_counts

TOO_LARGE = "This net is too large to draw here."
NOT_COMPUTED = "A net of this kind is drawn for data with two features only, by its regions."

BY_LEAF = "Each leaf is drawn with the sum of the matrices that it uses."

Counts = list[list[list[int]]]
"""Indexed by layer, epoch, leaf."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """The drawn model."""

    epochs: list[int]
    weights: list[str] = field(default_factory=list)
    ready: dict[str, Any] | None = None
    tree: dict[str, Any] | None = None
    depth: int = 0
    counts: Counts | None = None
    """None: the recorded ones."""
    is_between: bool = False
    """The last net comes from the middle of the next epoch, for which nothing was measured."""
    note: str = ""


def drawn(store: Store, summary: RunSummary, live: bool) -> Drawn:
    """Collect what is drawn of a run's model; `live`: only at epoch 0 and the newest."""
    if summary.config.net.fitted:
        return _fitted(store, summary.config, summary)
    found = _net(store, summary, live)
    if found.note != TOO_LARGE and found.depth > 0 and is_drawn_by_leaf(summary.config.net):
        return replace(found, note=" ".join(filter(None, (BY_LEAF, found.note))))
    return found


def before_training(run: RunConfig) -> Drawn:
    """Collect what is drawn of a net that is not trained yet, which a browser must be able to compute."""
    note = BY_LEAF if run.net.depth > 0 and is_drawn_by_leaf(run.net) else ""
    weights = _before_training(run, "weights").weights
    return Drawn([0], [weights], depth=run.net.tree_depth, counts=[], note=note)


def flat_weights(state: Mapping[str, NDArray[Any]], net: NetConfig) -> NDArray[np.float32]:
    """Concatenate a net's weights, frozen gates and offsets included: (numbers,) float32.

    Hidden W (w, P) and b; for each layer its gates (W (K, w) and b, or the normals (K, w), or nothing), their offsets (K) if
    they have some, W (V, w, w) and b (V, w); head W (C, w) and b. Raises KeyError for the state of another net.
    """
    found = [state["hidden.weight"], state["hidden.bias"]]
    for layer in range(net.tree_layers):
        found += _gates(state, net, layer)
        found += [state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"]]
    found += [state["head.weight"], state["head.bias"]]
    return _flat(found)


def flat_signs(state: Mapping[str, NDArray[Any]], net: NetConfig) -> NDArray[np.float32]:
    """Concatenate the weights that tell where signs change in the first gated layer: (numbers,) float32, as `flat_weights`."""
    return _flat([state["hidden.weight"], state["hidden.bias"], *_gates(state, net, 0)])


def _gates(state: Mapping[str, NDArray[Any]], net: NetConfig, layer: int) -> list[NDArray[Any]]:
    parts = {"hidden": (), "units": ("weight", "bias"), "random": ("normals",)}
    names = parts[net.gates] if net.gated and net.depth > 0 else ()
    return [state[f"gates.{layer}.{name}"] for name in names] + ([state["offsets"][layer]] if has_offsets(net) else [])


def _flat(weights: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    return np.concatenate([part.reshape(-1) for part in weights]).astype("<f4", copy=False)


def has_offsets(net: NetConfig) -> bool:
    """Whether the net's gates have offsets."""
    return net.gated and net.depth > 0 and BALANCINGS[net.balancing].has_offsets


def is_drawn_by_leaf(net: NetConfig) -> bool:
    """Whether a net is drawn as one with separate leaves, which compute the same: if leaves share, but not by prefix."""
    return net.gated and not (net.model.shares_prefixes or net.model.has_separate_leaves)


def _net(store: Store, summary: RunSummary, live: bool) -> Drawn:
    run = summary.config
    size = shape(run.data)
    depth = run.net.tree_depth
    kind: Snapshot
    if in_browser(run.net, size.n_features, size.n_outputs):
        kind = "weights"
    elif shows_regions(run):
        kind = "regions"
    else:
        note = TOO_LARGE if run.net.model.forward is None else NOT_COMPUTED
        return Drawn(sorted({0, summary.epochs_done}), depth=depth, note=note)
    kept = _first_and_newest(store, summary, kind) if live else store.snapshots(summary.run_id, kind)
    if not kept:
        return _without_snapshots(store, summary, kind, depth)
    states = [read(data, snapshot_name(kind, epoch), run) for epoch, data in kept.items()]
    if kind == "weights":
        drawn = Drawn(list(kept), [_weights(state, run.net) for state in states], depth=depth)
        if summary.active and summary.attempt == summary.first_attempt:
            return drawn
        return _with_last(store, summary, drawn)  # one that was resumed goes on from its checkpoint
    levels = None if live else store.artifact(summary.run_id, LEVELS)
    return Drawn(list(kept), ready=_ready(run.net, states, {} if levels is None else read(levels, LEVELS, run)), depth=depth)


def _with_last(store: Store, summary: RunSummary, drawn: Drawn) -> Drawn:
    """Add the last net of a run that ended between two snapshots."""
    if drawn.epochs[-1] >= summary.epochs_done:
        return drawn
    left = _Left.of(store, summary)
    if summary.active and (left is None or left.epoch <= drawn.epochs[-1]):
        return drawn
    if left is None or left.epoch <= drawn.epochs[-1]:
        kept, done = theme.thousands(drawn.epochs[-1]), theme.thousands(summary.epochs_done)
        note = f"The last epoch whose net was kept is {kept}; the run ended after {done}."
        return replace(drawn, note=note)
    weights = [*drawn.weights, _weights(left.net.weights, left.net.config)]
    counts: Counts | None = [] if left.note else None
    epochs = [*drawn.epochs, left.epoch]
    return replace(drawn, epochs=epochs, weights=weights, counts=counts, is_between=bool(left.note), note=left.note)


@dataclass(frozen=True, eq=False)
class _Left:
    """The last net of a run."""

    net: Net
    epoch: int
    note: str
    """A sentence about a net from the middle of the next epoch; else empty."""

    @classmethod
    def of(cls, store: Store, summary: RunSummary) -> "_Left | None":
        trained = trained_net(store, summary.run_id)
        if trained is None:
            return None
        epoch = summary.epochs_done if trained.epoch is None else trained.epoch
        return cls(trained.net, epoch, f"The last is the {trained.words(epoch)}." if trained.step > 0 else "")


def _first_and_newest(store: Store, summary: RunSummary, kind: Snapshot) -> dict[int, bytes]:
    """Two snapshots only, each read by its name: all of them can be 8 MB."""
    done = summary.epochs_done
    planned = max((epoch for epoch in snapshot_epochs(summary.config) if epoch <= done), default=0)
    kept: dict[int, bytes] = {}
    for places in ((0,), (done, planned)):  # a run that ended early keeps its last epoch, planned or not
        for epoch in places:
            if epoch in kept:
                break
            if (data := store.artifact(summary.run_id, snapshot_name(kind, epoch))) is not None:
                kept[epoch] = data
                break
    return kept


def _without_snapshots(store: Store, summary: RunSummary, kind: Snapshot, depth: int) -> Drawn:
    """The net before training, and the last one."""
    run = summary.config
    seen = {0: _before_training(run, kind)}
    left = _Left.of(store, summary)
    note, is_between = "", False
    if left is not None:
        if left.epoch > 0:
            seen[left.epoch] = _seen(left.net, run, kind)
            note, is_between = left.note, bool(left.note)
    elif summary.epochs_done > 0 and not summary.active:
        note = "The weights after training were not kept; the scene shows only those before it."
    weights = [of_epoch.weights for of_epoch in seen.values() if of_epoch.weights]
    if kind == "weights":
        counts: Counts | None = [] if is_between else None
        return Drawn(list(seen), weights, depth=depth, counts=counts, is_between=is_between, note=note)
    by_layer = [list(of_layer) for of_layer in zip(*(of_epoch.counts for of_epoch in seen.values()), strict=True)]
    ready = _ready(run.net, [of_epoch.regions for of_epoch in seen.values()], {})
    return Drawn(list(seen), ready=ready, depth=depth, counts=by_layer, is_between=is_between, note=note)


@dataclass(frozen=True, eq=False)
class _Seen:
    """One drawn net: its weights, or its regions and, since the browser cannot count them, its loads."""

    weights: str = ""
    regions: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    counts: list[list[int]] = field(default_factory=list)


@lru_cache(maxsize=8)
def _before_training(run: RunConfig, kind: Snapshot) -> _Seen:
    size = shape(run.data)
    return _seen(untrained(run.net, size.n_features, size.n_outputs, run.weight_seed), run, kind)


def _seen(net: Net, run: RunConfig, kind: Snapshot) -> _Seen:
    if kind == "weights":
        return _Seen(_weights(net.weights, net.config))
    data = load(run.data, run.data_seed)
    found = zip(net.routed(data.train.x).leaves, run.net.routed_layers, strict=True)
    return _Seen(regions=regions(net, data), counts=[choice_counts(leaf, layer.n_leaves).tolist() for leaf, layer in found])


def _weights(state: Mapping[str, NDArray[Any]], net: NetConfig) -> str:
    if is_drawn_by_leaf(net):
        state = Net(net, state).collapsed().weights
    return as_base64(flat_weights(state, net), "<f4")


def _ready(net: NetConfig, states: Sequence[Mapping[str, NDArray[Any]]], levels: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Regions and, if kept, weights for sign lines of each epoch; the last net's predictions at each level or shuffled."""
    by_level = [levels[name] for level in range(len(levels)) if (name := f"level_{level}") in levels]
    accuracy = levels["level_accuracy"].tolist() if by_level else []
    shuffled = levels.get("shuffled")
    return {
        "side": SIDE,
        "probability": [as_base64(state["probability"], "u1") for state in states],
        "leaf": [as_base64(state["leaf"], "<i4") for state in states if "leaf" in state],
        "share": [as_base64(state["share"], "u1") for state in states if "share" in state],
        "signs": [as_base64(flat_signs(state, net), "<f4") for state in states]
        if all("hidden.weight" in state for state in states)
        else [],
        "levels": {
            "probability": [as_base64(probability, "u1") for probability in by_level],
            "accuracy": [[finite(share) for share in of_level] for of_level in accuracy],
            "shuffled": None if shuffled is None else as_base64(shuffled, "u1"),
            "shuffled_accuracy": None
            if shuffled is None
            else [finite(share) for share in levels["shuffled_accuracy"].tolist()],
        },
    }


# Models fitted by scikit-learn


def _fitted(store: Store, run: RunConfig, summary: RunSummary) -> Drawn:
    model = run.net.model
    if model.fit is None or not model.fit.is_tree:
        line = lines()[line_of_task(model.default_line.name, DATA_SETS[run.data.name].task)]
        return Drawn([1], note=f"{sentence_case(line.in_a_sentence)} is not drawn here.")
    if summary.status == "failed":
        return Drawn([1], depth=run.net.depth)
    fitted = fitted_trees(store, summary.run_id)
    if fitted is None:
        return Drawn(
            [1],
            depth=run.net.depth,
            note="The tree is drawn once it is fitted." if summary.active else "The fitted tree was not kept.",
        )
    tree = {name: getattr(fitted, name).tolist() for name in ("feature", "threshold", "left", "right", "value")}
    return Drawn([1], tree=tree, depth=run.net.depth if "depth" in model.net_fields else fitted.depth)


# Numbers for JSON


def finite(value: float) -> float | None:
    """Return a number that JSON can hold: None if it is not finite."""
    return value if math.isfinite(value) else None


def as_base64(values: ArrayLike, dtype: str) -> str:
    """Write numbers of a type such as <f4, row by row, in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode("ascii")
