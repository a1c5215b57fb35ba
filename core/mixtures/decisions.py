"""Trees of soft decisions: the shares of their leaves, and the leaf that hard decisions choose.

N rows · K depth · L = 2^K leaves · V = 2^K - 1 inner nodes, breadth-first: node (level, prefix) is 2^level - 1 + prefix.
Decisions a are read as p = sigma(a), the share that goes on to bit 1; a decision of 0 is bit 0 where it is hard.
"""

import torch
from torch import Tensor
from torch.nn import functional


def depth_of(decisions: Tensor) -> int:
    """Return K from (N, V)."""
    return decisions.shape[1].bit_length()


def path_shares(decisions: Tensor) -> Tensor:
    """Multiply the shares along each path: decisions (N, V) -> (N, L), each row's sum 1."""
    right = torch.sigmoid(decisions)
    left = torch.sigmoid(-decisions)  # 1 - right would lose digits near 1
    shares = decisions.new_ones(len(decisions), 1)
    for level in range(depth_of(decisions)):
        nodes = slice((1 << level) - 1, (2 << level) - 1)
        shares = torch.stack([shares * left[:, nodes], shares * right[:, nodes]], -1).flatten(1)
    return shares


def node_shares(shares: Tensor, level: int) -> Tensor:
    """Sum the shares of the leaves below each node of a level: (N, L) -> (N, 2^level)."""
    return shares.unflatten(1, (1 << level, -1)).sum(2)


def hard_leaf(decisions: Tensor) -> Tensor:
    """Go to the harder side of each node: decisions (N, V) -> (N,) int64."""
    leaf = torch.zeros(len(decisions), dtype=torch.int64, device=decisions.device)
    for level in range(depth_of(decisions)):
        bit = decisions.gather(1, ((1 << level) - 1 + leaf).unsqueeze(1)).squeeze(1) > 0
        leaf = 2 * leaf + bit
    return leaf


def mean_entropy(decisions: Tensor) -> Tensor:
    """Average the entropy of all nodes' decisions over nodes and rows: (N, V) -> scalar, in nats, 0 without nodes."""
    if not decisions.numel():
        return decisions.new_zeros(())
    right = torch.sigmoid(decisions)
    return -(right * functional.logsigmoid(decisions) + (1 - right) * functional.logsigmoid(-decisions)).mean()
