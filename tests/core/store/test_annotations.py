"""Names, tags and comments of runs, and the database of the version before them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from leafscope.core.config import RunConfig
from leafscope.core.errors import RunNotFoundError, StoreError
from leafscope.core.store.schema import SCHEMA_VERSION
from leafscope.core.store.store import Store
from leafscope.core.training.events import EpochRecord
from tests.core.clock import Clock
from tests.postgres import ON_SQLITE


@pytest.fixture
def store(database: str, clock: Clock) -> Iterator[Store]:
    """A store with two queued runs."""
    store = Store(database, clock)
    store.submit_many([RunConfig(), RunConfig(seed=1)])
    yield store
    store.close()


def test_a_name_stands_in_place_of_the_label_until_it_is_taken_back(store: Store) -> None:
    """Everything else of the run is as before, and lists see it too."""
    run = RunConfig()
    before = store.run(run.run_id)
    assert (before.title, before.name, before.tags, before.comment) == (run.label, "", (), "")
    hostile = "<img src=x> ![a](http://b/c.png) \u202e" + "x" * 9_900
    store.annotate(run.run_id, name=hostile, tags=["talk", "talk", " draft "], comment="as in figure 2")
    after = store.run(run.run_id)
    assert (after.title, after.tags, after.comment) == (hostile, ("talk", "draft"), "as in figure 2")
    assert {summary.run_id: summary.title for summary in store.list_runs()}[run.run_id] == hostile
    store.annotate(run.run_id, name=" ")
    assert (store.run(run.run_id).title, store.run(run.run_id).tags) == (run.label, ("talk", "draft"))


def test_many_runs_are_tagged_at_once(store: Store) -> None:
    """What they had stays; addresses that no run has are passed over."""
    ids = [RunConfig().run_id, RunConfig(seed=1).run_id]
    store.annotate(ids[0], tags=["old"])
    store.tag([*ids, "0" * 16], add=["new"])
    assert [store.run(run_id).tags for run_id in ids] == [("old", "new"), ("new",)]
    store.tag(ids, add=["newer"], remove=["new", "old"])
    assert [store.run(run_id).tags for run_id in ids] == [("newer",), ("newer",)]


def test_what_is_too_long_or_not_there_is_refused_whole(store: Store) -> None:
    """Nothing of it is kept."""
    run_id = RunConfig().run_id
    with pytest.raises(ValueError, match=r"a name must have at most 10,000 characters, got 10,001"):
        store.annotate(run_id, name="x" * 10_001, comment="kept?")
    with pytest.raises(ValueError, match=r"a tag must have from 1 to 60 characters, got 0"):
        store.annotate(run_id, name="kept?", tags=[" "])
    with pytest.raises(ValueError, match=r"at most 50 tags, got 51"):
        store.tag([run_id], add=[f"t{number}" for number in range(51)])
    with pytest.raises(RunNotFoundError):
        store.annotate("0" * 16, name="x")
    assert (store.run(run_id).name, store.run(run_id).comment, store.run(run_id).tags) == ("", "", ())


def test_annotations_go_with_their_run(store: Store) -> None:
    """A run of the same configuration, made later, starts without them."""
    run = RunConfig()
    store.annotate(run.run_id, name="mine")
    store.delete([run.run_id])
    store.submit(run)
    assert store.run(run.run_id).name == ""


def test_a_database_of_version_3_gets_the_new_tables_and_keeps_its_runs(tmp_path: Path) -> None:
    """Made old by taking the tables away; a copy of the file is left."""
    path = tmp_path / "old.db"
    Store(path).submit(RunConfig())
    with sqlite3.connect(path) as connection:
        for table in ("annotations", "slides", "decks"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE meta SET value = '3' WHERE name = 'schema_version'")
    connection.close()
    store = Store(path)
    store.annotate(RunConfig().run_id, name="old friend")
    store.make_deck("talk")
    assert store.run(RunConfig().run_id).title == "old friend"
    assert list(tmp_path.glob("old.db.v3-*.bak"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT value FROM meta").fetchone() == (str(SCHEMA_VERSION),)
    connection.close()


@pytest.mark.parametrize("jump", [0.0, -1e8, 1e8])
def test_the_revision_changes_with_whatever_a_list_of_runs_shows(store: Store, clock: Clock, jump: float) -> None:
    """Each of these changes the list, so that what was kept of it must not be used again; also while the clock jumps."""
    run_id = RunConfig().run_id
    seen = [(store.revision(), store.list_runs())]

    def changed(what: str) -> None:
        clock.now += jump or 0.1
        now = (store.revision(), store.list_runs())
        assert now[1] != seen[-1][1], what
        assert now[0] not in [revision for revision, _ in seen], what
        seen.append(now)

    store.annotate(run_id, name="mine")
    changed("a name")
    store.annotate(run_id, name="", tags=["talk"])
    changed("a tag")
    claim = store.claim("worker")
    assert claim is not None
    changed("a worker has taken it")
    store.begin(claim, "cpu")
    store.record(claim, [EpochRecord(1, {("validation", "loss"): 0.5}, {}, 0.1)])
    changed("an epoch")
    store.stop(claim.run_id)
    changed("it is to stop")
    store.end(claim, "stopped", None)
    changed("it has stopped")
    store.resume(claim.run_id)
    changed("it goes on")
    store.delete([RunConfig(seed=1).run_id])
    changed("one is deleted")
    assert store.revision() == store.revision()


@ON_SQLITE
def test_a_damaged_count_leaves_the_revision_of_the_others(store: Store) -> None:
    """The largest whole number that SQLite holds, to which another is added."""
    for column in ("epochs_done", "attempt", "created"):
        with store._write() as connection:
            connection.exec_driver_sql(f"UPDATE attempts SET {column} = {2**63 - 1} WHERE run_id = '{RunConfig().run_id}'")
            connection.exec_driver_sql(f"UPDATE attempts SET {column} = 5 WHERE run_id = '{RunConfig(seed=1).run_id}'")
        assert store.revision() == store.revision()


@ON_SQLITE
def test_an_attempt_with_the_largest_number_is_refused_in_a_sentence(store: Store) -> None:
    run = RunConfig()
    with store._write() as connection:
        connection.exec_driver_sql(f"UPDATE attempts SET attempt = {2**63 - 1}, status = 'failed'")
    for act in (lambda: store.resume(run.run_id), lambda: store.submit(run)):
        with pytest.raises(StoreError, match="too large") as caught:
            act()
        assert not caught.value.can_pass
    store.delete(run.run_id)
    assert not store.submit(run).reused
