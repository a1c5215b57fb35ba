"""Timing on a machine with other load: functions take turns, and ratios are computed within a round.

N functions · R rounds · a round times every function once, one after the other, so a temporary slowdown affects all of
them. The median over the rounds ignores the rounds that something else disturbed, as long as they are few; how much rounds
differ is their spread. Rounds that differ too much are measured again for a limited time.
"""

import contextlib
import importlib.metadata
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

STEADY = 0.25
"""Largest spread of ratios that are steady (this project's choice): with 9 rounds, the error of their median is about 8 %."""

FEWEST_ROUNDS = 7
"""With fewer rounds, a small spread may be chance."""

QUICK_FACTOR = 1.3
"""Largest factor between the time that a quick measurement is said to take and its window; calls that last make it 1.5."""


class OutOfTime(Exception):
    """A measurement's time was over before it gave a number."""


@dataclass(frozen=True)
class Window:
    """When a measurement that repeats itself may end, on the clock of `time.perf_counter`."""

    least: float = -math.inf
    """Even steady rounds are measured again until then."""
    most: float = -math.inf
    """Unsteady rounds are measured again until then."""


@dataclass(frozen=True)
class Budget:
    """The time that measurements take together, and what was left out because it was over."""

    window: Window = Window(most=math.inf)
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def about(cls, seconds: float, began: float) -> "Budget":
        """Make a budget that takes about so many seconds, within a factor of `QUICK_FACTOR`."""
        return cls(Window(began + seconds / QUICK_FACTOR, began + seconds * QUICK_FACTOR))

    @property
    def limited(self) -> bool:
        """Whether the time ends."""
        return self.window.most < math.inf

    def check(self) -> None:
        """Raise OutOfTime if the time is over."""
        if time.perf_counter() >= self.window.most:
            raise OutOfTime

    def part(self, parts: int, patience: float) -> Window:
        """Return the window of the next of so many measurements: an equal part of what is left, or `patience` seconds."""
        now = time.perf_counter()
        if not self.limited:
            return Window(most=now + patience)
        least, most = (now + max(0.0, end - now) / parts for end in (self.window.least, self.window.most))
        return Window(least, most)


@dataclass(frozen=True)
class Timings:
    """Seconds per call of each function, round by round."""

    seconds: dict[str, tuple[float, ...]]
    """Name -> R numbers, one for each round."""

    def median(self, name: str) -> float:
        """Return the median over the rounds, in seconds per call."""
        return statistics.median(self._of(name))

    def ratio(self, name: str, other: str) -> float:
        """Return the median over the rounds of time(name) / time(other), each within its round.

        >>> Timings({"a": (2.0, 30.0, 6.0), "b": (1.0, 10.0, 2.0)}).ratio("a", "b")
        3.0
        """
        return statistics.median(self._ratios(name, other))

    def spread(self, name: str, other: str | None = None) -> float:
        """Return the interquartile range of `ratio` over the rounds divided by their median; without `other`, of seconds.

        >>> Timings({"a": (2.0, 3.0, 4.0, 500.0, 3.0), "b": (1.0, 1.0, 1.0, 1.0, 1.0)}).spread("a", "b")
        0.3333333333333333
        """
        values = self._of(name) if other is None else self._ratios(name, other)
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
        return float((high - low) / middle)

    def largest_spread(self, pairs: Sequence[tuple[str, str | None]]) -> float:
        """Return the largest spread of some ratios, or of the seconds of names that have no other."""
        return max((self.spread(name, other) for name, other in pairs), default=0.0)

    def unstable(self, pairs: Sequence[tuple[str, str | None]], fewest: int = FEWEST_ROUNDS) -> bool:
        """Whether some of these ratios differ more than `STEADY` between the rounds, or there are fewer than `fewest`."""
        return self.rounds < fewest or not self.largest_spread(pairs) <= STEADY

    def fastest(self, variants: Iterable[str]) -> str:
        """Return the name with the smallest median among some."""
        return min(variants, key=self.median)

    @property
    def rounds(self) -> int:
        """R."""
        return len(next(iter(self.seconds.values())))

    def _ratios(self, name: str, other: str) -> list[float]:
        return [mine / theirs for mine, theirs in zip(self._of(name), self._of(other), strict=True)]

    def _of(self, name: str) -> tuple[float, ...]:
        if name not in self.seconds:
            raise ValueError(f"name must be one of those timed ({', '.join(self.seconds)}), got {name!r}")
        return self.seconds[name]


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    seconds: float = 0.02,
    setup: Mapping[str, Callable[[], object]] | None = None,
    *,
    ratios: Sequence[tuple[str, str]] = (),
    variants: Mapping[str, Iterable[str]] | None = None,
    window: Window = Window(),
    budget: Budget | None = None,
) -> Timings:
    """Time functions in turns: in each round every function is repeated for about `seconds`, at least once.

    Each function is called once to warm up, then calibrated, then timed; the next round starts with the next function.
    `setup` maps a name to a function that is called, untimed, before each block of repetitions. A function that starts work
    on a GPU must wait for its result. All rounds are measured again as `steadiest` says, which takes `variants`. Raises
    ValueError without functions, for less than one round, for seconds that are not positive, or for a setup of a function
    that is not timed; OutOfTime if the budget ends before one round is complete.
    """
    setup = setup or {}
    budget = budget or Budget()
    if not calls:
        raise ValueError("calls must name at least one function")
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    if not seconds > 0:
        raise ValueError(f"seconds must be positive, got {seconds}")
    if unknown := [name for name in setup if name not in calls]:
        raise ValueError(f"setup must name functions that are timed ({', '.join(calls)}), got {', '.join(unknown)}")

    names = list(calls)
    repetitions: dict[str, int] = {}
    for name in names:
        _prepare(setup, name)
        calls[name]()
        budget.check()
        repetitions[name] = _calibrate(calls[name], seconds)
        budget.check()

    def one_round(index: int) -> dict[str, float]:
        taken: dict[str, float] = {}
        first = index % len(names)
        for name in names[first:] + names[:first]:
            budget.check()
            _prepare(setup, name)
            taken[name] = _elapsed(calls[name], repetitions[name]) / repetitions[name]
        return taken

    return steadiest(one_round, rounds, ratios, window, budget, variants)


