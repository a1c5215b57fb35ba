"""Nets of any kind for hypothesis."""

from hypothesis import strategies as st

from leafscope.core.balancing import BALANCINGS
from leafscope.core.config import NetConfig
from leafscope.core.models import MODELS


@st.composite
def nets(draw: st.DrawFn, widest: int, deepest: int) -> NetConfig:
    """Draw a dense or gated net of at most this width and depth."""
    width, gates = draw(st.integers(1, widest)), draw(st.sampled_from(["hidden", "units", "random"]))
    return NetConfig(
        kind=draw(st.sampled_from([kind for kind, model in MODELS.items() if model.is_gated or kind == "dense"])),
        depth=draw(st.integers(0, min(width, deepest) if gates == "hidden" else deepest)),
        width=width,
        tree_layers=draw(st.integers(1, 3)),
        gates=gates,
        balancing=draw(st.sampled_from(list(BALANCINGS))),
    )
