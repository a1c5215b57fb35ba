"""The one operation of the tree layer, rows times their leaf's matrix, by device.

`reference.leaf_linear`, in torch operations, works everywhere and is the oracle; `cpu.leaf_linear` is compiled. A faster
path is added by its device type in `_PATHS` and must agree with the reference.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from leafscope.core.gating import leaf_index, sign_bits
from leafscope.core.kernels import cpu, readiness, reference
from leafscope.core.kernels.cpu import Update

_PATHS: dict[str, Callable[..., Tensor]] = {"cpu": cpu.leaf_linear}
"""Device type -> faster path; a device that is not named takes the reference."""

__all__ = ["Update", "leaf_linear", "read_leaves"]


def leaf_linear(
    x: Tensor,
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    depth: int,
    tree: bool,
    gate: Tensor | None = None,
    sparse: bool = False,
    update: Update | None = None,
) -> Tensor:
    """Multiply each row by its leaf's matrix, on the fastest path of the device; see `reference.leaf_linear`.

    With `update`, a path that can updates the tables within the backward pass; the others give gradients as ever.
    """
    path = _PATHS.get(x.device.type)
    if path is None or not readiness.usable():
        return reference.leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse)
    return path(x, leaf, weight, bias, depth, tree, gate, sparse, update)


def read_leaves(gate: Tensor) -> Tensor:
    """Read the sign pattern of each row's gating pre-activations: (N, K) -> (N,) int64 in 0..2^K - 1."""
    if gate.device.type == "cpu" and gate.dtype is torch.float32 and readiness.usable():
        return cpu.read_leaves(gate)
    return leaf_index(sign_bits(gate.detach()))
