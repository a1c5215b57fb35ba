"""Tables that people bring, each under the hash of its content."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, delete, func, select, update

from leafscope.core.datasets.registry import TABLE, DatasetSpec, Rows
from leafscope.core.errors import RunStateError, StoreError, TableError
from leafscope.core.store.database import shrinking
from leafscope.core.store.database.opening import explained
from leafscope.core.store.database.transactions import Transactions, insert_new
from leafscope.core.store.schema import data_tables, runs, sweeps
from leafscope.core.tables import Table as DataTable
from leafscope.core.tables.packing import pack, unpack
from leafscope.core.text import check_storable, loads

_KEPT_FOR = 1.0
"""Seconds for which a table's name and sizes are not asked for again; another process may rename or remove it."""


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

    _data_sets: dict[str, tuple[DatasetSpec | None, float]]
    """Tables that were asked for, and until when that holds: a configuration asks many times, and a list of runs thousands."""

    def add_table(self, table: DataTable, *, rename: bool = False) -> DataTable:
        """Keep a table and return it, with the name that it has here; one that is here already keeps its own.

        `rename`: whether it gets its new name then.
        """
        check_storable(table.name, "a table's name")
        table_id = table.hash
        about, data = pack(table)
        row = {"table_id": table_id, "name": table.name, "created": self._clock(), "about": about, "data": data}
        try:
            return self._add(table, table_id, row, rename)
        finally:
            self._data_sets.pop(table_id, None)

    def _add(self, table: DataTable, table_id: str, row: dict[str, Any], rename: bool) -> DataTable:
        with self._write() as connection:
            if connection.execute(insert_new(connection, data_tables), row).rowcount == 1:
                return table
            this = data_tables.c.table_id == table_id
            gone = func.length(data_tables.c.data) == 0
            if connection.execute(update(data_tables).where(this, gone).values(row)).rowcount == 1:
                return table
            if rename:
                connection.execute(update(data_tables).where(this).values(name=table.name))
            return replace(table, name=str(connection.scalar(select(data_tables.c.name).where(this))))

    def tables(self) -> list[TableInfo]:
        """List the tables, the newest first."""
        c = data_tables.c
        query = select(c.table_id, c.name, c.created, c.about, func.length(c.data).label("size"))
        with self._read() as connection:
            rows = connection.execute(query.where(func.length(c.data) > 0).order_by(c.created.desc(), c.table_id)).all()
        return [TableInfo(row.table_id, row.name, row.created, _about(row.about), row.size) for row in rows]

    def table(self, table_id: str) -> DataTable:
        """Return a table with its rows; raises TableError if none has this address, or it is damaged."""
        with self._read() as connection:
            row = connection.execute(select(data_tables).where(data_tables.c.table_id == table_id)).first()
        if row is None:
            raise no_table(table_id)
        if not row.data:
            raise TableError(
                f"the rows of table {row.name!r:.80} must be in the database, but they were removed; add its file again"
            )
        return replace(unpack(row.about, row.data, table_id), name=row.name)

    def data_set(self, table_id: str) -> DatasetSpec | None:
        """Return a table as a data set for training; None: it is not here, or the database cannot be read."""
        now = time.monotonic()
        found, until = self._data_sets.get(table_id, (None, -1.0))
        if now > until:
            found = self._as_data_set(table_id)
            self._data_sets[table_id] = found, now + _KEPT_FOR
        return found

    def forget_data_set(self, table_id: str) -> None:
        """Ask for a table's name and sizes again, since they may change."""
        self._data_sets.pop(table_id, None)

    def table_names(self) -> dict[str, str]:
        """Return the tables as names of data sets, each with its own name, the newest first."""
        c = data_tables.c
        query = select(c.table_id, c.name).where(func.length(c.data) > 0).order_by(c.created.desc(), c.table_id)
        with self._read() as connection:
            return {TABLE + row.table_id: row.name for row in connection.execute(query)}

    def _as_data_set(self, table_id: str) -> DatasetSpec | None:
        c = data_tables.c
        try:
            with self._read() as connection:
                row = connection.execute(select(c.name, c.about).where(c.table_id == table_id)).first()
        except StoreError:
            return None
        if row is None:
            return None
        return data_set_of(table_id, row.name, _about(row.about), lambda: self.table(table_id))

    def uses_of_table(self, table_id: str) -> tuple[int, int]:
        """Count the runs and the sweeps that use a table."""
        with self._read() as connection:
            return _uses(connection, runs, table_id), _uses(connection, sweeps, table_id)

    def remove_table(self, table_id: str, *, force: bool = False) -> None:
        """Remove a table. While runs use it, its name and what was understood of it stay, so that they can be read.

        Raises TableError if none has this address, and, without `force`, RunStateError while runs or sweeps use it.
        """
        with explained(self._engine.url):
            shrinking.make_shrinkable(self._engine)
        this = data_tables.c.table_id == table_id
        with self._write() as connection:
            if not connection.scalar(select(func.length(data_tables.c.data)).where(this)):
                raise no_table(table_id)
            n_runs, n_sweeps = (_uses(connection, table, table_id) for table in (runs, sweeps))
            if (n_runs or n_sweeps) and not force:
                used = [
                    f"{n:,} {noun}{'' if n == 1 else 's'} ({', '.join(_names(connection, uses, table_id, n))})"
                    for n, noun, uses in ((n_runs, "run", runs), (n_sweeps, "sweep", sweeps))
                    if n
                ]
                verb = "use" if n_runs + n_sweeps > 1 else "uses"
                raise RunStateError(
                    f"a table must not be in use when it is removed, but {' and '.join(used)} {verb} {table_id}; with --force "
                    "it is removed, and what was trained on it can still be read"
                )
            if n_runs or n_sweeps:
                connection.execute(update(data_tables).where(this).values(data=b""))
            else:
                connection.execute(delete(data_tables).where(this))
        self._data_sets.pop(table_id, None)
        with explained(self._engine.url):
            shrinking.give_back(self._engine, 1)


