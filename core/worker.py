"""`python -m core.worker`: claims runs, trains them, records what happens. It opens no socket.

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
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from core import config
from core.config import RunConfig, changed
from core.errors import OUT_OF_MEMORY, LeafscopeError, StoreError, is_out_of_memory
from core.reading import HEARTBEAT
from core.store import CHECKPOINT, NET, Claim, Ending, Store

if TYPE_CHECKING:
    import torch

    from core.training import EpochRecord, Trainer

LOOK = 0.1
"""Seconds between two looks for a wish to stop."""

POLL = 0.05
"""Seconds between two looks at the queue."""

FLUSH = 0.1
"""Seconds between two writes of epochs: a page looks no more often."""

CHECKPOINT_EVERY = 2.0
"""Seconds between two checkpoints, and at least 20 times what one takes."""

GRACE = 2.0
"""Seconds that a worker without a parent takes to save; then it ends as it is."""

EXAMPLE_NOTE = "example, trained at the first start"

log = logging.getLogger("leafscope.worker")


class _AttemptLostError(Exception):
    """The attempt is no longer this worker's."""


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
        self.reason = "the worker was told to end"
        self._store = store
        self._worker_id = worker_id
        self._parent = parent
        self._followed: tuple[Claim, threading.Event] | None = None

    def follow(self, claim: Claim) -> threading.Event:
        """Watch over an attempt; the event is set when it is to stop."""
        stop = threading.Event()
        self._followed = (claim, stop)
        return stop

    def release(self) -> None:
        """Watch over no attempt."""
        self._followed = None

    def orphaned(self) -> None:
        """End the process: the parent has ended."""
        self.reason = "the program that started the worker ended"
        self.ending.set()

    def end_helper(self) -> None:
        """End the other process, if there is one, which may hear only after seconds of imports that this one has ended."""
        if (helper := self.helper) is not None:
            helper.kill()

    def run(self) -> None:
        """Look every 100 ms until the process ends."""
        if self._parent is not None:
            threading.Thread(target=self._wait_for_end_of_input, name="parent", daemon=True).start()
        next_beat = 0.0
        gave_up_at = None
        while True:
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
                if followed is not None and self._store.wanted(followed[0]) != "go":
                    followed[1].set()
                if time.monotonic() >= next_beat:
                    self._store.beat(self._worker_id, followed and followed[0])
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


class Recorder:
    """Writes an attempt's epochs, a few at a time, and its checkpoints."""

    def __init__(self, store: Store, claim: Claim, state: Callable[[], "dict[str, torch.Tensor]"]) -> None:
        self._store = store
        self._claim = claim
        self._state = state
        self._waiting: list[EpochRecord] = []
        self._next_write = 0.0
        self._next_checkpoint = time.monotonic() + CHECKPOINT_EVERY

    def add(self, record: "EpochRecord") -> None:
        """Take an epoch, and write what waits if it is time to; raises _AttemptLostError."""
        self._waiting.append(record)
        began = time.monotonic()
        saves = began >= self._next_checkpoint
        if not saves and began < self._next_write:
            return
        artifacts = {CHECKPOINT: pack(self._state())} if saves else {}
        if not self._store.record(self._claim, self._waiting, artifacts):
            raise _AttemptLostError
        self._waiting.clear()
        now = time.monotonic()
        self._next_write = now + FLUSH
        if saves:
            self._next_checkpoint = now + max(CHECKPOINT_EVERY, 20 * (now - began))

    def end(self, status: Ending, error: str | None = None, artifacts: dict[str, bytes] | None = None) -> None:
        """Write what waits and end the attempt; raises _AttemptLostError."""
        if not self._store.end(self._claim, status, error, self._waiting, artifacts):
            raise _AttemptLostError


