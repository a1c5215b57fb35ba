"""The straight-through estimator: hard bits forward, the slope of a sigmoid backward.

The node on level l is multiplied by f_l = prod_{j<=l} sigma(s_j a_j) over its own value, which is 1; the gradient of log f_l
by a_j is s_j sigma(-s_j a_j) (method: Bengio, Leonard, Courville 2013, arXiv 1308.3432; the path form is this project's
choice). `kernels.compiled.gate_gradient` computes the same.
"""

from typing import TYPE_CHECKING

from leafscope.core.gates.registry import GATE_GRADIENTS, GateGradient

if TYPE_CHECKING:
    from torch import Tensor


def _log_factor(signs: "Tensor", gate: "Tensor") -> "Tensor":
    from torch.nn import functional

    return functional.logsigmoid(signs * gate).cumsum(1)


STRAIGHT_THROUGH = GATE_GRADIENTS.register(
    GateGradient(
        name="straight_through",
        title="straight-through",
        meaning="hard bits forward, sigmoid's slope backward",
        label="ST",
        factor=_log_factor,
        compiled=True,
        place=10,
    )
)
