"""Sweeps in the store: queued as a whole, claimed a few at a time, stopped and resumed, and out of others' way."""

import threading

import numpy as np
import pytest
from pydantic import ValidationError

from leafscope.core.config import NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.errors import LimitError, RunNotFoundError
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, Claim
from leafscope.core.store.values.summaries import SweepInfo
from leafscope.core.training.events import EpochRecord
from tests.core.clock import Clock
from tests.core.store.examples import config, fall_silent

SWEEP = SweepConfig(name="seeds", base=RunConfig(train=TrainConfig(epochs=5)), axes={"seed": [0, 1, 2, 3]})


def runs(*seeds: int) -> list[RunConfig]:
    return [config(seed) for seed in seeds]


def record(epoch: int, loss: float) -> EpochRecord:
    metrics = {(split, metric): loss for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    return EpochRecord(epoch, metrics, {(0, "train"): np.arange(6, dtype=np.uint8)}, float(epoch))


def take(db: Store, budget: float, worker: str = "w", only: list[str] | None = None) -> list[Claim]:
    return db.claim_members(worker, lambda run: 1.0, budget, "cpu", only)


def seeds(claims: list[Claim]) -> list[int]:
    return [claim.run.seed for claim in claims]


def test_a_sweep_is_kept_and_its_runs_wait_in_order(db: Store) -> None:
    submissions = db.submit_sweep(SWEEP, runs(2, 0, 1, 2))
    assert [(one.run_id, one.attempt, one.reused) for one in submissions] == [
        (config(2).run_id, 1, False),
        (config(0).run_id, 1, False),
        (config(1).run_id, 1, False),
        (config(2).run_id, 1, True),
    ]
    info = db.sweep(SWEEP.sweep_id)
    assert (info.name, info.config) == ("seeds", SWEEP)
    assert [one.sweep_id for one in db.sweeps()] == [SWEEP.sweep_id]
    assert seeds(take(db, 2.0)) == [2, 0]
    assert seeds(take(db, 0.1)) == [1]  # at least one, however long
    assert take(db, 9.0) == []
    summary = db.run(config(1).run_id)
    assert (summary.status, summary.device, summary.epochs_total) == ("running", "cpu", 5)


def test_what_is_fitted_in_one_go_has_one_epoch(db: Store) -> None:
    forest = RunConfig(net=NetConfig(kind="random_forest"))
    db.submit_sweep(SWEEP, [forest])
    db.submit(RunConfig(net=NetConfig(kind="logistic")))
    assert db.run(forest.run_id).epochs_total == 1
    assert db.run(RunConfig(net=NetConfig(kind="logistic")).run_id).epochs_total == 1


def test_other_runs_go_before_members(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    db.submit_many(runs(7))
    assert take(db, 5.0) == []
    claim = db.claim("w")
    assert claim is not None
    assert claim.run.seed == 7
    assert seeds(take(db, 5.0)) == [0, 1]


def test_a_member_that_a_person_asks_for_goes_first(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1, 2))
    assert db.submit(config(2)).reused
    assert db.queue_position(config(2).run_id) == 0
    assert take(db, 5.0) == []
    claim = db.claim("w")
    assert claim is not None
    assert claim.run.seed == 2


def test_only_named_runs_are_taken(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1, 2))
    db.submit(config(9))
    assert seeds(take(db, 5.0, only=[config(1).run_id, config(2).run_id])) == [1, 2]
    assert take(db, 5.0, only=[config(1).run_id]) == []


def test_two_workers_take_different_members(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1, 2, 3))
    first, second = take(db, 2.0, "a"), take(db, 9.0, "b")
    assert (seeds(first), seeds(second)) == ([0, 1], [2, 3])
    assert db.wanted_of([*first, *second]) == ["go"] * 4


def test_members_do_not_fill_the_queue_of_others(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.queue.QUEUE_LIMIT", 2)
    db.submit_sweep(SWEEP, runs(*range(20)))
    db.submit_many(runs(30, 31))
    with pytest.raises(LimitError, match="at most 2 runs;"):
        db.submit(config(32))


def test_a_finished_member_is_reused_and_a_stopped_one_goes_on(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1, 2))
    first, second, third = take(db, 3.0)
    assert db.end(first, "finished", None, [record(1, 0.5)], {NET: b"net"}, {"inference_seconds": 1e-6})
    db.stop_all([run.run_id for run in runs(0, 1, 2, 77)])
    assert db.wanted_of([second, third]) == ["stop", "stop"]
    assert db.end(second, "stopped", None, [record(2, 0.4)], {CHECKPOINT: b"state"})
    assert db.end(third, "stopped")
    again = db.submit_sweep(SWEEP, runs(0, 1, 2))
    assert [one.reused for one in again] == [True, False, False]
    assert db.run(config(0).run_id).facts == {"inference_seconds": 1e-6}
    goes_on, anew = take(db, 9.0)
    assert db.checkpoint(goes_on) == b"state"
    assert db.checkpoint(anew) is None
    assert db.run(config(1).run_id).last["train_loss"] == 0.4


