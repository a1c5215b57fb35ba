"""What a process of a Dask cluster does: it claims members of sweeps, trains them, and writes them to the database itself."""

import contextlib
import functools
import gc
import threading
import time
from typing import Any

from leafscope.core.errors import StoreError
from leafscope.core.machine import compile_cache
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import Claim
from leafscope.core.worker.members import Group
from leafscope.core.worker.patience import patient
from leafscope.core.worker.watch import GRACE_ALONE, Watch

SECONDS = 5.0
"""A group claims no further members after this time, so that others who use the cluster get their turn."""

BROKEN = "the connection to the database broke"

_preparing = threading.Lock()


class _Timed(Group):
    """Claims members for a few seconds only."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._until = time.monotonic() + SECONDS

    def _claim(self) -> list[Claim]:
        return super()._claim() if time.monotonic() < self._until else []


def train_group(group_id: str, device: str, identity: str) -> None:
    """Train members of sweeps for a few seconds, as the worker `group_id`, in the database that LEAFSCOPE_DATABASE names here.

    A request to stop reaches it through the database. Raises StoreError if that is not the database of this `identity`, if it
    cannot be used, or if a process that had this group before has died, for the scheduler then gives it to another.
    """
    store = _store()
    store.refuse_other_version()
    if store.identity() != identity:
        raise StoreError(
            f"a process of the cluster must use the app's database, but its LEAFSCOPE_DATABASE is {store.place}, another one"
        )
    if store.beats(group_id) is not None:
        raise StoreError("a process of the cluster died while it trained a group of a sweep")
    _get_ready()
    watch = Watch(store, group_id, None, GRACE_ALONE)
    watch.device = device
    watch.started.set()
    store.set_worker(group_id, "busy", device)
    watch.start()
    try:
        group = _Timed(patient(store, watch.ending), group_id, watch, device, 1, lambda: ("stopped", None))
        group.work()
    finally:
        watch.done.set()
        watch.join()
        with contextlib.suppress(StoreError):
            store.hand_on(group_id, BROKEN)  # what it has in hand after an error
        store.remove_worker(group_id)


@functools.cache
def _open() -> Store:
    return Store()


def _store() -> Store:
    with _preparing:
        return _open()


def _get_ready() -> None:
    """Load compiled code, once in each process."""
    import torch

    with _preparing:
        _load()
    torch.set_num_threads(1)  # a cluster counts a process by its threads


@functools.cache
def _load() -> None:
    compile_cache.choose(None)
    from leafscope.core.training import compiling

    compiling.make_ready()
    gc.freeze()  # what was imported stays to the end, so that no collection need look at it again
