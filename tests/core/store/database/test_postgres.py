"""PostgreSQL: what a real server is asked, and what of it others see."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text

from leafscope.app.cli import main
from leafscope.core.errors import StoreError
from leafscope.core.store.database import opening
from leafscope.core.store.database.opening import database_url
from leafscope.core.store.database.postgres import ServerClock, hold_write_lock
from leafscope.core.store.database.transactions import insert_all
from leafscope.core.store.schema import SCHEMA_VERSION, attempts, metrics
from leafscope.core.store.store import Store
from tests.core.store.examples import claimed, config, record
from tests.postgres import PASSWORD, Postgres, running


@pytest.fixture
def db(lent: str) -> Iterator[Store]:
    opened = Store(lent)
    yield opened
    opened.close()


def test_a_missing_server_skips_tests_but_fails_them_where_all_must_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.postgres.programs", lambda: None)
    for ci, ends in (("", pytest.skip.Exception), ("true", pytest.fail.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(ends, match="PostgreSQL must be installed for this test"), running():
            pass


def test_what_another_worker_locks_is_skipped_in_order(db: Store) -> None:
    db.submit_many([config(seed) for seed in range(3)])
    with db._write_own() as connection:
        order = attempts.c.priority, attempts.c.created, attempts.c.run_id
        locked = connection.execute(select(attempts.c.run_id).order_by(*order).limit(1).with_for_update()).scalar_one()
        began = time.monotonic()
        claim = db.claim("w")
        assert time.monotonic() - began < 5
    assert locked == config(0).run_id
    assert claim is not None
    assert claim.run.seed == 1
    after = db.claim("w")
    assert after is not None
    assert after.run.seed == 0  # its turn was kept


def test_a_transaction_reads_one_moment(db: Store) -> None:
    claim = claimed(db)
    other = Store(db.url)
    with db._read() as connection:
        before = connection.scalar(select(func.count()).select_from(metrics))
        assert other.record(claim, [record(0)])
        assert connection.scalar(select(func.count()).select_from(metrics)) == before
    other.close()
    assert len(db.history(claim.run_id)) == 6


def test_times_are_the_servers(lent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines whose clocks differ by two hours write the same time."""
    fast, slow = Store(lent), Store(lent)
    for db, ahead in ((fast, 3600.0), (slow, -3600.0)):
        db._clock = ServerClock(db._engine, lambda ahead=ahead: time.time() + ahead)  # type: ignore[misc]
    fast.submit(config(1))
    slow.submit(config(2))
    for seed in (1, 2):
        assert abs(fast.run(config(seed).run_id).created - time.time()) < 60
    for db in (fast, slow):
        db.close()


def test_a_clock_that_is_set_asks_the_server_again(db: Store) -> None:
    ahead = 0.0
    clock = ServerClock(db._engine, lambda: time.time() + ahead)
    first = clock()
    ahead = -86_400.0
    assert abs(clock() - first) < 60


