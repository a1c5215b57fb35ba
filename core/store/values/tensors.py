"""Tensors in the store's format: safetensors, so that nothing is ever unpickled; snapshots are compressed without loss."""

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MOST_BYTES = 2**26
"""The most bytes of compressed tensors, far above a snapshot's few MB: a file from elsewhere could grow without end."""

_COMPRESSED = b"zlib"  # safetensors begin with the length of their header, for which these bytes would mean over a gigabyte


def pack(tensors: "dict[str, torch.Tensor]") -> bytes:
    """Convert tensors to safetensors."""
    from safetensors.numpy import save  # the same bytes as from tensors, in a third of the time

    return save({name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()})


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


def unpack(data: bytes) -> "dict[str, torch.Tensor]":
    """Convert safetensors, compressed or not, to tensors on the CPU."""
    from safetensors.torch import load

    return load(plain(data))
