"""Gate gradients: how gates learn from the bits that they set. One file each, which registers itself.

Import `GATE_GRADIENTS` and `GateGradient` from here. It imports the registry only; a gradient imports torch when it is used.
"""

from leafscope.core.gates.registry import GATE_GRADIENTS, GateGradient

__all__ = ["GATE_GRADIENTS", "GateGradient"]