@pytest.mark.parametrize("idle", [0.0, 60.0])
def test_a_broken_connection_is_opened_again(db: Store, idle: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody used for a while is tried before it is used; with another the next try works, as a worker makes it."""
    monkeypatch.setattr("leafscope.core.store.database.answering.IDLE", idle)
    claim = claimed(db)
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other = Store(db.url)
    with other._engine.begin() as connection:
        connection.execute(cut)
    other.close()
    if idle:
        with pytest.raises(StoreError) as caught:
            db.record(claim, [record(0)])
        assert caught.value.can_pass
    assert db.record(claim, [record(0)])  # though all of the pool's connections were broken
    assert db.run(claim.run_id).epochs_done == 0
    assert len(db.history(claim.run_id)) == 6


def test_who_freezes_with_the_lock_stops_neither_readers_nor_the_look_whether_writing_works(db: Store) -> None:
    claim = claimed(db)
    with db._write():
        other = Store(db.url)
        began = time.monotonic()
        assert other.run(claim.run_id).status == "running"
        assert not other.can_write()
        assert time.monotonic() - began < 5
        assert "lock timeout" in str(other.write_fault)
        assert other.record(claim, [record(0)])  # a worker's own rows wait for nobody
    assert other.can_write()
    other.close()


def test_a_transaction_whose_client_says_nothing_is_ended(lent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(lent).close()  # makes its tables, which takes longer
    monkeypatch.setattr("leafscope.core.store.database.postgres.ABANDONED_SECONDS", 2.0)
    frozen, other = Store(lent), Store(lent)
    with pytest.raises(StoreError) as caught, frozen._write() as connection:  # noqa: PT012
        other.submit(config())  # waits for the lock until the server ends the other transaction
        connection.execute(text("SELECT 1"))
    assert caught.value.can_pass
    assert frozen.run(config().run_id).status == "queued"
    for db in (frozen, other):
        db.close()


def test_what_the_driver_says_of_many_rows_is_told_as_of_one(db: Store) -> None:
    """They go to the server past SQLAlchemy."""
    row = {"run_id": "r", "attempt": 1, "epoch": 0, "split": "test", "metric": "loss", "value": 1.0, "nonfinite": None}
    with pytest.raises(StoreError, match="violates foreign key constraint") as caught, db._write_own() as connection:
        insert_all(connection, metrics, [row])
    assert not caught.value.can_pass
    with pytest.raises(StoreError, match="connection") as caught, db._write_own() as connection:  # noqa: PT012
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with db._write() as other:
            other.execute(text(f"SELECT pg_terminate_backend({pid})"))
        insert_all(connection, metrics, [row])
    assert caught.value.can_pass
    assert db.can_write()


def test_two_who_change_the_same_things_wait_for_each_other(db: Store) -> None:
    """What reads and then writes has the lock that SQLite's transactions have."""
    for seed in range(4):
        db.submit(config(seed))
    with db._write() as connection:
        db._note_shipped(connection, [config(seed).run_id for seed in range(4)])
    stores = [Store(db.url) for _ in range(4)]
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(3):
                stores[number].submit(config(9))
                stores[number].tag([config(8).run_id, config(0).run_id], add=[f"t{number}"])
            with stores[number]._write() as connection:
                stores[number]._make_own(connection, [config(number).run_id])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert db.shipped() == frozenset()
    assert sorted(db.run(config(0).run_id).tags) == ["t0", "t1", "t2", "t3"]
    for store in stores:
        store.close()


def test_one_of_many_starters_makes_the_tables(postgres: Postgres) -> None:
    url = postgres.empty_database()
    faults: list[BaseException] = []

    def start() -> None:
        try:
            Store(url).close()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_an_older_database_becomes_as_a_new_one(postgres: Postgres, db: Store) -> None:
    """From its first version on, by the same scripts as on SQLite; one of two starters does it."""
    url = postgres.empty_database()
    engine = opening.create_engine(url)
    with engine.begin() as connection:
        opening.migrate(connection, 0, 1)
        connection.execute(text("INSERT INTO meta VALUES ('schema_version', '1')"))
        connection.execute(text("INSERT INTO runs VALUES ('0123456789abcdef', '{}', 'old', '', 1.0)"))
    engine.dispose()
    threads = [threading.Thread(target=lambda: Store(url).close()) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    migrated = Store(url)
    assert described(migrated) == described(db)
    with migrated._read() as connection:
        assert connection.scalar(text("SELECT value FROM meta")) == str(SCHEMA_VERSION)
        assert connection.scalar(text("SELECT label FROM runs")) == "old"
    migrated.close()


def described(db: Store) -> dict[str, Any]:
    """What the server says of the tables."""
    with db._engine.connect() as connection:
        seen = inspect(connection)
        return {
            name: [
                sorted((column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(name)),
                seen.get_pk_constraint(name)["constrained_columns"],
                sorted(map(repr, seen.get_indexes(name))),
                sorted(
                    (one["constrained_columns"], one["referred_table"], one["options"]) for one in seen.get_foreign_keys(name)
                ),
            ]
            for name in seen.get_table_names()
        }


def test_a_newer_or_foreign_database_is_refused(postgres: Postgres) -> None:
    url = postgres.empty_database()
    engine = opening.create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE songs (title text)"))
    with pytest.raises(StoreError, match="is not a database of Leafscope; its tables are songs"):
        Store(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE songs; CREATE TABLE meta (name text, value text)"))
        connection.execute(text(f"INSERT INTO meta VALUES ('schema_version', '{SCHEMA_VERSION + 1}')"))
    with pytest.raises(StoreError, match=f"has schema version {SCHEMA_VERSION + 1}, made by a newer Leafscope"):
        Store(url)
    engine.dispose()


def test_the_certificate_is_checked(lent: str, tmp_path: Path) -> None:
    wrong = database_url(lent).update_query_dict({"sslrootcert": str(tmp_path / "other.crt")})
    (tmp_path / "other.crt").write_text("")
    with pytest.raises(StoreError, match="certificate"):
        Store(wrong.render_as_string(hide_password=False))
    plain = database_url(lent).update_query_dict({"sslmode": "disable"})
    with pytest.raises(StoreError, match="no encryption"):
        Store(plain.render_as_string(hide_password=False))


def test_a_password_comes_from_a_file_or_the_environment(lent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database_url(lent)._replace(password=None).render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="give the password in a file that PGPASSFILE names, or in PGPASSWORD"):
        Store(url)
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:*:" + PASSWORD.replace(":", "\\:") + "\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    Store(url).close()
    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    Store(url).close()


def test_no_error_shows_the_password(lent: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Neither where it is wrong, nor where the server is away, the database missing, or the URL no URL."""
    caplog.set_level(logging.DEBUG)
    secret = "x-secret-9"
    url = database_url(lent)
    places = [
        url.set(password=secret),
        url.set(password=secret, port=1),
        url.set(password=secret, database="none"),
        url.set(password=secret, drivername="postgresql+none"),
        url.set(password=secret, drivername="mysql"),
    ]
    texts = [place.render_as_string(hide_password=False) for place in places]
    texts += [f"postgresql+psycopg://me:{secret}@[::1/x", f"postgresql://me@host/x?password={secret}"]
    for place in texts:
        with pytest.raises(StoreError) as caught:
            Store(place)
        assert secret not in str(caught.value)
        assert main(["data", "list", "--database", place]) == 2
        assert main(["--database", place]) == 2
    printed = capsys.readouterr()
    assert "a password must not be on the command line" in printed.err
    assert secret not in printed.err + printed.out + caplog.text


def test_the_driver_need_not_be_named(lent: str) -> None:
    assert database_url(lent.replace("postgresql+psycopg://", "postgresql://")) == database_url(lent)
    with pytest.raises(StoreError, match=r"must be a file, or begin with postgresql\+psycopg://, got mysql://"):
        database_url("mysql://me@host/db")


def test_a_server_that_is_away_is_named_and_may_come_back(lent: str) -> None:
    with pytest.raises(StoreError, match="refused") as caught:
        Store(database_url(lent).set(port=1).render_as_string(hide_password=False))
    assert caught.value.can_pass
    assert "\n" not in str(caught.value)


def test_the_lock_is_free_after_a_failure(db: Store) -> None:
    with pytest.raises(ZeroDivisionError), db._write():
        raise ZeroDivisionError
    with db._write_at_once() as connection:
        hold_write_lock(connection)
