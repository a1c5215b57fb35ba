"""The data of a scene for the browser: rows, leaf counts, scores, and the net at each recorded epoch (`nets`).

P features · C classes · L = 2^K leaves. Arrays are base64 of
little-endian numbers, row by row; everything else is plain JSON. `app/assets/scene/net.js` reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.leaves.matrices import diverging_scale
from leafscope.app.scene import nets
from leafscope.app.scene.nets import Counts, Drawn, as_base64, finite
from leafscope.core.config import DataConfig, NetConfig, RunConfig, changed
from leafscope.core.cost import equal_computation_width
from leafscope.core.datasets import Dataset, Split, load, shape
from leafscope.core.inspection.components import components
from leafscope.core.inspection.contributions import explain
from leafscope.core.inspection.snapshots import SPREAD, in_browser, plane
from leafscope.core.inspection.trained import TrainedNet
from leafscope.core.parametrizations import PARAMETRIZATIONS
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import choice_counts

NOTHING = "nothing"
"""The choice of nothing to compare with."""

TITLE_LENGTH = 60
"""Most characters of a title."""

ERROR_LENGTH = 160
"""Most characters of a failure's first line."""

STAGE_SIZE = 27
"""Text of a scene in px of a deck's stage: its smallest labels are 3 px smaller."""

ROW_BYTES = 2**23
"""Most bytes of a split's features; a larger split is thinned to evenly spaced rows."""


def scene(store: Store, summary: RunSummary, *, live: bool = False) -> dict[str, Any]:
    """Collect what a scene draws of a run: JSON values; do not change them, those of an ended run are shared.

    The net is given at every epoch with a snapshot; `live`: only at epoch 0 and the newest. Without snapshots, at epoch 0 and
    after training. `counts` are of training rows, `scores` accuracies from 0 to 1, of numbers RMSEs, or None. Raises
    RunNotFoundError, DataError if the data cannot be loaded, and ValidationError for a configuration that is no longer valid.
    """
    made = _scene(store, summary, live) if live or summary.active else _scene_of_ended(_Ended.of(store, summary))
    return made | {"title": theme.one_line(summary.title, TITLE_LENGTH)}


def has_untrained(run: RunConfig) -> bool:
    """Whether a run's net can be drawn before it is trained: if the browser computes it."""
    size = shape(run.data)
    return in_browser(run.net, size.n_features, size.n_outputs)


def untrained(run: RunConfig) -> dict[str, Any]:
    """Collect the scene of a run that is not here yet: its data, and its net before training.

    Raises DataError if the data cannot be loaded.
    """
    no_scores: dict[str, list[float | None]] = {split: [None] for split in ("train", "validation", "test")}
    made = _of_net(run, nets.before_training(run), [], no_scores)
    return made | {"title": theme.one_line(run.label, TITLE_LENGTH)}


def look(look: theme.Look) -> dict[str, Any]:
    """Give colours, sizes in px and markers of a look, under the names that the browser uses."""
    dark, projector = look.dark, look.projector
    options = theme.STREAMLIT_THEME[dark]
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
        "regions": list(theme.CLASS_COLOURS),
        "classes": [theme.scale_colour([(0.0, one), (1.0, "#FFFFFF")], theme.ON_REGION[dark]) for one in theme.CLASS_COLOURS],
        "markers": list(theme.CLASS_MARKERS),
        "load": [[place, colour] for place, colour in theme.LOAD_SCALE],
        "share_power": theme.SHARE_POWER,
        "share_ticks": list(theme.SHARE_TICKS),
        "values": [[place, colour] for place, colour in theme.VALUE_SCALE],
        "signed": [[place, colour] for place, colour in diverging_scale(dark=dark)],
        "models": theme.MODEL_COLOURS | {"dense": theme.model_colour("dense", dark=dark)},
    }


def stage_looks() -> list[dict[str, Any]]:
    """Give the light and the dark look of scenes on the stage of a deck."""
    return [look(theme.Look(dark=dark, projector=True)) | {"size": STAGE_SIZE} for dark in (False, True)]


def parts(trained: TrainedNet, run: RunConfig, raw: Sequence[float], layer: int) -> dict[str, Any]:
    """Say what each node on the path of a point adds to the logits: (P,) raw features -> JSON values.

    `nodes` and `levels` (nodes,), `contributions` (nodes, C), `rest` and `logits` (C,), as in
    `Explanation`. Raises ValueError as `core.inspection.contributions.explain` does, for example for a net without gates.
    """
    row = load(run.data, run.data_seed).standardize(raw)
    found = explain(trained.net, row, layer)  # which refuses any other net
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
    width = equal_computation_width(net, size.n_features, size.n_outputs) if net.routed_layers else net.width
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


def _scene(store: Store, summary: RunSummary, live: bool) -> dict[str, Any]:
    drawn = nets.drawn(store, summary, live)
    failed = summary.status == "failed"
    counts = _recorded_counts(store, summary, drawn) if drawn.counts is None else drawn.counts
    made = _of_net(
        summary.config, drawn, counts, _scores(store, summary, drawn, live), _failure(summary, drawn) if failed else ""
    )
    return made | {"failed": failed}


