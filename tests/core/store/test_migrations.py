"""Databases of every older version: migrated once, after a copy, to what a new one is."""

import gzip
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from leafscope.core.config import RunConfig
from leafscope.core.errors import ArchiveError, StoreError
from leafscope.core.store.archive import import_archive
from leafscope.core.store.database import opening
from leafscope.core.store.decks import Slide
from leafscope.core.store.schema import SCHEMA_VERSION
from leafscope.core.store.store import Store

DATA = Path(__file__).parent / "data"

ADDED = {
    1: """
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
""",
    2: """
CREATE TABLE benchmarks (
    id INTEGER NOT NULL, created DOUBLE NOT NULL, leafscope TEXT NOT NULL, machine TEXT NOT NULL, threads INTEGER NOT NULL,
    quick BOOLEAN NOT NULL, result TEXT NOT NULL,
    PRIMARY KEY (id)
);
""",
    3: """
CREATE TABLE sweeps (
    sweep_id VARCHAR(16) NOT NULL, name TEXT NOT NULL, config TEXT NOT NULL, created DOUBLE NOT NULL,
    PRIMARY KEY (sweep_id)
);
""",
}
"""Version -> the tables it added, as SQLite kept them; version 4 is the file of a real store, `data/v0.1.db.gz`."""

RUN = RunConfig(seed=7)

BENCHMARK = {
    "environment": {"date": "2001-09-09T01:46:40+00:00", "leafscope": "0.1.0", "machine": "a laptop", "threads": 2},
    "quick": False,
    "groups": {"forward": [{"depth": 4, "seconds": 0.3}]},
}

FAILING = """
from alembic import op
revision, down_revision = "{next:04d}", "{last:04d}"
def upgrade():
    op.execute("CREATE TABLE songs (title TEXT)")
    op.execute("SELECT nonsense")
"""

REBUILDING = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{next:04d}", "{last:04d}"
def upgrade():
    with op.batch_alter_table("runs", recreate="always") as table:
        table.add_column(sa.Column("source", sa.Text))
"""


def kept(version: int, path: Path) -> Path:
    """A database as this version left it; of versions that had only runs, with one finished run."""
    if version == 4:
        path.write_bytes(gzip.decompress((DATA / "v0.1.db.gz").read_bytes()))
        return path
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = WAL;" + "".join(ADDED[number] for number in range(1, version + 1)))
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(version),))
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


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as version 1 left it, with one finished run."""
    return kept(1, tmp_path / "old.db")


def with_next(folder: Path, script: str, patch: pytest.MonkeyPatch) -> None:
    """Let the program be one version newer, with this script after those that are there."""
    shutil.copytree(opening.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "next.py").write_text(script.format(next=SCHEMA_VERSION + 1, last=SCHEMA_VERSION))
    patch.setattr(opening, "MIGRATIONS", folder)
    patch.setattr(opening, "SCHEMA_VERSION", SCHEMA_VERSION + 1)


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.*.bak"))


def version(path: Path) -> str:
    connection = sqlite3.connect(path)
    (text,) = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    connection.close()
    return str(text)


def tables(path: Path) -> dict[str, Any]:
    """Everything SQLite knows of the tables: columns with types, keys, indexes, foreign keys, whether rows have numbers."""
    connection = sqlite3.connect(path)

    def ask(what: str, name: str) -> list[tuple[Any, ...]]:
        return sorted(connection.execute(f"PRAGMA {what}({name})"), key=repr)

    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {}
    for name in names:
        indexes = ask("index_list", name)
        parts = [ask("index_info", index[1]) for index in indexes]
        columns = [column[1:] for column in ask("table_xinfo", name)]
        found[name] = columns, indexes, parts, ask("foreign_key_list", name), ask("table_list", name)
    connection.close()
    return found


@pytest.mark.parametrize("number", [*ADDED, 4])
def test_a_migrated_database_is_like_a_new_one(number: int, tmp_path: Path) -> None:
    old = kept(number, tmp_path / "old.db")
    Store(old).close()
    Store(tmp_path / "new.db").close()
    assert version(old) == version(tmp_path / "new.db") == str(SCHEMA_VERSION)
    assert tables(old) == tables(tmp_path / "new.db")
    assert len(copies(old)) == (number < SCHEMA_VERSION)


