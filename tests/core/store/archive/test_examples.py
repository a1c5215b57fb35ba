"""The examples: loaded once, into an empty store only; small, of today, and as an import would take them."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from leafscope.app.scene.payload import partners
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES, EXAMPLE_SWEEP
from leafscope.core.errors import RunNotFoundError
from leafscope.core.inspection.snapshots import snapshot_epochs
from leafscope.core.inspection.trained import trained_net
from leafscope.core.routing import read_routing
from leafscope.core.store.archive import examples, export_archive, import_archive
from leafscope.core.store.archive.examples import EXAMPLES, MOST_BYTES, load_examples
from leafscope.core.store.store import Store

RUNS = [EXAMPLE_OF_IMAGES, EXAMPLE, *partners(EXAMPLE).values()]
"""The runs that are no member of the sweep."""


def sweep_runs(store: Store) -> list[RunConfig]:
    return list(jobs.sweep_runs(EXAMPLE_SWEEP.sweep_id, store=store).values())


def all_runs(store: Store) -> set[str]:
    return {run.run_id for run in (*RUNS, *sweep_runs(store))}


@pytest.fixture
def db(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Store]:
    caplog.set_level("INFO", examples.log.name)
    store = Store(tmp_path / "a.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store into which the examples were loaded."""
    path = tmp_path_factory.mktemp("once") / "a.db"
    store = Store(path)
    assert load_examples(store)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return path


