"""Routing as bytes, to be kept: safetensors, and as a CSV that others read."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from leafscope.core.routing.routing import Routing

FORMAT = "leafscope routing 1"
"""What the metadata of a saved log say."""

_FIELDS = ("name", "layers", "steps", "domains", "top_k", "tokens", "shared", "notes")


def pack(routing: "Routing") -> bytes:
    """Return a log as safetensors."""
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {"counts": _small(routing.counts)}
    if routing.known is not None and not routing.known.all():
        arrays["known"] = routing.known.astype(np.uint8)
    if routing.ids is not None:
        arrays["ids"] = np.ascontiguousarray(routing.ids)
    about = json.dumps({name: getattr(routing, name) for name in _FIELDS}, ensure_ascii=True)
    return save(arrays, {"format": FORMAT, "about": about})


def as_csv(routing: "Routing") -> str:
    """Write a long CSV: a row for each expert of each layer, step and domain that the log has."""
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_names(routing))
    writer.writerows(_rows(routing))
    return file.getvalue()


def _names(routing: "Routing") -> list[str]:
    optional = [name for name, values in (("domain", routing.domains), ("step", routing.steps)) if values]
    return [*optional, "layer", "expert", "frac" if routing.is_shares else "count"]


def _rows(routing: "Routing") -> Iterator[list[object]]:
    for domain, step, layer in np.argwhere(routing.has):
        place: list[object] = [routing.domains[domain]] if routing.domains else []
        place += [routing.steps[step]] if routing.steps else []
        for expert, count in enumerate(routing.counts[domain, step, layer].tolist()):
            yield [*place, routing.layers[layer], expert, count]


def _small(counts: NDArray[Any]) -> NDArray[Any]:
    """The shortest integers that hold the counts; they take less space, and are read as quickly."""
    if counts.dtype.kind == "f":
        return np.ascontiguousarray(counts)
    kind = np.min_scalar_type(int(counts.max(initial=0)))
    return np.ascontiguousarray(counts, np.uint8 if kind == np.bool_ else kind)
