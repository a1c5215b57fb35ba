"""Locating, opening, checking and migrating the database."""

import glob
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, inspect, make_url, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.util import immutabledict

from leafscope.core.errors import StoreError
from leafscope.core.store.database import postgres
from leafscope.core.store.database.location import MIGRATIONS, is_of_windows, named_database
from leafscope.core.store.database.shrinking import begin_new, make_shrinkable
from leafscope.core.store.schema import SCHEMA_VERSION, meta, tables
from leafscope.core.text import storable

BUSY_SECONDS = 30.0
"""Seconds that a transaction waits for another process; writing a large checkpoint to a slow disk takes seconds."""

PREPARE_LOCK = 0x6C656166
"""The PostgreSQL advisory lock for creating and migrating tables; an arbitrary number that nothing else uses."""

_migrating = threading.Lock()  # alembic's `op` is global: it works on one connection of the process at a time


def database_url(database: str | os.PathLike[str] | None) -> URL:
    """Resolve a path or URL of the store; None means LEAFSCOPE_DATABASE, else `leafscope.db` in `data_folder()`.

    Paths are made absolute. Raises StoreError for a URL that cannot be parsed.
    """
    text = named_database(database)
    if is_of_windows(text):
        raise StoreError(f"a database must be a path of this system, got one of Windows: {text!r}")
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).absolute()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the second: a port that is no number
        hidden = re.sub(r"(?<=://).*(?=@)", "***", text)  # it may hold a password
        raise StoreError(f"a database must be a path or a URL such as sqlite:////folder/leafscope.db, got {hidden!r}") from None
    if url.get_backend_name() != "sqlite":
        return postgres.checked(url)
    if url.database in (None, "", ":memory:"):
        raise StoreError(f"a database must be a file, so that the worker sees it too, got {text!r}")
    return url.set(database=str(Path(str(url.database)).absolute()))


def open_engine(url: URL, create: bool = True) -> Engine:
    """Open the database, and migrate it if necessary; without `create` it must exist.

    Raises StoreError if there is none, if its schema is newer, or if it is something else.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and not create and not Path(str(url.database)).exists():
        raise StoreError(f"there is no database at {url.database}")
    if is_sqlite:
        folder = Path(str(url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {folder} of the database cannot be created: {error.strerror}") from error
    try:
        engine = create_engine(url, pool_size=8, max_overflow=64, **({} if is_sqlite else postgres.arguments(url)))
    except ModuleNotFoundError as error:
        raise StoreError(f"{url.render_as_string()} needs a driver: pip install 'leafscope[postgres]' ({error})") from None
    event.listen(engine, "before_cursor_execute", _make_storable, retval=True)
    if is_sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        from leafscope.core.store.database.answering import Connector  # only here, since it needs psycopg

        Connector(engine)
        event.listen(engine, "connect", postgres.configure)
    try:
        with explained(url):
            _prepare(engine)
            make_shrinkable(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn an error of the database into a StoreError that names the database."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OverflowError) as error:  # the last: one more than a damaged number
        cause = _cause(str(getattr(error, "orig", None) or error), url)
        # locked, full, read-only or unreachable, in contrast to damaged or misused
        can_pass = isinstance(error, (OperationalError, sqlite3.OperationalError)) or postgres.can_pass(error)
        words = f"the database {_place(url)} cannot be used: {cause}{_advice(cause, url)}"
        raise StoreError(words, can_pass=can_pass) from error


DAMAGE = ("not a database", "malformed", "disk i/o error", "no such table", "no such column", "locking protocol")
"""What SQLite says of a file that is damaged, or whose `-wal` and `-shm` are missing or belong to another file."""


def _place(url: URL) -> str:
    """Where the database is, without what a person need not see."""
    return url._replace(password=None, query=immutabledict()).render_as_string()


def _cause(text: str, url: URL) -> str:
    return " ".join(text.split()) if url.get_backend_name() == "sqlite" else postgres.cause(text)


def _advice(cause: str, url: URL) -> str:
    """Say what a person can do about an error; empty where nothing is known."""
    if url.get_backend_name() != "sqlite":
        return postgres.advice(cause)
    file, cause = Path(str(url.database)), cause.lower()
    if "readonly" in cause or "unable to open" in cause:
        return f"; allow this user to read and write the file and its folder {file.parent}, or name another with --database"
    if "full" in cause:
        return "; free some space on its disk"
    if not any(words in cause for words in DAMAGE):
        return ""
    copies = sorted(file.parent.glob(f"{glob.escape(file.name)}*.bak"), key=lambda copy: copy.name)
    back = f", and put the copy {copies[-1].name} in its place" if copies else "; the next start makes a new one"
    return (
        "; it is damaged, or files beside it were lost. leafscope export may still save runs into a file. Then end Leafscope "
        f"and move {file.name}, {file.name}-wal and {file.name}-shm away{back}"
    )


def _make_storable(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool
) -> tuple[str, Any]:
    """Replace in all texts that a statement looks up or writes what no database can store, such as of an error's file name."""
    rows = parameters if executemany else [parameters]
    texts = (value for row in rows for value in (row.values() if isinstance(row, dict) else row) if type(value) is str)
    if all(storable(text) == text for text in texts):
        return statement, parameters
    clean = [
        {name: _cleaned(value) for name, value in row.items()} if isinstance(row, dict) else tuple(map(_cleaned, row))
        for row in rows
    ]
    return statement, clean if executemany else clean[0]


