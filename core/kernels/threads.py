"""A small thread pool; handing work to it takes half as long as with the standard library's pool."""

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence

Task = Callable[[], None]
_Job = tuple[Task, "queue.SimpleQueue[BaseException | None]"]

AWAKE = 5e-4
"""Seconds of busy waiting for the other threads, before this one sleeps."""

_lock = threading.Lock()
_threads: dict[int, list["queue.SimpleQueue[_Job]"]] = {}
"""Process id -> the threads' queues; a forked process does not inherit its parent's threads."""


def run_together(tasks: Sequence[Task]) -> None:
    """Run tasks in parallel, the first in this thread; after all have ended, raises the error of the first that failed."""
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
    """Busy-wait for a moment: the tasks end at almost the same time, and waking a sleeping core takes long."""
    give_up = time.perf_counter() + AWAKE
    while done.empty() and time.perf_counter() < give_up:
        time.sleep(0)  # releases the interpreter lock
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
