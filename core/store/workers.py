"""Workers: which there are, and their signs of life."""

import os
from typing import Any, Literal

from sqlalchemy import delete, insert, select, update

from leafscope.core.store.recording import of_claim
from leafscope.core.store.records import Claim, Ending
from leafscope.core.store.schema import attempts, workers
from leafscope.core.store.summaries import STALE, STARTING, WorkerInfo
from leafscope.core.store.transactions import Transactions


class Workers(Transactions):
    """The part of the store that keeps the list of workers."""

    def workers(self) -> list[WorkerInfo]:
        """List the workers that give signs of life."""
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
        """Enter a worker, or its new state; the device and pid it was entered with are kept if none is given."""
        with self._write() as connection:
            now = self._clock()
            connection.execute(delete(workers).where(workers.c.heartbeat < now - 3600))
            values: dict[str, Any] = {"state": state, "heartbeat": now} | ({"device": device} if device else {})
            if connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(values)).rowcount == 0:
                values |= {"worker_id": worker_id, "pid": pid or os.getpid(), "device": device, "started": now}
                connection.execute(insert(workers).values(values))

    def beat(self, worker_id: str, *claims: Claim) -> None:
        """Give a sign of life, for the worker and for the attempts that it trains."""
        with self._write() as connection:
            now = self._clock()
            connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(heartbeat=now))
            for claim in claims:
                connection.execute(update(attempts).where(*of_claim(claim)).values(heartbeat=now))

    def remove_worker(self, worker_id: str, status: Ending = "interrupted", error: str | None = None) -> None:
        """Take a worker that has ended off the list; what it still trained ends with this status and sentence."""
        with self._write() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
            ended = {"status": status, "error": error, "finished": self._clock()}
            mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            connection.execute(update(attempts).where(*mine).values(ended))
