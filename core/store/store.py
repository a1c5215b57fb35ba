"""Runs, metrics, leaves, artifacts, the queue and benchmarks, in a database.

    queued -> running -> finished | failed | stopped | interrupted

`finished` is final; the other three end an attempt, and resuming starts the next attempt of the same run.
"""

import contextlib
import json
import math
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.errors import LeafscopeError, LimitError, RunStateError
from leafscope.core.store.annotations import Annotations
from leafscope.core.store.benchmarks import benchmark_row
from leafscope.core.store.database import database_url, open_engine
from leafscope.core.store.decks import Decks
from leafscope.core.store.reading import CHUNK, not_found
from leafscope.core.store.records import (
    CHECKPOINT,
    MOST_AT_ONCE,
    NET,
    PART_BYTES,
    PRIORITIES,
    QUEUE_LIMIT,
    Claim,
    End,
    Ending,
    Priority,
    Submission,
)
from leafscope.core.store.schema import (
    artifact_parts,
    artifacts,
    attempts,
    benchmarks,
    leaves,
    metrics,
    runs,
    sweeps,
    workers,
)
from leafscope.core.store.summaries import fold

if TYPE_CHECKING:
    from leafscope.core.training.trainer import EpochRecord


class Store(Annotations, Decks):
    """One database, shared by many threads and processes, on SQLite (a path or URL).

    - Thread safety: one Store serves any number of threads. Across `fork` nothing is promised; open another.
    - Atomic: every method is one transaction, except `delete`, which is one for each run, and artifacts above 64 MiB,
      whose parts are written before, by themselves, and count only once the transaction that names them is through.
    - Order: what `record` wrote is seen by whoever reads after it returned, records and checkpoint together or not at all.
    - Ownership: only the worker that claimed an attempt writes to it, and only while it is running. A later write changes
      nothing and returns False; the worker then drops the run. Rows are keyed by run, attempt and epoch, the first write
      of a key stands, and earlier attempts are never changed.
    - Values: NaN and infinities come back as they were; arrays with dtype and shape. A benchmark must have neither.
    - Errors: StoreError when the database cannot be used.
    """

    def __init__(self, database: str | os.PathLike[str] | None = None, clock: Callable[[], float] = time.time) -> None:
        url = database_url(database)
        self.url = url.render_as_string(hide_password=False)
        self.path = str(url.database) if url.get_backend_name() == "sqlite" else None
        self.place = self.path or url.render_as_string(hide_password=True)
        """Where it is, to be shown to a person."""
        self._clock = clock
        self._engine = open_engine(url)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engine.dispose()

    # The queue

    def submit(self, run: RunConfig, anew: bool = False, note: str = "", priority: Priority = "interactive") -> Submission:
        """Queue a run from scratch, unless it is queued, running or (without `anew`) finished.

        Raises LimitError when 1,000 runs wait.
        """
        return self.submit_many([run], anew, note, priority)[0]

    def submit_many(
        self, wanted: Sequence[RunConfig], anew: bool = False, note: str = "", priority: Priority = "sweep"
    ) -> list[Submission]:
        """Queue all of these runs in this order, or none: raises LimitError when more than 1,000 would wait."""
        self._expire()
        now = self._clock()
        with self._write() as connection:
            submissions = []
            for index, run in enumerate(wanted):
                newest = self._newest(connection, run.run_id)
                if newest is not None and (
                    newest.status in ("queued", "running") or (newest.status == "finished" and not anew)
                ):
                    submissions.append(Submission(run.run_id, newest.attempt, reused=True))
                    if newest.status == "queued" and newest.priority > PRIORITIES[priority]:  # it waits for a sweep's turn
                        this = attempts.c.run_id == run.run_id, attempts.c.attempt == newest.attempt
                        connection.execute(update(attempts).where(*this).values(priority=PRIORITIES[priority]))
                    continue
                if newest is None:
                    config = run.model_dump_json(exclude_none=True)
                    row = {"run_id": run.run_id, "config": config, "label": run.label, "note": note, "created": now}
                    connection.execute(insert(runs).values(row))
                attempt = 1 if newest is None else newest.attempt + 1
                new = {"first_attempt": attempt, "epochs_total": run.epochs, "created": now + index * 1e-6}
                self._queue(connection, run.run_id, attempt, new | {"priority": PRIORITIES[priority]})
                submissions.append(Submission(run.run_id, attempt, reused=False))
            self._check_queue(connection)
        return submissions

    def submit_sweep(self, sweep: SweepConfig, members: Sequence[RunConfig]) -> list[Submission]:
        """Keep a sweep and queue its runs in this order: those that are finished or under way are left as they are.

        Those that were stopped, interrupted or failed go on from their last checkpoint, or from scratch; only where the loss
        became infinite, the attempt stands, since the next one would be the same. A sweep that is there keeps its name.
        """
        self._expire()
        now = self._clock()
        with self._write() as connection:
            kept = {"sweep_id": sweep.sweep_id, "name": sweep.name, "config": sweep.model_dump_json(exclude_none=True)}
            connection.execute(_insert_new(connection, sweeps), kept | {"created": now})
            newest = self._newest_of(connection, [run.run_id for run in members])
            listed: set[str] = set()
            new_runs, new_attempts, submissions = [], [], []
            for place, run in enumerate(members):
                last = newest.get(run.run_id)
                stands = last is not None and (last.status in ("queued", "running", "finished") or _diverged(last))
                if stands or run.run_id in listed:
                    submissions.append(Submission(run.run_id, 1 if last is None else last.attempt, reused=True))
                    continue
                listed.add(run.run_id)
                times = {"created": now + place * 1e-6, "priority": PRIORITIES["member"], "epochs_total": run.epochs}
                if last is None:
                    config = run.model_dump_json(exclude_none=True)
                    row = {"run_id": run.run_id, "config": config, "label": run.label, "note": "", "created": now}
                    new_runs.append(row)
                    values = {"first_attempt": 1, "seconds_before": 0.0, "epochs_done": 0, "summary": "{}"}
                else:
                    values = self._goes_on(connection, last)
                attempt = 1 if last is None else last.attempt + 1
                new_attempts.append({"run_id": run.run_id, "attempt": attempt, "status": "queued"} | times | values)
                submissions.append(Submission(run.run_id, attempt, reused=False))
            if new_runs:
                connection.execute(insert(runs), new_runs)
            if new_attempts:
                connection.execute(insert(attempts), new_attempts)
        return submissions

    def stop_all(self, run_ids: Iterable[str]) -> None:
        """Stop many runs, as `stop` does; addresses that no run has are passed over."""
        wanted = list(dict.fromkeys(run_ids))
        with self._write() as connection:
            before = attempts.alias()
            finished = select(before.c.run_id).where(
                before.c.run_id == attempts.c.run_id, before.c.attempt == attempts.c.attempt - 1, before.c.status == "finished"
            )
            for first in range(0, len(wanted), CHUNK):
                mine = attempts.c.run_id.in_(wanted[first : first + CHUNK])
                connection.execute(update(attempts).where(mine, attempts.c.status == "running").values(stop_requested=True))
                waits = mine, attempts.c.status == "queued"
                anew = connection.execute(select(attempts.c.run_id, attempts.c.attempt).where(*waits, finished.exists())).all()
                for row in anew:  # it was to be trained again, and is finished again
                    this = attempts.c.run_id == row.run_id, attempts.c.attempt == row.attempt
                    connection.execute(delete(attempts).where(*this))
                connection.execute(update(attempts).where(*waits).values(status="stopped", finished=self._clock()))

    def drop_nets(self, run_ids: Iterable[str]) -> None:
        """Delete the trained weights of runs of which only the scores are wanted any more."""
        wanted = list(dict.fromkeys(run_ids))
        for first in range(0, len(wanted), CHUNK):
            with self._write() as connection:
                for table in (artifact_parts, artifacts):
                    mine = table.c.run_id.in_(wanted[first : first + CHUNK]), table.c.name == NET
                    connection.execute(delete(table).where(*mine))

    def resume(self, run_id: str, priority: Priority = "interactive") -> Submission:
        """Queue the next attempt, from the last checkpoint, or from scratch if there is none.

        A queued or running run is left as it is. Raises RunNotFoundError, RunStateError for a finished run, LimitError.
        """
        self._expire()
        with self._write() as connection:
            last = self._newest(connection, run_id)
            if last is None:
                raise not_found(run_id)
            if last.status in ("queued", "running"):
                return Submission(run_id, last.attempt, reused=True)
            if last.status == "finished":
                raise RunStateError(f"a run must have been stopped or have failed to be resumed, but {run_id} is finished")
            attempt = last.attempt + 1
            new = {"epochs_total": last.epochs_total, "created": self._clock(), "priority": PRIORITIES[priority]}
            self._queue(connection, run_id, attempt, new | self._goes_on(connection, last))
            self._check_queue(connection)
        return Submission(run_id, attempt, reused=False)

    def stop(self, run_id: str) -> None:
        """Stop a queued run at once and a running one soon; leave an ended one as it is. Raises RunNotFoundError.

        To stop a finished run that waits to be trained anew is to withdraw that wish: it is finished again.
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

    def delete(self, run_ids: Iterable[str]) -> None:
        """Delete runs with all that belongs to them; addresses that no run has are passed over.

        Raises RunStateError, before anything is deleted, if one is running: stop it first.
        """
        wanted = list(dict.fromkeys(run_ids))
        self._expire()
        with self._read() as connection:
            for run_id in wanted:
                self._refuse_running(connection, run_id)
        for run_id in wanted:  # one transaction each, so that workers can write in between
            with self._write() as connection:
                self._refuse_running(connection, run_id)
                connection.execute(delete(runs).where(runs.c.run_id == run_id))

    # For workers

    def claim(self, worker_id: str, pid: int | None = None) -> Claim | None:
        """Take the queued attempt whose turn it is, interactive before sweep, then the oldest; None if none waits."""
        order = attempts.c.priority, attempts.c.created, attempts.c.run_id
        query = select(attempts.c.run_id, attempts.c.attempt).where(attempts.c.status == "queued").order_by(*order).limit(1)
        with self._read() as connection:
            if connection.execute(query).first() is None:
                return None
        with self._write() as connection:
            while (turn := connection.execute(query).first()) is not None:
                this = attempts.c.run_id == turn.run_id, attempts.c.attempt == turn.attempt, attempts.c.status == "queued"
                now = self._clock()
                taken = {
                    "status": "running",
                    "started": now,
                    "heartbeat": now,
                    "worker_id": worker_id,
                    "pid": pid or os.getpid(),
                }
                if connection.execute(update(attempts).where(*this).values(taken)).rowcount == 1:
                    run = connection.execute(select(runs).where(runs.c.run_id == turn.run_id)).one()
                    return Claim(turn.run_id, turn.attempt, worker_id, run.label, run.config)
        return None

    def claim_members(
        self,
        worker_id: str,
        seconds: Callable[[RunConfig], float],
        budget: float,
        device: str,
        only: Iterable[str] | None = None,
    ) -> list[Claim]:
        """Take members of sweeps whose turn it is, as many as need `budget` seconds by the estimate `seconds`, at least one.

        `device` is noted as theirs; `only` names the runs that come into question. None is taken while a run that is no
        member waits, unless `only` is given.
        """
        wanted = None if only is None else list(only)
        order = attempts.c.priority, attempts.c.created, attempts.c.run_id
        query = (
            select(attempts.c.run_id, attempts.c.attempt, attempts.c.priority, runs.c.label, runs.c.config)
            .select_from(attempts.join(runs, attempts.c.run_id == runs.c.run_id))
            .where(attempts.c.status == "queued")
            .order_by(*order)
            .limit(MOST_AT_ONCE)
        )
        parts: list[Any] = [query]
        if wanted is not None:
            parts = [
                query.where(attempts.c.run_id.in_(wanted[first : first + CHUNK])) for first in range(0, len(wanted), CHUNK)
            ]
        claims: list[Claim] = []
        now = self._clock()
        taken = {"status": "running", "started": now, "heartbeat": now, "worker_id": worker_id}
        taken |= {"pid": os.getpid(), "device": device}
        with self._read() as connection:  # which waits for no writer
            if not any(connection.execute(part).first() for part in parts):
                return []
        with self._write() as connection:
            rows = next((found for part in parts if (found := connection.execute(part).all())), [])
            if not rows or (wanted is None and rows[0].priority != PRIORITIES["member"]):
                return []
            for row in rows:
                claim = Claim(row.run_id, row.attempt, worker_id, row.label, row.config)
                this = attempts.c.run_id == row.run_id, attempts.c.attempt == row.attempt, attempts.c.status == "queued"
                if connection.execute(update(attempts).where(*this).values(taken)).rowcount == 1:
                    claims.append(claim)
                    with contextlib.suppress(LeafscopeError, ValueError):  # it fails when it is begun, with its own words
                        budget -= seconds(claim.run)
                if budget <= 0:
                    break
        return claims

    def checkpoint(self, claim: Claim) -> bytes | None:
        """Give the checkpoint that this attempt goes on from; None: from scratch."""
        with self._read() as connection:
            row = self._held(connection, claim)
            if row is None or row.first_attempt == claim.attempt:
                return None
            return self._artifact(connection, claim.run_id, row.first_attempt, CHECKPOINT)

    def begin(self, claim: Claim, device: str, epoch: int = 0) -> bool:
        """Note the device and the epoch that the attempt goes on from; False if it is no longer this worker's."""
        with self._write() as connection:
            row = self._held(connection, claim)
            if row is None:
                return False
            goes_on = row.first_attempt < claim.attempt
            rows = self._metric_rows(connection, claim.run_id, row.first_attempt, -1) if goes_on else []
            kept = (item for item in rows if item[0] <= epoch)
            by_epoch = (
                (number, {item[1:3]: item[3] for item in group}) for number, group in groupby(kept, lambda item: item[0])
            )
            values = {"device": device, "resumed_from": epoch, "epochs_done": epoch, "summary": json.dumps(fold({}, by_epoch))}
            connection.execute(update(attempts).where(*_this(claim)).values(values))
        return True

    def record(
        self, claim: Claim, records: Sequence["EpochRecord"] = (), new_artifacts: Mapping[str, bytes] | None = None
    ) -> bool:
        """Write epochs and artifacts, all or nothing; False if the attempt is no longer this worker's."""
        return self._write_attempt(claim, records, new_artifacts or {}, {})

    def end(
        self,
        claim: Claim,
        status: Ending,
        error: str | None = None,
        records: Sequence["EpochRecord"] = (),
        new_artifacts: Mapping[str, bytes] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write the last epochs, artifacts and facts, and end the attempt; False if it is no longer this worker's."""
        ending = {"status": status, "error": error, "finished": self._clock(), "facts": facts or {}}
        return self._write_attempt(claim, records, new_artifacts or {}, ending)

    def end_many(self, ends: Sequence[End]) -> list[bool]:
        """End many first attempts in one transaction, each as `end` does it; False for those that are not their worker's.

        For attempts of which nothing is written yet but that they began, with artifacts of at most 64 MiB.
        """
        now = self._clock()
        with self._write() as connection:
            held: dict[tuple[str, int, str], Row[Any]] = {}
            for worker_id in {end.claim.worker_id for end in ends}:
                mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
                rows = connection.execute(select(attempts).where(*mine))
                held |= {(row.run_id, row.attempt, worker_id): row for row in rows}
            written: dict[Table, list[dict[str, Any]]] = {table: [] for table in (metrics, leaves, artifact_parts, artifacts)}
            updates: list[dict[str, Any]] = []
            answers: list[bool] = []
            for end in ends:
                claim = end.claim
                row = held.get((claim.run_id, claim.attempt, claim.worker_id))
                answers.append(row is not None)
                if row is None:
                    continue
                key = {"run_id": claim.run_id, "attempt": claim.attempt}
                numbers, arrays, values = _record_rows(key, row.summary, end.records)
                written[metrics] += numbers
                written[leaves] += arrays
                for name, data in end.artifacts.items():
                    version = key | {"name": name, "version": uuid.uuid4().hex}
                    written[artifact_parts].append(version | {"part": 0, "data": data})
                    written[artifacts].append(version | {"size": len(data)})
                updates.append(_ended(key, row, values, end, now))
            for table, rows_of_table in written.items():
                if rows_of_table:
                    connection.execute(_insert_new(connection, table), rows_of_table)
            if updates:
                connection.execute(_END, updates)
        return answers

    def wanted(self, claim: Claim) -> Literal["go", "stop", "lost"]:
        """Tell whether to go on with an attempt, to stop, or to drop it since it is no longer this worker's."""
        return self.wanted_of([claim])[0]

    def wanted_of(self, claims: Sequence[Claim]) -> list[Literal["go", "stop", "lost"]]:
        """Tell of each attempt whether to go on, to stop, or to drop it; one query for those of one worker."""
        held: dict[tuple[str, int, str], bool] = {}
        with self._read() as connection:
            for worker_id in {claim.worker_id for claim in claims}:
                mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
                query = select(attempts.c.run_id, attempts.c.attempt, attempts.c.stop_requested).where(*mine)
                held |= {(row.run_id, row.attempt, worker_id): row.stop_requested for row in connection.execute(query)}
        keys = [(claim.run_id, claim.attempt, claim.worker_id) for claim in claims]
        return ["lost" if key not in held else "stop" if held[key] else "go" for key in keys]

    def beat(self, worker_id: str, *claims: Claim) -> None:
        """Give a sign of life, for the worker and for the attempts that it trains."""
        with self._write() as connection:
            now = self._clock()
            connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(heartbeat=now))
            for claim in claims:
                connection.execute(update(attempts).where(*_this(claim)).values(heartbeat=now))

    def set_worker(self, worker_id: str, state: Literal["starting", "ready", "busy"], device: str = "", pid: int = 0) -> None:
        """Enter a worker, or its new state; the device and pid it was entered with are kept if none is given."""
        with self._write() as connection:
            now = self._clock()
            connection.execute(delete(workers).where(workers.c.heartbeat < now - 3600))
            values: dict[str, Any] = {"state": state, "heartbeat": now} | ({"device": device} if device else {})
            if connection.execute(update(workers).where(workers.c.worker_id == worker_id).values(values)).rowcount == 0:
                values |= {"worker_id": worker_id, "pid": pid or os.getpid(), "device": device, "started": now}
                connection.execute(insert(workers).values(values))

    def remove_worker(self, worker_id: str, status: Ending = "interrupted", error: str | None = None) -> None:
        """Take a worker that has ended off the list; what it still trained ends with this status and sentence."""
        with self._write() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
            ended = {"status": status, "error": error, "finished": self._clock()}
            mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
            connection.execute(update(attempts).where(*mine).values(ended))

    # Benchmarks

    def add_benchmark(self, result: dict[str, Any]) -> int:
        """Keep what the benchmark command measured, and give its id.

        `result` has `environment` (with `date`, `leafscope`, `machine` and `threads`), `quick`, and `groups`: name -> list
        of rows. Raises ValueError, keeping nothing, if one of them is missing or a value would not come back as it is.
        """
        row = benchmark_row(result)
        with self._write() as connection:
            key: Any = connection.execute(insert(benchmarks).values({"created": self._clock()} | row)).inserted_primary_key
        return int(key[0])

    # Inside a transaction

    def _newest(self, connection: Connection, run_id: str) -> Row[Any] | None:
        query = select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.attempt.desc()).limit(1)
        return connection.execute(query.with_for_update()).first()

    def _newest_of(self, connection: Connection, run_ids: Sequence[str]) -> dict[str, Row[Any]]:
        found: dict[str, Row[Any]] = {}
        for first in range(0, len(run_ids), CHUNK):
            mine = attempts.c.run_id.in_(run_ids[first : first + CHUNK])
            rows = connection.execute(select(attempts).where(mine).order_by(attempts.c.attempt))
            found |= {row.run_id: row for row in rows}
        return found

    def _goes_on(self, connection: Connection, last: Row[Any]) -> dict[str, Any]:
        """What the attempt after `last` takes over: all of its chain if it left a checkpoint, else nothing."""
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
            raise LimitError(f"at most {QUEUE_LIMIT:,} runs can wait, but with these it would be {waiting:,}; none was added")

    def _refuse_running(self, connection: Connection, run_id: str) -> None:
        last = self._newest(connection, run_id)
        if last is not None and last.status == "running":
            raise RunStateError(f"a run must be stopped before it is deleted, but {run_id} is running")

    def _held(self, connection: Connection, claim: Claim) -> Row[Any] | None:
        return connection.execute(select(attempts).where(*_this(claim)).with_for_update()).first()

    def _write_attempt(
        self, claim: Claim, records: Sequence["EpochRecord"], new: Mapping[str, bytes], ending: Mapping[str, Any]
    ) -> bool:
        key = {"run_id": claim.run_id, "attempt": claim.attempt}
        named = {name: key | {"name": name, "version": uuid.uuid4().hex} for name in new}
        large = {name for name, data in new.items() if len(data) > PART_BYTES}
        for name in large:
            for number, at in enumerate(range(0, len(new[name]), PART_BYTES)):
                with self._write() as connection:
                    if self._held(connection, claim) is None:
                        return False
                    part = named[name] | {"part": number, "data": new[name][at : at + PART_BYTES]}
                    connection.execute(insert(artifact_parts), [part])
        with self._write() as connection:
            row = self._held(connection, claim)
            if row is None:
                return False
            values = self._insert_records(connection, claim, row, records)
            ending = dict(ending)
            if facts := ending.pop("facts", None):
                values["summary"] = json.dumps(json.loads(values.get("summary", row.summary)) | {"facts": facts})
            whole = [named[name] | {"part": 0, "data": data} for name, data in new.items() if name not in large]
            if whole:
                connection.execute(insert(artifact_parts), whole)
            if new:
                self._name_artifacts(connection, [named[name] | {"size": len(data)} for name, data in new.items()])
            if ending.get("status") == "finished" and CHECKPOINT not in new:
                for table in (artifacts, artifact_parts):
                    mine = table.c.run_id == claim.run_id, table.c.attempt == claim.attempt, table.c.name == CHECKPOINT
                    connection.execute(delete(table).where(*mine))
            connection.execute(update(attempts).where(*_this(claim)).values({"heartbeat": self._clock()} | values | ending))
        return True

    def _insert_records(
        self, connection: Connection, claim: Claim, row: Row[Any], records: Sequence["EpochRecord"]
    ) -> dict[str, Any]:
        key = {"run_id": claim.run_id, "attempt": claim.attempt}
        numbers, arrays, values = _record_rows(key, row.summary, records)
        for table, rows in ((metrics, numbers), (leaves, arrays)):
            if rows:
                connection.execute(_insert_new(connection, table), rows)
        return values

    def _name_artifacts(self, connection: Connection, named: Sequence[dict[str, Any]]) -> None:
        """Let these versions of an attempt's artifacts count, whose parts are there, and delete all others."""
        for table in (artifacts, artifact_parts):
            mine = table.c.run_id == named[0]["run_id"], table.c.attempt == named[0]["attempt"]
            replaced = table.c.name.in_([row["name"] for row in named])
            others = table.c.version.not_in([row["version"] for row in named])
            connection.execute(delete(table).where(*mine, replaced, others))
        connection.execute(insert(artifacts), named)


