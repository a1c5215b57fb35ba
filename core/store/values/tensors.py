"""Arrays in the store's format: safetensors, so that nothing is ever unpickled; snapshots are compressed without loss."""

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

MOST_BYTES = 2**26
"""The most bytes of compressed tensors, far above a snapshot's few MB: a file from elsewhere could grow without end."""

_COMPRESSED = b"zlib"  # safetensors begin with the length of their header, for which these bytes would mean over a gigabyte


def pack(tensors: "Mapping[str, torch.Tensor | NDArray[Any]]") -> bytes:
    """Convert arrays, or tensors on any device, to safetensors."""
    from safetensors.numpy import save

    return save({name: np.asarray(_array(tensor), order="C") for name, tensor in tensors.items()})


def _array(tensor: "torch.Tensor | NDArray[Any]") -> NDArray[Any]:
    return tensor if isinstance(tensor, np.ndarray) else tensor.detach().cpu().numpy()


def compress(data: bytes) -> bytes:
    """Compress safetensors; `plain` and `unpack` tell it from what is not compressed."""
    return _COMPRESSED + zlib.compress(data)


def plain(data: bytes) -> bytes:
    """Return safetensors that may be compressed as they were; raises ValueError where they are damaged or too large."""
    if not data.startswith(_COMPRESSED):
        return data
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(data[len(_COMPRESSED) :], MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"compressed tensors are damaged: {error}") from None
    if not reader.eof:
        raise ValueError(f"compressed tensors must be complete and have at most {MOST_BYTES:,} bytes")
    return found


def unpack(data: bytes) -> dict[str, NDArray[Any]]:
    """Convert safetensors, compressed or not, to arrays; raises ValueError for a type that NumPy does not have."""
    from safetensors.numpy import load

    try:
        return load(plain(data))
    except KeyError as error:
        raise ValueError(f"tensors must have types that NumPy has, got {error.args[0]!r:.40}") from None
