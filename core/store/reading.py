"""Reading runs from the store: summaries, histories, leaves and artifacts.

Only a run's newest chain of attempts is read, beginning with its last attempt from scratch. If several attempts recorded an
epoch, the last of them counts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Literal, get_args, overload

import numpy as np
import pandas as pd
from sqlalchemy import Column, Connection, Double, and_, cast, func, select, update

from leafscope.core.errors import RunNotFoundError, StoreError
from leafscope.core.store.database.transactions import begins, chunks
from leafscope.core.store.schema import (
    annotations,
    artifact_parts,
    artifacts,
    attempts,
    leaves,
    metrics,
    runs,
)
from leafscope.core.store.shipped import Shipped
from leafscope.core.store.values import leaf_codes
from leafscope.core.store.values.rows import (
    Sizes,
    attempt_number,
    epoch_number,
    joined,
    leaf_numbers,
    run_summary,
    score,
    sizes_of,
)
from leafscope.core.store.values.summaries import LOST, STALE, RunSummary

Snapshot = Literal["weights", "regions"]
"""What a snapshot of an epoch holds: the net's weights, or its predictions on the plane."""

LEVELS = "levels"
"""The artifact that holds a net's predictions on the plane, read to each level."""

GRID_SIDE = 96
"""Grid points on each side of the plane, where predictions on it are kept."""


