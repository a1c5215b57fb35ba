"""Gates do not learn from their bits: a sign has no gradient."""

from leafscope.core.gates.registry import GATE_GRADIENTS, GateGradient

NONE = GATE_GRADIENTS.register(
    GateGradient(name="none", title="no", meaning="extra gating units stay as they began", compiled=True, place=0)
)
