"""Whether the compiled code can be used yet.

The first compilation on a machine takes about half a minute; afterwards the code is loaded from Numba's cache in seconds
(`training.compiling`). An interactive program calls `wait_for_nobody`, or sets LEAFSCOPE_COMPILE=ahead before it imports this
module. It then uses the reference until a helper process has compiled the code and `make_ready` has loaded it.
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
    """Use compiled code in this process only when it is ready, so that nobody waits for the compiler."""
    global _compiles_when_asked
    _compiles_when_asked = False


def usable() -> bool:
    """Whether this thread should use compiled code now."""
    if not may_use_kernels():
        return False
    return _compiles_when_asked or _loaded or _was_ready()


def may_use_kernels() -> bool:
    """Whether this thread may use anything but the reference; kernels that Numba does not compile wait for nothing else."""
    return not getattr(_here, "reference_only", False)


@contextlib.contextmanager
def reference_only() -> Iterator[None]:
    """Use the reference in this thread."""
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
    """Record that this process has loaded all compiled code, and mark the cache as complete."""
    global _loaded
    _loaded = True
    if (stamp := _stamp()) is not None:
        with contextlib.suppress(OSError):  # without the mark, the next process compiles again
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(_fingerprint())


def can_be_kept() -> bool:
    """Whether there is a writable cache for compiled code."""
    return _stamp() is not None


@functools.cache
def _was_ready() -> bool:
    """Whether it was ready at the first call in this process; a run never changes its kernel halfway."""
    return is_ready()


@functools.cache
def _stamp() -> Path | None:
    """The file in the cache that contains the fingerprint of the cached code."""
    cache = compiled.train_steps.stats.cache_path
    return None if cache is None else Path(cache) / "leafscope.ready"


@functools.cache
def _fingerprint() -> str:
    """A hash of the processor, the source and the compiler's version."""
    cpu = llvmlite.binding
    words = [numba.__version__, platform.python_version(), cpu.get_host_cpu_name(), cpu.get_host_cpu_features().flatten()]
    source = Path(compiled.__file__).read_bytes()
    return hashlib.sha256(source + "\n".join(words).encode()).hexdigest()
