"""Transactions of the store: consistent reads, and writes that no other writer can interrupt."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from leafscope.core.errors import StoreError
from leafscope.core.store.database.liveness import Liveness
from leafscope.core.store.database.opening import explained

CHUNK = 500
"""Addresses in one query; databases limit the number of values in a query."""


class Transactions:
    """The base of every part of the store: transactions for reading and for writing."""

    _engine: Engine
    _clock: Callable[[], float]
    _attempts_alive: Liveness
    _workers_alive: Liveness
    write_fault: str | None = None
    """Why the last write failed; None: it succeeded."""

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """Begin a transaction that reads the database as it is at one moment."""
        with explained(self._engine.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Begin a transaction that holds the write lock from the start, so that no other writer comes in between."""
        try:
            with explained(self._engine.url), self._engine.execution_options(immediate=True).begin() as connection:
                yield connection
        except StoreError as error:
            if error.can_pass:
                self.write_fault = str(error)
            raise
        self.write_fault = None

    @contextmanager
    def _write_at_once(self) -> Iterator[Connection]:
        """Begin a transaction like `_write`, but raise StoreError at once where it would have to wait for another writer."""
        with explained(self._engine.url), self._engine.execution_options(immediate=True, patient=False).begin() as connection:
            yield connection


def chunks(addresses: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split addresses into parts that fit into one query."""
    for first in range(0, len(addresses), CHUNK):
        yield addresses[first : first + CHUNK]


def insert_new(connection: Connection, table: Table) -> Any:
    """Return an insert that skips rows whose key already exists."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()
