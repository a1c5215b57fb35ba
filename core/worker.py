"""`python -m leafscope.core.worker`: claims runs, trains them, records what happens. It opens no socket.

Three threads: the main one trains and writes; the watch gives signs of life and looks for a wish to stop; with a parent,
one more waits for the end of standard input, which comes when the parent ends, however it ends.
"""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection
from types import FrameType
from typing import TYPE_CHECKING, Any

from leafscope.core.config import RunConfig, changed
from leafscope.core.errors import LeafscopeError, StoreError
from leafscope.core.group import Group
from leafscope.core.presets import EXAMPLE
from leafscope.core.reading import HEARTBEAT
from leafscope.core.recording import (
    AttemptLostError,
    Recorder,
    explain,
    facts_of,
    fit_attempt,
    is_expected,
    left_behind,
    pack,
    unpack,
)
from leafscope.core.store import Claim, Ending, Store

if TYPE_CHECKING:
    from leafscope.core.training import Trainer

LOOK = 0.1
"""Seconds between two looks for a wish to stop."""

POLL = 0.05
"""Seconds between two looks at the queue."""

NICENESS = 5
"""So that the server, which shares the cores, answers first."""

GRACE = 2.0
"""Seconds that a worker without a parent takes to save; then it ends as it is."""

EXAMPLE_NOTE = "example, trained at the first start"

log = logging.getLogger("leafscope.worker")


class Watch(threading.Thread):
    """Gives signs of life, reads the wish to stop, and notices the parent's end."""

    def __init__(self, store: Store, worker_id: str, parent: int | None) -> None:
        super().__init__(name="watch", daemon=True)
        self.ending = threading.Event()
        """The process is to end."""
        self.started = threading.Event()
        """Nothing is being imported or loaded, so that the main thread hears of the end soon."""
        self.helper: subprocess.Popen[bytes] | None = None
        """A process that ends with this one."""
        self.done = threading.Event()
        """Nothing is to be watched any more, though the process goes on."""
        self.reason = "the worker was told to end"
        self._store = store
        self._worker_id = worker_id
        self._parent = parent
        self._followed: dict[Claim, threading.Event] = {}
        self._lock = threading.Lock()  # between those who follow and release; what is followed is replaced, never changed

    def follow(self, *claims: Claim) -> list[threading.Event]:
        """Watch over these attempts too; an attempt's event is set when it is to stop."""
        new = {claim: threading.Event() for claim in claims}
        with self._lock:
            self._followed = self._followed | new
        return list(new.values())

    def release(self, *claims: Claim) -> None:
        """Watch over these attempts no more."""
        with self._lock:
            self._followed = {claim: stop for claim, stop in self._followed.items() if claim not in claims}

    def orphaned(self) -> None:
        """End the process: the parent has ended."""
        self.reason = "the program that started the worker ended"
        self.ending.set()

    def end_helper(self) -> None:
        """End the other process, if there is one, which may hear only after seconds of imports that this one has ended."""
        if (helper := self.helper) is not None:
            helper.kill()

    def run(self) -> None:
        """Look every 100 ms until the process ends, or the work is done."""
        if self._parent is not None:
            threading.Thread(target=self._wait_for_end_of_input, name="parent", daemon=True).start()
        next_beat = 0.0
        gave_up_at = None
        while not self.done.is_set():
            if self._parent is not None and os.getppid() != self._parent:
                self.orphaned()
            try:
                if self.ending.is_set():
                    gave_up_at = gave_up_at or time.monotonic() + GRACE
                    self.end_helper()
                    if time.monotonic() > gave_up_at:
                        os._exit(1)
                    if not self.started.is_set():
                        self._store.remove_worker(self._worker_id)
                        os._exit(0)
                followed = self._followed
                going = [claim for claim, stop in followed.items() if not stop.is_set()]
                for claim, wish in zip(going, self._store.wanted_of(going), strict=True):
                    if wish != "go":
                        followed[claim].set()
                if time.monotonic() >= next_beat:
                    self._store.beat(self._worker_id, *followed)
                    next_beat = time.monotonic() + HEARTBEAT
            except StoreError as error:
                log.warning("%s", error)
            time.sleep(LOOK)

    def _wait_for_end_of_input(self) -> None:
        try:
            while os.read(0, 1024):
                pass
        except OSError:
            return  # no standard input; the look at the parent's number remains
        self.orphaned()


