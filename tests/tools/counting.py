"""Counts how often a process waits for PostgreSQL: round trips, each a message and its answer."""

import mmap
import os
import struct
from pathlib import Path
from typing import Any

PLACE = "LEAFSCOPE_COUNT_ROUND_TRIPS"
"""The environment variable that names how the files begin in which each process keeps its count."""


def count() -> None:
    """Count from now on, where the environment asks for it."""
    if (place := os.environ.get(PLACE)) is None:
        return
    from leafscope.core.store.database.answering import Answered

    with Path(f"{place}{os.getpid()}").open("w+b") as file:
        file.write(bytes(8))
        file.flush()
        kept = mmap.mmap(file.fileno(), 8)
    wait, number = Answered.wait, 0

    def counted(self: Answered, *arguments: Any, **named: Any) -> Any:
        nonlocal number
        number += 1
        struct.pack_into("q", kept, 0, number)
        return wait(self, *arguments, **named)

    Answered.wait = counted  # type: ignore[method-assign]


def counted(place: str) -> int:
    """Sum the counts of all processes that were told this place."""
    folder = Path(place).parent
    return sum(struct.unpack("q", file.read_bytes())[0] for file in folder.glob(f"{Path(place).name}*"))
