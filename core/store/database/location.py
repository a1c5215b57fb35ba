"""Where the database is, and whether it is sure to open. Imports no SQLAlchemy, which takes half a second."""

import contextlib
import os
import re
import sqlite3
from pathlib import Path

import platformdirs

MIGRATIONS = Path(__file__).parents[1] / "migrations"
"""The folder of the migration scripts: revision 0002 migrates version 1 to version 2."""

EMPTY_BYTES = 1 << 20
"""Bytes that must be free for a new database."""


def data_folder() -> Path:
    """Return the folder for people's data: `data` in a checkout, else the platform's folder for user data."""
    root = Path(__file__).resolve().parents[3]
    return root / "data" if (root / "pyproject.toml").exists() else platformdirs.user_data_path("leafscope", appauthor=False)


def named_database(database: str | os.PathLike[str] | None = None) -> str:
    """Return the path or URL that was given, else LEAFSCOPE_DATABASE, else `leafscope.db` in `data_folder()`."""
    if database is None:
        database = os.environ.get("LEAFSCOPE_DATABASE") or data_folder() / "leafscope.db"
    return os.fspath(database)


def is_of_windows(text: str) -> bool:
    """Whether a path is one of Windows and this is another system, where it would become a file of that name."""
    return os.name != "nt" and re.match(r"[A-Za-z]:[\\/]|\\\\", text) is not None


def ready_file() -> Path | None:
    """Return the path of the default database if it is sure to open: it is current, or can be made; None: open it and see.

    Whatever is unusual is None: a URL, an older or newer version, a file that is damaged or that may only be read.
    """
    text = named_database()
    if "://" in text or is_of_windows(text):
        return None
    with contextlib.suppress(OSError, ValueError, sqlite3.Error):
        file = Path(text).absolute()
        if file.exists():
            return (
                file if _is_current(file) and os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK) else None
            )
        folder = next(one for one in file.parents if one.exists())
        free = os.statvfs(folder) if hasattr(os, "statvfs") else None
        has_room = free is None or free.f_bavail * free.f_frsize > EMPTY_BYTES
        beside = [file.with_name(file.name + end) for end in ("-wal", "-shm")]
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and has_room and not any(one.exists() for one in beside):
            return file
    return None


def _is_current(file: Path) -> bool:
    newest = max(int(script.name[1:5]) for script in MIGRATIONS.glob("v[0-9][0-9][0-9][0-9]_*.py"))
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
        row = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    return row is not None and row[0] == str(newest)