def steadiest(
    one_round: Callable[[int], Mapping[str, float]],
    rounds: int,
    ratios: Sequence[tuple[str, str | None]],
    window: Window,
    budget: Budget,
    variants: Mapping[str, Iterable[str]] | None = None,
    fewest: int = FEWEST_ROUNDS,
) -> Timings:
    """Measure rounds, again where `ratios` are not steady, and return the attempt whose ratios differ least.

    `one_round` takes the number of a round and returns name -> seconds. When the window ends, no attempt begins, and one that
    has begun ends with `fewest` rounds; without a limited budget the first one is complete. `variants` maps a further name to
    those of which the fastest in an attempt gives its times. Raises OutOfTime if the budget
    ends before one round is complete.
    """
    best: Timings | None = None
    while True:
        found: list[Mapping[str, float]] = []
        over = False
        try:
            for index in range(rounds):
                found.append(one_round(index))
                hurry = best is not None or budget.limited
                if hurry and time.perf_counter() >= window.most and len(found) >= fewest:
                    break
        except OutOfTime:
            if not found and best is None:
                raise
            over = True
        if found:
            timings = Timings({name: tuple(taken[name] for taken in found) for name in found[0]})
            best_of = {name: timings.seconds[timings.fastest(among)] for name, among in (variants or {}).items()}
            timings = Timings(timings.seconds | best_of)
            if best is None or _order(timings, ratios, fewest) < _order(best, ratios, fewest):
                best = timings
        if best is not None:
            enough = window.most if best.unstable(ratios, fewest) else window.least
            if over or time.perf_counter() >= enough:
                return best


def _order(timings: Timings, ratios: Sequence[tuple[str, str | None]], fewest: int) -> tuple[bool, float]:
    """The better attempt is the smaller: one with too few rounds has a small spread by chance."""
    return timings.rounds < fewest, timings.largest_spread(ratios)


def with_threads(name: str) -> dict[str, int]:
    """Name the variants of a function that differ in threads, one and torch's number, and give their numbers."""
    return {f"{name}, {number}": number for number in sorted({1, torch.get_num_threads()})}


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Give torch so many threads, and put its number back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def copying(n_bytes: float) -> tuple[Callable[[], object], int]:
    """Make a copy between two float32 arrays that together have about `n_bytes`; returns it and the bytes that it moves.

    Bytes read and bytes written both count, so a copy moves as many bytes as it touches.
    """
    source = torch.ones(max(1, round(n_bytes / 8)), dtype=torch.float32)
    target = torch.empty_like(source)
    return lambda: target.copy_(source), 2 * source.nbytes


def environment() -> dict[str, Any]:
    """Describe the date, the machine and the versions of a measurement, as JSON values."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "leafscope": _version("leafscope"),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "numba": _version("numba"),
        "machine": _processor(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "memory_bytes": psutil.virtual_memory().total,
    }


def _prepare(setup: Mapping[str, Callable[[], object]], name: str) -> None:
    if name in setup:
        setup[name]()


def _calibrate(call: Callable[[], object], seconds: float) -> int:
    """Find how many repetitions take about `seconds`: doubled until they take half of it, then scaled."""
    repetitions = 1
    while (elapsed := _elapsed(call, repetitions)) < seconds / 2:
        repetitions *= 2
    return max(1, round(repetitions * seconds / elapsed))


def _elapsed(call: Callable[[], object], repetitions: int) -> float:
    start = time.perf_counter()
    for _ in range(repetitions):
        call()
    return time.perf_counter() - start


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Name the processor: from /proc/cpuinfo on Linux, through `platform` on other systems and for some processors."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
