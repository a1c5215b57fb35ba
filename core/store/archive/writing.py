"""Writing an archive: the chosen runs, sweeps and decks, as they are at one moment."""

import hashlib
import io
import json
import os
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError
from sqlalchemy import Column, Connection, LargeBinary, Table, and_, exists, func, select

from leafscope.core.config import RunConfig
from leafscope.core.datasets.registry import DATA_SETS, TABLE, is_table
from leafscope.core.errors import ArchiveError, DataError, RunNotFoundError
from leafscope.core.store.archive.layout import (
    BATCH_ROWS,
    BINARY,
    FORMAT,
    MANIFEST,
    OF_ATTEMPTS,
    OPTIONAL,
    ORDER,
    TABLES,
    VERSION,
    Place,
    present,
    refusal,
    sentence,
    sweep_config,
)
from leafscope.core.store.database.transactions import chunks
from leafscope.core.store.reading import not_found
from leafscope.core.store.schema import (
    SCHEMA_VERSION,
    artifact_parts,
    artifacts,
    attempts,
    data_tables,
    decks,
    routing_logs,
    runs,
    slides,
    sweeps,
)
from leafscope.core.store.store import Store
from leafscope.core.sweep import members
from leafscope.core.sweep.choice import reporting_runs

EXPORTED = "exported while it was training"
"""The error in the archive of an attempt that was running at that moment."""

_LEVEL = 3

_TABLE = re.compile(rf'"{TABLE}([0-9a-f]{{16}})"')
"""A table's name in a configuration."""


@dataclass(frozen=True)
class Exported:
    """The contents of an archive."""

    runs: int
    sweeps: int
    decks: int
    bytes: int
    """The size of the file."""
    skipped: tuple[str, ...]
    """A sentence for each run, sweep or table that was left out, and one for all examples, with the reason."""
    tables: int = 0
    """Tables that people brought, with their rows."""
    logs: int = 0
    """Routing logs."""


@dataclass
class _Chosen:
    """The addresses of the exported runs, sweeps, decks and routing logs, ascending."""

    runs: list[str]
    sweeps: list[str]
    decks: list[str]
    logs: list[str]
    skipped: list[str]
    only_scores: bool
    tables: list[str]
    """Addresses of the tables that runs and sweeps use, and of those that are left out: only what was understood is written."""
    without_rows: set[str]

    def of(self, table: Table) -> tuple[Column[Any], list[str]]:
        if self.only_scores and table in OF_ATTEMPTS and table is not attempts:
            return table.c.run_id, []
        if table is data_tables:
            return table.c.table_id, self.tables
        if table is sweeps:
            return table.c.sweep_id, self.sweeps
        if table is routing_logs:
            return table.c.log_id, self.logs
        return (table.c.deck_id, self.decks) if table in (decks, slides) else (table.c.run_id, self.runs)


def export_archive(
    store: Store,
    file: Place,
    *,
    run_ids: Iterable[str] = (),
    sweep_ids: Iterable[str] = (),
    deck_ids: Iterable[str] = (),
    log_ids: Iterable[str] = (),
    only_scores: bool = False,
    with_tables: bool = True,
) -> Exported:
    """Write runs, sweeps (with their runs in this store), decks and routing logs to a file, as they are at one moment.

    A file at a path appears only when it is complete; a binary file must be seekable. Queued attempts are left out, and so are
    runs without other attempts and the examples that came with the program; a running attempt is `interrupted` in the file.
    `only_scores`: of runs, only what they are and their scores at the best and the last epoch, compressed as well as
    possible, without curves, leaves and nets. Tables that runs use are written too; without `with_tables` their rows are left
    out and they are named, so that their runs can be read, but not trained again. Raises RunNotFoundError, before anything is
    written, for an unknown address, and ArchiveError if the file cannot be written.
    """
    store._expire()
    with store._read() as connection:
        wanted = {runs: list(run_ids), sweeps: list(sweep_ids), decks: list(deck_ids), routing_logs: list(log_ids)}
        chosen = _choose(store, connection, wanted, only_scores, with_tables)
        manifest = json.dumps(_manifest(connection, chosen, store._clock()), indent=1).encode()
        with _target(file) as target:
            start = target.tell()
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9 if only_scores else _LEVEL) as archive:
                archive.writestr(zipfile.ZipInfo(MANIFEST), manifest)
                for table in _written(chosen):
                    for name, content in _members(connection, table, chosen):
                        with archive.open(name, "w", force_zip64=True) as member:
                            for piece in content:
                                member.write(piece)
            target.seek(0, io.SEEK_END)
            size = target.tell() - start
    return Exported(
        len(chosen.runs),
        len(chosen.sweeps),
        len(chosen.decks),
        size,
        tuple(chosen.skipped),
        len(chosen.tables) - len(chosen.without_rows),
        len(chosen.logs),
    )


