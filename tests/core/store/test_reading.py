"""What is read is what was written: values, arrays, snapshots, and lists of many runs."""

import json
import math
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, text, update

from leafscope.core.errors import RunNotFoundError, StoreError
from leafscope.core.store.schema import leaves
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT
from tests.core.store.examples import LEAVES, ROWS, claimed, config, record
from tests.postgres import ON_SQLITE


@ON_SQLITE
@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("dtype", value) for value in ("|O8", "<f4", "nonsense", "<u8", "(", 7)),
        *(("shape", value) for value in ("[5]", "[-1]", "[2, 3]", "6", "{", "[" * 100_000, "null")),
        ("data", b"12345"),
        ("data", "text"),
    ],
)
def test_damaged_leaves_are_said_so(column: str, value: Any, db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0), record(1)])
    with db._write() as connection:
        connection.exec_driver_sql(f"UPDATE leaves SET {column} = ? WHERE epoch = 1", (value,))
    for epoch in (1, None):
        with pytest.raises(StoreError, match=r"the leaves of epoch 1 are damaged: "):
            db.leaves(claim.run_id, 0, "train", epoch)
    assert len(db.leaves(claim.run_id, 0, "train", 0)) == ROWS.n_train


@ON_SQLITE
@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (np.zeros(1, np.uint8), f"they must be of {ROWS.n_train} train rows, got 1"),
        (np.full(ROWS.n_train, LEAVES, np.uint8), f"they must be from 0 to {LEAVES - 1}, got {LEAVES}"),
        (np.full(ROWS.n_train, -1, np.int8), f"they must be from 0 to {LEAVES - 1}, got -1"),
    ],
)
def test_leaves_that_the_net_does_not_have_are_damaged(leaf: np.ndarray, words: str, db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0), record(1)])
    with db._write() as connection:
        values = json.dumps([len(leaf)]), leaf.dtype.str, leaf.tobytes()
        query = "UPDATE leaves SET shape = ?, dtype = ?, data = ? WHERE epoch = 1 AND split = 'train'"
        connection.exec_driver_sql(query, values)
    for epoch in (1, None):
        with pytest.raises(StoreError, match=f"the leaves of epoch 1 are damaged: {words}"):
            db.leaves(claim.run_id, 0, "train", epoch)


def test_leaves_of_a_layer_that_the_net_lacks_are_damaged(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0)])
    with db._write() as connection:
        connection.exec_driver_sql("UPDATE leaves SET layer = 1")
    with pytest.raises(StoreError, match="their layer must be below 1, got 1"):
        db.leaves(claim.run_id, 1, "train")


@ON_SQLITE
@pytest.mark.parametrize(
    ("column", "value"), [("nonfinite", "{}"), ("value", "x"), ("value", b"x"), ("epoch", "x"), ("epoch", -1), ("metric", b"x")]
)
def test_damaged_scores_are_said_so_and_left_out_of_the_curves_of_many(column: str, value: Any, db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0), record(1), record(2)])
    with db._write() as connection:
        query = f"UPDATE metrics SET {column} = ? WHERE epoch = 1 AND split = 'test' AND metric = 'loss'"
        connection.exec_driver_sql(query, (value,))
    if column != "epoch" or value != -1:  # which is before the first
        with pytest.raises(StoreError, match=f"the scores of run {claim.run_id} are damaged at epoch"):
            db.history(claim.run_id)
    assert db.curves([claim.run_id], "test", "loss")[claim.run_id][0].tolist() == [0, 2]


@ON_SQLITE
@pytest.mark.parametrize(("column", "value"), [("first_attempt", "x"), ("first_attempt", -1)])
def test_damaged_attempts_are_said_so(column: str, value: Any, db: Store) -> None:
    claim = claimed(db)
    with db._write() as connection:
        connection.exec_driver_sql(f"UPDATE attempts SET {column} = ?", (value,))
    for ask in (db.history, db.recorded_epochs):
        with pytest.raises(StoreError, match="its attempts must be whole numbers"):
            ask(claim.run_id)


def test_leaves_keep_dtype_and_shape(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0), record(1)])
    assert db.leaves(claim.run_id, 0, "train", 1)[:6].tolist() == [1, 2, 3, 4, 5, 6]
    assert db.leaves(claim.run_id, 0, "train", 1).dtype == np.uint8
    epochs, values = db.leaves(claim.run_id, 0, "test")
    assert epochs.tolist() == [0, 1]
    assert values.dtype == np.uint16
    assert values.tolist() == [[0] * ROWS.n_test, [1] * ROWS.n_test]
    assert db.leaves(claim.run_id, 7, "test")[1].shape == (0, 0)
    with pytest.raises(StoreError, match="no leaves of gated layer 0 on test at epoch 9"):
        db.leaves(claim.run_id, 0, "test", 9)


