"""Training members of sweeps side by side as a population; each is recorded as its own run."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

from leafscope.core.config import RunConfig, changed
from leafscope.core.errors import LeafscopeError, StoreError
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import PART_BYTES, Claim, End, Ending
from leafscope.core.store.values.tensors import unpack
from leafscope.core.sweep.members import effort
from leafscope.core.worker.logs import logger
from leafscope.core.worker.recording import AttemptLostError, Recorder, explain, facts_of, fit_attempt, is_expected, left_behind

if TYPE_CHECKING:
    from leafscope.core.worker.watch import Watch

FLUSH = 1.0
"""Seconds between two writes of a member's epochs; most members end sooner and are written once."""

LANE_SECONDS = 0.7
"""Estimated seconds of the members that one thread claims at once; an interactive run waits at most that long."""

WRITE_ENDS = 0.2
"""Seconds between two writes of ended members."""

log = logger("leafscope.worker")


class _Ends:
    """Writes the ends of members, several in one transaction: a transaction takes as long as training a small net."""

    def __init__(self, store: Store, watch: "Watch") -> None:
        self._store = store
        self._watch = watch
        self._waiting: list[End] = []
        self._next_write = time.monotonic() + WRITE_ENDS

    def add(
        self, recorder: Recorder, status: Ending, error: str | None, artifacts: dict[str, bytes], facts: dict[str, Any]
    ) -> None:
        """Add an end and write the waiting ones when due; raises AttemptLostError if this one is written but was lost."""
        if not recorder.untouched or any(len(data) > PART_BYTES for data in artifacts.values()):
            recorder.end(status, error, artifacts, facts)
            self._watch.release(recorder.claim)
            return
        self._waiting.append(recorder.last(status, error, artifacts, facts))
        if time.monotonic() >= self._next_write:
            self.write()

    def write(self) -> None:
        """Write the waiting ends; drop members that no longer belong to this worker."""
        if self._waiting:
            for end, written in zip(self._waiting, self._store.end_many(self._waiting), strict=True):
                if not written:
                    log.info("%s attempt %d: dropped, it no longer belongs to this worker", end.claim.run_id, end.claim.attempt)
            self._watch.release(*(end.claim for end in self._waiting))  # or it would be looked up as one that was lost
        self._waiting = []
        self._next_write = time.monotonic() + WRITE_ENDS