def _choose(
    store: Store, connection: Connection, wanted: dict[Table, list[str]], only_scores: bool, with_tables: bool
) -> _Chosen:
    shipped = store._shipped(connection)
    for table, addresses in wanted.items():
        here = present(connection, table, addresses)
        for address in addresses:
            if address not in here:
                raise _not_here(table, address)
    skipped: list[str] = []
    kept_sweeps: list[str] = []
    if left_out := shipped.intersection(chain.from_iterable(wanted.values())):
        one = len(left_out) == 1
        skipped.append(
            f"{len(left_out):,} shipped example{' was' if one else 's were'} left out: every Leafscope comes with "
            f"{'it' if one else 'them'}"
        )
    own = {table: sorted({*addresses} - shipped) for table, addresses in wanted.items()}
    wanted_runs = own[runs]
    for sweep_id in own[sweeps]:
        row = connection.execute(select(sweeps).where(sweeps.c.sweep_id == sweep_id)).one()
        try:
            sweep = sweep_config(row.config)
        except ValueError as error:
            skipped.append(f"sweep {row.name[:60]!r} was left out: {sentence(error)}")
            continue
        kept_sweeps.append(sweep_id)
        wanted_runs += members.run_ids(sweep)
        if sweep.report_seeds is not None:
            wanted_runs += reporting_runs(sweep, store._runs_in(connection, members.run_ids(sweep)))
    kept_runs: list[str] = []
    tables: set[str] = set()
    of_sweeps = select(sweeps.c.config).where(sweeps.c.sweep_id.in_(kept_sweeps))
    for config in connection.execute(of_sweeps).scalars():
        tables |= set(_TABLE.findall(config))
    for part in chunks(sorted(set(wanted_runs))):
        begun = exists().where(attempts.c.run_id == runs.c.run_id, attempts.c.status != "queued")
        query = select(runs.c.run_id, runs.c.label, runs.c.config, begun.label("begun")).where(runs.c.run_id.in_(part))
        for row in connection.execute(query.order_by(runs.c.run_id)):
            if (why := _unfit(row.config) if row.begun else "it waits, and nothing of it is there yet") is None:
                kept_runs.append(row.run_id)
                tables |= set(_TABLE.findall(row.config))
            else:
                skipped.append(f"run {row.run_id} ({row.label[:60]}) was left out: {why}")
    kept_tables, without_rows = _tables(connection, tables, with_tables, skipped)
    return _Chosen(kept_runs, kept_sweeps, own[decks], own[routing_logs], skipped, only_scores, kept_tables, without_rows)


def _tables(connection: Connection, wanted: set[str], with_tables: bool, skipped: list[str]) -> tuple[list[str], set[str]]:
    """Return the tables that are here, and those of which no rows are written; each of those is named."""
    c = data_tables.c
    query = select(c.table_id, c.name, func.length(c.data).label("size")).where(c.table_id.in_(wanted)).order_by(c.table_id)
    found = connection.execute(query).all()
    without = {row.table_id for row in found if not with_tables or not row.size}
    for row in found:
        if row.table_id in without:
            why = "they were removed here" if not row.size else "as you asked"
            skipped.append(
                f"the rows of table {row.name[:60]!r} ({row.table_id}) were left out: {why}; add its file to train on it"
            )
    return [row.table_id for row in found], without


def _written(chosen: _Chosen) -> list[Table]:
    return [table for table in TABLES if table not in OPTIONAL or chosen.of(table)[1]]


