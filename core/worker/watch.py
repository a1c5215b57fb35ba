"""The worker's watch thread: sends heartbeats, reads stop requests, and notices when the parent ends."""

import os
import subprocess
import threading
import time

from leafscope.core.errors import StoreError
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import Claim
from leafscope.core.store.values.summaries import HEARTBEAT
from leafscope.core.worker.logs import logger

LOOK = 0.1
"""Seconds between two checks for stop requests."""

GRACE = 2.0
"""Seconds that an ending worker has to save; then the process exits."""

GRACE_ALONE = 20.0
"""Seconds that a worker without a parent has to save; SLURM waits 30 before it kills."""

log = logger("leafscope.worker")


class Watch(threading.Thread):
    """Sends heartbeats, reads stop requests, and notices when the parent ends."""

    def __init__(self, store: Store, worker_id: str, parent: int | None, grace: float = GRACE) -> None:
        super().__init__(name="watch", daemon=True)
        self._grace = grace
        self.ending = threading.Event()
        """Set when the process must end."""
        self.started = threading.Event()
        """Set unless the main thread is importing or loading, during which it does not notice `ending`."""
        self.helper: subprocess.Popen[bytes] | None = None
        """A process that ends with this one."""
        self.done = threading.Event()
        """Set to stop watching; the process continues."""
        self.reason = "the worker was told to end"
        self.device = "auto"
        self._store = store
        self._worker_id = worker_id
        self._parent = parent
        self._followed: dict[Claim, threading.Event] = {}
        self._lock = threading.Lock()  # serializes follow and release; `_followed` is replaced, never changed

    def follow(self, *claims: Claim) -> list[threading.Event]:
        """Watch these attempts too; an attempt's event is set when it must stop."""
        new = {claim: threading.Event() for claim in claims}
        with self._lock:
            self._followed = self._followed | new
        return list(new.values())

    def release(self, *claims: Claim) -> None:
        """Stop watching these attempts."""
        ended = set(claims)
        with self._lock:
            self._followed = {claim: stop for claim, stop in self._followed.items() if claim not in ended}

    def orphaned(self) -> None:
        """End the process because the parent has ended."""
        self.reason = "the program that started the worker ended"
        self.ending.set()

    def end_helper(self) -> None:
        """Kill the helper process, if any, which may notice the end of this one only after seconds of imports."""
        if (helper := self.helper) is not None:
            helper.kill()

    def run(self) -> None:
        """Check every 100 ms until the process ends or `done` is set."""
        if self._parent is not None:
            threading.Thread(target=self._wait_for_end_of_input, name="parent", daemon=True).start()
        next_beat = 0.0
        gave_up_at = None
        while not self.done.is_set():
            if self._parent is not None and os.getppid() != self._parent:
                self.orphaned()
            try:
                if self.ending.is_set():
                    gave_up_at = gave_up_at or time.monotonic() + self._grace
                    self.end_helper()
                    if time.monotonic() > gave_up_at:
                        os._exit(1)
                    if not self.started.is_set():
                        self._store.remove_worker(self._worker_id)
                        os._exit(0)
                followed = self._followed
                going = [claim for claim, stop in followed.items() if not stop.is_set()]
                wishes = dict(zip(going, self._store.wanted_of(going), strict=True))
                lost = [claim for claim, wish in wishes.items() if wish == "lost"]
                held = dict(zip(lost, self._store.take_up(lost), strict=True)) if lost else {}
                for claim, wish in wishes.items():
                    if (wish == "stop" and not claim.one_epoch) or (wish == "lost" and not held[claim]):
                        followed[claim].set()
                if time.monotonic() >= next_beat:
                    is_listed = self._store.beat(self._worker_id, *followed)
                    next_beat = time.monotonic() + HEARTBEAT
                    if self._store.path is None:  # on a server, the workers of all machines look after each other
                        self._look_after_others(is_listed)
            except StoreError as error:
                log.warning("%s", error)
            time.sleep(LOOK)

    def _look_after_others(self, is_listed: bool) -> None:
        if not is_listed and self.started.is_set() and not self.ending.is_set():
            log.warning("another worker took this one for dead, and its runs were queued again")
            self._store.set_worker(self._worker_id, "busy" if self._followed else "ready", self.device)
        for worker_id in self._store.bury_silent():
            log.warning("worker %s gave no sign of life for long; its runs are queued again", worker_id)

    def _wait_for_end_of_input(self) -> None:
        try:
            while os.read(0, 1024):
                pass
        except OSError:
            return  # no standard input; `run` still checks the parent's process id
        self.orphaned()
