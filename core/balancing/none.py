"""Experts are not balanced."""

from leafscope.core.balancing.registry import BALANCINGS, Balancing

NONE = BALANCINGS.register(
    Balancing(
        name="none", title="no balancing", meaning="experts are not balanced", label="unbalanced", of=("experts",), place=30
    )
)
