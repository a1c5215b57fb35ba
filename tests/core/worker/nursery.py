"""Workers as processes of their own that start at once: they are forked off a process that has imported everything."""

import contextlib
import itertools
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.core.worker.ready"])

HELD_AT = 3
"""The epoch after which a held worker waits."""

DEAD = 4.0
"""Seconds after which these workers take others for dead."""


HANGS = 120.0
"""Seconds after which something that does not happen is given up."""


def until(holds: Callable[[], object], what: str) -> None:
    """Look until something holds, and fail if it seems never to."""
    deadline = time.monotonic() + HANGS
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {HANGS:g} s"
        time.sleep(0.05)


def start(target: Any, log: Path, *arguments: Any, environment: Mapping[str, str] | None = None) -> BaseProcess:
    """Call `target` with these arguments in a process of its own, which ends with what it returns."""
    log.touch()
    process: BaseProcess = FORKS.Process(target=_call, args=(target, str(log), arguments, dict(environment or {})))
    process.start()
    return process


@contextlib.contextmanager
def workers(
    url: str,
    folder: Path,
    count: int,
    *options: str,
    hold: Path | None = None,
    environment: Mapping[str, str] | None = None,
    name: str = "worker",
    apart: float = 0.0,
) -> Iterator[list[BaseProcess]]:
    """Processes of `leafscope worker`, which are killed where they outlive the block.

    While the file `hold` exists, they train no run to its end. The clock of each is `apart` seconds ahead of the one before.
    """
    variables = {"LEAFSCOPE_DATABASE": url, **(environment or {})}
    processes = [
        start(_work, folder / f"{name}{number}.log", list(options), hold, number * apart, environment=variables)
        for number in range(count)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            end(process)


class Forked:
    """Stands in for `subprocess.Popen` where a supervisor starts its worker, which then takes no seconds of imports.

    The worker is no child of this process: of the two ways in which it notices its parent's death, the end of standard input
    is left.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], stdin: int, stdout: IO[bytes], stderr: IO[bytes], **rest: Any
    ) -> None:
        assert (stdin, stdout, rest) == (subprocess.PIPE, stderr, {"bufsize": 0, "start_new_session": True})
        assert tuple(command[1:4]) == ("-P", "-m", "leafscope.core.worker")
        reader, writer = FORKS.Pipe(duplex=False)
        arguments = (reader, os.getpid(), list(command[4:]))
        self._process = start(_supervised, Path(stderr.name), *arguments, environment=env)
        reader.close()
        self.stdin = os.fdopen(os.dup(writer.fileno()), "wb", buffering=0)
        writer.close()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self._lock = threading.Lock()  # who reads the exit status takes it from others

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        with self._lock:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        wait([self._process.sentinel], timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        return status

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def supervise_forked(patch: pytest.MonkeyPatch) -> None:
    """Let supervisors of this process start workers that are forked."""
    from leafscope.core.worker import supervisor

    names = SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired)
    patch.setattr(supervisor, "subprocess", names)


def _supervised(standard_input: Connection, parent: int, options: list[str]) -> int:
    os.dup2(standard_input.fileno(), 0)
    os.getppid = lambda: parent
    return work_alone(options)


def work_alone(options: list[str], jumps: Sequence[float] = ()) -> int:
    """Be `python -m leafscope.core.worker`, whose clock is wrong by the next of these seconds at each look at it."""
    from leafscope.core.worker.__main__ import main

    if jumps:
        real, ahead = time.time, itertools.cycle(jumps)
        time.time = lambda: real() + next(ahead)
    return main(options)


def end(process: BaseProcess) -> None:
    """Kill a process, if it is still there."""
    process.kill()
    process.join()


def send(process: BaseProcess, signal_number: int) -> None:
    """Send a signal."""
    assert process.pid is not None
    os.kill(process.pid, signal_number)


def status(process: BaseProcess, seconds: float) -> int | None:
    """Wait until a process has ended; its exit status, or None if it is still there."""
    process.join(seconds)
    return process.exitcode


def _call(target: Any, log: str, arguments: tuple[Any, ...], environment: dict[str, str]) -> None:
    os.setsid()
    os.environ |= environment
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(log, "ab") as errors:
        os.dup2(errors.fileno(), 2)
    import dask

    dask.config.refresh()  # it was imported in another environment
    exit_status = target(*arguments)
    os._exit(exit_status)


def _work(options: list[str], hold: Path | None, ahead: float) -> int:
    from leafscope.app.cli import main
    from leafscope.core.store import store
    from leafscope.core.store.database.postgres import ServerClock
    from leafscope.core.worker import cluster

    real = time.time
    time.time = lambda: real() + ahead
    store.ServerClock = lambda engine: ServerClock(engine, time.time)  # type: ignore[attr-defined,misc,assignment]
    cluster.AGAIN = 0.5
    adjust(hold)
    return main(["worker", "--device", "cpu", *options])


def adjust(hold: Path | None) -> None:
    """Let this process take others for dead sooner, and train no run to its end while the file `hold` exists."""
    from leafscope.core.store import workers
    from leafscope.core.worker import members

    workers.DEAD = DEAD
    if hold is not None:
        members.LANE_SECONDS = 0.0  # one run at a time
        add = members.Recorder.add

        def held(recorder: Any, record: Any, *more: Any) -> None:
            while record.epoch >= HELD_AT and hold.exists():
                time.sleep(0.01)
            add(recorder, record, *more)

        members.Recorder.add = held  # type: ignore[method-assign]
