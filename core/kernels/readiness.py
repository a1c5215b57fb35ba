"""Whether the compiled code is ready to be used.

The first compilation on a machine takes about half a minute; it is kept in numba's cache and is loaded in seconds from
then on (`training.compiling`). A program with people in front of it calls `wait_for_nobody`, or sets LEAFSCOPE_COMPILE=ahead
before it imports this: it uses the reference path until a process of its own has compiled and `make_ready` has loaded that,
at a moment of its choice, and the compiled one from then on.
"""

import contextlib
import functools
import hashlib
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path

import llvmlite.binding
import numba

from leafscope.core.kernels import compiled

_compiles_when_asked = os.environ.get("LEAFSCOPE_COMPILE") != "ahead"
_loaded = False
_here = threading.local()


def wait_for_nobody() -> None:
    """Use compiled code in this process only once it is ready, so that nobody waits for a compiler."""
    global _compiles_when_asked
    _compiles_when_asked = False


def usable() -> bool:
    """Whether compiled code is to be used now, in this thread."""
    if getattr(_here, "reference_only", False):
        return False
    return _compiles_when_asked or _loaded or _was_ready()


@contextlib.contextmanager
def reference_only() -> Iterator[None]:
    """Use the reference path in this thread."""
    before = getattr(_here, "reference_only", False)
    _here.reference_only = True
    try:
        yield
    finally:
        _here.reference_only = before


def is_ready() -> bool:
    """Whether this code was compiled for this machine before."""
    stamp = _stamp()
    try:
        return stamp is not None and stamp.read_text() == _fingerprint()
    except OSError:
        return False


def note_loaded() -> None:
    """Note that all compiled code is loaded in this process, and beside the cache that it is there."""
    global _loaded
    _loaded = True
    if (stamp := _stamp()) is not None:
        with contextlib.suppress(OSError):  # then it is compiled again next time
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(_fingerprint())


def can_be_kept() -> bool:
    """Whether there is a place to keep what is compiled."""
    return _stamp() is not None


@functools.cache
def _was_ready() -> bool:
    """Whether it was when this process first asked; a run does not change its path halfway."""
    return is_ready()


@functools.cache
def _stamp() -> Path | None:
    """A file beside the cache that says for what it was last filled."""
    cache = compiled.train_steps.stats.cache_path
    return None if cache is None else Path(cache) / "leafscope.ready"


@functools.cache
def _fingerprint() -> str:
    """Another processor, source or compiler has another one."""
    cpu = llvmlite.binding
    words = [numba.__version__, platform.python_version(), cpu.get_host_cpu_name(), cpu.get_host_cpu_features().flatten()]
    source = Path(compiled.__file__).read_bytes()
    return hashlib.sha256(source + "\n".join(words).encode()).hexdigest()
