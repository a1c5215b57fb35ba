"""Routing from the bytes that `saving` made."""

import json

import numpy as np

from leafscope.core.errors import RoutingError
from leafscope.core.routing.routing import Routing
from leafscope.core.text import storable


def unpack(data: bytes) -> Routing:
    """Return a log that was packed; raises RoutingError if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"]["about"])
        counts = arrays["counts"]
        return Routing(
            name=storable(str(about["name"])),
            counts=counts if counts.dtype.kind == "f" else counts.astype(np.int64),
            layers=tuple(int(layer) for layer in about["layers"]),
            steps=tuple(step if isinstance(step, int) else float(step) for step in about["steps"]),
            domains=tuple(storable(str(domain)) for domain in about["domains"]),
            known=arrays["known"].astype(np.bool_) if "known" in arrays else None,
            top_k=None if about["top_k"] is None else int(about["top_k"]),
            tokens=None if about["tokens"] is None else int(about["tokens"]),
            shared=tuple(int(one) for one in about["shared"]),
            ids=arrays.get("ids"),
            notes=tuple(storable(str(note)) for note in about["notes"]),
        )
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RoutingError(f"the routing log is damaged: {type(error).__name__}: {error}"[:300]) from None
