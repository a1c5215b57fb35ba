"""The running mean of each gate is subtracted before its sign is read (this project's choice).

With mean m, and gates a over the rows of a batch, m becomes 0.99 m + 0.01 mean(a). The offset is -m, so it is lowered by 0.01
times the mean of the gates that have it: 0.01 (mean(a) - m).
"""

from typing import TYPE_CHECKING

from leafscope.core.balancing.registry import BALANCINGS, Balancing

if TYPE_CHECKING:
    from torch import Tensor

MOMENTUM = 0.99
"""The share of the running mean that a batch keeps."""


def _lowering(gate: "Tensor", bits: "Tensor", strength: "float | Tensor") -> "Tensor":
    return (1 - MOMENTUM) * gate.mean(-2)


CENTRED = BALANCINGS.register(
    Balancing(
        name="centred",
        title="centred",
        meaning="each gate's running mean over training batches (momentum 0.99) is subtracted before its sign is read",
        label="centred",
        lowering=_lowering,
        compiled=True,
        place=10,
    )
)
