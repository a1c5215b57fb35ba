"""The reference implementation: plain torch operations with autograd, for any device and any floating type.

N rows · P input features · Q output features · K depth · V nodes (2^(K+1) - 1 tree, 2^K flat) · O occupied leaves ·
T touched nodes. The matrix of a tree's leaf is the sum of the matrices on its path, W(b) = sum_l W[node(l, prefix_l(b))]; a
leaf of a flat layer has its own matrix (Cho & Bengio 2014, arXiv 1406.7362, and this project's reading of it).

In addition to the tables, it stores the O collapsed matrices of the occupied leaves, but never one matrix for each row.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from leafscope.core.gates.registry import GATE_GRADIENTS, Factor
from leafscope.core.kernels.row_order import Level, Plan, make_plan


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
) -> Tensor:
    """Multiply each row by its leaf's matrix: y[n] = W(leaf[n]) x[n] + b(leaf[n]).

    Shapes: x (N, P), leaf (N,) int64 in 0..2^K - 1, weight (V, Q, P), bias (V, Q) -> (N, Q). With `gate` (N, K), the
    gating pre-activations, the backward pass also computes their gradient by the rule named `gate_gradient`. With `sparse`, the
    gradients of weight and bias are sparse tensors with the touched nodes only.
    """
    if x.shape[0] == 0:
        nothing = leaf.new_empty(0, dtype=torch.int64)
        y = x @ _take(weight, nothing, sparse).sum(0).T
        return y if bias is None else y + _take(bias, nothing, sparse).sum(0)
    plan = make_plan(leaf, depth, tree)
    rows = x.index_select(0, plan.order)
    leaf_weights = path_sums(_take(weight, plan.nodes, sparse), plan)
    leaf_biases = None if bias is None else path_sums(_take(bias, plan.nodes, sparse), plan)
    y = _products(rows, leaf_weights, leaf_biases, plan.levels[-1])
    factor = GATE_GRADIENTS[gate_gradient].factor
    if factor is not None and gate is not None and gate.shape[1] > 0 and gate.requires_grad:
        y = y + _credit(rows, leaf, weight, bias, depth, plan, gate, factor)
    return y.index_select(0, plan.inverse)


def path_sums(values: Tensor, plan: Plan) -> Tensor:
    """Sum the touched nodes' values along each path: (T, ...) -> (O, ...), in order of the leaves."""
    first, *deeper = values.split([len(level.rows) for level in plan.levels])
    total = first
    for own, level in zip(deeper, plan.levels[1:], strict=True):
        total = total.index_select(0, level.parent) + own
    return total


def _products(rows: Tensor, weights: Tensor, biases: Tensor | None, level: Level) -> Tensor:
    """One matrix product for each node of a level: sorted rows (N, P), weights (T_l, Q, P) -> (N, Q)."""
    parts = rows.split(level.rows)
    each_bias = [None] * len(parts) if biases is None else biases.unbind()
    return torch.cat([functional.linear(part, w, b) for part, w, b in zip(parts, weights.unbind(), each_bias, strict=True)])


def _credit(
    rows: Tensor,
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    depth: int,
    plan: Plan,
    gate: Tensor,
    factor: Factor,
) -> Tensor:
    """Compute a term that is exactly 0 but whose gradient reaches the gates: (N, Q), in sorted order.

    It is the contribution of the node on each level, times a 0 that has the gradient of the level's factor.
    """
    shifts = torch.arange(depth - 1, -1, -1, device=leaf.device)
    signs = (((leaf.unsqueeze(1) >> shifts) & 1) * 2 - 1).to(gate.dtype)
    factors = factor(signs, gate).index_select(0, plan.order)
    zeros = factors - factors.detach()
    credited = plan.levels[1:] or plan.levels  # the root has no factor; the only level of a flat layer is level K
    first_level = depth - len(credited) + 1
    term = rows.new_zeros(())
    for offset, level in enumerate(credited):
        with torch.no_grad():
            contribution = _products(
                rows,
                weight.index_select(0, level.nodes),
                None if bias is None else bias.index_select(0, level.nodes),
                level,
            )
        term = term + zeros[:, first_level + offset - 1, None] * contribution
    return term


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
