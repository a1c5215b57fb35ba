"""The one operation of the tree layer, rows times their leaf's matrix, by device.

Each path has the signature of `reference.leaf_linear`, which is the oracle: a faster path is added by its device type
in `_PATHS` and must agree with it.
"""

from collections.abc import Callable

from torch import Tensor

from core.kernels import reference

_PATHS: dict[str, Callable[..., Tensor]] = {}
"""Device type -> faster path; a device that is not named takes the reference."""


def leaf_linear(
    x: Tensor,
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    depth: int,
    tree: bool,
    gate: Tensor | None = None,
    sparse: bool = False,
) -> Tensor:
    """Multiply each row by its leaf's matrix, on the fastest path of the device; see `reference.leaf_linear`."""
    path = _PATHS.get(x.device.type, reference.leaf_linear)
    return path(x, leaf, weight, bias, depth, tree, gate, sparse)
