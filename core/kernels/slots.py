"""The rows of many nets in the order of their leaves, and the nodes that they touch, in arrays whose shape is always the same.

M nets (members) · N rows of each · K depth · V nodes · S slots of a level, min(N, 2^level): a level cannot touch more nodes.
Unused slots name row V of a table, a spare one. As no shape depends on the rows, nothing waits for the device, and a step can
be recorded as a CUDA graph. `row_order` does the same for one net, without unused slots.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from leafscope.core.kernels import cuda, readiness
from leafscope.core.kernels.row_order import levels_of
from leafscope.core.parametrizations import Bits, first_nodes

GATHERED = 1 << 22
"""Entries of the matrices that are gathered at once where no kernel multiplies groups of rows."""


@dataclass(frozen=True)
class SlotLevel:
    """The touched prefixes of one level, in order, then the unused slots; prefixes are nodes where they choose the matrices."""

    nodes: Tensor
    """(M, S) int64: rows of the member's table, repeated where other bits than prefixes choose the matrices; V where unused."""
    parent: Tensor
    """(M, S) int64: each node's slot on the level above; 0 where unused, and on the first level."""
    counts: Tensor
    """(M, S) int64: number of rows of each node; they are consecutive in `Slots.order`."""


@dataclass(frozen=True)
class Slots:
    """The order of the rows of each member, and its nodes."""

    order: Tensor
    """(M, N) int64: the rows, stably sorted by leaf."""
    inverse: Tensor
    """(M, N) int64: the position of each row in `order`."""
    levels: list[SlotLevel]
    """From the root to the leaves; a flat layer has only the leaves."""

    @property
    def nodes(self) -> Tensor:
        """(M, T) int64: the nodes of all slots, level by level."""
        return torch.cat([level.nodes for level in self.levels], 1)


def make_slots(leaf: Tensor, depth: int, tree: bool, levels: Sequence[Bits] | None = None) -> Slots:
    """Sort each member's rows by leaf and list the touched nodes of each level: (M, N) int64 -> Slots; see `levels_of`."""
    members, n = leaf.shape
    order = torch.argsort(leaf, dim=1, stable=True)
    position = torch.arange(n, device=leaf.device).expand(members, n)
    inverse = torch.empty_like(order).scatter_(1, order, position)
    ordered = leaf.gather(1, order)
    chosen = levels_of(depth, tree, levels)
    spare = sum(1 << bits.size for bits in chosen)
    found: list[SlotLevel] = []
    above = torch.zeros_like(ordered)
    for first, bits in zip(first_nodes(chosen), chosen, strict=True):
        shape = members, min(n, 1 << bits.stop)
        prefix = ordered >> (depth - bits.stop)
        begins = torch.ones_like(prefix)
        begins[:, 1:] = prefix[:, 1:] != prefix[:, :-1]
        slot = begins.cumsum(1) - 1
        nodes = leaf.new_full(shape, spare).scatter_(1, slot, (prefix & ((1 << bits.size) - 1)) + first)
        parent = leaf.new_zeros(shape).scatter_(1, slot, above)
        found.append(SlotLevel(nodes, parent, leaf.new_zeros(shape).scatter_add_(1, slot, torch.ones_like(slot))))
        above = slot
    return Slots(order, inverse, found)


def in_slots(values: Tensor, slots: Slots) -> list[Tensor]:
    """Split the values of all slots by level and sum them along each path: (M, T, ...) -> one (M, S, ...) for each level."""
    parts = values.split([level.nodes.shape[1] for level in slots.levels], 1)
    totals = [parts[0]]
    for own, level in zip(parts[1:], slots.levels[1:], strict=True):
        totals.append(_of_members(totals[-1], level.parent) + own)
    return totals


def _of_members(values: Tensor, index: Tensor) -> Tensor:
    """Select of each member's values: (M, S, ...), (M, T) -> (M, T, ...)."""
    members, slots = values.shape[:2]
    first = torch.arange(members, device=index.device).unsqueeze(1) * slots
    return values.flatten(0, 1).index_select(0, (index + first).flatten()).unflatten(0, index.shape)


def products(rows: Tensor, weights: Tensor, biases: Tensor, counts: Tensor) -> Tensor:
    """Multiply sorted rows by their slot's matrix: (M, N, P), (M, S, Q, P), (M, S, Q), counts (M, S) -> (M, N, Q)."""
    flat = rows.flatten(0, 1), weights.flatten(0, 1), biases.flatten(0, 1), counts.flatten()
    if rows.is_cuda and rows.dtype == torch.float32 and cuda.has_triton() and readiness.may_use_kernels():
        from leafscope.core.kernels import _triton

        return _triton.linear(*flat).unflatten(0, rows.shape[:2])
    y: Tensor = _Gathered.apply(*flat)
    return y.unflatten(0, rows.shape[:2])


class _Gathered(torch.autograd.Function):
    """Gives every row a copy of its matrix, a part of the rows at a time."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor, biases: Tensor, counts: Tensor) -> Tensor:
        groups = torch.arange(len(counts), device=counts.device)
        group = groups.repeat_interleave(counts, output_size=len(rows))
        ctx.save_for_backward(rows, weights, group)
        parts = [
            torch.baddbmm(biases[own].unsqueeze(2), weights[own], part.unsqueeze(2)).squeeze(2)
            for part, own in _parts(weights, rows, group)
        ]
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        rows, weights, group = ctx.saved_tensors
        dy = grads[0]
        dx = torch.cat([torch.bmm(part.unsqueeze(1), weights[own]).squeeze(1) for part, own in _parts(weights, dy, group)])
        dweights, dbiases = torch.zeros_like(weights), weights.new_zeros(weights.shape[:2]).index_add_(0, group, dy)
        for (part, own), (slope, _) in zip(_parts(weights, rows, group), _parts(weights, dy, group), strict=True):
            dweights.index_add_(0, own, slope.unsqueeze(2) * part.unsqueeze(1))
        return dx, dweights, dbiases, None


def _parts(weights: Tensor, rows: Tensor, group: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    most = max(1, GATHERED // weights[0].numel())
    return zip(rows.split(most), group.split(most), strict=True)
