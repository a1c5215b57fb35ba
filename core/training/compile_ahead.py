"""`python -m leafscope.core.training.compile_ahead PARENT [PART]` compiles the training code, or one part of it.

It ends when process PARENT ends.

A separate module, because it must watch the parent before it imports anything heavy.
"""

import contextlib
import os
import sys
import threading
import time

LOOK = 0.1
"""Seconds between two checks that the parent still runs."""


def main(parent: int, part: str = "") -> None:
    """Compile at low priority, so the app stays responsive."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with contextlib.suppress(AttributeError, OSError):  # Windows has no nice
        os.nice(5)
    from leafscope.core.training import compiling

    if part:
        compiling.PARTS[part]()
    else:
        compiling.make_ready_by_two()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
