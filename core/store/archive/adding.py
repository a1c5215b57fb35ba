"""Importing an archive into a store, completely or not at all."""

import hashlib
import itertools
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from leafscope.core.errors import ArchiveError
from leafscope.core.files import open_file
from leafscope.core.store.annotations import TAGS
from leafscope.core.store.archive.contents import Contents, check, folded
from leafscope.core.store.archive.layout import BATCH_ROWS, MAX_BYTES, OF_ATTEMPTS, Place, present
from leafscope.core.store.archive.opened import OpenedArchive
from leafscope.core.store.database.transactions import chunks, insert_new
from leafscope.core.store.decks import MAX_NAME
from leafscope.core.store.schema import annotations, data_tables, decks, routing_logs, runs, slides, sweeps
from leafscope.core.store.store import Store

IMPORTED = " (imported)"
"""Appended to the name of an imported deck if another deck already has its address."""

_BATCH_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    runs: int
    """New runs."""
    here: int
    """Runs that were in the store before and were left unchanged."""
    attempts: int
    """Attempts appended to unfinished runs of the store."""
    sweeps: int
    decks: int
    skipped: tuple[str, ...]
    """A sentence for everything else that was not imported, with the reason."""
    tables: int = 0
    """New tables, with their rows."""
    logs: int = 0
    """New routing logs."""


def import_archive(store: Store, file: Place) -> Imported:
    """Import everything in a file that the store does not have, or nothing if there is anything wrong with the file.

    Existing runs are left unchanged, except that the file's attempts are appended to a run that is unfinished in the store and
    finished in the file, and that an example that came with the program is a person's own from then on. Existing names and
    comments are kept; tags are merged. A deck gets a new address if a deck with other slides has its own. Raises ArchiveError,
    naming the table and the row, for a damaged, foreign or newer file.
    """
    store._expire()
    name = os.fspath(file) if isinstance(file, (str, os.PathLike)) else "the file"
    try:
        with open_file(Path(file), MAX_BYTES) if isinstance(file, (str, os.PathLike)) else nullcontext(file) as source:
            archive = OpenedArchive(source, _room(store))
            contents = check(archive, _folder(store))
            with store._write() as connection:
                return _add(store, connection, archive, contents)
    except ArchiveError as error:
        raise ArchiveError(f"{name} was not imported, and nothing was changed: {error}") from error.__cause__
    except OSError as error:
        raise ArchiveError(f"{name} cannot be read: {error.strerror or error}") from error


def _room(store: Store) -> int:
    """Bytes that the members may have, unpacked."""
    folder = _folder(store)
    return MAX_BYTES if folder is None else min(MAX_BYTES, shutil.disk_usage(folder).free)


def _folder(store: Store) -> Path | None:
    """The folder of the database, if it is a file."""
    return None if store.path is None else Path(store.path).parent


def _add(store: Store, connection: Connection, archive: OpenedArchive, contents: Contents) -> Imported:
    here = present(connection, runs, contents.runs)
    store._make_own(connection, [*contents.runs, *contents.sweeps, *contents.decks, *contents.logs])
    shift = dict.fromkeys(contents.runs.keys() - here, 0)
    for run_id, last in store._newest_of(connection, sorted(here)).items():
        if last.status not in ("queued", "running", "finished") and contents.newest[run_id][1] == "finished":
            shift[run_id] = last.attempt
    n_tables = _add_tables(store, connection, archive)
    insert_rows(connection, runs, (row for _, row in archive.rows(runs) if row["run_id"] not in here))
    for table in OF_ATTEMPTS:
        insert_rows(connection, table, _behind(archive, table, shift))
    skipped = _add_annotations(connection, archive, contents, store._clock())
    known = present(connection, sweeps, (row["sweep_id"] for _, row in archive.rows(sweeps)))
    new_sweeps = [row for _, row in archive.rows(sweeps) if row["sweep_id"] not in known]
    skipped += [f"sweep {row['name'][:60]!r} was here already" for _, row in archive.rows(sweeps) if row["sweep_id"] in known]
    insert_rows(connection, sweeps, ({**row, "awaits_choice": False} for row in new_sweeps))  # importing trains nothing
    n_decks, decks_here = _add_decks(connection, archive, contents)
    logs_here = present(connection, routing_logs, contents.logs)
    insert_rows(connection, routing_logs, (row for _, row in archive.rows(routing_logs) if row["log_id"] not in logs_here))
    return Imported(
        runs=len(contents.runs.keys() - here),
        here=sum(1 for run_id in here if run_id not in shift),
        attempts=sum(1 for run_id, _ in contents.attempts if shift.get(run_id)),
        sweeps=len(new_sweeps),
        decks=n_decks,
        skipped=(*skipped, *decks_here),
        tables=n_tables,
        logs=len(contents.logs - logs_here),
    )


