"""Workers are listed as long as they give signs of life."""

from leafscope.core.store.store import Store
from tests.core.clock import Clock
from tests.core.store.examples import claimed, record


def test_workers(db: Store, clock: Clock) -> None:
    db.set_worker("w", "starting", "cpu", 7)
    clock.now += 30  # importing torch from a cold disk
    assert [worker.state for worker in db.workers()] == ["starting"]
    db.set_worker("w", "ready")
    assert (db.workers()[0].pid, db.workers()[0].device, db.workers()[0].state) == (7, "cpu", "ready")
    clock.now += 4
    assert db.workers() == []
    db.beat("w")
    assert len(db.workers()) == 1
    claim = claimed(db)
    db.remove_worker("w", "failed", "the worker died")
    assert db.workers() == []
    assert (db.run(claim.run_id).status, db.run(claim.run_id).error) == ("failed", "the worker died")


def test_signs_of_life(db: Store, clock: Clock) -> None:
    claim = claimed(db)
    for _ in range(5):
        clock.now += 2.5
        db.beat("w", claim)
        assert db.run(claim.run_id).status == "running"
    clock.now += 2.9
    db.record(claim, [record(0)])  # writing is a sign of life, too
    clock.now += 2.9
    assert db.run(claim.run_id).status == "running"
