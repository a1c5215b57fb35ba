"""Texts of a column gathered block by block in one piece of memory: many small ones would leave holes that stay taken."""

import ctypes
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


class Gathered:
    """Texts of a column, n of them so far."""

    def __init__(self) -> None:
        """Begin without texts."""
        self._data = bytearray()
        self._ends: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._is_valid: list[NDArray[np.bool_]] = []

    def add(self, texts: "pa.Array") -> None:
        """Append texts: large strings, null where they are missing."""
        ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
        first, last = int(ends[0]), int(ends[-1])
        if last > first:
            self._data += memoryview(texts.buffers()[2])[first:last]
        self._ends.append(ends[1:] - first + self._ends[-1][-1])
        self._is_valid.append(texts.is_valid().to_numpy(zero_copy_only=False))

    def array(self, missing: int = 0) -> "pa.Array":
        """All texts as one array, which takes over the memory, so that nothing can be added; first so many null ones."""
        import pyarrow as pa

        ends = np.concatenate([np.zeros(missing, np.int64), *self._ends])
        is_valid = np.concatenate([np.zeros(missing, np.bool_), *self._is_valid])
        mask = None if is_valid.all() else pa.array(is_valid).buffers()[1]
        return pa.Array.from_buffers(pa.large_string(), len(is_valid), [mask, pa.py_buffer(ends), pa.py_buffer(self._data)])


def give_back() -> None:
    """Give memory that was freed back to the system, which the allocators of C and Arrow keep for what comes next."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError, TypeError):  # only the C library of Linux can be asked
        ctypes.CDLL(None).malloc_trim(0)
