"""A server that says nothing while its connections stand: it is given up within seconds, and what was written is there once."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import event, func, select, text

from leafscope.core.errors import StoreError
from leafscope.core.store.database import answering
from leafscope.core.store.database.opening import database_url
from leafscope.core.store.schema import metrics
from leafscope.core.store.store import Store
from tests.core.store.examples import claimed, record
from tests.postgres import Postgres, Relay, relay

WORDS = "the server gives no answer"


@pytest.fixture
def between(postgres: Postgres) -> Iterator[Relay]:
    with relay(postgres.port) as made:
        yield made


@pytest.fixture
def db(lent: str, between: Relay, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store behind the relay; patience is short."""
    monkeypatch.setattr(answering, "SILENCE", 0.3)
    monkeypatch.setattr(answering, "RESPITE", 0.2)
    url = database_url(lent).set(port=between.port).update_query_dict({"connect_timeout": "4"})
    opened = Store(url.render_as_string(hide_password=False))
    yield opened
    opened.close()


def test_what_a_silent_server_was_told_is_written_once(db: Store, between: Relay) -> None:
    claim = claimed(db)
    between.silent = True
    began = time.monotonic()
    for words in (WORDS, "timeout"):  # on a connection, and on opening another
        with pytest.raises(StoreError, match=words) as caught:
            db.record(claim, [record(0)])
        assert caught.value.can_pass
        time.sleep(answering.RESPITE)
    assert time.monotonic() - began < 20
    between.silent = False
    assert db.record(claim, [record(0)])
    assert db.record(claim, [record(0), record(1)])  # as after an answer that was lost
    assert len(db.history(claim.run_id)) == 12
    with db._read() as connection:
        assert connection.scalar(select(func.count()).select_from(metrics)) == 12


def test_an_answer_that_is_lost_leaves_what_was_written_once(
    db: Store, between: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has committed, and answers others, but what it said of it never arrives."""
    monkeypatch.setattr(answering, "LOST", 1.0)
    claim = claimed(db)
    event.listen(db._engine, "commit", lambda _: between.mute(), once=True)
    with pytest.raises(StoreError, match=WORDS):
        db.record(claim, [record(0)])
    assert len(db.history(claim.run_id)) == 6  # though the writer does not know
    assert db.record(claim, [record(0)])
    assert len(db.history(claim.run_id)) == 6


def test_a_long_statement_and_a_long_wait_for_a_lock_go_on(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LOST", 1.5)
    with db._read() as connection:
        assert connection.scalar(text("SELECT 7 FROM pg_sleep(3)")) == 7
    opened = threading.Event()

    def hold() -> None:
        with db._write():
            opened.set()
            time.sleep(3)

    holder = threading.Thread(target=hold)
    holder.start()
    assert opened.wait(10)
    claim = claimed(db)  # waits for the lock
    holder.join()
    assert db.record(claim, [record(0)])


def test_nobody_waits_for_a_server_that_was_silent_just_now(db: Store, between: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "RESPITE", 60.0)
    between.silent = True
    with pytest.raises(StoreError, match=WORDS):
        db.list_runs()
    began = time.monotonic()
    with pytest.raises(StoreError, match=WORDS):
        db.list_runs()
    assert time.monotonic() - began < 1
