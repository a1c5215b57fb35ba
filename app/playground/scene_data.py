"""The data of a scene for the browser: rows, the net at each recorded epoch, leaf counts, scores.

P features · C classes · K depth · L = 2^K leaves · V nodes · w width · G = SIDE * SIDE grid points. Arrays are base64 of
little-endian numbers, row by row; everything else is plain JSON. `app/assets/scene/net.js` reads it.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from leafscope.app import theme
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.core.config import DataConfig, NetConfig, RunConfig, changed
from leafscope.core.cost import equal_computation_width
from leafscope.core.datasets import Dataset, Split, load, shape
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.fitted_tree import fitted_tree
from leafscope.core.inspection.snapshots import SIDE, in_browser, plane, read, regions, shows_regions, snapshot_epochs
from leafscope.core.inspection.trained import TrainedNet, trained_net
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.store.reading import LEVELS, Snapshot, snapshot_name
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.training.trainer import evaluate
from leafscope.core.usage.counts import leaf_counts

TITLE_LENGTH = 60
"""Most characters of a title."""

ERROR_LENGTH = 160
"""Most characters of a failure's first line."""

ROW_BYTES = 2**23
"""Most bytes of a split's features; a larger split is thinned to evenly spaced rows."""

TOO_LARGE = "This net is too large to draw here."

Counts = list[list[list[int]]]
"""Indexed by layer, epoch, leaf."""


def scene(store: Store, summary: RunSummary, *, live: bool = False) -> dict[str, Any]:
    """Collect what a scene draws of a run: JSON values; do not change them, those of an ended run are shared.

    The net is given at every epoch with a snapshot; `live`: only at epoch 0 and the newest. Without snapshots, at epoch 0 and
    after training. `counts` are of training rows, `scores` accuracies from 0 to 1 or None. Raises RunNotFoundError,
    DataError if the data cannot be loaded, and ValidationError for a configuration that is no longer valid.
    """
    made = _scene(store, summary, live) if live or summary.active else _scene_of_ended(_Ended.of(store, summary))
    return made | {"title": theme.one_line(summary.title, TITLE_LENGTH)}


def flat_weights(state: dict[str, Tensor], net: NetConfig) -> NDArray[np.float32]:
    """Concatenate a net's weights, frozen gates included: (numbers,) float32.

    Hidden W (w, P) and b; for each layer its gates (W (K, w) and b, or the normals (K, w), or nothing), W (V, w, w) and b
    (V, w); head W (C, w) and b. Raises KeyError for the state of another net.
    """
    names = ["hidden.weight", "hidden.bias"]
    parts = {"hidden": (), "units": ("weight", "bias"), "random": ("normals",)}
    of_gates = parts[net.gates] if net.gated and net.depth > 0 else ()
    for layer in range(net.tree_layers):
        names += [f"gates.{layer}.{part}" for part in of_gates] + [f"layers.{layer}.weight", f"layers.{layer}.bias"]
    names += ["head.weight", "head.bias"]
    return np.concatenate([state[name].detach().cpu().numpy().reshape(-1) for name in names]).astype("<f4", copy=False)


def look(look: theme.Look) -> dict[str, Any]:
    """Give colours, sizes in px and markers of a look, under the names that the browser uses."""
    dark, projector = look.dark, look.projector
    options = theme.STREAMLIT_THEME[dark]
    models = {kind: theme.model_colour(kind, dark=dark) for kind in ("tree", "flat", "dense", "decision_tree", "ensemble")}
    return {
        "dark": dark,
        "projector": projector,
        "font": theme.FONT_FAMILY,
        "size": theme.FONT_SIZE[projector],
        "line": theme.LINE_WIDTH[projector],
        "text": theme.TEXT[dark],
        "muted": theme.MUTED[dark],
        "grid": theme.GRID[dark],
        "background": theme.BACKGROUND[dark],
        "secondary": options["secondaryBackgroundColor"],
        "primary": options["primaryColor"],
        "classes": list(theme.CLASS_COLOURS),
        "markers": list(theme.CLASS_MARKERS),
        "load": [[place, colour] for place, colour in theme.LOAD_SCALE],
        "models": models | {"tree_units": theme.model_colour("tree", dark=dark, gates="units")},
    }


