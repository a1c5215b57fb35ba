"""The declaration of a kernel, and the registry of kernels that are faster than the reference."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from leafscope.core.registry import Registry


@dataclass(frozen=True)
class Kernel:
    """The operation of the tree layer on one type of device; it must agree with `reference.leaf_linear`."""

    name: str
    device: str
    """The type of a torch device, such as cpu or cuda."""
    is_usable: Callable[[], bool]
    """Whether it can be used now; it may not be compiled yet."""
    takes: Callable[[Tensor, Tensor, Tensor | None, Tensor | None, str], bool]
    """Whether it supports these inputs: x, weight, bias, gate, name of the gate gradient."""
    leaf_linear: Callable[..., Tensor]
    """Same as `kernels.leaf_linear`, without the name of the gate gradient."""
    takes_gates: Callable[[Tensor], bool]
    """Whether it supports these gates (N, K)."""
    read_leaves: Callable[[Tensor], Tensor]
    """Same as `kernels.read_leaves`."""
    takes_levels: bool = False
    """Whether its `leaf_linear` has a last argument `levels`, which the reference explains."""
    place: int = 1000
    """If several kernels support the inputs, the one with the smallest place is used."""


KERNELS: Registry[Kernel] = Registry("kernel", "leafscope.core.kernels", key=lambda one: one.place)
"""Name -> kernel, in order of preference; the reference computes what no kernel supports."""
