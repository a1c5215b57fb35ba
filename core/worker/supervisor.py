"""Keeps a worker running for as long as this process lives."""

import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import IO

from leafscope.core.errors import StoreError
from leafscope.core.store.store import Store

GRACE = 1.0
"""Seconds a worker has to save and end before it is killed."""

DELAYS = (0.1, 0.5, 2.0, 10.0, 30.0)
"""Seconds before a new worker is started, after 1, 2, ... that died young."""

YOUNG = 20.0
"""Seconds; a worker that lived longer starts the delays anew."""

LOG_BYTES = 5_000_000
"""A log larger than this is put aside when a worker starts."""

log = logging.getLogger("leafscope.supervisor")


class Supervisor:
    """Starts one worker on a store, starts it again when it dies, and ends it.

    All methods may be called from any thread, and again: a second `start` or `stop` does nothing. The worker ends by itself
    when this process does, even by SIGKILL. Several servers may each supervise a worker on one store.
    """

    def __init__(self, database: str | os.PathLike[str] | None = None, device: str = "auto") -> None:
        """Open the store; raises StoreError if it cannot be used."""
        self._store = Store(database)
        self._device = device
        self._lock = threading.Lock()  # between callers
        self._launching = threading.Lock()  # no worker is started once `_stopping` is set
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_id = ""

    @property
    def alive(self) -> bool:
        """Whether a worker process is there."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int | None:
        """The worker's process number; None if there is no worker."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the worker and watch it; returns at once, before the worker is ready."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopping.clear()
            self._launch()
            self._thread = threading.Thread(target=self._keep_running, name="supervisor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the worker within about a second: what it trains is saved and interrupted, and can be resumed."""
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
                status = process.wait()
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
                    log.warning("no worker could be started: %s", error)
                    self._process = None
                    young += 1

    def _note_end(self, exit_status: int) -> None:
        try:
            if self._stopping.is_set():
                self._store.remove_worker(self._worker_id, "interrupted", "the worker was ended before it could save")
            else:
                log.warning("the worker ended with status %d; see its log. Another is started", exit_status)
                self._store.remove_worker(self._worker_id, "failed", "the worker died")
        except StoreError as error:
            log.warning("%s", error)

    def _launch(self) -> None:
        self._worker_id = uuid.uuid4().hex
        environment = os.environ | {"LEAFSCOPE_DATABASE": self._store.url}  # not an argument: the URL may hold a password
        options = ["--device", self._device, "--parent", str(os.getpid()), "--id", self._worker_id]
        with self._open_log() as errors:
            self._process = subprocess.Popen(
                # -P: nothing in the working directory takes the place of an installed package
                [sys.executable, "-P", "-m", "leafscope.core.worker", *options],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                env=environment,
                start_new_session=True,  # a Ctrl-C in the terminal is for the server, which ends the worker in order
            )
        try:  # at once: the worker can say so itself only after seconds of imports
            self._store.set_worker(self._worker_id, "starting", self._device, self._process.pid)
        except StoreError as error:
            log.warning("%s", error)

    def _open_log(self) -> IO[bytes]:
        if self._store.path is None:
            return open(os.devnull, "ab")
        path = Path(self._store.path).with_name("worker.log")
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".old.log"))
        return path.open("ab")
