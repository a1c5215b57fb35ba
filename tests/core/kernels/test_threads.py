"""Running tasks in parallel: each exactly once, errors of all threads, and tasks that other threads are too busy to take."""

import functools
import threading

import pytest

from leafscope.core.kernels.threads import run_together


def test_every_task_runs_once():
    for number in range(1, 6):
        done = []
        run_together([functools.partial(done.append, n) for n in range(number)])
        assert sorted(done) == list(range(number))


def test_tasks_run_at_the_same_time():
    both = threading.Barrier(2, timeout=30)
    run_together([both.wait, both.wait])


def test_an_error_is_raised_after_all_tasks_have_ended():
    done = []

    def fails():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_together([lambda: done.append(0), fails, lambda: done.append(2)])
    assert sorted(done) == [0, 2]
    run_together([lambda: done.append(3), lambda: done.append(4)])
    assert sorted(done) == [0, 2, 3, 4]


def test_this_thread_does_what_a_busy_thread_does_not_take():
    release, started, done = threading.Event(), threading.Event(), []

    def blocks():
        started.set()
        release.wait(30)

    def others():
        started.wait(30)
        run_together([lambda: done.append(threading.get_ident()) for _ in range(2)])
        release.set()

    run_together([blocks, others])
    assert len(done) == 2
