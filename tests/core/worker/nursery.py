"""Workers as processes of their own that start at once: they are forked off a process that has imported everything."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.core.worker.ready"])

HELD_AT = 3
"""The epoch after which a held worker waits."""

DEAD = 4.0
"""Seconds after which these workers take others for dead."""


def start(target: Any, log: Path, *arguments: Any, environment: Mapping[str, str] | None = None) -> BaseProcess:
    """Call `target` with these arguments in a process of its own, which ends with what it returns."""
    process: BaseProcess = FORKS.Process(target=_call, args=(target, str(log), arguments, dict(environment or {})))
    process.start()
    return process


def worker(url: str, log: Path, *options: str, hold: Path | None = None) -> BaseProcess:
    """Start `leafscope worker`; while the file `hold` exists, it trains no run to its end."""
    return start(_work, log, list(options), hold, environment={"LEAFSCOPE_DATABASE": url})


@contextlib.contextmanager
def workers(url: str, folder: Path, count: int, *options: str, hold: Path | None = None) -> Iterator[list[BaseProcess]]:
    """Workers, which are killed where they outlive the block."""
    processes = [worker(url, folder / f"worker{number}.log", *options, hold=hold) for number in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            end(process)


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
    exit_status = target(*arguments)
    os._exit(exit_status)


def _work(options: list[str], hold: Path | None) -> int:
    from leafscope.app.cli import main
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
    return main(["worker", "--device", "cpu", *options])