def _not_here(table: Table, address: str) -> RunNotFoundError:
    if table is runs:
        return not_found(address)
    return RunNotFoundError(f"no {table.name[:-1].replace('_', ' ')} has the address {address!r:.40} in this database")


def _unfit(config: str) -> str | None:
    """The reason why a stored configuration could not be imported: an older version wrote it, and it is now invalid."""
    try:
        run = RunConfig.model_validate_json(config)
        if is_table(run.data.name):
            DATA_SETS[run.data.name].sizes()
    except ValidationError as error:
        return sentence(error)
    except DataError as error:
        return str(error)
    return None


def _manifest(connection: Connection, chosen: _Chosen, now: float) -> dict[str, Any]:
    """Describe the members; this reads all rows for their checksums, and they are read again when they are written."""
    tables: dict[str, dict[str, Any]] = {}
    for table in _written(chosen):
        for name, content in _members(connection, table, chosen):
            digest, number, size = hashlib.sha256(), 0, 0
            for piece in content:
                digest.update(piece)
                number, size = number + 1, size + len(piece)
            if name.endswith(".bin"):
                tables[table.name] |= {"blob_bytes": size, "blob_sha256": digest.hexdigest()}
            else:
                tables[table.name] = {"rows": number, "bytes": size, "sha256": digest.hexdigest()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "leafscope": version("leafscope"),
        "created": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "schema": SCHEMA_VERSION,
        "tables": tables,
    }


def _members(connection: Connection, table: Table, chosen: _Chosen) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the members of a table with their contents: a line for each row, and the rows' binary values."""
    yield f"{table.name}.jsonl", _lines(connection, table, chosen)
    if table in BINARY:
        yield f"{table.name}.bin", _blobs(connection, table, chosen)


def _blobs(connection: Connection, table: Table, chosen: _Chosen) -> Iterator[bytes]:
    for number, row in enumerate(_rows(connection, table, chosen, [table.c.data, *table.primary_key.columns], 1), start=1):
        if not isinstance(row.data, bytes):
            raise refusal(table, number, f"it is damaged: data must be bytes, got {row.data!r:.80}")
        yield b"" if table is data_tables and row.table_id in chosen.without_rows else row.data


def _lines(connection: Connection, table: Table, chosen: _Chosen) -> Iterator[bytes]:
    columns: list[Any] = [column for column in table.columns if not isinstance(column.type, LargeBinary)]
    if table in BINARY:
        columns.append(func.length(table.c.data).label("size"))
    offset = 0
    for number, row in enumerate(_rows(connection, table, chosen, columns, BATCH_ROWS), start=1):
        values = dict(row._mapping)
        if table is data_tables and values["table_id"] in chosen.without_rows:
            values["size"] = 0
        if table in BINARY:
            values["offset"] = offset
            offset += values["size"]
        if table is attempts and values["status"] == "running":
            values |= {"status": "interrupted", "error": EXPORTED, "finished": values["heartbeat"]}
        try:
            line = json.dumps(values, allow_nan=False, separators=(",", ":"))
        except (ValueError, TypeError) as error:
            raise refusal(table, number, f"it is damaged: {error}", values) from error
        yield line.encode() + b"\n"


def _rows(connection: Connection, table: Table, chosen: _Chosen, columns: list[Any], at_once: int) -> Iterator[Any]:
    """Read the chosen rows of a table in order, a few at a time."""
    key, addresses = chosen.of(table)
    query = select(*columns).order_by(*(table.c[name] for name in ORDER[table.name]))
    if table is attempts:
        query = query.where(attempts.c.status != "queued")
    if table is artifact_parts:  # leave out the parts of versions that were never completed
        same = [artifacts.c[name] == artifact_parts.c[name] for name in ("run_id", "attempt", "name", "version")]
        query = query.join(artifacts, and_(*same))
    for part in chunks(addresses):
        with connection.execute(query.where(key.in_(part)).execution_options(yield_per=at_once)) as rows:
            yield from rows


@contextmanager
def _target(file: Place) -> Iterator[BinaryIO]:
    """Yield a binary file to write to; if a path is given, the complete file is moved there at the end."""
    if not isinstance(file, (str, os.PathLike)):
        yield file
        return
    path = Path(file)
    beside = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        with beside.open("xb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
