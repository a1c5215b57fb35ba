"""Tensors in the store's format: safetensors, so that nothing is ever unpickled."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pack(tensors: "dict[str, torch.Tensor]") -> bytes:
    """Convert tensors to safetensors."""
    from safetensors.numpy import save  # the same bytes as from tensors, in a third of the time

    return save({name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()})


def unpack(data: bytes) -> "dict[str, torch.Tensor]":
    """Convert safetensors to tensors on the CPU."""
    from safetensors.torch import load

    return load(data)