def test_stopping_all_stops_what_waits_at_once(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    db.stop_all([config(1).run_id])
    assert db.statuses([config(0).run_id, config(1).run_id, "nobody"]) == {
        config(0).run_id: "queued",
        config(1).run_id: "stopped",
    }


def test_a_loss_that_became_infinite_is_not_tried_again(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    first, second = take(db, 9.0)
    db.end(first, "failed", "the training loss became nan", [record(1, 0.5)], facts={"diverged": True})
    db.end(second, "failed", "the worker died")
    assert [one.reused for one in db.submit_sweep(SWEEP, runs(0, 1))] == [True, False]
    assert db.run(config(0).run_id).facts == {"diverged": True}
    assert db.run(config(0).run_id).last["train_loss"] == 0.5


def test_a_lost_worker_leaves_its_members_and_the_others_wait_on(db: Store, clock: Clock) -> None:
    db.submit_sweep(SWEEP, runs(0, 1, 2))
    taken = take(db, 2.0)
    fall_silent(db, clock)
    statuses = db.statuses([run.run_id for run in runs(0, 1, 2)])
    assert list(statuses.values()) == ["interrupted", "interrupted", "queued"]
    assert db.wanted_of(taken) == ["lost", "lost"]
    db.resume(taken[0].run_id)
    assert not db.end(taken[0], "finished")


def test_signs_of_life_are_given_for_all(db: Store, clock: Clock) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    taken = take(db, 9.0)
    for _ in range(4):
        clock.now += 2
        db.beat("w", *taken)
    assert db.wanted_of(taken) == ["go", "go"]


def test_many_summaries_and_curves_at_once(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(*range(4)))
    for claim in take(db, 9.0)[:3]:
        seed = claim.run.seed
        db.end(claim, "finished", None, [record(0, 1.0), record(1, float("inf") if seed == 2 else 0.1 * seed)])
    ids = [run.run_id for run in runs(0, 1, 2, 3, 99)]
    found = db.runs(ids)
    assert set(found) == set(ids[:4])
    assert all(found[run_id] == db.run(run_id) for run_id in ids[:4])
    curves = db.curves(ids, "test", "loss")
    assert set(curves) == set(ids[:3])
    for seed in range(3):
        epochs, values = curves[ids[seed]]
        assert epochs.tolist() == [0, 1]
        assert values.tolist() == [1.0, float("inf") if seed == 2 else 0.1 * seed]


def test_curves_of_a_resumed_run_are_those_of_its_chain(db: Store) -> None:
    db.submit(config())
    for number, (status, losses) in enumerate(((("stopped"), [1.0, 0.9, 0.8]), (("finished"), [0.7, 0.6]))):
        claim = db.claim("w")
        assert claim is not None
        db.begin(claim, "cpu", 2 * number)
        records = [record(epoch + 2 * number, loss) for epoch, loss in enumerate(losses)]
        db.end(claim, status, None, records, {CHECKPOINT: b"x"})  # type: ignore[arg-type]
        if status == "stopped":
            db.resume(config().run_id)
    epochs, values = db.curves([config().run_id], "train", "loss")[config().run_id]
    history = db.history(config().run_id).query("split == 'train' and metric == 'loss'")
    assert epochs.tolist() == history["epoch"].tolist()
    assert values.tolist() == history["value"].tolist()


def test_a_sweep_that_is_there_keeps_its_name(db: Store) -> None:
    db.submit_sweep(SWEEP.model_copy(update={"name": "<b>my sweep</b>"}), runs(0))
    db.submit_sweep(SWEEP, runs(0))
    assert db.sweep(SWEEP.sweep_id).config == SWEEP.model_copy(update={"name": "<b>my sweep</b>"})
    with pytest.raises(RunNotFoundError, match="no sweep has the address"):
        db.sweep("0" * 16)


def test_weights_are_dropped_and_scores_stay(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    for claim in take(db, 9.0):
        db.end(claim, "finished", None, [record(1, 0.5)], {NET: b"weights"})
    db.drop_nets([config(0).run_id])
    assert db.artifact(config(0).run_id, NET) is None
    assert db.artifact(config(1).run_id, NET) == b"weights"
    assert db.run(config(0).run_id).last["test_loss"] == 0.5


def test_more_addresses_than_one_query_takes(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leafscope.core.store.database.transactions.CHUNK", 3)
    many = runs(*range(10))
    db.submit_sweep(SWEEP, many)
    ids = [run.run_id for run in many]
    assert set(db.runs(ids)) == set(ids)
    assert len(take(db, 99.0, only=ids)) == 3  # of the first part
    db.stop_all(ids)
    assert sorted(db.statuses(ids).values()) == ["running"] * 3 + ["stopped"] * 7
    assert all(one.reused for one in db.submit_sweep(SWEEP, many[:3]))


def test_two_that_claim_at_once_both_get_members(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(*range(60)))
    barrier = threading.Barrier(2)
    found: dict[str, list[Claim]] = {}

    def claim(worker: str) -> None:
        barrier.wait()
        found[worker] = take(db, 5.0, worker)

    lanes = [threading.Thread(target=claim, args=(worker,)) for worker in ("a", "b")]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert [len(found[worker]) for worker in ("a", "b")] == [5, 5]
    assert len({claim.run_id for claims in found.values() for claim in claims}) == 10


def test_stopping_all_withdraws_the_wish_to_train_anew(db: Store) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    for claim in take(db, 9.0):
        db.end(claim, "finished", None, [record(1, 0.5)])
    db.submit(config(0), anew=True)
    db.stop_all([config(0).run_id, config(1).run_id])
    assert set(db.statuses([config(0).run_id, config(1).run_id]).values()) == {"finished"}
    assert db.run(config(0).run_id).last["test_loss"] == 0.5


def test_members_whose_worker_died_are_queued_once_more_in_their_place(db: Store, clock: Clock) -> None:
    db.submit_sweep(SWEEP, runs(0, 1, 2, 3))
    first, second, third = take(db, 3.0)
    assert db.record(first, [record(2, 0.4)], {CHECKPOINT: b"state"})
    db.stop_all([third.run_id])
    db.submit(config(9))
    alone = db.claim("w")
    assert alone is not None
    db.bury_worker("w")
    assert db.statuses([one.run_id for one in (first, second, third, alone)]) == {
        first.run_id: "queued",
        second.run_id: "queued",
        third.run_id: "failed",  # someone asked to stop it
        alone.run_id: "failed",  # a person waits for it, and decides
    }
    again = take(db, 9.0, "next")
    assert [(claim.run.seed, claim.attempt) for claim in again] == [(0, 2), (1, 2), (3, 1)]
    assert [db.checkpoint(claim) for claim in again] == [b"state", None, None]
    assert db.run(first.run_id).last["train_loss"] == 0.4
    assert not db.end(first, "finished")
    db.bury_worker("next")
    failed = [db.run(run.run_id) for run in runs(0, 1, 3)]
    assert [(one.status, one.error) for one in failed] == [
        ("failed", "the worker died, also when it tried again"),
        ("failed", "the worker died, also when it tried again"),
        ("queued", None),
    ]
    db.submit_sweep(SWEEP, runs(0))
    assert sorted(seeds(take(db, 9.0, "third"))) == [0, 3]
    db.bury_worker("third")  # a third try, which a person asked for, is the last
    assert set(db.statuses([run.run_id for run in runs(0, 3)]).values()) == {"failed"}


def test_members_of_a_frozen_worker_are_queued_once_more_when_it_is_killed(db: Store, clock: Clock) -> None:
    db.submit_sweep(SWEEP, runs(0, 1))
    frozen = take(db, 2.0)
    fall_silent(db, clock)
    assert set(db.statuses([claim.run_id for claim in frozen]).values()) == {"interrupted"}
    db.resume(frozen[0].run_id)
    db.bury_worker("w")
    assert set(db.statuses([claim.run_id for claim in frozen]).values()) == {"queued"}
    assert [db.run(claim.run_id).attempt for claim in frozen] == [2, 2]
    assert db.take_up(frozen) == [False, False]


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_a_damaged_name_is_a_damaged_configuration(name: str) -> None:
    info = SweepInfo(SweepConfig(name="a").sweep_id, name, SweepConfig(name="a").model_dump_json(), 1e9)
    with pytest.raises(ValidationError, match="name must have from 1 to 200 characters"):
        info.config  # noqa: B018


def test_a_changed_name_is_the_present_one() -> None:
    config = SweepConfig(name="a")
    assert SweepInfo(config.sweep_id, "b", config.model_dump_json(), 1e9).config == config.model_copy(update={"name": "b"})