@pytest.mark.parametrize("number", [*ADDED, 4])
def test_a_script_makes_what_its_version_had(number: int, tmp_path: Path) -> None:
    db = Store(tmp_path / "made.db")
    with db._write() as connection:
        for table in tables(tmp_path / "made.db"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        opening.migrate(connection, 0, number)
    db.close()
    assert tables(tmp_path / "made.db") == tables(kept(number, tmp_path / "kept.db"))


def test_a_real_store_of_version_4_shows_all_that_it_had(tmp_path: Path) -> None:
    store = Store(kept(4, tmp_path / "v0.1.db"))
    runs = store.list_runs()
    assert len(runs) == 18
    assert {run.config.net.kind for run in runs} == {"tree", "flat", "dense", "decision_tree"}
    assert {(run.label, run.status) for run in runs if run.status != "finished"} == {
        ("moons tree K2 w6 e4 lr10 wd10 s0", "failed")
    }
    assert {run.config.data.name for run in runs if run.tags == ("seminar",)} == {"spirals", "xor"}
    assert sum(len(run.tags) for run in runs) == 2
    for run in runs:
        assert run.run_id == run.config.run_id
        tried = run.config.data.name == "xor" and run.config.train.lr == 0.01  # of whose nets the sweep kept only the scores
        is_kept = run.status == "finished" and run.config.net.kind != "decision_tree" and not tried
        assert (store.artifact(run.run_id, "net") is not None) is is_kept
        assert store.history(run.run_id)["epoch"].max() == run.epochs_done
    (sweep,) = store.sweeps()
    assert (sweep.name, sweep.config.tune_lr, sweep.sweep_id) == ("old sweep", [0.01, 0.03], sweep.config.sweep_id)
    (deck,) = store.decks()
    assert (deck.name, deck.n_slides) == ("Old talk", 3)
    assert all(isinstance(slide, Slide) for slide in store.slides(deck.deck_id).values())
    spirals = next(run for run in runs if run.config.data.name == "spirals")
    epochs, leaves = store.leaves(spirals.run_id, 0, "train")
    assert epochs.tolist() == store.recorded_epochs(spirals.run_id).tolist() == list(range(13))
    assert leaves.shape[0] == 13
    assert leaves.max() < 8


NEXT_VERSION = """
import pathlib, sqlite3, sys
from sqlalchemy import Column, Integer, Text
from leafscope.core.store import schema
schema.SCHEMA_VERSION += 1
schema.runs.append_column(Column("source", Text))
schema.attempts.append_column(Column("threads", Integer, nullable=False, default=2, server_default="2"))

from leafscope.core.store.database import opening
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store

folder, archive = map(pathlib.Path, sys.argv[1:])
opening.MIGRATIONS = folder / "migrations"
migrated, new = Store(folder / "v0.1.db"), Store(folder / "new.db")
done = import_archive(new, archive)
print(done.runs, done.sweeps, done.decks, done.skipped)
export_archive(new, folder / "newer.leafscope", run_ids=[run.run_id for run in new.list_runs()])
print(import_archive(Store(folder / "again.db"), folder / "newer.leafscope").runs)
print(migrated.list_runs() == new.list_runs())
for store in (migrated, new):
    with sqlite3.connect(store.path) as connection:
        print(connection.execute("SELECT DISTINCT source, threads FROM runs JOIN attempts USING (run_id)").fetchall())
"""

ADDING = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{next:04d}", "{last:04d}"
def upgrade():
    op.add_column("runs", sa.Column("source", sa.Text))
    op.add_column("attempts", sa.Column("threads", sa.Integer, nullable=False, server_default="2"))
"""


def test_a_new_column_takes_the_schema_and_one_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores and archives from before it are read, and it is in both; run apart, since the tables are of the process."""
    kept(4, tmp_path / "v0.1.db")
    with monkeypatch.context() as patch:
        with_next(tmp_path / "migrations", ADDING, patch)
    arguments = [sys.executable, "-c", NEXT_VERSION, str(tmp_path), str(DATA / "v0.1.leafscope")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["18 1 1 ()", "18", "True", "[(None, 2)]", "[(None, 2)]"]
    assert tables(tmp_path / "v0.1.db") == tables(tmp_path / "new.db")
    with pytest.raises(ArchiveError, match=rf"a newer Leafscope.* its schema is {SCHEMA_VERSION + 1}"):
        import_archive(Store(tmp_path / "old.db"), tmp_path / "newer.leafscope")


def test_a_database_of_version_1_is_migrated_after_a_copy(old: Path) -> None:
    assert version(old) == "1"
    db = Store(old)
    (summary,) = db.list_runs()
    assert (summary.config, summary.note, summary.status, summary.best_epoch) == (RUN, "why", "finished", 1)
    assert db.history(RUN.run_id).values.tolist() == [[1, "validation", "loss", 0.5]]
    assert db.artifact(RUN.run_id, "net") == b"weights"
    assert db.benchmarks() == []
    db.add_benchmark(BENCHMARK)
    assert len(db.benchmarks()) == 1
    db.close()

    (saved,) = copies(old)
    assert saved.name.startswith("old.db.v1-")
    assert (version(saved), version(old)) == ("1", str(SCHEMA_VERSION))
    assert "benchmarks" not in tables(saved)
    connection = sqlite3.connect(saved)
    assert connection.execute("SELECT run_id FROM runs").fetchall() == [(RUN.run_id,)]
    connection.close()

    Store(old).close()  # now it is as new: no further copy
    assert copies(old) == [saved]


def test_a_copy_is_a_database_that_can_be_put_back(old: Path) -> None:
    Store(old).close()
    (saved,) = copies(old)
    back = saved.rename(old.with_name("back.db"))
    assert [summary.run_id for summary in Store(back).list_runs()] == [RUN.run_id]


def test_a_migration_that_fails_leaves_version_1(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        with_next(tmp_path / "migrations", FAILING, patch)
        with pytest.raises(StoreError, match="nonsense"):
            Store(old)
    assert version(old) == "1"
    assert {"benchmarks", "songs"}.isdisjoint(tables(old))
    assert len(Store(old).list_runs()) == 1


@pytest.mark.parametrize("above", [1, 2])
def test_a_version_without_a_script_says_which_file_is_missing(old: Path, monkeypatch: pytest.MonkeyPatch, above: int) -> None:
    target = SCHEMA_VERSION + above
    with monkeypatch.context() as patch:
        patch.setattr(opening, "SCHEMA_VERSION", target)
        missing = SCHEMA_VERSION + 1
        words = (
            rf"version {target} must have a script for each version above 1, got none for {missing}; write .*v{missing:04d}_"
        )
        with pytest.raises(StoreError, match=words):
            Store(old)
    assert version(old) == "1"


def test_a_table_that_is_made_anew_takes_no_rows_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite drops a table as if each row were deleted, and attempts go with their run."""
    path = kept(4, tmp_path / "v0.1.db")
    with_next(tmp_path / "migrations", REBUILDING, monkeypatch)
    store = Store(path)
    assert len(store.list_runs()) == 18
    assert "source" in {column[0] for column in tables(path)["runs"][0]}
    store.delete([store.list_runs()[0].run_id])  # and afterwards foreign keys are checked as ever
    assert len(store.list_runs()) == 17
    with store._read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar() == 17


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
    real, steps = opening.migrate, []

    def slowly(connection: Connection, before: int, after: int) -> None:
        steps.append((before, after))
        time.sleep(0.3)  # so that all of them find version 1 and wait
        real(connection, before, after)

    monkeypatch.setattr(opening, "migrate", slowly)
    assert not together(*[lambda: Store(old).add_benchmark(BENCHMARK)] * 4)
    assert steps == [(1, SCHEMA_VERSION)]
    assert len(copies(old)) == 1
    db = Store(old)
    assert len(db.benchmarks()) == 4
    assert len(db.list_runs()) == 1


def test_threads_migrate_different_databases_at_once(tmp_path: Path) -> None:
    """Each script works on the connection of its own database, though alembic keeps one for the process."""
    paths = [kept(1, tmp_path / f"{number}.db") for number in range(6)]
    assert not together(*[lambda path=path: Store(path).close() for path in paths])  # type: ignore[misc]
    assert [version(path) for path in paths] == [str(SCHEMA_VERSION)] * 6
    assert all(tables(path) == tables(paths[0]) for path in paths)


def test_two_processes_open_an_old_database_at_once(old: Path) -> None:
    script = (
        "import sys, time; from leafscope.core.store.database import opening; from leafscope.core.store.store import Store\n"
        "real = opening.migrate\n"
        "opening.migrate = lambda *arguments: (print('migrated'), time.sleep(0.5), real(*arguments))\n"
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
    assert version(old) == str(SCHEMA_VERSION)


def test_a_newer_database_is_refused_and_left_alone(old: Path) -> None:
    newer = SCHEMA_VERSION + 1
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE meta SET value = ?", (str(newer),))
    connection.close()
    sentence = f"schema version {newer}, made by a newer Leafscope; this one reads versions up to {SCHEMA_VERSION}"
    with pytest.raises(StoreError, match=sentence):
        Store(old)
    assert copies(old) == []
    assert version(old) == str(newer)
    assert "benchmarks" not in tables(old)