class Group:
    """Claims members of sweeps, a few at a time, and trains them on `threads` threads.

    If a member fails, is stopped or no longer belongs to this worker, the others continue.
    """

    def __init__(
        self,
        store: Store,
        worker_id: str,
        watch: "Watch",
        device: str,
        threads: int,
        why_stopped: Callable[[], tuple[Ending, str | None]],
        only: Collection[str] | None = None,
        on_trained: Callable[[], Any] = lambda: None,
    ) -> None:
        self._store = store
        self._worker_id = worker_id
        self._watch = watch
        self._device = device
        self._threads = threads
        self._why_stopped = why_stopped
        self._only = only
        self._on_trained = on_trained
        self._closing = threading.Event()

    def work(self) -> bool:
        """Train members of sweeps until none is left or another run waits; return False if there was nothing to train.

        Each thread claims, trains and records its own members, so one can train while another writes.
        """
        first = self._claim()
        if not first:
            return False
        self._closing.clear()
        self._store.set_worker(self._worker_id, "busy")
        with ThreadPoolExecutor(self._threads, thread_name_prefix="lane") as pool:
            try:
                lanes = [pool.submit(self._lane, first if number == 0 else []) for number in range(self._threads)]
                for lane in as_completed(lanes):
                    lane.result()
            except StoreError:
                raise  # the other threads finish their members or hit the same error
            except BaseException:
                self._closing.set()
                raise
        return True

    def close(self) -> None:
        """Nothing is left to be closed between two calls of `work`."""

    def _lane(self, claims: list[Claim]) -> None:
        while not (self._closing.is_set() or self._watch.ending.is_set()) and (claims := claims or self._claim()):
            self._train(claims)
            claims = []
            self._on_trained()

    def _claim(self) -> list[Claim]:
        """Claim a few members; none while other runs wait."""
        return self._store.claim_members(self._worker_id, effort, LANE_SECONDS, self._where(), self._only)

    def _where(self) -> str:
        """Return the device to record; with a missing device, each member later fails with its own message."""
        from leafscope.core.device import resolve_device

        with contextlib.suppress(LeafscopeError):
            return str(resolve_device(self._device))
        return self._device

    def _train(self, claims: list[Claim]) -> None:
        """Train attempts to their end and record them."""
        stops = self._watch.follow(*claims)
        log.info("%d members of sweeps, from %s", len(claims), claims[0].label)
        try:
            nets: list[tuple[Claim, RunConfig, threading.Event]] = []
            for claim, stop in zip(claims, stops, strict=True):
                with self._recorded(claim):
                    if claim.run.net.fitted:
                        fit_attempt(self._store, claim, self._asker(stop), self._stopped)
                        self._watch.release(claim)
                    else:
                        nets.append((claim, self._on_device(claim.run), stop))
            self._train_nets(nets)
        finally:
            self._watch.release(*claims)

    def _train_nets(self, nets: list[tuple[Claim, RunConfig, threading.Event]]) -> None:
        from leafscope.core.training.population import Ended, Population

        if not nets:
            return
        claims, runs, stops = zip(*nets, strict=True)
        askers = [self._asker(stop) for stop in stops]
        try:
            population = Population(runs, lambda member: askers[member]())
        except LeafscopeError as error:
            if len(nets) > 1:  # a single run is at fault, or all together need too much memory
                middle = len(nets) // 2
                self._train_nets(nets[:middle])
                self._train_nets(nets[middle:])
            else:
                self._fail(claims[0], error)
            return
        trainers = population.members
        recorders: dict[int, Recorder] = {}
        for number, (claim, trainer) in enumerate(zip(claims, trainers, strict=True)):
            with self._recorded(claim):
                if claim.attempt > 1:
                    if (saved := self._store.checkpoint(claim)) is not None:
                        trainer.load_state(unpack(saved))
                    if not self._store.begin(claim, trainer.device, trainer.epoch):
                        raise AttemptLostError
                recorders[number] = Recorder(self._store, claim, trainer.state, FLUSH, thin=True)
        ends = _Ends(self._store, self._watch)
        try:
            for number, event in population.events():
                if number not in recorders:  # lost or failed
                    stops[number].set()
                    continue
                with self._recorded(claims[number], lambda number=number: recorders.pop(number, None)):  # type: ignore[misc]
                    recorder = recorders[number]
                    if not isinstance(event, Ended):
                        recorder.add(event)
                    elif event.status == "failed":
                        fault = event.error or LeafscopeError("training failed without an error message")
                        ends.add(recorder, "failed", explain(fault), {}, facts_of(fault))
                    else:
                        status, words = ("finished", None) if event.status == "finished" else self._stopped()
                        ends.add(recorder, status, words, *left_behind(trainers[number], status))
        finally:
            ends.write()

    @contextlib.contextmanager
    def _recorded(self, claim: Claim, lost: Callable[[], Any] = lambda: None) -> Any:
        """End only this member if it fails or no longer belongs to this worker."""
        try:
            yield
        except AttemptLostError:
            log.info("%s attempt %d: dropped, it no longer belongs to this worker", claim.run_id, claim.attempt)
            lost()
        except StoreError:
            raise
        except Exception as error:
            self._fail(claim, error)
            lost()

    def _fail(self, claim: Claim, error: Exception) -> None:
        sentence = explain(error)
        log.warning("%s attempt %d: %s", claim.run_id, claim.attempt, sentence, exc_info=not is_expected(error))
        self._store.end(claim, "failed", sentence, facts=facts_of(error))

    def _stopped(self) -> tuple[Ending, str | None]:
        return ("interrupted", "the sweep was interrupted") if self._closing.is_set() else self._why_stopped()

    def _asker(self, stop: threading.Event) -> Callable[[], bool]:
        return lambda: stop.is_set() or self._closing.is_set() or self._watch.ending.is_set()

    def _on_device(self, run: RunConfig) -> RunConfig:
        if self._device != "auto" and run.train.device == "auto":
            return changed(run, {"train.device": self._device})
        return run
