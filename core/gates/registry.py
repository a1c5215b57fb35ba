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

    A bit is the sign of a gate, and a sign has no gradient. So the output of the node that a row reaches by its bits 0 to k is
    multiplied by a factor f_k: its value in the forward pass is always 1, so that nothing changes, but the backward pass gives
    it the gradient that `factor` computes, and with it the gates learn. Where one bit alone chooses a node (`additive`), the
    factor is that of this bit as if it were the first.
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
    """Signs (N, K), each -1 or 1, and gates (N, K), the numbers whose signs they are -> (N, K), computed by torch. Column k is
    differentiated in place of f_k; only this gradient by the gates is used, not the value. None: gates do not learn."""
    compiled: bool = False
    """Whether the compiled kernels know it; where they do not, the reference path computes it."""
    place: int = 1000
    """Its place in lists, the smallest first."""


GATE_GRADIENTS: Registry[GateGradient] = Registry("gate gradient", "leafscope.core.gates", key=lambda one: one.place)
"""Name -> gate gradient."""