def test_last_leaves_of_many_runs_are_those_of_each(db: Store) -> None:
    """Of a resumed run those of its chain, of one that began anew its own; runs without any, or damaged ones, are left out."""
    usual, resumed, anew, none, damaged = (claimed(db, config(seed)) for seed in range(5))
    db.end(usual, "finished", None, [record(0), record(3)])
    db.end(resumed, "stopped", None, [record(0), record(2)], {CHECKPOINT: b"x"})
    db.end(anew, "finished", None, [record(0), record(5)])
    db.end(none, "finished", None, [])
    db.end(damaged, "finished", None, [record(0), record(1)])
    db.resume(resumed.run_id)
    again = db.claim("w")
    assert again is not None
    db.begin(again, "cpu", 3)
    db.end(again, "finished", None, [record(4)])
    db.submit(config(2), anew=True)
    again = db.claim("w")
    assert again is not None
    db.begin(again, "cpu")
    db.end(again, "finished", None, [record(0), record(1)])
    with db._write() as connection:
        connection.execute(update(leaves).where(leaves.c.run_id == damaged.run_id).values(data=b"x"))
    ids = [claim.run_id for claim in (usual, resumed, anew, none, damaged)]
    for split in ("train", "test"):
        found = db.last_leaves([*ids, "0" * 16], 0, split)
        assert set(found) == set(ids[:3])
        for run_id, epoch in zip(ids, (3, 4, 1), strict=False):
            assert db.recorded_epochs(run_id)[-1] == epoch
            assert found[run_id].tolist() == db.leaves(run_id, 0, split, epoch).tolist()
            assert found[run_id].dtype == db.leaves(run_id, 0, split, epoch).dtype
    assert db.last_leaves(ids, 1, "train") == {}
    assert db.last_leaves([], 0, "train") == {}


def test_values_that_are_not_finite_come_back(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0, math.nan), record(1, math.inf), record(2, -math.inf), record(3, 0.1 + 0.2)])
    values = db.history(claim.run_id).groupby("epoch")["value"].first()
    frame = db.history(claim.run_id)
    assert frame[frame["epoch"] == 0]["value"].isna().all()
    assert values[[1, 2, 3]].tolist() == [math.inf, -math.inf, 0.1 + 0.2]
    summary = db.list_runs()[0]
    assert (summary.best_epoch, summary.best["validation_loss"]) == (3, 0.1 + 0.2)


def test_unknown_run(db: Store) -> None:
    for ask in (db.run, db.history, db.recorded_epochs, db.stop, db.resume):
        with pytest.raises(RunNotFoundError, match="no run has the address 'nowhere'"):
            ask("nowhere")
    with pytest.raises(RunNotFoundError):
        db.artifact("nowhere", "net")


def test_snapshots_are_those_of_the_last_attempt_of_the_chain(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.recording.PART_BYTES", 10)
    old = claimed(db)
    db.end(old, "finished", None, [], {"weights-00000": b"old", "weights-00009": b"old"})
    db.submit(config(), anew=True)
    first = db.claim("w")
    assert first is not None
    assert db.snapshots(first.run_id, "weights") == {}
    db.begin(first, "cpu")
    long = bytes(range(35))
    db.record(first, [], {"weights-00010": b"first", "weights-00002": long, "weights-00000": b"", "regions-00001": b"r"})
    db.end(first, "stopped", None, [], {CHECKPOINT: b"at 2", "weights-x": b"forged", "levels": b"l"})
    db.resume(first.run_id)
    second = db.claim("w")
    assert second is not None
    db.begin(second, "cpu", 2)
    db.record(second, [], {"weights-00010": long[::-1]})
    kept = db.snapshots(first.run_id, "weights")
    assert list(kept.items()) == [(0, b""), (2, long), (10, long[::-1])]
    assert db.snapshots(first.run_id, "weights", after=0) == {2: long, 10: long[::-1]}
    assert db.snapshots(first.run_id, "weights", after=10) == {}
    assert db.snapshots(first.run_id, "regions") == {1: b"r"}
    with pytest.raises(RunNotFoundError, match=r"no run has the address 'nowhere'"):
        db.snapshots("nowhere", "weights")
    db.end(second, "finished")
    db.delete([first.run_id])
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM artifact_parts")).scalar() == 0


@ON_SQLITE
def test_a_list_of_a_thousand_runs_takes_as_few_queries_as_one_of_a_few(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    db.submit_many([config(seed) for seed in range(1000)])
    statements: list[str] = []
    event.listen(db._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert len(db.list_runs()) == 1000
    assert (
        len([statement for statement in statements if statement.startswith("SELECT")]) == 3
    )  # and one looks for lost workers, one for what is shipped
