"""Whether the compiled code is ready, and making it so.

The first compilation on a machine takes about half a minute; it is kept in numba's cache and is loaded in seconds from
then on. A program with people in front of it calls `wait_for_nobody`, or sets LEAFSCOPE_COMPILE=ahead before it imports
this: it uses the reference path until a process of its own has compiled, and the compiled one from then on.
"""

import functools
import hashlib
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np

from core.kernels import compiled

_compiles_when_asked = os.environ.get("LEAFSCOPE_COMPILE") != "ahead"
_is_ready = False


def wait_for_nobody() -> None:
    """Use compiled code in this process only once it is ready, so that nobody waits for a compiler."""
    global _compiles_when_asked
    _compiles_when_asked = False


def usable() -> bool:
    """Whether compiled code is to be used now."""
    return _compiles_when_asked or is_ready()


def is_ready() -> bool:
    """Whether this code was compiled for this machine before."""
    global _is_ready
    _is_ready = _is_ready or _stamp().exists()
    return _is_ready


def make_ready() -> None:
    """Compile everything that training and evaluation use, or load it; seconds, about half a minute the first time."""
    import torch

    from core.config import DataConfig, NetConfig, RunConfig, TrainConfig
    from core.kernels import cpu
    from core.training import Trainer
    from core.tree import TreeLinear

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
    _stamp().parent.mkdir(parents=True, exist_ok=True)
    _stamp().touch()


def start_making_ready() -> "subprocess.Popen[bytes]":
    """Compile in a process of its own, which ends with this one."""
    command = f"from core.kernels import ready; ready.make_ready_for({os.getpid()})"
    return subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.DEVNULL)


def make_ready_for(parent: int) -> None:
    """Compile, and end at once when the process `parent`, which started this one, ends."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    make_ready()


@functools.cache
def _stamp() -> Path:
    """A file beside the cache that says for what was compiled; another processor, source or compiler has another name."""
    cpu = llvmlite.binding
    words = [numba.__version__, platform.python_version(), cpu.get_host_cpu_name(), cpu.get_host_cpu_features().flatten()]
    source = Path(compiled.__file__).read_bytes()
    name = hashlib.sha256(source + "\n".join(words).encode()).hexdigest()[:16]
    return Path(compiled.train_steps.stats.cache_path) / f"leafscope-{name}.ready"


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(1)