def _cleaned(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # one damaged text must not hide all rows
    connection.isolation_level = None  # else the driver begins transactions itself, with a plain BEGIN; `_begin_sqlite` does it
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
    deadline = time.monotonic() + BUSY_SECONDS
    # WAL lets pages read while the worker writes. Changing the mode ignores the busy timeout: it fails at once while another
    # process changes it.
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            begin_new(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    # In WAL mode NORMAL waits for the disk at checkpoints only. A power failure can lose the last transactions, but never
    # corrupts the database.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A plain BEGIN that reads and then writes fails with "database is locked", without waiting for the busy timeout, if another
    # process wrote in between. IMMEDIATE takes the write lock first.
    options = connection.get_execution_options()
    if options.get("patient", True):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")
        return
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        if _version(connection) == SCHEMA_VERSION:
            return
    with (
        engine.execution_options(immediate=True).connect() as connection,
        _without_foreign_keys(connection),
        connection.begin(),
    ):
        if connection.dialect.name == "postgresql":  # of two processes that create the same table, the later one would fail
            connection.execute(select(func.pg_advisory_xact_lock(PREPARE_LOCK)))
        version = _version(connection)  # read it again: another process may just have created or migrated the tables
        if version is None:
            tables.create_all(connection)
            connection.execute(insert(meta).values(name="schema_version", value=str(SCHEMA_VERSION)))
        elif version < SCHEMA_VERSION:
            _copy_file(engine.url, version)
            migrate(connection, version, SCHEMA_VERSION)
            connection.execute(update(meta).where(meta.c.name == "schema_version").values(value=str(SCHEMA_VERSION)))


def migrate(connection: Connection, version: int, target: int) -> None:
    """Migrate the tables from `version` (0: no tables) to `target`, within the connection's transaction.

    Raises StoreError if a version between them has no script.
    """
    from alembic.operations import Operations  # imported here, since a current database does not need alembic
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    for number in range(version + 1, target + 1):
        try:
            scripts.get_revision(f"{number:04d}")
        except CommandError as error:
            raise StoreError(
                f"schema version {target} must have a script for each version above {version}, got none for {number}; write "
                f"{MIGRATIONS / f'v{number:04d}_what_is_new.py'} like the one before it"
            ) from error
    steps = list(scripts.iterate_revisions(f"{target:04d}", f"{version:04d}" if version else "base"))
    with _migrating, Operations.context(MigrationContext.configure(connection)):
        for step in reversed(steps):
            step.module.upgrade()


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Switch off SQLite's foreign keys: a script that drops and recreates a table would delete the rows that refer to it."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    raw.execute("PRAGMA foreign_keys = OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys = ON")


def _version(connection: Connection) -> int | None:
    """Read the schema version; None for an empty database."""
    place = connection.engine.url.render_as_string()
    names = inspect(connection).get_table_names()
    if not names:
        return None
    text = None
    if meta.name in names and {column["name"] for column in inspect(connection).get_columns(meta.name)} >= {"name", "value"}:
        text = connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
    if text is None or not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise StoreError(f"{place} is not a database of Leafscope; its tables are {', '.join(sorted(names)[:5])}")
    if int(text) > SCHEMA_VERSION:
        raise StoreError(
            f"{place} has schema version {text}, made by a newer Leafscope; this one reads versions up to {SCHEMA_VERSION}"
        )
    return int(text)


def _copy_file(url: URL, version: int) -> None:
    if url.get_backend_name() != "sqlite":
        return  # backups of a database server are its administrator's task
    # the backup API includes what is still in the WAL, which copying the file would miss
    copy = f"{url.database}.v{version}-{time.strftime('%Y%m%dT%H%M%S')}.bak"
    source, target = sqlite3.connect(str(url.database)), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