def _record_rows(
    key: dict[str, Any], summary_json: str, records: Sequence["EpochRecord"]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """The rows of metrics and of leaves that records make, and what they change of their attempt."""
    if not records:
        return [], [], {}
    numbers = [
        key | {"epoch": record.epoch, "split": split, "metric": metric, **_number(value)}
        for record in records
        for (split, metric), value in record.metrics.items()
    ]
    arrays = [
        key | {"epoch": record.epoch, "layer": layer, "split": split, **_bytes(leaf)}
        for record in records
        for (layer, split), leaf in record.leaves.items()
    ]
    summary = fold(json.loads(summary_json), ((record.epoch, record.metrics) for record in records))
    last = records[-1]
    return numbers, arrays, {"epochs_done": last.epoch, "seconds": last.seconds, "summary": json.dumps(summary)}


def _ended(key: dict[str, Any], row: Row[Any], values: Mapping[str, Any], end: End, now: float) -> dict[str, Any]:
    summary = json.loads(values.get("summary", row.summary))
    if end.facts:
        summary |= {"facts": dict(end.facts)}
    return {
        "of_run": key["run_id"],
        "of_attempt": key["attempt"],
        "status": end.status,
        "error": end.error,
        "finished": now,
        "heartbeat": now,
        "epochs_done": values.get("epochs_done", row.epochs_done),
        "seconds": values.get("seconds", row.seconds),
        "summary": json.dumps(summary),
    }


_END = (
    update(attempts)
    .where(attempts.c.run_id == bindparam("of_run"), attempts.c.attempt == bindparam("of_attempt"))
    .values(
        {name: bindparam(name) for name in ("status", "error", "finished", "heartbeat", "epochs_done", "seconds", "summary")}
    )
)


def _diverged(attempt: Row[Any]) -> bool:
    return bool(attempt.status == "failed" and json.loads(attempt.summary).get("facts", {}).get("diverged"))


def _this(claim: Claim) -> tuple[Any, ...]:
    mine = attempts.c.run_id == claim.run_id, attempts.c.attempt == claim.attempt
    return (*mine, attempts.c.status == "running", attempts.c.worker_id == claim.worker_id)


def _insert_new(connection: Connection, table: Table) -> Any:
    """An insert that leaves a row alone whose key is there."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


def _number(value: float) -> dict[str, Any]:
    value = float(value)
    return {"value": value, "nonfinite": None} if math.isfinite(value) else {"value": None, "nonfinite": str(value)}


def _bytes(values: np.ndarray) -> dict[str, Any]:
    return {"dtype": values.dtype.str, "shape": json.dumps(values.shape), "data": np.ascontiguousarray(values).tobytes()}
