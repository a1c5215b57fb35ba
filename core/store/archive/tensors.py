"""The tensors that an artifact of a run must have, from the run's configuration alone: their names, types and shapes.

P features · C classes · K depth · L = 2^K leaves · G = GRID_SIDE^2 grid points.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError, safe_open

from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.datasets import DataShape, shape
from leafscope.core.errors import DataError
from leafscope.core.files import path_of
from leafscope.core.inference.trees import Trees
from leafscope.core.models.registry import Weight
from leafscope.core.store.reading import GRID_SIDE, LEVELS, snapshot_epoch
from leafscope.core.store.values.records import CHECKPOINT, NET, TREES
from leafscope.core.store.values.rows import check_leaves
from leafscope.core.store.values.tensors import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensors = dict[str, tuple[str, tuple[int, ...]]]
"""Name -> type in the words of safetensors, and shape."""

MAX_SIGNS_DEPTH, MAX_SIGNS_WIDTH = 8, 64
"""The largest net whose sign lines a browser computes exactly: in 50 ms, where gates cut the plane into 2,081 cells."""

HEADER = 10_000
"""More bytes than the names, types and shapes of trees take."""


def check_artifact(file: BinaryIO, name: str, run: RunConfig) -> None:
    """Raise ValueError, with a sentence, unless an unnamed file is the artifact of this name of the run, in safetensors."""
    epoch = snapshot_epoch(name)
    if name not in (NET, CHECKPOINT, LEVELS, TREES) and epoch is None:
        raise ValueError(f"name must be {NET}, {CHECKPOINT}, {LEVELS}, {TREES}, or weights- or regions- and an epoch")
    if epoch is not None and epoch > run.epochs:
        raise ValueError(f"name must have an epoch up to {run.epochs}")
    try:
        size = shape(run.data)
    except DataError as error:
        raise ValueError(f"{run.label} must have no artifacts, since its data cannot be split") from error
    if name == TREES:
        return _check_trees(file, run, size)
    try:
        with safe_open(path_of(file), framework="numpy") as tensors:
            _check_tensors(tensors, name, run, size)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"it must be safetensors: {error}") from error


def _check_trees(file: BinaryIO, run: RunConfig, size: DataShape) -> None:
    model = run.net.model
    if model.fit is None or not model.fit.has_trees:
        raise ValueError(f"{run.label} must have no trees")
    n_rows = size.n_train + size.n_validation + size.n_test
    most = HEADER + model.memory(run, size.n_features, size.n_outputs, n_rows).parameters
    if (n_bytes := file.seek(0, os.SEEK_END)) > most:  # before it is read into memory
        raise ValueError(f"it must have at most {most:,} bytes, more than fitting needs, got {n_bytes:,}")
    try:
        file.seek(0)
        trees_of(unpack(file.read()), run)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"it must be safetensors: {error}") from error


def trees_of(arrays: "Mapping[str, NDArray[Any]]", run: RunConfig) -> Trees:
    """Raise ValueError, with a sentence, unless arrays are the trees of a run of a model that has some."""
    model, size = run.net.model, shape(run.data)
    assert model.fit is not None
    trees = Trees.from_arrays(arrays, size.n_features, size.n_classes, model.fit.is_tree)
    if "depth" in model.net_fields and trees.depth > run.net.depth:
        raise ValueError(f"the tree must have at most depth {run.net.depth}, as in its configuration, got {trees.depth}")
    return trees


def check_tensors(arrays: "Mapping[str, NDArray[Any]]", name: str, run: RunConfig) -> None:
    """Raise ValueError, with a sentence, unless arrays are those of the artifact of this name of the run."""
    size = shape(run.data)
    given = _described(arrays)
    _check_same(given, _wanted(name, run, size, given))
    _check_values(arrays.__getitem__, name, run, size)


def _described(arrays: "Mapping[str, NDArray[Any]]") -> Tensors:
    kinds = {"f": "F", "i": "I", "u": "U"}
    return {
        name: ("BOOL" if array.dtype.kind == "b" else f"{kinds.get(array.dtype.kind, '?')}{8 * array.itemsize}", array.shape)
        for name, array in arrays.items()
    }


def _check_tensors(tensors: Any, name: str, run: RunConfig, size: DataShape) -> None:
    given = {
        key: (part.get_dtype(), tuple(part.get_shape())) for key in sorted(tensors.keys()) for part in [tensors.get_slice(key)]
    }
    _check_same(given, _wanted(name, run, size, given))
    _check_values(tensors.get_tensor, name, run, size)


def _check_values(array: "Callable[[str], NDArray[Any]]", name: str, run: RunConfig, size: DataShape) -> None:
    """Check what is counted with, of tensors whose names, types and shapes are right."""
    if name == CHECKPOINT:
        _check_progress(array("progress").tolist(), run, size)
    if name.startswith("regions-") and (layers := run.net.routed_layers):
        for layer, (leaf, of_layer) in enumerate(zip(array("leaf"), layers, strict=True)):
            check_leaves(leaf, of_layer.n_leaves, f"leaf of layer {layer}")


def _wanted(name: str, run: RunConfig, size: DataShape, given: Tensors) -> Tensors:
    """Return what is expected beside these tensors: older snapshots have neither weights of gates nor shares."""
    expected = _expected(name, run, size)
    later = {*sign_tensors(run.net, size.n_features, size.n_outputs), "share"}
    if not name.startswith("regions-") or given.keys() & later:
        return expected
    return {one: described for one, described in expected.items() if one not in later}


def _expected(name: str, run: RunConfig, size: DataShape) -> Tensors:
    if run.net.fitted:
        raise ValueError(f"{run.label} must have no artifacts, since it has no net")
    if name == LEVELS:
        return _levels(run.net, size.n_outputs)
    if name.startswith("regions-"):
        return _regions(run, size) | sign_tensors(run.net, size.n_features, size.n_outputs)
    declared = run.net.model.weights
    assert declared is not None  # a net that is built has them
    weights = declared(run.net, size.n_features, size.n_outputs)
    return _trainer(weights) if name == CHECKPOINT else {one.name: ("F32", one.shape) for one in weights}


def _trainer(weights: Sequence[Weight]) -> Tensors:
    """Return the tensors of the state of a trainer that trains a net."""
    found: Tensors = {f"net.{one.name}": ("F32", one.shape) for one in weights}
    for index, one in enumerate(one for one in weights if one.is_trained):
        moment = "F32", one.shape
        visits = one.shape[0] if one.has_nodes else 1
        state: Tensors = {"exp_avg": moment, "exp_avg_sq": moment, "visits": ("I64", (visits,))}
        found |= {f"optimizer.{index}.{name}": described for name, described in state.items()}
    return found | {"progress": ("I64", (5,)), "best_loss": ("F64", ())}


def _regions(run: RunConfig, size: DataShape) -> Tensors:
    found: Tensors = {"probability": ("U8", (GRID_SIDE**2, size.n_outputs))}
    layers = run.net.routed_layers
    of_layers = (len(layers), GRID_SIDE**2)
    found |= {"leaf": ("I32", of_layers)} if layers else {}
    return found | ({"share": ("U8", of_layers)} if run.net.model.mixes else {})


def sign_tensors(net: NetConfig, n_features: int, n_outputs: int) -> Tensors:
    """Return the weights that tell where signs change in the first gated layer: none of a net too large for a browser."""
    if not net.gated or not 0 < net.depth <= MAX_SIGNS_DEPTH or net.width > MAX_SIGNS_WIDTH or net.model.weights is None:
        return {}
    names = ("hidden.weight", "hidden.bias", "gates.0.weight", "gates.0.bias", "gates.0.normals", "offsets")
    return {one.name: ("F32", one.shape) for one in net.model.weights(net, n_features, n_outputs) if one.name in names}


def _levels(net: NetConfig, n_classes: int) -> Tensors:
    """Return what `core.inspection.snapshots.levels` gives."""
    picture = "U8", (GRID_SIDE**2, n_classes)
    if not net.gated or net.depth == 0:
        return {}
    found: Tensors = {"shuffled": picture, "shuffled_accuracy": ("F64", (3,))}
    if net.kind == "tree":
        found |= {f"level_{level}": picture for level in range(net.depth + 1)}
        found["level_accuracy"] = "F64", (net.depth + 1, 3)
    return found


def _check_same(given: Tensors, expected: Tensors) -> None:
    for name in sorted(expected.keys() - given.keys()):
        raise ValueError(f"it must have the tensor {name}, got {sorted(given)!r:.80}")
    for name in sorted(given.keys() - expected.keys()):
        raise ValueError(f"it must have the tensors {', '.join(expected)[:80]} only, got {name!r:.80}")
    for name, described in expected.items():
        if given[name] != described:
            raise ValueError(f"{name} must be {_words(described)}, got {_words(given[name])}")


def _words(described: tuple[str, tuple[int, ...]]) -> str:
    kind, lengths = described
    return f"{kind} of shape {list(lengths)}"[:80]


def _check_progress(progress: list[int], run: RunConfig, size: DataShape) -> None:
    epoch, step, best_epoch, begun, ended = progress
    steps = -(-size.n_train // run.train.batch_size)
    fits = 0 <= epoch <= run.epochs and 0 <= step <= steps and 0 <= best_epoch <= epoch
    if not fits or begun not in (0, 1) or ended not in (0, 1):
        raise ValueError(
            f"progress must have an epoch up to {run.epochs}, a step up to {steps}, a best epoch up to that epoch, and two "
            f"that are 0 or 1, got {progress!r:.80}"
        )