class Worker:
    """Trains what is queued, one run after another, until told to end.

    `make_trainer` takes a run and the wish to stop; None: `core.training.Trainer`. `threads` train members of sweeps side by
    side, by default one on each core. `only` names the runs to train; then nothing else is. `on_members` is called, from
    several threads, after every few of them.
    """

    def __init__(
        self,
        store: Store,
        worker_id: str,
        device: str = "auto",
        parent: int | None = None,
        make_trainer: "Callable[[RunConfig, Callable[[], bool]], Trainer] | None" = None,
        threads: int | None = None,
        only: Collection[str] | None = None,
        on_members: Callable[[], Any] = lambda: None,
    ) -> None:
        self.watch = Watch(store, worker_id, parent)
        self._only = only
        self._group = Group(store, worker_id, self.watch, device, threads or n_cores(), self._why_stopped, only, on_members)
        self._store = store
        self.worker_id = worker_id
        self._device = device
        self._make_trainer = make_trainer

    def run(self) -> None:
        """Start up, then work until told to end."""
        self._store.set_worker(self.worker_id, "starting", self._device)
        self.watch.start()
        if self._store.is_empty():
            self._store.submit(EXAMPLE, note=EXAMPLE_NOTE, priority="sweep")
        self._warm_up()
        self.watch.started.set()
        while not self.watch.ending.is_set():
            try:
                self._store.set_worker(self.worker_id, "ready")
                while not self.watch.ending.is_set():
                    self._load_compiled()
                    if not self.work_once():
                        self.watch.ending.wait(POLL)
            except StoreError as error:
                log.warning("%s", error)
                self.watch.ending.wait(1.0)

    def close(self) -> None:
        """Take the worker off the list."""
        self.watch.end_helper()
        self._store.remove_worker(self.worker_id, error=self.watch.reason)
        log.info("ended: %s", self.watch.reason)

    def work_once(self) -> bool:
        """Train one attempt, or members of sweeps until another run waits; False if there is nothing to train."""
        if self._group.work():
            self._store.set_worker(self.worker_id, "ready")
            return True
        claim = None if self._only is not None else self._store.claim(self.worker_id)
        if claim is None:
            return False
        (stop,) = self.watch.follow(claim)
        try:
            self._store.set_worker(self.worker_id, "busy")
            log.info("%s attempt %d: %s", claim.run_id, claim.attempt, claim.label)
            status = self._attempt(claim, stop)
            log.info("%s attempt %d: %s", claim.run_id, claim.attempt, status)
        except AttemptLostError:
            log.info("%s attempt %d: dropped, it is no longer this worker's", claim.run_id, claim.attempt)
        finally:
            self.watch.release(claim)
        self._store.set_worker(self.worker_id, "ready")
        return True

    def _attempt(self, claim: Claim, stop: threading.Event) -> str:
        recorder: Recorder | None = None
        try:
            if claim.run.net.fitted:
                return fit_attempt(self._store, claim, lambda: stop.is_set() or self.watch.ending.is_set(), self._why_stopped)
            trainer = self._trainer(claim.run, lambda: stop.is_set() or self.watch.ending.is_set())
            from leafscope.core.snapshots import Snapshots

            snapshots = Snapshots(claim.run, trainer)
            recorder = Recorder(self._store, claim, trainer.state)
            if (saved := self._store.checkpoint(claim)) is not None:
                trainer.load_state(unpack(saved))
            if not self._store.begin(claim, trainer.device, trainer.epoch):
                raise AttemptLostError
            del saved
            for record in trainer.epochs():
                recorder.add(record, snapshots.of(record.epoch))
            status, error = ("finished", None) if not trainer.stopped else self._why_stopped()
            artifacts, facts = left_behind(trainer, status)
            if status == "finished":
                artifacts |= snapshots.at_end()
            recorder.end(status, error, artifacts, facts)
        except AttemptLostError:
            raise
        except StoreError as error:
            with contextlib.suppress(StoreError):  # it may be the disk that is full
                self._store.end(claim, "failed", str(error))
            raise
        except Exception as error:
            sentence = explain(error)
            log.warning("%s attempt %d: %s", claim.run_id, claim.attempt, sentence, exc_info=not is_expected(error))
            (recorder or Recorder(self._store, claim, dict)).end("failed", sentence, facts=facts_of(error))
            return "failed"
        return status

    def _why_stopped(self) -> tuple[Ending, str | None]:
        if self.watch.ending.is_set():
            return "interrupted", self.watch.reason
        return "stopped", None

    def _trainer(self, run: RunConfig, should_stop: Callable[[], bool]) -> "Trainer":
        if self._device != "auto" and run.train.device == "auto":
            run = changed(run, {"train.device": self._device})
        if self._make_trainer is not None:
            return self._make_trainer(run, should_stop)
        from leafscope.core.training import Trainer

        return Trainer(run, should_stop)

    def _warm_up(self) -> None:
        """Pay for imports and first uses now, so that the first run does not wait for them."""
        began = time.monotonic()
        import torch
        from leafscope.core.kernels import ready

        with contextlib.suppress(OSError):
            os.nice(NICENESS)
        torch.set_num_threads(n_threads())
        ready.wait_for_nobody()
        if ready.is_ready():
            with contextlib.suppress(LeafscopeError):
                ready.make_ready()
        elif ready.can_be_kept():
            log.info("compiling, once on this machine; until then training takes the slower path")
            self.watch.helper = ready.start_making_ready()
        tiny: dict[str, Any] = {"data": {"name": "iris"}, "net": {"depth": 2, "width": 4}, "train": {"epochs": 2}}
        try:
            trainer = self._trainer(RunConfig.model_validate(tiny), self.watch.ending.is_set)
            for _ in trainer.epochs():
                unpack(pack(trainer.state()))
        except LeafscopeError as error:
            log.warning("warming up: %s", error)
        log.info("ready after %.1f s, %d threads", time.monotonic() - began, torch.get_num_threads())

    def _load_compiled(self) -> None:
        """Load what another process compiled, between two runs."""
        compiler = self.watch.helper
        if compiler is None or compiler.poll() is None or self.watch.ending.is_set():
            return
        from leafscope.core.kernels import ready

        if compiler.returncode == 0:
            self.watch.started.clear()
            try:
                ready.make_ready()
                log.info("compiled code is ready")
            except LeafscopeError as error:
                log.warning("loading compiled code: %s", error)
            finally:
                self.watch.started.set()
        else:
            log.warning("compiling failed with status %d; training keeps to the slower path", compiler.returncode)
        self.watch.helper = None


