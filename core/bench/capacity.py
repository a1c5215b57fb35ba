"""The time cost of capacity: a tree layer against a dense layer of equal computation and one of equal capacity.

N rows · P = Q = 64 features in and out · K depth · L = 2^K leaves · V = 2^(K+1) - 1 nodes · T touched nodes.
Training step: signs of the gates, forward, backward (also to the input), AdamW. Inference: signs and collapsed matrices.
The dense layer of equal computation is `nn.Linear(P, Q)`; the one of equal capacity is square and has as many parameters as
the tree. Different batches alternate, so the matrices of the previous call are not in the cache.
Capacity-time ratio: parameters over those of the dense layer, divided by time over its time; parameters are the stored
ones in training and the distinct ones (L matrices) at inference.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from leafscope.core.bench import FEATURES
from leafscope.core.bench.collapsed import CollapsedLinear
from leafscope.core.bench.timing import Timings, bandwidth, interleaved
from leafscope.core.kernels import read_leaves, readiness, reference
from leafscope.core.kernels.row_order import make_plan
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.tree import TreeLinear

DEPTHS = (0, 2, 4, 6, 8, 10, 12)
ROWS = (1, 64, 1024, 4096)
TRAINING_PASSES = 7
"""Transfers of a touched matrix in a step: one read forward; a read and a write of it and both moments backward."""
LARGEST_DENSE = 30e9
"""Multiply-adds of a step above which the dense layer of equal capacity is not timed, since it would take seconds."""
OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-4


def run(
    depths: Sequence[int] = DEPTHS, rows: Sequence[int] = ROWS, rounds: int = 7, seconds: float = 0.03, device: str = "cpu"
) -> list[dict[str, Any]]:
    """Time training and inference for each depth and number of rows; returns rows of JSON values.

    Keys: `phase` (training, straight_through, inference), `depth`, `rows`, `milliseconds`, `dense_milliseconds`,
    `against_dense` (ratio within the rounds), `capacity_time_ratio`, `same_batch_ratio` (the capacity-time ratio if one batch
    is repeated and its matrices stay in the cache; inference only), `parameters`, `against_equal_capacity` (time divided by
    that of the dense layer of equal capacity, None if not timed), `against_none` (a straight-through step divided by a step
    without), `touched_bytes`, `roofline_share` (time to transfer the touched bytes divided by the measured time; above 1:
    they came from a cache; None on a GPU), `error` (largest deviation from the reference, relative to the largest entry, of
    the output, the gradients and the moments after the timed step). Raises ValueError if the error exceeds 1e-5, or 1e-4
    for accumulated gradients and moments.
    """
    torch.manual_seed(0)
    bytes_per_second = bandwidth(3) if device == "cpu" else math.nan
    results = []
    for depth in depths:
        layer = _layer(depth, device)
        for n in rows:
            batches = [_batch(n, depth, device) for _ in range(max(4, 4096 // n))]
            error = _check_step(layer, batches[0])
            collapsed = CollapsedLinear(layer)
            inference_error = _check_inference(layer, collapsed, batches[0])
            results.append(_training(layer, batches, rounds, seconds, bytes_per_second) | {"error": error})
            if depth == 4 and n == 1024:
                straight = _training(layer, batches, rounds, seconds, bytes_per_second, straight=True)
                results.append(straight | {"error": _check_step(layer, batches[0], straight_through=True)})
            results.append(
                _inference(layer, collapsed, batches, rounds, seconds, bytes_per_second) | {"error": inference_error}
            )
    return results


Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs (N, P), gating pre-activations (N, K), gradients at the output (N, Q)."""


def _batch(n: int, depth: int, device: str) -> Batch:
    z = torch.randn(n, FEATURES, device=device)
    return z.relu(), z[:, :depth].contiguous(), torch.randn(n, FEATURES, device=device)


def _layer(depth: int, device: str) -> TreeLinear:
    layer = TreeLinear(FEATURES, FEATURES, depth, sparse=True)
    with torch.no_grad():
        for table in layer.parameters():
            table.normal_(0.0, 0.1)
    return layer.to(device)


