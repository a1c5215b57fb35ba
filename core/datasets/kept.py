"""Data sets that are kept in memory: those used last, below a number and a number of bytes."""

import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING

from leafscope.core.datasets.dataset import Dataset

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig

MOST = 4
"""Data sets that are kept."""

MOST_BYTES = 2**30
"""Bytes that they may take together; the one used last is kept whatever it takes, up to 2.4 GB for the largest one allowed."""


class Kept:
    """A function that loads a data set, and keeps those used last; may be called from several threads."""

    def __init__(self, load: "Callable[[DataConfig, int], Dataset]") -> None:
        update_wrapper(self, load)
        self._load = load
        self._found: dict[tuple[DataConfig, int], Dataset] = {}  # the one used last stands last
        self._lock = threading.Lock()

    def __call__(self, config: "DataConfig", seed: int) -> Dataset:
        """Load a data set, or return the one that is kept."""
        key = config, seed
        with self._lock:
            if (found := self._found.pop(key, None)) is not None:
                self._found[key] = found
                return found
        made = self._load(config, seed)
        with self._lock:
            made = self._found.pop(key, made)  # another thread may have loaded it meanwhile
            self._found[key] = made
            while len(self._found) > 1 and (len(self._found) > MOST or sum(map(_size, self._found.values())) > MOST_BYTES):
                del self._found[next(iter(self._found))]
        return made

    def cache_clear(self) -> None:
        """Keep none of them any longer."""
        with self._lock:
            self._found.clear()


def _size(dataset: Dataset) -> int:
    """Bytes of the raw features in double precision, and of all splits in single precision, which are made when asked for."""
    return dataset.raw.nbytes + dataset.raw.size * 4 + 3 * dataset.labels.nbytes
