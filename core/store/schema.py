"""The tables of the store, and how a database is opened, checked and migrated."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from leafscope.core.errors import StoreError

SCHEMA_VERSION = 4
"""What this program reads and writes; kept in the table `meta`."""

BUSY_SECONDS = 30.0
"""How long a transaction waits for another process's; a large checkpoint on a slow disk takes seconds."""

PREPARE_LOCK = 0x6C656166
"""The advisory lock of PostgreSQL under which tables are made and migrated; any number that others do not use."""

_tables = MetaData()

meta = Table("meta", _tables, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    _tables,
    Column("run_id", String(16), primary_key=True),
    Column("config", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)

attempts = Table(
    "attempts",
    _tables,
    Column("run_id", ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("first_attempt", Integer, nullable=False),  # of its chain: the one that began from scratch
    Column("status", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("heartbeat", Double),
    Column("worker_id", String(64)),
    Column("pid", Integer),
    Column("stop_requested", Boolean, nullable=False, default=False),
    Column("error", Text),
    Column("device", String(20)),
    Column("resumed_from", Integer, nullable=False, default=0),  # the epoch of the checkpoint it went on from
    Column("epochs_done", Integer, nullable=False, default=0),
    Column("epochs_total", Integer, nullable=False),
    Column("seconds_before", Double, nullable=False, default=0.0),  # of the chain's earlier attempts
    Column("seconds", Double, nullable=False, default=0.0),
    Column("summary", Text, nullable=False, default="{}"),  # best and last values of the chain, so that a list is one query
    Index("attempts_by_status", "status", "priority", "created"),
)


def _of_attempt() -> list[Any]:
    return [
        Column("run_id", String(16), primary_key=True),
        Column("attempt", Integer, primary_key=True, autoincrement=False),
        ForeignKeyConstraint(["run_id", "attempt"], ["attempts.run_id", "attempts.attempt"], ondelete="CASCADE"),
    ]


metrics = Table(
    "metrics",
    _tables,
    *_of_attempt(),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("split", String(12), primary_key=True),
    Column("metric", String(12), primary_key=True),
    Column("value", Double),
    Column("nonfinite", String(4)),  # nan, inf or -inf where value is NULL: SQLite keeps no NaN
    sqlite_with_rowid=False,
)

leaves = Table(
    "leaves",
    _tables,
    *_of_attempt(),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("split", String(12), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("dtype", String(8), nullable=False),
    Column("shape", String(40), nullable=False),
    Column("data", LargeBinary, nullable=False),
)

artifacts = Table(
    "artifacts",
    _tables,
    *_of_attempt(),
    Column("name", String(40), primary_key=True),
    Column("version", String(32), nullable=False),  # whose parts count: a replacement shows only when it is complete
    Column("size", Double, nullable=False),
)

artifact_parts = Table(
    "artifact_parts",
    _tables,
    *_of_attempt(),
    Column("name", String(40), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

workers = Table(
    "workers",
    _tables,
    Column("worker_id", String(64), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("device", String(20), nullable=False),
    Column("state", String(10), nullable=False),
    Column("started", Double, nullable=False),
    Column("heartbeat", Double, nullable=False),
)

benchmarks = Table(
    "benchmarks",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("created", Double, nullable=False),
    Column("leafscope", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("quick", Boolean, nullable=False),
    Column("result", Text, nullable=False),  # the whole document; the columns above repeat what a list needs of it
)

sweeps = Table(
    "sweeps",
    _tables,
    Column("sweep_id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("created", Double, nullable=False),
)

annotations = Table(
    "annotations",
    _tables,
    Column("run_id", ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, nullable=False),  # empty: the run's own label
    Column("tags", Text, nullable=False),  # a JSON list
    Column("comment", Text, nullable=False),
    Column("changed", Double, nullable=False),
)

decks = Table(
    "decks",
    _tables,
    Column("deck_id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
)

slides = Table(
    "slides",
    _tables,
    Column("slide_id", String(16), primary_key=True),
    Column("deck_id", ForeignKey("decks.deck_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("content", Text, nullable=False),  # all but the figure, as JSON
    Column("figure", Text),  # Plotly's JSON, apart: a list of slides need not read it
)


def _add_annotations_and_decks(connection: Connection) -> None:
    for table in (annotations, decks, slides):
        table.create(connection, checkfirst=True)


MIGRATIONS: dict[int, Callable[[Connection], None]] = {
    # Makes today's table: whoever changes `benchmarks` later keeps the columns of version 2 here.
    1: lambda connection: benchmarks.create(connection, checkfirst=True),
    # Likewise for `sweeps` and version 3.
    2: lambda connection: sweeps.create(connection, checkfirst=True),
    3: _add_annotations_and_decks,
}
"""Version v -> the step that makes it v + 1, inside one transaction."""


def data_folder() -> Path:
    """Give the folder of what people make: `data` in a checkout, else the platform's folder for the user's data."""
    root = Path(__file__).resolve().parents[2]
    return root / "data" if (root / "pyproject.toml").exists() else platformdirs.user_data_path("leafscope", appauthor=False)


def database_url(database: str | os.PathLike[str] | None) -> URL:
    """Resolve where the store is: a URL or a path; None: LEAFSCOPE_DATABASE, else `leafscope.db` in `data_folder()`.

    Paths come back absolute. Raises StoreError for a URL that cannot be read.
    """
    if database is None:
        database = os.environ.get("LEAFSCOPE_DATABASE") or None
    if database is None:
        database = data_folder() / "leafscope.db"
    text = os.fspath(database)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).absolute()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError(f"a database must be a path or a URL such as sqlite:////folder/leafscope.db, got {text!r}") from None
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StoreError(f"a database must be a file, so that the worker sees it too, got {text!r}")
        url = url.set(database=str(Path(str(url.database)).absolute()))
    return url


def open_engine(url: URL) -> Engine:
    """Open the database, made or migrated if need be; raises StoreError if its schema is newer or it is something else."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite:
        folder = Path(str(url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {folder} of the database cannot be made: {error.strerror}") from error
    try:
        engine = create_engine(url, pool_size=8, max_overflow=64)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"no driver for {url.render_as_string()}: {error}") from None
    if is_sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with explained(url):
            _prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn a fault of the database into a StoreError that names it."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(f"the database {url.render_as_string()} cannot be used: {cause}") from error


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
    deadline = time.monotonic() + BUSY_SECONDS
    # Changing the mode fails at once when another process is changing it, whatever the busy timeout.
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A plain BEGIN that reads and then writes fails with "database is locked" as soon as another writer came between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("immediate") else "BEGIN")


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        if _version(connection) == SCHEMA_VERSION:
            return
    with engine.execution_options(immediate=True).begin() as connection:
        if connection.dialect.name == "postgresql":  # which lets two make the same table, and fails the later one
            connection.execute(select(func.pg_advisory_xact_lock(PREPARE_LOCK)))
        version = _version(connection)  # again: another process may just have made or migrated it
        if version is None:
            _tables.create_all(connection)
            connection.execute(insert(meta).values(name="schema_version", value=str(SCHEMA_VERSION)))
        elif version < SCHEMA_VERSION:
            _copy_file(engine.url, version)
            for step in range(version, SCHEMA_VERSION):
                MIGRATIONS[step](connection)
            connection.execute(update(meta).where(meta.c.name == "schema_version").values(value=str(SCHEMA_VERSION)))


def _version(connection: Connection) -> int | None:
    """Read the schema version; None for an empty database."""
    place = connection.engine.url.render_as_string()
    names = inspect(connection).get_table_names()
    if not names:
        return None
    text = None
    if meta.name in names and {column["name"] for column in inspect(connection).get_columns(meta.name)} >= {"name", "value"}:
        text = connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
    if text is None or not text.isdecimal():
        raise StoreError(f"{place} is not a database of Leafscope; its tables are {', '.join(sorted(names)[:5])}")
    if int(text) > SCHEMA_VERSION:
        raise StoreError(
            f"{place} has schema version {text}, made by a newer Leafscope; this one reads versions up to {SCHEMA_VERSION}"
        )
    return int(text)


def _copy_file(url: URL, version: int) -> None:
    if url.get_backend_name() != "sqlite":
        return  # a server's database is copied by who runs the server
    copy = f"{url.database}.v{version}-{time.strftime('%Y%m%dT%H%M%S')}.bak"
    source, target = sqlite3.connect(str(url.database)), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
