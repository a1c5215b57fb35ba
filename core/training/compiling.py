"""Compiling the training code, in this process or in a separate one."""

import os
import subprocess
import sys

import numpy as np
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.kernels import cpu, readiness
from leafscope.core.training.trainer import Trainer
from leafscope.core.tree import TreeLinear


def make_ready() -> None:
    """Compile or load the code for training and evaluation; takes seconds, the first time about half a minute."""
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
    readiness.note_loaded()


def start_making_ready() -> "subprocess.Popen[bytes]":
    """Compile in a separate process, which ends with this one."""
    command = [sys.executable, "-P", "-m", "leafscope.core.training.compile_ahead", str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)
