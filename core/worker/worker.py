"""The worker: claims runs, trains them and records the results.

Three threads: the main thread trains and writes; the watch sends heartbeats and reads stop requests; with a parent, a third
waits for the end of standard input, which comes when the parent ends for any reason.
"""

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from leafscope.core.config import RunConfig, changed
from leafscope.core.device import gpus_here, n_cores, n_threads
from leafscope.core.errors import LeafscopeError, StoreError
from leafscope.core.machine.compile_cache import NOT_KEPT
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import Claim, Ending
from leafscope.core.store.values.tensors import pack, unpack
from leafscope.core.worker import scheduler, stages
from leafscope.core.worker.cluster import Cluster
from leafscope.core.worker.handed import BROKEN
from leafscope.core.worker.members import Group
from leafscope.core.worker.patience import patient
from leafscope.core.worker.recording import AttemptLostError, Recorder, explain, facts_of, fit_attempt, is_expected, left_behind
from leafscope.core.worker.watch import GRACE, GRACE_ALONE, Watch, log

if TYPE_CHECKING:
    from leafscope.core.training.trainer import Trainer


POLL = 0.05
"""Seconds between two checks of the queue."""

POLL_ALONE = 0.2
"""The same for a worker that no app started: many of them may look into one database."""

IDLE = 1.0
"""Seconds without work after which a worker looks whether anything is left to train."""

STAGE_EVERY = 1.0
"""Seconds between two checks, by a worker with nothing to train, for sweeps whose second stage is still to be queued."""


