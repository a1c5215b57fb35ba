"""Sweeps: which runs they have, training them here, and the table of what they gave.

`members` lays a sweep out, `results` chooses the learning rates and makes the table, `run` trains.
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.worker.inline import run_sweep

__all__ = [
    "run_sweep",
]

_HOMES = {
    "run_sweep": "worker.inline",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
