"""The list of workers, and their heartbeats."""

import os
from typing import Any, Literal

from sqlalchemy import delete, insert, select, update

from leafscope.core.store.recording import of_claim
from leafscope.core.store.records import Claim, Ending
from leafscope.core.store.schema import attempts, workers
from leafscope.core.store.summaries import STALE, STARTING, WorkerInfo
from leafscope.core.store.transactions import Transactions


class Workers(Transactions):
    """The part of the store for workers."""

    def workers(self) -> list[WorkerInfo]:
        """List the workers whose last heartbeat is recent."""
        with self._read() as connection:
            rows = connection.execute(select(workers).order_by(workers.c.started)).all()
        now = self._clock()
        limit = {"starting": STARTING}
        return [
            WorkerInfo(row.worker_id, row.pid, row.device, row.state)
            for row in rows
            if now - row.heartbeat <= limit.get(row.state, STALE)
        ]

    def set_worker(self, worker_id: str, state: Literal["starting", "ready", "busy"], device: str = "", pid: int = 0) -> None:
        """Add a worker, or update its state; without a device or pid, an update keeps the old one."""
        with self._write() as connection:
            now = self._clock()
            connection.execute(delete(workers).where(workers.c.heartbeat < now - 3600))
            values: dict[str, Any] = {"state": state, "heartbeat": now} | ({"device": device} if device else {})
            if connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(values)).rowcount == 0:
                values |= {"worker_id": worker_id, "pid": pid or os.getpid(), "device": device, "started": now}
                connection.execute(insert(workers).values(values))

    def beat(self, worker_id: str, *claims: Claim) -> None:
        """Write a heartbeat for the worker and for the attempts that it trains."""
        with self._write() as connection:
            now = self._clock()
            connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(heartbeat=now))
            for claim in claims:
                connection.execute(update(attempts).where(*of_claim(claim)).values(heartbeat=now))

    def remove_worker(self, worker_id: str, status: Ending = "interrupted", error: str | None = None) -> None:
        """Remove a worker that has ended; its running attempts end with this status and error."""
        with self._write() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
            ended = {"status": status, "error": error, "finished": self._clock()}
            mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            connection.execute(update(attempts).where(*mine).values(ended))