def train_members(store: Store, run_ids: list[str], threads: int, device: str, on_progress: Callable[[int, int], None]) -> None:
    """Train queued members of a sweep in this process, until none of these runs waits or trains anywhere.

    Another worker may take some of them. `on_progress` may be called from several threads, one at a time. At Ctrl-C those in
    training are saved as interrupted, and KeyboardInterrupt goes on.
    """
    lock = threading.Lock()

    def look() -> int:
        with lock:
            statuses = store.statuses(run_ids)
            active = sum(status in ("queued", "running") for status in statuses.values())
            on_progress(len(run_ids) - active, len(run_ids))
        return active

    worker = Worker(store, uuid.uuid4().hex, device, threads=threads, only=run_ids, on_members=look)
    worker.watch.started.set()
    worker.watch.start()
    store.set_worker(worker.worker_id, "busy", device)
    try:
        while True:
            worked = worker.work_once()
            if not look():
                return
            if not worked:
                worker.watch.ending.wait(LOOK)
    finally:
        worker.watch.done.set()
        worker.watch.join()
        store.remove_worker(worker.worker_id, error="the sweep was interrupted")


def n_threads() -> int:
    """Count the threads to train with: one core is left to the server, and more than 4 do not help nets of this size."""
    return max(1, min(4, n_cores() - 1))


def n_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(arguments: list[str] | None = None) -> int:
    """Run a worker until SIGTERM or the parent's end; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m leafscope.core.worker", description="Trains the runs that are queued in a store."
    )
    parser.add_argument(
        "--database", help="path or URL of the store; default: LEAFSCOPE_DATABASE, else leafscope.db in the data folder"
    )
    parser.add_argument("--device", default="auto", help="where to train runs that leave it open (default: auto)")
    parser.add_argument("--parent", type=int, help="end when this process, which holds standard input open, ends")
    parser.add_argument("--id", default=uuid.uuid4().hex, help="name of this worker in the store (default: made up)")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    try:
        worker = Worker(Store(options.database), options.id, options.device, options.parent)
    except StoreError as error:
        log.error("%s", error)
        return 1

    def end(_number: int, _frame: FrameType | None) -> None:
        worker.watch.ending.set()

    signal.signal(signal.SIGTERM, end)
    # Ctrl-C in a terminal reaches both; the parent then ends the worker in order.
    signal.signal(signal.SIGINT, end if options.parent is None else signal.SIG_IGN)
    try:
        worker.run()
        worker.close()
    except StoreError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    exit_status = main()
    sys.stderr.flush()
    os._exit(exit_status)  # at once: taking torch apart in order can take most of a second
