"""What of a store came with the program, until a person makes it their own: addresses of runs, sweeps and decks. A preset that
is trained when it is first opened counts among it.

They are in the table `meta`, in a row that is written when an app first opens the store, empty where the store was not. So the
examples that come with the program are loaded once, and what a person deleted stays deleted.
"""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from leafscope.core.store.database.transactions import Transactions, insert_new
from leafscope.core.store.schema import meta

SHIPPED = "shipped"
"""The row of `meta`: a JSON list of addresses."""


class Shipped(Transactions):
    """The part of the store that tells examples from what people made."""

    def shipped(self) -> frozenset[str]:
        """Return the addresses of the runs, sweeps and decks that came with the program and were left as they are."""
        with self._read() as connection:
            return self._shipped(connection)

    def is_marked(self) -> bool:
        """Return whether an app has opened the store before."""
        with self._read() as connection:
            return connection.scalar(select(meta.c.value).where(meta.c.name == SHIPPED)) is not None

    def _shipped(self, connection: Connection) -> frozenset[str]:
        text = connection.scalar(select(meta.c.value).where(meta.c.name == SHIPPED))
        try:
            return frozenset(one for one in json.loads(text or "[]") if isinstance(one, str))
        except (ValueError, TypeError, RecursionError):
            return frozenset()  # damaged: then all of it counts as a person's own

    def _note_shipped(self, connection: Connection, addresses: Iterable[str]) -> bool:
        """Write the row; return False, having changed nothing, where it was written before."""
        row = {"name": SHIPPED, "value": json.dumps(sorted(addresses))}
        return bool(connection.execute(insert_new(connection, meta), row).rowcount == 1)

    def _make_own(self, connection: Connection, addresses: Iterable[str]) -> None:
        """Let a person own what they train, change or import themselves."""
        self._replace(connection, self._shipped(connection) - frozenset(addresses))

    def _add_shipped(self, connection: Connection, addresses: Iterable[str]) -> None:
        """Count more addresses as what came with the program, in a store that an app has opened before."""
        self._replace(connection, self._shipped(connection) | frozenset(addresses))

    def _replace(self, connection: Connection, addresses: frozenset[str]) -> None:
        if addresses != self._shipped(connection):
            connection.execute(update(meta).where(meta.c.name == SHIPPED).values(value=json.dumps(sorted(addresses))))
