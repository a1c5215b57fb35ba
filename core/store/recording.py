"""Writing of an attempt by the worker that claimed it: epochs, leaves, artifacts, and its end."""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select, tuple_, update

from leafscope.core.store.database.postgres import hold_write_lock
from leafscope.core.store.database.transactions import KEY, chunks, insert_all
from leafscope.core.store.reading import Reading
from leafscope.core.store.schema import artifact_parts, artifacts, attempts, leaves, metrics
from leafscope.core.store.values import leaf_codes
from leafscope.core.store.values.records import CHECKPOINT, PART_BYTES, Claim, End, Ending
from leafscope.core.store.values.summaries import LOST, Folding, fold

if TYPE_CHECKING:
    from leafscope.core.training.events import EpochRecord


class Recording(Reading):
    """The part of the store for workers."""

    def checkpoint(self, claim: Claim) -> bytes | None:
        """Return the checkpoint from which this attempt continues; None: it starts from scratch."""
        with self._read() as connection:
            row = connection.execute(select(attempts).where(*of_claim(claim))).first()
            if row is None or row.first_attempt == claim.attempt:
                return None
            return self._artifact(connection, claim.run_id, row.first_attempt, CHECKPOINT)

    def begin(self, claim: Claim, device: str, epoch: int = 0) -> bool:
        """Record the device and the epoch from which the attempt continues; False if it no longer belongs to this worker."""
        with self._write_own() as connection:
            row = self._held(connection, claim)
            if row is None:
                return False
            goes_on = row.first_attempt < claim.attempt
            rows = self._metric_rows(connection, claim.run_id, row.first_attempt, -1) if goes_on else []
            kept = (item for item in rows if item[0] <= epoch)
            by_epoch = (
                (number, {item[1:3]: item[3] for item in group}) for number, group in groupby(kept, lambda item: item[0])
            )
            summary = fold({}, by_epoch)
            if goes_on:
                summary = _with_counted(summary, self._summary_before(connection, claim))
            values = {"device": device, "resumed_from": epoch, "epochs_done": epoch, "summary": json.dumps(summary)}
            connection.execute(update(attempts).where(*of_claim(claim)).values(values))
        return True

    def _summary_before(self, connection: Connection, claim: Claim) -> dict[str, Any]:
        """The summary of the attempt before this one."""
        older = attempts.c.run_id == claim.run_id, attempts.c.attempt < claim.attempt
        query = select(attempts.c.summary).where(*older).order_by(attempts.c.attempt.desc()).limit(1)
        return dict(json.loads(connection.execute(query).scalar_one()))

    def record(
        self,
        claim: Claim,
        records: Sequence["EpochRecord"] = (),
        new_artifacts: Mapping[str, bytes] | None = None,
        after: "EpochRecord | None" = None,
    ) -> bool:
        """Write epochs and artifacts, all or nothing; False if the attempt no longer belongs to this worker.

        `after` is the last epoch that this attempt has written before: leaves take less space if it is given.
        """
        return self._write_attempt(claim, records, new_artifacts or {}, {}, after)

    def end(
        self,
        claim: Claim,
        status: Ending,
        error: str | None = None,
        records: Sequence["EpochRecord"] = (),
        new_artifacts: Mapping[str, bytes] | None = None,
        facts: Mapping[str, Any] | None = None,
        after: "EpochRecord | None" = None,
    ) -> bool:
        """Write the last epochs, artifacts and facts, and end the attempt; False if it no longer belongs to this worker."""
        ending = {"status": status, "error": error, "finished": self._clock(), "facts": facts or {}}
        return self._write_attempt(claim, records, new_artifacts or {}, ending, after)

    def end_many(self, ends: Sequence[End]) -> list[bool]:
        """End many first attempts in one transaction, like `end`; False for those that no longer belong to their worker.

        Nothing but their beginning may have been written before, and no artifact may exceed 64 MiB.
        """
        now = self._clock()
        with self._write_own() as connection:
            held: dict[tuple[str, int, str], Row[Any]] = {}
            for part in chunks(ends):
                claims = {(end.claim.run_id, end.claim.attempt): end.claim for end in part}
                these = tuple_(*KEY).in_(list(claims))
                silent = connection.execute(select(*KEY).where(these, attempts.c.status == "interrupted")).all()
                self._take_up(connection, [claims[row.run_id, row.attempt] for row in silent])
                query = select(attempts).where(these, attempts.c.status == "running").order_by(*KEY)
                held |= {(row.run_id, row.attempt, row.worker_id): row for row in connection.execute(query.with_for_update())}
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
                    insert_all(connection, table, rows_of_table)
            if updates:
                connection.execute(_END, updates)
        return answers

    def wanted(self, claim: Claim) -> Literal["go", "stop", "lost"]:
        """Return whether to continue an attempt, to stop it, or to drop it because it no longer belongs to this worker."""
        return self.wanted_of([claim])[0]

    def wanted_of(self, claims: Sequence[Claim]) -> list[Literal["go", "stop", "lost"]]:
        """Return the answer of `wanted` for each attempt, with one query for each worker."""
        held: dict[tuple[str, int, str], bool] = {}
        with self._look() as connection:
            for worker_id in {claim.worker_id for claim in claims}:
                mine = attempts.c.worker_id == worker_id, attempts.c.status == "running"
                query = select(attempts.c.run_id, attempts.c.attempt, attempts.c.stop_requested).where(*mine)
                held |= {(row.run_id, row.attempt, worker_id): row.stop_requested for row in connection.execute(query)}
        keys = [(claim.run_id, claim.attempt, claim.worker_id) for claim in claims]
        return ["lost" if key not in held else "stop" if held[key] else "go" for key in keys]

    def take_up(self, claims: Sequence[Claim]) -> list[bool]:
        """Set attempts that were interrupted by silence back to running; return which of them this worker now holds.

        A worker calls it that was paused or could not write, and still holds them. It does so unless there is a newer attempt,
        or someone asked to stop.
        """
        with self._write() as connection:
            return [self._held(connection, claim) is not None for claim in claims]

    def _held(self, connection: Connection, claim: Claim) -> Row[Any] | None:
        query = select(attempts).where(*of_claim(claim)).with_for_update()
        row = connection.execute(query).first()
        if row is None and self._take_up(connection, [claim]):
            row = connection.execute(query).first()
        return row

    def _take_up(self, connection: Connection, claims: Sequence[Claim]) -> bool:
        """Set attempts that silence ended back to running; return whether there was one."""
        if claims and connection.dialect.name == "postgresql":
            hold_write_lock(connection)  # or a newer attempt could be queued by another, unseen until it is there
        return sum(connection.execute(update(attempts).where(*_silenced(one)).values(_GOES_ON)).rowcount for one in claims) > 0

    def _write_attempt(
        self,
        claim: Claim,
        records: Sequence["EpochRecord"],
        new: Mapping[str, bytes],
        ending: Mapping[str, Any],
        after: "EpochRecord | None",
    ) -> bool:
        key = {"run_id": claim.run_id, "attempt": claim.attempt}
        named = {name: key | {"name": name, "version": uuid.uuid4().hex} for name in new}
        large = {name for name, data in new.items() if len(data) > PART_BYTES}
        for name in large:
            for number, at in enumerate(range(0, len(new[name]), PART_BYTES)):
                with self._write_own() as connection:
                    if self._held(connection, claim) is None:
                        return False
                    part = named[name] | {"part": number, "data": new[name][at : at + PART_BYTES]}
                    connection.execute(insert(artifact_parts), [part])
        with self._write_own() as connection:
            row = self._held(connection, claim)
            if row is None:
                return False
            values = self._insert_records(connection, claim, row, records, after)
            ending = dict(ending)
            if facts := ending.pop("facts", None):
                values["summary"] = json.dumps(json.loads(values.get("summary", row.summary)) | {"facts": facts})
            whole = [named[name] | {"part": 0, "data": data} for name, data in new.items() if name not in large]
            if whole:
                connection.execute(insert(artifact_parts), whole)
            if new:
                self._name_artifacts(connection, [named[name] | {"size": len(data)} for name, data in new.items()])
            is_last = ending.get("status") == "finished" and CHECKPOINT not in new
            if is_last or CHECKPOINT in new:  # no attempt continues from an older one
                for table in (artifacts, artifact_parts):
                    mine = table.c.run_id == claim.run_id, table.c.name == CHECKPOINT
                    connection.execute(delete(table).where(*mine, table.c.attempt < claim.attempt + is_last))
            alive = {"heartbeat": self._clock(), "beats": attempts.c.beats + 1}
            connection.execute(update(attempts).where(*of_claim(claim)).values(alive | values | ending))
        return True

    def _insert_records(
        self,
        connection: Connection,
        claim: Claim,
        row: Row[Any],
        records: Sequence["EpochRecord"],
        after: "EpochRecord | None",
    ) -> dict[str, Any]:
        key = {"run_id": claim.run_id, "attempt": claim.attempt}
        numbers, arrays, values = _record_rows(key, row.summary, records, after)
        for table, rows in ((metrics, numbers), (leaves, arrays)):
            if rows:  # the first epoch is 0, as is the last one where there was none
                insert_all(connection, table, rows, lambda one: one["epoch"] <= row.epochs_done)
        return values

    def _name_artifacts(self, connection: Connection, named: Sequence[dict[str, Any]]) -> None:
        """Make these versions of an attempt's artifacts, whose parts are written, the valid ones, and delete all others."""
        for table in (artifacts, artifact_parts):
            mine = table.c.run_id == named[0]["run_id"], table.c.attempt == named[0]["attempt"]
            replaced = table.c.name.in_([row["name"] for row in named])
            others = table.c.version.not_in([row["version"] for row in named])
            connection.execute(delete(table).where(*mine, replaced, others))
        connection.execute(insert(artifacts), named)


