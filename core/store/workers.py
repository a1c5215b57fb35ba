"""The list of workers, and their heartbeats."""

import contextlib
import json
import os
import platform
import uuid
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, tuple_, update

from leafscope.core.errors import StoreError
from leafscope.core.store.database.transactions import KEY, QUEUE_ORDER, chunks, insert_new, lock_attempts
from leafscope.core.store.queue import Queue
from leafscope.core.store.schema import annotations, attempts, meta, runs, workers
from leafscope.core.store.values.records import PRIORITIES, Claim, Ending
from leafscope.core.store.values.rows import worker_info
from leafscope.core.store.values.summaries import LOST, STALE, STARTING, WorkerInfo

PROBE = "probe"
"""The row of the table `meta` that is written to see whether writing works."""

GPUS = "gpus"
"""The row of the table `meta` that says which GPUs the worker found, as JSON."""

COMPILING = "compiling"
"""The row of the table `meta` that names the worker whose helper compiles the training code; empty: none."""

CLUSTER = "cluster"
"""The row of the table `meta` that says, as JSON, what is wrong with the cluster, and when that was said."""

VERSION = "leafscope"
"""The row of the table `meta` that names the version of the program that works here."""

IDENTITY = "identity"
"""The row of the table `meta` that tells this database from any other."""

DEAD = 15.0
"""Seconds without a sign of life after which other workers take a worker for dead."""

SAID_FOR = 90.0
"""Seconds after which what was wrong with a cluster is no longer believed, since who tries says it again."""

DIED = "the worker died"
DIED_AGAIN = "the worker died, also when it tried again"


