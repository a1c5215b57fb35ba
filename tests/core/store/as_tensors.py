"""What a store keeps, as tensors for torch's own functions, which are oracles in tests."""

import torch

from leafscope.core.store.values.tensors import unpack


def as_tensors(data: bytes) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array) for name, array in unpack(data).items()}
