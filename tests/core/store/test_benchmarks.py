"""Benchmarks in the store, and how a database from before them is migrated."""

import copy
import math
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection

from leafscope.core.config import RunConfig
from leafscope.core.errors import StoreError
from leafscope.core.store import schema
from leafscope.core.store.store import Store
from leafscope.core.store.summaries import Benchmark
from tests.core.clock import Clock

VERSION_1 = """
CREATE TABLE meta (name VARCHAR(40) NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
CREATE TABLE runs (
    run_id VARCHAR(16) NOT NULL, config TEXT NOT NULL, label TEXT NOT NULL, note TEXT NOT NULL, created DOUBLE NOT NULL,
    PRIMARY KEY (run_id)
);
CREATE TABLE workers (
    worker_id VARCHAR(64) NOT NULL, pid INTEGER NOT NULL, device VARCHAR(20) NOT NULL, state VARCHAR(10) NOT NULL,
    started DOUBLE NOT NULL, heartbeat DOUBLE NOT NULL,
    PRIMARY KEY (worker_id)
);
CREATE TABLE attempts (
    run_id VARCHAR(16) NOT NULL, attempt INTEGER NOT NULL, first_attempt INTEGER NOT NULL, status VARCHAR(12) NOT NULL,
    priority INTEGER NOT NULL, created DOUBLE NOT NULL, started DOUBLE, finished DOUBLE, heartbeat DOUBLE,
    worker_id VARCHAR(64), pid INTEGER, stop_requested BOOLEAN NOT NULL, error TEXT, device VARCHAR(20),
    resumed_from INTEGER NOT NULL, epochs_done INTEGER NOT NULL, epochs_total INTEGER NOT NULL,
    seconds_before DOUBLE NOT NULL, seconds DOUBLE NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (run_id, attempt),
    FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
CREATE INDEX attempts_by_status ON attempts (status, priority, created);
CREATE TABLE metrics (
    run_id VARCHAR(16) NOT NULL, attempt INTEGER NOT NULL, epoch INTEGER NOT NULL, split VARCHAR(12) NOT NULL,
    metric VARCHAR(12) NOT NULL, value DOUBLE, nonfinite VARCHAR(4),
    PRIMARY KEY (run_id, attempt, epoch, split, metric),
    FOREIGN KEY(run_id, attempt) REFERENCES attempts (run_id, attempt) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE leaves (
    run_id VARCHAR(16) NOT NULL, attempt INTEGER NOT NULL, layer INTEGER NOT NULL, split VARCHAR(12) NOT NULL,
    epoch INTEGER NOT NULL, dtype VARCHAR(8) NOT NULL, shape VARCHAR(40) NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (run_id, attempt, layer, split, epoch),
    FOREIGN KEY(run_id, attempt) REFERENCES attempts (run_id, attempt) ON DELETE CASCADE
);
CREATE TABLE artifacts (
    run_id VARCHAR(16) NOT NULL, attempt INTEGER NOT NULL, name VARCHAR(40) NOT NULL, version VARCHAR(32) NOT NULL,
    size DOUBLE NOT NULL,
    PRIMARY KEY (run_id, attempt, name),
    FOREIGN KEY(run_id, attempt) REFERENCES attempts (run_id, attempt) ON DELETE CASCADE
);
CREATE TABLE artifact_parts (
    run_id VARCHAR(16) NOT NULL, attempt INTEGER NOT NULL, name VARCHAR(40) NOT NULL, version VARCHAR(32) NOT NULL,
    part INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (run_id, attempt, name, version, part),
    FOREIGN KEY(run_id, attempt) REFERENCES attempts (run_id, attempt) ON DELETE CASCADE
);
INSERT INTO meta VALUES ('schema_version', '1');
"""

RUN = RunConfig(seed=7)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(tmp_path / "test.db", clock)
    yield opened
    opened.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as version 1 left it, with one finished run."""
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA journal_mode = WAL;{VERSION_1}")
    config = RUN.model_dump_json(exclude_none=True)
    connection.execute("INSERT INTO runs VALUES (?, ?, ?, 'why', 1e9)", (RUN.run_id, config, RUN.label))
    connection.execute(
        "INSERT INTO attempts VALUES (?, 1, 1, 'finished', 0, 1e9, 1e9, 1e9, 1e9, 'w', 1, 0, NULL, 'cpu', 0, 1, 1, 0, 2, ?)",
        (RUN.run_id, '{"best_epoch": 1, "best": {"validation_loss": 0.5}, "last": {"validation_loss": 0.5}}'),
    )
    connection.execute("INSERT INTO metrics VALUES (?, 1, 1, 'validation', 'loss', 0.5, NULL)", (RUN.run_id,))
    connection.execute("INSERT INTO artifacts VALUES (?, 1, 'net', 'v', 7)", (RUN.run_id,))
    connection.execute("INSERT INTO artifact_parts VALUES (?, 1, 'net', 'v', 0, ?)", (RUN.run_id, b"weights"))
    connection.commit()
    connection.close()
    return path


def document(quick: bool = False, **groups: list[dict[str, Any]]) -> dict[str, Any]:
    environment = {"date": "2001-09-09T01:46:40+00:00", "leafscope": "0.1.0", "machine": "a laptop", "threads": 2, "torch": "2"}
    rows = [{"depth": 4, "path": "gather", "seconds": 0.1 + 0.2, "fastest": True, "error": None}]
    return {"environment": environment, "quick": quick, "groups": groups or {"forward": rows}}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The good document with another value at this place; Ellipsis: without it."""
    result = document()
    place: Any = result
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return result


