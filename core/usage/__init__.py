"""Leaf statistics: counts, evenness, change, classes, and the values expected by chance.

Pure functions of arrays; of the core, they import only `limits`, `lazy` and `registry`.
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.usage.counts import leaf_counts
    from leafscope.core.usage.evenness import LeafBalance, balance

__all__ = [
    "LeafBalance",
    "balance",
    "leaf_counts",
]

_HOMES = {
    "leaf_counts": "usage.counts",
    "balance": "usage.evenness",
    "LeafBalance": "usage.evenness",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
