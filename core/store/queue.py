"""The queue: submitting, ordering, stopping, resuming and deleting runs."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from leafscope.core.config import RunConfig
from leafscope.core.errors import LimitError, RunStateError
from leafscope.core.store.database import shrinking
from leafscope.core.store.database.opening import explained
from leafscope.core.store.database.transactions import QUEUE_ORDER, chunks, lock_attempts
from leafscope.core.store.reading import Reading, not_found
from leafscope.core.store.schema import artifacts, attempts, runs
from leafscope.core.store.values.records import CHECKPOINT, PRIORITIES, QUEUE_LIMIT, Claim, Priority, Submission


class Queue(Reading):
    """The part of the store that manages the queue."""

    def submit(
        self,
        run: RunConfig,
        anew: bool = False,
        note: str = "",
        priority: Priority = "interactive",
        one_epoch: bool = False,
        is_example: bool = False,
    ) -> Submission:
        """Queue a run from scratch, unless the same configuration is queued, running or (without `anew`) finished.

        In that case it is reused, and otherwise the person's own, even if it came with the program. `is_example`: a run that
        was not here counts as one that did. `one_epoch`: it stops after its first epoch. To continue a stopped, failed or
        interrupted run, call `resume`. Raises LimitError if the queue would exceed 1,000 runs.
        """
        return self.submit_many([run], anew, note, priority, one_epoch, is_example)[0]

    def submit_many(
        self,
        wanted: Sequence[RunConfig],
        anew: bool = False,
        note: str = "",
        priority: Priority = "sweep",
        one_epoch: bool = False,
        is_example: bool = False,
    ) -> list[Submission]:
        """Queue all of these runs in this order, or none; raises LimitError if the queue would exceed 1,000 runs."""
        self._expire()
        now = self._clock()
        with self._write() as connection:
            submissions, first = [], []
            for index, run in enumerate(wanted):
                newest = self._newest(connection, run.run_id, locked=False)
                if newest is not None and (
                    newest.status in ("queued", "running") or (newest.status == "finished" and not anew)
                ):
                    submissions.append(Submission(run.run_id, newest.attempt, reused=True))
                    if newest.status == "queued" and newest.priority > PRIORITIES[priority]:  # queued by a sweep
                        this = attempts.c.run_id == run.run_id, attempts.c.attempt == newest.attempt
                        connection.execute(update(attempts).where(*this).values(priority=PRIORITIES[priority]))
                    continue
                if newest is None:
                    config = run.model_dump_json(exclude_none=True)
                    row = {"run_id": run.run_id, "config": config, "label": run.label, "note": note, "created": now}
                    connection.execute(insert(runs).values(row))
                    first.append(run.run_id)
                attempt = 1 if newest is None else newest.attempt + 1
                new = {"first_attempt": attempt, "epochs_total": run.epochs, "created": now + index * 1e-6}
                how = {"priority": PRIORITIES[priority], "stop_requested": one_epoch}
                self._queue(connection, run.run_id, attempt, new | how)
                submissions.append(Submission(run.run_id, attempt, reused=False))
            if is_example:
                self._add_shipped(connection, first)
            else:
                self._make_own(connection, [one.run_id for one in submissions if not one.reused])
            self._check_queue(connection)
        return submissions

    def resume(self, run_id: str, priority: Priority = "interactive", one_epoch: bool = False) -> Submission:
        """Queue the next attempt, which continues from the last checkpoint, or from scratch if there is none.

        `one_epoch`: it stops after the next epoch. A queued or running run is left unchanged. Raises RunNotFoundError,
        RunStateError for a finished run, LimitError.
        """
        self._expire()
        with self._write() as connection:
            last = self._newest(connection, run_id)
            if last is None:
                raise not_found(run_id)
            if last.status in ("queued", "running"):
                return Submission(run_id, last.attempt, reused=True)
            if last.status == "finished":
                raise RunStateError(f"only a stopped, failed or interrupted run can be resumed, but {run_id} is finished")
            attempt = last.attempt + 1
            new = {"epochs_total": last.epochs_total, "created": self._clock(), "priority": PRIORITIES[priority]}
            self._queue(connection, run_id, attempt, new | {"stop_requested": one_epoch} | self._goes_on(connection, last))
            self._check_queue(connection)
        return Submission(run_id, attempt, reused=False)

    def stop(self, run_id: str) -> None:
        """Stop a queued run immediately and a running one within about a second; an ended run is left unchanged.

        If a finished run is queued again, stopping removes it from the queue, and it is finished as before. Raises
        RunNotFoundError.
        """
        with self._write() as connection:
            last = self._newest(connection, run_id)
            if last is None:
                raise not_found(run_id)
            this = attempts.c.run_id == run_id, attempts.c.attempt == last.attempt
            if last.status == "running":
                connection.execute(update(attempts).where(*this).values(stop_requested=True))
            elif last.status == "queued":
                before = attempts.c.run_id == run_id, attempts.c.attempt == last.attempt - 1
                if connection.scalar(select(attempts.c.status).where(*before)) == "finished":
                    connection.execute(delete(attempts).where(*this))
                else:
                    connection.execute(update(attempts).where(*this).values(status="stopped", finished=self._clock()))

    def stop_all(self, run_ids: Iterable[str]) -> None:
        """Stop many runs like `stop`; addresses without a run are ignored."""
        wanted = list(dict.fromkeys(run_ids))
        with self._write() as connection:
            before = attempts.alias()
            finished = select(before.c.run_id).where(
                before.c.run_id == attempts.c.run_id, before.c.attempt == attempts.c.attempt - 1, before.c.status == "finished"
            )
            for part in chunks(wanted):
                mine = attempts.c.run_id.in_(part)
                lock_attempts(connection, mine, attempts.c.status.in_(("queued", "running")))
                connection.execute(update(attempts).where(mine, attempts.c.status == "running").values(stop_requested=True))
                waits = mine, attempts.c.status == "queued"
                anew = connection.execute(select(attempts.c.run_id, attempts.c.attempt).where(*waits, finished.exists())).all()
                for row in anew:  # finished runs that were queued again are finished as before
                    this = attempts.c.run_id == row.run_id, attempts.c.attempt == row.attempt
                    connection.execute(delete(attempts).where(*this))
                connection.execute(update(attempts).where(*waits).values(status="stopped", finished=self._clock()))

    def delete(self, run_ids: str | Iterable[str]) -> None:
        """Delete one or several runs with everything that belongs to them; addresses without a run are ignored.

        Raises RunStateError, before anything is deleted, if one of them is running.
        """
        wanted = list(dict.fromkeys([run_ids] if isinstance(run_ids, str) else run_ids))
        self._expire()
        with self._read() as connection:
            for run_id in wanted:
                self._refuse_running(connection, run_id, locked=False)
        for run_id in wanted:  # one transaction for each run, so that workers can write in between
            with self._write() as connection:
                self._refuse_running(connection, run_id)
                connection.execute(delete(runs).where(runs.c.run_id == run_id))
            self._give_back(shrinking.MANY)
        self._give_back()

    def claim(self, worker_id: str, pid: int | None = None, members: bool = True) -> Claim | None:
        """Claim the next queued attempt: interactive before sweeps, then the oldest; None if the queue is empty.

        Without `members`, those of sweeps are left to `claim_members`.
        """
        turns = select(attempts.c.run_id, attempts.c.attempt, attempts.c.stop_requested)
        query = turns.where(attempts.c.status == "queued").order_by(*QUEUE_ORDER).limit(1)
        if not members:
            query = query.where(attempts.c.priority != PRIORITIES["member"])
        with self._look() as connection:
            if connection.execute(query).first() is None:
                return None
        now = self._clock()
        taken = {"status": "running", "started": now, "heartbeat": now, "worker_id": worker_id, "pid": pid or os.getpid()}
        with self._write_own() as connection:
            turn = connection.execute(query.with_for_update(skip_locked=True)).first()
            if turn is None:
                return None
            this = attempts.c.run_id == turn.run_id, attempts.c.attempt == turn.attempt
            connection.execute(update(attempts).where(*this).values(taken))
            run = connection.execute(select(runs).where(runs.c.run_id == turn.run_id)).one()
            return Claim(turn.run_id, turn.attempt, worker_id, run.label, run.config, one_epoch=turn.stop_requested)

    def queue_position(self, run_id: str) -> int | None:
        """Count the queued attempts ahead of this run's; None if it is not queued."""
        with self._read() as connection:
            rows = connection.execute(select(attempts.c.run_id).where(attempts.c.status == "queued").order_by(*QUEUE_ORDER))
            ids = list(rows.scalars())
        return ids.index(run_id) if run_id in ids else None

    def _give_back(self, at_least: int = 1) -> None:
        """Return the space of deleted rows to the disk if at least this many pages are free."""
        with explained(self._engine.url):
            shrinking.give_back(self._engine, at_least)

    def _newest(self, connection: Connection, run_id: str, locked: bool = True) -> Row[Any] | None:
        query = select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.attempt.desc()).limit(1)
        return connection.execute(query.with_for_update() if locked else query).first()

    def _newest_of(self, connection: Connection, run_ids: Sequence[str]) -> dict[str, Row[Any]]:
        found: dict[str, Row[Any]] = {}
        for part in chunks(run_ids):
            mine = attempts.c.run_id.in_(part)
            rows = connection.execute(select(attempts).where(mine).order_by(attempts.c.attempt))
            found |= {row.run_id: row for row in rows}
        return found

    def _goes_on(self, connection: Connection, last: Row[Any]) -> dict[str, Any]:
        """What the next attempt inherits from `last`: the progress of its chain if it saved a checkpoint, else nothing."""
        mine = artifacts.c.run_id == last.run_id, artifacts.c.attempt >= last.first_attempt, artifacts.c.name == CHECKPOINT
        if connection.execute(select(artifacts.c.attempt).where(*mine).limit(1)).first() is None:
            return {"first_attempt": last.attempt + 1, "seconds_before": 0.0, "epochs_done": 0, "summary": "{}"}
        return {
            "first_attempt": last.first_attempt,
            "seconds_before": last.seconds_before + last.seconds,
            "epochs_done": last.epochs_done,
            "summary": last.summary,
        }

    def _queue(self, connection: Connection, run_id: str, attempt: int, values: dict[str, Any]) -> None:
        connection.execute(insert(attempts).values({"run_id": run_id, "attempt": attempt, "status": "queued"} | values))

    def _check_queue(self, connection: Connection) -> None:
        mine = attempts.c.status == "queued", attempts.c.priority != PRIORITIES["member"]
        waiting = connection.scalar(select(func.count()).select_from(attempts).where(*mine)) or 0
        if waiting > QUEUE_LIMIT:
            raise LimitError(
                f"the queue can hold at most {QUEUE_LIMIT:,} runs; with these it would hold {waiting:,}, so none was added"
            )

    def _refuse_running(self, connection: Connection, run_id: str, locked: bool = True) -> None:
        last = self._newest(connection, run_id, locked)
        if last is not None and last.status == "running":
            raise RunStateError(f"run {run_id} is running and must be stopped before it is deleted")
