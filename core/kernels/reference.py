"""The reference implementation: plain torch operations with autograd, for any device and any floating type.

N rows · P input features · Q output features · K depth · V nodes (2^(K+1) - 1 tree, 2^K flat) · O occupied leaves ·
T touched nodes. The matrix of a tree's leaf is the sum of the matrices on its path, W(b) = sum_l W[node(l, prefix_l(b))]; a
leaf of a flat layer has its own matrix (Cho & Bengio 2014, arXiv 1406.7362, and this project's reading of it). Layers that have
matrices for other bits are in `core.parametrizations`.

In addition to the tables, it stores the O collapsed matrices of the occupied leaves, but never one matrix for each row.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from leafscope.core.gates.registry import GATE_GRADIENTS, Factor
from leafscope.core.kernels.row_order import Level, Plan, levels_of, make_plan
from leafscope.core.parametrizations import Bits, are_prefixes

Products: TypeAlias = "Callable[[Tensor, Tensor, Tensor | None, Level], Tensor]"
"""Sorted rows (N, P), matrices (T_l, Q, P) and biases (T_l, Q) of a level's nodes, the level -> (N, Q)."""


def products(rows: Tensor, weights: Tensor, biases: Tensor | None, level: Level) -> Tensor:
    """One matrix product for each node of a level: sorted rows (N, P), weights (T_l, Q, P) -> (N, Q)."""
    parts = rows.split(level.rows)
    each_bias = [None] * len(parts) if biases is None else biases.unbind()
    return torch.cat([functional.linear(part, w, b) for part, w, b in zip(parts, weights.unbind(), each_bias, strict=True)])


def leaf_linear(
    x: Tensor,
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    depth: int,
    tree: bool,
    gate: Tensor | None = None,
    sparse: bool = False,
    gate_gradient: str = "straight_through",
    products: Products = products,
    levels: Sequence[Bits] | None = None,
) -> Tensor:
    """Multiply each row by its leaf's matrix: y[n] = W(leaf[n]) x[n] + b(leaf[n]).

    Shapes: x (N, P), leaf (N,) int64 in 0..2^K - 1, weight (V, Q, P), bias (V, Q) -> (N, Q). With `gate` (N, K), the
    gating pre-activations, the backward pass also computes their gradient by the rule named `gate_gradient`. With `sparse`, the
    gradients of weight and bias are sparse tensors with the touched nodes only. `products` multiplies a level's rows by their
    nodes' matrices; kernels that are faster at that hand in their own. `levels` are the bits that choose the matrix of each
    level, where they are neither the prefixes of all lengths (`tree`) nor that of length K alone.
    """
    if x.shape[0] == 0:
        nothing = leaf.new_empty(0, dtype=torch.int64)
        y = x @ _take(weight, nothing, sparse).sum(0).T
        return y if bias is None else y + _take(bias, nothing, sparse).sum(0)
    bits = levels_of(depth, tree, levels)
    plan = make_plan(leaf, depth, tree, bits)
    take = _take if are_prefixes(bits) else _take_repeated
    rows = x.index_select(0, plan.order)
    leaf_weights = path_sums(take(weight, plan.nodes, sparse), plan)
    leaf_biases = None if bias is None else path_sums(take(bias, plan.nodes, sparse), plan)
    y = products(rows, leaf_weights, leaf_biases, plan.levels[-1])
    factor = GATE_GRADIENTS[gate_gradient].factor
    if factor is not None and gate is not None and gate.shape[1] > 0 and gate.requires_grad:
        y = y + _credit(rows, leaf, weight, bias, bits, plan, gate, factor, products)
    return y.index_select(0, plan.inverse)


def path_sums(values: Tensor, plan: Plan) -> Tensor:
    """Sum the touched nodes' values along each path: (T, ...) -> (O, ...), in order of the leaves."""
    first, *deeper = values.split([len(level.rows) for level in plan.levels])
    total = first
    for own, level in zip(deeper, plan.levels[1:], strict=True):
        total = total.index_select(0, level.parent) + own
    return total


def _credit(
    rows: Tensor,
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    levels: Sequence[Bits],
    plan: Plan,
    gate: Tensor,
    factor: Factor,
    products: Products,
) -> Tensor:
    """Compute a term that is exactly 0 but whose gradient reaches the gates: (N, Q), in sorted order.

    It is the contribution of the node on each level, times a 0 that has the gradient of the level's factor.
    """
    zeros = factor_zeros(_signs(leaf, gate), gate, factor, levels).index_select(0, plan.order)
    term = rows.new_zeros(())
    for bits, level in zip(levels, plan.levels, strict=True):
        if bits.size == 0:  # the root has no factor
            continue
        with torch.no_grad():
            contribution = products(
                rows,
                weight.index_select(0, level.nodes),
                None if bias is None else bias.index_select(0, level.nodes),
                level,
            )
        term = term + zeros[:, bits.stop - 1, None] * contribution
    return term


def factor_zeros(signs: Tensor, gate: Tensor, factor: Factor, levels: Sequence[Bits]) -> Tensor:
    """Compute zeros with the gradient of each level's factor, in the column of its last bit: signs, gates (N, K) -> (N, K).

    A factor has the bits that choose the node: those of the prefix, or one bit alone.
    """
    if are_prefixes(levels):
        factors = factor(signs, gate)
    else:
        factors = factor(signs.reshape(-1, 1), gate.reshape(-1, 1)).view(gate.shape)
    return factors - factors.detach()


def credit_whole(y: Tensor, leaf: Tensor, gate: Tensor, gate_gradient: str) -> Tensor:
    """Credit the gates as if a leaf had one matrix of its own: y (N, Q), leaf (N,), gate (N, K) -> y, with that gradient.

    For leaves whose matrices depend on all bits, whatever they sum; all of it stands on level K.
    """
    factor = GATE_GRADIENTS[gate_gradient].factor
    if factor is None or not (gate.requires_grad and torch.is_grad_enabled()) or gate.numel() == 0:
        return y
    factors = factor(_signs(leaf, gate), gate)[:, -1:]
    return y + (factors - factors.detach()) * y.detach()


def _signs(leaf: Tensor, gate: Tensor) -> Tensor:
    """Return the bits of each leaf as -1 or 1: (N,), gates (N, K) -> (N, K)."""
    shifts = torch.arange(gate.shape[1] - 1, -1, -1, device=leaf.device)
    return (((leaf.unsqueeze(1) >> shifts) & 1) * 2 - 1).to(gate.dtype)


class _SparseTake(torch.autograd.Function):
    """Selects rows of a table; the gradient is a sparse tensor with these rows only."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.table_shape = table.shape
        return table.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        gradient = torch.sparse_coo_tensor(
            index.unsqueeze(0), grads[0], ctx.table_shape, is_coalesced=True, check_invariants=False
        )
        return gradient, None


def _take(table: Tensor, index: Tensor, sparse: bool) -> Tensor:
    if sparse and torch.is_grad_enabled() and table.requires_grad:
        return _SparseTake.apply(table, index)
    return table.index_select(0, index)


def _take_repeated(table: Tensor, index: Tensor, sparse: bool) -> Tensor:
    """Select rows of which some are repeated; a sparse gradient has each once, ascending."""
    rows, where = torch.unique(index, return_inverse=True)
    return _take(table, rows, sparse).index_select(0, where)