def parts(trained: TrainedNet, run: RunConfig, raw: Sequence[float], layer: int) -> dict[str, Any]:
    """Say what each node on the path of a point adds to the logits: (P,) raw features -> JSON values.

    `nodes` and `levels` (nodes,), `contributions` (nodes, C), `rest` and `logits` (C,), as in
    `Explanation`. Raises ValueError as `core.inspection.contributions.explain` does, for example for a net without gates.
    """
    row = load(run.data, run.data_seed).standardize(raw)
    found = explain(cast(TreeNet, trained.net), row, layer)  # which refuses any other net
    return {
        "layer": found.layer,
        "nodes": list(found.nodes),
        "levels": list(found.levels),
        "contributions": found.contributions.tolist(),
        "rest": found.rest.tolist(),
        "logits": found.logits.tolist(),
    }


def partners(run: RunConfig) -> dict[str, RunConfig]:
    """List the runs to compare a run with: words -> a run of another model on the same data, seeds and training.

    A dense net of equal computation and a decision tree of the same depth; for a tree also separate leaves (flat) and random
    gates. The run itself is left out. Raises DataError for data that cannot be split as asked.

    >>> list(partners(RunConfig()))
    ['dense', 'flat', 'random gates', 'decision tree']
    """
    net, size = run.net, shape(run.data)
    width = equal_computation_width(net, size.n_features, size.n_classes) if net.gated else net.width
    changes: dict[str, dict[str, Any]] = {"dense": {"net.kind": "dense", "net.width": width}}
    if net.kind == "tree":
        changes |= {"flat": {"net.kind": "flat"}, "random gates": {"net.gates": "random"}}
    changes["decision tree"] = {"net.kind": "decision_tree"}
    others = {words: changed(run, change) for words, change in changes.items()}
    return {words: other for words, other in others.items() if other.run_id != run.run_id}


# Scenes, and the cache of those of ended runs


@dataclass(frozen=True)
class _Ended:
    """An ended attempt: its data do not change any longer."""

    store: Store
    run_id: str
    attempt: int
    created: float
    status: str
    epochs_done: int
    summary: RunSummary = field(compare=False)

    @classmethod
    def of(cls, store: Store, summary: RunSummary) -> "_Ended":
        return cls(store, summary.run_id, summary.attempt, summary.created, summary.status, summary.epochs_done, summary)


@lru_cache(maxsize=8)
def _scene_of_ended(run: _Ended) -> dict[str, Any]:
    return _scene(run.store, run.summary, live=False)


@dataclass(frozen=True, eq=False)
class _Drawn:
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


def _scene(store: Store, summary: RunSummary, live: bool) -> dict[str, Any]:
    run = summary.config
    net = run.net
    drawn = _fitted(run, summary) if net.fitted else _net(store, summary, live)
    data = _of_data(run.data, run.data_seed)
    failed = summary.status == "failed"
    notes = (_failure(summary, drawn) if failed else "", drawn.note, data["note"])
    return data | {
        "id": summary.run_id,
        "note": " ".join(filter(None, notes)),
        "kind": "decision_tree" if net.model.fit is not None and net.model.fit.is_tree else net.kind,
        "depth": drawn.depth,
        "width": 0 if net.fitted else net.width,
        "layers": 1 if net.fitted else net.tree_layers,
        "gates": net.gates,
        "epochs": drawn.epochs,
        "total": run.epochs,
        "weights": drawn.weights,
        "counts": _recorded_counts(store, summary, drawn) if drawn.counts is None else drawn.counts,
        "scores": _scores(store, summary, drawn, live),
        "ready": drawn.ready,
        "tree": drawn.tree,
        "failed": failed,
    }


def _failure(summary: RunSummary, drawn: _Drawn) -> str:
    lines = (summary.error or "").strip().splitlines() or ["the reason is unknown"]
    why = theme.one_line(lines[0], ERROR_LENGTH).rstrip(".")
    sentence = f"The run failed: {why}" + ("" if why.endswith("…") else ".")
    if not (drawn.weights or drawn.ready):
        return sentence
    last = drawn.epochs[-1]
    return f"{sentence} The scene shows {f'epoch {last}, the last whose net was kept' if last else 'the net before training'}."


# The data


