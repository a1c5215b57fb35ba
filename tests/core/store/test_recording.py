"""What a worker records comes once, and only from the one that holds the attempt."""

import pytest
from sqlalchemy import text

from leafscope.core.errors import RunStateError
from leafscope.core.store import recording
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, Claim, End
from tests.core.clock import Clock
from tests.core.store.examples import claimed, fall_silent, record


def test_resumed_chain_shows_the_highest_attempt(db: Store, clock: Clock) -> None:
    first = claimed(db)
    db.record(first, [record(0, 9.0), record(1, 8.0)], {CHECKPOINT: b"at 1"})
    db.record(first, [record(2, 0.5), record(3, 0.4)])
    fall_silent(db, clock)
    assert db.run(first.run_id).status == "interrupted"
    clock.now += 1
    assert not db.resume(first.run_id).reused
    assert db.run(first.run_id).epochs_done == 3
    second = db.claim("v")
    assert second is not None
    assert db.checkpoint(second) == b"at 1"
    assert db.begin(second, "cpu", 1)
    summary = db.run(first.run_id)
    assert (summary.epochs_done, summary.resumed_from, summary.best["validation_loss"]) == (1, 1, 8.0)
    db.record(second, [record(2, 7.0)])
    frame = db.history(first.run_id)
    losses = frame[(frame["metric"] == "loss") & (frame["split"] == "train")]["value"].tolist()
    assert losses == [9.0, 8.0, 7.0, 0.4]
    assert db.run(first.run_id).best_epoch == 2
    assert db.run(first.run_id).seconds == 3.0 + 2.0
    assert db.artifact(first.run_id, CHECKPOINT) == b"at 1"
    db.end(second, "finished", None, [], {CHECKPOINT: b"end"})
    assert db.artifact(first.run_id, CHECKPOINT) == b"end"
    with pytest.raises(RunStateError, match="is finished"):
        db.resume(first.run_id)


def test_what_silence_interrupted_is_taken_up_by_who_holds_it(db: Store, clock: Clock) -> None:
    def interrupt(claim: Claim) -> None:
        fall_silent(db, clock)
        assert db.run(claim.run_id).status == "interrupted"
        assert "no sign of life" in str(db.run(claim.run_id).error)

    claim = claimed(db)
    interrupt(claim)
    db.beat("w", claim)  # which alone takes nothing up
    assert db.wanted(claim) == "lost"
    assert db.take_up([claim]) == [True]
    assert db.wanted(claim) == "go"
    assert (db.run(claim.run_id).status, db.run(claim.run_id).error) == ("running", None)
    interrupt(claim)
    assert db.begin(claim, "cpu")
    interrupt(claim)
    assert db.record(claim, [record(0), record(1)], {CHECKPOINT: b"1"})
    interrupt(claim)
    assert db.end(claim, "finished", None, [record(2)])
    assert db.run(claim.run_id).status == "finished"
    assert db.recorded_epochs(claim.run_id).tolist() == [0, 1, 2]
    assert db.take_up([claim]) == [False]


def test_many_ends_take_up_what_silence_interrupted(db: Store, clock: Clock) -> None:
    claim = claimed(db)
    fall_silent(db, clock)
    assert db.run(claim.run_id).status == "interrupted"
    assert db.end_many([End(claim, "finished", None, [record(0)], {}, {})]) == [True]
    assert db.run(claim.run_id).status == "finished"


@pytest.mark.parametrize("why", ["resumed", "deleted", "asked to stop", "another worker", "the worker died"])
def test_what_someone_decided_about_is_not_taken_up(db: Store, clock: Clock, why: str) -> None:
    claim = claimed(db)
    db.record(claim, [record(0)])
    if why == "asked to stop":
        db.stop(claim.run_id)
    if why == "the worker died":
        db.remove_worker("w", "failed", "the worker died")
    fall_silent(db, clock)
    db.list_runs()
    if why == "resumed":
        db.resume(claim.run_id)
    if why == "deleted":
        db.delete(claim.run_id)
    if why == "another worker":
        claim = Claim(claim.run_id, claim.attempt, "other", claim.label, claim.config_json)
    assert db.take_up([claim]) == [False]
    assert not db.record(claim, [record(1)])
    assert not db.end(claim, "finished")
    assert db.end_many([End(claim, "finished", None, [], {}, {})]) == [False]
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM metrics WHERE epoch = 1")).scalar() == 0


def test_late_writes_change_nothing(db: Store, clock: Clock) -> None:
    claim = claimed(db)
    db.record(claim, [record(0)], {CHECKPOINT: b"old"})
    db.remove_worker("w", "interrupted", "the worker was ended")
    assert db.wanted(claim) == "lost"
    assert db.record(claim, [record(1)], {CHECKPOINT: b"new"}) is False
    assert db.end(claim, "finished", None, [record(1)]) is False
    assert db.begin(claim, "cpu") is False
    assert db.recorded_epochs(claim.run_id).tolist() == [0]
    assert db.artifact(claim.run_id, CHECKPOINT) == b"old"
    assert db.run(claim.run_id).status == "interrupted"


def test_another_workers_attempt_cannot_be_written(db: Store) -> None:
    claim = claimed(db)
    thief = Claim(claim.run_id, claim.attempt, "other", claim.label, claim.config_json)
    assert db.record(thief, [record(0)]) is False
    assert db.history(claim.run_id).empty


def test_epochs_written_twice_stand_once(db: Store) -> None:
    claim = claimed(db)
    db.record(claim, [record(0, 1.0)])
    assert db.record(claim, [record(0, 2.0), record(1, 3.0)])
    frame = db.history(claim.run_id)
    assert len(frame) == 12
    assert frame["value"].unique().tolist() == [1.0, 3.0]


def test_large_artifacts_come_in_parts(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.recording.PART_BYTES", 10)
    claim = claimed(db)
    for data in (bytes(range(95)), b"", b"small", bytes(range(200, 250)), b"x" * 10):
        assert db.record(claim, [], {CHECKPOINT: data})
        assert db.artifact(claim.run_id, CHECKPOINT) == data
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM artifact_parts")).scalar() == 1


def test_many_artifacts_are_replaced_at_once(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.recording.PART_BYTES", 10)
    claim = claimed(db)
    db.record(claim, [], {"net": b"stays", "one": b"1", "two": bytes(range(35))})
    db.record(claim, [], {"two": b"2", "one": bytes(range(100, 125)), "three": b"3"})
    expected = {"net": b"stays", "one": bytes(range(100, 125)), "two": b"2", "three": b"3"}
    assert {name: db.artifact(claim.run_id, name) for name in expected} == expected
    with db._read() as connection:
        assert connection.execute(text("SELECT count(*) FROM artifact_parts")).scalar() == 1 + 3 + 1 + 1
        assert connection.execute(text("SELECT size FROM artifacts WHERE name = 'one'")).scalar() == 25


def test_scores_that_no_history_has_are_those_of_the_same_epochs() -> None:
    before = {
        "best_epoch": 1,
        "best": {"test_loss": 2.0, "test_macro_f1": 0.5},
        "last": {"test_loss": 3.0, "test_macro_f1": 0.4},
    }
    again = {"best_epoch": 1, "best": {"test_loss": 2.0}, "last": {"test_loss": 3.0}}
    assert recording._with_counted(again, before) == before
    earlier = again | {"last": {"test_loss": 2.0}}
    assert recording._with_counted(earlier, before) == before | {"last": {"test_loss": 2.0}}
    assert recording._with_counted({}, before) == {}
