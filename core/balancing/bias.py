"""The offset of each gate moves against the majority of its bits after each batch, without a loss.

It is lowered by rate * sign(share of bits 1 - 1/2) (this project's choice). Experts have an offset each, which grows by
rate * sign(mean load - load) and only chooses (Wang et al. 2024, arXiv 2408.15664; `core.mixtures.moe`).
"""

from typing import TYPE_CHECKING

from leafscope.core.balancing.registry import BALANCINGS, Balancing

if TYPE_CHECKING:
    from torch import Tensor


def _lowering(gate: "Tensor", bits: "Tensor", strength: "float | Tensor") -> "Tensor":
    majority = (2 * bits.sum(-2) - bits.shape[-2]).sign()
    return strength * majority.to(gate.dtype)


BIAS = BALANCINGS.register(
    Balancing(
        name="bias",
        title="bias",
        meaning="after each batch, the bias of each gate moves by the rate against the majority of its bits, without a loss",
        label="bias",
        lowering=_lowering,
        strength="rate",
        of=("gates", "experts"),
        compiled=True,
        place=20,
    )
)