def _add_tables(store: Store, connection: Connection, archive: OpenedArchive) -> int:
    """Add the tables that are not here, and the rows of those whose rows were removed; return the number with rows."""
    c, added = data_tables.c, 0
    for _, row in archive.rows(data_tables):
        store.forget_data_set(row["table_id"])
        if connection.execute(insert_new(connection, data_tables), row).rowcount == 1:
            added += bool(row["data"])
        elif row["data"]:
            gone = (c.table_id == row["table_id"], func.length(c.data) == 0)
            added += connection.execute(update(data_tables).where(*gone).values(about=row["about"], data=row["data"])).rowcount
    return added


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, some thousand or some MiB at once."""
    waiting: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        waiting.append(row)
        size += len(row.get("data", b""))
        if len(waiting) >= BATCH_ROWS or size >= _BATCH_BYTES:
            connection.execute(insert(table), waiting)
            waiting, size = [], 0
    if waiting:
        connection.execute(insert(table), waiting)


def _behind(archive: OpenedArchive, table: Table, shift: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """The rows of the runs that are added, their attempts behind those that are here."""
    for _, row in archive.rows(table):
        if (by := shift.get(row["run_id"])) is not None:
            yield row | {name: row[name] + by for name in ("attempt", "first_attempt") if name in row}


def _add_annotations(connection: Connection, archive: OpenedArchive, contents: Contents, now: float) -> list[str]:
    said: dict[str, list[str]] = {}
    for part in chunks(list(contents.runs)):
        rows = connection.execute(select(annotations.c.run_id, annotations.c.tags).where(annotations.c.run_id.in_(part)))
        said |= {row.run_id: json.loads(row.tags) for row in rows}
    insert_rows(connection, annotations, (row for _, row in archive.rows(annotations) if row["run_id"] not in said))
    skipped = []
    for _, row in archive.rows(annotations):
        if (tags := said.get(row["run_id"])) is None:
            continue
        both = list(dict.fromkeys([*tags, *json.loads(row["tags"])]))
        if len(both) > TAGS:
            skipped.append(f"run {row['run_id']} has {TAGS} tags, the most allowed; {len(both) - TAGS} were not added")
        if (kept := both[:TAGS]) != tags:
            mine = annotations.c.run_id == row["run_id"]
            connection.execute(update(annotations).where(mine).values(tags=json.dumps(kept), changed=now))
    return skipped


def _add_decks(connection: Connection, archive: OpenedArchive, contents: Contents) -> tuple[int, list[str]]:
    """Add the decks that the store does not have; return their number, and a sentence for each of the others."""
    moved: dict[str, str] = {}
    skipped: list[str] = []
    for _, row in archive.rows(decks):
        deck_id, name = row["deck_id"], row["name"]
        address, is_here = _deck_address(connection, deck_id, contents.digests[deck_id])
        if is_here:
            skipped.append(f"deck {name[:60]!r} was here already")
            continue
        if address != deck_id:
            name = name[: MAX_NAME - len(IMPORTED)] + IMPORTED
        moved[deck_id] = address
        connection.execute(insert(decks).values(row | {"deck_id": address, "name": name}))
    taken = present(connection, slides, contents.slides)

    def placed() -> Iterator[dict[str, Any]]:
        for _, row in archive.rows(slides):
            if (address := moved.get(row["deck_id"])) is not None:
                slide_id = uuid.uuid4().hex[:16] if row["slide_id"] in taken else row["slide_id"]
                yield row | {"deck_id": address, "slide_id": slide_id}

    insert_rows(connection, slides, placed())
    return len(moved), skipped


def _deck_address(connection: Connection, deck_id: str, digest: str) -> tuple[str, bool]:
    """Return a deck's address and whether the deck exists; if another deck has its address, always the same new one."""
    address = deck_id
    for number in itertools.count():
        if not present(connection, decks, [address]):
            return address, False
        query = select(slides.c.content, slides.c.figure).where(slides.c.deck_id == address)
        found = folded("", [])
        for row in connection.execute(query.order_by(slides.c.place, slides.c.slide_id)):
            found = folded(found, [row.content, row.figure])
        if found == digest:
            return address, True
        address = hashlib.sha256(f"{deck_id} {digest} {number}".encode()).hexdigest()[:16]
    raise AssertionError("unreachable")
