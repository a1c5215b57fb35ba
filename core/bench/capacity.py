"""The time cost of capacity: a tree layer against a dense layer of equal computation and one of equal capacity.

N rows · P = Q = 64 features in and out · K depth · L = 2^K leaves · V = 2^(K+1) - 1 nodes · T touched nodes.
Training step: signs of the gates, forward, backward (also to the input), AdamW. Inference: signs and collapsed matrices.
The dense layer of equal computation is `nn.Linear(P, Q)`; the one of equal capacity is square and has as many parameters as
the tree. Different batches alternate, so the matrices of the previous call are not in the cache. Dense layers have one thread
or all, whichever is faster; the tree layer has all, as in training.
Capacity-time ratio: parameters over those of the dense layer, divided by time over its time; parameters are the stored
ones in training and the distinct ones (L matrices) at inference.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from leafscope.core.bench import FEATURES
from leafscope.core.bench.collapsed import CollapsedLinear
from leafscope.core.bench.timing import Budget, OutOfTime, Timings, Window, copying, interleaved, torch_threads, with_threads
from leafscope.core.kernels import read_leaves, readiness, reference
from leafscope.core.kernels.row_order import make_plan
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.tree import TreeLinear

DEPTHS = (0, 2, 4, 6, 8, 10, 12)
ROWS = (1, 64, 1024, 4096)
TRAINING_PASSES = 7
"""Transfers of a touched matrix in a step: one read forward; a read and a write of it and both moments backward."""
TABLES = 3
"""Arrays that a training step touches for each matrix: it and both moments."""
LARGEST_DENSE = 30e9
"""Multiply-adds of a step above which the dense layer of equal capacity is not timed, since it would take seconds."""
PATIENCE = 10.0
"""Seconds during which unsteady rows are measured again, without a budget."""
OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-4


@dataclass(frozen=True)
class Effort:
    """How thoroughly a row is measured."""

    rounds: int = 15
    seconds: float = 0.02
    largest_dense: float = LARGEST_DENSE
    checked_rows: int | None = None
    """Compare so many rows with the reference, only of the first batch of a depth; None: all rows, of every batch."""


QUICK = Effort(rounds=21, seconds=0.001, largest_dense=1e9, checked_rows=64)


def run(
    depths: Sequence[int] = DEPTHS,
    rows: Sequence[int] = ROWS,
    effort: Effort = Effort(),
    budget: Budget | None = None,
    device: str = "cpu",
) -> list[dict[str, Any]]:
    """Time training and inference for each depth and number of rows; returns rows of JSON values, depths rising.

    Keys: `phase` (training, straight_through, inference), `depth`, `rows`, `milliseconds`, `dense_milliseconds`,
    `dense_threads`, `against_dense` (ratio within the rounds), `capacity_time_ratio`, `spread` (the largest interquartile
    range over the median of the row's ratios), `unstable` (whether that is more than `timing.STEADY`, also when measured
    again), `same_batch_ratio` (the capacity-time ratio if one batch is repeated and its matrices stay in the cache; inference
    only), `parameters`, `against_equal_capacity` (time divided by that of the dense layer of equal capacity, None if not
    timed), `against_none` (a straight-through step divided by a step without), `touched_bytes`, `bandwidth` (of a copy that
    touches as many bytes as the step, in the same rounds; bytes read and written), `roofline_share` (time to transfer the
    touched bytes at that rate divided by the measured time; None on a GPU, as the bandwidth), `error` (largest deviation from
    the reference, relative to the largest entry, of the output, the gradients and the moments after the timed step; None if
    not compared). Rows are measured in the order of the arguments until the budget ends, which then names the others. Raises
    ValueError if the error exceeds 1e-5, or 1e-4 for accumulated gradients and moments.
    """
    torch.manual_seed(0)
    budget = budget or Budget()
    planned = [(depth, n, phase) for depth in depths for n in rows for phase in _phases(depth, n)]
    results: list[dict[str, Any]] = []
    made: _Made | None = None
    for place, (depth, n, phase) in enumerate(planned):
        window = budget.part(len(planned) - place, PATIENCE)
        try:
            budget.check()
            if made is None or made.layer.depth != depth:
                made = None  # the memory of the last layer is free before the next is made
                made = _Made(_layer(depth, device))
            if len(made.batches[0][0]) != n:
                made.batches = [_batch(n, depth, device) for _ in range(max(4, 4096 // n))]
            timed = _Timed(effort, window, budget)
            x, gate, gradient = (part[: effort.checked_rows] for part in made.batches[0])
            skipped = effort.checked_rows is not None and phase in made.checked
            made.checked.add(phase)
            error = None
            if phase == "inference":
                if not skipped:
                    error = _check_inference(made.layer, made.collapsed, (x, gate, gradient))
                row = _inference(made.collapsed, made.batches, timed)
            else:
                if not skipped:
                    error = _check_step(made.layer, (x, gate, gradient), phase == "straight_through", budget)
                row = _training(made.layer, made.batches, timed, phase == "straight_through")
            results.append(row | {"error": error})
        except OutOfTime:
            budget.left_out.append(f"{phase.replace('_', '-')}, K = {depth}, N = {n}")
    return sorted(results, key=lambda row: (row["depth"], row["rows"]))


def _phases(depth: int, n: int) -> list[str]:
    straight = ["straight_through"] if (depth, n) == (4, 1024) else []
    return ["training", *straight, "inference"]


Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs (N, P), gating pre-activations (N, K), gradients at the output (N, Q)."""