class Worker:
    """Trains what is queued, one run after another, until told to end.

    `make_trainer` takes a run and the wish to stop; None: `core.training.Trainer`.
    """

    def __init__(
        self,
        store: Store,
        worker_id: str,
        device: str = "auto",
        parent: int | None = None,
        make_trainer: "Callable[[RunConfig, Callable[[], bool]], Trainer] | None" = None,
    ) -> None:
        self.watch = Watch(store, worker_id, parent)
        self._store = store
        self._worker_id = worker_id
        self._device = device
        self._make_trainer = make_trainer

    def run(self) -> None:
        """Start up, then work until told to end."""
        self._store.set_worker(self._worker_id, "starting", self._device)
        self.watch.start()
        if self._store.is_empty():
            self._store.submit(RunConfig(), note=EXAMPLE_NOTE, priority="sweep")
        self._warm_up()
        self.watch.started.set()
        while not self.watch.ending.is_set():
            try:
                self._store.set_worker(self._worker_id, "ready")
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
        self._store.remove_worker(self._worker_id, error=self.watch.reason)
        log.info("ended: %s", self.watch.reason)

    def work_once(self) -> bool:
        """Train one attempt, if one waits; False if none does."""
        claim = self._store.claim(self._worker_id)
        if claim is None:
            return False
        stop = self.watch.follow(claim)
        try:
            self._store.set_worker(self._worker_id, "busy")
            log.info("%s attempt %d: %s", claim.run_id, claim.attempt, claim.label)
            status = self._attempt(claim, stop)
            log.info("%s attempt %d: %s", claim.run_id, claim.attempt, status)
        except _AttemptLostError:
            log.info("%s attempt %d: dropped, it is no longer this worker's", claim.run_id, claim.attempt)
        finally:
            self.watch.release()
        self._store.set_worker(self._worker_id, "ready")
        return True

    def _attempt(self, claim: Claim, stop: threading.Event) -> str:
        recorder: Recorder | None = None
        try:
            trainer = self._trainer(claim.run, lambda: stop.is_set() or self.watch.ending.is_set())
            recorder = Recorder(self._store, claim, trainer.state)
            if (saved := self._store.checkpoint(claim)) is not None:
                trainer.load_state(unpack(saved))
            if not self._store.begin(claim, trainer.device, trainer.epoch):
                raise _AttemptLostError
            del saved
            for record in trainer.epochs():
                recorder.add(record)
            status, error = self._ending(trainer)
            # a finished run never goes on: its weights are kept, the three times larger checkpoint is not
            artifact = {NET: trainer.net.state_dict()} if status == "finished" else {CHECKPOINT: trainer.state()}
            recorder.end(status, error, {name: pack(tensors) for name, tensors in artifact.items()})
        except _AttemptLostError:
            raise
        except StoreError as error:
            with contextlib.suppress(StoreError):  # it may be the disk that is full
                self._store.end(claim, "failed", str(error))
            raise
        except Exception as error:
            sentence = explain(error)
            log.warning("%s attempt %d: %s", claim.run_id, claim.attempt, sentence, exc_info=not _is_expected(error))
            (recorder or Recorder(self._store, claim, dict)).end("failed", sentence)
            return "failed"
        return status

    def _ending(self, trainer: "Trainer") -> tuple[Ending, str | None]:
        if not trainer.stopped:
            return "finished", None
        if self.watch.ending.is_set():
            return "interrupted", self.watch.reason
        return "stopped", None

    def _trainer(self, run: RunConfig, should_stop: Callable[[], bool]) -> "Trainer":
        if self._device != "auto" and run.train.device == "auto":
            run = changed(run, {"train.device": self._device})
        if self._make_trainer is not None:
            return self._make_trainer(run, should_stop)
        from core.training import Trainer

        return Trainer(run, should_stop)

    def _warm_up(self) -> None:
        """Pay for imports and first uses now, so that the first run does not wait for them."""
        began = time.monotonic()
        import torch

        from core.kernels import ready

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
        from core.kernels import ready

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


def n_threads() -> int:
    """Count the threads to train with: one core is left to the server, and more than 4 do not help nets of this size."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, cores - 1))


def pack(tensors: "dict[str, torch.Tensor]") -> bytes:
    """Write tensors as safetensors."""
    from safetensors.torch import save

    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def unpack(data: bytes) -> "dict[str, torch.Tensor]":
    """Read safetensors, onto the CPU."""
    from safetensors.torch import load

    return load(data)


def explain(error: Exception) -> str:
    """Say in a sentence why a run failed."""
    if isinstance(error, LeafscopeError):
        return str(error)
    if isinstance(error, ValidationError):
        return "; ".join(config.explain(error).values())
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    return f"{type(error).__name__}: {error}"


def _is_expected(error: Exception) -> bool:
    return isinstance(error, LeafscopeError) or is_out_of_memory(error)


def main(arguments: list[str] | None = None) -> int:
    """Run a worker until SIGTERM or the parent's end; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.worker", description="Trains the runs that are queued in a store.")
    parser.add_argument("--database", help="path or URL of the store; default: LEAFSCOPE_DATABASE, else data/leafscope.db")
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