class Worker:
    """Trains queued runs one after another until told to end.

    `make_trainer` takes a run and `should_stop`; None: `Trainer`. `threads` is the number of threads that train members of
    sweeps side by side, by default one for each core. `only`: train only these run ids. `on_members` is called, from
    several threads, after every few members. `alone`: no program waits for it, so that it waits for the database where that
    is away, and has time to save at its end. Where LEAFSCOPE_SCHEDULER names a cluster, that trains the members of sweeps;
    raises SchedulerError if it cannot.
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
        alone: bool = False,
    ) -> None:
        self.watch = Watch(store, worker_id, parent, GRACE_ALONE if alone else GRACE)
        self.watch.device = device
        self._is_shared = store.path is None
        if parent is not None or alone:  # without either, who called it is told at once
            store = patient(store, self.watch.ending)
        self._poll = POLL_ALONE if alone else POLL
        self._only = only
        self._group: Group | Cluster
        if only is None and (address := scheduler.address(store.path)) is not None:
            self._group = Cluster(store, device, address)
        else:
            self._group = Group(store, worker_id, self.watch, device, threads or n_cores(), self._why_stopped, only, on_members)
        self._store = store
        self.worker_id = worker_id
        self._device = device
        self._make_trainer = make_trainer
        self._next_stage = 0.0

    def run(self, until_idle: bool = False) -> None:
        """Start up, then work until told to end, or, `until_idle`, until nothing is left to train."""
        self._store.set_worker(self.worker_id, "starting", self._device)
        self.watch.start()
        self._warm_up()
        gc.collect()
        gc.freeze()  # what was imported stays to the end, so that no collection need look at it again
        self.watch.started.set()
        idle_since = time.monotonic()
        while not self.watch.ending.is_set():
            try:
                self._store.set_worker(self.worker_id, "ready")
                while not self.watch.ending.is_set():
                    self._load_compiled()
                    if self.work_once():
                        idle_since = time.monotonic()
                    elif until_idle and time.monotonic() - idle_since > IDLE:
                        if self._store.is_idle(self.worker_id):
                            self.watch.reason = "nothing is left to train"
                            self.watch.ending.set()
                        idle_since = time.monotonic()
                    else:
                        self.watch.ending.wait(self._poll)
            except StoreError as error:
                log.warning("%s", error)
                self.watch.ending.wait(1.0)
                self._let_go()

    def close(self) -> None:
        """Take the worker off the list."""
        self.watch.end_helper()
        self._group.close()
        self._let_go()
        self._store.remove_worker(self.worker_id, error=self.watch.reason)
        log.info("ended: %s", self.watch.reason)

    def _let_go(self) -> None:
        """Leave to other workers what this one has in hand: what it had to interrupt, or claimed when the connection broke."""
        if self._is_shared:
            with contextlib.suppress(StoreError):
                self._store.hand_on(self.worker_id, self.watch.reason if self.watch.ending.is_set() else BROKEN)

    def work_once(self) -> bool:
        """Train one attempt, or members of sweeps until another run waits; return False if there is nothing to train."""
        if self._group.work():
            self._next_stage = 0.0
            self._store.set_worker(self.worker_id, "ready")
            return True
        claim = None if self._only is not None else self._store.claim(self.worker_id, members=False)
        if claim is None:
            return self._go_on()
        self.train(claim)
        self._store.set_worker(self.worker_id, "ready")
        return True

    def train(self, claim: Claim) -> None:
        """Train an attempt that was claimed, and record all its epochs and snapshots."""
        (stop,) = self.watch.follow(claim)
        try:
            self._store.set_worker(self.worker_id, "busy")
            log.info("%s attempt %d: %s", claim.run_id, claim.attempt, claim.label)
            status = self._attempt(claim, stop)
            log.info("%s attempt %d: %s", claim.run_id, claim.attempt, status)
        except AttemptLostError:
            log.info("%s attempt %d: dropped, it no longer belongs to this worker", claim.run_id, claim.attempt)
        finally:
            self.watch.release(claim)

    def _go_on(self) -> bool:
        """Queue what follows the choosing runs of sweeps; False if nothing does, or if the caller named the runs to train."""
        if self._only is not None or time.monotonic() < self._next_stage:
            return False
        went_on = stages.go_on(self._store)
        self._next_stage = 0.0 if went_on else time.monotonic() + STAGE_EVERY
        return went_on

    def _attempt(self, claim: Claim, stop: threading.Event) -> str:
        recorder: Recorder | None = None
        try:
            if claim.run.net.fitted:
                return fit_attempt(self._store, claim, lambda: stop.is_set() or self.watch.ending.is_set(), self._why_stopped)
            until = claim.run.epochs
            trainer = self._trainer(claim.run, lambda: stop.is_set() or self.watch.ending.is_set() or trainer.epoch >= until)
            from leafscope.core.inspection.snapshots import Snapshots

            snapshots = Snapshots(claim.run, trainer)
            recorder = Recorder(self._store, claim, trainer.state)
            if (saved := self._store.checkpoint(claim)) is not None:
                trainer.load_state(unpack(saved))
            if claim.one_epoch:
                until = trainer.epoch + 1
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
            with contextlib.suppress(StoreError):  # fails too if the disk is full
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
        from leafscope.core.training.trainer import Trainer

        return Trainer(run, should_stop)

    def _warm_up(self) -> None:
        """Do imports and first calls now, so the first run does not wait for them."""
        began = time.monotonic()
        import torch

        from leafscope.core.kernels import readiness
        from leafscope.core.training import compiling

        torch.set_num_threads(n_threads())
        self._store.set_gpus(gpus_here())
        readiness.wait_for_nobody()
        if readiness.is_ready():
            with contextlib.suppress(LeafscopeError):
                compiling.make_ready()
        elif readiness.can_be_kept():
            log.info("compiling, once on this machine; training is slower until this is done")
            self.watch.helper = compiling.start_making_ready()
            self._store.set_compiling(self.worker_id)
        else:
            log.warning(NOT_KEPT)
            with contextlib.suppress(LeafscopeError):
                compiling.make_ready()
        tiny: dict[str, Any] = {"data": {"name": "iris"}, "net": {"depth": 2, "width": 4}, "train": {"epochs": 2}}
        try:
            trainer = self._trainer(RunConfig.model_validate(tiny), self.watch.ending.is_set)
            for _ in trainer.epochs():
                unpack(pack(trainer.state()))
        except LeafscopeError as error:
            log.warning("warming up: %s", error)
        log.info("ready after %.1f s, %d threads", time.monotonic() - began, torch.get_num_threads())

    def _load_compiled(self) -> None:
        """Load the code that the helper process compiled; called between two runs."""
        compiler = self.watch.helper
        if compiler is None or compiler.poll() is None or self.watch.ending.is_set():
            return
        from leafscope.core.training import compiling

        if compiler.returncode == 0:
            self.watch.started.clear()
            try:
                compiling.make_ready()
                log.info("compiled code is ready")
            except LeafscopeError as error:
                log.warning("loading compiled code: %s", error)
            finally:
                self.watch.started.set()
        else:
            log.warning("compiling failed with status %d; training stays slower", compiler.returncode)
        self.watch.helper = None
        self._store.set_compiling("")
