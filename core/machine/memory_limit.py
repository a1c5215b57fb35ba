"""Free memory of this process: the machine's, or less where a container limits it (cgroups of version 1 and 2, Linux)."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

UNLIMITED = 2**60
"""Limits from here on are none: version 1 writes the largest number of pages."""

_Files = tuple[tuple[str, ...], str, str]
_V1: _Files = ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"
_V2: _Files = ("memory.max", "memory.high"), "memory.current", "inactive_file"
"""The files of the limits and of the usage, and the line of `memory.stat` that counts cached files nobody waits for."""


def available_bytes(root: Path = Path("/")) -> int:
    """Return the bytes that this process may still allocate; `root` is where `proc` and `sys` are."""
    free = [psutil.virtual_memory().available]
    for group, (limits, usage, cached) in _groups(root):
        allowed = min((limit for name in limits if (limit := _number(group / name)) is not None), default=UNLIMITED)
        used = _number(group / usage)
        if allowed < UNLIMITED and used is not None:
            free.append(max(0, allowed - max(0, used - _statistic(group / "memory.stat", cached))))
    return min(free)


def _groups(root: Path) -> Iterator[tuple[Path, _Files]]:
    """The folders of this process's groups, each with those above it: the limit of each of them holds."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    mounts: tuple[str, ...]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mounts, files = ("sys/fs/cgroup", "sys/fs/cgroup/unified"), _V2
        elif "memory" in controllers.split(","):
            mounts, files = ("sys/fs/cgroup/memory",), _V1
        else:
            continue
        # in a container the path may be the host's, and the container's own group is the mount itself
        inner = PurePosixPath("/") / path.replace("/..", "")
        for mount in mounts:
            for place in (inner, *inner.parents):
                yield root / mount / place.relative_to("/"), files


def _number(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None  # `max` is no limit


def _statistic(file: Path, name: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split(maxsplit=1) for line in lines if " " in line)
    text = values.get(name, "0")
    return int(text) if text.isdecimal() else 0
