"""A store whose writes wait while the database cannot be written to, so that a full disk or a lock ends no run."""

import functools
import threading
from typing import Any, cast

from leafscope.core.errors import StoreError
from leafscope.core.store.store import Store
from leafscope.core.worker.logs import logger

RETRY = 1.0
"""Seconds between two tries."""

WAITING = frozenset({"begin", "checkpoint", "record", "end", "end_many", "queue_chosen", "set_worker"})
"""The methods that are tried again; the others raise, as they do in a store."""

log = logger("leafscope.worker")


class _Patient:
    def __init__(self, store: Store, ending: threading.Event) -> None:
        self._store = store
        self._ending = ending

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return functools.partial(self._persist, found) if name in WAITING else found

    def _persist(self, call: Any, *arguments: Any, **named: Any) -> Any:
        said = False
        while True:
            try:
                return call(*arguments, **named)
            except StoreError as error:
                if not error.can_pass or self._ending.wait(RETRY):
                    raise
                if not said:
                    log.warning("waiting to write: %s", error)
                    said = True


def patient(store: Store, ending: threading.Event) -> Store:
    """Give a store that tries to write until it can, or until `ending` is set."""
    return cast(Store, _Patient(store, ending))
