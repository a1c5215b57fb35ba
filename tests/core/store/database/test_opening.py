"""Where a database is, and what is opened: a new one, one of today, and nothing else."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from leafscope.core.config import RunConfig
from leafscope.core.errors import StoreError
from leafscope.core.store.database.opening import database_url
from leafscope.core.store.store import Store


def test_many_threads_open_one_new_database(tmp_path: Path) -> None:
    faults: list[BaseException] = []

    def open_it() -> None:
        try:
            Store(tmp_path / "new.db").submit(RunConfig())
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(Store(tmp_path / "new.db").list_runs()) == 1


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database " * 100)
    with pytest.raises(StoreError, match=r"text\.db cannot be used: file is not a database"):
        Store(tmp_path / "text.db")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE songs (title)")
    with pytest.raises(StoreError, match="is not a database of Leafscope; its tables are songs"):
        Store(tmp_path / "other.db")
    with pytest.raises(StoreError, match="must be a file"):
        Store("sqlite://")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be created"):
        Store(tmp_path / "file" / "x.db")


def test_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEAFSCOPE_DATABASE", raising=False)
    assert str(database_url(None).database).endswith("data/leafscope.db")
    monkeypatch.setenv("LEAFSCOPE_DATABASE", f"sqlite:///{tmp_path}/a.db")
    assert database_url(None).database == f"{tmp_path}/a.db"
    monkeypatch.chdir(tmp_path)
    assert database_url("b.db").database == f"{tmp_path}/b.db"


def test_alembic_is_imported_only_to_migrate_and_no_extra_at_all(tmp_path: Path) -> None:
    """Neither a new database nor one of today needs it, so that the start does not wait for it."""
    script = (
        "import sqlite3, sys; from leafscope.core.store.store import Store\n"
        f"path = {str(tmp_path / 'x.db')!r}\n"
        "Store(path).close(); print('alembic' in sys.modules)\n"
        "Store(path).close(); print('alembic' in sys.modules)\n"
        "connection = sqlite3.connect(path); connection.execute('DROP TABLE sweeps')\n"
        "for table in ('slides', 'decks', 'annotations'): connection.execute(f'DROP TABLE {table}')\n"
        "connection.execute('UPDATE meta SET value = 2'); connection.commit(); connection.close()\n"
        "Store(path).close(); print('alembic' in sys.modules)\n"
        "import leafscope.core.worker.worker, leafscope.core.worker.supervisor, leafscope.core.worker.__main__\n"
        "print(*{'psycopg', 'distributed', 'dask'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


def test_a_database_that_must_exist_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "missing.db"
    with pytest.raises(StoreError, match="there is no database at"):
        Store(path, create=False)
    assert not path.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="these are paths there")
@pytest.mark.parametrize("text", [r"C:\Users\me\x.db", "C:/Users/me/x.db", r"\\server\share\x.db"])
def test_a_path_of_windows_is_no_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="got one of Windows"):
        Store(text)
    assert not list(tmp_path.iterdir())