def test_round_trip(db: Store, clock: Clock) -> None:
    result = document(quick=True)
    before = copy.deepcopy(result)
    key = db.add_benchmark(result)
    assert result == before
    found = db.benchmarks()
    assert found == [Benchmark(key, clock.now, "0.1.0", "a laptop", 2, True, result)]
    assert found[0].quick is True
    assert found[0].result["groups"]["forward"][0]["fastest"] is True
    assert db.latest_benchmark() == found[0]


def test_newest_first(db: Store, clock: Clock) -> None:
    first, second = db.add_benchmark(document()), db.add_benchmark(document())  # at the same moment
    clock.now += 5
    third = db.add_benchmark(document())
    clock.now -= 3600  # the clock was set back
    fourth = db.add_benchmark(document())
    assert [found.id for found in db.benchmarks()] == [third, second, first, fourth]
    assert [found.id for found in db.benchmarks(limit=2)] == [third, second]
    assert db.benchmarks(limit=0) == []
    with pytest.raises(ValueError, match="limit must be at least 0, got -1"):
        db.benchmarks(limit=-1)


def test_twenty_unless_told(db: Store) -> None:
    for _ in range(21):
        db.add_benchmark(document())
    assert len(db.benchmarks()) == 20
    assert len(db.benchmarks(limit=30)) == 21


def test_latest_by_group(db: Store, clock: Clock) -> None:
    def add(**groups: Any) -> int:
        clock.now += 1
        return db.add_benchmark(document(**groups))

    assert db.latest_benchmark() is None
    forward = add(forward=[{"seconds": 1.0}], step=[])
    for _ in range(6):
        add(memory=[])
    quick = add(quick=True, forward=[])

    def latest(*arguments: Any) -> int | None:
        found = db.latest_benchmark(*arguments)
        return None if found is None else found.id

    assert latest() == latest("forward") == quick
    assert latest("forward", False) == latest("step") == forward
    assert latest(None, False) == quick - 1
    assert latest("nothing") is None
    assert latest("forwar") is None  # a whole name
    db.add_benchmark(document())  # no read is left open that would keep a writer out


def test_runs_are_apart(db: Store) -> None:
    db.add_benchmark(document())
    assert db.is_empty()
    assert db.list_runs() == []
    run_id = db.submit(RUN).run_id
    db.delete([run_id])
    assert db.is_empty()
    assert len(db.benchmarks()) == 1


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (None, "result must be a dict, got None"),
        ({}, "result must have the key 'environment'; its keys are none"),
        (changed("environment", to=...), "result must have the key 'environment'; its keys are quick, groups"),
        (changed("environment", to="here"), "result.environment must be a dict, got 'here'"),
        (
            changed("environment", "date", to=...),
            "result.environment must have the key 'date'; its keys are leafscope, machine,",
        ),
        (changed("environment", "leafscope", to=...), "result.environment must have the key 'leafscope'"),
        (changed("environment", "machine", to=None), "result.environment.machine must be text, got None"),
        (changed("environment", "threads", to=2.5), "result.environment.threads must be a whole number, got 2.5"),
        (changed("environment", "threads", to=True), "result.environment.threads must be a whole number, got True"),
        (changed("quick", to=...), "result must have the key 'quick'"),
        (changed("quick", to=1), "result.quick must be true or false, got 1"),
        (changed("groups", to=...), "result must have the key 'groups'"),
        (changed("groups", to=[]), "result.groups must be a dict, got []"),
        (changed("groups", "forward", to={}), "result.groups.forward must be a list, got {}"),
        (changed("groups", "forward", 0, to=3), "result.groups.forward[0] must be a dict, got 3"),
        (changed("groups", "forward", 0, "seconds", to=math.nan), "forward[0].seconds must be a finite number, got nan"),
        (changed("groups", "forward", 0, "seconds", to=-math.inf), "forward[0].seconds must be a finite number, got -inf"),
        (
            changed("groups", "forward", 0, "seconds", to=np.float32(1)),
            "forward[0].seconds must be text, a number, true, false",
        ),
        (changed("groups", "forward", 0, "shape", to=(3, 4)), "forward[0].shape must be .* got tuple"),
        (changed("groups", "forward", 0, 4, to=3), "the keys of result.groups.forward[0] must be text, got 4"),
        (
            changed("environment", "libraries", to=[{"torch": b"2"}]),
            "result.environment.libraries[0].torch must be .* got bytes",
        ),
    ],
)
def test_a_damaged_document_is_refused(db: Store, result: Any, sentence: str) -> None:
    pattern = sentence.replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(ValueError, match=pattern):
        db.add_benchmark(result)
    assert db.benchmarks() == []


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.*.bak"))


