"""Routing from arrays: `.npy`, whose objects would be pickled and are refused, and safetensors.

S steps · A layers · E experts · N tokens · k experts of each token.
"""

import io
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import RoutingError
from leafscope.core.limits import MAX_EXPERTS, MAX_ROUTING_VALUES
from leafscope.core.routing.packing import unpack
from leafscope.core.routing.routing import Routing
from leafscope.core.routing.saving import FORMAT
from leafscope.core.routing.told import Layout, Told

_WIDEST = 32
"""The most experts of a token of which an array is taken for ids."""

_PADDING = 255
"""The number that stands for no expert in unsigned bytes."""

_BLOCK = 2**22


def of_npy(data: bytes, told: Told) -> Routing:
    """Read an array of NumPy; raises RoutingError."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read_header(file)
        if kind.hasobject:
            raise RoutingError(
                "an array of objects is pickled, and a pickle can run any program when it is read, so it is refused; convert "
                "it in Python, if you trust whoever made it: numpy.save('log.npy', numpy.stack(numpy.load('FILE.npy', "
                "allow_pickle=True)).astype('int64'))"
            )
        _check_size(shape)
        file.seek(0)
        array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, MemoryError, UnicodeError) as error:
        if isinstance(error, RoutingError):
            raise
        raise RoutingError(f"the file must be a complete array of NumPy, but it cannot be read: {_plain(error)}") from None
    return of_array(array, told)


def is_safetensors(data: bytes) -> bool:
    """Whether a file begins as safetensors do: with the length of a header in JSON."""
    size = int.from_bytes(data[:8], "little")
    return len(data) >= 10 and 2 <= size <= len(data) - 8 and data[8:9] == b"{" and size < 100_000_000


def of_safetensors(data: bytes, told: Told) -> Routing:
    """Read safetensors: what `Routing.save` wrote, one array, or one for each layer; raises RoutingError."""
    from safetensors import SafetensorError, deserialize

    size = int.from_bytes(data[:8], "little")
    try:
        about = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        parts: dict[str, Mapping[str, Any]] = dict(deserialize(data))
    except (SafetensorError, ValueError, AttributeError, RecursionError, MemoryError) as error:
        raise RoutingError(f"safetensors must be complete, but they cannot be read: {_plain(error)}") from None
    if isinstance(about, dict) and about.get("format") == FORMAT:
        return unpack(data)
    if not parts:
        raise RoutingError("safetensors must hold an array, but there is none")
    _check_size((sum(int(np.prod(part["shape"])) for part in parts.values()),))
    arrays = {name: _tensor(name, part) for name, part in parts.items()}
    if len(arrays) == 1:
        return of_array(next(iter(arrays.values())), told)
    return _by_layer(arrays, told)


_KINDS = {
    **{f"{letter}{8 * size}": f"<{letter.lower()}{size}" for letter in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}


def _tensor(name: str, part: Mapping[str, Any]) -> NDArray[Any]:
    kind, raw = part["dtype"], bytes(part["data"])
    if kind == "BF16":  # the upper half of a 32-bit number
        whole = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
        return whole.view(np.float32).reshape(part["shape"])
    if kind not in _KINDS:
        raise RoutingError(f"tensors must hold whole or floating-point numbers, but {name!r:.80} holds {kind}")
    return np.frombuffer(raw, _KINDS[kind]).reshape(part["shape"])


def _by_layer(arrays: Mapping[str, NDArray[Any]], told: Told) -> Routing:
    """Stack arrays whose names give the layer."""
    numbered: dict[int, NDArray[Any]] = {}
    for name, array in arrays.items():
        found = re.search(r"(?i)layers?[._/ ]?(\d+)", name) or re.fullmatch(r"\D*(\d+)\D*", name)
        if found is None or int(found[1]) in numbered:
            raise RoutingError(
                "of several tensors each name must give another layer, such as layer_0, got " + ", ".join(arrays)[:100]
            )
        numbered[int(found[1])] = array
    shapes = {array.shape for array in numbered.values()}
    if len(shapes) > 1:
        raise RoutingError(f"the tensors of all layers must have one shape, got {', '.join(map(str, sorted(shapes)))[:100]}")
    layers = sorted(numbered)
    (shape,) = shapes
    if len(shape) not in (1, 2):
        raise RoutingError(f"the tensor of a layer must have 1 or 2 dimensions, got shape {shape}")
    if len(shape) == 2:
        return of_array(np.stack([numbered[layer] for layer in layers], 1), told, layers)
    if told.layout == "ids":
        return of_array(np.stack([numbered[layer] for layer in layers], 1)[..., None], told, layers)
    return of_array(np.stack([numbered[layer] for layer in layers]), told, layers)


def of_array(array: NDArray[Any], told: Told, layers: list[int] | None = None) -> Routing:
    """Understand an array: (A, E) or (S, A, E) counts, (N, k) or (N, A, k) ids, (N, E) or (N, A, E) logits."""
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise RoutingError(f"an array must hold whole or floating-point numbers of at most 64 bits, got {array.dtype}")
    if array.size == 0:
        raise RoutingError(f"an array must hold numbers, got shape {array.shape}")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim not in ((1, 2, 3) if told.layout in ("counts", "ids") else (2, 3)):
        raise RoutingError(
            "an array must have 2 or 3 dimensions, (layers, experts), (steps, layers, experts), (tokens, k) or (tokens, "
            f"layers, k), got shape {array.shape}"
        )
    layout = told.layout or _layout(array, told, layers)
    if layout == "counts":
        return _of_counts(array, layers)
    if layout == "logits":
        return _of_ids(_top(array if array.ndim == 3 else array[:, None], told.top_k), layers, array.shape[-1])
    if array.ndim == 1:
        array = array[:, None]
    return _of_ids(array if array.ndim == 3 else array[:, None], layers)


def _layout(array: NDArray[Any], told: Told, layers: list[int] | None) -> Layout:
    """Tell what an array is, where it can be one thing only."""
    possible: list[Layout] = []
    with np.errstate(invalid="ignore"):
        low, high = float(np.nanmin(array)), float(np.nanmax(array))
        is_whole = array.dtype.kind in "iu" or bool((array == np.floor(array)).all())
    if low >= 0:
        possible.append("counts")
    if array.dtype.kind in "iu" and low >= -1 and high < MAX_EXPERTS and array.shape[-1] <= _WIDEST:
        possible.append("ids")
    if array.dtype.kind == "f" and not is_whole:
        possible.append("logits")
    if layers is not None and array.ndim == 2:  # an array for each layer
        possible = [one for one in possible if one != "logits"]
    if array.shape[-1] == 1 and "ids" in possible:
        possible = ["ids"]
    if not possible:
        raise RoutingError(f"counts must be at least 0, and ids from -1 to {MAX_EXPERTS - 1:,}, got {low:g} to {high:g}")
    if len(possible) > 1:
        words = {"counts": "counts of experts", "ids": "the experts of tokens", "logits": "scores of experts for tokens"}
        raise RoutingError(
            f"an array of shape {array.shape} and {array.dtype} can be {' or '.join(words[one] for one in possible)}; say "
            f"which with --layout {' or --layout '.join(possible)} (counts, ids or logits)"
        )
    return possible[0]


def _of_counts(array: NDArray[Any], layers: list[int] | None) -> Routing:
    if array.ndim == 1:
        array = array[None]
    wrong = np.argwhere(~(np.isfinite(array) & (array >= 0)))
    if len(wrong):
        place = tuple(map(int, wrong[0]))
        raise RoutingError(f"counts must be numbers of at least 0, but at {list(place)} the array has {array[place]:g}")
    if not array.any():
        raise RoutingError("the array must have at least one count above 0, but all are 0")
    is_whole = array.dtype.kind in "iu" or bool((array == np.floor(array)).all())
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise RoutingError("counts must fit in 63 bits")
    counts: NDArray[Any] = array.astype(np.int64 if is_whole else np.float64)
    return Routing(
        counts=counts.reshape(1, -1, *counts.shape[-2:]),
        layers=tuple(layers or range(array.shape[-2])),
        steps=tuple(range(len(array))) if array.ndim == 3 else (),
        notes=() if is_whole else ("the values are not whole numbers, so they are taken as shares",),
    )


def _of_ids(array: NDArray[Any], layers: list[int] | None, experts: int | None = None) -> Routing:
    """Count experts of tokens: (N, A, k)."""
    if array.dtype.kind == "f":
        if not bool((array == np.floor(array)).all()):
            raise RoutingError("the experts of tokens must be whole numbers, but some are not")
        array = array.astype(np.int64)
    n_tokens, n_layers, k = array.shape
    is_padding = array < 0 if array.dtype.kind == "i" else np.zeros(array.shape, np.bool_)
    is_padding |= _padding(array)
    if array.size and int(array.min()) < -1:
        raise RoutingError(f"an expert must be at least 0, or -1 for padding, got {int(array.min())}")
    highest = int(array[~is_padding].max(initial=0)) if not is_padding.all() else -1
    if highest < 0:
        raise RoutingError("the array must have the expert of at least one token, but all is padding")
    if highest >= MAX_EXPERTS:
        raise RoutingError(f"an expert must be from 0 to {MAX_EXPERTS - 1:,}, got {highest:,}")
    experts = experts or highest + 1
    ids: NDArray[Any] = np.where(is_padding, -1, array).astype(np.int16 if experts < 2**15 else np.int32)
    counts = np.stack([np.bincount(ids[:, layer][~is_padding[:, layer]], minlength=experts) for layer in range(n_layers)])
    notes = []
    if n := int(is_padding.all((1, 2)).sum()):
        notes.append(f"{n:,} of {n_tokens:,} tokens are padding and left out")
    if k > 1 and (n := _repeated(ids)):
        notes.append(f"{n:,} times a token names an expert twice; chance draws different ones")
    return Routing(
        counts=counts.astype(np.int64)[None, None],
        layers=tuple(layers or range(n_layers)),
        top_k=min(k, experts),
        ids=ids,
        notes=tuple(notes),
    )


def _padding(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Which ids of 255 mean none: where whole tokens have it, or in unsigned bytes where no expert is close to it."""
    is_it = array == _PADDING
    if not is_it.any() or (array.dtype.kind == "i" and (array < 0).any()):
        return np.zeros(array.shape, np.bool_)
    whole = array.shape[-1] > 1 and bool(is_it.all(-1).any())
    far = array.dtype == np.uint8 and int(np.max(array, where=~is_it, initial=0)) < _PADDING - 1
    return is_it if whole or far else np.zeros(array.shape, np.bool_)


