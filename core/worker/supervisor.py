"""The supervisor, which keeps a worker running while this process runs."""

import contextlib
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import IO

from leafscope.core.errors import StoreError
from leafscope.core.store.database.liveness import Liveness
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import STALE, STARTING
from leafscope.core.worker.logs import logger

GRACE = 1.0
"""Seconds a worker has to save and end before it is killed."""

DELAYS = (0.1, 0.5, 2.0, 10.0, 30.0)
"""Seconds before the next worker starts, after 1, 2, ... workers in a row that died young."""

YOUNG = 20.0
"""Seconds; a worker that lived longer resets the delays."""

CHECK = 1.0
"""Seconds between two looks at the worker's heartbeat."""

FROZEN = 15.0
"""Seconds without a heartbeat, while the database can be written to, after which a worker is replaced."""

LOG_BYTES = 5_000_000
"""When a worker starts, a log larger than this is renamed."""

log = logger("leafscope.supervisor")


class Supervisor:
    """Starts one worker on a store, restarts it when it dies, and ends it.

    Methods may be called from any thread and repeatedly: a second `start` or `stop` does nothing. The worker ends by itself
    when this process ends, even by SIGKILL. Several servers may each supervise a worker on one store.
    """

    def __init__(self, database: str | os.PathLike[str] | None = None, device: str = "auto", patience: float = 0.0) -> None:
        """Open the store; raises StoreError if it cannot be used.

        The first worker waits with its imports until `release` is called, at most `patience` seconds.
        """
        self._store = Store(database)
        self._device = device
        self._patience = patience
        self._lock = threading.Lock()  # between callers
        self._launching = threading.Lock()  # no worker is started once `_stopping` is set
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_id = ""
        self.write_fault: str | None = None
        """Why the worker cannot write; None: it can."""

    @property
    def alive(self) -> bool:
        """Whether a worker process is running."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int | None:
        """The worker's process number; None if there is no worker."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the worker and supervise it; returns immediately, before the worker is ready."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopping.clear()
            self._launch()
            self._thread = threading.Thread(target=self._keep_running, name="supervisor", daemon=True)
            self._thread.start()

    def release(self) -> None:
        """Let the first worker import what it needs, if it still waits."""
        with self._launching:
            process, waits = self._process, self._patience > 0
            self._patience = 0.0
        if waits and process is not None and process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it has ended
                process.stdin.write(b"\n")

    def stop(self) -> None:
        """End the worker within about a second; its runs are saved as interrupted and can be resumed."""
        with self._lock:
            if self._thread is None:
                return
            with self._launching:
                self._stopping.set()
                process = self._process
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
            self._thread.join()
            self._thread = None

    def _keep_running(self) -> None:
        young = 0
        while True:
            process = self._process
            if process is not None:
                began = time.monotonic()
                status = self._wait(process)
                if process.stdin is not None:
                    process.stdin.close()
                self._note_end(status)
                young = 0 if time.monotonic() - began > YOUNG else young + 1
            if self._stopping.wait(DELAYS[min(young, len(DELAYS)) - 1] if young else 0):
                return
            with self._launching:
                if self._stopping.is_set():
                    return
                try:
                    self._launch()
                except OSError as error:
                    log.warning("cannot start a worker: %s", error)
                    self._process = None
                    young += 1

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait until the worker ends; kill it if it sends no heartbeat for long while the database can be written to."""
        alive = Liveness()
        writable_since: float | None = None
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(CHECK)
            try:
                known = self._store.beats(self._worker_id)
                if known is None:  # another process took it off the list while this one and the worker were paused
                    self._store.set_worker(self._worker_id, "starting", self._device, process.pid)
            except StoreError as error:
                log.warning("%s", error)
                continue
            state, beats = known or ("starting", 0)
            if alive.still_for({self._worker_id: beats})[self._worker_id] < STALE:
                self.write_fault, writable_since = None, None
                continue
            if not self._store.can_write():  # then the worker cannot either
                self.write_fault, writable_since = self._store.write_fault, None
                continue
            self.write_fault = None
            now = time.monotonic()
            writable_since = writable_since or now
            if now - writable_since > (STARTING if state == "starting" else FROZEN):
                log.warning("the worker gave no sign of life for long and is replaced")
                process.kill()

    def _note_end(self, exit_status: int) -> None:
        try:
            if self._stopping.is_set():
                self._store.remove_worker(self._worker_id, "interrupted", "the worker was ended before it could save")
            else:
                log.warning("the worker ended with status %d, see its log; starting another", exit_status)
                self._store.bury_worker(self._worker_id)
        except StoreError as error:
            log.warning("%s", error)

    def _launch(self) -> None:
        self._worker_id = uuid.uuid4().hex
        environment = os.environ | {"LEAFSCOPE_DATABASE": self._store.url}  # not an argument: the URL may hold a password
        options = ["--device", self._device, "--parent", str(os.getpid()), "--id", self._worker_id]
        options += ["--patience", str(self._patience)] if self._patience > 0 else []
        with self._open_log() as errors:
            self._process = subprocess.Popen(
                # -P: modules in the working directory must not shadow installed packages
                [sys.executable, "-P", "-m", "leafscope.core.worker", *options],
                stdin=subprocess.PIPE,
                bufsize=0,  # what an ended worker did not take would be written again when standard input is closed
                stdout=errors,
                stderr=errors,
                env=environment,
                start_new_session=True,  # Ctrl-C in the terminal reaches only the server, which then shuts the worker down
            )
        try:  # now: the worker can report it only after seconds of imports
            self._store.set_worker(self._worker_id, "starting", self._device, self._process.pid)
        except StoreError as error:
            log.warning("%s", error)

    def _open_log(self) -> IO[bytes]:
        if self._store.path is None:
            return open(os.devnull, "ab")
        path = Path(self._store.path).with_name("worker.log")
        try:
            if path.exists() and path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".old.log"))
            return path.open("ab")
        except OSError as error:  # such as a folder that cannot be written to: then the worker can say so itself
            log.warning("the worker has no log: %s", error)
            return open(os.devnull, "ab")
