"""Files that people name, opened without waiting, only if they are regular and not too large; and files without a name."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def open_file(path: str | Path, most_bytes: int) -> Iterator[BinaryIO]:
    """Open a file to read; raises OSError unless it is a regular file of at most `most_bytes` bytes.

    A named pipe would wait for someone who writes, and a device such as /dev/zero never ends.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it must be a regular file", str(path))
        if status.st_size > most_bytes:
            raise OSError(0, f"it must have at most {most_bytes:,} bytes, got {status.st_size:,}", str(path))
        file = os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise
    with file:
        yield file


def unnamed_file(folder: str | Path | None = None) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open an empty file to write and read, in a folder or where temporary files are; raises OSError.

    It has no name, so the system removes it with the process, even if that is killed.
    """
    if os.name == "nt":  # a file must have a name there, but goes with its last handle too
        return tempfile.NamedTemporaryFile(dir=folder)  # type: ignore[return-value]
    return tempfile.TemporaryFile(dir=folder)


def path_of(file: BinaryIO) -> str:
    """Return a path by which code of this process can open an unnamed file."""
    return file.name if os.name == "nt" else f"/dev/fd/{file.fileno()}"