def _of_net(
    run: RunConfig, drawn: Drawn, counts: Counts, scores: dict[str, list[float | None]], failure: str = ""
) -> dict[str, Any]:
    net = run.net
    data = _of_data(run.data, run.data_seed)
    return data | {
        "id": run.run_id,
        "note": " ".join(filter(None, (failure, drawn.note, data["note"]))),
        "kind": _drawn_kind(net),
        "style": net.kind,
        "sums": _sums(net),
        "routed": _routed(net),
        "depth": drawn.depth,
        "width": 0 if net.fitted else net.width,
        "layers": len(net.routed_layers) or (1 if net.fitted else net.tree_layers),
        "gates": net.gates,
        "offsets": nets.has_offsets(net),
        "epochs": drawn.epochs,
        "total": run.epochs,
        "weights": drawn.weights,
        "counts": counts,
        "scores": scores,
        "ready": drawn.ready,
        "tree": drawn.tree,
        "failed": False,
    }


def _drawn_kind(net: NetConfig) -> str:
    if net.model.fit is not None and net.model.fit.is_tree:
        return "decision_tree"
    if net.model.forward is not None:  # drawn by the regions of its leaves or experts
        return "tree" if net.has_leaves else "dense"
    return "flat" if net.gated and not net.model.shares_prefixes else net.kind


def _routed(net: NetConfig) -> dict[str, Any] | None:
    """Where a net sends rows that has a router of its own, by soft decisions or by scores; None for all others."""
    layers = net.routed_layers
    if net.gated or not layers:
        return None
    return {"leaves": layers[0].n_leaves, "top": layers[0].top_k, "isTree": net.has_leaves}


def _sums(net: NetConfig) -> dict[str, int] | None:
    """How many matrices a leaf sums, and how many there are, where neither is what the drawing shows."""
    if net.depth == 0 or not nets.is_drawn_by_leaf(net):
        return None
    parametrization = PARAMETRIZATIONS[net.model.parametrization]
    return {"used": len(parametrization.levels(net.depth)), "all": parametrization.n_nodes(net.depth)}


def _failure(summary: RunSummary, drawn: Drawn) -> str:
    lines = (summary.error or "").strip().splitlines() or ["the reason is unknown"]
    why = theme.one_line(lines[0], ERROR_LENGTH).rstrip(".")
    sentence = f"The run failed: {why}" + ("" if why.endswith("…") else ".")
    if not (drawn.weights or drawn.ready):
        return sentence
    last = drawn.epochs[-1]
    shown = f"epoch {theme.thousands(last)}, the last whose net was kept" if last else "the net before training"
    return f"{sentence} The scene shows {shown}."


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
        "classes": list(data.class_names) or [theme.one_line(data.info.target, TITLE_LENGTH)],
        "target": None if data.n_classes else _target(data),
        "mean": data.mean.tolist(),
        "scale": data.scale.tolist(),
        "low": low,
        "high": high,
        "section": None if is_plane or data.info.image_shape else _section(data),
        "rows": {name: _rows(data, rows) for name, rows in shown.items()},
        "always": {name: data.chance_on(name)["accuracy"] for name, rows in shown.items() if len(rows)}
        if data.n_classes
        else None,
        "note": f"Only {theme.enumerate_words(missing)} are shown." if missing else "",
    }


def _section(data: Dataset) -> dict[str, Any]:
    """What the browser needs of planes through the features: medians of the raw training rows, and principal components."""
    found = components(data.train.x)
    axes, explained = (None, []) if found is None else (found.axes.tolist(), found.explained.tolist())
    return {"median": np.median(data.raw[data.train.index], 0).tolist(), "components": axes, "explained": explained}


def _shown_rows(split: Split, n_features: int) -> NDArray[np.int64]:
    """The rows of a split that are sent, as row numbers of the whole data set."""
    n = len(split.index)
    most = max(1, ROW_BYTES // (4 * n_features))
    return split.index if n <= most else split.index[np.arange(most) * n // most]


def _rows(data: Dataset, rows: NDArray[np.int64]) -> dict[str, Any]:
    y = as_base64(data.labels[rows], "<u2" if data.n_classes else "<f4")
    return {"x": as_base64(data.raw[rows], "<f4"), "y": y, "n": len(rows)}


def _target(data: Dataset) -> dict[str, Any]:
    """What the browser needs of a target of numbers: its name, how outputs become numbers, and the ends of its colours."""
    mean, deviation = data.centre
    ends = {"low": mean - SPREAD * deviation, "high": mean + SPREAD * deviation}
    return {"name": theme.one_line(data.info.target, TITLE_LENGTH), "mean": mean, "deviation": deviation} | ends


# Recorded measurements


def _recorded_counts(store: Store, summary: RunSummary, drawn: Drawn) -> Counts:
    """Rows in each leaf at each of the epochs; none unless leaves were recorded at all of them."""
    net = summary.config.net
    layers = net.routed_layers
    if not layers or not set(drawn.epochs) <= set(store.recorded_epochs(summary.run_id).tolist()):
        return []
    return [
        [choice_counts(store.leaves(summary.run_id, layer, "train", epoch), one.n_leaves).tolist() for epoch in drawn.epochs]
        for layer, one in enumerate(layers)
    ]


def _scores(store: Store, summary: RunSummary, drawn: Drawn, live: bool) -> dict[str, list[float | None]]:
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
    of_metric = history[history["metric"].isin(("accuracy", "rmse"))]
    keys = zip(of_metric["split"].tolist(), of_metric["epoch"].tolist(), strict=True)
    return dict(zip(keys, map(finite, of_metric["value"].tolist()), strict=True))