def _record_rows(
    key: dict[str, Any], summary_json: str, records: Sequence["EpochRecord"], after: "EpochRecord | None" = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of the tables `metrics` and `leaves` for these records, and the new values of their attempt.

    `after` is the record that was written before them.
    """
    if not records:
        return [], [], {}
    numbers = [
        key | {"epoch": record.epoch, "split": split, "metric": metric, **_number(value)}
        for record in records
        for (split, metric), value in record.metrics.items()
    ]
    arrays = [
        key | {"epoch": record.epoch, "layer": layer, "split": split, **_encoded(leaf, _base(record, before, (layer, split)))}
        for before, record in zip((after, *records), records, strict=False)
        for (layer, split), leaf in record.leaves.items()
    ]
    folding = Folding(json.loads(summary_json))
    for record in records:
        folding.take(record)
    last = records[-1]
    return numbers, arrays, {"epochs_done": last.epoch, "seconds": last.seconds, "summary": json.dumps(folding.summary)}


def _with_counted(summary: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Take over the scores that no history has (`Task.summarized`) where the best and the last epoch are still the same."""
    same = [which for which in ("best", "last") if summary.get(which, {}).items() <= before.get(which, {}).items()]
    return summary | {which: before[which] for which in same if which in summary}


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


def of_claim(claim: Claim) -> tuple[Any, ...]:
    """The condition that the attempt is running and belongs to this worker."""
    mine = attempts.c.run_id == claim.run_id, attempts.c.attempt == claim.attempt
    return (*mine, attempts.c.status == "running", attempts.c.worker_id == claim.worker_id)


_GOES_ON = {"status": "running", "error": None, "finished": None, "beats": attempts.c.beats + 1}


def _silenced(claim: Claim) -> tuple[Any, ...]:
    """The condition that only silence ended this worker's attempt: none is newer, and nobody asked to stop."""
    newer = attempts.alias()
    later = select(newer.c.run_id).where(newer.c.run_id == claim.run_id, newer.c.attempt > claim.attempt)
    mine = attempts.c.run_id == claim.run_id, attempts.c.attempt == claim.attempt, attempts.c.worker_id == claim.worker_id
    silent = attempts.c.status == "interrupted", attempts.c.error == LOST, attempts.c.stop_requested.is_(False)
    return (*mine, *silent, ~later.exists())


def _number(value: float) -> dict[str, Any]:
    # SQLite stores NaN as NULL, so the column `nonfinite` says which value it was.
    value = float(value)
    return {"value": value, "nonfinite": None} if math.isfinite(value) else {"value": None, "nonfinite": str(value)}


def _base(record: "EpochRecord", before: "EpochRecord | None", key: tuple[int, str]) -> np.ndarray | None:
    """Return the leaves of which the difference is kept; None: all of them are kept."""
    if before is None or before.epoch != record.epoch - 1 or record.epoch % leaf_codes.WHOLE_EVERY == 0:
        return None
    return before.leaves.get(key)


def _encoded(leaf: np.ndarray, base: np.ndarray | None) -> dict[str, Any]:
    dtype, data = leaf_codes.encode(leaf, base)
    return {"dtype": dtype, "shape": json.dumps(leaf.shape), "data": data}
