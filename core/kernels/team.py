"""A few threads that wait for work: handing them a piece takes half the time that a thread pool of the library takes."""

import os
import queue
import threading
from collections.abc import Callable, Sequence

Task = Callable[[], None]
_Job = tuple[Task, "queue.SimpleQueue[BaseException | None]"]

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
        errors += [done.get() for _ in tasks[1:]]
    for error in errors:
        if error is not None:
            raise error


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