class Workers(Queue):
    """The part of the store for workers."""

    def workers(self) -> list[WorkerInfo]:
        """List the workers whose heartbeat has not stood still for long while this store was asked."""
        still = self._stillness()
        return [worker for worker, seconds in still.items() if seconds <= (STARTING if worker.state == "starting" else STALE)]

    def _stillness(self) -> dict[WorkerInfo, float]:
        """For how many seconds the heartbeat of each worker has stood still while this store was asked."""
        titles = func.coalesce(func.nullif(annotations.c.name, ""), runs.c.label)
        running = select(attempts.c.worker_id, titles.label("title")).where(attempts.c.status == "running")
        running = running.join(runs, runs.c.run_id == attempts.c.run_id)
        running = running.outerjoin(annotations, annotations.c.run_id == attempts.c.run_id).order_by(*QUEUE_ORDER)
        trains: dict[str, list[str]] = {}
        with self._read() as connection:
            rows = connection.execute(select(workers).order_by(workers.c.started, workers.c.worker_id)).all()
            for row in connection.execute(running) if rows else ():
                trains.setdefault(row.worker_id, []).append(str(row.title))
        found = [worker_info(row, trains.get(row.worker_id, ())) for row in rows]
        still = self._workers_alive.still_for({worker.worker_id: beats for worker, beats in found})
        return {worker: still[worker.worker_id] for worker, _ in found}

    def beats(self, worker_id: str) -> tuple[str, int] | None:
        """Return a worker's state and heartbeat, a count; None if the worker is not on the list."""
        with self._look() as connection:
            row = connection.execute(select(workers.c.state, workers.c.beats).where(workers.c.worker_id == worker_id)).first()
        return None if row is None else (row.state, row.beats)

    def can_write(self) -> bool:
        """Try to write something, without waiting for others who do; `write_fault` then says why it failed."""
        try:
            with self._write_at_once() as connection:
                if connection.execute(update(meta).where(meta.c.name == PROBE).values(value=uuid.uuid4().hex)).rowcount == 0:
                    connection.execute(insert(meta).values(name=PROBE, value=""))
        except StoreError as error:
            self.write_fault = str(error)
            return False
        self.write_fault = None
        return True

    def set_worker(self, worker_id: str, state: Literal["starting", "ready", "busy"], device: str = "", pid: int = 0) -> None:
        """Add a worker, or update its state; without a device or pid, an update keeps the old one."""
        now = self._clock()
        with self._write_own() as connection:
            self._forget_dead(connection)
            values: dict[str, Any] = {"state": state, "heartbeat": now} | ({"device": device} if device else {})
            beats = {"beats": workers.c.beats + 1}
            if connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(values | beats)).rowcount == 0:
                values |= {"worker_id": worker_id, "pid": pid or os.getpid(), "device": device, "started": now}
                values |= {"machine": platform.node(), "leafscope": version("leafscope")}
                connection.execute(insert(workers).values(values))

    def _forget_dead(self, connection: Connection) -> None:
        """Remove workers that nobody could: their count stood still for long while this process looked, as no clock can say."""
        beats = dict(map(worker_info, connection.execute(select(workers))))
        still = self._workers_alive.still_for({worker.worker_id: count for worker, count in beats.items()})
        dead = [worker_id for worker_id, seconds in still.items() if seconds > STARTING]
        connection.execute(delete(workers).where(workers.c.worker_id.in_(dead)))

    def set_gpus(self, gpus: Mapping[str, int]) -> None:
        """Keep which GPUs this machine has, and the bytes that are free on each."""
        self._note(GPUS, json.dumps(dict(gpus)))

    def gpus(self) -> dict[str, int]:
        """Return what a worker found last, empty if none has looked: device -> bytes that were free."""
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # edited by hand
            return {str(name): int(free) for name, free in json.loads(self._noted(GPUS) or "{}").items()}
        return {}

    def set_compiling(self, worker_id: str) -> None:
        """Keep which worker trains slowly until its code is compiled; an empty name: none does any longer."""
        self._note(COMPILING, worker_id)

    def compiling(self) -> str:
        """Return the worker that was noted by `set_compiling`, empty if none."""
        return self._noted(COMPILING) or ""

    def set_cluster_fault(self, sentence: str) -> None:
        """Keep why a cluster does not train what it should; empty: it does."""
        self._note(CLUSTER, json.dumps({"fault": sentence, "at": self._clock()}))

    def cluster_fault(self) -> str:
        """Return why a cluster does not train what it should; empty: it does, there is none, or nobody says so any longer."""
        with contextlib.suppress(ValueError, TypeError, KeyError):  # edited by hand
            said = json.loads(self._noted(CLUSTER) or "{}")
            return str(said["fault"]) if self._clock() - float(said["at"]) < SAID_FOR else ""
        return ""

    def identity(self) -> str:
        """Return a name that no other database has, made when it is first asked for."""
        if (known := self._noted(IDENTITY)) is None:
            with self._write() as connection:
                connection.execute(insert_new(connection, meta), {"name": IDENTITY, "value": uuid.uuid4().hex})
            known = self._noted(IDENTITY)
        return str(known)

    def _note(self, name: str, value: str) -> None:
        with self._write() as connection:
            connection.execute(delete(meta).where(meta.c.name == name))
            connection.execute(insert(meta).values(name=name, value=value))

    def _noted(self, name: str) -> str | None:
        with self._look() as connection:
            value: str | None = connection.scalar(select(meta.c.value).where(meta.c.name == name))
        return value

    def beat(self, worker_id: str, *claims: Claim) -> bool:
        """Count up the heartbeat of the worker and of the attempts that it trains; False if it is not on the list."""
        now = self._clock()
        with self._write_own() as connection:
            mine = workers.c.worker_id == worker_id
            alive = update(workers).where(mine).values(heartbeat=now, beats=workers.c.beats + 1)
            is_listed = connection.execute(alive).rowcount == 1
            followed = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            for part in chunks(claims):
                these = tuple_(attempts.c.run_id, attempts.c.attempt).in_([(claim.run_id, claim.attempt) for claim in part])
                lock_attempts(connection, *followed, these)
                counted = {"heartbeat": now, "beats": attempts.c.beats + 1}
                connection.execute(update(attempts).where(*followed, these).values(counted))
        return is_listed

    def remove_worker(self, worker_id: str, status: Ending = "interrupted", error: str | None = None) -> None:
        """Remove a worker that has ended; its running attempts end with this status and error."""
        now = self._clock()
        with self._write() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
            ended = {"status": status, "error": error, "finished": now}
            mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            lock_attempts(connection, *mine)
            connection.execute(update(attempts).where(*mine).values(ended))

    def bury_worker(self, worker_id: str) -> None:
        """Remove a worker that died; its running attempts end as failed, and members of sweeps are queued once more.

        A member is not queued again if a worker died of its last attempt too, or if someone asked to stop it.
        """
        with self._write() as connection:
            self._fail_members(connection, worker_id)
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
            ended = {"status": "failed", "error": DIED, "finished": self._clock()}
            mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            connection.execute(update(attempts).where(*mine).values(ended))

    def bury_silent(self) -> list[str]:
        """Bury every worker that has given no sign of life for long, as far as this store saw; return which.

        Workers of other machines have nobody else who would. One that was only cut off then finds that its runs are no
        longer its own, and drops them.
        """
        silent = [
            worker.worker_id
            for worker, seconds in self._stillness().items()
            if seconds > (STARTING if worker.state == "starting" else DEAD)
        ]
        for worker_id in silent:
            self.bury_worker(worker_id)
        return silent

    def hand_on(self, worker_id: str, error: str) -> None:
        """Queue anew, in their old places, the runs that a worker has in hand or had to interrupt; they continue elsewhere."""
        now = self._clock()
        with self._write() as connection:
            running = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            lock_attempts(connection, *running)
            ended = {"status": "interrupted", "error": error, "finished": now}
            connection.execute(update(attempts).where(*running).values(ended))
            query = select(attempts).where(attempts.c.worker_id == worker_id, attempts.c.status == "interrupted")
            for row in connection.execute(query.order_by(*KEY)).all():
                newest = self._newest(connection, row.run_id)
                if newest is not None and newest.attempt == row.attempt and not row.stop_requested:
                    self._queue_again(connection, row)

    def is_idle(self, worker_id: str) -> bool:
        """Whether nothing is queued, running, or in the hands of a worker that may have died."""
        waits = attempts.c.status.in_(("queued", "running"))
        silent = (attempts.c.status == "interrupted") & (attempts.c.error == LOST)
        held = silent & attempts.c.worker_id.in_(select(workers.c.worker_id).where(workers.c.worker_id != worker_id))
        with self._look() as connection:
            return connection.execute(select(attempts.c.run_id).where(or_(waits, held)).limit(1)).first() is None

    def refuse_other_version(self) -> None:
        """Note that this version of the program works here; raises StoreError if another one was noted."""
        mine = version("leafscope")
        with self._write() as connection:
            connection.execute(insert_new(connection, meta), {"name": VERSION, "value": mine})
            theirs = connection.scalar(select(meta.c.value).where(meta.c.name == VERSION))
        if theirs != mine:
            raise StoreError(
                f"a worker must be of the same version as the app, but this one is Leafscope {mine}, and the app Leafscope "
                f"{theirs}; install that version here, or start the app of this one on the database"
            )

    def note_version(self) -> None:
        """Note that from now on this version of the program works here."""
        if self._noted(VERSION) != version("leafscope"):
            self._note(VERSION, version("leafscope"))

    def _queue_again(self, connection: Connection, row: Row[Any]) -> None:
        """Queue the next attempt, in the place of this one."""
        place = {"epochs_total": row.epochs_total, "created": row.created, "priority": row.priority}
        self._queue(connection, row.run_id, row.attempt + 1, place | self._goes_on(connection, row))

    def _fail_members(self, connection: Connection, worker_id: str) -> None:
        silenced = (attempts.c.status == "interrupted") & (attempts.c.error == LOST)  # a worker that froze before it died
        members = attempts.c.worker_id == worker_id, attempts.c.priority == PRIORITIES["member"]
        query = select(attempts).where(*members, or_(attempts.c.status == "running", silenced)).order_by(*KEY).with_for_update()
        for row in connection.execute(query).all():
            newest = self._newest(connection, row.run_id)
            if newest is None or newest.attempt != row.attempt:
                continue  # someone has resumed it
            before = attempts.c.run_id == row.run_id, attempts.c.attempt == row.attempt - 1
            again = connection.scalar(select(attempts.c.error).where(*before)) in (DIED, DIED_AGAIN)
            this = attempts.c.run_id == row.run_id, attempts.c.attempt == row.attempt
            ended = {"status": "failed", "error": DIED_AGAIN if again else DIED, "finished": self._clock()}
            connection.execute(update(attempts).where(*this).values(ended))
            if not again and not row.stop_requested:
                self._queue_again(connection, row)