class _Step:
    """A training step of a copy of the layer: signs, forward, backward, AdamW."""

    def __init__(self, layer: TreeLinear, straight_through: bool = False) -> None:
        self.layer = TreeLinear(FEATURES, FEATURES, layer.depth, sparse=True).to(layer.weight.device)
        self.layer.load_state_dict(layer.state_dict())
        self.optimizer = LazyAdamW(parameter_groups(self.layer, 0.01, 1.0), lr=1e-4)
        self.optimizer.start_state()
        if readiness.usable():
            self.optimizer.fuse(self.layer)
        self.straight_through = straight_through

    def __call__(self, batch: Batch) -> list[Tensor | None]:
        """Do the step; return the output and the gradients of the input and of the gates."""
        x, gate, gradient = batch
        x = x.detach().requires_grad_()
        if self.straight_through:
            gate = gate.detach().requires_grad_()
        y = self.layer(x, read_leaves(gate), gate if self.straight_through else None)
        y.backward(gradient)
        if self.layer.update is None:
            self.optimizer.step()
            self.optimizer.zero_grad()
        return [y.detach(), x.grad, gate.grad]

    def moments(self) -> list[Tensor]:
        """Return AdamW's moments of matrices and biases: after one step, the scaled gradients and their scaled squares."""
        return [self.optimizer.state[table][name] for table in self.layer.parameters() for name in ("exp_avg", "exp_avg_sq")]


def _dense_step(n_in: int, n_out: int, device: str) -> Callable[[Batch], None]:
    layer = nn.Linear(n_in, n_out).to(device)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-4, weight_decay=0.01, fused=True)

    def step(batch: Batch) -> None:
        x, _, gradient = batch
        layer(x.detach().requires_grad_()).backward(gradient)
        optimizer.step()
        optimizer.zero_grad()

    return step


def _training(
    layer: TreeLinear, batches: list[Batch], rounds: int, seconds: float, bytes_per_second: float, straight: bool = False
) -> dict[str, Any]:
    device = str(layer.weight.device)
    n = len(batches[0][0])
    calls = {
        "tree": _turns(_Step(layer, straight), batches),
        "dense": _turns(_dense_step(FEATURES, FEATURES, device), batches),
    }
    if straight:
        calls["none"] = _turns(_Step(layer), batches)
    parameters = sum(table.numel() for table in layer.parameters())
    width = round(FEATURES * math.sqrt(layer.n_nodes))
    fits = 3 * n * width * width <= LARGEST_DENSE
    if fits and layer.depth > 0 and not straight:
        wide = [(torch.randn(n, width, device=device), x, torch.randn(n, width, device=device)) for x, _, _ in batches[:2]]
        calls["equal_capacity"] = _turns(_dense_step(width, width, device), wide)
    timings = interleaved(calls, rounds, seconds)
    touched = [len(make_plan(read_leaves(gate), layer.depth, True).nodes) for _, gate, _ in batches[:8]]
    touched_bytes = 4 * parameters / layer.n_nodes * sum(touched) / len(touched)
    return {
        "phase": "straight_through" if straight else "training",
        "depth": layer.depth,
        "rows": n,
        **_times(timings, layer.n_nodes),
        "same_batch_ratio": None,
        "parameters": parameters,
        "against_none": timings.ratio("tree", "none") if straight else None,
        "touched_bytes": touched_bytes,
        "roofline_share": _share(TRAINING_PASSES * touched_bytes, bytes_per_second, timings.median("tree")),
    }


