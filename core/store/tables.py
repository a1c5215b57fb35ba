"""Tables that people bring, each under the hash of its content."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from leafscope.core.errors import RunStateError, TableError
from leafscope.core.store.database import shrinking
from leafscope.core.store.database.opening import explained
from leafscope.core.store.database.transactions import Transactions, insert_new
from leafscope.core.store.schema import data_tables, runs, sweeps
from leafscope.core.tables import Table as DataTable
from leafscope.core.tables.packing import pack, unpack
from leafscope.core.text import check_storable, loads

PREFIX = "table:"
"""A data set with such a name is a table, whose address follows."""


@dataclass(frozen=True)
class TableInfo:
    """An entry in the list of tables."""

    table_id: str
    name: str
    created: float
    """Seconds since 1970 (UTC)."""
    about: dict[str, Any]
    """What was understood of it, as `leafscope data add --json` prints it; empty if that is damaged."""
    size: int
    """Bytes that it takes in the database."""


class Tables(Transactions):
    """The part of the store for tables."""

    def add_table(self, table: DataTable, *, rename: bool = False) -> DataTable:
        """Keep a table and return it, with the name that it has here; one that is here already keeps its own.

        `rename`: whether it gets its new name then.
        """
        check_storable(table.name, "a table's name")
        table_id = table.hash
        about, data = pack(table)
        row = {"table_id": table_id, "name": table.name, "created": self._clock(), "about": about, "data": data}
        with self._write() as connection:
            if connection.execute(insert_new(connection, data_tables), row).rowcount == 1:
                return table
            this = data_tables.c.table_id == table_id
            if rename:
                connection.execute(update(data_tables).where(this).values(name=table.name))
            return replace(table, name=str(connection.scalar(select(data_tables.c.name).where(this))))

    def tables(self) -> list[TableInfo]:
        """List the tables, the newest first."""
        c = data_tables.c
        query = select(c.table_id, c.name, c.created, c.about, func.length(c.data).label("size"))
        with self._read() as connection:
            rows = connection.execute(query.order_by(c.created.desc(), c.table_id)).all()
        return [TableInfo(row.table_id, row.name, row.created, _about(row.about), row.size) for row in rows]

    def table(self, table_id: str) -> DataTable:
        """Return a table with its rows; raises TableError if none has this address, or it is damaged."""
        with self._read() as connection:
            row = connection.execute(select(data_tables).where(data_tables.c.table_id == table_id)).first()
        if row is None:
            raise no_table(table_id)
        return replace(unpack(row.about, row.data, table_id), name=row.name)

    def remove_table(self, table_id: str, *, force: bool = False) -> None:
        """Remove a table; its runs stay and can be read.

        Raises TableError if none has this address, and, without `force`, RunStateError while runs or sweeps use it.
        """
        with explained(self._engine.url):
            shrinking.make_shrinkable(self._engine)
        with self._write() as connection:
            n_runs, n_sweeps = (_uses(connection, table, table_id) for table in (runs, sweeps))
            if (n_runs or n_sweeps) and not force:
                used = [f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in ((n_runs, "run"), (n_sweeps, "sweep")) if n]
                raise RunStateError(
                    f"a table must not be used when it is removed, but {' and '.join(used)} use {table_id}; with --force it is "
                    "removed, and they can still be read"
                )
            if connection.execute(delete(data_tables).where(data_tables.c.table_id == table_id)).rowcount == 0:
                raise no_table(table_id)
        with explained(self._engine.url):
            shrinking.give_back(self._engine, 1)


def no_table(table_id: str) -> TableError:
    """The error for an address without a table."""
    return TableError(
        f"no table in this database has the address {table_id!r:.40}; it was removed, or added to another database"
    )


def _uses(connection: Connection, table: Table, table_id: str) -> int:
    quoted = table.c.config.contains(f'"{PREFIX}{table_id}"', autoescape=True)
    return int(connection.scalar(select(func.count()).select_from(table).where(quoted)) or 0)


def _about(text: str) -> dict[str, Any]:
    try:
        about = loads(text)
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
