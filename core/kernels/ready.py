"""Whether the compiled code is ready, and making it so.

The first compilation on a machine takes about half a minute; it is kept in numba's cache and is loaded in seconds from
then on. A program with people in front of it calls `wait_for_nobody`, or sets LEAFSCOPE_COMPILE=ahead before it imports
this: it uses the reference path until a process of its own has compiled and `make_ready` has loaded that, at a moment of
its choice, and the compiled one from then on.
"""

import contextlib
import functools
import hashlib
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
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


def can_be_kept() -> bool:
    """Whether there is a place to keep what is compiled."""
    return _stamp() is not None


def make_ready() -> None:
    """Compile everything that training and evaluation use, or load it; seconds, about half a minute the first time."""
    global _loaded
    import torch
    from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
    from leafscope.core.kernels import cpu
    from leafscope.core.training import Trainer
    from leafscope.core.tree import TreeLinear

    train = TrainConfig(epochs=1, device="cpu", batch_size=64)
    tiny = RunConfig(data=DataConfig(name="iris"), net=NetConfig(depth=1, width=2), train=train)
    for _ in Trainer(tiny, compiled=True).epochs():
        pass
    layer = TreeLinear(2, 3, 1)
    gate = torch.zeros(4, 1, requires_grad=True)
    with cpu.ranges(2):
        cpu.leaf_linear(torch.ones(4, 2), torch.arange(4) % 2, layer.weight, layer.bias, 1, True, gate, True).sum().backward()
    cpu.read_leaves(gate)
    cpu.infer(torch.ones(1, 2), torch.ones(1, 1), layer.leaf_weight().detach().numpy(), np.zeros((2, 3), np.float32))
    _loaded = True
    if (stamp := _stamp()) is not None:
        with contextlib.suppress(OSError):  # then it is compiled again next time
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(_fingerprint())


def start_making_ready() -> "subprocess.Popen[bytes]":
    """Compile in a process of its own, which ends with this one."""
    command = [sys.executable, "-P", "-m", "leafscope.core.compile_ahead", str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


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
