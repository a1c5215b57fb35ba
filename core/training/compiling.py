"""Compiling the training code, in this process or in a separate one."""

import os
import subprocess
import sys

import numpy as np
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.device import n_cores
from leafscope.core.kernels import cpu, readiness
from leafscope.core.training.trainer import Trainer
from leafscope.core.tree import TreeLinear


def make_ready() -> None:
    """Compile or load the code for training and evaluation; takes seconds, the first time about half a minute."""
    for part in PARTS.values():
        part()
    readiness.note_loaded()


def _training() -> None:
    _tiny()._train_epoch()


def _the_rest() -> None:
    next(_tiny().epochs())
    layer = TreeLinear(2, 3, 1)
    gate = torch.zeros(4, 1, requires_grad=True)
    with cpu.ranges(2):
        cpu.leaf_linear(torch.ones(4, 2), torch.arange(4) % 2, layer.weight, layer.bias, 1, True, gate, True).sum().backward()
    cpu.read_leaves(gate)
    for rows in (1, 5):
        cpu.infer(torch.ones(rows, 2), torch.ones(rows, 1), np.zeros((2, 2, 3), np.float32), np.zeros((2, 3), np.float32))


PARTS = {"training": _training, "rest": _the_rest}
"""What is compiled, in two parts that take about as long, so that two processes can compile them."""


def _tiny() -> Trainer:
    train = TrainConfig(epochs=1, device="cpu", batch_size=64)
    return Trainer(RunConfig(data=DataConfig(name="iris"), net=NetConfig(depth=1, width=2), train=train), compiled=True)


def start_making_ready(part: str = "") -> "subprocess.Popen[bytes]":
    """Compile all, or one of PARTS, in a separate process, which ends with this one."""
    command = [sys.executable, "-P", "-m", "leafscope.core.training.compile_ahead", str(os.getpid()), *filter(None, [part])]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def make_ready_by_two() -> None:
    """Compile with a second process beside this one, where there is a second core."""
    if n_cores() > 1:
        other = start_making_ready("rest")
        PARTS["training"]()
        other.wait()
    make_ready()  # loads what the other has compiled, or compiles it if that failed