def version(path: Path) -> str:
    connection = sqlite3.connect(path)
    (text,) = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    connection.close()
    return str(text)


def tables(path: Path) -> dict[str, Any]:
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
    connection.close()
    return columns


def test_a_database_of_version_1_is_migrated_after_a_copy(old: Path) -> None:
    assert version(old) == "1"
    db = Store(old)
    (summary,) = db.list_runs()
    assert (summary.config, summary.note, summary.status, summary.best_epoch) == (RUN, "why", "finished", 1)
    assert db.history(RUN.run_id).values.tolist() == [[1, "validation", "loss", 0.5]]
    assert db.artifact(RUN.run_id, "net") == b"weights"
    assert db.benchmarks() == []
    db.add_benchmark(document())
    assert len(db.benchmarks()) == 1
    db.close()

    (saved,) = copies(old)
    assert saved.name.startswith("old.db.v1-")
    assert (version(saved), version(old)) == ("1", str(schema.SCHEMA_VERSION))
    assert "benchmarks" not in tables(saved)
    connection = sqlite3.connect(saved)
    assert connection.execute("SELECT run_id FROM runs").fetchall() == [(RUN.run_id,)]
    connection.close()

    Store(old).close()  # now it is as new: no further copy
    assert copies(old) == [saved]


def test_a_migrated_database_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    Store(old).close()
    Store(tmp_path / "new.db").close()
    assert tables(old) == tables(tmp_path / "new.db")


def test_a_copy_is_a_database_that_can_be_put_back(old: Path) -> None:
    Store(old).close()
    (saved,) = copies(old)
    back = saved.rename(old.with_name("back.db"))
    assert [summary.run_id for summary in Store(back).list_runs()] == [RUN.run_id]


def test_a_migration_that_fails_leaves_version_1(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = schema.MIGRATIONS[1]

    def fails(connection: Connection) -> None:
        step(connection)
        connection.exec_driver_sql("SELECT nonsense")

    with monkeypatch.context() as patch:
        patch.setitem(schema.MIGRATIONS, 1, fails)
        with pytest.raises(StoreError, match="nonsense"):
            Store(old)
    assert version(old) == "1"
    assert "benchmarks" not in tables(old)
    assert len(Store(old).list_runs()) == 1


def together(*tasks: Callable[[], object]) -> list[BaseException]:
    """Run these in one thread each, and give what they raised."""
    faults: list[BaseException] = []
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], object]) -> None:
        try:
            start.wait()
            task()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_one_of_many_threads_migrates(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, steps = schema.MIGRATIONS[1], []

    def slowly(connection: Connection) -> None:
        steps.append(1)
        time.sleep(0.3)  # so that all of them find version 1 and wait
        step(connection)

    monkeypatch.setitem(schema.MIGRATIONS, 1, slowly)
    assert not together(*[lambda: Store(old).add_benchmark(document())] * 4)
    assert len(steps) == 1
    assert len(copies(old)) == 1
    db = Store(old)
    assert len(db.benchmarks()) == 4
    assert len(db.list_runs()) == 1


def test_two_processes_open_an_old_database_at_once(old: Path) -> None:
    script = (
        "import sys, time; from leafscope.core.store import schema; from leafscope.core.store.store import Store\n"
        "step = schema.MIGRATIONS[1]\n"
        "schema.MIGRATIONS[1] = lambda connection: (print('migrated'), time.sleep(0.5), step(connection))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"store = Store({str(old)!r}); print(len(store.list_runs()), len(store.benchmarks()))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert sorted(answers) == [("1 0\n", ""), ("migrated\n1 0\n", "")]
    assert len(copies(old)) == 1
    assert version(old) == str(schema.SCHEMA_VERSION)


def test_a_newer_database_is_refused_and_left_alone(old: Path) -> None:
    newer = schema.SCHEMA_VERSION + 1
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE meta SET value = ?", (str(newer),))
    connection.close()
    sentence = f"schema version {newer}, made by a newer Leafscope; this one reads versions up to {schema.SCHEMA_VERSION}"
    with pytest.raises(StoreError, match=sentence):
        Store(old)
    assert copies(old) == []
    assert version(old) == str(newer)
    assert "benchmarks" not in tables(old)