@pytest.fixture
def loaded(once: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of that store."""
    store = Store(shutil.copy(once, tmp_path / "a.db"))
    yield store
    store.close()


# What it holds


def test_it_is_small() -> None:
    assert Path(str(EXAMPLES)).stat().st_size < MOST_BYTES


def test_it_is_what_the_presets_say(loaded: Store) -> None:
    assert {run.run_id for run in loaded.list_runs()} == all_runs(loaded)
    assert jobs.sweep_progress(EXAMPLE_SWEEP.sweep_id, store=loaded).complete  # both stages
    assert all(RunConfig.model_validate_json(run.config_json).run_id == run.run_id for run in loaded.list_runs())
    assert {run.status for run in loaded.list_runs()} == {"finished"}
    (sweep,) = loaded.sweeps()
    assert (sweep.sweep_id, sweep.config) == (EXAMPLE_SWEEP.sweep_id, EXAMPLE_SWEEP)
    assert loaded.list_runs()[0].run_id == EXAMPLE_OF_IMAGES.run_id  # which pages about leaves show


def test_pages_have_what_they_draw(loaded: Store) -> None:
    for run in RUNS:
        kept = tuple(loaded.snapshots(run.run_id, "weights"))
        planned = snapshot_epochs(run)
        assert set(kept) <= set(planned)
        assert (kept[:1], kept[-1:]) == (planned[:1], planned[-1:])
        assert run.net.fitted or trained_net(loaded, run.run_id) is not None
    assert tuple(loaded.snapshots(EXAMPLE.run_id, "weights")) == snapshot_epochs(EXAMPLE)
    for run in sweep_runs(loaded):
        is_reported = run.seed in (EXAMPLE_SWEEP.report_seeds or ())
        is_drawn = run.net.kind in ("tree", "dense") and run.net.width in EXAMPLE_SWEEP.axes["net.width"]
        assert (trained_net(loaded, run.run_id) is not None) == (is_reported and is_drawn)
        assert len(loaded.history(run.run_id)) == 6 * (run.epochs + (not run.net.fitted))
    (deck,) = loaded.decks()
    assert sum(slide.figure is not None for slide in loaded.slides(deck.deck_id).values()) >= 5


def test_an_import_takes_it_too_with_all_its_checks(loaded: Store, tmp_path: Path) -> None:
    there = Store(tmp_path / "b.db")
    done = import_archive(there, str(EXAMPLES))
    assert (done.runs, done.sweeps, done.decks, done.skipped) == (len(all_runs(loaded)), 1, 1, ())
    for table in ("runs", "attempts", "metrics", "leaves", "artifacts", "artifact_parts", "sweeps", "decks", "slides"):
        assert rows(there, table) == rows(loaded, table), table
    assert there.shipped() == frozenset()  # imported by a person, they are theirs


def test_the_log_is_what_its_file_says(loaded: Store) -> None:
    (info,) = loaded.logs()
    read = read_routing(str(examples.ROUTING), top_k=8)
    assert info.log_id == read.hash == loaded.log(info.log_id).hash
    assert (read.tokens_at("book"), read.notes) == (pytest.approx(208_896), ())


def rows(store: Store, table: str) -> list[Any]:
    with sqlite3.connect(str(store.path)) as connection:
        return sorted(connection.execute(f"select * from {table}"), key=repr)


# When it is loaded


def test_it_is_loaded_once_and_marked(loaded: Store) -> None:
    (deck,) = loaded.decks()
    (log,) = loaded.logs()
    assert log.shipped
    assert loaded.shipped() == {*all_runs(loaded), EXAMPLE_SWEEP.sweep_id, deck.deck_id, log.log_id}
    assert not load_examples(loaded)
    assert len(loaded.list_runs()) == len(all_runs(loaded))


def test_what_is_deleted_stays_deleted(loaded: Store) -> None:
    loaded.delete(all_runs(loaded))
    loaded.delete_deck(loaded.decks()[0].deck_id)
    loaded.remove_log(loaded.logs()[0].log_id)
    assert not load_examples(loaded)
    assert loaded.is_empty()
    assert loaded.logs() == []


def test_a_store_with_a_log_never_gets_it(db: Store) -> None:
    log = db.add_log(examples.example_log())
    assert not load_examples(db)
    assert [(info.log_id, info.shipped) for info in db.logs()] == [(log.hash, False)]


@pytest.mark.parametrize("what", ["run", "deck"])
def test_a_store_with_something_never_gets_it(db: Store, what: str) -> None:
    deck = db.make_deck("mine") if what == "deck" else db.submit(EXAMPLE).run_id
    assert not load_examples(db)
    assert len(db.list_runs()) == (what == "run")
    assert not db.shipped()
    db.delete_deck(deck) if what == "deck" else db.delete(deck)
    assert not load_examples(db)  # nor once its owner has emptied it
    assert db.is_empty()
    assert db.decks() == []


def test_of_two_servers_that_start_at_once_one_loads_it(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "a.db") for _ in range(4)]
    start, done = threading.Barrier(len(stores)), []

    def server(store: Store) -> None:
        start.wait()
        done.append(load_examples(store))

    threads = [threading.Thread(target=server, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert len(stores[0].list_runs()) == len(all_runs(stores[0]))


def locked(path: Path) -> Callable[[], object]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("begin immediate")
    return lambda: (connection.execute("rollback"), connection.close())


def test_a_locked_store_gets_it_at_a_later_start(db: Store, caplog: pytest.LogCaptureFixture) -> None:
    release = locked(Path(str(db.path)))
    assert not load_examples(db)
    assert "locked" in caplog.text
    assert db.is_empty()
    assert not db.is_marked()
    release()
    assert load_examples(db)


def test_a_store_that_cannot_be_written_to_stays_empty(db: Store, caplog: pytest.LogCaptureFixture) -> None:
    event.listen(db._engine, "checkout", lambda connection, *_: connection.execute("pragma query_only = on"))
    assert not load_examples(db)
    assert "readonly" in caplog.text
    assert db.is_empty()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "changed": lambda path: path.write_bytes(changed_metric(path.read_bytes(), path)),
}


def changed_metric(data: bytes, path: Path) -> bytes:
    """The archive with another first score, of which its sums do not know."""
    other = path.with_suffix(".other")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for info in source.infolist():
            text = source.read(info)
            target.writestr(info, text.replace(b'"value":0.', b'"value":1.', 1) if info.filename == "metrics.jsonl" else text)
    return other.read_bytes()


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_archive_that_cannot_be_read_is_left_out(
    db: Store, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "examples.leafscope"
    shutil.copy(str(EXAMPLES), path)
    DAMAGES[damage](path)
    monkeypatch.setattr(examples, "EXAMPLES", path)
    assert not load_examples(db)
    assert "the examples were not loaded" in caplog.text
    assert db.is_empty()
    assert not db.is_marked()


def test_nothing_is_written_beside_it(db: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package may be installed where nobody can write."""
    folder = tmp_path / "package"
    folder.mkdir()
    path = Path(shutil.copy(str(EXAMPLES), folder))
    path.chmod(0o444)
    folder.chmod(0o555)
    before = path.stat().st_mtime_ns, folder.stat().st_mtime_ns
    monkeypatch.setattr(examples, "EXAMPLES", path)
    assert load_examples(db)
    assert (path.stat().st_mtime_ns, folder.stat().st_mtime_ns) == before


def test_it_is_loaded_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from leafscope.core.store.store import Store; from leafscope.core.store.archive.examples import "
        f"load_examples; print(load_examples(Store({str(tmp_path / 'a.db')!r}))); "
        "print(*{'torch', 'sklearn', 'numba', 'streamlit'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


# What leaves the store


def test_exports_leave_it_out(loaded: Store, tmp_path: Path) -> None:
    mine = RunConfig(seed=99)
    loaded.submit(mine)
    claim = loaded.claim("w")
    assert claim is not None
    loaded.begin(claim, "cpu")
    loaded.end(claim, "finished")
    file = tmp_path / "x.leafscope"
    everything = {
        "run_ids": [run.run_id for run in loaded.list_runs()],
        "sweep_ids": [EXAMPLE_SWEEP.sweep_id],
        "deck_ids": [deck.deck_id for deck in loaded.decks()],
    }
    done = export_archive(loaded, file, **everything)
    assert (done.runs, done.sweeps, done.decks) == (1, 0, 0)
    assert done.skipped == (f"{len(all_runs(loaded)) + 2} shipped examples were left out: every Leafscope comes with them",)
    there = Store(tmp_path / "b.db")
    import_archive(there, file)
    assert [run.run_id for run in there.list_runs()] == [mine.run_id]
    with pytest.raises(RunNotFoundError):
        export_archive(loaded, file, run_ids=["0" * 16])


def test_what_a_person_brings_along_is_theirs(loaded: Store, tmp_path: Path) -> None:
    there, file = Store(tmp_path / "b.db"), tmp_path / "x.leafscope"
    import_archive(there, str(EXAMPLES))
    export_archive(there, file, run_ids=[EXAMPLE.run_id], sweep_ids=[EXAMPLE_SWEEP.sweep_id])
    assert import_archive(loaded, file).runs == 0
    theirs = {EXAMPLE.run_id, EXAMPLE_SWEEP.sweep_id} | {run.run_id for run in sweep_runs(loaded)}
    assert not theirs & loaded.shipped()
    assert EXAMPLE_OF_IMAGES.run_id in loaded.shipped()
    assert export_archive(loaded, file, run_ids=[EXAMPLE.run_id]).runs == 1
