"""Sweeps: their runs, and the table of their results.

`members` lists the runs of a sweep on its choosing seeds, `draws` has the trials of a random search, `choice` chooses a trial
for each model and lists what follows on the reporting seeds, `results` makes the tables, `outcome` turns a run into a row.
`run_sweep` trains a sweep in this process; it is defined in `worker.inline`, because it uses a worker if there is a store.
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
