"""What `tests.tools.gpu` times: a tree layer with K = 10, N = 4096, P = Q = 256, a dense one, a copy, and whole nets."""

import contextlib
from collections.abc import Callable
from typing import Any


class Layers:
    """A tree layer, a dense one, a copy and nets, all on the device."""

    def __init__(self, device: str, quick: bool) -> None:
        import torch

        from leafscope.core.bench.capacity import TRAINING_PASSES
        from leafscope.core.kernels import read_leaves
        from leafscope.core.kernels.row_order import make_plan
        from leafscope.core.optim import LazyAdamW, parameter_groups
        from leafscope.core.tree import TreeLinear

        torch.manual_seed(0)
        self.depth, self.n, self.width = (3, 64, 16) if quick else (10, 4096, 256)
        self.device = device
        with torch.device(device):
            self.x, self.slope = torch.randn(self.n, self.width), torch.randn(self.n, self.width)
            self.gate = torch.randn(self.n, self.depth)
            self.dense = torch.nn.Linear(self.width, self.width)
            values = 1 << (16 if quick else 28)
            self._source, self._target = torch.ones(values), torch.zeros(values)
        self.tree = TreeLinear(self.width, self.width, self.depth, sparse=True).to(device)
        with torch.no_grad():
            for table in self.tree.parameters():
                table.normal_(0.0, 0.05)
        self._optimizer = LazyAdamW(parameter_groups(self.tree, 0.01, 1.0), lr=1e-4)
        self._optimizer.start_state()
        on_gpu = device != "cpu"
        self._dense_optimizer = torch.optim.AdamW(
            self.dense.parameters(), lr=1e-4, weight_decay=0.01, fused=True, capturable=on_gpu
        )
        self.leaf = read_leaves(self.gate)
        self._weight, self._bias = self.tree.leaf_weight().detach(), self.tree.leaf_bias()
        plan = make_plan(self.leaf, self.depth, True)
        matrix = 4 * self.width * (self.width + 1)
        self.step_bytes = TRAINING_PASSES * matrix * len(plan.nodes)
        self.inference_bytes = matrix * len(plan.levels[-1].rows) + 2 * self.x.nbytes
        self.copied_bytes = 2 * self._source.nbytes

    def tree_step(self) -> None:
        """Read signs, compute forward and backward, also to the input, and update the touched nodes."""
        from leafscope.core.kernels import read_leaves

        x = self.x.detach().requires_grad_()
        self.tree(x, read_leaves(self.gate)).backward(self.slope)
        self._optimizer.step()
        self._optimizer.zero_grad()

    def dense_step(self) -> None:
        """Compute forward and backward, also to the input, and update."""
        x = self.x.detach().requires_grad_()
        self.dense(x).backward(self.slope)
        self._dense_optimizer.step()
        self._dense_optimizer.zero_grad()

    def tree_inference(self) -> Any:
        """Multiply each row by the collapsed matrix of its leaf."""
        import torch

        from leafscope.core.kernels import leaf_linear, read_leaves

        with torch.no_grad():
            return leaf_linear(self.x, read_leaves(self.gate), self._weight, self._bias, self.depth, False)

    def dense_inference(self) -> None:
        """Multiply each row by one matrix."""
        import torch

        with torch.no_grad():
            self.dense(self.x)

    def copy(self) -> None:
        """Copy within the device's memory."""
        self._target.copy_(self._source)

    def check(self) -> None:
        """See that the layer's output and gradients are those of the reference."""
        import torch

        from leafscope.core.kernels import readiness

        results = []
        for path in (contextlib.nullcontext, readiness.reference_only):
            with path():
                x = self.x.detach().requires_grad_()
                y = self.tree(x, self.leaf)
                *tables, dx = torch.autograd.grad(y, [self.tree.weight, x], self.slope)
                results.append([y.detach(), dx, *(table.coalesce().values() for table in tables)])
                results[-1].append(self.tree_inference())
        for mine, theirs in zip(*results, strict=True):
            error = ((mine - theirs).abs().max() / theirs.abs().max()).item()
            if not error <= 1e-4:
                raise SystemExit(f"the layer must agree with the reference to 1e-4, got {error:.2g}")

    def net_step(self, kind: str) -> Callable[[], None]:
        """Make a step of one whole net, which on a GPU is the replay of a CUDA graph."""
        import torch

        from leafscope.core.config import NetConfig
        from leafscope.core.models import build_net
        from leafscope.core.optim import LazyAdamW, parameter_groups
        from leafscope.core.training.batched_net import BatchedNet
        from leafscope.core.training.replayed import Replayed

        net = build_net(NetConfig(kind=kind, depth=self.depth, width=self.width), self.width, 10, 0).to(self.device)
        optimizer = LazyAdamW(parameter_groups(net, 0.01, 1.0), lr=1e-4)
        optimizer.start_state()
        run = Replayed(BatchedNet([(net, optimizer)], "none"))
        x, y = self.x.unsqueeze(0), torch.zeros(1, self.n, dtype=torch.int64, device=self.device)
        rate = torch.full((1,), 1e-4, dtype=torch.float64, device=self.device)
        return lambda: run.step(x, y, rate)

    def graphed(self, call: Callable[[], object]) -> Callable[[], object]:
        """Record a call as a CUDA graph."""
        import torch

        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                call()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()
        return graph.replay
