"""Nets of the routed kinds, with random weights."""

import torch

from leafscope.core.config import NetConfig, TrainConfig
from leafscope.core.models import build_net
from leafscope.core.nets import Net

P, C = 5, 3
NO_LOSS = TrainConfig(balance=0.0)


def drawn(seed: int = 0, **fields: object) -> Net:
    """A net between P and C in float64, all of whose weights and offsets are random."""
    net = build_net(NetConfig(**fields), P, C, seed).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in net.state_dict().values():
            values.copy_(torch.randn(values.shape, generator=generator) * 0.6)
    return net


def rows(n: int = 40, width: int = P, seed: int = 1) -> torch.Tensor:
    """Random rows (N, width) in float64."""
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def numbers(net: Net) -> dict[str, object]:
    """The weights of a net as NumPy arrays."""
    return {name: values.numpy() for name, values in net.state_dict().items()}
