"""PostgreSQL: how a connection is set up, the lock of all who read and then write, and the server's time.

Needs the extra `postgres`; the URL is `postgresql+psycopg://user@host/name`. A password belongs into PGPASSFILE, PGPASSWORD or
the URL in LEAFSCOPE_DATABASE, which other users of the machine cannot read.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Double, Engine, Integer, LargeBinary, String, Table, Text, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from leafscope.core.errors import StoreError

BUSY_SECONDS = 30.0
"""Seconds that a transaction waits for the locks of another."""

AT_ONCE_SECONDS = 0.2
"""Seconds that a transaction waits that may also be made later."""

ABANDONED_SECONDS = 10.0
"""Seconds after which the server ends a transaction whose client says nothing: it is frozen, or its network is cut."""

WRITE_LOCK = 0x6C656167
"""The advisory lock of `hold_write_lock`; an arbitrary number that nothing else uses."""

CONNECTING: dict[str, Any] = {
    "application_name": "leafscope",
    "connect_timeout": 4,
    # a server that vanished without a word is noticed: after 3 probes, or when what was sent is not confirmed
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""What libpq is told, unless the URL says otherwise."""

ASK_TIME_EVERY = 60.0
"""Seconds between two questions for the server's time."""

_PASSING = ("25P03", "25006")  # a transaction that was abandoned; a server that only reads, such as one that takes over
_AWAY = (
    "connection refused", "starting up", "shutting down", "closed the connection", "administrator command", "crash of another",
    "is lost",
)  # fmt: skip
_SECRETS = ("password", "sslpassword")


def checked(url: URL) -> URL:
    """Return the URL with the driver's name, and with a password where it is not shown."""
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername != "postgresql+psycopg":
        raise StoreError(f"a database must be a file, or begin with postgresql+psycopg://, got {url.drivername}://")
    if any(url.query.get(name) for name in _SECRETS):
        raise StoreError("a password must not be a parameter of the URL; PGPASSFILE and PGPASSWORD keep it unseen")
    return url


def arguments(url: URL) -> dict[str, Any]:
    """What SQLAlchemy's `create_engine` needs for this URL."""
    told = {name: value for name, value in CONNECTING.items() if name not in url.query}
    return {"connect_args": told}


def configure(connection: Any, _record: object) -> None:
    """Set the patience of a new connection, which is psycopg's."""
    limits = {"lock_timeout": BUSY_SECONDS, "idle_in_transaction_session_timeout": ABANDONED_SECONDS}
    words = ", ".join(f"set_config('{name}', '{round(seconds * 1000)}', false)" for name, seconds in limits.items())
    connection.execute(f"SELECT {words}")
    connection.commit()


def hold_write_lock(connection: Connection, at_once: bool = False) -> None:
    """Let no other transaction read and then write until this one ends, as SQLite's BEGIN IMMEDIATE does.

    `at_once`: raise OperationalError where that would take more than a moment.
    """
    patience = f"set_config('lock_timeout', '{round(AT_ONCE_SECONDS * 1000)}', true), " if at_once else ""
    connection.execute(text(f"SELECT {patience}pg_advisory_xact_lock({WRITE_LOCK})"))


_BINARY = {String: "text", Text: "text", Integer: "int4", Double: "float8", LargeBinary: "bytea"}
"""What columns of these types are called in PostgreSQL's binary form."""


def copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that name the same columns by COPY, for which each row is no statement of its own; no key may exist yet."""
    import psycopg

    names = list(rows[0])
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
    try:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(statement) as stream:
            stream.set_types([_BINARY[type(table.c[name].type)] for name in names])
            for row in rows:
                stream.write_row([row[name] for name in names])
    except psycopg.Error as error:  # as SQLAlchemy does with what it executes itself
        raise DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error


def can_pass(error: BaseException) -> bool:
    """Whether it may work again later, though the driver calls it a mistake of the program."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _PASSING


def cause(text: str) -> str:
    """Say in a few words what the driver tells in several lines.

    >>> cause('connection failed: connection to server at "::1", port 1 failed: Connection refused')
    'Connection refused'
    """
    first = next(iter(text.strip().splitlines()), "")
    return re.sub(r"^(connection failed: )?(connection to server at .*? failed: )?((FATAL|ERROR): +)?", "", first).strip()


def advice(cause: str) -> str:
    """Say what a person can do about an error of the server; empty where nothing is known."""
    cause = cause.lower()
    if any(words in cause for words in _AWAY):
        return "; it is stopped or just starting"
    if "password" in cause:
        return "; give the password in a file that PGPASSFILE names, or in PGPASSWORD"
    if "no space left" in cause or "disk full" in cause:
        return "; free some space on the server's disk"
    if "permission denied" in cause:
        return "; let this user create tables in the database, or read and write those that are there"
    return ""


class ServerClock:
    """Tells the server's time without asking each time, so that machines whose clocks differ write one time."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._asked: tuple[float, float] | None = None

    def __call__(self) -> float:
        """Return seconds since 1970 (UTC)."""
        with self._lock:
            now, monotonic = self._clock(), time.monotonic()
            if self._asked is None or self._is_old(now, monotonic):
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    now = self._clock()  # to connect may have taken long
                    there = connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
                after = self._clock()
                self._ahead, self._asked = float(there) - (now + after) / 2, (after, time.monotonic())
                now = after
            return now + self._ahead

    def _is_old(self, now: float, monotonic: float) -> bool:
        assert self._asked is not None
        passed = monotonic - self._asked[1]
        return passed > ASK_TIME_EVERY or abs(now - self._asked[0] - passed) > 0.5  # the clock was set, or the machine slept
