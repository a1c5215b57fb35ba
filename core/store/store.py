"""Runs, metrics, leaves, artifacts, the queue, sweeps, decks and benchmarks, in a database.

    queued -> running -> finished | failed | stopped | interrupted

`finished` is final; the other three end an attempt, and resuming starts the next attempt of the same run.
"""

import os
import time
from collections.abc import Callable

from leafscope.core.store.annotations import Annotations
from leafscope.core.store.benchmarks import Benchmarks
from leafscope.core.store.database import database_url, open_engine
from leafscope.core.store.decks import Decks
from leafscope.core.store.recording import Recording
from leafscope.core.store.sweeps import Sweeps
from leafscope.core.store.workers import Workers


class Store(Sweeps, Recording, Workers, Benchmarks, Annotations, Decks):
    """One database, shared by many threads and processes, on SQLite (a path or URL).

    - Thread safety: one Store serves any number of threads. Across `fork` nothing is promised; open another.
    - Atomic: every method is one transaction, except `delete`, which is one for each run, and artifacts above 64 MiB,
      whose parts are written before, by themselves, and count only once the transaction that names them is through.
    - Order: what `record` wrote is seen by whoever reads after it returned, records and checkpoint together or not at all.
    - Ownership: only the worker that claimed an attempt writes to it, and only while it is running. A later write changes
      nothing and returns False; the worker then drops the run. Rows are keyed by run, attempt and epoch, the first write
      of a key stands, and earlier attempts are never changed.
    - Values: NaN and infinities come back as they were; arrays with dtype and shape. A benchmark must have neither.
    - Errors: StoreError when the database cannot be used.
    """

    def __init__(self, database: str | os.PathLike[str] | None = None, clock: Callable[[], float] = time.time) -> None:
        url = database_url(database)
        self.url = url.render_as_string(hide_password=False)
        self.path = str(url.database) if url.get_backend_name() == "sqlite" else None
        self.place = self.path or url.render_as_string(hide_password=True)
        """Where it is, to be shown to a person."""
        self._clock = clock
        self._engine = open_engine(url)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engine.dispose()
