"""Imports what a worker needs; processes that are forked off one that did start at once."""

import importlib

import torch

from leafscope.core.training import compiling

for name in ("leafscope.app.cli", "leafscope.core.worker.__main__", "leafscope.core.worker.worker", "distributed"):
    importlib.import_module(name)
torch.set_num_threads(1)
compiling.make_ready()
