"""The queue: each configuration waits once, in order, and is stopped, resumed and deleted."""

import threading

import pytest
from sqlalchemy import text

from leafscope.core.errors import LimitError, RunNotFoundError, RunStateError
from leafscope.core.store.store import Store
from leafscope.core.store.values import records
from leafscope.core.store.values.records import CHECKPOINT, Claim
from tests.core.clock import Clock
from tests.core.store.examples import claimed, config, record


def test_same_configuration_is_one_run(db: Store) -> None:
    assert not db.submit(config()).reused
    assert db.submit(config()).reused
    claim = db.claim("w")
    assert claim is not None
    assert db.submit(config(), anew=True).reused  # running
    db.end(claim, "finished", None, [record(0)])
    assert db.submit(config()) == records.Submission(claim.run_id, 1, reused=True)
    assert db.submit(config(), anew=True) == records.Submission(claim.run_id, 2, reused=False)
    assert db.history(claim.run_id).empty  # the earlier attempt remains, but is no longer shown
    db.stop(claim.run_id)  # withdraws the wish
    assert db.run(claim.run_id).status == "finished"
    assert len(db.history(claim.run_id)) == 6


def test_queue_order(db: Store, clock: Clock) -> None:
    db.submit_many([config(1), config(2)])
    clock.now += 1
    db.submit(config(3))
    clock.now += 1
    db.submit(config(4))
    assert [db.queue_position(config(seed).run_id) for seed in (1, 2, 3, 4, 5)] == [2, 3, 0, 1, None]
    order = [claim.run.seed for claim in iter(lambda: db.claim("w"), None)]
    assert order == [3, 4, 1, 2]


def test_queue_limit(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.queue.QUEUE_LIMIT", 3)
    db.submit_many([config(1), config(2)])
    with pytest.raises(LimitError, match="at most 3 runs; with these it would hold 4"):
        db.submit_many([config(3), config(4)])
    assert len(db.list_runs()) == 2
    db.submit(config(5))
    with pytest.raises(LimitError):
        db.submit(config(6))
    with pytest.raises(RunNotFoundError):
        db.run(config(6).run_id)


def test_stop_queued_and_resume(db: Store) -> None:
    run_id = db.submit(config()).run_id
    db.stop(run_id)
    assert db.run(run_id).status == "stopped"
    assert db.claim("w") is None
    assert db.resume(run_id).attempt == 2
    assert db.resume(run_id).reused
    assert db.run(run_id).first_attempt == 2  # no checkpoint: from scratch


def test_what_was_stopped_goes_on_or_begins_again(db: Store) -> None:
    submission = db.submit(config(), note="n")
    assert db.submit(config()).reused
    db.stop(submission.run_id)
    assert db.run(submission.run_id).status == "stopped"
    assert db.resume(submission.run_id).attempt == 2
    db.stop(submission.run_id)
    assert db.submit(config()).attempt == 3
    db.delete(submission.run_id)
    with pytest.raises(RunNotFoundError):
        db.run(submission.run_id)


def test_stop_flag(db: Store) -> None:
    claim = claimed(db)
    assert db.wanted(claim) == "go"
    db.stop(claim.run_id)
    assert db.wanted(claim) == "stop"
    assert db.run(claim.run_id).stopping
    db.end(claim, "stopped")
    assert db.wanted(claim) == "lost"
    assert not db.run(claim.run_id).stopping
    db.stop(claim.run_id)  # ended: nothing happens
    assert db.run(claim.run_id).status == "stopped"


def test_delete(db: Store) -> None:
    claim = claimed(db, config(1))
    db.record(claim, [record(0)], {CHECKPOINT: b"x"})
    db.submit(config(2))
    with pytest.raises(RunStateError, match="must be stopped before it is deleted"):
        db.delete([config(2).run_id, claim.run_id])
    assert len(db.list_runs()) == 2
    db.end(claim, "stopped")
    db.delete([config(2).run_id, claim.run_id, "nowhere"])
    assert db.is_empty()
    with db._read() as connection:
        for table in ("attempts", "metrics", "leaves", "artifacts", "artifact_parts"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_many_threads_claim_each_attempt_once(database: str) -> None:
    stores = [Store(database) for _ in range(2)]  # as two processes have them
    stores[0].submit_many([config(seed) for seed in range(40)])
    claims: list[Claim] = []

    def work(number: int) -> None:
        mine = stores[number % 2]
        while (claim := mine.claim(f"w{number}")) is not None:
            claims.append(claim)
            assert mine.record(claim, [record(0)])
            assert mine.end(claim, "finished")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claim.run.seed for claim in claims) == list(range(40))
    assert {summary.status for summary in stores[1].list_runs()} == {"finished"}
