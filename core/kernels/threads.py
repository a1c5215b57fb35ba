"""A few threads that wait for work: handing them a piece takes half the time that a thread pool of the library takes."""

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence

Task = Callable[[], None]
_Job = tuple[Task, "queue.SimpleQueue[BaseException | None]"]

AWAKE = 5e-4
"""Seconds to wait for the others without going to sleep."""

_lock = threading.Lock()
_threads: dict[int, list["queue.SimpleQueue[_Job]"]] = {}
"""Process -> the threads' queues; a process that was forked has none of its parent's threads."""


def run_together(tasks: Sequence[Task]) -> None:
    """Run tasks at the same time, the first in this thread; raises what one of them raised, after all have ended."""
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for task, thread in zip(tasks[1:], _queues(len(tasks) - 1), strict=True):
        thread.put((task, done))
    errors: list[BaseException | None] = []
    try:
        tasks[0]()
    finally:
        errors += [_next(done) for _ in tasks[1:]]
    for error in errors:
        if error is not None:
            raise error


def _next(done: "queue.SimpleQueue[BaseException | None]") -> BaseException | None:
    """Wait awake for a moment, since ranges end together and a sleeping core takes long to wake."""
    give_up = time.perf_counter() + AWAKE
    while done.empty() and time.perf_counter() < give_up:
        time.sleep(0)  # lets the others have the interpreter
    return done.get()


def _queues(number: int) -> list["queue.SimpleQueue[_Job]"]:
    with _lock:
        queues = _threads.setdefault(os.getpid(), [])
        while len(queues) < number:
            waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()
            threading.Thread(target=_work, args=(waiting,), name="leafscope-kernel", daemon=True).start()
            queues.append(waiting)
        return queues[:number]


def _work(waiting: "queue.SimpleQueue[_Job]") -> None:
    while True:
        task, done = waiting.get()
        try:
            task()
        except BaseException as error:
            done.put(error)
        else:
            done.put(None)
        del task, done
