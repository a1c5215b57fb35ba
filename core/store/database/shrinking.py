"""SQLite gives the space of deleted rows back to the disk only if it keeps track of every page (`auto_vacuum`).

A new database does so from the start. An older one has to be rewritten once, by VACUUM. Databases of a server are shrunk by
their administrator.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

STEP = 1024
"""Pages given back in one transaction: 4 MiB, some hundredths of a second in which others wait."""

MANY = 2**15
"""Free pages worth giving back while more is deleted: SQLite looks through all of them for each page that it gives back."""

FEW = 2**15
"""Most used pages, 128 MiB, of a database that is rewritten where more pages are free: that is sooner done."""

PATIENCE = 200
"""Milliseconds that giving back waits for readers of old pages, while writers wait for it; the next time will do as well."""


def begin_new(connection: sqlite3.Connection) -> None:
    """Let a database keep track of its pages if it is still empty; for others this would be a write without effect."""
    if _number(connection, "page_count") == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def obstacle(engine: Engine) -> str | None:
    """Say in a sentence why deleting makes the database no smaller; None: it does, or it is none of SQLite."""
    with _raw(engine) as connection:
        if connection is None or _number(connection, "auto_vacuum"):
            return None
        why = _lack_of_space(connection, Path(str(engine.url.database)))
    rewritten = "Deleting does not make the database smaller until it has been rewritten once"
    return f"{rewritten}, {why}." if why else f"{rewritten}, at the next start without another program at work on it."


def make_shrinkable(engine: Engine) -> None:
    """Rewrite an older database once, if the disk has room for it and nobody else writes; else leave it as it is."""
    with _raw(engine) as connection:
        if connection is None or _number(connection, "auto_vacuum"):
            return
        if _lack_of_space(connection, Path(str(engine.url.database))):
            return
        with _patience(connection, PATIENCE):
            try:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error:
                return  # locked, read-only, full or damaged: `obstacle` says that it is still to be done


def give_back(engine: Engine, at_least: int = 1) -> None:
    """Give the space of deleted rows back to the disk if so many pages are free, in steps between which others can write."""
    with _raw(engine) as connection:
        if connection is None or not _number(connection, "auto_vacuum"):
            return
        try:
            left = _number(connection, "freelist_count")
            if left < at_least:
                return
            used = _number(connection, "page_count") - left
            if used < min(left, FEW) and not _lack_of_space(connection, Path(str(engine.url.database))):
                connection.execute("VACUUM")
                left = 0
            while left:
                began = time.monotonic()
                connection.execute(f"PRAGMA incremental_vacuum({STEP})").fetchall()  # one page for each row that is read
                before, left = left, _number(connection, "freelist_count")
                if left >= before:
                    break  # another process frees pages at the same time
                time.sleep(time.monotonic() - began)  # a writer that waits looks again only after some time
            with _patience(connection, PATIENCE):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            return  # locked, full or damaged: free pages are used again, or given back the next time


def size(engine: Engine) -> int | None:
    """Count the bytes that the database takes on the disk; None: it is none of SQLite."""
    if engine.url.get_backend_name() != "sqlite":
        return None
    path = Path(str(engine.url.database))
    files = path, path.with_name(f"{path.name}-wal")
    return sum(file.stat().st_size for file in files if file.exists())


def _lack_of_space(connection: sqlite3.Connection, path: Path) -> str:
    """Say what the disk lacks to rewrite the database; empty: nothing.

    VACUUM writes all that is used to a temporary file, and from there to the file beside the database that is merged into it.
    """
    used = _number(connection, "page_count") - _number(connection, "freelist_count")
    needed = used * _number(connection, "page_size") * 11 // 10
    places = {place.stat().st_dev: place for place in (path.parent, _temporary_folder())}
    if len(places) == 1:
        needed *= 2
    for place in places.values():
        if (free := shutil.disk_usage(place).free) < needed:
            return f"which needs {needed / 2**20:,.0f} MiB of free space in {place}, where {free / 2**20:,.0f} MiB are free"
    return ""


def _temporary_folder() -> Path:
    """The folder for SQLite's temporary files."""
    named = [os.environ.get(name, "") for name in ("SQLITE_TMPDIR", "TMPDIR")]
    folders = [Path(name) for name in (*named, "/var/tmp", "/usr/tmp", "/tmp") if name] if os.name != "nt" else []
    return next((folder for folder in folders if folder.is_dir()), Path(tempfile.gettempdir()))


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


@contextmanager
def _patience(connection: sqlite3.Connection, milliseconds: int) -> Iterator[None]:
    before = _number(connection, "busy_timeout")
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}")


@contextmanager
def _raw(engine: Engine) -> Iterator[sqlite3.Connection | None]:
    """A connection outside any transaction; None: the database is none of SQLite."""
    if engine.url.get_backend_name() != "sqlite":
        yield None
        return
    pooled = engine.raw_connection()
    try:
        assert isinstance(pooled.driver_connection, sqlite3.Connection)
        yield pooled.driver_connection
    finally:
        pooled.close()
