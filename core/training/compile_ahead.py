"""`python -m leafscope.core.compile_ahead PARENT`: compiles what training uses, and ends at once when the process PARENT does.

A module of its own, so that the watch over the parent begins before anything heavy is imported.
"""

import contextlib
import os
import sys
import threading
import time

LOOK = 0.1
"""Seconds between two looks whether the parent is still there."""


def main(parent: int) -> None:
    """Compile, politely: what people wait for goes first."""
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