class _Made:
    """A layer, and the batches that it was last timed with."""

    def __init__(self, layer: TreeLinear) -> None:
        self.layer = layer
        self.collapsed = CollapsedLinear(layer)
        self.checked: set[str] = set()
        self.batches: list[Batch] = [_batch(0, layer.depth, str(layer.weight.device))]


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


@dataclass(frozen=True)
class _Timed:
    """Times the functions of one row."""

    effort: Effort
    window: Window
    budget: Budget

    def __call__(
        self, calls: dict[str, Callable[[], object]], dense: dict[str, Callable[[], object]], touched_bytes: float, device: str
    ) -> tuple[Timings, int, float | None]:
        """Time the functions, with a copy of as many bytes.

        Dense layers are timed with each number of threads, and count with the faster. Returns the times, the threads of the
        one of equal computation, and the bytes of the copy.
        """
        most = torch.get_num_threads()
        moved = None
        if device == "cpu":
            calls["copy"], moved = copying(touched_bytes)
        variants = {name: with_threads(name) for name in dense}
        setup = {name: partial(torch.set_num_threads, most) for name in calls}
        for name, numbers in variants.items():
            calls |= dict.fromkeys(numbers, dense[name])
            setup |= {variant: partial(torch.set_num_threads, number) for variant, number in numbers.items()}
        with torch_threads(most):
            timings = interleaved(
                calls,
                self.effort.rounds,
                self.effort.seconds,
                setup,
                ratios=_ratios([*calls, *dense]),
                variants=variants,
                window=self.window,
                budget=self.budget,
            )
        return timings, variants["dense"][timings.fastest(variants["dense"])], moved


def _ratios(calls: Iterable[str]) -> list[tuple[str, str]]:
    """List the ratios of a row whose spread counts."""
    pairs = [("tree", "dense"), ("again", "dense"), ("tree", "none"), ("tree", "equal_capacity")]
    return [pair for pair in pairs if set(pair) <= set(calls)]


def _training(layer: TreeLinear, batches: list[Batch], timed: _Timed, straight: bool = False) -> dict[str, Any]:
    device = str(layer.weight.device)
    n = len(batches[0][0])
    calls: dict[str, Callable[[], object]] = {"tree": _turns(_Step(layer, straight), batches)}
    dense: dict[str, Callable[[], object]] = {"dense": _turns(_dense_step(FEATURES, FEATURES, device), batches)}
    if straight:
        calls["none"] = _turns(_Step(layer), batches)
    parameters = sum(table.numel() for table in layer.parameters())
    width = round(FEATURES * math.sqrt(layer.n_nodes))
    fits = 3 * n * width * width <= timed.effort.largest_dense
    if fits and layer.depth > 0 and not straight:
        wide = [(torch.randn(n, width, device=device), x, torch.randn(n, width, device=device)) for x, _, _ in batches[:2]]
        dense["equal_capacity"] = _turns(_dense_step(width, width, device), wide)
    touched = [len(make_plan(read_leaves(gate), layer.depth, True).nodes) for _, gate, _ in batches[:8]]
    touched_bytes = 4 * parameters / layer.n_nodes * sum(touched) / len(touched)
    timings, dense_threads, moved = timed(calls, dense, TABLES * touched_bytes, device)
    return {
        "phase": "straight_through" if straight else "training",
        "depth": layer.depth,
        "rows": n,
        **_times(timings, dense_threads, layer.n_nodes),
        "same_batch_ratio": None,
        "parameters": parameters,
        "against_none": timings.ratio("tree", "none") if straight else None,
        "touched_bytes": touched_bytes,
        **_share(timings, TRAINING_PASSES * touched_bytes, moved),
    }


