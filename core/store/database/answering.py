"""A connection that does not wait without end for a server that says nothing, such as one that is frozen. Imports psycopg."""

import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

SILENCE = 3.0
"""Seconds without a word after which the server is asked, by another connection, whether it still works at a statement."""

ANSWER = 3.0
"""Seconds that it may take for its answer."""

LOST = 60.0
"""Seconds of silence, at no work, after which a question or its answer is taken for lost, though the server answers others."""

RESPITE = 2.0
"""Seconds for which a server that gave no answer is not asked again: many may be waiting for it."""

IDLE = 1.0
"""Seconds after which a connection that nobody used is tried before it is used; always to try would cost many messages."""

_SINCE = "idle since"

SILENT = "the server gives no answer, though its network does"


class Answered(psycopg.Connection[Any]):
    """A connection that is closed, and raises OperationalError, when its server is silent and does not work at what was asked.

    A long statement, or one that waits for a lock, may take as long as it likes: the server says that it is at work.
    """

    ask: Callable[[int], bool | None] | None = None
    """Tells whether the server's process of this number is at work; None: no answer, or nobody is to be asked."""

    def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
        """Wait for what psycopg waits for, and watch for silence."""
        return super().wait(self._watched(gen), *arguments, **named)

    def _watched(self, waited_for: Any) -> Generator[Any, Any, Any]:
        heard = asked = time.monotonic()
        patience = ANSWER if self.ask is None else SILENCE
        try:
            wanted = next(waited_for)
            while True:
                ready = yield wanted  # 0 every 0.1 s
                now = time.monotonic()
                if ready:
                    heard = asked = now
                elif now - asked > patience:
                    is_at_work = None if self.ask is None else self.ask(self.info.backend_pid)
                    if is_at_work is None or (not is_at_work and now - heard > LOST):
                        self.close()
                        raise psycopg.OperationalError(SILENT)
                    asked = time.monotonic()
                    if is_at_work:  # its answer may be under way a moment later
                        heard = asked
                wanted = waited_for.send(ready)
        except StopIteration as ended:
            return ended.value


class Connector:
    """Opens the connections of an engine, and tries one that was idle before it is used again."""

    def __init__(self, engine: Engine) -> None:
        self._silent_until = 0.0
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "checkin", self._put_back)
        event.listen(engine, "checkout", self._try)

    def _put_back(self, _connection: Any, record: Any) -> None:
        record.info[_SINCE] = time.monotonic()

    def _try(self, connection: Any, record: Any, _proxy: Any) -> None:
        """Tell SQLAlchemy to open new connections where this one broke while nobody used it, as after a restart."""
        if time.monotonic() - record.info.get(_SINCE, time.monotonic()) < IDLE:
            return
        try:
            connection.autocommit = True  # else it were three messages
            connection.execute("SELECT 1")
            connection.autocommit = False
        except psycopg.Error as error:
            raise InvalidatePoolError from error

    def _connect(self, _dialect: Any, _record: Any, arguments: Any, named: dict[str, Any]) -> Answered:
        """Connect as SQLAlchemy would; raises OperationalError, at once where the server was silent a moment ago."""
        if time.monotonic() < self._silent_until:
            raise psycopg.OperationalError(SILENT)

        def ask(pid: int) -> bool | None:
            try:
                with Answered.connect(*arguments, **named | {"autocommit": True}) as other:
                    row = other.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()
            except psycopg.OperationalError as error:
                if "FATAL" in str(error):  # it answers, though it lets nobody in
                    return False
                self._silent_until = time.monotonic() + RESPITE
                return None
            return row is not None and row[0] == "active"

        try:
            made: Answered = Answered.connect(*arguments, **named)
        except psycopg.errors.ConnectionTimeout:
            self._silent_until = time.monotonic() + RESPITE
            raise
        made.ask = ask
        return made
