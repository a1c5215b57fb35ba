"""The operation of the tree layer, which multiplies each row by its leaf's matrix, with a kernel for each device.

`reference.leaf_linear` consists of torch operations, works on every device, and is the reference in tests; `cpu` is compiled.
A kernel is one file that registers itself and declares which inputs it supports. Outside this folder, import the names in
`__all__` from here. This package imports the gate gradients.
"""

from collections.abc import Sequence

from torch import Tensor

from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.gating import leaf_index, sign_bits
from leafscope.core.kernels import reference
from leafscope.core.kernels.cpu import Update
from leafscope.core.kernels.registry import KERNELS, Kernel
from leafscope.core.parametrizations import Bits

__all__ = ["KERNELS", "Kernel", "Update", "leaf_linear", "read_leaves"]


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
    gate_gradient: str = "straight_through",
    levels: Sequence[Bits] | None = None,
) -> Tensor:
    """Multiply each row by its leaf's matrix, with the first kernel that supports the inputs; see `reference.leaf_linear`.

    With `update`, a kernel that supports it updates the tables within the backward pass; other kernels return gradients.
    """
    if GATE_GRADIENTS[gate_gradient].factor is None:
        gate = None
    for kernel in KERNELS.values():
        if kernel.device == x.device.type and kernel.takes(x, weight, bias, gate, gate_gradient) and kernel.is_usable():
            if levels is None:
                return kernel.leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse, update)
            if kernel.takes_levels:
                return kernel.leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse, update, levels)
    return reference.leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse, gate_gradient, levels=levels)


def read_leaves(gate: Tensor) -> Tensor:
    """Read the sign pattern of each row's gating pre-activations: (N, K) -> (N,) int64 in 0..2^K - 1."""
    for kernel in KERNELS.values():
        if kernel.device == gate.device.type and kernel.takes_gates(gate) and kernel.is_usable():
            return kernel.read_leaves(gate)
    return leaf_index(sign_bits(gate.detach()))