def _inference(collapsed: CollapsedLinear, batches: list[Batch], timed: _Timed) -> dict[str, Any]:
    device = str(collapsed.weight.device)
    n = len(batches[0][0])
    n_leaves = 2**collapsed.depth
    linear = nn.Linear(FEATURES, FEATURES).to(device)
    width = round(FEATURES * math.sqrt(n_leaves))
    calls: dict[str, Callable[[], object]] = {
        "tree": _turns(lambda batch: collapsed(batch[0], batch[1]), batches),
        "again": _turns(lambda batch: collapsed(batch[0], batch[1]), batches[:1]),
    }
    dense: dict[str, Callable[[], object]] = {"dense": _turns(lambda batch: linear(batch[0]), batches)}
    if collapsed.depth > 0 and n * width * width <= timed.effort.largest_dense:
        equal = nn.Linear(width, width).to(device)
        wide = torch.randn(n, width, device=device)
        dense["equal_capacity"] = _turns(lambda batch: equal(wide), batches[:1])
    leaves = [len(read_leaves(gate).unique()) for _, gate, _ in batches[:8]]
    touched_bytes = 4 * (FEATURES + 1) * FEATURES * sum(leaves) / len(leaves)
    with torch.inference_mode():
        timings, dense_threads, moved = timed(calls, dense, touched_bytes, device)
    return {
        "phase": "inference",
        "depth": collapsed.depth,
        "rows": n,
        **_times(timings, dense_threads, n_leaves),
        "same_batch_ratio": n_leaves / timings.ratio("again", "dense"),
        "parameters": n_leaves * (FEATURES + 1) * FEATURES,
        "against_none": None,
        "touched_bytes": touched_bytes,
        **_share(timings, touched_bytes, moved),
    }


def _times(timings: Timings, dense_threads: int, capacity: int) -> dict[str, Any]:
    """Compute the time entries of a row; `capacity` is the ratio of parameters to those of the dense layer."""
    against = timings.ratio("tree", "dense")
    ratios = _ratios(timings.seconds)
    return {
        "milliseconds": 1e3 * timings.median("tree"),
        "dense_milliseconds": 1e3 * timings.median("dense"),
        "dense_threads": dense_threads,
        "against_dense": against,
        "capacity_time_ratio": capacity / against,
        "spread": timings.largest_spread(ratios),
        "unstable": timings.unstable(ratios),
        "against_equal_capacity": timings.ratio("tree", "equal_capacity") if "equal_capacity" in timings.seconds else None,
    }


def _share(timings: Timings, transferred: float, moved: float | None) -> dict[str, float | None]:
    """Compute a row's share of the bandwidth from a copy that moves so many bytes, timed in the same rounds."""
    if moved is None:
        return {"bandwidth": None, "roofline_share": None}
    return {
        "bandwidth": moved / timings.median("copy"),
        "roofline_share": transferred / moved * timings.ratio("copy", "tree"),
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


def _check_step(layer: TreeLinear, batch: Batch, straight_through: bool, budget: Budget) -> float:
    """Compare a step with the reference and return the largest relative deviation. Raises ValueError."""
    fast = _Step(layer, straight_through)
    outputs = fast(batch)
    budget.check()
    with readiness.reference_only(), torch_threads(1):  # many small products, which more threads only slow down
        slow = _Step(layer, straight_through)
        wanted = slow(batch)
    budget.check()
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
    with torch.no_grad(), torch_threads(1):
        y = reference.leaf_linear(x, read_leaves(gate), layer.weight, layer.bias, layer.depth, True)
    return _hold(f"inference at depth {layer.depth} with {len(x)} rows", _deviation(collapsed(x, gate), y), OUTPUT_TOLERANCE)


def _deviation(found: Tensor, wanted: Tensor) -> float:
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


def _hold(what: str, error: float, most: float) -> float:
    if not error <= most:
        raise ValueError(f"{what} must agree with the reference to {most:g}, got {error:.2g}")
    return error