def data_set_of(table_id: str, name: str, about: Mapping[str, Any], table: Callable[[], DataTable]) -> DatasetSpec:
    """Return a table as a data set, from what was understood of it; `table` gives its rows."""
    sizes = about.get("rows"), about.get("n_features"), len(about.get("classes") or ())
    n_rows, n_features, n_classes = (size if isinstance(size, int) else 0 for size in sizes)

    return DatasetSpec(
        name=TABLE + table_id,
        title=name,
        description=f"A table of this database; it predicts {about.get('target')!s:.80}.",
        source="brought by a person",
        licence="known to who brought it",
        rows=lambda _options, _seed: _rows(table()),
        n_rows=n_rows,
        n_features=n_features,
        n_classes=n_classes,
        task="classification" if n_classes else "regression",
        target=str(about.get("target", "")),
        is_generator=False,
        majority=_majority(about.get("class_rows")),
        given=_given(about.get("split_rows")),
        largest_group=largest if isinstance(largest := about.get("largest_group"), int) else 1,
    )


def no_table(table_id: str) -> TableError:
    """The error for an address without a table."""
    return TableError(
        f"no table in this database has the address {table_id!r:.40}; it was removed, or added to another database"
    )


def _uses(connection: Connection, table: Table, table_id: str) -> int:
    quoted = table.c.config.contains(f'"{TABLE}{table_id}"', autoescape=True)
    return int(connection.scalar(select(func.count()).select_from(table).where(quoted)) or 0)


def _names(connection: Connection, table: Table, table_id: str, n: int, most: int = 3) -> list[str]:
    """The addresses of some runs or sweeps that use a table, of n."""
    quoted = table.c.config.contains(f'"{TABLE}{table_id}"', autoescape=True)
    name = next(iter(table.primary_key.columns))
    found = connection.scalars(select(name).where(quoted).order_by(name).limit(most)).all()
    return [*map(str, found), *([f"and {n - most:,} more"] if n > most else [])]


def _rows(table: DataTable) -> Rows:
    from leafscope.core.tables.encoding import encode

    no_columns = np.empty((table.rows, 0))
    return Rows(
        no_columns,
        table.y,
        class_names=table.classes or (),
        given=table.given,
        group=table.group,
        fit=lambda train: encode(table, train),
    )


def _given(rows: Any) -> tuple[int, int, int] | None:
    if not isinstance(rows, list) or len(rows) != 3 or not all(type(one) is int and one >= 0 for one in rows):
        return None
    return rows[0], rows[1], rows[2]


def _majority(counts: Any) -> float | None:
    if not isinstance(counts, list) or not all(type(one) is int and one >= 0 for one in counts) or not sum(counts):
        return None
    return max(counts) / sum(counts)


def _about(text: str) -> dict[str, Any]:
    try:
        about = loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
