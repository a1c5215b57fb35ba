"""What is sure to open is said to be without opening it; everything else is opened before the server starts."""

import os
import sqlite3
from pathlib import Path

import pytest

from leafscope.core.config import RunConfig
from leafscope.core.store.database import location
from leafscope.core.store.schema import SCHEMA_VERSION
from leafscope.core.store.store import Store


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "runs.db"
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(file))
    return file


def test_a_new_and_a_current_database_are_ready(database: Path) -> None:
    assert location.ready_file() == database
    assert not database.exists()
    Store(database).submit(RunConfig())
    assert location.ready_file() == database


def test_a_folder_that_can_be_made_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "a" / "b" / "runs.db"))
    assert location.ready_file() == tmp_path / "a" / "b" / "runs.db"
    (tmp_path / "a").write_text("a file")
    assert location.ready_file() is None


@pytest.mark.parametrize("version", [str(SCHEMA_VERSION - 1), str(SCHEMA_VERSION + 1), "", "x"])
def test_another_version_is_opened_first(database: Path, version: str) -> None:
    Store(database).close()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE meta SET value = ?", (version,))
    connection.close()
    assert location.ready_file() is None


@pytest.mark.parametrize("content", [b"", b"no database " * 100])
def test_another_file_is_opened_first(database: Path, content: bytes) -> None:
    database.write_bytes(content)
    assert location.ready_file() is None


def test_what_a_crash_left_beside_no_database_is_looked_at(database: Path) -> None:
    database.with_name("runs.db-wal").write_bytes(b"left")
    assert location.ready_file() is None


def test_a_url_or_a_path_of_windows_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("postgresql://host/name", "sqlite:////x.db", r"C:\Users\me\x.db"):
        monkeypatch.setenv("LEAFSCOPE_DATABASE", text)
        assert location.ready_file() is None


def test_without_permission_it_is_opened_first(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(database).close()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != database.parent)
    assert location.ready_file() is None
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != database)
    assert location.ready_file() is None