@lru_cache(maxsize=4)
def _of_data(config: DataConfig, seed: int) -> dict[str, Any]:
    data = load(config, seed)
    is_plane = data.n_features == 2
    low, high = (corner.tolist() for corner in plane(data)) if is_plane else (None, None)
    shown = {name: _shown_rows(split, data.n_features) for name, split in data.splits.items() if name != "validation"}
    missing = [
        f"{theme.thousands(len(shown[name]))} of {theme.thousands(len(data.splits[name].y))} {theme.SPLIT_WORDS[name]} rows"
        for name in shown
        if len(shown[name]) < len(data.splits[name].y)
    ]
    return {
        "mode": "plane" if is_plane else "pad" if data.info.image_shape else "rows",
        "features": list(data.feature_names),
        "classes": list(data.class_names),
        "mean": data.mean.tolist(),
        "scale": data.scale.tolist(),
        "low": low,
        "high": high,
        "rows": {name: _rows(data, rows) for name, rows in shown.items()},
        "note": f"Only {theme.enumerate_words(missing)} are shown." if missing else "",
    }


def _shown_rows(split: Split, n_features: int) -> NDArray[np.int64]:
    """The rows of a split that are sent, as row numbers of the whole data set."""
    n = len(split.index)
    most = max(1, ROW_BYTES // (4 * n_features))
    return split.index if n <= most else split.index[np.arange(most) * n // most]


def _rows(data: Dataset, rows: NDArray[np.int64]) -> dict[str, Any]:
    return {"x": _base64(data.raw[rows], "<f4"), "y": _base64(data.labels[rows], "<u2"), "n": len(rows)}


# Nets


def _net(store: Store, summary: RunSummary, live: bool) -> _Drawn:
    run = summary.config
    size = shape(run.data)
    depth = run.net.depth if run.net.gated else 0
    kind: Snapshot
    if in_browser(run.net, size.n_features, size.n_classes):
        kind = "weights"
    elif shows_regions(run):
        kind = "regions"
    else:
        return _Drawn(sorted({0, summary.epochs_done}), depth=depth, note=TOO_LARGE)
    kept = _first_and_newest(store, summary, kind) if live else store.snapshots(summary.run_id, kind)
    if not kept:
        return _without_snapshots(store, summary, kind, depth)
    states = [read(data, snapshot_name(kind, epoch), run) for epoch, data in kept.items()]
    if kind == "weights":
        drawn = _Drawn(list(kept), [_weights(state, run.net) for state in states], depth=depth)
        return drawn if live or summary.active else _with_last(store, summary, drawn)
    levels = None if live else store.artifact(summary.run_id, LEVELS)
    return _Drawn(list(kept), ready=_ready(states, {} if levels is None else read(levels, LEVELS, run)), depth=depth)


def _with_last(store: Store, summary: RunSummary, drawn: _Drawn) -> _Drawn:
    """Add the last net of a run that ended between two snapshots."""
    if drawn.epochs[-1] >= summary.epochs_done:
        return drawn
    left = _Left.of(store, summary)
    if left is None or left.epoch <= drawn.epochs[-1]:
        note = f"The last epoch whose net was kept is {drawn.epochs[-1]}; the run ended after {summary.epochs_done}."
        return replace(drawn, note=note)
    weights = [*drawn.weights, _weights(left.net.state_dict(), summary.config.net)]
    counts: Counts | None = [] if left.note else None
    epochs = [*drawn.epochs, left.epoch]
    return replace(drawn, epochs=epochs, weights=weights, counts=counts, is_between=bool(left.note), note=left.note)


@dataclass(frozen=True, eq=False)
class _Left:
    """The last net of a run."""

    net: DenseNet | TreeNet
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


def _without_snapshots(store: Store, summary: RunSummary, kind: Snapshot, depth: int) -> _Drawn:
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
        return _Drawn(list(seen), weights, depth=depth, counts=counts, is_between=is_between, note=note)
    by_layer = [list(of_layer) for of_layer in zip(*(of_epoch.counts for of_epoch in seen.values()), strict=True)]
    ready = _ready([of_epoch.regions for of_epoch in seen.values()], {})
    return _Drawn(list(seen), ready=ready, depth=depth, counts=by_layer, is_between=is_between, note=note)


@dataclass(frozen=True, eq=False)
class _Seen:
    """One drawn net: its weights, or its regions and, since the browser cannot count them, its loads."""

    weights: str = ""
    regions: dict[str, Tensor] = field(default_factory=dict)
    counts: list[list[int]] = field(default_factory=list)


@lru_cache(maxsize=8)
def _before_training(run: RunConfig, kind: Snapshot) -> _Seen:
    size = shape(run.data)
    return _seen(build_net(run.net, size.n_features, size.n_classes, run.weight_seed), run, kind)


def _seen(net: DenseNet | TreeNet, run: RunConfig, kind: Snapshot) -> _Seen:
    if kind == "weights":
        return _Seen(_weights(net.state_dict(), run.net))
    data = load(run.data, run.data_seed)
    _, _, leaves = evaluate(net, torch.tensor(data.train.x), torch.tensor(data.train.y))
    return _Seen(regions=regions(net, data), counts=[leaf_counts(leaf, run.net.depth).tolist() for leaf in leaves])


def _weights(state: dict[str, Tensor], net: NetConfig) -> str:
    return _base64(flat_weights(state, net), "<f4")


def _ready(states: Sequence[dict[str, Tensor]], levels: dict[str, Tensor]) -> dict[str, Any]:
    """Regions of each epoch, and the last net's predictions read to each level or with shuffled leaves."""
    by_level = [levels[name] for level in range(len(levels)) if (name := f"level_{level}") in levels]
    accuracy = levels["level_accuracy"].tolist() if by_level else []
    shuffled = levels.get("shuffled")
    return {
        "side": SIDE,
        "probability": [_base64(state["probability"].numpy(), "u1") for state in states],
        "leaf": [_base64(state["leaf"].numpy(), "<i4") for state in states if "leaf" in state],
        "levels": {
            "probability": [_base64(probability.numpy(), "u1") for probability in by_level],
            "accuracy": [[_finite(share) for share in of_level] for of_level in accuracy],
            "shuffled": None if shuffled is None else _base64(shuffled.numpy(), "u1"),
            "shuffled_accuracy": None
            if shuffled is None
            else [_finite(share) for share in levels["shuffled_accuracy"].tolist()],
        },
    }


# Models fitted by scikit-learn


def _fitted(run: RunConfig, summary: RunSummary) -> _Drawn:
    model = run.net.model
    if model.fit is None or not model.fit.is_tree:
        return _Drawn([1], note=f"{sentence_case(model.default_line.in_a_sentence)} is not drawn here.")
    if summary.status == "failed":
        return _Drawn([1], depth=run.net.depth)
    fitted = fitted_tree(run)
    tree = {name: getattr(fitted, name).tolist() for name in ("feature", "threshold", "left", "right", "value")}
    return _Drawn([1], tree=tree, depth=run.net.depth if "depth" in model.reads else fitted.depth)


# Recorded measurements


def _recorded_counts(store: Store, summary: RunSummary, drawn: _Drawn) -> Counts:
    """Rows in each leaf at each of the epochs; none unless leaves were recorded at all of them."""
    net = summary.config.net
    if not net.gated or not set(drawn.epochs) <= set(store.recorded_epochs(summary.run_id).tolist()):
        return []
    return [
        [leaf_counts(store.leaves(summary.run_id, layer, "train", epoch), net.depth).tolist() for epoch in drawn.epochs]
        for layer in range(net.tree_layers)
    ]


def _scores(store: Store, summary: RunSummary, drawn: _Drawn, live: bool) -> dict[str, list[float | None]]:
    last = drawn.epochs[-1]
    if live and last > 0 and drawn.epochs[0] == 0:  # there may be thousands of epochs between
        known = _first_accuracies(store, summary.run_id, summary.first_attempt)
        known = known | _accuracies(store.history(summary.run_id, after=last - 1))
    else:
        known = _accuracies(store.history(summary.run_id))
    measured = drawn.epochs[:-1] if drawn.is_between else drawn.epochs
    return {
        split: [known.get((split, epoch)) if epoch in measured else None for epoch in drawn.epochs]
        for split in ("train", "validation", "test")
    }


@lru_cache(maxsize=32)
def _first_accuracies(store: Store, run_id: str, first_attempt: int) -> dict[tuple[str, int], float | None]:
    """The accuracies of epoch 0, which no longer change once a run is past it."""
    return {key: share for key, share in _accuracies(store.history(run_id)).items() if key[1] == 0}


def _accuracies(history: pd.DataFrame) -> dict[tuple[str, int], float | None]:
    of_metric = history[history["metric"] == "accuracy"]
    keys = zip(of_metric["split"].tolist(), of_metric["epoch"].tolist(), strict=True)
    return dict(zip(keys, map(_finite, of_metric["value"].tolist()), strict=True))


def _finite(value: float) -> float | None:
    """A number that JSON can hold: None if it is not finite."""
    return value if math.isfinite(value) else None


def _base64(values: ArrayLike, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode("ascii")
