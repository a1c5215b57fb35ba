"""Limits on user input, each with its reason; checked before anything is allocated."""

MAX_DEPTH = 16
"""The deepest tree: 2^16 leaves, whose indices fit in 16 bits."""


def check_depth(depth: int) -> None:
    """Raise ValueError unless 0 <= depth <= 16."""
    if not 0 <= depth <= MAX_DEPTH:
        raise ValueError(f"depth must be from 0 to {MAX_DEPTH}, got {depth}")
