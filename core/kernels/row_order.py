"""Sorting the rows by leaf, which makes the rows of every node on every level contiguous.

N rows · K depth · O occupied leaves (at most N and L) · T touched nodes (on a path to an occupied leaf).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Level:
    """The touched nodes of one level, in order of their prefix."""

    nodes: Tensor
    """(T_l,) int64: rows of the weight table."""
    parent: Tensor
    """(T_l,) int64: each node's position among the touched nodes of the level above; empty for the first level."""
    rows: list[int]
    """Number of rows of each node; they are consecutive in `Plan.order`."""


@dataclass(frozen=True)
class Plan:
    """The order of the rows and their nodes in one step; valid for any layer with these leaves."""

    order: Tensor
    """(N,) int64: the rows, stably sorted by leaf."""
    inverse: Tensor
    """(N,) int64: the position of each row in `order`."""
    levels: list[Level]
    """From the root to the occupied leaves; a flat layer has only the leaves."""

    @property
    def nodes(self) -> Tensor:
        """(T,) int64: all touched nodes, ascending."""
        return torch.cat([level.nodes for level in self.levels])


def make_plan(leaf: Tensor, depth: int, tree: bool) -> Plan:
    """Sort the rows by leaf and list the touched nodes of each level: (N,) int64 -> Plan."""
    order = torch.argsort(leaf, stable=True)
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(order.numel(), device=leaf.device)
    prefix, counts = torch.unique_consecutive(leaf[order], return_counts=True)
    if not tree:
        return Plan(order, inverse, [Level(prefix, prefix.new_empty(0), counts.tolist())])

    upward: list[Level] = []
    for level in range(depth, -1, -1):
        nodes = (1 << level) - 1 + prefix
        if level == 0:
            upward.append(Level(nodes, prefix.new_empty(0), counts.tolist()))
            break
        above, parent = torch.unique_consecutive(prefix >> 1, return_inverse=True)
        upward.append(Level(nodes, parent, counts.tolist()))
        counts = counts.new_zeros(above.numel()).index_add_(0, parent, counts)
        prefix = above
    return Plan(order, inverse, upward[::-1])
