"""Sweeps: stored by their configurations and queued as a whole; workers claim a few members at a time."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_, update

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.errors import LeafscopeError, RunNotFoundError
from leafscope.core.store.database.transactions import QUEUE_ORDER, chunks, insert_new
from leafscope.core.store.queue import Queue
from leafscope.core.store.schema import artifact_parts, artifacts, attempts, runs, sweeps
from leafscope.core.store.values.records import MOST_AT_ONCE, NET, PRIORITIES, Claim, Submission, configuration
from leafscope.core.store.values.rows import sweep_info
from leafscope.core.store.values.summaries import SweepInfo


class Sweeps(Queue):
    """The part of the store for sweeps."""

    def sweeps(self) -> list[SweepInfo]:
        """List the sweeps, the newest first, behind a person's own those that came with the program."""
        with self._read() as connection:
            rows = connection.execute(select(sweeps).order_by(sweeps.c.created.desc(), sweeps.c.sweep_id)).all()
            shipped = self._shipped(connection)
        return sorted((sweep_info(row, shipped) for row in rows), key=lambda info: info.shipped)

    def sweep(self, sweep_id: str) -> SweepInfo:
        """Return a sweep; raises RunNotFoundError if no sweep has this address."""
        with self._read() as connection:
            row = connection.execute(select(sweeps).where(sweeps.c.sweep_id == sweep_id)).first()
            shipped = self._shipped(connection)
        if row is None:
            raise RunNotFoundError(f"no sweep has the address {sweep_id!r:.40} in this database")
        return sweep_info(row, shipped)

    def sweeps_that_await(self) -> list[SweepInfo]:
        """List the sweeps whose second stage is still to be queued, the oldest first; cheap enough for frequent polling."""
        with self._look() as connection:
            query = select(sweeps).where(sweeps.c.awaits_choice).order_by(sweeps.c.created, sweeps.c.sweep_id)
            return [sweep_info(row, ()) for row in connection.execute(query)]

    def submit_sweep(
        self, sweep: SweepConfig, members: Sequence[RunConfig], *, awaits_choice: bool = False
    ) -> list[Submission]:
        """Store a sweep and queue its runs in this order; runs that are finished, running or queued are left unchanged.

        Stopped, interrupted and failed runs continue from their last checkpoint, or start from scratch. A run whose loss became
        infinite is not repeated, because the result would be the same. An existing sweep keeps its name. Sweep and runs are the
        person's own from then on, even if they came with the program. `awaits_choice`: further runs follow (`queue_chosen`).
        """
        self._expire()
        now, ids = self._clock(), [run.run_id for run in members]
        with self._write() as connection:
            self._make_own(connection, [sweep.sweep_id, *ids])
            kept = {"sweep_id": sweep.sweep_id, "name": sweep.name, "config": sweep.model_dump_json(exclude_none=True)}
            connection.execute(insert_new(connection, sweeps), kept | {"created": now})
            this = sweeps.c.sweep_id == sweep.sweep_id
            connection.execute(update(sweeps).where(this).values(awaits_choice=awaits_choice))
            return self._queue_members(connection, members, ids, now)

    def queue_chosen(self, sweep_id: str, members: Sequence[RunConfig]) -> bool:
        """Queue the runs that follow the choice, as `submit_sweep` does; return False, having changed nothing, unless awaited.

        A sweep that was stopped, or whose runs another worker has queued, awaits no choice.
        """
        now, ids = self._clock(), [run.run_id for run in members]
        with self._write() as connection:
            if not self._awaits_no_more(connection, sweep_id):
                return False
            self._make_own(connection, ids)
            self._queue_members(connection, members, ids, now)
        return True

    def stop_awaiting(self, sweep_id: str) -> None:
        """Let no runs follow when the choosing runs of a sweep have ended, until it is submitted again."""
        with self._write() as connection:
            self._awaits_no_more(connection, sweep_id)

    def _awaits_no_more(self, connection: Connection, sweep_id: str) -> bool:
        this = sweeps.c.sweep_id == sweep_id, sweeps.c.awaits_choice
        return connection.execute(update(sweeps).where(*this).values(awaits_choice=False)).rowcount == 1

    def _queue_members(
        self, connection: Connection, members: Sequence[RunConfig], ids: Sequence[str], now: float
    ) -> list[Submission]:
        """Queue runs with these addresses, each hashed once by the caller."""
        newest = self._newest_of(connection, list(ids))
        listed: set[str] = set()
        new_runs, new_attempts, submissions = [], [], []
        for place, (run, run_id) in enumerate(zip(members, ids, strict=True)):
            last = newest.get(run_id)
            stands = last is not None and (last.status in ("queued", "running", "finished") or _diverged(last))
            if stands or run_id in listed:
                submissions.append(Submission(run_id, 1 if last is None else last.attempt, reused=True))
                continue
            listed.add(run_id)
            times = {"created": now + place * 1e-6, "priority": PRIORITIES["member"], "epochs_total": run.epochs}
            if last is None:
                config = run.model_dump_json(exclude_none=True)
                row = {"run_id": run_id, "config": config, "label": run.label, "note": "", "created": now}
                new_runs.append(row)
                values = {"first_attempt": 1, "seconds_before": 0.0, "epochs_done": 0, "summary": "{}"}
            else:
                values = self._goes_on(connection, last)
            attempt = 1 if last is None else last.attempt + 1
            new_attempts.append({"run_id": run_id, "attempt": attempt, "status": "queued"} | times | values)
            submissions.append(Submission(run_id, attempt, reused=False))
        if new_runs:
            connection.execute(insert(runs), new_runs)
        if new_attempts:
            connection.execute(insert(attempts), new_attempts)
        return submissions

    def claim_members(
        self,
        worker_id: str,
        seconds: Callable[[RunConfig], float],
        budget: float,
        device: str,
        only: Iterable[str] | None = None,
    ) -> list[Claim]:
        """Claim the next members of sweeps, as many as take `budget` seconds by the estimate `seconds`, but at least one.

        `device` is recorded as theirs; `only` restricts the claim to these runs. Unless `only` is given, no member is claimed
        while another run is queued.
        """
        wanted = None if only is None else list(only)
        query = (
            select(attempts.c.run_id, attempts.c.attempt, attempts.c.priority, runs.c.label, runs.c.config)
            .select_from(attempts.join(runs, attempts.c.run_id == runs.c.run_id))
            .where(attempts.c.status == "queued")
            .order_by(*QUEUE_ORDER)
            .limit(MOST_AT_ONCE)
        )
        parts: list[Any] = [query]
        if wanted is not None:
            parts = [query.where(attempts.c.run_id.in_(part)) for part in chunks(wanted)]
        with self._look() as connection:  # in WAL mode a reader does not wait for writers
            seen = next(((part, rows) for part in parts if (rows := connection.execute(part).all())), None)
        if seen is None or (wanted is None and seen[1][0].priority != PRIORITIES["member"]):
            return []
        query, rows = seen
        now = self._clock()
        taken = {"status": "running", "started": now, "heartbeat": now, "worker_id": worker_id}
        taken |= {"pid": os.getpid(), "device": device}
        # other workers skip what is locked here: as many as are wanted, and no more, so that those behind keep their turn
        query = query.limit(_many(rows, seconds, budget)).with_for_update(of=attempts, skip_locked=True)
        with self._write_own() as connection:
            rows = connection.execute(query).all()
            if not rows or (wanted is None and rows[0].priority != PRIORITIES["member"]):
                return []
            key = tuple_(attempts.c.run_id, attempts.c.attempt)
            connection.execute(update(attempts).where(key.in_([(row.run_id, row.attempt) for row in rows])).values(taken))
        return [Claim(row.run_id, row.attempt, worker_id, row.label, row.config) for row in rows]

    def members_wait(self, most: int) -> int:
        """Count the members of sweeps that are queued, up to `most`; 0 while another run is queued, which goes first."""
        query = select(attempts.c.priority).where(attempts.c.status == "queued").order_by(*QUEUE_ORDER).limit(most)
        with self._look() as connection:
            found = connection.execute(query).scalars().all() if most > 0 else []
        return len(found) if found and found[0] == PRIORITIES["member"] else 0

    def drop_nets(self, run_ids: Iterable[str]) -> None:
        """Delete the trained weights of runs of which only the scores are still needed."""
        wanted = list(dict.fromkeys(run_ids))
        for part in chunks(wanted):
            with self._write() as connection:
                for table in (artifact_parts, artifacts):
                    mine = table.c.run_id.in_(part), table.c.name == NET
                    connection.execute(delete(table).where(*mine))


def _many(rows: Sequence[Row[Any]], seconds: Callable[[RunConfig], float], budget: float) -> int:
    """Count the first rows that together take `budget` seconds: at least one, and all if they take less."""
    for number, row in enumerate(rows, start=1):
        with contextlib.suppress(LeafscopeError, ValueError):  # such a run fails later, with its own message
            budget -= seconds(configuration(row.config))
        if budget <= 0:
            return number
    return len(rows)


def _diverged(attempt: Row[Any]) -> bool:
    return bool(attempt.status == "failed" and json.loads(attempt.summary).get("facts", {}).get("diverged"))
