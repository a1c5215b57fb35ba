"""Copying a whole store into another, of the same kind or not; every row is read back and compared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, select, text, tuple_

from leafscope.core.errors import RunStateError, StoreError
from leafscope.core.store.database.transactions import insert_new
from leafscope.core.store.schema import artifact_parts, attempts, benchmarks, data_tables, leaves, meta, slides, tables, workers
from leafscope.core.store.shipped import SHIPPED
from leafscope.core.store.store import Store
from leafscope.core.text import storable

MOVING = "moving"
"""The row of `meta` of a store that is being filled: where its rows come from. It is deleted when all are there."""

LEFT_OUT = (meta, workers)
"""Tables that say something of the database and its processes only."""

ROWS, LARGE_ROWS = 500, 8
"""Rows of one transaction; those of tables whose rows can be large."""

LARGE = (artifact_parts, data_tables, leaves, slides)


@dataclass(frozen=True)
class Moved:
    """What was copied and compared."""

    rows: Mapping[str, int]
    """Table -> rows."""


def move(
    source: Store, target: Store, *, into_filled: bool = False, on_rows: Callable[[str, int], None] = lambda table, rows: None
) -> Moved:
    """Copy everything from one store into another, and compare each row; the source stays as it is.

    The target must be empty, unless `into_filled`, or unless an earlier call was interrupted, which this one completes. A row
    that is there with other values is refused. Raises RunStateError while a run is running, and StoreError that names the row.
    """
    if source.url == target.url:
        raise StoreError(f"a store must be moved to another place, got {source.place} twice")
    with source._read() as connection:
        if connection.execute(select(attempts.c.run_id).where(attempts.c.status == "running").limit(1)).first() is not None:
            raise RunStateError(f"no run of {source.place} must be running while it is moved; stop them first")
        _begin(source, target, into_filled)
        moved = {}
        for table in tables.sorted_tables:
            if table not in LEFT_OUT:
                moved[table.name] = _copy(connection, target, table, on_rows)
        shipped = connection.scalar(select(meta.c.value).where(meta.c.name == SHIPPED))
    with target._write() as connection:
        if shipped is not None:
            connection.execute(insert_new(connection, meta), {"name": SHIPPED, "value": shipped})
        if connection.dialect.name == "postgresql":  # rows brought their own numbers
            highest = select(func.max(benchmarks.c.id)).scalar_subquery()
            connection.execute(
                select(func.setval(text("pg_get_serial_sequence('benchmarks', 'id')"), func.coalesce(highest, 1)))
            )
        connection.execute(delete(meta).where(meta.c.name == MOVING))
    return Moved(moved)


def _begin(source: Store, target: Store, into_filled: bool) -> None:
    with target._write() as connection:
        begun = connection.scalar(select(meta.c.value).where(meta.c.name == MOVING))
        if begun not in (None, source.place):
            raise StoreError(f"{target.place} was being filled from {begun}; complete that first")
        filled = [
            one.name for one in tables.sorted_tables if one not in LEFT_OUT and connection.execute(select(one).limit(1)).first()
        ]
        if filled and begun is None and not into_filled:
            raise StoreError(
                f"{target.place} must be empty, but it has {', '.join(filled)}; --into-filled adds to what is there"
            )
        connection.execute(insert_new(connection, meta), {"name": MOVING, "value": source.place})


def _copy(source: Connection, target: Store, table: Table, on_rows: Callable[[str, int], None]) -> int:
    size = LARGE_ROWS if table in LARGE else ROWS
    done = 0
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=size)
    with source.execute(query) as result:
        for rows in result.partitions():
            try:
                with target._write() as connection:
                    connection.execute(insert_new(connection, table), [dict(row._mapping) for row in rows])
            except StoreError as error:
                raise StoreError(f"rows of {table.name} cannot be copied, {_key(table, rows[0])}: {error}") from error
            with target._read() as connection:
                _compare(connection, table, rows)
            done += len(rows)
            on_rows(table.name, done)
    return done


def _compare(target: Connection, table: Table, rows: Sequence[Row[Any]]) -> None:
    """Raise StoreError for the first row that the target does not have with the same values."""
    columns = list(table.primary_key.columns)
    wanted = [tuple(row._mapping[column] for column in columns) for row in rows]
    found = target.execute(select(table).where(tuple_(*columns).in_(wanted)))
    there = {tuple(row._mapping[column] for column in columns): row for row in found}
    for key, row in zip(wanted, rows, strict=True):
        if (copy := there.get(key)) is None:
            raise StoreError(f"a row of {table.name} was not copied: {_key(table, row)}")
        for name, before, after in _pairs(row, copy):
            if before != after:
                raise StoreError(
                    f"a row of {table.name} must be the same in both stores, but its {name} differs: {_key(table, row)}; "
                    f"{before!r:.60} and {after!r:.60}"
                )


def _pairs(row: Row[Any], copy: Row[Any]) -> Iterator[tuple[str, Any, Any]]:
    for name, before, after in zip(row._fields, row, copy, strict=True):
        yield name, storable(before) if isinstance(before, str) else before, after


def _key(table: Table, row: Row[Any]) -> str:
    return ", ".join(f"{column.name} {row._mapping[column]!r:.40}" for column in table.primary_key.columns)
