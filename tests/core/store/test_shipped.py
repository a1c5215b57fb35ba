"""What came with the program is told from what people made, and becomes theirs by what they do with it."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
from leafscope.core.store.decks import Slide
from leafscope.core.store.schema import attempts, decks, meta, sweeps
from leafscope.core.store.shipped import SHIPPED
from leafscope.core.store.store import Store
from leafscope.core.sweep.members import distinct_runs
from tests.postgres import ON_SQLITE

SWEEP = SweepConfig(
    base=RunConfig(data=DataConfig(name="iris"), net=NetConfig(width=4, depth=2), train=TrainConfig(epochs=5)),
    axes={"seed": [0, 1]},
)
MEMBERS = {run.run_id for run in distinct_runs(SWEEP)}
RUN, OTHER = RunConfig(seed=7), RunConfig(seed=8)
TITLE = Slide(kind="title", title="Trees")


def finish(db: Store) -> None:
    while (claim := db.claim("w")) is not None:
        db.begin(claim, "cpu")
        db.end(claim, "finished")


@pytest.fixture
def deck_id(db: Store) -> str:
    """Everything in the store is marked: a sweep of two runs, a run by itself and a deck."""
    db.submit_sweep(SWEEP, distinct_runs(SWEEP))
    db.submit(RUN)
    finish(db)
    deck = db.make_deck("An example", [TITLE, TITLE])
    with db._write() as connection:
        assert db._note_shipped(connection, [*MEMBERS, RUN.run_id, SWEEP.sweep_id, deck])
    return deck


def test_nothing_is_shipped_in_a_new_store(db: Store) -> None:
    db.submit(RUN)
    assert not db.is_marked()
    assert db.shipped() == frozenset()
    assert not db.run(RUN.run_id).shipped


def test_summaries_say_what_is_shipped(db: Store, deck_id: str) -> None:
    assert db.is_marked()
    assert all(run.shipped for run in db.list_runs())
    assert db.run(RUN.run_id).shipped
    assert db.runs([RUN.run_id])[RUN.run_id].shipped
    assert db.sweep(SWEEP.sweep_id).shipped
    assert db.deck(deck_id).shipped


def test_it_is_noted_once(db: Store, deck_id: str) -> None:
    before = db.shipped()
    with db._write() as connection:
        assert not db._note_shipped(connection, ["0" * 16])
    assert db.shipped() == before


def test_what_a_person_made_comes_first_though_it_is_older(db: Store, deck_id: str) -> None:
    other = SweepConfig(base=SWEEP.base, axes={"seed": [2, 3]})
    db.submit_sweep(other, distinct_runs(other))
    own = db.make_deck("My deck")
    with db._write() as connection:
        for run in distinct_runs(other):
            connection.execute(update(attempts).where(attempts.c.run_id == run.run_id).values(created=1.0))
        connection.execute(update(decks).where(decks.c.deck_id == own).values(changed=1.0))
        connection.execute(update(sweeps).where(sweeps.c.sweep_id == other.sweep_id).values(created=1.0))
    assert [run.shipped for run in db.list_runs()] == [False] * 2 + [True] * 3
    assert [info.sweep_id for info in db.sweeps()] == [other.sweep_id, SWEEP.sweep_id]
    assert [info.deck_id for info in db.decks()] == [own, deck_id]


def test_a_shipped_run_that_is_reused_stays_shipped(db: Store, deck_id: str) -> None:
    assert db.submit(RUN).reused
    assert db.run(RUN.run_id).shipped


CHANGES: dict[str, Callable[[Store, str], object]] = {
    "trained again": lambda db, _: db.submit(RUN, anew=True),
    "deleted and trained": lambda db, _: (db.delete(RUN.run_id), db.submit(RUN)),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_run_that_a_person_trains_is_theirs(db: Store, deck_id: str, how: str) -> None:
    before = db.revision()
    CHANGES[how](db, deck_id)
    assert not db.run(RUN.run_id).shipped
    assert db.shipped() == {*MEMBERS, SWEEP.sweep_id, deck_id}
    assert db.revision() != before


def test_a_sweep_that_a_person_submits_is_theirs_with_its_runs(db: Store, deck_id: str) -> None:
    assert all(one.reused for one in db.submit_sweep(SWEEP, distinct_runs(SWEEP)))
    assert db.shipped() == {RUN.run_id, deck_id}
    assert not db.sweep(SWEEP.sweep_id).shipped


def test_a_larger_sweep_owns_the_shipped_runs_among_its_members(db: Store, deck_id: str) -> None:
    larger = SweepConfig(base=SWEEP.base, axes={"seed": [0, 1, 2]})
    db.submit_sweep(larger, distinct_runs(larger))
    assert db.shipped() == {RUN.run_id, SWEEP.sweep_id, deck_id}


DECK_CHANGES: dict[str, Callable[[Store, str], object]] = {
    "renamed": lambda db, deck: db.rename_deck(deck, "Mine"),
    "slide added": lambda db, deck: db.add_slide(deck, TITLE),
    "slide changed": lambda db, deck: db.change_slide(next(iter(db.slides(deck))), title="Mine"),
    "slide deleted": lambda db, deck: db.delete_slide(next(iter(db.slides(deck)))),
    "slides ordered": lambda db, deck: db.order_slides(deck, list(db.slides(deck))[::-1]),
}


@ON_SQLITE
@pytest.mark.parametrize("how", DECK_CHANGES)
def test_a_deck_that_a_person_changes_is_theirs(db: Store, deck_id: str, how: str) -> None:
    DECK_CHANGES[how](db, deck_id)
    assert not db.deck(deck_id).shipped


@ON_SQLITE
@pytest.mark.parametrize("text", ["", "{", "17", "[[]]", '{"a": 1}', "null"])
def test_a_damaged_mark_makes_everything_a_persons_own(db: Store, deck_id: str, text: str) -> None:
    with db._write() as connection:
        connection.execute(update(meta).where(meta.c.name == SHIPPED).values(value=text))
    assert not any(run.shipped for run in db.list_runs())
    assert db.is_marked()
    db.submit(OTHER)
