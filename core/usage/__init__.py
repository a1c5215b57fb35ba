"""How rows use the leaves: counts, evenness, change, classes, and what chance alone would give.

Numbers in, numbers out: it imports nothing of the core but `limits`.
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
