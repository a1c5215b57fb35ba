"""Transactions of the store: reading one moment, and writing without others in between."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from leafscope.core.store.database import explained

CHUNK = 500
"""Addresses asked for in one query; databases limit how many values one may name."""


class Transactions:
    """What every part of the store works through."""

    _engine: Engine
    _clock: Callable[[], float]

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """Begin a transaction that sees one moment of the database."""
        with explained(self._engine.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Begin a transaction that no other writer can come between."""
        with explained(self._engine.url), self._engine.execution_options(immediate=True).begin() as connection:
            yield connection


def chunks(addresses: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut addresses into parts that one query can name."""
    for first in range(0, len(addresses), CHUNK):
        yield addresses[first : first + CHUNK]


def insert_new(connection: Connection, table: Table) -> Any:
    """An insert that leaves a row alone whose key is there."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()