def _repeated(ids: NDArray[np.integer]) -> int:
    """Count how often a token names an expert again: (N, A, k)."""
    ordered = np.sort(ids, -1)
    return int(((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)).sum())


def _top(logits: NDArray[Any], top_k: int | None) -> NDArray[np.int64]:
    """Take the k experts of the highest scores: (N, A, E) -> (N, A, k)."""
    if top_k is None:
        raise RoutingError("the scores of a router need the number of experts that each token goes to: --top-k")
    experts = logits.shape[-1]
    if top_k > experts:
        raise RoutingError(f"top-k must be from 1 to the number of experts ({experts:,}), got {top_k:,}")
    if np.isnan(logits).any():
        place = list(map(int, np.argwhere(np.isnan(logits))[0]))
        raise RoutingError(f"scores must be numbers, but at {place} (token, layer, expert) one is NaN")
    found = np.empty((*logits.shape[:2], top_k), np.int64)
    step = max(1, _BLOCK // (logits.shape[1] * experts))
    for start in range(0, len(logits), step):
        block = logits[start : start + step]
        found[start : start + step] = np.argpartition(block, experts - top_k, axis=-1)[..., experts - top_k :]
    return found


def _check_size(shape: tuple[int, ...]) -> None:
    size = 1
    for length in shape:
        size *= length
    if size > 4 * MAX_ROUTING_VALUES:
        raise RoutingError(f"an array must have at most {4 * MAX_ROUTING_VALUES:,} values, got shape {shape}")


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
