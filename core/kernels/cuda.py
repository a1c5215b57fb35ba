"""The kernel for NVIDIA GPUs: products of sorted rows with their leaf's matrix by Triton, in float32.

PyTorch's CUDA build for Linux brings Triton; without it the reference computes. Triton is imported when it is first used.
"""

import functools
import importlib.util
from typing import TYPE_CHECKING

from leafscope.core.gating import leaf_index, sign_bits
from leafscope.core.kernels import readiness, reference
from leafscope.core.kernels.registry import KERNELS, Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from leafscope.core.kernels.cpu import Update
    from leafscope.core.kernels.row_order import Level
    from leafscope.core.parametrizations import Bits

LEARNT = "straight_through"
"""The gate gradient that reaches a kernel; the reference computes others."""


@functools.cache
def has_triton() -> bool:
    """Whether Triton is installed."""
    return importlib.util.find_spec("triton") is not None


def takes(
    x: "Tensor", weight: "Tensor", bias: "Tensor | None" = None, gate: "Tensor | None" = None, gate_gradient: str = LEARNT
) -> bool:
    """Whether this kernel supports these inputs."""
    if gate is not None and gate.shape[1] > 0 and gate.requires_grad and gate_gradient != LEARNT:
        return False
    return x.shape[0] > 0 and all(tensor is None or _is_float32(tensor) for tensor in (x, weight, bias, gate))


def _is_float32(tensor: "Tensor") -> bool:
    return tensor.is_floating_point() and tensor.element_size() == 4


def leaf_linear(
    x: "Tensor",
    leaf: "Tensor",
    weight: "Tensor",
    bias: "Tensor | None",
    depth: int,
    tree: bool,
    gate: "Tensor | None" = None,
    sparse: bool = False,
    update: "Update | None" = None,
    levels: "Sequence[Bits] | None" = None,
) -> "Tensor":
    """Multiply each row by its leaf's matrix; see `reference.leaf_linear`. It does not update: `update` is None on a GPU."""
    return reference.leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse, LEARNT, products, levels)


def products(rows: "Tensor", weights: "Tensor", biases: "Tensor | None", level: "Level") -> "Tensor":
    """Multiply the sorted rows of a level by their nodes' matrices; see `reference.products`."""
    from leafscope.core.kernels import _triton

    return _triton.linear(rows, weights, biases, level.counts)


CUDA = KERNELS.register(
    Kernel(
        name="cuda",
        device="cuda",
        is_usable=lambda: has_triton() and readiness.may_use_kernels(),
        takes=takes,
        leaf_linear=leaf_linear,
        takes_gates=lambda gate: False,
        read_leaves=lambda gate: leaf_index(sign_bits(gate.detach())),
        takes_levels=True,
        place=10,
    )
)
