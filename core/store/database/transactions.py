"""Transactions of the store: consistent reads, and writes that no other writer can interrupt."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from leafscope.core.errors import StoreError
from leafscope.core.store.database import postgres
from leafscope.core.store.database.liveness import Liveness
from leafscope.core.store.database.opening import explained
from leafscope.core.store.schema import attempts

Item = TypeVar("Item")

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
        with explained(self._engine.url), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def _look(self) -> Iterator[Connection]:
        """Get a connection for one question; without a transaction a server needs one message for it instead of three."""
        with explained(self._engine.url), self._lookers.connect() as connection:
            yield connection

    @cached_property
    def _lookers(self) -> Engine:
        if self._engine.dialect.name == "sqlite":
            return self._engine
        return self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @cached_property
    def _readers(self) -> Engine:
        if self._engine.dialect.name == "sqlite":
            return self._engine
        return self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Begin a transaction that holds the write lock from the start, so that no other writer comes in between."""
        with self._write_own() as connection:
            if connection.dialect.name == "postgresql":
                postgres.hold_write_lock(connection)
            yield connection

    @contextmanager
    def _write_own(self) -> Iterator[Connection]:
        """Begin a transaction that writes only rows that are this process's own, or that it has locked before.

        On a server those of several workers go on side by side; SQLite has one lock for all.
        """
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
            if connection.dialect.name == "postgresql":
                postgres.hold_write_lock(connection, at_once=True)
            yield connection


def chunks(addresses: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Split addresses, or what has them, into parts that fit into one query."""
    for first in range(0, len(addresses), CHUNK):
        yield addresses[first : first + CHUNK]


QUEUE_ORDER = attempts.c.priority, attempts.c.created, attempts.c.run_id
"""The order in which attempts are trained: interactive before sweeps, then the oldest."""

KEY = attempts.c.run_id, attempts.c.attempt
"""The order in which a transaction locks attempts: of two that lock the same ones, neither then waits for the other forever."""


def lock_attempts(connection: Connection, *conditions: Any) -> None:
    """Lock the attempts that are about to be updated, in the fixed order; SQLite has locked them all."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(attempts.c.attempt).where(*conditions).order_by(*KEY).with_for_update())


def begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """The condition that a text begins like this, in the same case: LIKE minds the case on PostgreSQL only."""
    return func.substr(column, 1, len(prefix)) == prefix


def insert_new(connection: Connection, table: Table) -> Any:
    """Return an insert that skips rows whose key already exists; `rowcount` of its result counts the others."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def insert_all(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    may_exist: Callable[[Mapping[str, Any]], bool] = lambda row: False,
) -> None:
    """Insert rows that name the same columns; a server gets those whose keys are new all in one message.

    `may_exist` tells of a row whether its key may exist already, in which case it is skipped.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(insert_new(connection, table), list(rows))
        return
    known = [row for row in rows if may_exist(row)]
    if known:
        connection.execute(insert_new(connection, table), known)
    if len(known) < len(rows):
        postgres.copy(connection, table, [row for row in rows if not may_exist(row)])
