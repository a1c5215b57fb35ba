"""Training many nets side by side on the threads of one process, each with the same result as if trained alone.

Members share the compiled code and loaded data sets; everything else may differ, depth included. One compiled call trains
one member for a while without the interpreter, so members need no padding to one shape and no synchronization between
steps (this project's choice; measured by `leafscope bench`). On a GPU, members of one shape are trained as one (`batched`).
"""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from leafscope.core.config import RunConfig
from leafscope.core.datasets import Dataset, load
from leafscope.core.device import check_fit_together, check_fits
from leafscope.core.errors import OUT_OF_MEMORY, LeafscopeError, LimitError, is_out_of_memory
from leafscope.core.training import batched
from leafscope.core.training.events import Ended
from leafscope.core.training.trainer import EpochRecord, Trainer

__all__ = ["Ended", "Population"]

Events: TypeAlias = Generator[tuple[int, EpochRecord | Ended], None, None]
"""(member, record) after each epoch, and (member, Ended)."""

TURN = 0.3
"""Seconds that a member trains before the next one's turn: small members finish one by one, long ones alternate."""


class Population:
    """Trains many runs at once; a member's history does not depend on the other members, bit for bit on the CPU.

    `should_stop` is called with the member's number, from several threads, as often as a `Trainer` calls it. On a GPU, members
    of one shape are trained as one, and groups of different shapes take turns; histories are those of a `Trainer` up to
    rounding. `as_one`: whether to do so; None: on a GPU. Raises what `Trainer` raises, before any training, and ValueError for
    fewer than 1 thread.
    """

    def __init__(
        self,
        runs: Sequence[RunConfig],
        should_stop: Callable[[int], bool] = lambda member: False,
        threads: int = 1,
        compiled: bool | None = None,
        as_one: bool | None = None,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        for run in runs:
            check_fits(run)
        check_fit_together(runs)
        self._closing = threading.Event()
        self._data: dict[tuple[str, int], Dataset] = {}
        self.members = [
            Trainer(run, self._asker(should_stop, number), dataset=self._dataset(run), compiled=compiled, checked=True)
            for number, run in enumerate(runs)
        ]
        on_gpu = any(member.device != "cpu" for member in self.members)
        self._as_one = on_gpu if as_one is None else as_one
        self._threads = 1 if on_gpu or self._as_one else max(1, min(threads, len(self.members)))
        self._should_stop = should_stop

    def events(self) -> Iterator[tuple[int, EpochRecord | Ended]]:
        """Train all members; yield (member, record) after each epoch, epoch 0 first, and (member, Ended) at its end.

        If a member fails or is stopped, the others continue. Closing the iterator soon ends the training of all.
        """
        if self._threads == 1:
            yield from self._in_turn(self._parts())
            return
        histories = [member.epochs() for member in self.members]
        news: queue.SimpleQueue[tuple[int, EpochRecord | Ended | BaseException]] = queue.SimpleQueue()

        def advance(number: int) -> None:
            until = time.monotonic() + TURN
            while not self._closing.is_set():
                try:
                    event = self._next(number, histories[number])
                except BaseException as error:
                    news.put((number, error))
                    return
                news.put((number, event))  # before the next turn begins, so events stay in order
                if isinstance(event, Ended):
                    return
                if time.monotonic() > until:
                    with contextlib.suppress(RuntimeError):  # the pool was closed meanwhile
                        pool.submit(advance, number)
                    return

        with ThreadPoolExecutor(self._threads, thread_name_prefix="member") as pool:
            try:
                for number in range(len(histories)):
                    pool.submit(advance, number)
                left = len(histories)
                while left:
                    number, event = news.get()
                    if isinstance(event, BaseException):
                        raise event
                    left -= isinstance(event, Ended)
                    yield number, event
            finally:
                self._closing.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _in_turn(self, parts: list[Events]) -> Events:
        """Train members, or groups of them, on the calling thread, which avoids passing each epoch between threads."""
        waiting = deque(parts)
        try:
            while waiting:
                part = waiting.popleft()
                until = time.monotonic() + TURN
                for event in part:
                    yield event
                    if time.monotonic() > until:
                        waiting.append(part)
                        break
        finally:
            self._closing.set()
            for part in parts:
                part.close()

    def _parts(self) -> list[Events]:
        """Divide the members into what takes turns: groups that are trained as one, and single members."""
        numbers = batched.groups(self.members) if self._as_one else [[number] for number in range(len(self.members))]
        return [self._alone(*group) if len(group) == 1 else self._group(group) for group in numbers]

    def _alone(self, number: int) -> Events:
        history = self.members[number].epochs()
        event: EpochRecord | Ended | None = None
        while not isinstance(event, Ended):
            event = self._next(number, history)
            yield number, event

    def _group(self, group: list[int]) -> Events:
        members = [self.members[number] for number in group]
        return batched.Batch(group, members, lambda number: self._closing.is_set() or self._should_stop(number)).events()

    def _next(self, number: int, history: Iterator[EpochRecord]) -> EpochRecord | Ended:
        try:
            return next(history)
        except StopIteration:
            return Ended("stopped" if self.members[number].stopped else "finished")
        except LeafscopeError as error:
            return Ended("failed", error)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return Ended("failed", LimitError(OUT_OF_MEMORY))

    def _dataset(self, run: RunConfig) -> Dataset:
        """Load each data set and split once."""
        key = run.data.model_dump_json(), run.data_seed
        if key not in self._data:
            self._data[key] = load(run.data, run.data_seed)
        return self._data[key]

    def _asker(self, should_stop: Callable[[int], bool], number: int) -> Callable[[], bool]:
        return lambda: self._closing.is_set() or should_stop(number)
