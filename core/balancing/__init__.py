"""Balancing: how most rows are kept from going the same way, at gates or experts. One file a way, which registers itself.

Import `BALANCINGS` and `Balancing` from here. It imports the registry only; a way of balancing imports torch when it is used.
"""

from leafscope.core.balancing.registry import BALANCINGS, Balancing

__all__ = ["BALANCINGS", "Balancing"]
