"""Reading a file as routing: a text, an array of NumPy, or safetensors. Pickle is never read."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import RoutingError, TableError
from leafscope.core.limits import MAX_ROUTING_BYTES
from leafscope.core.routing.routing import Routing
from leafscope.core.routing.told import LAYOUTS, Layout, Told
from leafscope.core.tables.parsing.content import unpacked
from leafscope.core.tables.parsing.header import clean_name

_PICKLED = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
_ENDINGS = (".gz", ".csv", ".tsv", ".txt", ".npy", ".safetensors", *_PICKLED)


def read_routing(
    path: str | os.PathLike[str] | bytes,
    layout: Layout | None = None,
    top_k: int | None = None,
    tokens: int | None = None,
    name: str | None = None,
) -> Routing:
    """Read counts of experts from a file, packed with gzip or not; `path` can also be the bytes of one.

    A long CSV with the columns layer, expert and count; a CSV with a column for each expert of each layer, such as
    layer_0/expert_1; `.npy` or safetensors with (A, E) or (S, A, E) counts, (N, k) or (N, A, k) experts of tokens, padded with
    -1 or 255, or (N, E) or (N, A, E) scores of a router, which need `top_k`. S steps, A layers, E experts, N tokens.
    `layout` says what an array is, where its shape can be two things. `tokens`: N of each layer, step and domain; shares need
    it, and k, for chance. Raises RoutingError with one sentence, and OSError.
    """
    if layout is not None and layout not in LAYOUTS:
        raise RoutingError(f"the layout must be counts, ids or logits, got {layout!r:.40}")
    for what, number in (("top-k", top_k), ("the number of tokens", tokens)):
        if number is not None and number < 1:
            raise RoutingError(f"{what} must be at least 1, got {number:,}")
    file_name = "" if isinstance(path, bytes) else Path(path).name
    try:
        data = unpacked(path, MAX_ROUTING_BYTES)
        found = _read(data, file_name, Told(layout, top_k, tokens))
    except TableError as error:
        raise RoutingError(str(error)) from None
    return replace(found, name=clean_name(name or _stem(file_name) or found.name) or "routing")


def _read(data: bytes, file_name: str, told: Told) -> Routing:
    from leafscope.core.routing import arrays, text

    if not data:
        raise RoutingError("the file must hold counts, but it is empty")
    if (why := _pickled(data, file_name)) is not None:
        raise RoutingError(why)
    if data.startswith(b"\x93NUMPY"):
        return completed(arrays.of_npy(data, told), told)
    if arrays.is_safetensors(data):
        return completed(arrays.of_safetensors(data, told), told)
    if told.layout in ("ids", "logits"):
        raise RoutingError(f"a text must hold counts; {told.layout} are read from .npy or safetensors")
    return completed(text.of_text(data), told)


def completed(found: Routing, told: Told) -> Routing:
    """Add what a person says, and k where the numbers tell it; raises RoutingError for a contradiction."""
    if found.top_k is not None and told.top_k is not None and found.top_k != told.top_k:
        raise RoutingError(f"top-k must be what the file says ({found.top_k}), got {told.top_k}")
    top_k = found.top_k or told.top_k
    if told.tokens is not None and found.ids is not None:
        raise RoutingError("the number of tokens must be told for counts only; ids and logits say it themselves")
    tokens = told.tokens or found.tokens
    sums = found.counts.sum(3)[found.has]
    if top_k is None:
        top_k = _top_k(found, sums, tokens)
    notes = list(found.notes)
    if not found.is_shares and top_k is not None:
        notes += _checked(found, sums, top_k, tokens)
    return replace(found, top_k=top_k, tokens=tokens, notes=tuple(notes))


def _top_k(found: Routing, sums: NDArray[np.number], tokens: int | None) -> int | None:
    """Tell k by the sums of parts, which are k N in counts, and k in shares of the tokens."""
    k = sums / (tokens if tokens is not None and not found.is_shares else 1)
    if not len(k) or not np.allclose(k, k[0], rtol=1e-4) or abs(k[0] - round(k[0])) > 1e-4 or not round(k[0]) <= found.experts:
        return None
    if found.is_shares:
        return round(k[0]) if round(k[0]) > 1 else None  # shares that sum to 1 can be of the tokens or of their choices
    return round(k[0]) if tokens is not None and round(k[0]) >= 1 else None


def _checked(found: Routing, sums: NDArray[np.number], top_k: int, tokens: int | None) -> list[str]:
    """Say where counts are not k times the number of tokens; raises RoutingError where they are more."""
    if tokens is None:
        n = int((sums % top_k > 0).sum())
        parts = f"{n:,} of {len(sums):,} parts" if len(sums) > 1 else "the counts"
        return [f"{parts} do not sum to a multiple of top-k: tokens were dropped, or top-k is another"] if n else []
    if (most := int(sums.max(initial=0))) > tokens * top_k:
        raise RoutingError(
            f"{tokens:,} tokens with {top_k} experts each make {tokens * top_k:,} assignments in each layer, step and domain, "
            f"but a layer has {most:,}"
        )
    return []


def _pickled(data: bytes, file_name: str) -> str | None:
    """Say why a file of pickled objects is refused, and how to convert it; None: it is none."""
    ending = Path(file_name.removesuffix(".gz")).suffix.lower()
    shown = repr(file_name or "log.pt")
    if data.startswith(b"PK\x03\x04") and ending == ".npz":
        return f"several arrays in a zip file are not read; save one: numpy.save('log.npy', numpy.load({shown})['NAME'])"
    is_torch = data.startswith(b"PK\x03\x04") or ending in (".pt", ".pth", ".ckpt")
    if not (is_torch or ending in _PICKLED or (data[:1] == b"\x80" and data[1:2] in b"\x01\x02\x03\x04\x05")):
        return None
    if is_torch:
        line = f"numpy.save('log.npy', torch.load({shown}, weights_only=True).numpy())"
        more = ", with the name of a tensor in square brackets before .numpy() if the file holds several"
    else:
        line = f"numpy.save('log.npy', numpy.asarray(pickle.load(open({shown}, 'rb'))))"
        more = ", if you trust whoever made it"
    return (
        f"a file of pickled objects can run any program when it is read, so it is refused; convert it in Python{more}: {line}"
    )


def _stem(name: str) -> str:
    while (ending := Path(name).suffix).lower() in _ENDINGS and len(name) > len(ending):
        name = name[: -len(ending)]
    return name
