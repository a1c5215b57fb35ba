"""Where compiled code is kept between processes, chosen before Numba is imported.

Numba loads what it finds there as code of this program, so only a folder that no other account can write to will do.
"""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

VARIABLE = "NUMBA_CACHE_DIR"
"""The environment variable that Numba reads, in this process and in those that it starts."""

NOWHERE = "LEAFSCOPE_COMPILED"
"""The environment variable that is "not kept" where there is no place, in this process and in those that it starts."""

ROOM = 50 * 2**20
"""Bytes that must be free: the compiled code takes about 5 MB for each version of the program."""

NOT_KEPT = (
    "Compiled code cannot be kept on this machine, so that each start takes about half a minute. "
    f"Set {VARIABLE} to a folder that can be written to."
)


def choose(store: str | None) -> bool:
    """Choose where compiled code is kept; False if there is no place, so that every process compiles anew.

    In this order: NUMBA_CACHE_DIR, beside the source, the user's cache, beside the store, the folder for temporary files.
    """
    os.environ.pop(NOWHERE, None)
    given = os.environ.get(VARIABLE)
    beside_source = Path(__file__).parents[1] / "kernels" / "__pycache__"
    if (given and _is_writable(Path(given))) or (not given and _is_writable(beside_source)):
        return True
    for place in _places(store):
        if _is_writable(place) and _is_private(place):
            os.environ[VARIABLE] = str(place)
            return True
    os.environ[NOWHERE] = "not kept"
    return False


def is_kept() -> bool:
    """Whether a place was chosen, or none was needed yet."""
    return NOWHERE not in os.environ


def _places(store: str | None) -> Iterator[Path]:
    yield platformdirs.user_cache_path("leafscope", appauthor=False)
    name = f"leafscope-compiled-{os.getuid()}" if hasattr(os, "getuid") else "leafscope-compiled"
    if store is not None:
        yield Path(store).parent / name
    with contextlib.suppress(OSError):  # there is no folder for temporary files
        yield Path(tempfile.gettempdir()) / name


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        return shutil.disk_usage(folder).free >= ROOM
    except OSError:
        return False


def _is_private(folder: Path) -> bool:
    """Whether no other account can write into a folder or put another one in its place."""
    if os.name == "nt":  # the folders of an account are its own
        return True
    own, above = folder.lstat(), folder.parent.stat()
    is_own = stat.S_ISDIR(own.st_mode) and own.st_uid == os.geteuid() and not own.st_mode & 0o022
    return is_own and (not above.st_mode & 0o022 or bool(above.st_mode & stat.S_ISVTX))
