"""Leaves in the store: written as differences, read back by epoch or as a whole, beside those that older versions wrote."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import select, update

from leafscope.core.errors import StoreError
from leafscope.core.store.schema import leaves
from leafscope.core.store.store import Store
from leafscope.core.store.values.leaf_codes import WHOLE_EVERY
from leafscope.core.store.values.records import CHECKPOINT, Claim
from leafscope.core.training.events import EpochRecord
from leafscope.core.worker.recording import Recorder
from tests.core.store.examples import LEAVES, ROWS, claimed, config
from tests.postgres import ON_SQLITE

EPOCHS = 2 * WHOLE_EVERY + 5


def history(epochs: int = EPOCHS, seed: int = 0) -> list[EpochRecord]:
    """One row in fifty moves in each epoch."""
    rng = np.random.default_rng(seed)
    leaf = rng.integers(0, LEAVES, ROWS.n_train).astype(np.uint8)
    records = []
    for epoch in range(epochs):
        leaf = np.where(rng.random(len(leaf)) < 0.02, rng.integers(0, LEAVES, len(leaf)), leaf).astype(np.uint8)
        records.append(EpochRecord(epoch, {("validation", "loss"): 1.0}, {(0, "train"): leaf}, float(epoch)))
    return records


def written(db: Store, records: list[EpochRecord], claim: Claim | None = None) -> Claim:
    """Write records as a worker does, which flushes after each."""
    claim = claim or claimed(db)
    recorder = Recorder(db, claim, dict, flush=0.0)
    for record in records:
        recorder.add(record)
    return claim


def expected(records: list[EpochRecord]) -> np.ndarray:
    return np.stack([record.leaves[0, "train"] for record in records])


def rows(db: Store) -> list[tuple[int, int, str, bytes]]:
    columns = leaves.c.attempt, leaves.c.epoch, leaves.c.dtype, leaves.c.data
    with db._read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(leaves.c.attempt, leaves.c.epoch))]


@pytest.mark.parametrize("write", [written, lambda db, records: _at_once(db, records)])
def test_leaves_come_back_from_differences(write: Callable[[Store, list[EpochRecord]], Claim], db: Store) -> None:
    records = history()
    claim = write(db, records)
    epochs, found = db.leaves(claim.run_id, 0, "train")
    assert epochs.tolist() == list(range(EPOCHS))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected(records))
    for record in records:
        np.testing.assert_array_equal(db.leaves(claim.run_id, 0, "train", record.epoch), record.leaves[0, "train"])
    kept = rows(db)
    whole = [epoch for _, epoch, dtype, _ in kept if not dtype.endswith("xor")]
    assert whole == list(range(0, EPOCHS, WHOLE_EVERY))  # so no epoch needs more rows than WHOLE_EVERY
    assert sum(len(data) for *_, data in kept) < 0.35 * ROWS.n_train * EPOCHS


def _at_once(db: Store, records: list[EpochRecord]) -> Claim:
    claim = claimed(db)
    assert db.record(claim, records)
    return claim


def test_leaves_of_an_older_version_are_read_beside_differences(db: Store) -> None:
    records = history(6)
    claim = written(db, records[:3])
    with db._write() as connection:
        for record in records[:3]:
            older = {"dtype": "|u1", "data": record.leaves[0, "train"].tobytes()}
            connection.execute(update(leaves).where(leaves.c.epoch == record.epoch).values(older))
    assert db.record(claim, records[3:], after=records[2])
    assert [dtype for _, _, dtype, _ in rows(db)] == ["|u1"] * 3 + ["|u1 xor"] * 3
    np.testing.assert_array_equal(db.leaves(claim.run_id, 0, "train")[1], expected(records))
    np.testing.assert_array_equal(db.leaves(claim.run_id, 0, "train", 5), records[5].leaves[0, "train"])


def test_each_attempt_has_differences_of_its_own(db: Store) -> None:
    first, second = history(5), history(6, seed=1)
    claim = written(db, first)
    db.record(claim, [], {CHECKPOINT: b"state"})
    db.end(claim, "stopped")
    db.resume(claim.run_id)
    again = db.claim("w")
    assert again is not None
    assert db.begin(again, "cpu", 2)
    written(db, second[3:], again)
    assert next(dtype for attempt, epoch, dtype, _ in rows(db) if (attempt, epoch) == (2, 3)) != "|u1 xor"
    np.testing.assert_array_equal(db.leaves(claim.run_id, 0, "train")[1], expected(first[:3] + second[3:]))
    for epoch, record in ((2, first[2]), (3, second[3]), (5, second[5])):
        np.testing.assert_array_equal(db.leaves(claim.run_id, 0, "train", epoch), record.leaves[0, "train"])


@ON_SQLITE
@pytest.mark.parametrize("change", ["DELETE FROM leaves", "UPDATE leaves SET data = x'00'"])
def test_what_builds_on_damaged_leaves_is_damaged_until_the_next_whole_ones(change: str, db: Store) -> None:
    records = history(WHOLE_EVERY + 2)
    claim = written(db, records)
    with db._write() as connection:
        connection.exec_driver_sql(f"{change} WHERE epoch = 3")
    for epoch in (4, WHOLE_EVERY - 1):
        with pytest.raises(StoreError, match=r"the leaves of epoch [34] are damaged"):
            db.leaves(claim.run_id, 0, "train", epoch)
    for epoch in (0, 2, WHOLE_EVERY, WHOLE_EVERY + 1):
        np.testing.assert_array_equal(db.leaves(claim.run_id, 0, "train", epoch), records[epoch].leaves[0, "train"])


def test_a_list_reads_anew_only_runs_that_have_changed(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(5):
        db.end(claimed(db, config(seed)), "finished")
    before = {summary.run_id: summary for summary in db.list_runs()}
    db.annotate(config(3).run_id, name="another")
    now = {summary.run_id: summary for summary in db.list_runs()}
    assert [run_id for run_id in now if now[run_id] is not before[run_id]] == [config(3).run_id]
    assert now[config(3).run_id].name == "another"
    db.delete(config(3).run_id)
    assert [summary.run_id for summary in db.list_runs()] == [run_id for run_id in now if run_id != config(3).run_id]
