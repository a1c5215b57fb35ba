"""Routing: sign bits, leaf index, and the path of nodes from the root to a leaf.

N rows · K depth (gating bits) · L = 2^K leaves · node ids breadth-first: node (l, prefix) = 2^l - 1 + prefix.
Sign patterns and the tree of their prefixes: Cho & Bengio 2014 (arXiv 1406.7362). Ids and the tie rule are this
project's choice.
"""

import torch
from torch import Tensor

from leafscope.core.limits import MAX_DEPTH, check_depth


def sign_bits(a: Tensor) -> Tensor:
    """Read the sign of each gating pre-activation: (..., K) float -> (..., K) bool, `a > 0`.

    Both 0 and NaN give bit 0, in training and evaluation, on every device.

    >>> sign_bits(torch.tensor([[0.5, 0.0, -2.0]])).tolist()
    [[True, False, False]]
    """
    return a > 0


def leaf_index(bits: Tensor) -> Tensor:
    """Read the bits as a binary number, first bit most significant: (..., K) bool -> (...) int64 in 0..2^K - 1.

    K = 0 gives 0 for every row. Raises ValueError for more than 16 bits.

    >>> leaf_index(torch.tensor([[True, False, True], [False, False, True]])).tolist()
    [5, 1]
    """
    depth = bits.shape[-1]
    if depth > MAX_DEPTH:
        raise ValueError(f"a pattern must have at most {MAX_DEPTH} bits, got {depth}")
    place_values = 1 << torch.arange(depth - 1, -1, -1, device=bits.device)
    return (bits.to(torch.int64) * place_values).sum(-1)


def bits_of(leaf: Tensor, depth: int) -> Tensor:
    """Write leaf indices as bits, the first bit most significant: (...) int64 -> (..., K) int64, each 0 or 1.

    >>> bits_of(torch.tensor([5, 2]), 3).tolist()
    [[1, 0, 1], [0, 1, 0]]
    """
    return (leaf.unsqueeze(-1) >> torch.arange(depth - 1, -1, -1, device=leaf.device)) & 1


def path_nodes(leaf: Tensor, depth: int) -> Tensor:
    """List the nodes on each leaf's path: (...) int64 -> (..., K + 1) int64 breadth-first ids, root first.

    Raises ValueError unless 0 <= depth <= 16, and IndexError for a leaf outside 0..2^depth - 1.

    >>> path_nodes(torch.tensor(5), 3).tolist()  # prefixes: empty, 1, 10, 101
    [0, 2, 5, 12]
    """
    check_depth(depth)
    check_leaves(leaf, depth)
    level = torch.arange(depth + 1, device=leaf.device)
    return (1 << level) - 1 + (leaf.unsqueeze(-1) >> (depth - level))


def check_leaves(leaf: Tensor, depth: int) -> None:
    """Raise IndexError for a leaf outside 0..2^depth - 1; no check on CUDA, to avoid a synchronization."""
    if leaf.device.type == "cpu" and leaf.numel() > 0:
        low, high = (int(bound) for bound in torch.aminmax(leaf))
        if low < 0 or high >= 1 << depth:
            wrong = low if low < 0 else high
            raise IndexError(f"a leaf must be from 0 to {(1 << depth) - 1} at depth {depth}, got {wrong}")
