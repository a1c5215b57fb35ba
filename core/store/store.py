"""The store: runs, metrics, leaves, artifacts, the queue, sweeps, decks, tables, routing logs and benchmarks, in a database.

    queued -> running -> finished | failed | stopped | interrupted

`finished` is final. The other three statuses end an attempt, and resuming starts the next attempt of the same run.
"""

import os
import time
from collections.abc import Callable

from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.store.annotations import Annotations
from leafscope.core.store.benchmarks import Benchmarks
from leafscope.core.store.database.liveness import Liveness
from leafscope.core.store.database.opening import database_url, open_engine
from leafscope.core.store.database.postgres import ServerClock
from leafscope.core.store.decks import Decks
from leafscope.core.store.recording import Recording
from leafscope.core.store.routing_logs import RoutingLogs
from leafscope.core.store.space import Space
from leafscope.core.store.sweeps import Sweeps
from leafscope.core.store.tables import Tables
from leafscope.core.store.workers import Workers


class Store(Sweeps, Recording, Workers, Benchmarks, Annotations, Decks, Tables, RoutingLogs, Space):
    """One database (a path or URL), shared by many threads, processes and, on a server, machines.

    `clock` gives the times that are written: by default this machine's, for a server the server's.


    - Thread safety: any number of threads can use one Store. After `fork`, the child must open its own.
    - Atomicity: every method is one transaction, with two exceptions. Deleting uses several, with at least one whole run in
      each. The parts of an artifact above 64 MiB are written before, in transactions of their own, and become valid with the
      transaction that names them.
    - Order: readers see what `record` wrote as soon as it has returned, its records and checkpoint together.
    - Ownership: only the worker that claimed an attempt writes to it, and only while the attempt is running. A later write
      changes nothing and returns False; the worker then drops the run. Rows are keyed by run, attempt and epoch; the first
      write of a key is kept, and earlier attempts are never changed.
    - Values: NaN, infinities, dtypes and shapes are preserved. Benchmarks must contain finite numbers only, and no arrays.
    - Errors: StoreError if the database cannot be used.
    """

    def __init__(
        self,
        database: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        create: bool = True,
    ) -> None:
        url = database_url(database)
        self.url = url.render_as_string(hide_password=False)
        self.path = str(url.database) if url.get_backend_name() == "sqlite" else None
        self.place = self.path or url.render_as_string(hide_password=True)
        """Its location, for display, without a password."""
        self._attempts_alive, self._workers_alive = Liveness(monotonic), Liveness(monotonic)
        self._engine = open_engine(url, create)
        self._clock = clock or (time.time if self.path else ServerClock(self._engine))
        self._data_sets = {}
        DATA_SETS.add_source(self)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engine.dispose()
