"""`python -m leafscope.core.training.compile_ahead PARENT` compiles the training code; it ends when process PARENT ends.

A separate module, because it must watch the parent before it imports anything heavy.
"""

import contextlib
import os
import sys
import threading
import time

LOOK = 0.1
"""Seconds between two checks that the parent still runs."""


def main(parent: int) -> None:
    """Compile at low priority, so the app stays responsive."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with contextlib.suppress(AttributeError, OSError):  # Windows has no nice
        os.nice(5)
    from leafscope.core.training import compiling

    compiling.make_ready()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
