"""What a kernel is, and the registry of those that are faster than the reference."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from leafscope.core.registry import Registry


@dataclass(frozen=True)
class Kernel:
    """The operation of the tree layer on one type of device; it must agree with `reference.leaf_linear`."""

    name: str
    device: str
    """Torch's type of the device, such as cpu or cuda."""
    is_usable: Callable[[], bool]
    """Whether it can be used now; code that is compiled first may not be there yet."""
    takes: Callable[[Tensor, Tensor, Tensor | None, Tensor | None, str], bool]
    """Whether it computes this: x, weight, bias, gate, name of the gate gradient."""
    leaf_linear: Callable[..., Tensor]
    """As `kernels.leaf_linear`, without the name of the gate gradient."""
    takes_gates: Callable[[Tensor], bool]
    """Whether it reads these gates (N, K)."""
    read_leaves: Callable[[Tensor], Tensor]
    """As `kernels.read_leaves`."""
    place: int = 1000
    """Of several that take an operation, the one with the smallest place computes it."""


KERNELS: Registry[Kernel] = Registry("kernel", "leafscope.core.kernels", key=lambda one: one.place)
"""Name -> kernel, in order of preference; what none of them takes is computed by the reference."""
