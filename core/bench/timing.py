"""Timing on a machine with other load: functions take turns, and ratios are computed within a round.

N functions · R rounds · a round times every function once, one after the other, so a temporary slowdown affects all of
them.
"""

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

COPY_BYTES = 256 * 2**20
"""Size of the array that `bandwidth` copies; larger than a typical last-level cache."""


@dataclass(frozen=True)
class Timings:
    """Seconds per call of each function, round by round."""

    seconds: dict[str, tuple[float, ...]]
    """Name -> R numbers, one for each round."""

    def median(self, name: str) -> float:
        """Return the median over the rounds, in seconds per call."""
        return statistics.median(self._of(name))

    def spread(self, name: str) -> tuple[float, float]:
        """Return the first and the third quartile over the rounds, in seconds per call."""
        low, high = np.quantile(self._of(name), (0.25, 0.75))
        return float(low), float(high)

    def ratio(self, name: str, other: str) -> float:
        """Return the median over the rounds of time(name) / time(other), each within its round.

        >>> Timings({"a": (2.0, 30.0, 6.0), "b": (1.0, 10.0, 2.0)}).ratio("a", "b")
        3.0
        """
        return statistics.median(mine / theirs for mine, theirs in zip(self._of(name), self._of(other), strict=True))

    def _of(self, name: str) -> tuple[float, ...]:
        if name not in self.seconds:
            raise ValueError(f"name must be one of those timed ({', '.join(self.seconds)}), got {name!r}")
        return self.seconds[name]


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    seconds: float = 0.02,
    setup: Mapping[str, Callable[[], object]] | None = None,
) -> Timings:
    """Time functions in turns: in each round every function is repeated for about `seconds`, at least once.

    Each function is called once to warm up, then calibrated, then timed; the next round starts with the next function.
    `setup` maps a name to a function that is called, untimed, before each block of repetitions. A function that starts work
    on a GPU must wait for its result. Raises ValueError without functions, for less than one round, for seconds that are
    not positive, or for a setup of a function that is not timed.
    """
    setup = setup or {}
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
        repetitions[name] = _calibrate(calls[name], seconds)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for index in range(rounds):
        first = index % len(names)
        for name in names[first:] + names[:first]:
            _prepare(setup, name)
            taken[name].append(_elapsed(calls[name], repetitions[name]) / repetitions[name])
    return Timings({name: tuple(values) for name, values in taken.items()})


def bandwidth(rounds: int = 5) -> float:
    """Measure the memory bandwidth of a copy, in bytes per second, with as many threads as torch uses.

    Bytes read and bytes written both count: a copy of n bytes moves 2 n. The median over the rounds of copying a float32
    array of `COPY_BYTES`.
    """
    source = torch.ones(COPY_BYTES // 4, dtype=torch.float32)
    target = torch.empty_like(source)
    seconds = interleaved({"copy": lambda: target.copy_(source)}, rounds).median("copy")
    return 2 * source.numel() * source.element_size() / seconds


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
