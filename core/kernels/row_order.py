"""Sorting the rows by leaf, which makes the rows of every node on every level contiguous.

N rows · K depth · O occupied leaves (at most N and L) · T touched nodes (on a path to an occupied leaf).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from leafscope.core.parametrizations import Bits, first_nodes, prefixes


@dataclass(frozen=True)
class Level:
    """The touched prefixes of one level, in order; where prefixes choose the matrices, these are its touched nodes."""

    nodes: Tensor
    """(T_l,) int64: rows of the weight table; not in order, and repeated, where other bits choose the matrices."""
    parent: Tensor
    """(T_l,) int64: each node's position among the touched nodes of the level above; empty for the first level."""
    rows: list[int]
    """Number of rows of each node; they are consecutive in `Plan.order`."""
    counts: Tensor
    """(T_l,) int64: the same numbers, on the device of the rows."""


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
        """(T,) int64: the touched nodes of all levels, ascending where prefixes choose the matrices."""
        return torch.cat([level.nodes for level in self.levels])


def levels_of(depth: int, tree: bool, levels: Sequence[Bits] | None = None) -> tuple[Bits, ...]:
    """List the bits that choose the matrix of each level: those given, else prefixes of all lengths (tree) or of K (flat)."""
    if levels is not None:
        return tuple(levels)
    return prefixes(range(depth + 1) if tree else (depth,))


def make_plan(leaf: Tensor, depth: int, tree: bool, levels: Sequence[Bits] | None = None) -> Plan:
    """Sort the rows by leaf and list the touched nodes of each level: (N,) int64 -> Plan; see `levels_of`."""
    order = torch.argsort(leaf, stable=True)
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(order.numel(), device=leaf.device)
    prefix, counts = torch.unique_consecutive(leaf[order], return_counts=True)
    bits = levels_of(depth, tree, levels)
    first = first_nodes(bits)

    upward: list[Level] = []
    for level in range(len(bits) - 1, -1, -1):
        nodes = first[level] + (prefix if bits[level].start == 0 else prefix & ((1 << bits[level].size) - 1))
        if level == 0:
            upward.append(Level(nodes, prefix.new_empty(0), counts.tolist(), counts))
            break
        above, parent = torch.unique_consecutive(prefix >> (bits[level].stop - bits[level - 1].stop), return_inverse=True)
        upward.append(Level(nodes, parent, counts.tolist(), counts))
        counts = counts.new_zeros(above.numel()).index_add_(0, parent, counts)
        prefix = above
    return Plan(order, inverse, upward[::-1])
