"""Steps of a batched net as CUDA graphs: a step of small nets is hundreds of small kernels, whose starts take longest.

A graph records the kernels of a step once and starts them all with one call. There is one for each number of rows (a last batch
is smaller). On other devices, steps are computed as they are.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from leafscope.core.training.batched_net import BatchedNet

EAGER = 3
"""Steps of a shape before it is recorded: recording must not compile kernels nor reserve a library's memory."""


Given: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
"""The arguments of `BatchedNet.step`."""


@dataclass(frozen=True)
class _Graph:
    graph: "torch.cuda.CUDAGraph"
    inputs: Given


class Replayed:
    """Trains steps of a net, from the fourth step of a shape on as the replay of a CUDA graph."""

    def __init__(self, net: BatchedNet) -> None:
        self._net = net
        self._seen: dict[int, int] = {}
        self._graphs: dict[int, _Graph] = {}
        self._beside: torch.cuda.Stream | None = None

    def step(self, x: Tensor, y: Tensor, rate: Tensor, noise: Tensor | None = None, weight: Tensor | None = None) -> None:
        """Train one step; see `BatchedNet.step`."""
        if not x.is_cuda:
            self._net.step(x, y, rate, noise, weight)
            return
        key = x.shape[1]
        given = (x, y, rate, noise, weight)
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen <= EAGER:
            self._eager(given)
            return
        if key not in self._graphs:
            self._graphs[key] = self._recorded(given)
        graph = self._graphs[key]
        for buffer, values in zip(graph.inputs, given, strict=True):
            if buffer is not None and values is not None:
                buffer.copy_(values)
        graph.graph.replay()

    def _eager(self, given: Given) -> None:
        """Compute a step on a stream of its own, as what is recorded later must have been."""
        main = torch.cuda.current_stream(given[0].device)
        if self._beside is None:
            self._beside = torch.cuda.Stream(given[0].device)
        self._beside.wait_stream(main)
        with torch.cuda.stream(self._beside):
            self._net.step(*given)
        main.wait_stream(self._beside)

    def _recorded(self, given: Given) -> _Graph:
        """Record a step, which computes nothing yet."""
        x, y, rate, *others = given
        noise, weight = (None if values is None else values.clone() for values in others)
        inputs = x.clone(), y.clone(), rate.clone(), noise, weight
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(inputs[0].device), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._net.step(*inputs)
        return _Graph(graph, inputs)