def _inference(
    layer: TreeLinear, collapsed: CollapsedLinear, batches: list[Batch], rounds: int, seconds: float, bytes_per_second: float
) -> dict[str, Any]:
    device = str(layer.weight.device)
    n = len(batches[0][0])
    dense = nn.Linear(FEATURES, FEATURES).to(device)
    width = round(FEATURES * math.sqrt(layer.n_leaves))
    calls: dict[str, Callable[[], None]] = {
        "tree": _turns(lambda batch: collapsed(batch[0], batch[1]), batches),
        "again": _turns(lambda batch: collapsed(batch[0], batch[1]), batches[:1]),
        "dense": _turns(lambda batch: dense(batch[0]), batches),
    }
    if layer.depth > 0 and n * width * width <= LARGEST_DENSE:
        equal = nn.Linear(width, width).to(device)
        wide = torch.randn(n, width, device=device)
        calls["equal_capacity"] = _turns(lambda batch: equal(wide), batches[:1])
    with torch.inference_mode():
        timings = interleaved(calls, rounds, seconds)
    leaves = [len(read_leaves(gate).unique()) for _, gate, _ in batches[:8]]
    touched_bytes = 4 * (FEATURES + 1) * FEATURES * sum(leaves) / len(leaves)
    return {
        "phase": "inference",
        "depth": layer.depth,
        "rows": n,
        **_times(timings, layer.n_leaves),
        "same_batch_ratio": layer.n_leaves / timings.ratio("again", "dense"),
        "parameters": layer.n_leaves * (FEATURES + 1) * FEATURES,
        "against_none": None,
        "touched_bytes": touched_bytes,
        "roofline_share": _share(touched_bytes, bytes_per_second, timings.median("tree")),
    }


def _times(timings: Timings, capacity: int) -> dict[str, float | None]:
    """Compute the time entries of a row; `capacity` is the ratio of parameters to those of the dense layer."""
    against = timings.ratio("tree", "dense")
    return {
        "milliseconds": 1e3 * timings.median("tree"),
        "dense_milliseconds": 1e3 * timings.median("dense"),
        "against_dense": against,
        "capacity_time_ratio": capacity / against,
        "against_equal_capacity": timings.ratio("tree", "equal_capacity") if "equal_capacity" in timings.seconds else None,
    }


def _turns(call: Callable[[Batch], object], batches: list[Batch]) -> Callable[[], None]:
    """Make a function that calls with the next batch each time; on a GPU it waits for the result."""
    endless: Iterator[Batch] = itertools.cycle(batches)
    on_gpu = batches[0][0].device.type == "cuda"

    def turn() -> None:
        call(next(endless))
        if on_gpu:
            torch.cuda.synchronize()

    return turn


def _check_step(layer: TreeLinear, batch: Batch, straight_through: bool = False) -> float:
    """Compare a step with the reference and return the largest relative deviation. Raises ValueError."""
    fast = _Step(layer, straight_through)
    outputs = fast(batch)
    with readiness.reference_only():
        slow = _Step(layer, straight_through)
        wanted = slow(batch)
    what = f"depth {layer.depth} with {len(batch[0])} rows"
    errors = [
        _hold(f"a step at {what}", _deviation(mine, theirs), OUTPUT_TOLERANCE)
        for mine, theirs in zip(outputs, wanted, strict=True)
        if mine is not None and theirs is not None and theirs.numel()
    ]
    errors += [
        _hold(f"moments after a step at {what}", _deviation(mine, theirs), GRADIENT_TOLERANCE)
        for mine, theirs in zip(fast.moments(), slow.moments(), strict=True)
    ]
    return max(errors)


def _check_inference(layer: TreeLinear, collapsed: CollapsedLinear, batch: Batch) -> float:
    x, gate, _ = batch
    with torch.no_grad():
        y = reference.leaf_linear(x, read_leaves(gate), layer.weight, layer.bias, layer.depth, True)
    return _hold(f"inference at depth {layer.depth} with {len(x)} rows", _deviation(collapsed(x, gate), y), OUTPUT_TOLERANCE)


def _deviation(found: Tensor, wanted: Tensor) -> float:
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


def _hold(what: str, error: float, most: float) -> float:
    if not error <= most:
        raise ValueError(f"{what} must agree with the reference to {most:g}, got {error:.2g}")
    return error


def _share(touched_bytes: float, bytes_per_second: float, seconds: float) -> float | None:
    return None if math.isnan(bytes_per_second) else touched_bytes / bytes_per_second / seconds