class Reading(Shipped):
    """The part of the store that reads runs."""

    _listed: Mapping[str, tuple[int, RunSummary]] = MappingProxyType({})
    """Of each run in the last list: the hash of its row, and its summary."""

    def list_runs(self) -> list[RunSummary]:
        """List all runs, the newest first, behind a person's own those that came with the program.

        A run whose row is as it was in the last list has the same object: reading the JSON of 10,000 rows takes a second.
        """
        self._expire()
        with self._read() as connection:
            rows = connection.execute(_summaries().order_by(attempts.c.created.desc(), runs.c.run_id)).all()
            shipped = self._shipped(connection)
        before, now = self._listed, dict[str, tuple[int, RunSummary]]()
        for row in rows:
            values = hash((*row, row.run_id in shipped))
            last = before.get(row.run_id)
            now[row.run_id] = last if last is not None and last[0] == values else (values, run_summary(row, shipped))
        self._listed = now  # replaced as a whole, since other threads may be listing too
        return sorted((summary for _, summary in now.values()), key=lambda summary: summary.shipped)

    def revision(self) -> tuple[Any, ...]:
        """Return values that change whenever the result of `list_runs` changes; far cheaper than a list of a thousand runs."""
        self._expire()
        of = attempts.c
        times = of.created, of.started, of.finished, of.heartbeat
        totals = (_total(column) for column in (*times, of.epochs_done, of.attempt))
        asked = select(func.count()).select_from(attempts).where(of.stop_requested.is_(True)).scalar_subquery()
        with self._read() as connection:
            runs_now = connection.execute(select(func.count(), func.count(of.finished), *totals, asked)).one()
            said = connection.execute(select(func.count(), _total(annotations.c.changed)).select_from(annotations)).one()
            shipped = len(self._shipped(connection))
        return (*runs_now, *said, shipped)

    def run(self, run_id: str) -> RunSummary:
        """Return the summary of a run; raises RunNotFoundError if no run has this address."""
        self._expire()
        with self._read() as connection:
            row = connection.execute(_summaries().where(runs.c.run_id == run_id)).first()
            shipped = self._shipped(connection)
        if row is None:
            raise not_found(run_id)
        return run_summary(row, shipped)

    def runs(self, run_ids: Iterable[str]) -> dict[str, RunSummary]:
        """Return the summaries of many runs, in this order: address -> summary; addresses without a run are left out."""
        self._expire()
        wanted = list(dict.fromkeys(run_ids))
        with self._read() as connection:
            return self._runs_in(connection, wanted)

    def _runs_in(self, connection: Connection, run_ids: Sequence[str]) -> dict[str, RunSummary]:
        shipped = self._shipped(connection)
        found: dict[str, RunSummary] = {}
        for part in chunks(run_ids):
            for row in connection.execute(_summaries().where(runs.c.run_id.in_(part))):
                found[row.run_id] = run_summary(row, shipped)
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}

    def curves(self, run_ids: Iterable[str], split: str, metric: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return one metric of many runs: address -> (E,) epochs, (E,) values; runs without it are left out."""
        wanted = list(dict.fromkeys(run_ids))
        newest: dict[str, int] = {}
        points: dict[str, dict[int, float]] = {}
        with self._read() as connection:
            for part in chunks(wanted):
                query = select(attempts.c.run_id, attempts.c.first_attempt).where(attempts.c.run_id.in_(part))
                newest |= {row.run_id: row.first_attempt for row in connection.execute(query.order_by(attempts.c.attempt))}
                of_metric = metrics.c.run_id.in_(part), metrics.c.split == split, metrics.c.metric == metric
                for row in connection.execute(select(metrics).where(*of_metric).order_by(metrics.c.attempt)):
                    with suppress(StoreError):  # one damaged score must not hide the curves of others
                        epoch, value = score(row)
                        if attempt_number(row.attempt) >= attempt_number(newest.get(row.run_id, 0)):
                            points.setdefault(row.run_id, {})[epoch] = value
        return {
            run_id: (np.array(sorted(values), dtype=np.int64), np.array([values[epoch] for epoch in sorted(values)]))
            for run_id in wanted
            if (values := points.get(run_id))
        }

    def statuses(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Return the status of many runs, in this order: address -> queued, running, ...; cheap enough for frequent polling."""
        self._expire()
        wanted = list(dict.fromkeys(run_ids))
        with self._read() as connection:
            found: dict[str, str] = {}
            for part in chunks(wanted):
                query = select(attempts.c.run_id, attempts.c.status).where(attempts.c.run_id.in_(part))
                found |= {row.run_id: row.status for row in connection.execute(query.order_by(attempts.c.attempt))}
        return {run_id: found[run_id] for run_id in wanted if run_id in found}

    def ends(self, run_ids: Iterable[str]) -> dict[str, float]:
        """Return when runs finished or failed: address -> seconds since 1970; those that have not are left out."""
        wanted = list(dict.fromkeys(run_ids))
        with self._read() as connection:
            found: dict[str, float] = {}
            for part in chunks(wanted):
                ended = attempts.c.status.in_(("finished", "failed")) & attempts.c.finished.is_not(None)
                query = select(attempts.c.run_id, attempts.c.finished).where(attempts.c.run_id.in_(part), ended)
                found |= {row.run_id: row.finished for row in connection.execute(query.order_by(attempts.c.attempt))}
        return {run_id: found[run_id] for run_id in wanted if run_id in found}

    def is_empty(self) -> bool:
        """Return whether the store has no runs."""
        with self._read() as connection:
            return connection.execute(select(runs.c.run_id).limit(1)).first() is None

    def history(self, run_id: str, after: int = -1) -> pd.DataFrame:
        """Return all metrics of the epochs later than `after`: columns epoch, split, metric, value; by epoch, split and metric.

        Raises RunNotFoundError.
        """
        with self._read() as connection:
            rows = self._metric_rows(connection, run_id, self._first_attempt(connection, run_id), after)
        return pd.DataFrame(rows, columns=["epoch", "split", "metric", "value"])

    def recorded_epochs(self, run_id: str) -> np.ndarray:
        """List the epochs with recorded leaves: (E,) int64, ascending; empty for a dense net. Raises RunNotFoundError."""
        with self._read() as connection:
            first = self._first_attempt(connection, run_id)
            chain = leaves.c.run_id == run_id, leaves.c.attempt >= first
            rows = connection.execute(select(leaves.c.epoch).where(*chain).distinct().order_by(leaves.c.epoch)).scalars().all()
        return np.array([epoch_number(epoch) for epoch in rows], dtype=np.int64)

    @overload
    def leaves(self, run_id: str, layer: int, split: str) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def leaves(self, run_id: str, layer: int, split: str, epoch: None) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def leaves(self, run_id: str, layer: int, split: str, epoch: int) -> np.ndarray: ...
    def leaves(
        self, run_id: str, layer: int, split: str, epoch: int | None = None
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return each row's leaf at one epoch, (rows,) integers; without `epoch`, (E,) epochs and (E, rows) leaves.

        Raises RunNotFoundError, and StoreError if this epoch has no recorded leaves, or damaged ones.
        """
        columns = leaves.c.attempt, leaves.c.epoch, leaves.c.dtype, leaves.c.shape, leaves.c.data
        with self._read() as connection:
            first = self._first_attempt(connection, run_id)
            query = select(*columns).where(
                leaves.c.run_id == run_id, leaves.c.attempt >= first, leaves.c.layer == layer, leaves.c.split == split
            )
            if epoch is not None:  # with those from which they may differ
                query = query.where(leaves.c.epoch.between(epoch - epoch % leaf_codes.WHOLE_EVERY, epoch))
            rows = connection.execute(query.order_by(leaves.c.epoch, leaves.c.attempt)).all()
            config = connection.scalar(select(runs.c.config).where(runs.c.run_id == run_id))
        size = sizes_of(config)
        if size.rows.get(split) == 0:  # nothing was recorded of no rows
            epochs = self.recorded_epochs(run_id) if epoch is None else np.array([epoch])
            values = np.zeros((len(epochs), *size.shape(layer, split)), np.uint8)
            return (epochs, values) if epoch is None else values[0]
        found = _Leaves(rows, size, layer, split)
        if epoch is None:
            values = np.stack([found.at(one) for one in found.epochs]) if rows else np.empty((0, 0), dtype=np.uint8)
            return np.array(found.epochs, dtype=np.int64), values
        if epoch not in found.epochs:
            raise StoreError(f"run {run_id} has no leaves of gated layer {layer} on {split} at epoch {epoch}")
        return found.at(epoch)

    def last_leaves(self, run_ids: Iterable[str], layer: int, split: str) -> dict[str, np.ndarray]:
        """Return each row's leaf at the last recorded epoch of many runs: address -> (rows,) integers.

        Runs without leaves of this layer and split, or with damaged ones, are left out.
        """
        found: dict[str, np.ndarray] = {}
        with self._read() as connection:
            for part in chunks(list(dict.fromkeys(run_ids))):
                first = func.max(attempts.c.first_attempt).label("first")
                newest = select(attempts.c.run_id, first).where(attempts.c.run_id.in_(part)).group_by(attempts.c.run_id)
                chain = newest.subquery()
                in_chain = and_(leaves.c.run_id == chain.c.run_id, leaves.c.attempt >= chain.c.first)
                asked = leaves.c.layer == layer, leaves.c.split == split
                epochs = select(leaves.c.run_id, func.max(leaves.c.epoch).label("epoch")).join(chain, in_chain).where(*asked)
                last = epochs.group_by(leaves.c.run_id).subquery()
                columns = leaves.c.run_id, leaves.c.attempt, leaves.c.epoch, leaves.c.dtype, leaves.c.shape, leaves.c.data
                query = select(*columns, runs.c.config).join(runs, runs.c.run_id == leaves.c.run_id).join(chain, in_chain)
                # with those from which they may differ
                needed = leaves.c.epoch >= last.c.epoch - last.c.epoch % leaf_codes.WHOLE_EVERY
                query = query.join(last, and_(leaves.c.run_id == last.c.run_id, needed)).where(*asked)
                of_run: dict[str, list[Any]] = {}
                for row in connection.execute(query.order_by(leaves.c.epoch, leaves.c.attempt)):
                    of_run.setdefault(row.run_id, []).append(row)
                for run_id, rows in of_run.items():
                    with suppress(StoreError):
                        series = _Leaves(rows, sizes_of(rows[0].config), layer, split)
                        found[run_id] = series.at(series.epochs[-1])
        return found

    def artifact(self, run_id: str, name: str) -> bytes | None:
        """Return the newest artifact of this name in the chain ("net", "checkpoint"), or None.

        Raises RunNotFoundError.
        """
        with self._read() as connection:
            return self._artifact(connection, run_id, self._first_attempt(connection, run_id), name)

    def snapshots(self, run_id: str, kind: Snapshot, after: int = -1) -> dict[int, bytes]:
        """Return the snapshots of the epochs later than `after`: epoch -> tensors for `unpack`, by epoch.

        Raises RunNotFoundError.
        """
        same = [artifacts.c[name] == artifact_parts.c[name] for name in ("run_id", "attempt", "name", "version")]
        of_kind = artifacts.c.run_id == run_id, begins(artifacts.c.name, f"{kind}-")
        query = select(artifacts.c.attempt, artifacts.c.name, artifact_parts.c.data).join(artifact_parts, and_(*same))
        query = query.where(*of_kind).order_by(artifacts.c.attempt, artifact_parts.c.part)
        if after >= 0:
            query = query.where(artifacts.c.name > snapshot_name(kind, after))
        with self._read() as connection:
            first = self._first_attempt(connection, run_id)
            rows = connection.execute(query.where(artifacts.c.attempt >= first)).all()
        parts: dict[tuple[int, int], list[bytes]] = {}
        for row in rows:
            if (epoch := snapshot_epoch(row.name)) is not None:
                parts.setdefault((epoch, attempt_number(row.attempt)), []).append(row.data)
        return {epoch: joined(parts[epoch, attempt]) for epoch, attempt in sorted(parts)}  # the last attempt counts

    def _expire(self) -> None:
        """End the running attempts whose worker sends no heartbeats, if the database can be written to now.

        Reading must not need writing: where another process holds the write lock, or the disk is full, they end later.
        """
        query = select(attempts.c.run_id, attempts.c.attempt, attempts.c.beats).where(attempts.c.status == "running")
        with self._read() as connection:
            beats: dict[Any, int] = {(row.run_id, row.attempt): row.beats for row in connection.execute(query)}
        silent = [key for key, seconds in self._attempts_alive.still_for(beats).items() if seconds > STALE]
        if not silent:
            return
        ended = {"status": "interrupted", "error": LOST, "finished": attempts.c.heartbeat}
        try:
            with self._write_at_once() as connection:
                for run_id, attempt in sorted(silent):
                    this = attempts.c.run_id == run_id, attempts.c.attempt == attempt, attempts.c.status == "running"
                    still = attempts.c.beats == beats[run_id, attempt]
                    connection.execute(update(attempts).where(*this, still).values(ended))
        except StoreError as error:
            if not error.can_pass:
                raise

    def _first_attempt(self, connection: Connection, run_id: str) -> int:
        query = select(attempts.c.first_attempt).where(attempts.c.run_id == run_id).order_by(attempts.c.attempt.desc()).limit(1)
        first = connection.scalar(query)
        if first is None:
            raise not_found(run_id)
        return attempt_number(first)

    def _metric_rows(self, connection: Connection, run_id: str, first: int, after: int) -> list[tuple[int, str, str, float]]:
        chain = metrics.c.run_id == run_id, metrics.c.attempt >= first, metrics.c.epoch > after
        key = metrics.c.epoch, metrics.c.attempt, metrics.c.split, metrics.c.metric
        query = select(metrics).where(*chain).order_by(*key)
        merged: dict[tuple[int, str, str], float] = {}
        for row in connection.execute(query):
            epoch, value = score(row)
            merged[epoch, row.split, row.metric] = value
        return [(*key, value) for key, value in merged.items()]

    def _artifact(self, connection: Connection, run_id: str, first: int, name: str) -> bytes | None:
        mine = artifacts.c.run_id == run_id, artifacts.c.attempt >= first, artifacts.c.name == name
        row = connection.execute(select(artifacts).where(*mine).order_by(artifacts.c.attempt.desc()).limit(1)).first()
        if row is None:
            return None
        parts = artifact_parts.c
        query = select(parts.data).where(
            parts.run_id == run_id, parts.attempt == row.attempt, parts.name == name, parts.version == row.version
        )
        return joined(connection.execute(query.order_by(parts.part)).scalars())


class _Leaves:
    """Rows of the table `leaves`, of one layer and split, by epoch and attempt; the last attempt of an epoch counts."""

    def __init__(self, rows: Sequence[Any], size: Sizes, layer: int, split: str) -> None:
        self._rows = {(epoch_number(row.epoch), row.attempt): row for row in rows}
        self._last = {row.epoch: row.attempt for row in rows}
        self._where = size, layer, split
        self._made: tuple[Any, np.ndarray | None] = (None, None)

    @property
    def epochs(self) -> list[int]:
        return list(self._last)

    def at(self, epoch: int) -> np.ndarray:
        """Return each row's leaf; raises StoreError where they, or those from which they differ, are damaged."""
        attempt = self._last[epoch]
        begin = epoch
        while (begin - 1, attempt) in self._rows and leaf_codes.is_difference(self._rows[begin, attempt].dtype):
            if self._made[0] == (begin - 1, attempt):
                break
            begin -= 1
        for number in range(begin, epoch + 1):
            before = self._made[1] if self._made[0] == (number - 1, attempt) else None
            self._made = (number, attempt), leaf_numbers(self._rows[number, attempt], *self._where, before)
        leaf = self._made[1]
        assert leaf is not None
        return leaf


def snapshot_name(kind: Snapshot, epoch: int) -> str:
    """Name the artifact that holds a snapshot; sorting the names sorts the epochs, of which there are at most 10,000.

    >>> snapshot_name("weights", 60)
    'weights-00060'
    """
    return f"{kind}-{epoch:05d}"


def snapshot_epoch(name: str) -> int | None:
    """Return the epoch in an artifact's name; None if it does not name a snapshot."""
    kind, _, number = name.partition("-")
    return int(number) if kind in get_args(Snapshot) and re.fullmatch(r"[0-9]{5}", number) else None


def not_found(run_id: str) -> RunNotFoundError:
    """Return the error for an address without a run."""
    return RunNotFoundError(
        f"no run has the address {run_id!r:.40} in this database; it was deleted, or was never trained here"
    )


def _total(column: Column[Any]) -> Any:
    """The sum of a column: unlike the newest time, it changes when the clock was set back; whole numbers would overflow."""
    return func.sum(cast(column, Double))


def _summaries() -> Any:
    other = attempts.alias()
    newest = select(func.max(other.c.attempt)).where(other.c.run_id == runs.c.run_id).scalar_subquery()
    joined = runs.join(attempts, (attempts.c.run_id == runs.c.run_id) & (attempts.c.attempt == newest))
    joined = joined.outerjoin(annotations, annotations.c.run_id == runs.c.run_id)
    said = annotations.c.name, annotations.c.tags, annotations.c.comment
    return select(runs.c.config, runs.c.label, runs.c.note, attempts, *said).select_from(joined)
