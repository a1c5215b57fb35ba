"""What a gate gradient is, and the registry of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leafscope.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Factor = Callable[["Tensor", "Tensor"], "Tensor"]


@dataclass(frozen=True)
class GateGradient:
    """How gates learn from the bits that they set.

    The backward pass needs a gradient where a sign has none. So the node that a row passes on level k + 1 is multiplied by
    a factor f_k that is 1 in the forward pass, and whose gradient is the gate's.
    """

    name: str
    """Its value of `TrainConfig.gate_gradient`."""
    title: str
    """Its name where it is chosen: an answer to "Gates learn from their bits"."""
    meaning: str
    """What it does, in words that follow its title and a colon."""
    label: str = ""
    """Its part of a run's name; empty: none."""
    factor: Factor | None = None
    """Signs (N, K), -1 or 1, and gating pre-activations (N, K) -> (N, K) whose column k has the gradient of f_k, whatever its
    value; None: gates do not learn from their bits."""
    compiled: bool = False
    """Whether the compiled kernels know it; where they do not, the reference path computes it."""
    place: int = 1000
    """Its place in lists, the smallest first."""


GATE_GRADIENTS: Registry[GateGradient] = Registry("gate gradient", "leafscope.core.gates", key=lambda one: one.place)
"""Name -> gate gradient."""
